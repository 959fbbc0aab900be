"""Null in templates: the null reference, and what becomes of a leaf without a value."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from decimal import Decimal
from types import NoneType
from typing import Any, Literal, TypeAlias

_OMITTED = object()
_UNMADE = (Iterator, KeysView, ValuesView, ItemsView)
_SCALARS = frozenset({str, int, bool, NoneType, Decimal})


class _Nulls:
    """The null reference: false, equal to null, and every attribute of it is null."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or other is self

    def __hash__(self) -> int:
        return hash(None)

    def __repr__(self) -> str:
        return "NULLS"


NULLS = _Nulls()


def sent(value: Any) -> Any:
    """Give a leaf's value: lists that are still being made are made here, where their faults are known by field."""
    if type(value) in _SCALARS:
        return value
    if value is NULLS:
        return None
    return list(value) if isinstance(value, _UNMADE) else value


def _omitted(value: Any) -> Any:
    value = sent(value)
    return _OMITTED if value is None else value


def _rejected(value: Any) -> Any:
    value = sent(value)
    if value is None:
        raise ValueError("is null")
    return value


def _filled(value: Any) -> Any:
    return value or _OMITTED


def _required(value: Any) -> Any:
    if not value:
        raise ValueError("is empty")
    return value


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item is not _OMITTED}
    return [item for item in value if item is not _OMITTED]


POLICIES: Mapping[str, Callable[[Any], Any]] = {  # by the name under which generated code calls them
    "$send": sent,
    "$omit": _omitted,
    "$reject": _rejected,
    "$omit_empty": _filled,
    "$reject_empty": _required,
    "$pruned": _pruned,
}
OMITTING = frozenset({"$omit", "$omit_empty"})  # what they give may have to be left out


OnNull: TypeAlias = Literal["send", "omit", "reject"]
