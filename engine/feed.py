"""The first step of an inbound object: reads a feed or a paged list and fetches what its items name."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from engine import jsontext
from engine.canonical import canonical
from engine.decide import SHOWN, Again, Confirm, GiveUp, Part, Reading, Refuse, Stop, Terms, decide
from engine.errors import ConfigError, RunError, SourceError
from engine.filters.messages import preview
from engine.language import Language
from engine.mapping import HttpSource, Retry
from engine.records import Answer, Answered, Key, Lost, Outgoing, Range, Refusal, Stage
from engine.requests import CompiledRequest, compile_request, outgoing
from engine.templates import RenderFault, Value

ONE = Part(range=Range(1, 1))
SERVER_ERROR = 500  # of all 5xx the one that may be the fault of what was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEnd:
    """The source, as reading sees it."""

    exchange: Callable[[Outgoing], Answer]
    retry: Retry
    workers: int
    stop: threading.Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedItem:
    """An item whose document could not be had, for a reason in the data."""

    key: Key  # the item's values, in order
    refusal: Refusal
    item: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a feed, its documents fetched."""

    documents: tuple[Mapping[str, Any], ...]
    gone: tuple[Mapping[str, Any], ...] = ()  # key columns of records that the source says exist no more
    refused: tuple[RefusedItem, ...] = ()
    cursor: Any = None  # where the next page begins
    requests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A compiled feed, or a paged list (`pages`), with what its items become."""

    request: CompiledRequest
    items: Value
    next: Value | None  # None: a list without links
    start: Any
    page_size: int | None  # None: an event feed
    removed: Value | None
    removed_key: Value
    fetch: CompiledRequest | None
    when: Value | None
    key: tuple[str, ...]
    shared: Mapping[str, Any] = field(default_factory=dict)


def compile_feed(source: HttpSource, language: Language) -> Feed:
    """Compile a feed. Raises TemplateFaults, which `validate` has found before."""
    feed, listed, fetch = source.feed, source.pages, source.fetch
    read = feed or listed
    if read is None:
        raise ConfigError("a source over HTTP has `feed` or `pages`", code="E_SOURCE_KIND")
    removed = feed.removed if feed else None
    return Feed(
        request=compile_request(read.request, language),
        items=language.lenient(read.items),
        next=language.lenient(read.next) if read.next is not None else None,
        start=feed.start if feed else None,
        page_size=listed.size if listed else None,
        removed=language.lenient(removed) if removed is not None else None,
        removed_key=language.lenient(dict(feed.key) if feed else {}),
        fetch=compile_request(fetch.request, language) if fetch else None,
        when=language.lenient(fetch.when) if fetch and fetch.when is not None else None,
        key=source.key,
        shared=language.names,
    )


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
            yield _page(feed, end, items, following)
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
        yield _page(feed, end, items, None)
        link = _position(feed, context)
        if feed.next and not link:
            return
        if feed.next:
            circle.step(link)
        number += 1


def again(feed: Feed, end: FeedEnd, items: Sequence[Any], documents: Sequence[Mapping[str, Any]]) -> Page:
    """Make a page of items to be fetched once more and of documents kept from before; its cursor is None.

    What cannot be had now either stays refused: nothing new waits behind it.
    """
    page = _page(feed, end, items, None, kept=True)
    whole = tuple(_last_words([*documents, *page.documents], feed.key, ()))
    return Page(documents=whole, gone=page.gone, refused=page.refused, requests=page.requests)


class _Circle:
    """Notices a source whose pages lead in a circle, by Brent's algorithm: it remembers one place, ever further on."""

    def __init__(self) -> None:
        self._place: Any = None
        self._steps, self._limit = 0, 1

    def step(self, place: Any) -> None:
        """Go to a place. Raises RunError where the way leads round."""
        if place == self._place:
            message = f"the feed leads in a circle: it names {place!r:.200} again and again; nothing is lost, tell its makers"
            raise RunError(message, code="E_FEED")
        self._steps += 1
        if self._steps == self._limit:
            self._place, self._steps, self._limit = place, 0, 2 * self._limit


def _body(feed: Feed, end: FeedEnd, position: Mapping[str, Any]) -> Any:
    request = outgoing(feed.request, {**feed.shared, **position})
    if isinstance(request, Refusal):
        raise RunError(f"the feed's request cannot be made: {request.reason}", code="E_FEED")
    answer = ask(end, request)
    if isinstance(answer, Refusal):
        raise RunError(f"the source refuses the feed's request {request.target}: {answer.reason}", code="E_FEED")
    return answer.body


