"""The filters of the template language: exact, pure, and null stays null unless a filter says otherwise.

numbers       read from texts, rounded and calculated, all exactly
texts         texts, flags, and what stands in for nothing
times         days and moments
dictionaries  codes of one system turned into those of the other
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.templates.filters.dictionaries import Dictionaries, mapped
from engine.templates.filters.numbers import calculate, decimal, magnitude, negate, number, total
from engine.templates.filters.texts import (
    blank_to_null,
    default,
    flag,
    join,
    length,
    lower,
    path,
    replace,
    text,
    trim,
    upper,
)
from engine.templates.filters.times import date, instant

__all__ = ["FILTERS", "Dictionaries", "calculate", "negate"]

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
    "mapped": mapped,
}
