"""The table of the filters: the names by which templates call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.templates.filters.dictionaries import mapped
from engine.templates.filters.numbers import decimal, magnitude, number, total
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
    whole_path,
)
from engine.templates.filters.times import date, instant, local_datetime

FILTERS: Mapping[str, Callable[..., Any]] = {
    "number": number,
    "decimal": decimal,
    "flag": flag,
    "text": text,
    "date": date,
    "instant": instant,
    "local_datetime": local_datetime,
    "path": path,
    "whole_path": whole_path,
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
