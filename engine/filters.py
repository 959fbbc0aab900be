"""The filters of the template language: exact, pure, and null stays null unless a filter says otherwise."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any
from urllib.parse import quote
from uuid import UUID

_MAX_DIGITS = 1000  # before and after the decimal point; beyond it a number is a mistake or an attack
_EXACT = Context(prec=4 * _MAX_DIGITS, traps=[InvalidOperation, Overflow, Inexact])
_HALF_UP = Context(prec=4 * _MAX_DIGITS, rounding=ROUND_HALF_UP, traps=[InvalidOperation])

_SPACE = "[ \u00a0\u2009\u202f]"
_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")  # 1,234 is 1234 to some and 1.234 to others
_WITH_COMMA = re.compile(rf"(?!{_EITHER.pattern}$)[+-]?[0-9]*,[0-9]+")
_GROUPED = re.compile(
    rf"""[+-]?[0-9]{{1,3}}(?:
        (?:{_SPACE}[0-9]{{3}})+(?:[.,][0-9]+)?   # 1 234 567,50
      | (?:\.[0-9]{{3}})+,[0-9]+                # 1.234,50
      | (?:,[0-9]{{3}})+\.[0-9]+                # 1,234.50
      | (?:\.[0-9]{{3}}){{2,}}                  # 1.234.567
      | (?:,[0-9]{{3}}){{2,}}                    # 1,234,567
    )""",
    re.VERBOSE,
)

_FLAGS = {"T": True, "Y": True, "TAK": True, "TRUE": True, "1": True}
_FLAGS |= {"F": False, "N": False, "NIE": False, "FALSE": False, "0": False}


def preview(value: Any) -> str:
    """Show a value in a message, at most 200 characters of it."""
    if value is None or isinstance(value, bool):
        return text(value) or "null"
    cut = value[:200] if isinstance(value, str | bytes) else value
    shown = str(value) if isinstance(value, Decimal) else repr(cut)
    return shown if len(shown) <= 200 else shown[:199] + "…"


# --- the filters of design.md 5.7 ------------------------------------------------------------------


def number(value: Any) -> int | Decimal | None:
    """Give the exact number in its shortest form: an int where it is whole, a Decimal otherwise.

    5 -> 5; 5.000 -> 5; "12,50" -> 12.5; "1 234,5" -> 1234.5; "1.234,50" -> 1234.5; "1.234" -> 1.234; null -> null.
    Refused: "1,234" (1234 or 1.234?), "" (put `blank_to_null` before), "12 kg", true, NaN.
    """
    if value is None or type(value) is int:
        return value
    return _shortest(_parse(value) if isinstance(value, str) else _operand(value), value)


def decimal(value: Any, places: int) -> Decimal | None:
    """Round half away from zero and keep exactly that many places; reads what `number` reads.

    2.005 | decimal(2) -> 2.01; "3,1" | decimal(2) -> 3.10; -0.5 | decimal(0) -> -1; null -> null.
    """
    if type(places) is not int or not 0 <= places <= 30:
        raise ValueError(f"decimal() needs a number of places from 0 to 30, not {preview(places)}")
    exact = number(value)
    if exact is None:
        return None
    rounded = Decimal(exact).quantize(Decimal((0, (1,), -places)), context=_HALF_UP)
    return rounded or rounded.copy_abs()  # no negative zero


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
            return format(_in_range(Decimal(_operand(value)), value), "f")
        case dt.date() | dt.time():
            return value.isoformat()
    raise ValueError(f"a value of type {type(value).__name__} cannot be written as text; name one of its parts")


def date(value: Any, timezone: dt.tzinfo = dt.UTC) -> str | None:
    """Give the day as yyyy-MM-dd; a time with a zone is first taken into the project's time zone.

    A date, a datetime or ISO text: 2024-03-01 10:30 -> "2024-03-01"; with Europe/Warsaw "2024-02-29T23:30:00Z" ->
    "2024-03-01"; null -> null.
    """
    if value is None:
        return None
    moment = _moment(value)
    return (moment if moment.tzinfo is None else _in_zone(moment, timezone)).date().isoformat()


def instant(value: Any, timezone: dt.tzinfo = dt.UTC) -> str | None:
    """Give the moment in UTC with `Z`; a value without zone is in the project's time zone, a date is its midnight.

    With Europe/Warsaw: 2024-03-01 10:30 -> "2024-03-01T09:30:00Z"; "2024-03-01T10:30:00+02:00" ->
    "2024-03-01T08:30:00Z"; null -> null. An hour that the clock shows twice is the first of the two (summer time),
    one that it skips is counted on from the hour before (02:30 is 03:30).
    """
    if value is None:
        return None
    moment = _moment(value)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone)
    return _in_zone(aware, dt.UTC).isoformat().replace("+00:00", "Z")


def path(value: Any) -> str:
    """Give one percent-encoded segment of a URL's path; null and empty text are refused, as they change the path.

    "A/1" -> "A%2F1"; "50%" -> "50%25"; ".." -> "%2E%2E"; 7 -> "7".
    """
    segment = text(value)
    if not segment:
        raise ValueError("is null or empty, and would change the path; filter such rows in the query")
    if segment in {".", ".."}:
        return segment.replace(".", "%2E")
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        raise ValueError(f"{preview(segment)} holds half a character; correct the text") from None


def blank_to_null(value: Any) -> Any:
    """Strip text, and give null for what is then empty; other values stay as they are.

    "  " -> null; " a " -> "a"; 0 -> 0; null -> null.
    """
    return value.strip() or None if isinstance(value, str) else value


# --- small change ------------------------------------------------------------------------------------


def default(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    """Give the fallback for null and for an unknown name or attribute; with `true` for every empty value.

    null | default("-") -> "-"; "" | default("-") -> ""; "" | default("-", true) -> "-".
    """
    return fallback if value is None or (boolean and not value) else value


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


def length(value: Any) -> int:
    """Count characters or elements: "abc" -> 3; [1, 2] -> 2; null -> 0."""
    return 0 if value is None else len(value)


def magnitude(value: Any) -> int | Decimal | None:
    """Drop the sign, exactly: -1.5 -> 1.5; null -> null."""
    exact = number(value)
    return exact if exact is None or exact >= 0 else negate("-", exact)


def total(values: Iterable[Any] | None) -> int | Decimal | None:
    """Add up numbers, exactly: [1, 0.1, 0.2] -> 1.3; [] -> 0; null -> null."""
    if values is None:
        return None
    result: int | Decimal = 0
    for value in values:
        result = calculate("+", result, value)
    return result


FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": number,
    "decimal": decimal,
    "flag": flag,
    "text": text,
    "date": date,
    "instant": instant,
    "path": path,
    "blank_to_null": blank_to_null,
    "default": default,
    "trim": trim,
    "upper": upper,
    "lower": lower,
    "replace": replace,
    "join": join,
    "length": length,
    "abs": magnitude,
    "sum": total,
}


# --- arithmetic --------------------------------------------------------------------------------------


def calculate(operator: str, left: Any, right: Any) -> Any:
    """Apply `+ - * / // %` exactly, floats by their shortest form; `/` gives at most 28 significant digits.

    `+` also joins two texts or two lists. `//` rounds down and `%` has the sign of its right side, as for ints.
    """
    if operator == "+" and type(left) is type(right) and type(left) in {str, list}:
        return left + right
    a, b = Decimal(_operand(left)), Decimal(_operand(right))
    if operator in {"/", "//", "%"} and not b:
        raise ValueError(f"division of {preview(left)} by zero")
    try:
        return _shortest(_ARITHMETIC[operator](a, b), left)
    except ArithmeticError:
        raise ValueError(f"{preview(left)} {operator} {preview(right)} has too many digits") from None


def negate(operator: str, value: Any) -> Any:
    """Apply the sign `-` or `+`, exactly."""
    exact = Decimal(_operand(value))
    return _shortest(exact.copy_negate() if operator == "-" else exact, value)


def _floor_divide(a: Decimal, b: Decimal) -> Decimal:
    return _EXACT.divide_int(_EXACT.subtract(a, _floor_rest(a, b)), b)


def _floor_rest(a: Decimal, b: Decimal) -> Decimal:
    rest = _EXACT.remainder(a, b)
    return _EXACT.add(rest, b) if rest and (rest < 0) != (b < 0) else rest


_ARITHMETIC: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _EXACT.add,
    "-": _EXACT.subtract,
    "*": _EXACT.multiply,
    "/": Context(prec=28, traps=[InvalidOperation, Overflow]).divide,
    "//": _floor_divide,
    "%": _floor_rest,
}


# --- reading -----------------------------------------------------------------------------------------


def _operand(value: Any) -> int | Decimal:
    """Take a number as it is, a float by its shortest text."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if value is None:
        raise ValueError("null cannot be calculated with; put `| default(0)` behind it if that is meant")
    if isinstance(value, str):
        raise ValueError(f"the text {preview(value)} cannot be calculated with; put `| number` behind it")
    raise ValueError(f"{preview(value)} is not a number; a flag is read by `flag`, the size of a list by `length`")


