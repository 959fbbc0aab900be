"""JSON in and out, exactly: decimals as numbers, nothing silently replaced; the one door to msgspec."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from types import GeneratorType, NoneType
from typing import Any, TypeAlias

import msgspec

Path: TypeAlias = tuple[str | int, ...]  # of keys and indexes inside a value

# What msgspec writes exactly; a lone surrogate makes it raise, and Decimal's NaN and infinity are found afterwards.
_EXACT = frozenset({str, int, bool, NoneType, Decimal, date, msgspec.Raw})
_KEYS = frozenset({str})
_MAX_DEPTH = 200  # of arrays and objects; what is nested deeper could be read, and not be written again
_MAX_INTEGER = 4_300  # digits that Python reads as an int
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_AS_LISTS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class NotJson(ValueError):
    """A value that JSON cannot hold exactly; nothing was written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path_text(path)}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def encode(value: Any) -> bytes:
    """Write a value as compact UTF-8 JSON, keys in their order.

    `Decimal` becomes an exact number, `date` yyyy-MM-dd, an aware `datetime` UTC with `Z`; `msgspec.Raw` is taken over
    as it is.

    Raises:
        NotJson: names the path and the remedy, for NaN and infinity, a `datetime` without zone, keys that are not
            text, lone surrogates, and every type without a JSON form (sets, bytes, generators, ...).
    """
    try:
        data = _encoder.encode(value if _is_exact(value) else _exact(value, ()))
        if b"NaN" in data or b"Infinity" in data:
            _exact(value, ())
        return data
    except UnicodeEncodeError:
        _find_surrogate(value, ())
        raise
    except RecursionError:
        raise NotJson((), "is nested too deeply, or contains itself") from None


def decode(data: bytes | str) -> Any:
    """Read JSON: numbers with a fraction or an exponent as `Decimal`, all others as `int`, the longest as `Decimal`.

    Of two equal keys the last one stands.

    Raises:
        ValueError: the data is not JSON.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, ArithmeticError, RecursionError) as error:
        if "Integer value out of range" in str(error):
            return _decode_long(data)
        raise ValueError(f"is not JSON: {error}") from error


def decode_answer(data: bytes) -> Any:
    """Read the JSON of another side, as `decode`: what was read can be written again. A byte order mark is left out.

    Raises:
        ValueError: the data is not JSON, or is nested more than 200 levels deep.
    """
    value = decode(data.removeprefix(BOM_UTF8))
    if _is_deep(data):
        raise ValueError(f"is nested more than {_MAX_DEPTH} levels deep")
    return value


def raw(data: bytes | str) -> Any:
    """Mark encoded JSON, so that `encode` takes it over as it is; nobody checks it."""
    return msgspec.Raw(data)


def path_text(path: Path) -> str:
    """Write a path as people read it: `address.street`, `lines[0].sku`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _is_deep(data: bytes) -> bool:
    """Tell whether JSON is nested too deeply: each level is taken off, the innermost first, at the speed of C."""
    if data.count(b"[") + data.count(b"{") <= _MAX_DEPTH:
        return False
    left = _STRINGS.sub(b"", data).translate(_AS_LISTS, _NO_BRACKETS)
    for _ in range(_MAX_DEPTH):
        if not left:
            return False
        left = left.replace(b"[]", b"")
    return bool(left)


def _decode_long(data: bytes | str) -> Any:
    """Read JSON that holds an integer of more digits than msgspec takes."""
    try:
        value = json.loads(data, parse_float=Decimal, parse_int=_integer, parse_constant=_no_constant)
        _find_surrogate(value, ())
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from error
    return value


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _MAX_INTEGER else Decimal(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _is_exact(value: Any) -> bool:
    """Tell whether msgspec writes the value exactly as it is; the quick answer for almost every value."""
    kind = type(value)
    if kind in _EXACT:
        return True
    if kind is dict:
        values = value.values()
        return _KEYS.issuperset(map(type, value)) and (
            _EXACT.issuperset(map(type, values)) or all(map(_is_exact, values))
        )
    if kind is list:
        return _EXACT.issuperset(map(type, value)) or all(map(_is_exact, value))
    return kind is float and isfinite(value)


def _exact(value: Any, path: Path) -> Any:
    """Rebuild a value from types that msgspec writes exactly."""
    match value:
        case Mapping():
            return {_key(key, path): _exact(item, (*path, key)) for key, item in value.items()}
        case list() | tuple():
            return [_exact(item, (*path, index)) for index, item in enumerate(value)]
        case Decimal() | float():
            return _finite(value, path)
        case datetime():
            return _utc(value, path)
        case str():
            return str(value)
    if type(value) in _EXACT:
        return value
    raise NotJson(path, _refusal(value))


def _key(key: Any, path: Path) -> str:
    if not isinstance(key, str):
        raise NotJson(path, f"has the key {key!r}, but keys must be text; put it in quotes")
    return str(key)


def _finite(value: Decimal | float, path: Path) -> Decimal | float:
    if not (value.is_finite() if isinstance(value, Decimal) else isfinite(value)):
        raise NotJson(path, f"is {value}, which JSON cannot hold; let the query return null instead")
    return value


def _utc(value: datetime, path: Path) -> datetime:
    if value.utcoffset() is None:
        raise NotJson(path, f"is the time {value.isoformat()} without a zone; use the `instant` or `date` filter")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise NotJson(
            path, f"is the time {value.isoformat()}, which UTC cannot hold; correct it or send null"
        ) from None


def _refusal(value: Any) -> str:
    if isinstance(value, GeneratorType):
        return "is a list not yet made; end the expression with `| list`"
    if isinstance(value, set | frozenset):
        return "is a set, which has no order; send a sorted list instead"
    if isinstance(value, bytes | bytearray | memoryview):
        return "is binary data; let the query return text, for example base64"
    return f"is of type {type(value).__name__}, which JSON does not have; use the `text` filter"


def _find_surrogate(value: Any, path: Path) -> None:
    """Raise NotJson for the first text that is not valid Unicode."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _find_surrogate(key, path)
            _find_surrogate(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _find_surrogate(item, (*path, index))
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise NotJson(path, f"holds {value[error.start]!r}, which is not a character; correct the text") from None
