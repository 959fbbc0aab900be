"""Filters that read and write texts, flags, and what stands in for nothing."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

from engine.templates.filters.numbers import number, plain
from engine.values import preview

_FLAGS = {"T": True, "Y": True, "TAK": True, "TRUE": True, "1": True}
_FLAGS |= {"F": False, "N": False, "NIE": False, "FALSE": False, "0": False}
_DOTS = frozenset({".", ".."})
_PERCENT_CODE = re.compile("(%[0-9A-Fa-f]{2})")


def text(value: Any) -> str | None:
    """Give the value as text: a number plain, without exponent; times in ISO form.

    7 -> "7"; 1.50 -> "1.50"; 1E+3 -> "1000"; true -> "true"; a date -> "2024-03-01"; null -> null.
    """
    match value:
        case None:
            return None
        case str() | UUID():
            return str(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal() | float():
            return plain(value)
        case dt.date() | dt.time():
            return value.isoformat()
    raise ValueError(f"a value of type {type(value).__name__} cannot be written as text; name one of its parts")


def trim(value: Any) -> str | None:
    """Strip white space: " a " -> "a"; null -> null."""
    written = text(value)
    return None if written is None else written.strip()


def upper(value: Any) -> str | None:
    """Write in capitals: "a1" -> "A1"; null -> null."""
    written = text(value)
    return None if written is None else written.upper()


def lower(value: Any) -> str | None:
    """Write in small letters: "A1" -> "a1"; null -> null."""
    written = text(value)
    return None if written is None else written.lower()


def replace(value: Any, old: str, new: str) -> str | None:
    """Put a new text in the place of an old one, wherever it occurs.

    "1-2" | replace("-", "/") -> "1/2"; null -> null.
    """
    written = text(value)
    return None if written is None else written.replace(old, new)


def join(values: Iterable[Any] | None, separator: str = "") -> str | None:
    """Write the values as texts with the separator between them, leaving out nulls.

    ["a", null, 2] | join("-") -> "a-2"; null -> null.
    """
    return None if values is None else separator.join(part for value in values if (part := text(value)) is not None)


def path(value: Any) -> str:
    """Give one percent-encoded segment of a URL's path; null and empty text are refused, as they change the path.

    "A/1" -> "A%2F1"; "50%" -> "50%25"; 7 -> "7"; "." and "..", which servers take for this folder and the one above,
    are refused too.
    """
    segment = text(value)
    if segment is None or not segment.strip():
        raise ValueError("is null or empty, and would change the path; filter such rows in the query")
    if segment in _DOTS:
        raise ValueError(f"is {preview(segment)}, and would change the path; filter such rows in the query")
    return _encoded(segment, safe="")


def whole_path(value: Any) -> str:
    """Give several segments of a URL's path as they stand, slashes and percent codes kept, all else percent-encoded.

    "/a/B 1" -> "/a/B%201"; "a?b" -> "a%3Fb"; null, empty segments, "." and ".." are refused.
    """
    written = text(value)
    if written is None or not written.strip():
        raise ValueError("is null or empty, and would change the path; filter such rows in the query")
    for segment in written.removeprefix("/").split("/"):
        if not segment.strip() or unquote(segment) in _DOTS:
            raise ValueError(f"{preview(written)} holds the segment {preview(segment)}, which would change the path")
    return "".join(
        part if _PERCENT_CODE.fullmatch(part) else _encoded(part, safe="/") for part in _PERCENT_CODE.split(written)
    )


def _encoded(written: str, *, safe: str) -> str:
    try:
        return quote(written, safe=safe)
    except UnicodeEncodeError:
        raise ValueError(f"{preview(written)} holds half a character; correct the text") from None


def blank_to_null(value: Any) -> Any:
    """Strip text, and give null for what is then empty; other values stay as they are.

    "  " -> null; " a " -> "a"; 0 -> 0; null -> null.
    """
    return value.strip() or None if isinstance(value, str) else value


def default(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    """Give the fallback for null and for an unknown name or attribute; with `true` for every empty value.

    null | default("-") -> "-"; "" | default("-") -> ""; "" | default("-", true) -> "-".
    """
    return fallback if value is None or (boolean and not value) else value


def length(value: Any) -> int:
    """Count characters or elements: "abc" -> 3; [1, 2] -> 2; null -> 0."""
    return 0 if value is None else len(value)


def flag(value: Any) -> bool | None:
    """Give true or false for the flags that ERPs use, whatever their case.

    "T", "Y", "TAK", "TRUE", 1 -> true; "F", "N", "NIE", "FALSE", 0 -> false; "" and null -> null; others are refused.
    """
    if value is None or isinstance(value, bool):
        return value
    known = text(number(value) if isinstance(value, float | Decimal) else value) or ""
    known = known.strip().upper()
    if not known:
        return None
    if known not in _FLAGS:
        raise ValueError(f"{preview(value)} is not a flag; known are T/F, Y/N, TAK/NIE, TRUE/FALSE and 1/0")
    return _FLAGS[known]
