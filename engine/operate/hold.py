"""An object's state, opened for a person's change: the file that keeps its runs away, and the journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.run import App
from engine.state import DamagedError, Staging
from engine.state.journal import FILE_NAME, Journal


@contextmanager
def held(app: App, object_: str) -> Iterator[Staging | None]:
    """Hold an object's file, so that no run of it begins; None where there is none that can be used."""
    path = app.state / f"{object_}.duckdb"
    if not path.exists():
        yield None
        return
    try:
        staging = Staging.open(path, scratch=app.state, wait_seconds=app.busy_wait_seconds)
    except DamagedError:
        yield None
        return
    try:
        yield staging
    finally:
        staging.close()


@contextmanager
def opened_journal(app: App) -> Iterator[Journal]:
    """Open the journal to write; where there is none yet, an empty one in memory, so that none is made."""
    with app.journal_to_write() if (app.state / FILE_NAME).exists() else app.journal() as journal:
        yield journal
