"""One value of another kind is the fault of its own row: the column keeps its kind, and nothing else is sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from world.project import World, world


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def reason(it: World, name: str, *key: str) -> str:
    with it.journal() as journal:
        [found] = [each for each in journal.rejections.of(name) if each.key == key]
        return found.refusal.reason


def notes(it: World) -> tuple[str, ...]:
    assert it.last is not None
    return it.last.notes


def test_a_text_among_numbers_that_were_confirmed_is_refused_alone(it: World) -> None:
    it.put("item", ("W", "A", 1), ("W", "B", 2), ("W", "C", 3))
    it.run("items")
    it.put("item", ("W", "A", 1), ("W", "B", 2), ("W", "C", 3), ("W", "D", "brak"))

    assert it.run("items") == {"extracted": 4, "unchanged": 3, "added": 1, "rejected": 1}
    assert it.platform.items == {"W": {"A": 1, "B": 2, "C": 3}}
    assert reason(it, "items", "W", "D") == (
        "column value holds a text brak, where a column of numbers is expected; correct it at the source, or let the "
        "query give null in its place; if all of the column is meant so, CAST it in the query"
    )
    it.put("item", ("W", "A", 1), ("W", "B", 2), ("W", "C", 3), ("W", "D", 4))
    assert it.run("items") == {"extracted": 4, "unchanged": 3, "added": 1, "confirmed": 1, "requests": 1}
    assert it.rejected("items") == {}


def test_rows_with_odd_values_in_several_columns_are_refused_alone(it: World) -> None:
    it.edit("items", ('  value: "{{ value }}"', '  value: "{{ value }}"\n  group: "{{ grp }}"'))
    it.put("item", (1, 1, 1), (1, 2, "brak"), ("W", 3, 3), (1, "C", 4), (1, 5, 5))

    assert it.run("items") == {"extracted": 5, "added": 5, "rejected": 3, "confirmed": 2, "requests": 1}
    assert it.platform.items == {"1": {1: 1, 5: 5}}


@pytest.mark.parametrize(
    ("values", "sent", "odd"),
    [
        ((1, 2, "brak"), {"0": 1, "1": 2}, {"2"}),
        (("brak", 1, 2), {"1": 1, "2": 2}, {"0"}),
        ((None, 1, b"\x00"), {"0": None, "1": 1}, {"2"}),
        (("a", "b", 3), {"0": "a", "1": "b", "2": "3"}, set()),
        (("a", 3), {"0": "a", "1": "3"}, set()),
        (("a", "b", b"\x00\xff"), {"0": "a", "1": "b"}, {"2"}),
    ],
)
def test_a_first_read_takes_the_kind_of_most_values(
    it: World, values: tuple[object, ...], sent: dict[str, object], odd: set[str]
) -> None:
    it.put("item", *(("W", str(number), value) for number, value in enumerate(values)))

    it.run("items")

    assert {key[1] for key in it.rejected("items")} == odd
    assert it.platform.items["W"] == sent


def test_a_column_that_changes_in_every_row_changes_its_kind_once_and_is_told(it: World) -> None:
    it.put("item", ("W", "A", 1), ("W", "B", 2), ("W", "C", None))
    it.run("items")
    it.put("item", ("W", "A", "1"), ("W", "B", "2"), ("W", "C", None))

    assert it.run("items") == {"extracted": 3, "unchanged": 1, "changed": 2, "confirmed": 2, "requests": 1}
    assert notes(it) == (
        "items: column value held numbers and holds texts now, in every row: all rows count as changed, this once",
    )
    assert it.platform.items == {"W": {"A": "1", "B": "2", "C": None}}
    assert it.run("items") == {"extracted": 3, "unchanged": 3}
    assert notes(it) == ()


def test_a_column_without_values_for_a_while_keeps_its_kind(it: World) -> None:
    it.put("item", ("W", "A", 1), ("W", "B", 2))
    it.run("items")
    it.put("item", ("W", "A", None), ("W", "B", None))
    it.run("items")
    it.put("item", ("W", "A", None), ("W", "B", 2), ("W", "C", "brak"))

    assert it.run("items") == {
        "extracted": 3,
        "unchanged": 1,
        "added": 1,
        "changed": 1,
        "confirmed": 1,
        "rejected": 1,
        "requests": 1,
    }
    assert it.platform.items == {"W": {"A": None, "B": 2}}


def test_a_column_of_texts_takes_numbers_as_they_are_written_while_one_text_is_left(it: World) -> None:
    it.put("item", ("W", "A", "x"), ("W", "B", "y"))
    it.run("items")
    it.put("item", ("W", "A", "x"), ("W", "B", 17))

    assert it.run("items") == {"extracted": 2, "unchanged": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items == {"W": {"A": "x", "B": "17"}}


def test_an_odd_value_that_no_template_uses_costs_nobody_anything(it: World) -> None:
    it.edit("items", ("SELECT grp, id, value FROM item", "SELECT grp, id, 5 AS value, value AS note FROM item"))
    it.put("item", ("W", "A", 1), ("W", "B", 2), ("W", "C", "brak"))

    assert it.run("items") == {"extracted": 3, "added": 3, "confirmed": 3, "requests": 1}


def test_an_odd_value_in_a_line_is_the_fault_of_its_order(tmp_path: Path) -> None:
    with world(tmp_path, "orders") as it:
        it.put("orders", (1, "b"), (2, "b"), (3, "b"))
        it.put("order_line", (1, 1, 10), (2, 1, 20), (2, 2, 21), (3, 1, 30))
        it.run("orders")
        it.put("order_line", (1, 1, 10), (2, 1, 20), (2, 2, "brak"), (3, 1, 30))

        assert it.run("orders") == {"extracted": 3, "unchanged": 2, "added": 1, "rejected": 1}
        assert reason(it, "orders", "2").startswith("a row of its children lines: column sku holds a text brak, where")


def test_a_partial_read_keeps_the_kind_and_a_whole_one_finds_what_changed_in_every_row(tmp_path: Path) -> None:
    with world(tmp_path, "entries") as it:
        it.edit("entries", ("overlap_seconds: 0,", "overlap_seconds: 0, start: 0,"))
        it.put("entry", (1, 1, 1), (2, 2, 2))
        it.run("entries")
        it.put("entry", (1, 1, 1), (2, 2, 2), (3, "brak", 3))

        assert it.run("entries") == {"extracted": 2, "unchanged": 1, "added": 1, "rejected": 1}
        it.put("entry", (1, "a", 1), (2, "b", 2), (3, "brak", 3), (4, "c", 4))
        assert it.run("entries") == {"extracted": 2, "added": 2, "rejected": 2}
        assert it.run("entries")["confirmed"] == 4
        assert [each["value"] for each in it.platform.things["entries"].values()] == ["a", "b", "brak", "c"]


def test_what_was_removed_is_told_with_values_of_their_kind_also_where_no_row_is_left(it: World) -> None:
    it.edit("items", ("{{ removed | map(attribute='id') | list }}", "{{ removed | map(attribute='value') | list }}"))
    it.put("item", ("W", "A", 1))
    it.run("items")
    it.put("item")
    bodies: list[bytes] = []
    it.platform.rule = lambda seen: bodies.append(seen.body)

    it.run("items")

    assert json.loads(bodies[0])["gone"] == [1]
