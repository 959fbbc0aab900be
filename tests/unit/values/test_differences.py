"""Two lines are compared field by field, as JSON compares values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.values.differences import additions, by_table, differences

CASES: dict[str, tuple[Any, Any, dict[str, list[Any]]]] = {
    "equal numbers of other types": ({"a": 5}, {"a": Decimal("5.00")}, {}),
    "numbers are exact texts": ({"a": Decimal("0.10")}, {"a": Decimal("1E+2")}, {"a": ["0.1", "100"]}),
    "true is not one": ({"a": 1}, {"a": True}, {"a": ["1", True]}),
    "text is not its number": ({"a": "5"}, {"a": 5}, {"a": ["5", "5"]}),
    "maps are dotted": ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a.c": ["2", "3"]}),
    "lists have numbers": ({"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 2}]}, {"a[1].b": [None, "2"]}),
    "a field that comes": ({}, {"a": "x"}, {"a": [None, "x"]}),
    "a field that goes": ({"a": "x"}, {}, {"a": ["x", None]}),
    "null in place of nothing": ({}, {"a": None}, {"a": [None, None]}),
    "an empty list is a value": ({"a": []}, {"a": [1]}, {"a[0]": [None, "1"], "a": ["[]", None]}),
}


@pytest.mark.parametrize("case", CASES)
def test_differences(case: str) -> None:
    old, new, expected = CASES[case]

    assert differences(old, new) == expected


def test_an_added_line_shows_every_field() -> None:
    assert additions({"a": {"b": True}, "c": None}) == {"a.b": [None, True], "c": [None, None]}


def test_what_an_inbound_line_writes_is_named_by_table_and_column() -> None:
    head = {"table": "t", "rows": [{"key": {"id": 1}, "fields": {"x": 2}}], "scope": {}, "delete_orphans": False}
    lines = {**head, "table": "l", "rows": [{"key": {"id": 1, "no": n}, "fields": {}} for n in (1, 2)]}
    call = {"statement": 0, "params": {"id": 1}}

    assert by_table([head, lines, call]) == {
        "t": {"id": 1, "x": 2},
        "l": [{"id": 1, "no": 1}, {"id": 1, "no": 2}],
        "statement 1": {"id": 1},
    }
