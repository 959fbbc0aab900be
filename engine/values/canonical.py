"""The canonical form of a value: one exact text, by which values are stored, compared and hashed (ledger.md 7)."""

from __future__ import annotations

import json
import operator
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from enum import StrEnum, auto
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from types import NoneType
from typing import Any
from uuid import UUID


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


@dataclass(frozen=True, slots=True)
class Unheld:
    """A value of a database that no value here can stand for, in the database's own words; its row is refused."""

    text: str
    what: str


def merge(a: Kind, b: Kind) -> Kind:
    """Join the kinds of two parts of a column: NULL is neutral, different kinds are TEXT."""
    if a is b or b is Kind.NULL:
        return a
    return b if a is Kind.NULL else Kind.TEXT


def kind_of(value: Any) -> Kind:
    """Tell the kind of one value."""
    if isinstance(value, datetime):
        return Kind.DATETIME if value.utcoffset() is None else Kind.INSTANT
    return form_of(type(value))[0]


def canonical(value: Any) -> str | None:
    """Write one value in its canonical form; equal numbers give equal texts, whatever their type."""
    return None if value is None else form_of(type(value))[1](value)


def restorer(kind: Kind) -> Callable[[str], Any] | None:
    """Give what turns a canonical text of this kind back into a Python value; None: the text is the value."""
    return _RESTORERS.get(kind)


def kept_text(value: Any) -> str | None:
    """Write a value that was read back as it stands in state; a list is the rows of a child."""
    if isinstance(value, list):
        return _json([{name: canonical(item) for name, item in row.items()} for row in value])
    return canonical(value)


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
        if restore and isinstance(text, str):  # state of before may hold the values of a create that was not finished
            values[name] = restore(text)
    return values


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


_ADDRESSES = (IPv4Address, IPv6Address, IPv4Interface, IPv6Interface, IPv4Network, IPv6Network)  # inet, cidr
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
    **dict.fromkeys((UUID, *_ADDRESSES), (Kind.TEXT, str)),
}


def form_of(type_: type) -> tuple[Kind, Callable[[Any], str]]:
    """Give the kind of a type's values and what writes one of them. Raises ValueError for a type that nobody knows."""
    found = _FORMS.get(type_) or next((_FORMS[base] for base in type_.__mro__ if base in _FORMS), None)
    if found is None:
        raise ValueError(strange(type_))
    return found


def is_known(value: Any) -> bool:
    """Tell whether a value, with all that it holds, has a canonical form."""
    if isinstance(value, dict):
        return all(map(is_known, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_known, value))
    return any(base in _FORMS for base in type(value).__mro__)


def strange(type_: type) -> str:
    """Say why values of a type cannot be taken."""
    return f"is of the type {type_.__name__}, which cannot be sent; let the query cast it to a text or a number"


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
