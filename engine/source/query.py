"""The first step: reads a SQL source into record batches of canonical texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from engine.connections.sql import Moment, SqlEnd
from engine.mapping import Cursor, SqlSource
from engine.mapping.program import Program
from engine.state import READ_BY, RunJournal, Staging
from engine.state.journal import Standing
from engine.values import Kind, Read, RunError, arrow, restorer


def extract(end: SqlEnd | Moment, query: str, params: Mapping[str, Any]) -> Iterator[arrow.Batch]:
    """Read a query lazily, in the order of the source; a read without rows gives one empty batch."""
    for columns, rows in end.rows(query, params):
        yield _batch(columns, rows)


def _batch(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> arrow.Batch:
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    parts = [arrow.column(part) for part in values]
    faults = sorted(
        (index, f"column {name} holds {reason}")
        for name, part in zip(columns, parts, strict=True)
        for index, reason in part.faults
    )
    return arrow.without_giants(arrow.batch_of(columns, parts, faults))


def must_be_whole(program: Program, staging: Staging, journal: RunJournal) -> bool:
    """Tell whether a query has to be read whole, because something to be sent may stand before its cursor."""
    if staging.meta(READ_BY) != program.read_fingerprint:  # an edited mapping, a new file, or a read that is not over
        return True
    hours = program.mapping.retry_rejected_after_hours
    due = (each for each in journal.rejections.of(program.object) if journal.rejections.is_due(each, hours))
    return any(each.retry or each.payload_hash for each in due)


def read_sql(
    source: SqlSource, end: SqlEnd, standing: Standing, now: datetime, *, whole: bool = False
) -> Iterator[Read]:
    """Read a query once: from the cursor on, or whole, which is due now and then.

    A record and its children are of one moment: all queries of a read see one state of the database.
    """
    moment = end.moment(queries=1 + len(source.children))
    cursor = source.cursor
    if cursor is None:
        children = _children(source, moment, {})
        yield Read(batches=extract(moment, source.query, {}), children=children, full=True)
        return
    passed = now - (standing.full_at or now)  # less than nothing: noted by a clock that was wrong
    due = standing.full_at is None or not timedelta(0) <= passed < timedelta(hours=cursor.full_every_hours)
    full = whole or due or standing.cursor is None
    params = {"cursor": first(cursor) if full else _since(standing.cursor, cursor)}
    batches = extract(moment, source.query, params)
    yield Read(
        batches=_hinted(batches, cursor) if full else batches,
        children=_children(source, moment, params),
        full=full,
        cursor_column=cursor.column,
        hint=_hint(cursor),
    )


def _children(source: SqlSource, moment: Moment, params: Mapping[str, Any]) -> dict[str, Iterable[arrow.Batch]]:
    """Read the children after their records; a query that names no :cursor gets none."""
    return {
        name: extract(moment, each.query, {key: value for key, value in params.items() if f":{key}" in each.query})
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


def _hinted(batches: Iterable[arrow.Batch], cursor: Cursor) -> Iterator[arrow.Batch]:
    """Say of a query that fails in a full read what may be wrong with its `:cursor`."""
    try:
        yield from batches
    except RunError as error:
        raise RunError(error.message + _hint(cursor), code=error.code) from error


def _hint(cursor: Cursor) -> str:
    """Say what to do where a full read compares a column with what it does not hold."""
    remedy = f"if {cursor.column} holds no dates, say by source.cursor.start what is less than all of it, such as 0"
    return f"; :cursor was {cursor.start}: {remedy}"


def _since(noted: Mapping[str, str], cursor: Cursor) -> Any:
    """Give the value to read from: the greatest one seen, less the overlap."""
    restore = restorer(Kind(noted["kind"]))
    value = restore(noted["value"]) if restore else noted["value"]
    if isinstance(value, datetime):
        return value - timedelta(seconds=cursor.overlap_seconds)
    if isinstance(value, date):  # of one day, whatever the hour
        return value - timedelta(days=math.ceil(cursor.overlap_seconds / 86400))
    return value
