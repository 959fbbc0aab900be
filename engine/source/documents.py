"""Reads of a source: one for a query, one a page for a feed, each with the cursor that follows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.mapping import MappingSpec
from engine.source.feed import Feed, FeedEnd, Page, again, is_passing, once_more, pages
from engine.source.listing import listing
from engine.state import RunJournal
from engine.state.journal import Rejection
from engine.values import DOCUMENT, Key, Kind, Read, arrow, json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What earlier runs kept of a feed, and this one tries again."""

    due: tuple[Rejection, ...] = ()  # refused, and to be tried again now
    passing: tuple[Rejection, ...] = ()  # had no answer, the longest untried first


def kept_of(journal: RunJournal, mapping: MappingSpec) -> Kept:
    """Find what of a feed is to be tried again."""
    due, passing = [], []
    for each in journal.rejections.of(mapping.object):
        if not each.retry and is_passing(each.document):
            passing.append(each)
        elif each.document and journal.rejections.is_due(each, mapping.retry_rejected_after_hours):
            due.append(each)
    return Kept(due=tuple(due), passing=tuple(sorted(passing, key=lambda each: each.last_at)))


def read_feed(feed: Feed, end: FeedEnd, cursor: Any, kept: Kept) -> Iterator[Read]:
    """Read a feed page by page from `cursor`; first what was rejected and may be tried again.

    At the end what had no answer in earlier runs, until one has none again.
    """
    if kept.due:
        found = [json_text.decode(each.document) for each in kept.due if each.document]
        items = [each["item"] for each in found if "item" in each]
        documents = [each["document"] for each in found if "document" in each]
        yield from _as_reads(feed, again(feed, end, items, documents), tuple(each.key for each in kept.due))
    if feed.page_size is None:
        for page in pages(feed, end, cursor):
            yield from _as_reads(feed, page, ())
    else:
        yield _whole(feed, end)
        return
    for each in kept.passing:
        fetched = once_more(feed, end, json_text.decode(each.document or "")["item"])
        if fetched is None:
            return
        yield from _as_reads(feed, fetched, (each.key,))
        if any(refused.passing for refused in fetched.refused):
            return


def _whole(feed: Feed, end: FeedEnd) -> Read:
    """Make one read of a paged list: what is not in it is gone from the source.

    Its pages are fetched before the read is given, as the items refused are part of it; documents are kept as text.
    """
    found = listing(feed, end)
    batches = [_documents(feed, page.documents, gone=False) for page in found.pages]
    return Read(
        batches=batches or [_documents(feed, (), gone=False)],
        full=not found.torn and not any(page.refused for page in found.pages),
        torn=found.torn,
        refused=tuple(item for page in found.pages for item in page.refused),
        requests=sum(page.requests for page in found.pages) + 1,
    )


def _as_reads(feed: Feed, page: Page, retried: tuple[Key, ...]) -> Iterator[Read]:
    batches = [_documents(feed, page.documents, gone=False)]
    if page.gone:
        batches.append(_documents(feed, page.gone, gone=True))
    yield Read(
        batches=batches,
        full=False,
        cursor=page.cursor,
        refused=page.refused,
        retried=retried,
        requests=page.requests,
    )


def _documents(feed: Feed, documents: Sequence[Mapping[str, Any]], *, gone: bool) -> arrow.Batch:
    """Make a batch of documents: the key's columns, and the whole as JSON."""
    parts = [arrow.column([document.get(name) for document in documents]) for name in feed.key]
    whole = arrow.column([json_text.encode(document).decode() for document in documents])
    whole = whole._replace(kind=Kind.TEXT)
    faults = sorted(fault for part in parts for fault in part.faults)
    return arrow.batch_of((*feed.key, DOCUMENT), [*parts, whole], faults, gone=gone)
