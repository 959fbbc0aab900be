"""What the journal keeps of attempts, of pauses of connections, and of fires."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from engine.connections.http.backoff import LONGEST_PAUSE, pause_until
from engine.state.journal.entries import Exchange, stamp
from engine.state.journal.sqlite_file import JournalFile

SAME_MOMENT = timedelta(seconds=1)  # what several requests heard of one wait
CLOCK_SLACK = timedelta(minutes=1)  # two processes may see a clock that was just corrected


class Log(JournalFile):
    """The part of the journal that says what was done when, and when to go on."""

    def log_request(self, object_: str, run_id: str, exchange: Exchange) -> None:
        """Keep one attempt for the history."""
        self._write(
            "insert into requests"
            " (run_id, object, at, method, target, lines, status, outcome, reason, duration_seconds)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            run_id,
            object_,
            stamp(self._clock()),
            exchange.method,
            self._hide(exchange.target),
            exchange.lines,
            exchange.status,
            exchange.outcome,
            self._hidden(exchange.reason),
            exchange.duration_seconds,
        )

    def pause(self, connection: str, reason: str, *, asked_seconds: float | None = None) -> None:
        """Pause all objects of a connection: for as long as it asked, else for 1, 2, 4, ... minutes by the probes.

        A pause in force only gets longer, by what is asked for: what several objects are told at once is one probe.
        """
        now = self._clock()
        with self.transaction():
            since, until, before, probes = self.pauses().get(connection, (now, now, reason, 0))
            in_force = until > now
            later = pause_until(now, probes, asked_seconds)
            if in_force and (asked_seconds is None or later < until + SAME_MOMENT):
                return
            until = max(until, later)
            self._write(
                "insert or replace into pauses values (?, ?, ?, ?, ?)",
                connection,
                stamp(since),
                stamp(until),
                before if in_force else self._hide(reason),
                probes + (asked_seconds is None),
            )

    def unpause(self, connection: str) -> None:
        """End a connection's pause."""
        if self.rows("select 1 from pauses where connection = ?", connection):
            self._write("delete from pauses where connection = ?", connection)

    def pauses(self) -> dict[str, tuple[datetime, datetime, str, int]]:
        """Give since, until, reason and number of probes of every paused connection; after `until` one request probes.

        An `until` that no pause reaches was noted by a clock that was wrong: it is over.
        """
        latest = self._clock() + LONGEST_PAUSE + CLOCK_SLACK
        found = {}
        for name, since, until, reason, probes in self.rows("select * from pauses"):
            over_at = datetime.fromisoformat(until)
            began_at = datetime.fromisoformat(since)
            found[name] = (began_at, over_at if over_at <= latest else min(began_at, self._clock()), reason, probes)
        return found

    def fired(self, object_: str, operations: Iterable[int], at: datetime) -> None:
        """Note up to when the fires of operations are served."""
        self._write_many(
            "insert or replace into fires values (?, ?, ?)", [(object_, each, stamp(at)) for each in operations]
        )

    def fires(self) -> dict[tuple[str, int], datetime]:
        """Tell up to when the fires of every operation are served."""
        sql = "select object, operation, at from fires"
        return {(object_, operation): datetime.fromisoformat(at) for object_, operation, at in self.rows(sql)}

    def prune(self, *, days: int = 30) -> None:
        """Drop history older than this; nothing that a decision rests on."""
        before = stamp(self._clock() - timedelta(days=days))
        with self.transaction():
            self._write("delete from requests where at < ?", before)
            self._write("delete from runs where started_at < ? and ended_at is not null", before)
