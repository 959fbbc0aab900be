"""The canonical form of a value: one exact text, by which values are stored, compared and hashed (ledger.md 7)."""

from __future__ import annotations

import json
import operator
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from enum import StrEnum, auto
from functools import reduce
from types import NoneType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc


class Kind(StrEnum):
    """What the texts of a column mean; a column has one kind over the whole read."""

    NULL = auto()  # no value seen yet
    BOOLEAN = auto()
    NUMBER = auto()
    TEXT = auto()
    DATE = auto()
    DATETIME = auto()  # without zone
    INSTANT = auto()  # a moment, written in UTC
    TIME = auto()
    BYTES = auto()  # written in base64
    LIST = auto()  # rows of a child: a JSON list of maps of canonical texts


class Column(NamedTuple):
    """The canonical texts of a column's values, in order."""

    data: pa.StringArray
    kind: Kind
    faults: tuple[tuple[int, str], ...] = ()  # index and reason: what stands there is not the value


@dataclass(frozen=True, slots=True)
class Unheld:
    """A value of a database that no value here can stand for, in the database's own words; its row is refused."""

    text: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows of a read: every value as its canonical text, or null."""

    columns: tuple[str, ...]
    data: pa.RecordBatch  # all columns string
    kinds: tuple[Kind, ...]  # of this batch alone; `merge` joins those of a read
    faults: tuple[tuple[int, str], ...] = ()  # index in the batch and reason: rows that must be refused
    gone: bool = False  # the source says that these records exist no more


def merge(a: Kind, b: Kind) -> Kind:
    """Join the kinds of two parts of a column: NULL is neutral, different kinds are TEXT."""
    if a is b or b is Kind.NULL:
        return a
    return b if a is Kind.NULL else Kind.TEXT


def kind_of(value: Any) -> Kind:
    """Tell the kind of one value."""
    if isinstance(value, datetime):
        return Kind.DATETIME if value.utcoffset() is None else Kind.INSTANT
    return _form(type(value))[0]


def canonical(value: Any) -> str | None:
    """Write one value in its canonical form; equal numbers give equal texts, whatever their type."""
    return None if value is None else _form(type(value))[1](value)


def column(values: Sequence[Any]) -> Column:
    """Write the values of a column in canonical form, their kinds merged."""
    types = set(map(type, values)) - {NoneType}
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


def restorer(kind: Kind) -> Callable[[str], Any] | None:
    """Give what turns a canonical text of this kind back into a Python value; None: the text is the value."""
    return _RESTORERS.get(kind)


# --- writing ---------------------------------------------------------------------------------------


def restorer_of(name: str, kinds: Mapping[str, Kind]) -> Callable[[str], Any] | None:
    """Give what turns a column's texts back into values, as `restorer`; a child's columns are named `child.column`."""
    kind = kinds.get(name, Kind.TEXT)
    if kind is not Kind.LIST:
        return restorer(kind)
    prefix = f"{name}."
    restores = {column.removeprefix(prefix): restorer(of) for column, of in kinds.items() if column.startswith(prefix)}
    return lambda text: [_restored(row, restores) for row in json.loads(text)]


def _restored(row: dict[str, str | None], restores: Mapping[str, Callable[[str], Any] | None]) -> dict[str, Any]:
    values: dict[str, Any] = dict(row)
    for name, restore in restores.items():
        text = row.get(name)
        if restore and text is not None:
            values[name] = restore(text)
    return values


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
    write = _form(next(iter(types)))[1]
    return [None if value is None else write(value) for value in values]


def _kind(values: Sequence[Any], types: set[type]) -> Kind:
    if any(issubclass(type_, datetime) for type_ in types):
        return reduce(merge, set(map(kind_of, values)), Kind.NULL)
    return reduce(merge, (_form(type_)[0] for type_ in types), Kind.NULL)


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


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _integer(value: int) -> str:
    return format(Decimal(value), "f")  # str(int) refuses more than 4,300 digits


_MAX_PLACES = 200_000  # more than databases have; beyond it with an exponent, as 1e999999999 is a gigabyte of zeros
_WHOLE = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def _decimal(value: Decimal) -> str:
    if value.is_nan():
        return "NaN"
    if value.is_infinite():
        return "-Infinity" if value < 0 else "Infinity"
    if value and abs(value.adjusted()) > _MAX_PLACES:
        return str(value.normalize(_WHOLE))
    text = format(value, "f") if value else "0"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _float(value: float) -> str:
    text = float.__repr__(value)
    if "e" in text or "n" in text:  # 1e+22, nan, inf
        return _decimal(Decimal(text))
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def _datetime(value: datetime) -> str:
    if value.utcoffset() is None:
        return _seconds(value.isoformat())
    try:
        value = value.astimezone(UTC)
    except OverflowError:  # UTC would leave the years 1 to 9999: kept with its own offset
        return value.isoformat()
    return _seconds(value.isoformat().removesuffix("+00:00")) + "Z"


def _time(value: time) -> str:
    clock = value.replace(tzinfo=None).isoformat()
    return _seconds(clock) + value.isoformat()[len(clock) :]


def _duration(value: timedelta) -> str:
    """Write a duration as [-]HH:MM:SS, hours unbounded: so MySQL's TIME, which may exceed a day, reads as it is."""
    seconds, microseconds = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if value < timedelta() else "") + _seconds(f"{clock}.{microseconds:06}")


def _seconds(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _base64(value: bytes | bytearray | memoryview) -> str:
    return b64encode(value).decode("ascii")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=canonical)


_FORMS: dict[type, tuple[Kind, Callable[[Any], str]]] = {
    NoneType: (Kind.NULL, str),
    bool: (Kind.BOOLEAN, _boolean),
    int: (Kind.NUMBER, _integer),
    float: (Kind.NUMBER, _float),
    Decimal: (Kind.NUMBER, _decimal),
    str: (Kind.TEXT, str),
    datetime: (Kind.DATETIME, _datetime),
    date: (Kind.DATE, date.isoformat),
    time: (Kind.TIME, _time),
    timedelta: (Kind.TEXT, _duration),
    bytes: (Kind.BYTES, _base64),
    bytearray: (Kind.BYTES, _base64),
    memoryview: (Kind.BYTES, _base64),
    list: (Kind.TEXT, _json),
    tuple: (Kind.TEXT, _json),
    dict: (Kind.TEXT, _json),
    Unheld: (Kind.NULL, operator.attrgetter("text")),  # inside a list
}


def _form(type_: type) -> tuple[Kind, Callable[[Any], str]]:
    return _FORMS.get(type_) or next((_FORMS[base] for base in type_.__mro__ if base in _FORMS), (Kind.TEXT, str))


# --- reading back ------------------------------------------------------------------------------------


def _number(text: str) -> int | Decimal:
    if "." not in text:
        try:
            return int(text)
        except ValueError:  # NaN, infinities, more than 4,300 digits
            pass
    return Decimal(text)


_RESTORERS: dict[Kind, Callable[[str], Any]] = {
    Kind.BOOLEAN: "true".__eq__,
    Kind.NUMBER: _number,
    Kind.DATE: date.fromisoformat,
    Kind.DATETIME: datetime.fromisoformat,
    Kind.INSTANT: datetime.fromisoformat,
    Kind.TIME: time.fromisoformat,
    Kind.BYTES: b64decode,
}
