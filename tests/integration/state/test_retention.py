"""How long the history is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.state.journal.journal import Journal
from engine.state.journal.requests import Exchange
from engine.state.journal.retention import KEPT_DAYS, prune
from engine.values.results import Counts, ObjectResult, Status

NOW = datetime(2031, 5, 4, 12, tzinfo=UTC)
AGES = {"new": timedelta(0), "kept": timedelta(days=KEPT_DAYS), "old": timedelta(days=KEPT_DAYS, seconds=1)}
ASKED = Exchange(method="PUT", target="/", lines=1, status=200, outcome="confirmed", reason=None, duration_seconds=0.1)


def test_runs_and_requests_are_dropped_after_thirty_days_and_a_run_that_did_not_end_is_not(tmp_path: Path) -> None:
    for run_id, age in AGES.items():
        with Journal.open(tmp_path, lambda age=age: NOW - age) as journal:
            journal.requests.add("items", run_id, ASKED)
            journal.runs.ended(ended("items", run_id, NOW - age))
    with Journal.open(tmp_path, lambda: NOW) as journal:
        journal.runs.begin("notes", "killed", NOW - timedelta(days=99))
        journal.runs.move_cursor("notes", 7)

        prune(journal)

        assert {each.run_id for each in journal.runs.latest(None, 9)} == {"new", "kept", "killed"}
        assert {each.run_id for each in journal.requests.latest(None, 9)} == {"new", "kept"}
        assert (journal.runs.standing("notes").cursor, KEPT_DAYS) == (7, 30)


def ended(object_: str, run_id: str, at: datetime) -> ObjectResult:
    return ObjectResult(
        object=object_, run_id=run_id, status=Status.SUCCESS, counts=Counts(), started_at=at, duration_seconds=0.1
    )
