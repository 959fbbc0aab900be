"""Runs: where each object stands between them, and how they ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from engine.state.journal.marks_and_receipts import Marks
from engine.state.journal.sqlite_file import JournalFile
from engine.state.stored_texts import stamp, unstamp
from engine.values import Counts, ObjectResult

_LATEST = (
    "select run_id, object, started_at, ended_at, status, counts, duration_seconds, exit, error from runs"
    " where ?1 is null or object = ?1 order by started_at desc, object limit ?2"
)
_LAST = (
    "select run_id, object, max(started_at), ended_at, status, counts, duration_seconds, exit, error from runs"
    " group by object"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the journal says of an object between runs."""

    generation: int  # 0: never settled
    settling: int  # the generation that the DuckDB file may be at: one higher while a settle is under way
    open_run: str | None  # a run that did not end
    cursor: Any
    full_at: datetime | None
    once_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one object, as kept."""

    run_id: str
    object: str
    started_at: datetime
    ended_at: datetime | None  # None: it runs, or was killed
    status: str | None
    counts: Counts | None  # None: it did not end
    duration_seconds: float | None
    exit: int | None  # None: no failure
    error: str | None


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of each object, and its standing."""

    _file: JournalFile
    _marks: Marks  # they end where a run is settled

    # --- a run's beginning and end ---------------------------------------------------------------------

    def standing(self, object_: str) -> Standing:
        """Say where an object stands."""
        found = self._file.rows(
            "select generation, settling, open_run, cursor, full_at, once_done from objects where object = ?", object_
        )
        generation, settling, open_run, cursor, full_at, once_done = found[0] if found else (0, 0, None, None, None, 0)
        return Standing(
            generation=generation,
            settling=settling,
            open_run=open_run,
            cursor=json.loads(cursor) if cursor else None,
            full_at=unstamp(full_at),
            once_done=bool(once_done),
        )

    def begin(self, object_: str, run_id: str, at: datetime) -> None:
        """Note that a run of an object has begun; it is open until `settled`."""
        with self._file.transaction():
            self._file.write("insert or ignore into objects (object) values (?)", object_)
            self._file.write("update objects set open_run = ? where object = ?", run_id, object_)
            self._file.write(
                "insert or ignore into runs (run_id, object, started_at) values (?, ?, ?)", run_id, object_, stamp(at)
            )

    def settling(self, object_: str, generation: int) -> None:
        """Note that all is noted of what the DuckDB file is about to take in as this generation."""
        self._file.write("update objects set settling = ? where object = ?", generation, object_)

    def settled(self, object_: str, generation: int) -> None:
        """Drop the marks and receipts of the run that was settled into the DuckDB file of this generation."""
        with self._file.transaction():
            self._file.write(
                "insert into objects (object, generation, settling) values (?1, ?2, ?2)"
                " on conflict (object) do update set generation = ?2, settling = ?2, open_run = null",
                object_,
                generation,
            )
            self._marks.drop(object_)

    def ended(self, result: ObjectResult) -> None:
        """Keep how a run ended, and since when something is unconfirmed."""
        counts, failure = result.counts, result.failure
        open_records = counts.waiting + counts.unknown + counts.withheld + counts.failed + counts.rejected
        with self._file.transaction():
            self._file.write(
                "insert into runs (run_id, object, started_at) values (?, ?, ?) on conflict do nothing",
                result.run_id,
                result.object,
                stamp(result.started_at),
            )
            self._file.write(
                "update runs set ended_at = ?, status = ?, counts = ?, duration_seconds = ?,"
                " error_code = ?, error = ?, exit = ?, notes = ? where run_id = ? and object = ?",
                stamp(self._file.now()),
                str(result.status),
                json.dumps(asdict(counts)),
                result.duration_seconds,
                failure.code if failure else None,
                self._file.hidden(failure.message if failure else None),
                failure.exit if failure else None,
                self._file.hidden(json.dumps(list(result.notes), ensure_ascii=False)),
                result.run_id,
                result.object,
            )
            self._file.write(
                "update objects set unconfirmed_since = case when ? then coalesce(unconfirmed_since, ?) end"
                " where object = ?",
                bool(open_records or failure),
                stamp(result.started_at),
                result.object,
            )

    # --- how far an object has come ----------------------------------------------------------------------

    def once_done(self, object_: str) -> None:
        """Note that everything of a `schedule: once` object was confirmed."""
        self._file.write("update objects set once_done = 1 where object = ?", object_)

    def move_cursor(self, object_: str, cursor: Any) -> None:
        """Note how far the source was read, all of it having been delivered or kept."""
        with self._file.transaction():
            self._file.write("insert or ignore into objects (object) values (?)", object_)
            self._file.write("update objects set cursor = ? where object = ?", json.dumps(cursor), object_)

    def read_whole(self, object_: str, at: datetime) -> None:
        """Note when the source was last read whole."""
        self._file.write("update objects set full_at = ? where object = ?", stamp(at), object_)

    def start_over(self, object_: str) -> None:
        """Forget how far the source was read: the next run reads it whole, and one that runs once runs again."""
        self._file.write("update objects set cursor = null, full_at = null, once_done = 0 where object = ?", object_)

    # --- history ----------------------------------------------------------------------------------------

    def latest(self, object_: str | None, limit: int) -> list[Run]:
        """List the latest runs, of one object or of all, the latest first."""
        return [_run(row) for row in self._file.rows(_LATEST, object_, limit)]

    def last(self) -> dict[str, Run]:
        """Give every object's latest run."""
        return {row[1]: _run(row) for row in self._file.rows(_LAST)}  # beside max() SQLite gives that row's columns

    def unconfirmed_since(self) -> dict[str, datetime]:
        """Tell since when something of an object is unconfirmed, by object."""
        sql = "select object, unconfirmed_since from objects where unconfirmed_since is not null"
        return {object_: datetime.fromisoformat(at) for object_, at in self._file.rows(sql)}

    def drop_before(self, moment: datetime, most: int) -> bool:
        """Forget some of the runs that ended and are older; answers whether there may be more."""
        found = "select object, started_at, run_id from runs where started_at < ? and ended_at is not null limit ?"
        sql = f"delete from runs where (object, started_at, run_id) in ({found})"
        return self._file.write(sql, stamp(moment), most) == most


def _run(row: tuple[Any, ...]) -> Run:
    run_id, object_, started_at, ended_at, status, counts, seconds, exit_, error = row
    return Run(
        run_id=run_id,
        object=object_,
        started_at=datetime.fromisoformat(started_at),
        ended_at=unstamp(ended_at),
        status=status,
        counts=Counts(**json.loads(counts)) if counts else None,
        duration_seconds=seconds,
        exit=exit_,
        error=error,
    )
