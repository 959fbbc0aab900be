"""The first step: reads a SQL source into record batches of canonical texts."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any

from engine.connections.sql import SqlEnd
from engine.mapping import SqlSource
from engine.mapping.program import Program
from engine.source.cursor import hint, read_whole, since, starts
from engine.state import READ_BY, RunJournal, Staging
from engine.state.journal import Standing
from engine.values import Read, RunError, arrow


def extract(end: SqlEnd, query: str, params: Mapping[str, Any]) -> Generator[arrow.Batch, None, None]:
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
    source: SqlSource, end: SqlEnd, standing: Standing, now: datetime, *, zone: tzinfo, whole: bool = False
) -> Iterator[Read]:
    """Read a query once: from the cursor on, or whole, which is due now and then; `zone` is that of times without."""
    cursor = source.cursor
    if cursor is None:
        yield Read(batches=extract(end, source.query, {}), children=_children(source, end), full=True)
        return
    passed = now - (standing.full_at or now)  # less than nothing: noted by a clock that was wrong
    due = standing.full_at is None or not timedelta(0) <= passed < timedelta(hours=cursor.full_every_hours)
    full = whole or due or standing.cursor is None
    ask = partial(_ask, end, source.query)
    yield Read(
        batches=read_whole(ask, cursor) if full else ask(since(standing.cursor, cursor)),
        children=_children(source, end),
        full=full,
        cursor_column=cursor.column,
        moment=now,
        zone=zone,
        overlaps=cursor.overlap_seconds > 0,
        hint=hint(cursor),
    )


def _ask(end: SqlEnd, query: str, value: Any) -> Generator[arrow.Batch, None, None]:
    return extract(end, query, {"cursor": value})


def _children(source: SqlSource, end: SqlEnd) -> dict[str, Iterable[arrow.Batch]]:
    """Read the children of all records after these."""
    return {name: extract(end, each.query, {}) for name, each in source.children.items()}


def columns_of(source: SqlSource, end: SqlEnd) -> tuple[str, ...]:
    """Ask a database which columns a query has."""
    values = starts(source.cursor) if source.cursor else (None,)
    for number, value in enumerate(values, 1):
        try:
            return tuple(end.columns(source.query, {"cursor": value} if source.cursor else {}))
        except RunError:
            if number == len(values):
                raise
    raise AssertionError  # there is a value
