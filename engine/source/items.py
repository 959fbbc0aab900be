"""The items of a feed's page: what each asks for, its document, or why it has none; one bad item stops nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from engine.connections.http import SHOWN
from engine.mapping.program import Feed, outgoing
from engine.source.ask import FeedEnd, Unanswered, ask
from engine.templates import RenderFault
from engine.values import (
    Key,
    Outgoing,
    Refusal,
    RefusedItem,
    SourceError,
    Stage,
    canonical,
    json_text,
    preview,
    spelled,
)

MAX_DOCUMENT_BYTES = 16_000_000  # larger ones would fill the memory of DuckDB
FEW = 3  # fetches of a page that fail alone: the fault is theirs; more, and none that worked: the source's
_MAX_KEY_BYTES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a feed, its documents fetched."""

    documents: tuple[Mapping[str, Any], ...]
    gone: tuple[Mapping[str, Any], ...] = ()  # key columns of records that the source says exist no more
    refused: tuple[RefusedItem, ...] = ()
    cursor: Any = None  # where the next page begins
    requests: int = 0


def read_items(feed: Feed, end: FeedEnd, items: Sequence[Any], following: Any) -> Page:
    """Fetch the documents of a page's items; of a feed the last word on a key stands: none of what is gone.

    An item that cannot be used is refused alone. Raises SourceError when the source answers nobody.
    """
    found = _Sorted()
    for item in items:
        try:
            _sort(feed, item, found)
        except RenderFault as fault:
            found.refuse(item, Refusal(stage=Stage.RENDER, reason=fault.reason, expression=fault.expression))
    asked = [each for each in found.wanted.values() if each[2] not in found.gone]
    answers = _fetched(feed, end, [request for _, request, _ in asked])
    fetched = [(item, key, answer) for (item, _, key), answer in zip(asked, answers, strict=True)]
    usable = list(_usable(feed, fetched, found))
    return Page(
        documents=tuple(usable if feed.is_list else last_words(usable, feed.key, found.gone)),
        gone=tuple(found.gone.values()),
        refused=tuple(found.refused),
        cursor=following,
        requests=len(asked) + 1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sorted:
    """The items of a page by what they ask for."""

    gone: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    wanted: dict[Outgoing, tuple[Any, Outgoing, Key]] = field(default_factory=dict)  # item, request, key if known
    documents: list[Mapping[str, Any]] = field(default_factory=list)  # items that are documents themselves
    refused: list[RefusedItem] = field(default_factory=list)

    def refuse(self, item: Any, refusal: Refusal, key: Key = (), *, passing: bool = False) -> None:
        """Take down an item that cannot be used; by its record's key, where that is known."""
        known = key if key and None not in key else _item_key(item)
        self.refused.append(RefusedItem(key=known, refusal=refusal, item=item, passing=passing))


def _sort(feed: Feed, item: Any, into: _Sorted) -> None:
    """Find what one item asks for. Raises RenderFault."""
    context = {**feed.shared, "item": item}
    named = feed.removed_key.render(context)
    key = tuple(canonical(named.get(name)) for name in feed.key) if named else ()
    if feed.removed is not None:
        into.gone.pop(key, None)
        if feed.removed.render(context) is True:
            if None in key:
                into.refuse(item, _without_key(feed.key, named))
            else:
                into.gone[key] = named
            return
    if feed.fetch is None and isinstance(item, Mapping):
        into.documents.append(item)
    elif feed.fetch is None:
        into.refuse(item, Refusal(stage=Stage.KEY, reason=f"the item is no JSON object: {preview(item)}"))
    elif feed.when is None or feed.when.render(context) is True:
        request = outgoing(feed.fetch, context)
        if isinstance(request, Refusal):
            into.refuse(item, request, key)
        else:
            into.wanted[request] = (item, request, key)


def _usable(
    feed: Feed, fetched: Sequence[tuple[Any, Key, Mapping[str, Any] | Refusal | Unanswered]], found: _Sorted
) -> Iterator[Mapping[str, Any]]:
    """Give the documents that can be worked with; the items of the others are refused."""
    for document in found.documents:
        size = len(json_text.encode(document))
        if size > MAX_DOCUMENT_BYTES:
            found.refuse(document, _too_large(size))
        elif _has_key(feed, document):
            yield document
        else:
            found.refuse(document, _without_key(feed.key, document))
    for item, key, answer in fetched:
        if isinstance(answer, Unanswered):
            reason = f"{answer.message[:SHOWN]}; each run fetches it again"
            found.refuse(item, Refusal(stage=Stage.TARGET, reason=reason), key, passing=True)
        elif isinstance(answer, Refusal):
            found.refuse(item, answer, key)
        elif not _has_key(feed, answer):
            found.refuse(item, _without_key(feed.key, answer), key)
        elif (own := tuple(canonical(answer[name]) for name in feed.key)) != key and key and None not in key:
            found.refuse(item, _of_another(key, own), key)
        else:
            yield answer


def _has_key(feed: Feed, document: Mapping[str, Any]) -> bool:
    return all(document.get(name) is not None for name in feed.key)


def _too_large(size: int) -> Refusal:
    reason = f"the document has {size} bytes, and {MAX_DOCUMENT_BYTES} are the most that can be worked with"
    return Refusal(stage=Stage.TARGET, reason=reason)


def _of_another(key: Key, own: Key) -> Refusal:
    asked, came = preview(spelled(key)), preview(spelled(own))
    remedy = "correct `fetch` or `feed.key`, or tell the source's makers"
    reason = f"the document is of {came}, but {asked} was asked for: {remedy}"
    return Refusal(stage=Stage.KEY, reason=reason)


def _without_key(key: Sequence[str], values: Mapping[str, Any]) -> Refusal:
    names = ", ".join(name for name in key if values.get(name) is None)
    reason = (
        f"{names} is null or missing, and the record's key needs it: correct the mapping, or tell the source's makers"
    )
    return Refusal(stage=Stage.KEY, reason=reason, field=names)


def last_words(
    documents: Sequence[Mapping[str, Any]], names: Sequence[str], gone: Collection[Key]
) -> Iterator[Mapping[str, Any]]:
    """Give of each record its last document, unless it is gone; those without a whole key are refused later."""
    keys = [tuple(canonical(document.get(name)) for name in names) for document in documents]
    last = {key: place for place, key in enumerate(keys)}
    for place, (document, key) in enumerate(zip(documents, keys, strict=True)):
        if key not in gone and (None in key or last[key] == place):
            yield document


def _item_key(item: Any) -> Key:
    """Name an item by its values, in order; a long one by its hash."""
    whole = json_text.encode(item)
    if len(whole) > _MAX_KEY_BYTES:
        return (f"sha256 {sha256(whole).hexdigest()}",)
    values = item.values() if isinstance(item, Mapping) else [item]
    return tuple(
        json_text.encode(each).decode() if isinstance(each, list | dict) else canonical(each) for each in values
    )


def _fetched(
    feed: Feed, end: FeedEnd, requests: Sequence[Outgoing]
) -> Sequence[Mapping[str, Any] | Refusal | Unanswered]:
    """Fetch the documents of a page: each once, then patiently those that had no answer.

    So one that never has holds up no other, and trips no breaker before the others came.

    Raises SourceError when the source answers nobody: the page is read again by the next run.
    """
    with ThreadPoolExecutor(max_workers=end.workers, thread_name_prefix="fetch") as pool:
        answers = list(pool.map(lambda request: _fetch(feed, end.hasty, request), requests))
        open_ = [number for number, answer in enumerate(answers) if isinstance(answer, SourceError)]
        if end.retry.attempts > 1:
            patient = pool.map(lambda number: _fetch(feed, end, requests[number]), open_)
            answers = [next(patient) if isinstance(answer, SourceError) else answer for answer in answers]
    failed = [answer for answer in answers if isinstance(answer, SourceError)]
    for failure in failed:
        if not isinstance(failure, Unanswered) or (len(failed) > FEW and len(failed) == len(answers)):
            raise failure
    return [answer for answer in answers if isinstance(answer, Mapping | Refusal | Unanswered)]


def _fetch(feed: Feed, end: FeedEnd, request: Outgoing) -> Mapping[str, Any] | Refusal | SourceError:
    try:
        answer = ask(end, request, feed.fetch_on_status, one_of_many=True)
    except SourceError as error:
        return error
    if isinstance(answer, Refusal):
        return answer
    if answer.size > MAX_DOCUMENT_BYTES:
        return _too_large(answer.size)
    if not isinstance(answer.body, Mapping):
        return Refusal(stage=Stage.TARGET, reason=f"{request.target} answered no JSON object")
    return answer.body
