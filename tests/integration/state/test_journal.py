"""The journal's file between processes, and what is found in it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.state.journal.history import failing
from engine.state.journal.journal import Journal
from engine.state.journal.requests import Exchange
from engine.values.records import Clock

OTHER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from engine.state.journal import Journal
with Journal.open(Path(sys.argv[1]), lambda: datetime.now(UTC)) as journal:
    journal.runs.move_cursor("other", 1)
"""


def clock() -> Clock:
    return lambda: datetime.now(UTC)


def test_another_process_that_ends_does_not_take_the_log_from_under_an_open_journal(tmp_path: Path) -> None:
    with Journal.open(tmp_path, clock()) as held:
        held.runs.move_cursor("mine", 1)
        Journal.open(tmp_path, clock()).close()  # as a scheduler's next run does, in the same process
        subprocess.run([sys.executable, "-P", "-c", OTHER, str(tmp_path)], check=True)
        held.runs.move_cursor("mine", 2)

        with Journal.open(tmp_path, clock()) as fresh:
            cursors = [fresh.runs.standing(name).cursor for name in ("mine", "other")]

    assert cursors == [2, 1]
    assert not list(Path("/proc/self/fd").glob("*deleted*"))


def test_the_files_of_the_state_are_their_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with Journal.open(folder, clock()) as journal:
        journal.runs.move_cursor("mine", 1)
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}

    assert modes == dict.fromkeys(("journal.sqlite", "journal.sqlite-shm", "journal.sqlite-wal"), 384)
    assert folder.stat().st_mode & 0o777 == 0o700


def exchange(method: str, status: int | None) -> Exchange:
    return Exchange(method=method, target="/", lines=1, status=status, outcome="", reason=None, duration_seconds=0.0)


@pytest.mark.parametrize(
    ("asked", "attempts"),
    [
        ([], None),
        ([("mine", "PUT", 503)], None),  # no breaker opens after one
        ([("mine", "PUT", 503), ("mine", "GET", None), ("mine", "PUT", 408)], 3),
        ([("mine", "PUT", 503), ("mine", "PUT", 503), ("mine", "PUT", 200)], None),
        ([("mine", "PUT", 503), ("mine", "PUT", 422), ("mine", "PUT", 503)], None),
        ([("mine", "PUT", 503), ("mine", "PUT", 503), ("other", "PUT", 200)], 2),  # at another connection
        ([("mine", "GET", 200), ("mine", "WRITE", None), ("mine", "WRITE", None)], None),  # to the ERP
        ([("mine", "GET", 503), ("mine", "ADOPT", None), ("mine", "GET", 503)], 2),  # asked nobody
    ],
)
def test_a_connection_fails_when_its_latest_attempts_do(
    tmp_path: Path, asked: list[tuple[str, str, int | None]], attempts: int | None
) -> None:
    with Journal.open(tmp_path, clock()) as journal:
        for object_, method, status in asked:
            journal.requests.add(object_, "run", exchange(method, status))
        found = failing(journal, {"mine"}, 2)

    assert (found and found.attempts) == attempts
