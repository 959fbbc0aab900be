"""The first step of an inbound object: reads a feed or a paged list and fetches what its items name."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from engine import jsontext
from engine.canonical import canonical
from engine.decide import Again, Confirm, Decision, GiveUp, Part, Reading, Refuse, Stop, Terms, decide
from engine.errors import ConfigError, RunError, SourceError
from engine.language import Language
from engine.mapping import HttpSource, Retry
from engine.records import Answer, Answered, Key, NotSent, Outgoing, Range, Refusal, Stage
from engine.requests import CompiledRequest, compile_request, outgoing
from engine.templates import RenderFault, Value

ONE = Part(range=Range(1, 1))
_PASSING = "passing"
FEW = 3  # fetches of a page that fail alone: the fault is theirs; more, and none that worked: the source's


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEnd:
    """The source, as reading sees it."""

    exchange: Callable[[Outgoing], Answer]
    retry: Retry
    workers: int
    stop: threading.Event
    tell: Callable[[Outgoing, Answer, Decision], None] = lambda request, answer, decision: None  # of each attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedItem:
    """An item whose document could not be had, for a reason in the data."""

    key: Key  # its record's, where `feed.key` tells it; else the item's values, in order
    refusal: Refusal
    item: Any
    passing: bool = False  # its fetch may work at another time: each run fetches it again

    @property
    def kept(self) -> str:
        """Give the JSON by which it can be fetched again."""
        return jsontext.encode({"item": self.item} | ({_PASSING: True} if self.passing else {})).decode()


def is_passing(document: str | None) -> bool:
    """Tell whether what is kept of a refusal is an item that each run fetches again."""
    return document is not None and _PASSING in jsontext.decode(document)


class Unanswered(SourceError):
    """A request reached the source and had no proper answer, time after time; others may well be answered."""


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

    Raises SourceError when the source does not answer, RunError when it refuses the feed's own request.
    """
    cursor = feed.start if cursor is None else cursor
    while True:
        body = _body(feed, end, {"cursor": cursor})
        context = {**feed.shared, "body": body, "cursor": cursor}
        items = _rendered(feed.items, context) or []
        following = _rendered(feed.next, context) if feed.next else None
        following = cursor if following is None else following
        if items:
            yield _page(feed, end, items, following)
        if not items or following == cursor:
            return
        cursor = following


def listing(feed: Feed, end: FeedEnd) -> Iterator[Page]:
    """Read a paged list whole: until a page has no items, or names no following page.

    Raises SourceError and RunError as `pages`.
    """
    number, link = 1, None
    while True:
        position = {"page": number, "offset": (number - 1) * (feed.page_size or 0), "link": link}
        body = _body(feed, end, position)
        context = {**feed.shared, **position, "body": body}
        items = _rendered(feed.items, context) or []
        if not items:
            return
        yield _page(feed, end, items, None)
        link = _rendered(feed.next, context) if feed.next else None
        if feed.next and not link:
            return
        number += 1


def once_more(feed: Feed, end: FeedEnd, item: Any) -> Page | None:
    """Make a page of an item that had no answer in earlier runs, asked for once; None where nobody answers."""
    hasty = replace(end, retry=replace(end.retry, attempts=1))
    try:
        return _page(feed, hasty, [item], None)
    except SourceError:
        return None


def again(feed: Feed, end: FeedEnd, items: Sequence[Any], documents: Sequence[Mapping[str, Any]]) -> Page:
    """Make a page of items to be fetched once more and of documents kept from before; its cursor is None."""
    page = _page(feed, end, items, None)
    whole = tuple(_last_words([*documents, *page.documents], feed.key, ()))
    return Page(documents=whole, gone=page.gone, refused=page.refused, requests=page.requests)


def _body(feed: Feed, end: FeedEnd, position: Mapping[str, Any]) -> Any:
    request = outgoing(feed.request, {**feed.shared, **position})
    if isinstance(request, Refusal):
        raise RunError(f"the feed's request cannot be made: {request.reason}", code="E_FEED")
    answer = ask(end, request)
    if isinstance(answer, Refusal):
        raise RunError(f"the source refuses the feed's request {request.target}: {answer.reason}", code="E_FEED")
    return _decoded(answer, request)


