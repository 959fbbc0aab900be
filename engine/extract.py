"""The first step: reads a SQL source into record batches of canonical texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from engine.canonical import Batch, column
from engine.sql import SqlEnd


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
    data = pa.RecordBatch.from_arrays([part.data for part in parts], names=list(columns))
    return Batch(columns=columns, data=data, kinds=tuple(part.kind for part in parts), faults=tuple(faults))
