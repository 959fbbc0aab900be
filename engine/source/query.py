"""The first step: reads a SQL source into record batches of canonical texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.connections.sql.database import SqlEnd
from engine.mapping.spec import Cursor, SqlSource
from engine.state.journal import Standing
from engine.values import canonical
from engine.values.canonical import Kind
from engine.values.columns import Batch, column
from engine.values.errors import RunError
from engine.values.read import Read

MAX_ROW_BYTES = 16_000_000  # of its canonical texts; larger ones would fill the memory of DuckDB
_SHOWN = 200  # characters that stand for a text which is too long


def extract(end: SqlEnd, query: str, params: Mapping[str, Any]) -> Iterator[Batch]:
    """Read a query lazily, in the order of the source; a read without rows gives one empty batch."""
    for columns, rows in end.rows(query, params):
        yield _batch(columns, rows)


def _batch(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Batch:
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    parts = [column(part) for part in values]
    faults = sorted(
        (index, f"column {name} holds {reason}")
        for name, part in zip(columns, parts, strict=True)
        for index, reason in part.faults
    )
    arrays = [part.data for part in parts]
    if sum(each.nbytes for each in arrays) > MAX_ROW_BYTES:
        arrays, heavy = _without_giants(columns, arrays)
        faults = sorted([*faults, *heavy])
    data = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    return Batch(columns=columns, data=data, kinds=tuple(part.kind for part in parts), faults=tuple(faults))


def _without_giants(columns: Sequence[str], arrays: list[pa.Array]) -> tuple[list[pa.Array], list[tuple[int, str]]]:
    """Shorten the texts of rows that are too large; with index and reason, as such rows are refused."""
    sizes = [pc.fill_null(pc.binary_length(each), 0).cast(pa.int64()) for each in arrays]
    heavy = pc.greater(reduce(pc.add, sizes), MAX_ROW_BYTES)
    if not pc.any(heavy).as_py():
        return arrays, []
    faults = []
    for row in pc.indices_nonzero(heavy).to_pylist():
        size, name = max((each[row].as_py(), name) for each, name in zip(sizes, columns, strict=True))
        reason = f"column {name} holds {size} bytes, and a row may have {MAX_ROW_BYTES} in all"
        faults.append((row, f"{reason}; leave it out of the query, or send it as a file by its path"))
    short = [pc.if_else(heavy, pc.utf8_slice_codeunits(each, 0, _SHOWN), each) for each in arrays]
    return short, faults


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
