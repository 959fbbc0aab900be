"""Pauses: connections that nobody asks for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.connections.http import LONGEST_PAUSE, pause_until
from engine.state.journal.sqlite_file import JournalFile
from engine.state.stored_texts import stamp

SAME_MOMENT = timedelta(seconds=1)  # what several requests heard of one wait
CLOCK_SLACK = timedelta(minutes=1)  # two processes may see a clock that was just corrected


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A connection whose credentials were refused, or that asked for a long wait."""

    since: datetime
    until: datetime  # then one request probes
    reason: str
    probes: int  # 0: it asked to wait


@dataclass(frozen=True, slots=True)
class Pauses:
    """The pauses of connections, by their names."""

    _file: JournalFile

    def add(self, connection: str, reason: str, *, asked_seconds: float | None = None) -> None:
        """Pause all objects of a connection: for as long as it asked, else for 1, 2, 4, ... minutes by the probes.

        A pause in force only gets longer, by what is asked for: what several objects are told at once is one probe.
        """
        now = self._file.now()
        with self._file.transaction():
            before = self.all().get(connection) or Pause(since=now, until=now, reason=reason, probes=0)
            in_force = before.until > now
            later = pause_until(now, before.probes, asked_seconds)
            if in_force and (asked_seconds is None or later < before.until + SAME_MOMENT):
                return
            self._file.write(
                "insert or replace into pauses values (?, ?, ?, ?, ?)",
                connection,
                stamp(before.since),
                stamp(max(before.until, later)),
                before.reason if in_force else self._file.hidden(reason),
                before.probes + (asked_seconds is None),
            )

    def end(self, connection: str) -> None:
        """End a connection's pause."""
        if self._file.rows("select 1 from pauses where connection = ?", connection):
            self._file.write("delete from pauses where connection = ?", connection)

    def all(self) -> dict[str, Pause]:
        """Give every paused connection.

        An `until` that no pause reaches was noted by a clock that was wrong: it is over.
        """
        now = self._file.now()
        latest = now + LONGEST_PAUSE + CLOCK_SLACK
        found = {}
        for name, *times, reason, probes in self._file.rows("select * from pauses"):
            since, until = map(datetime.fromisoformat, times)
            until = until if until <= latest else min(since, now)
            found[name] = Pause(since=since, until=until, reason=reason, probes=probes)
        return found