def _page(feed: Feed, end: FeedEnd, items: Sequence[Any], following: Any) -> Page:
    """Fetch the documents of a page's items; the last word on a key within the page stands: none of what is gone."""
    gone: dict[Key, Mapping[str, Any]] = {}
    wanted: dict[Any, tuple[Any, Outgoing | Refusal, Key]] = {}  # by request: item, request, key where it is known
    documents: list[Mapping[str, Any]] = []
    for item in items:
        context = {**feed.shared, "item": item}
        named = _rendered(feed.removed_key, context)
        key = tuple(canonical(named.get(name)) for name in feed.key) if named else ()
        if feed.removed is not None:
            gone.pop(key, None)
            if _rendered(feed.removed, context) is True:
                gone[key] = named
                continue
        if feed.fetch is None:
            documents.append(item)
        elif feed.when is None or _rendered(feed.when, context) is True:
            request = outgoing(feed.fetch, context)
            wanted[request] = (item, request, key)
    asked = [each for each in wanted.values() if each[2] not in gone]
    answers = _fetched(end, [request for _, request, _ in asked])
    refused = []
    for (item, _, key), answer in zip(asked, answers, strict=True):
        known = key if key and None not in key else _item_key(item)
        if isinstance(answer, Unanswered):
            refusal = Refusal(stage=Stage.TARGET, reason=f"{answer.message}; each run fetches it again")
            refused.append(RefusedItem(key=known, refusal=refusal, item=item, passing=True))
        elif isinstance(answer, Refusal):
            refused.append(RefusedItem(key=known, refusal=answer, item=item))
        else:
            documents.append(answer)
    return Page(
        documents=tuple(_last_words(documents, feed.key, gone)),
        gone=tuple(gone.values()),
        refused=tuple(refused),
        cursor=following,
        requests=len(asked) + 1,
    )


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


def _fetched(
    end: FeedEnd, requests: Sequence[Outgoing | Refusal]
) -> Sequence[Mapping[str, Any] | Refusal | Unanswered]:
    """Fetch the documents of a page: each once, then patiently those that had no answer.

    So one that never has holds up no other, and trips no breaker before the others came.

    Raises SourceError when the source answers nobody: the page is read again by the next run.
    """
    hasty = replace(end, retry=replace(end.retry, attempts=1))
    with ThreadPoolExecutor(max_workers=end.workers, thread_name_prefix="fetch") as pool:
        answers = list(pool.map(lambda request: _fetch(hasty, request), requests))
        open_ = [number for number, answer in enumerate(answers) if isinstance(answer, SourceError)]
        if end.retry.attempts > 1:
            patient = pool.map(lambda number: _fetch(end, requests[number]), open_)
            answers = [next(patient) if isinstance(answer, SourceError) else answer for answer in answers]
    failed = [answer for answer in answers if isinstance(answer, SourceError)]
    for failure in failed:
        if not isinstance(failure, Unanswered) or (len(failed) > FEW and len(failed) == len(answers)):
            raise failure
    return [answer for answer in answers if isinstance(answer, Mapping | Refusal | Unanswered)]


def _fetch(end: FeedEnd, request: Outgoing | Refusal) -> Mapping[str, Any] | Refusal | SourceError:
    if isinstance(request, Refusal):
        return request
    try:
        answer = ask(end, request)
        document = None if isinstance(answer, Refusal) else _decoded(answer, request)
    except SourceError as error:
        return error
    if isinstance(answer, Refusal):
        return answer
    if not isinstance(document, Mapping):
        return Refusal(stage=Stage.TARGET, reason=f"{request.target} answered no JSON object")
    return document


def ask(end: FeedEnd, request: Outgoing) -> Answered | Refusal:
    """Ask the source, trying again as the connection says; a Refusal when the answer speaks of this request alone.

    Raises SourceError when attempts are used up (Unanswered where one of them reached the source), TargetError when
    credentials are refused, RunError for a redirect.
    """
    part, terms = ONE, Terms(creates=False, retry=end.retry)
    while True:
        answer = end.exchange(request)
        decision = decide(answer, Reading(), part, terms, random.random())  # noqa: S311  jitter, no secret
        if not (isinstance(answer, NotSent) and answer.is_untried):
            end.tell(request, answer, decision)
        if isinstance(decision, Stop):
            raise decision.error
        if isinstance(decision, Refuse):
            return Refusal(stage=Stage.TARGET, reason=decision.reason, status=decision.status)
        if end.stop.is_set() and not isinstance(decision, Confirm):
            raise RunError("the run was stopped while its source was read", code="E_STOPPED")
        if isinstance(decision, GiveUp):
            error = Unanswered if decision.unknown or part.unknown else SourceError
            raise error(f"{request.method} {request.target}: {decision.reason}", code="E_SOURCE")
        if isinstance(decision, Confirm) and isinstance(answer, Answered):
            return answer
        if isinstance(decision, Again):
            part = part.after(decision)
            end.stop.wait(decision.delay_seconds)


def _decoded(answer: Answered, request: Outgoing) -> Any:
    try:
        return jsontext.decode(answer.body) if answer.body.strip() else None
    except ValueError as error:
        raise Unanswered(f"{request.method} {request.target} answered no JSON: {error}", code="E_SOURCE") from error


def _rendered(value: Value, context: Mapping[str, Any]) -> Any:
    try:
        return value.render(context)
    except RenderFault as fault:
        raise RunError(f"the feed's {fault.expression} cannot be read: {fault.reason}", code="E_FEED") from fault
