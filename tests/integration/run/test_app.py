"""The project wired together: its clock, its ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.schedule.service import run_once
from engine.values.log import open_log
from world.project import World, world


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def test_all_that_is_noted_has_the_time_of_the_clock_that_the_program_was_given(it: World) -> None:
    now = datetime(2031, 5, 4, 12, tzinfo=UTC)
    it.clock = lambda: now
    it.put("item", ("W1", "A", "a"))
    log = open_log(verbose=False, form="json", secrets=frozenset, quiet=True)

    [result] = run_once(it.app, it.app.loaded.select(["items"]), run_id="r", allowed={}, log=log)

    with it.journal() as journal:
        run, requests = journal.runs.last()["items"], journal.requests.latest("items", 9)
    assert {result.started_at, run.started_at, run.ended_at, *(each.at for each in requests)} == {now}
    assert result.duration_seconds == 0.0
