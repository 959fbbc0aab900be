"""Reads of a source: one for a query, one a page for a feed, each with the cursor that follows it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from engine.connections.sql.database import SqlEnd
from engine.extract import extract
from engine.feed import Feed, FeedEnd, Page, again, is_passing, listing, once_more, pages
from engine.mapping.spec import Cursor, MappingSpec, SqlSource
from engine.state.journal import Journal, Standing
from engine.values import canonical, columns, json_text
from engine.values.canonical import Kind
from engine.values.columns import Batch
from engine.values.errors import RunError
from engine.values.read import Read
from engine.values.records import DOCUMENT, Key, Rejection


def read_sql(
    source: SqlSource, end: SqlEnd, standing: Standing, now: datetime, *, whole: bool = False
) -> Iterator[Read]:
    """Read a query once: from the cursor on, or whole, which is due now and then."""
    cursor = source.cursor
    if cursor is None:
        yield Read(batches=extract(end, source.query, {}), children=_children(source, end, {}), full=True)
        return
    passed = now - (standing.full_at or now)  # less than nothing: noted by a clock that was wrong
    due = standing.full_at is None or not timedelta(0) <= passed < timedelta(hours=cursor.full_every_hours)
    full = whole or due or standing.cursor is None
    params = {"cursor": first(cursor) if full else _since(standing.cursor, cursor)}
    yield Read(
        batches=_hinted(extract(end, source.query, params), cursor) if full else extract(end, source.query, params),
        children=_children(source, end, params),
        full=full,
        cursor_column=cursor.column,
    )


def _children(source: SqlSource, end: SqlEnd, params: Mapping[str, Any]) -> dict[str, Iterable[Batch]]:
    """Read the children after their records; a query that names no :cursor gets none."""
    return {
        name: extract(end, each.query, {key: value for key, value in params.items() if f":{key}" in each.query})
        for name, each in source.children.items()
    }


def first(cursor: Cursor) -> Any:
    """Give what stands for `:cursor` in a full read: less than every value of its column."""
    if not isinstance(cursor.start, str):
        return cursor.start
    try:
        return datetime.fromisoformat(cursor.start)
    except ValueError:
        return cursor.start


def _hinted(batches: Iterable[Batch], cursor: Cursor) -> Iterator[Batch]:
    """Say of a query that fails in a full read what may be wrong with its `:cursor`."""
    try:
        yield from batches
    except RunError as error:
        message = f"{error.message}; :cursor was {cursor.start}: {start_hint(cursor)}"
        raise RunError(message, code=error.code) from error


def start_hint(cursor: Cursor) -> str:
    """Say what to do where a full read compares a column with what it does not hold."""
    return f"if {cursor.column} holds no dates, say by source.cursor.start what is less than all of it, such as 0"


def _since(noted: Mapping[str, str], cursor: Cursor) -> Any:
    """Give the value to read from: the greatest one seen, less the overlap."""
    restore = canonical.restorer(Kind(noted["kind"]))
    value = restore(noted["value"]) if restore else noted["value"]
    if isinstance(value, datetime):
        return value - timedelta(seconds=cursor.overlap_seconds)
    if isinstance(value, date):  # of one day, whatever the hour
        return value - timedelta(days=math.ceil(cursor.overlap_seconds / 86400))
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What earlier runs kept of a feed, and this one tries again."""

    due: tuple[Rejection, ...] = ()  # refused, and to be tried again now
    passing: tuple[Rejection, ...] = ()  # had no answer, the longest untried first


def kept_of(journal: Journal, mapping: MappingSpec) -> Kept:
    """Find what of a feed is to be tried again."""
    due, passing = [], []
    for each in journal.rejections(mapping.object):
        if not each.retry and is_passing(each.document):
            passing.append(each)
        elif each.document and journal.is_due(each, mapping.retry_rejected_after_hours):
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
    found = list(listing(feed, end))
    batches = [_documents(feed, page.documents, gone=False) for page in found]
    return Read(
        batches=batches or [_documents(feed, (), gone=False)],
        full=not any(page.refused for page in found),
        refused=tuple(item for page in found for item in page.refused),
        requests=sum(page.requests for page in found) + 1,
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


def _documents(feed: Feed, documents: Sequence[Mapping[str, Any]], *, gone: bool) -> Batch:
    """Make a batch of documents: the key's columns, and the whole as JSON."""
    parts = [columns.column([document.get(name) for document in documents]) for name in feed.key]
    whole = columns.column([json_text.encode(document).decode() for document in documents])
    data = pa.RecordBatch.from_arrays([*(p.data for p in parts), whole.data], names=[*feed.key, DOCUMENT])
    return Batch(
        columns=(*feed.key, DOCUMENT),
        data=data,
        kinds=(*(part.kind for part in parts), Kind.TEXT),
        faults=tuple(sorted(fault for part in parts for fault in part.faults)),
        gone=gone,
    )
