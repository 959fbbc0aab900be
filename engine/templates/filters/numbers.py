"""Filters that give numbers: read from texts, rounded and calculated, all exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any

from engine.values import preview

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


def plain(value: float | Decimal) -> str:
    """Write a number in full: 1.50 -> "1.50"; 1E+3 -> "1000"."""
    return format(_in_range(Decimal(_operand(value)), value), "f")


# --- arithmetic ---------------------------------------------------------------------------------------------


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


# --- reading ------------------------------------------------------------------------------------------------


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
    if len(trimmed) > 3 * _MAX_DIGITS:
        raise ValueError(f"{preview(written)} has too many digits")
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
