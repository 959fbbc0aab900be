"""What templates may use: filters, tests, methods and attributes of values, and kinds of syntax."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import LoopContext
from jinja2.tests import TESTS as JINJA_TESTS

from engine.templates.filters import filter_table as filters
from engine.templates.nulls import NULLS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _is_null(value: Any) -> bool:
    return value is None or value is NULLS


_FILTERS_OF_JINJA = "first last list map max min reject rejectattr reverse select selectattr sort unique"
FILTERS: Mapping[str, Callable[..., Any]] = {
    **filters.FILTERS,
    **{name: JINJA_FILTERS[name] for name in _FILTERS_OF_JINJA.split()},
}

_TESTS_OF_JINJA = (
    "!= < <= == > >= boolean divisibleby eq even false ge gt in integer iterable le lower lt mapping ne number odd"
    " sequence string true upper"
)
TESTS: Mapping[str, Any] = {  # functions of a value
    **{name: JINJA_TESTS[name] for name in _TESTS_OF_JINJA.split()},
    "none": _is_null,
    "undefined": _is_null,
    "defined": lambda value: not _is_null(value),
}

METHODS: Mapping[type, frozenset[str]] = {
    str: _words(
        "capitalize casefold count endswith find isalnum isalpha isdecimal isdigit islower isnumeric isspace isupper"
        " join ljust lower lstrip partition removeprefix removesuffix replace rfind rjust rpartition rsplit rstrip"
        " split splitlines startswith strip title upper zfill"
    ),
    dict: _words("get items keys values"),
    list: _words("count index"),
    tuple: _words("count index"),
    dt.date: _words("isoformat isoweekday weekday"),
    dt.datetime: _words("date isoformat isoweekday weekday"),
    Decimal: _words("is_signed is_zero"),
}
METHOD_NAMES = frozenset[str]().union(*METHODS.values())
ATTRIBUTES: Mapping[type, frozenset[str]] = {
    dt.date: _words("year month day"),
    dt.datetime: _words("year month day hour minute second microsecond"),
    LoopContext: _words("index index0 revindex revindex0 first last length previtem nextitem"),
}

NODES = _words(
    "Output TemplateData For If Assign AssignBlock Name Const List Tuple Dict Pair Getattr Getitem Slice Filter Test"
    " Call Keyword CondExpr Compare Operand Concat And Or Not Neg Pos Add Sub Mul Div FloorDiv Mod"
)


def allowed(table: Mapping[type, frozenset[str]], obj: Any) -> frozenset[str]:
    """List what `METHODS` or `ATTRIBUTES` offers of a value: by its type, or the nearest type above."""
    kinds = (kind for kind in type(obj).__mro__ if kind in table)
    return table.get(next(kinds, object), frozenset())
