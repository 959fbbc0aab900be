"""Columns of a read as Arrow arrays of canonical texts, each with its kind and the values that cannot be held."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    kinds: tuple[Kind, ...] = ()  # of each value, where they are not all of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows of a read: every value as its canonical text, or null."""

    columns: tuple[str, ...]
    data: pa.RecordBatch  # all columns string
    kinds: tuple[Kind, ...]  # of this batch alone; different ones merged
    mixed: Mapping[str, tuple[Kind, ...]] = field(default_factory=dict)  # of each value, for columns of several kinds
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
        mixed={name: part.kinds for name, part in zip(names, parts, strict=True) if part.kinds},
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
        kind, of_each = _kinds(values, types)
        return Column(pa.array(texts, pa.string()), kind, kinds=of_each)
    except UnicodeEncodeError:
        return _with_faults(*_clean(texts), values)


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


def _kinds(values: Sequence[Any], types: Collection[type]) -> tuple[Kind, tuple[Kind, ...]]:
    """Tell the kind of some values, and that of each where they differ."""
    by_type = {form_of(type_)[0] for type_ in types}
    if len(by_type) < 2 and not any(issubclass(type_, datetime) for type_ in types):
        return next(iter(by_type), Kind.NULL), ()
    of_each = tuple(map(kind_of, values))
    different = set(of_each) - {Kind.NULL}
    return reduce(merge, different, Kind.NULL), of_each if len(different) > 1 else ()


def _with_faults(texts: Sequence[str | None], faults: Mapping[int, str], values: Sequence[Any]) -> Column:
    """Make a column some of whose texts are not the values: these say nothing of its kind."""
    sound = [None if index in faults else value for index, value in enumerate(values)]
    kind, of_each = _kinds(sound, set(map(type, sound)) - {NoneType})
    return Column(pa.array(texts, pa.string()), kind, tuple(sorted(faults.items())), of_each)


def _without_unheld(values: Sequence[Any]) -> Column:
    """Write a column with its unheld values as the texts they are."""
    unheld = {index: value for index, value in enumerate(values) if isinstance(value, Unheld)}
    others = column([None if isinstance(value, Unheld) else value for value in values])
    texts = others.data.to_pylist()
    for index, value in unheld.items():
        texts[index] = value.text
    faults = dict(others.faults) | {index: f"{value.text[:200]}, {value.what}" for index, value in unheld.items()}
    return Column(pa.array(texts, pa.string()), others.kind, tuple(sorted(faults.items())), others.kinds)


_SURROGATE = re.compile("[\ud800-\udfff]")


def _clean(texts: Sequence[str | None]) -> tuple[list[str | None], dict[int, str]]:
    cleaned, faults = list(texts), {}
    for index, text in enumerate(texts):
        if text is not None and _SURROGATE.search(text):
            cleaned[index] = _SURROGATE.sub("\ufffd", text)
            faults[index] = f"text that UTF-8 cannot hold: {ascii(text)[:200]}"
    return cleaned, faults
