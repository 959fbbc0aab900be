"""Columns of a read as Arrow arrays of canonical texts, each with its kind and the values that cannot be held."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import reduce
from types import NoneType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from engine.values.canonical import Kind, Unheld, canonical, form_of, is_known, kind_of, merge, strange

MAX_ROW_BYTES = 16_000_000  # of its canonical texts; larger ones would fill the memory of DuckDB
_PLAIN = {str, int, float, bool, Decimal, datetime, date, time, bytes}
_SHOWN = 200  # characters that stand for a text which is too long


class Column(NamedTuple):
    """The canonical texts of a column's values, in order."""

    data: pa.StringArray
    kind: Kind
    faults: tuple[tuple[int, str], ...] = ()  # index and reason: what stands there is not the value


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows of a read: every value as its canonical text, or null."""

    columns: tuple[str, ...]
    data: pa.RecordBatch  # all columns string
    kinds: tuple[Kind, ...]  # of this batch alone; `merge` joins those of a read
    faults: tuple[tuple[int, str], ...] = ()  # index in the batch and reason: rows that must be refused
    gone: bool = False  # the source says that these records exist no more


def batch_of(
    names: Sequence[str], parts: Sequence[Column], faults: Sequence[tuple[int, str]] = (), *, gone: bool = False
) -> Batch:
    """Join columns of one length to a batch; `faults` are its rows that must be refused, by index."""
    return Batch(
        columns=tuple(names),
        data=pa.RecordBatch.from_arrays([part.data for part in parts], names=list(names)),
        kinds=tuple(part.kind for part in parts),
        faults=tuple(faults),
        gone=gone,
    )


def without_giants(batch: Batch) -> Batch:
    """Shorten the texts of rows that are too large, and refuse those rows; every other batch is given as it is."""
    if batch.data.nbytes <= MAX_ROW_BYTES:
        return batch
    arrays = batch.data.columns
    sizes = [pc.fill_null(pc.binary_length(each), 0).cast(pa.int64()) for each in arrays]
    heavy = pc.greater(reduce(pc.add, sizes), MAX_ROW_BYTES)
    if not pc.any(heavy).as_py():
        return batch
    faults = []
    for row in pc.indices_nonzero(heavy).to_pylist():
        size, name = max((each[row].as_py(), name) for each, name in zip(sizes, batch.columns, strict=True))
        reason = f"column {name} holds {size} bytes, and a row may have {MAX_ROW_BYTES} in all"
        faults.append((row, f"{reason}; leave it out of the query, or send it as a file by its path"))
    short = [pc.if_else(heavy, pc.utf8_slice_codeunits(each, 0, _SHOWN), each) for each in arrays]
    data = pa.RecordBatch.from_arrays(short, names=list(batch.columns))
    return replace(batch, data=data, faults=tuple(sorted([*batch.faults, *faults])))


def column(values: Sequence[Any]) -> Column:
    """Write the values of a column in canonical form, their kinds merged."""
    types = set(map(type, values)) - {NoneType}
    if not types <= _PLAIN and not all(map(is_known, values)):
        values = [value if is_known(value) else Unheld("a value", strange(type(value))) for value in values]
        types.add(Unheld)
    if Unheld in types:
        return _without_unheld(values)
    if types == {int}:
        try:
            return Column(pa.array(values, pa.int64()).cast(pa.string()), Kind.NUMBER)
        except OverflowError:
            pass  # beyond 64 bits: written by Python below
    if types and types <= {int, float} and (texts := _float_texts(values)) is not None:
        return Column(texts, Kind.NUMBER)
    texts = values if types <= {str} else _texts(values, types)
    try:
        return Column(pa.array(texts, pa.string()), _kind(values, types))
    except UnicodeEncodeError:
        cleaned, faults = _clean(texts)
        return Column(pa.array(cleaned, pa.string()), _kind(values, types), faults)


def _float_texts(values: Sequence[Any]) -> pa.Array | None:
    """Write numbers as Arrow does, five times as fast; None where its form is another: exponents, -0, NaN, infinity."""
    try:
        texts = pa.array(values, pa.float64()).cast(pa.string())
    except (pa.ArrowInvalid, OverflowError):
        return None  # an integer that no float holds
    return None if pc.any(pc.match_substring_regex(texts, "[en]|^-0$")).as_py() else texts


def _texts(values: Sequence[Any], types: set[type]) -> list[str | None]:
    if len(types) > 1:
        return [canonical(value) for value in values]
    write = form_of(next(iter(types)))[1]
    return [None if value is None else write(value) for value in values]


def _kind(values: Sequence[Any], types: set[type]) -> Kind:
    if any(issubclass(type_, datetime) for type_ in types):
        return reduce(merge, set(map(kind_of, values)), Kind.NULL)
    return reduce(merge, (form_of(type_)[0] for type_ in types), Kind.NULL)


def _without_unheld(values: Sequence[Any]) -> Column:
    """Write a column with its unheld values as the texts they are; they say nothing of its kind."""
    unheld = {index: value for index, value in enumerate(values) if isinstance(value, Unheld)}
    others = column([None if isinstance(value, Unheld) else value for value in values])
    texts = others.data.to_pylist()
    for index, value in unheld.items():
        texts[index] = value.text
    faults = [*others.faults, *((index, f"{value.text[:200]}, {value.what}") for index, value in unheld.items())]
    return Column(pa.array(texts, pa.string()), others.kind, tuple(sorted(faults)))


_SURROGATE = re.compile("[\ud800-\udfff]")


def _clean(texts: Sequence[str | None]) -> tuple[list[str | None], tuple[tuple[int, str], ...]]:
    cleaned, faults = list(texts), []
    for index, text in enumerate(texts):
        if text is not None and _SURROGATE.search(text):
            cleaned[index] = _SURROGATE.sub("\ufffd", text)
            faults.append((index, f"text that UTF-8 cannot hold: {ascii(text)[:200]}"))
    return cleaned, tuple(faults)