def _items(feed: Feed, context: Mapping[str, Any], *, may_be_null: bool) -> list[Any]:
    """Take the items of a page; what is no list is no empty list, which would end the read as if it were whole."""
    items = _rendered(feed.items, context)
    if isinstance(items, list):
        return items
    if items is None and may_be_null:
        return []
    found = "null" if items is None else type(items).__name__
    message = f"the feed's answer is not as the mapping says: `items` gives {found} where a list is due; correct `items`"
    raise RunError(f"{message}, or write `or []` behind it if that is how an empty page looks", code="E_FEED")


def _position(feed: Feed, context: Mapping[str, Any]) -> Any:
    """Take where the next page begins; a number with a fraction, a list or an object is no position."""
    place = _rendered(feed.next, context) if feed.next else None
    if place is not None and type(place) not in (str, int):
        message = f"the feed's answer is not as the mapping says: `next` gives {place!r:.100}, not a text or whole number"
        raise RunError(f"{message}; correct `next`, or tell the makers of the source", code="E_FEED")
    return place


# --- items and their documents -----------------------------------------------------------------------------------


def _page(feed: Feed, end: FeedEnd, items: Sequence[Any], following: Any, *, kept: bool = False) -> Page:
    """Fetch the documents of a page's items; the last word on a key within the page stands: none of what is gone.

    An item that cannot be used is refused alone. Raises SourceError where documents cannot be had, and none can:
    the fault is not in one of them then. With `kept` such items are refused all the same.
    """
    sorted_ = _Sorted()
    for item in items:
        try:
            _sort(feed, item, sorted_)
        except RenderFault as fault:
            refusal = Refusal(stage=Stage.RENDER, reason=fault.reason, expression=fault.expression)
            sorted_.refused.append(RefusedItem(key=_item_key(item), refusal=refusal, item=item))
    asked = [(item, request) for item, request, key in sorted_.wanted.values() if key not in sorted_.gone]
    with ThreadPoolExecutor(max_workers=end.workers, thread_name_prefix="fetch") as pool:
        answers = list(pool.map(lambda pair: _fetch(end, pair[1]), asked))
    lost = [answer.error for answer in answers if isinstance(answer, _Lost)]
    if lost and not kept and not any(isinstance(answer, Mapping) for answer in answers):
        raise lost[0]
    refused = sorted_.refused
    documents = [(item, item) for item in sorted_.documents]
    for (item, _), answer in zip(asked, answers, strict=True):
        if isinstance(answer, _Lost):
            refused.append(RefusedItem(key=_item_key(item), refusal=answer.refusal, item=item))
        elif isinstance(answer, Refusal):
            refused.append(RefusedItem(key=_item_key(item), refusal=answer, item=item))
        else:
            documents.append((item, answer))
    whole = []
    for item, document in documents:
        if missing := [name for name in feed.key if document.get(name) is None]:
            refused.append(RefusedItem(key=_item_key(item), refusal=_without_key(missing), item=item))
        else:
            whole.append(document)
    return Page(
        documents=tuple(_last_words(whole, feed.key, sorted_.gone)),
        gone=tuple(sorted_.gone.values()),
        refused=tuple(refused),
        cursor=following,
        requests=len(asked) + 1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """The items of a page by what they ask for."""

    gone: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    wanted: dict[Outgoing, tuple[Any, Outgoing, Key]] = field(default_factory=dict)  # item, request, key if known
    documents: list[Mapping[str, Any]] = field(default_factory=list)
    refused: list[RefusedItem] = field(default_factory=list)


def _sort(feed: Feed, item: Any, into: _Sorted) -> None:
    """Find what one item asks for. Raises RenderFault."""
    context = {**feed.shared, "item": item}
    key: Key = ()
    if feed.removed is not None:
        named = feed.removed_key.render(context)
        key = tuple(canonical(named.get(name)) for name in feed.key)
        into.gone.pop(key, None)
        if feed.removed.render(context) is True:
            if missing := [name for name in feed.key if named.get(name) is None]:
                into.refused.append(RefusedItem(key=_item_key(item), refusal=_without_key(missing), item=item))
            else:
                into.gone[key] = named
            return
    if feed.fetch is None and isinstance(item, Mapping):
        into.documents.append(item)
    elif feed.fetch is None:
        refusal = Refusal(stage=Stage.KEY, reason=f"the item is no JSON object: {preview(item)}")
        into.refused.append(RefusedItem(key=_item_key(item), refusal=refusal, item=item))
    elif feed.when is None or feed.when.render(context) is True:
        request = outgoing(feed.fetch, context)
        if isinstance(request, Refusal):
            into.refused.append(RefusedItem(key=_item_key(item), refusal=request, item=item))
        else:
            into.wanted[request] = (item, request, key)


def _without_key(missing: Sequence[str]) -> Refusal:
    names = ", ".join(missing)
    reason = f"{names} is null or missing, and the record's key needs it: correct the mapping, or tell the makers of the source"
    return Refusal(stage=Stage.KEY, reason=reason, field=names)


def _last_words(
    documents: Sequence[Mapping[str, Any]], names: Sequence[str], gone: Collection[Key]
) -> Iterator[Mapping[str, Any]]:
    """Give of each record its last document, unless it is gone; those without a whole key are refused later."""
    keys = [tuple(canonical(document.get(name)) for name in names) for document in documents]
    last = {key: place for place, key in enumerate(keys)}
    for place, (document, key) in enumerate(zip(documents, keys, strict=True)):
        if key not in gone and (None in key or last[key] == place):
            yield document


def _item_key(item: Any) -> Key:
    values = item.values() if isinstance(item, Mapping) else [item]
    return tuple(
        jsontext.encode(each).decode() if isinstance(each, list | dict) else canonical(each) for each in values
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """A document that could not be had although its source answers."""

    error: SourceError
    refusal: Refusal


def _fetch(end: FeedEnd, request: Outgoing) -> Mapping[str, Any] | Refusal | _Lost:
    try:
        answer = ask(end, request)
    except UnreadableError as error:
        refusal = Refusal(stage=Stage.TARGET, reason=error.message[:SHOWN], status=error.status)
        return refusal if error.status != SERVER_ERROR else _Lost(error=error, refusal=refusal)
    if isinstance(answer, Refusal):
        return answer
    if not isinstance(answer.body, Mapping):
        return Refusal(stage=Stage.TARGET, reason=f"{request.target} answered no JSON object")
    return answer.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer of 2xx, read."""

    body: Any  # None: it had none


class UnreadableError(SourceError):
    """The source answers, and not this: 500, no JSON, or more than is taken in, however often it is asked."""

    def __init__(self, message: str, *, status: int | None) -> None:
        super().__init__(message, code="E_SOURCE")
        self.status = status


def ask(end: FeedEnd, request: Outgoing) -> Told | Refusal:
    """Ask the source, trying again as the connection says; a Refusal when the answer speaks of this request alone.

    Raises SourceError when attempts are used up (UnreadableError where it may be for the data's sake), TargetError
    when credentials are refused, RunError for a redirect.
    """
    part, terms = ONE, Terms(creates=False, retry=end.retry)
    while True:
        answer = end.exchange(request)
        body, fault = _decoded(answer)
        decision = decide(answer, Reading(fault=fault), part, terms, random.random())  # noqa: S311
        if isinstance(decision, Stop):
            raise decision.error
        if isinstance(decision, Refuse):
            return Refusal(stage=Stage.TARGET, reason=decision.reason, status=decision.status)
        if isinstance(decision, GiveUp) or end.stop.is_set():
            reason = f"{request.method} {request.target}: {getattr(decision, 'reason', 'the run was stopped')}"
            if isinstance(decision, GiveUp) and _is_of_data(answer):
                raise UnreadableError(reason, status=getattr(answer, "status", None))
            raise SourceError(reason, code="E_SOURCE")
        if isinstance(decision, Confirm):
            return Told(body=body)
        if isinstance(decision, Again):
            part = part.after(decision)
            end.stop.wait(decision.delay_seconds)


def _is_of_data(answer: Answer) -> bool:
    """Tell whether an answer that is as good as none may be so for what was asked for."""
    if isinstance(answer, Lost):
        return answer.too_long
    return isinstance(answer, Answered) and (answer.status == SERVER_ERROR or 200 <= answer.status < 300)


def _decoded(answer: Answer) -> tuple[Any, str | None]:
    """Read an answer of 2xx; None where it has no body, and why it cannot be read."""
    if not isinstance(answer, Answered) or not 200 <= answer.status < 300 or not answer.body.strip():
        return None, None
    try:
        return jsontext.decode_answer(answer.body), None
    except ValueError as error:
        return None, f"the answer {error}"


def _rendered(value: Value, context: Mapping[str, Any]) -> Any:
    try:
        return value.render(context)
    except RenderFault as fault:
        raise RunError(f"the feed's {fault.expression} cannot be read: {fault.reason}", code="E_FEED") from fault
