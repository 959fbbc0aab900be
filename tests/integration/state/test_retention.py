"""How long the history is kept, in what steps it goes, and that its space is given back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.run.app import utc_now
from engine.schedule.service import run_once
from engine.state.journal import retention
from engine.state.journal.journal import Journal
from engine.state.journal.requests import Exchange
from engine.state.journal.retention import prune
from engine.state.journal.sqlite_file import FILE_NAME
from engine.state.stored_texts import stamp
from engine.values.results import Counts, ObjectResult, Status
from world.lines import Lines
from world.project import world

NOW = datetime(2031, 5, 4, 12, tzinfo=UTC)
DAYS = 30
AGES = {"new": timedelta(0), "kept": timedelta(days=DAYS), "old": timedelta(days=DAYS, seconds=1)}
ASKED = Exchange(method="PUT", target="/", lines=1, status=200, outcome="confirmed", reason=None, duration_seconds=0.1)
MANY = 30_000


def at(age: timedelta) -> Callable[[], datetime]:
    return lambda: NOW - age


def test_runs_and_requests_are_dropped_after_their_days_and_a_run_that_did_not_end_is_not(tmp_path: Path) -> None:
    for run_id, age in AGES.items():
        with Journal.open(tmp_path, at(age)) as journal:
            journal.requests.add("items", run_id, ASKED)
            journal.runs.ended(ended("items", run_id, NOW - age))
    with Journal.open(tmp_path, at(timedelta(0))) as journal:
        journal.runs.begin("notes", "killed", NOW - timedelta(days=99))
        journal.runs.move_cursor("notes", 7)

        prune(journal, DAYS)

        assert {each.run_id for each in journal.runs.latest(None, 9)} == {"new", "kept", "killed"}
        assert {each.run_id for each in journal.requests.latest(None, 9)} == {"new", "kept"}
        assert journal.runs.standing("notes").cursor == 7


def fill(folder: Path) -> Path:
    """Keep many old requests, and a new one."""
    with Journal.open(folder, at(timedelta(0))) as journal:
        journal.requests.add("items", "new", ASKED)
    path = folder / FILE_NAME
    with sqlite3.connect(path) as file:
        file.executemany(
            "insert into requests (run_id, object, at, method, target, lines, status, outcome, duration_seconds)"
            " values ('old', 'items', ?, 'PUT', ?, 1, 200, 'confirmed', 0.1)",
            ((stamp(NOW - timedelta(days=99, seconds=n)), f"/items/{n:060}") for n in range(MANY)),
        )
    file.execute("pragma wal_checkpoint(truncate)")
    file.close()
    return path


def test_old_history_goes_in_small_steps_and_what_is_left_is_the_next_run_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    with Journal.open(tmp_path, at(timedelta(0))) as journal:
        changed: list[int] = []
        write = journal.file.write
        monkeypatch.setattr(journal.file, "write", lambda *given: changed.append(write(*given)) or changed[-1])
        monkeypatch.setattr(retention, "MOST_SECONDS", 0.001)
        prune(journal, DAYS)
        after_one = journal.file.rows("select count(*) from requests")[0][0]
        monkeypatch.setattr(retention, "MOST_SECONDS", 60)
        prune(journal, DAYS)

        assert 0 < after_one - 1 < MANY
        assert max(changed) == retention.STEP_ROWS
        assert [each.run_id for each in journal.requests.latest(None, 9)] == ["new"]


@pytest.mark.parametrize("is_from_before", [False, True])
def test_the_file_gives_back_the_space_of_what_was_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_from_before: bool
) -> None:
    monkeypatch.setattr(retention, "MOST_SECONDS", 60)
    if is_from_before:
        sqlite3.connect(tmp_path / FILE_NAME).execute("pragma journal_mode = wal").connection.close()
    path = fill(tmp_path)
    before = path.stat().st_size
    with Journal.open(tmp_path, at(timedelta(0))) as journal:
        prune(journal, DAYS)
        identity = journal.identity
    after = path.stat().st_size

    assert (before > 5_000_000, after < 2_000_000) == (True, True)
    with Journal.open(tmp_path, at(timedelta(0))) as journal:
        assert journal.identity == identity
        assert [each.run_id for each in journal.requests.latest(None, 9)] == ["new"]


def test_what_is_dropped_is_found_by_an_index(tmp_path: Path) -> None:
    with Journal.open(tmp_path, at(timedelta(0))) as journal:
        plan = journal.file.rows("explain query plan select id from requests where at < ? order by at limit 9", "x")

    assert "requests_by_time" in str(plan)


def test_a_run_drops_what_is_older_than_the_project_says(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.edit("project", ("timezone:", "history_days: 7\ntimezone:"))
        it.put("item", ("W", "A", 1))
        for age in (6, 8):
            with Journal.open(it.state, lambda age=age: utc_now() - timedelta(days=age)) as journal:
                journal.requests.add("items", f"{age} days", ASKED)
        [result] = run_once(it.app, it.app.loaded.select(["items"]), run_id="today", allowed={}, log=Lines())

        assert result.status is Status.SUCCESS
        with it.journal() as journal:
            assert {each.run_id for each in journal.requests.latest(None, 9)} == {"6 days", "today"}


def ended(object_: str, run_id: str, at: datetime) -> ObjectResult:
    return ObjectResult(
        object=object_, run_id=run_id, status=Status.SUCCESS, counts=Counts(), started_at=at, duration_seconds=0.1
    )
