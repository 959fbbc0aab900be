"""Removals that the target does not know: believed only where their path is known to be right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.commands.run import _hints
from engine.run.one_run import exit_of
from engine.values.errors import Exit
from world.project import World, world

PATH = 'DELETE, path: "/clients/{{ saved.client_id | path }}"'
WRONG = (PATH, PATH.replace("/clients/", "/clientz/"))
HELD = {"removed": 2, "withheld": 2, "requests": 2}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.put("client", ("k1", "Ala"), ("k2", "Ola"), ("k3", "Ela"))
        made.run("clients")
        yield made


def unknown_paths(seen: Any) -> Any:
    return 404 if seen.target.startswith("/clientz") else None


def exit_code(it: World) -> Exit:
    assert it.last is not None
    return exit_of(it.last)


def leave(it: World, *ids: str) -> None:
    for each in ids:
        it.sql(f"DELETE FROM client WHERE id = '{each}'")


def test_a_path_that_is_misspelt_forgets_nobody(it: World) -> None:
    it.edit("clients", WRONG)
    it.platform.rule = unknown_paths
    leave(it, "k1", "k2")

    wrong = [it.run("clients"), it.run("clients")]
    said = (exit_code(it), it.last.notes if it.last else ())
    hints = _hints([it.last] if it.last else [])
    it.edit("clients", (WRONG[1], WRONG[0]))
    right = it.run("clients")

    assert wrong == 2 * [{"extracted": 1, "unchanged": 1, **HELD}]
    assert said[0] == Exit.GUARD
    assert "DELETE /clientz/" in said[1][0]
    assert "on_status: {404: confirm}" in said[1][0]
    assert "DELETE /clientz/c-k1-1 does not know" in hints[-1]
    assert "`on_status: {404: confirm}`" in hints[-1]
    assert right == {"extracted": 1, "unchanged": 1, "removed": 2, "confirmed": 2, "requests": 2}
    assert it.platform.names() == {"k3": "Ela"}


def test_once_a_removal_was_accepted_a_record_that_is_gone_is_removed(it: World) -> None:
    leave(it, "k1")
    it.run("clients")
    leave(it, "k2", "k3")
    it.platform.plan(404)

    assert it.run("clients") == {"removed": 2, "confirmed": 2, "requests": 2}


def test_another_path_has_to_be_accepted_anew(it: World) -> None:
    leave(it, "k1")
    it.run("clients")
    it.edit("clients", WRONG)
    it.platform.rule = unknown_paths
    leave(it, "k2", "k3")

    assert it.run("clients") == HELD


def test_what_was_held_back_goes_once_another_removal_was_accepted(it: World) -> None:
    leave(it, "k1", "k2")
    it.platform.plan(404)

    first, second = it.run("clients"), it.run("clients")

    assert (first["withheld"], first["confirmed"]) == (1, 1)
    assert (second["removed"], second["confirmed"]) == (1, 1)


def test_a_removal_whose_answer_was_lost_is_done(it: World) -> None:
    leave(it, "k1")
    it.platform.plan("after")
    it.run("clients")

    assert it.run("clients")["confirmed"] == 1


@pytest.mark.parametrize("status", [404, 410])
def test_the_mapping_can_say_that_the_answer_is_right(it: World, status: int) -> None:
    it.edit("clients", ("  - on: [removed]\n", f"  - on: [removed]\n    on_status: {{{status}: confirm}}\n"))
    leave(it, "k1")
    it.platform.plan(status)

    assert it.run("clients")["confirmed"] == 1
