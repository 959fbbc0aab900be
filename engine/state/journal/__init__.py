"""The durable notes that other processes may read while a run works: SQLite in WAL mode (ledger.md).

entries      what the journal keeps, as values; how times are written
sqlite_file  the file: opening, layout, transactions; the one door to SQLite
attempts     attempts of requests, pauses of connections, fires; what is pruned
rejections   refused records
history      what the journal tells of the past and of this moment
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from engine.connections.identity import Identity
from engine.state.journal.attempts import Log
from engine.state.journal.entries import Claim, Exchange, Outcome, Progress, Standing, stamp, unstamp
from engine.state.journal.rejections import Rejections
from engine.values.ranges import Range
from engine.values.records import Clock, Key, key_text, text_key
from engine.values.results import Counts, ObjectResult

__all__ = ["Claim", "Clock", "Exchange", "Journal", "Standing", "counts_from", "stamp", "unstamp"]


_KNOWS_OF_TARGET = """
select 1 from bindings where object = ?1 union all
select 1 from claims where object = ?1 union all
select 1 from progress where object = ?1 union all
select 1 from marks where object = ?1 union all
select 1 from rejections where object = ?1 and payload_hash is not null union all
select 1 from objects where object = ?1 and cursor is not null
limit 1"""


class Journal(Rejections, Log):
    """One connection to journal.sqlite; use one per thread.

    Every method that writes belongs inside `transaction()`, or commits by itself when called outside one.
    Raises StateError when the file cannot be read or written; nothing is half written then.
    """

    # --- a run's beginning and end ---------------------------------------------------------------------

    def standing(self, object_: str) -> Standing:
        """Say where an object stands."""
        found = self.rows(
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
        with self.transaction():
            self._write("insert or ignore into objects (object) values (?)", object_)
            self._write("update objects set open_run = ? where object = ?", run_id, object_)
            self._write(
                "insert or ignore into runs (run_id, object, started_at) values (?, ?, ?)", run_id, object_, stamp(at)
            )

    def settling(self, object_: str, generation: int) -> None:
        """Note that all is noted of what the DuckDB file is about to take in as this generation."""
        self._write("update objects set settling = ? where object = ?", generation, object_)

    def settled(self, object_: str, generation: int) -> None:
        """Drop the marks and receipts of the run that was settled into the DuckDB file of this generation."""
        with self.transaction():
            self._write(
                "insert into objects (object, generation, settling) values (?1, ?2, ?2)"
                " on conflict (object) do update set generation = ?2, settling = ?2, open_run = null",
                object_,
                generation,
            )
            self._write("delete from marks where object = ?", object_)
            self._write("delete from receipts where object = ?", object_)

    def ended(self, result: ObjectResult) -> None:
        """Keep how a run ended, and since when something is unconfirmed."""
        counts, failure = result.counts, result.failure
        open_records = counts.waiting + counts.unknown + counts.withheld + counts.failed + counts.rejected
        with self.transaction():
            self._write(
                "insert into runs (run_id, object, started_at) values (?, ?, ?) on conflict do nothing",
                result.run_id,
                result.object,
                stamp(result.started_at),
            )
            self._write(
                "update runs set ended_at = ?, status = ?, counts = ?, duration_seconds = ?,"
                " error_code = ?, error = ?, exit = ?, notes = ? where run_id = ? and object = ?",
                stamp(self._clock()),
                str(result.status),
                json.dumps(asdict(counts)),
                result.duration_seconds,
                failure.code if failure else None,
                self._hidden(failure.message if failure else None),
                failure.exit if failure else None,
                self._hide(json.dumps(list(result.notes), ensure_ascii=False)),
                result.run_id,
                result.object,
            )
            self._write(
                "update objects set unconfirmed_since = case when ? then coalesce(unconfirmed_since, ?) end"
                " where object = ?",
                bool(open_records or failure),
                stamp(result.started_at),
                result.object,
            )

    def once_done(self, object_: str) -> None:
        """Note that everything of a `schedule: once` object was confirmed."""
        self._write("update objects set once_done = 1 where object = ?", object_)

    def move_cursor(self, object_: str, cursor: Any) -> None:
        """Note how far the source was read, all of it having been delivered or kept."""
        with self.transaction():
            self._write("insert or ignore into objects (object) values (?)", object_)
            self._write("update objects set cursor = ? where object = ?", json.dumps(cursor), object_)

    def read_whole(self, object_: str, at: datetime) -> None:
        """Note when the source was last read whole."""
        self._write("update objects set full_at = ? where object = ?", stamp(at), object_)

    def start_over(self, object_: str) -> None:
        """Forget how far the source was read: the next run reads it whole, and one that runs once runs again."""
        self._write("update objects set cursor = null, full_at = null, once_done = 0 where object = ?", object_)

    # --- the ends that an object speaks of ---------------------------------------------------------------

    def ends(self, object_: str) -> dict[str, Identity]:
        """Give the ends that an object's notes speak of, by their role; none: not known."""
        found = self.rows("select ends from objects where object = ? and ends is not null", object_)
        return {role: Identity(**each) for role, each in json.loads(found[0][0]).items()} if found else {}

    def speak_of(self, object_: str, ends: Mapping[str, Identity]) -> None:
        """Note the ends that an object's ledger, bindings and cursor speak of from now on."""
        text = json.dumps({role: asdict(end) for role, end in ends.items()}, ensure_ascii=False)
        self._write(
            "insert into objects (object, ends) values (?1, ?2) on conflict (object) do update set ends = ?2",
            object_,
            text,
        )

    def knows_of_target(self, object_: str) -> bool:
        """Tell whether a note would be wrong at another target: a binding, a create, a refusal, a place in a feed."""
        return bool(self.rows(_KNOWS_OF_TARGET, object_))

    # --- marks and receipts --------------------------------------------------------------------------

    def mark(self, object_: str, about_to_send: Range) -> None:
        """Note that a range is about to be sent."""
        self._write("insert into marks values (?, ?, ?)", object_, *about_to_send)

    def receipt(self, object_: str, ranges: Iterable[Range], outcome: Outcome) -> None:
        """Note what became of marked ranges; a range that continues another makes it longer."""
        with self.transaction():
            for first, last in ranges:
                longer = self._connection.execute(
                    "update receipts set last = ? where object = ? and outcome = ? and last = ?",
                    (last, object_, outcome, first - 1),
                )
                if not longer.rowcount:
                    self._write("insert into receipts values (?, ?, ?, ?)", object_, first, last, outcome)

    def marks(self, object_: str) -> list[Range]:
        """List the ranges that were about to be sent."""
        return [Range(*row) for row in self.rows("select first, last from marks where object = ?", object_)]

    def receipts(self, object_: str, outcome: Outcome) -> list[Range]:
        """List the ranges with an outcome."""
        sql = "select first, last from receipts where object = ? and outcome = ?"
        return [Range(*row) for row in self.rows(sql, object_, outcome)]

    # --- claims --------------------------------------------------------------------------------------

    def claim(self, object_: str, claims: Iterable[Claim], run_id: str) -> None:
        """Claim creates before they leave; a claim that is there already is one more attempt of the same."""
        self._write_many(
            "insert or replace into claims values (?, ?, ?, ?, ?, ?, null, null, ?)",
            [
                (object_, key_text(c.key), c.operation, c.payload_hash, _json(c.row), stamp(c.claimed_at), run_id)
                for c in claims
            ],
        )

    def claim_unknown(self, object_: str, keys: Iterable[Key], ended_at: datetime, reason: str) -> None:
        """Note that the attempt ended without an answer."""
        self._write_many(
            "update claims set ended_at = ?, reason = ? where object = ? and key = ?",
            [(stamp(ended_at), self._hide(reason), object_, key_text(key)) for key in keys],
        )

    def drop_claims(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget claims whose outcome is known."""
        self._write_many("delete from claims where object = ? and key = ?", [(object_, key_text(key)) for key in keys])

    def claims(self, object_: str) -> list[Claim]:
        """List the creates of unknown outcome, oldest first."""
        sql = (
            "select key, operation, payload_hash, row, claimed_at, ended_at, reason from claims"
            " where object = ? order by claimed_at, key"
        )
        return [
            Claim(
                key=text_key(key),
                operation=operation,
                payload_hash=payload_hash,
                row=json.loads(row),
                claimed_at=datetime.fromisoformat(claimed_at),
                ended_at=unstamp(ended_at),
                reason=reason,
            )
            for key, operation, payload_hash, row, claimed_at, ended_at, reason in self.rows(sql, object_)
        ]

    # --- bindings and progress -----------------------------------------------------------------------

    def bind(self, object_: str, bindings: Iterable[tuple[Key, Mapping[str, Any]]]) -> None:
        """Keep the values saved from the target's answers; known values that are not saved anew stay."""
        now = stamp(self._clock())
        self._write_many(
            "insert into bindings values (?1, ?2, ?3, ?4) on conflict (object, key) do update set"
            " saved = json_patch(saved, ?3), bound_at = case when ?3 = '{}' then bound_at else ?4 end",
            [(object_, key_text(key), _json(saved), now) for key, saved in bindings],
        )

    def unbind(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget the bindings of records that the target no longer has."""
        self._write_many(
            "delete from bindings where object = ? and key = ?", [(object_, key_text(key)) for key in keys]
        )

    def bindings(self, object_: str) -> Iterator[tuple[str, str]]:
        """Stream key text and saved JSON of an object's bindings."""
        with self._translated():
            yield from self._connection.execute("select key, saved from bindings where object = ?", (object_,))

    def binding(self, object_: str, key: Key) -> dict[str, Any] | None:
        """Give one record's saved values, or None where there is no binding."""
        found = self.rows("select saved from bindings where object = ? and key = ?", object_, key_text(key))
        return dict(json.loads(found[0][0])) if found else None

    def step(self, object_: str, key: Key, progress: Progress) -> None:
        """Note how far a record has come in the steps of its operation."""
        self._write(
            "insert or replace into progress (object, key, operation, fingerprint, payload_hash, step, saved)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            object_,
            key_text(key),
            progress.operation,
            progress.fingerprint,
            progress.payload_hash,
            progress.step,
            _json(progress.saved),
        )

    def progress(self, object_: str) -> dict[Key, Progress]:
        """Give how far the records have come that are between their steps."""
        sql = "select key, operation, fingerprint, payload_hash, step, saved from progress where object = ?"
        return {
            text_key(key): Progress(
                operation=operation,
                fingerprint=fingerprint,
                payload_hash=payload_hash,
                step=step,
                saved=json.loads(saved),
            )
            for key, operation, fingerprint, payload_hash, step, saved in self.rows(sql, object_)
        }

    def drop_progress(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget the progress of records that are done or start over."""
        self._write_many(
            "delete from progress where object = ? and key = ?", [(object_, key_text(key)) for key in keys]
        )


def counts_from(text: str | None) -> Counts:
    """Read the counts that `ended` wrote."""
    return Counts(**json.loads(text)) if text else Counts()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
