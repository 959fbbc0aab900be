"""The first step: reads a SQL source into record batches of canonical texts."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any

from engine.connections.sql import Moment, Rows, SqlEnd
from engine.mapping import SqlSource
from engine.mapping.program import Program
from engine.source.cursor import hint, read_whole, since, starts
from engine.state import READ_BY, RunJournal, Staging
from engine.state.journal import Standing
from engine.values import Read, RunError, arrow


def extract(
    end: SqlEnd | Moment | _OfOneMoment, query: str, params: Mapping[str, Any]
) -> Generator[arrow.Batch, None, None]:
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
    """Read a query once: from the cursor on, or whole, which is due now and then; `zone` is that of times without.

    A record and its children are of one moment: all queries of a read see one state of the database.
    """
    asked = _OfOneMoment(end, queries=1 + len(source.children))
    cursor = source.cursor
    if cursor is None:
        batches = asked.anew(source.query, {})
        yield Read(batches=batches, children=_children(source, asked), full=True)
        return
    passed = now - (standing.full_at or now)  # less than nothing: noted by a clock that was wrong
    due = standing.full_at is None or not timedelta(0) <= passed < timedelta(hours=cursor.full_every_hours)
    full = whole or due or standing.cursor is None
    ask = partial(_ask, asked, source.query)
    yield Read(
        batches=read_whole(ask, cursor) if full else ask(since(standing.cursor, cursor)),
        children=_children(source, asked),
        full=full,
        cursor_column=cursor.column,
        moment=now,
        zone=zone,
        overlaps=cursor.overlap_seconds > 0,
        hint=hint(cursor),
    )


class _OfOneMoment:
    """A database as one read sees it: asked anew where it could not answer what stood for `:cursor` first."""

    def __init__(self, end: SqlEnd, queries: int) -> None:
        self._end, self._queries = end, queries
        self._moment: Moment | None = None

    def anew(self, query: str, params: Mapping[str, Any]) -> Generator[arrow.Batch, None, None]:
        """Ask the first query of a moment."""
        if self._moment is not None:
            self._moment.close()
        self._moment = self._end.moment(queries=self._queries)
        yield from extract(self._moment, query, params)

    def rows(self, query: str, params: Mapping[str, Any]) -> Iterator[Rows]:
        """Ask another query of it."""
        if self._moment is None:
            self._moment = self._end.moment(queries=self._queries)
        return self._moment.rows(query, params)


def _ask(asked: _OfOneMoment, query: str, value: Any) -> Generator[arrow.Batch, None, None]:
    return asked.anew(query, {"cursor": value})


def _children(source: SqlSource, end: _OfOneMoment) -> dict[str, Iterable[arrow.Batch]]:
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
