"""The first step: reads a SQL source into record batches of canonical texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.connections.sql.database import SqlEnd
from engine.values.columns import Batch, column

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
