"""What counts as a change, on the files of real runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from world.project import World, world


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.put("item", ("W1", "A", "a"), ("W1", "B", "b"))
        made.run("items")
        yield made


def test_what_is_confirmed_and_the_same_is_no_change(it: World) -> None:
    assert it.run("items") == {"extracted": 2, "unchanged": 2}


def test_a_new_a_different_and_a_missing_record_are_changes(it: World) -> None:
    it.put("item", ("W1", "A", "other"), ("W1", "C", "c"))

    assert it.run("items") == {
        "extracted": 2, "added": 1, "changed": 1, "removed": 1, "confirmed": 3, "requests": 1
    }  # fmt: skip
    assert it.platform.items == {"W1": {"A": "other", "C": "c"}}


def test_a_record_whose_last_answer_was_lost_is_a_change_although_it_is_what_was_confirmed(it: World) -> None:
    it.put("item", ("W1", "A", "other"), ("W1", "B", "b"))
    it.platform.plan("after")
    it.run("items")
    it.put("item", ("W1", "A", "a"), ("W1", "B", "b"))

    assert it.run("items") == {"extracted": 2, "unchanged": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": "a", "B": "b"}}


def test_a_column_that_no_template_names_is_no_change(it: World) -> None:
    it.edit("items", ("query: SELECT grp, id, value FROM item", "query: SELECT grp, id, value, 7 AS seven FROM item"))
    it.run("items")
    it.edit("items", ("7 AS seven", "8 AS seven"))

    assert it.run("items") == {"extracted": 2, "unchanged": 2}