def _in_range(exact: Decimal, value: Any) -> Decimal:
    if not exact.is_finite() or abs(exact.adjusted()) > _MAX_DIGITS:
        raise ValueError(f"{preview(value)} is not a number that can be sent; let the query return null instead")
    return exact


def _shortest(exact: int | Decimal, value: Any) -> int | Decimal:
    if not exact:
        return 0
    if isinstance(exact, int):
        return exact
    whole = _in_range(exact, value).to_integral_value()
    if whole == exact:
        return int(whole)
    try:
        return exact.normalize(_EXACT)
    except Inexact:
        raise ValueError(f"{preview(value)} has too many digits") from None


def _parse(written: str) -> Decimal:
    trimmed = written.strip()
    if _PLAIN.fullmatch(trimmed):
        return Decimal(trimmed)
    if _WITH_COMMA.fullmatch(trimmed):
        return Decimal(trimmed.replace(",", "."))
    if _GROUPED.fullmatch(trimmed):
        return Decimal(_with_point(re.sub(_SPACE, "", trimmed)))
    if not trimmed:
        raise ValueError(f"{preview(written)} is empty; put `| blank_to_null` before the filter")
    if _EITHER.fullmatch(trimmed):
        raise ValueError(
            f"{preview(written)} may be a whole number or one with three decimals;"
            " let the query return a number, or say which: replace(',', '.') or replace(',', '')"
        )
    raise ValueError(f"{preview(written)} is not a number; correct it, or let the query return a number")


def _with_point(grouped: str) -> str:
    """Drop the marks of groups and write the decimal mark, which is the last one unless it is repeated, as a point."""
    mark = max(",", ".", key=grouped.rfind)
    if grouped.count(mark) > 1:
        return grouped.replace(mark, "")
    return grouped.replace("," if mark == "." else ".", "").replace(mark, ".")


def _moment(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"{preview(value)} is not a date or time in ISO form, such as 2024-03-01") from None
    raise ValueError(f"{preview(value)} is not a date or time; let the query return one, or ISO text")


def _in_zone(moment: dt.datetime, timezone: dt.tzinfo) -> dt.datetime:
    try:
        return moment.astimezone(timezone)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is too near the end of the calendar; send null instead") from None
