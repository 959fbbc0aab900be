"""The elements of `$each`: what generated code asks of a list and of each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from jinja2.utils import missing

from engine.templates.nulls import sent
from engine.values import preview

_ROWS = frozenset({dict})


def columns(row: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Give the columns of an element; what it does not have is `missing`, a fault where a template uses it."""
    return [row.get(name, missing) for name in names]


def given(row: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Give the columns of an element, null for what it does not have."""
    return [row.get(name) for name in names]


def _elements(value: Any) -> Iterable[Mapping[str, Any]]:
    """Give the rows of a list; an element that is no map is a row whose only column is `item`."""
    rows = sent(value)
    if rows is None:
        return ()
    if not isinstance(rows, list | tuple):
        raise ValueError(f"{preview(rows)} is not a list, so $each cannot go through it")
    return rows if _ROWS.issuperset(map(type, rows)) else _as_rows(rows)


def _as_rows(values: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    return (value if isinstance(value, Mapping) else {"item": value} for value in values)


def _under(row: Mapping[str, Any], parent: Any) -> Mapping[str, Any]:
    return {**row, "parent": parent}


STEPS: Mapping[str, Callable[..., Any]] = {  # by the name under which generated code calls them
    "$elements": _elements,
    "$append": list.append,
    "$under": _under,
}
