"""What differs between two lines, field by field: paths as people write them, values as one text each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from engine.values.canonical import canonical
from engine.values.json_text import Path, path_text

Shown: TypeAlias = str | bool | None  # numbers as their exact text; None: null, or not there
Differences: TypeAlias = dict[str, list[Shown]]  # field: its value before and now

_NOT_THERE = object()


def differences(old: Any, new: Any) -> Differences:
    """Give the fields whose value differs, in the order of `new`, then what only `old` has."""
    before, now = dict(_flat(old, ())), dict(_flat(new, ()))
    return {
        path_text(path): [_shown(before.get(path)), _shown(now.get(path))]
        for path in [*now, *(each for each in before if each not in now)]
        if not _equal(before.get(path, _NOT_THERE), now.get(path, _NOT_THERE))
    }


def additions(new: Any) -> Differences:
    """Give every field of a line that has nothing before it."""
    return {path_text(path): [None, _shown(value)] for path, value in _flat(new, ())}


def by_table(writes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Name what an inbound line writes by table and column; the rows of a list by their number, from 0."""
    named: dict[str, Any] = {}
    for write in writes:
        if "statement" in write:
            named.setdefault(f"statement {write['statement'] + 1}", []).append(write["params"])
        else:
            named.setdefault(write["table"], []).extend({**row["key"], **row["fields"]} for row in write["rows"])
    return {name: rows[0] if len(rows) == 1 else rows for name, rows in named.items()}


def _flat(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Walk to the leaves; an empty list or map is a leaf."""
    if isinstance(value, Mapping) and (value or not path):
        for name, each in value.items():
            yield from _flat(each, (*path, name))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from _flat(each, (*path, index))
    else:
        yield path, value


def _equal(old: Any, new: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _shown(value: Any) -> Shown:
    if value is None or isinstance(value, bool | str):
        return value
    return canonical(value) if isinstance(value, int | float | Decimal) else str(value)
