"""The first step of an inbound object: reads an event feed page by page, or a paged list whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.mapping.program import Feed, outgoing
from engine.source.ask import FeedEnd, ask
from engine.source.items import Page, last_words, read_items
from engine.templates import RenderFault, Value
from engine.values import Refusal, RefusedItem, RunError, SourceError, is_passing

__all__ = ["Feed", "FeedEnd", "Page", "RefusedItem", "is_passing"]


def pages(feed: Feed, end: FeedEnd, cursor: Any) -> Iterator[Page]:
    """Read page after page from `cursor` (None: from the start) until one is empty or the cursor does not move.

    Raises SourceError when the source does not answer, RunError when it refuses the feed's own request, answers
    something else, or leads in a circle; the pages before stand.
    """
    cursor = feed.start if cursor is None else cursor
    circle = _Circle()
    while True:
        body = _body(feed, end, {"cursor": cursor})
        context = {**feed.shared, "body": body, "cursor": cursor}
        following = _position(feed, context)
        items = _items(feed, context, may_be_null=body is None or following is not None)
        following = cursor if following is None else following
        if items:
            yield read_items(feed, end, items, following)
        if not items or following == cursor:
            return
        circle.step(following)
        cursor = following


def listing(feed: Feed, end: FeedEnd) -> Iterator[Page]:
    """Read a paged list whole: until a page has no items, or names no following page.

    Raises SourceError and RunError as `pages`.
    """
    number, link = 1, None
    circle = _Circle()
    while True:
        position = {"page": number, "offset": (number - 1) * (feed.page_size or 0), "link": link}
        body = _body(feed, end, position)
        context = {**feed.shared, **position, "body": body}
        items = _items(feed, context, may_be_null=False)
        if not items:
            return
        yield read_items(feed, end, items, None)
        link = _position(feed, context)
        if feed.next and not link:
            return
        if feed.next:
            circle.step(link)
        number += 1


def once_more(feed: Feed, end: FeedEnd, item: Any) -> Page | None:
    """Make a page of an item that had no answer in earlier runs, asked for once; None where nobody answers."""
    try:
        return read_items(feed, end.hasty, [item], None)
    except SourceError:
        return None


def again(feed: Feed, end: FeedEnd, items: Sequence[Any], documents: Sequence[Mapping[str, Any]]) -> Page:
    """Make a page of items to be fetched once more and of documents kept from before; its cursor is None."""
    page = read_items(feed, end, items, None)
    whole = tuple(last_words([*documents, *page.documents], feed.key, ()))
    return Page(documents=whole, gone=page.gone, refused=page.refused, requests=page.requests)


class _Circle:
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


def _body(feed: Feed, end: FeedEnd, position: Mapping[str, Any]) -> Any:
    request = outgoing(feed.request, {**feed.shared, **position})
    if isinstance(request, Refusal):
        raise RunError(f"the feed's request cannot be made: {request.reason}", code="E_FEED")
    answer = ask(end, request)
    if isinstance(answer, Refusal):
        message = f"{end.asked(request)}: the source refuses the feed's request: {answer.reason}"
        raise RunError(message, code="E_FEED")
    return answer.body


def _items(feed: Feed, context: Mapping[str, Any], *, may_be_null: bool) -> list[Any]:
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


def _position(feed: Feed, context: Mapping[str, Any]) -> Any:
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
