"""A death of the process at a chosen moment: one seam around every effect that outlives the process.

An effect is a statement that DuckDB keeps, a transaction of the journal, an HTTP request, a record written to the ERP.
The fuse counts them; when it has burnt down, the effect does not happen, and neither does any after it.

    with seam(fuse := Fuse()):
        fuse.burn(17)
        with suppress(Crash):
            ...                                  # dies before its 17th effect

What a dying program still does in memory, such as closing files, is harmless to what it left on disk, except that
DuckDB writes its log into its file. So `on_crash` is called first: there the files can be copied as a kill leaves them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.journal import Journal
from engine.sql import SqlEnd
from engine.staging import Staging
from engine.transport import HttpEnd

PASSING = re.compile(
    r"\s*(select|from|rollback|create (or replace )?temp|insert into (refused|lines|set_aside|judged))"
)
KEPT = re.compile(r"(changes|ledger|meta)\b")


class Crash(BaseException):
    """The process is dead; nothing catches it."""


class Fuse:
    """Counts effects down; unlit it only counts."""

    def __init__(self, on_crash: Callable[[], None] = lambda: None) -> None:
        self.count = 0  # effects since it was lit or put out
        self.on_crash = on_crash
        self._at: int | None = None
        self._dead = False
        self._lock = threading.Lock()

    def burn(self, effects: int | None) -> None:
        """Die before the effect of that number, from 1; None: do not."""
        self.count, self._at, self._dead = 0, effects, False

    def step(self) -> None:
        """Count an effect that is about to happen."""
        with self._lock:
            if not self._dead:
                self.count += 1
                self._dead = self.count == self._at
                if self._dead:
                    self.on_crash()
        if self._dead:
            raise Crash

    def die(self) -> None:
        """Die here and now."""
        self.burn(1)
        self.step()


def is_kept(sql: str) -> bool:
    """Tell whether a statement is one on the ledger, on the changes or on the notes."""
    return not PASSING.match(sql) and bool(KEPT.search(sql))


@contextmanager
def seam(fuse: Fuse) -> Iterator[None]:
    """Put the fuse before every effect."""
    transaction, run, exchange, write = Journal.transaction, Staging.run, HttpEnd._attempt, SqlEnd._write

    @contextmanager
    def journal_transaction(self: Journal) -> Iterator[None]:
        inside = self._connection.in_transaction
        with transaction(self):
            yield
            if not inside:
                fuse.step()

    open_: set[Staging] = set()  # in a transaction, whose effect is its commit

    def staging_run(self: Staging, sql: str, *params: Any) -> None:
        if sql == "begin":
            open_.add(self)
        elif sql == "commit" or (is_kept(sql) and self not in open_):
            fuse.step()
        if sql == "commit":
            open_.discard(self)
        run(self, sql, *params)

    def http_exchange(self: HttpEnd, *args: Any) -> Any:
        fuse.step()
        return exchange(self, *args)

    def sql_write(self: SqlEnd, *args: Any) -> None:
        fuse.step()
        write(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "transaction", journal_transaction)
        patch.setattr(Staging, "run", staging_run)
        patch.setattr(HttpEnd, "_attempt", http_exchange)
        patch.setattr(SqlEnd, "_write", sql_write)
        yield
