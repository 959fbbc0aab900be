"""A copy of the state of an object, for commands that change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.run import Surroundings
from engine.state import Ledger, Staging, check_ends, check_pair, recover_copy
from engine.state.journal import Journal

DRY_WAIT_SECONDS = 30.0


@contextmanager
def copied(object_: str, around: Surroundings) -> Iterator[tuple[Staging, Journal]]:
    """Open a copy of an object's state for a dry command, the last run settled in it."""
    path = around.state / f"{object_}.duckdb"
    with (
        Journal.open_to_read(around.state, around.clock) as journal,
        Staging.copy(path, wait_seconds=DRY_WAIT_SECONDS) as staging,
    ):
        ledger = Ledger(staging)
        check_pair(ledger, journal, object_)
        recover_copy(ledger, journal, object_, around.clock())
        check_ends(ledger, journal, object_, around.ends)
        yield staging, journal
