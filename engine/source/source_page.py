"""One page of a feed or of a list: asked for, its items and where the next one begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from engine.mapping.program import Feed, outgoing
from engine.source.ask import FeedEnd, ask
from engine.templates import RenderFault, Value
from engine.values import Outgoing, Refusal, RunError


class Circle:
    """Notices a source whose pages lead in a circle, by Brent's algorithm: it remembers one place, ever further on."""

    def __init__(self) -> None:
        self._place: Any = None
        self._steps, self._limit = 0, 1

    def step(self, place: Any) -> None:
        """Go to a place. Raises RunError where the way leads round."""
        if place == self._place:
            message = f"the feed leads in a circle, it names {place!r:.100} again and again: correct `next`"
            raise RunError(f"{message}, or tell the makers of the source; what came so far is kept", code="E_FEED")
        self._steps += 1
        if self._steps == self._limit:
            self._place, self._steps, self._limit = place, 0, 2 * self._limit


def asked(feed: Feed, end: FeedEnd, position: Mapping[str, Any]) -> Any:
    """Ask for a page; its body. Raises RunError where the source refuses it."""
    answer = answered(feed, end, position)
    if isinstance(answer, Refused):
        raise RunError(f"{answer.asked}: the source refuses the feed's request: {answer.reason}", code="E_FEED")
    return answer


class Refused(NamedTuple):
    """A page that the source refuses."""

    asked: str
    reason: str
    status: int | None


def answered(feed: Feed, end: FeedEnd, position: Mapping[str, Any]) -> Any:
    """Ask for a page; its body, or that it is refused."""
    request = outgoing(feed.request, {**feed.shared, **position})
    if isinstance(request, Refusal):
        raise RunError(f"the feed's request cannot be made: {request.reason}", code="E_FEED")
    request = _with_headers(request)
    answer = ask(end, request, feed.on_status)
    if isinstance(answer, Refusal):
        return Refused(end.asked(request), answer.reason, answer.status)
    return answer.body


def _with_headers(request: Outgoing) -> Outgoing:
    """Let an absolute link that leads to the connection's own host go with its headers, as a path does."""
    link = request.url or request.path or ""
    if not link.startswith(("http://", "https://")):
        return request
    return replace(request, path=None, url=link, with_headers=True)


def items_of(feed: Feed, context: Mapping[str, Any], *, may_be_null: bool) -> list[Any]:
    """Take the items of a page; what is no list is no empty list, which would end the read as if it were whole."""
    items = _rendered(feed.items, context)
    if isinstance(items, list):
        return items
    if items is None and may_be_null:
        return []
    found = "null" if items is None else type(items).__name__
    message = f"the feed's answer is not as the mapping says: `items` gives {found} where a list is due"
    remedy = "correct `items`, or write `or []` behind it if that is how an empty page looks"
    raise RunError(f"{message}; {remedy}", code="E_FEED")


def position_of(feed: Feed, context: Mapping[str, Any]) -> Any:
    """Take where the next page begins; a number with a fraction, a list or an object is no position."""
    place = _rendered(feed.next, context) if feed.next else None
    if place is not None and type(place) not in (str, int):
        message = f"the feed's answer is not as the mapping says: `next` gives {place!r:.100}"
        remedy = "not a text or a whole number; correct `next`, or tell the makers of the source"
        raise RunError(f"{message}, {remedy}", code="E_FEED")
    return place


def _rendered(value: Value, context: Mapping[str, Any]) -> Any:
    try:
        return value.render(context)
    except RenderFault as fault:
        raise RunError(f"the feed's {fault.expression} cannot be read: {fault.reason}", code="E_FEED") from fault
