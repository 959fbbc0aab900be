"""Rejections: refused records, why they were refused, and which are to be tried again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.state.journal.sqlite_file import JournalFile
from engine.state.stored_texts import stamp
from engine.values import Key, Refusal, Stage, key_text, text_key

_SELECT = (
    "select object, key, stage, field, expression, status, reason, payload_hash, fingerprint, document,"
    " first_at, last_at, attempts, retry from rejections"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A refused record as the journal remembers it."""

    object: str
    key: Key
    refusal: Refusal
    payload_hash: str | None  # None where no payload could be rendered
    fingerprint: str  # of the mapping that made the payload
    document: str | None  # inbound: the whole document or item, as JSON text
    first_at: datetime
    last_at: datetime
    attempts: int
    retry: bool = False  # an operator asked for another try


@dataclass(frozen=True, slots=True)
class Rejections:
    """The refused records, by object and key."""

    _file: JournalFile

    def add(
        self,
        object_: str,
        key: Key,
        refusal: Refusal,
        *,
        payload_hash: str | None,
        fingerprint: str,
        document: str | None = None,
    ) -> None:
        """Remember a refused record; a repeated refusal counts as one more attempt.

        Another try that was asked for since the run began is still due after it.
        """
        now = stamp(self._file.now())
        self._file.write(
            "insert into rejections values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0)"
            " on conflict (object, key) do update"
            " set stage = excluded.stage, field = excluded.field, expression = excluded.expression,"
            " status = excluded.status, reason = excluded.reason, payload_hash = excluded.payload_hash,"
            " fingerprint = excluded.fingerprint, document = excluded.document, last_at = excluded.last_at,"
            " attempts = attempts + 1, retry = case retry when 1 then 1 else 0 end",
            object_,
            key_text(key),
            str(refusal.stage),
            refusal.field,
            refusal.expression,
            refusal.status,
            self._file.hidden(refusal.reason),
            payload_hash,
            fingerprint,
            document,
            now,
            now,
        )

    def of(self, object_: str | None) -> list[Rejection]:
        """List refused records, of one object or of all."""
        sql = f"{_SELECT} where ?1 is null or object = ?1 order by object, key"
        return [_rejection(row) for row in self._file.rows(sql, object_)]

    def get(self, object_: str, key: Key) -> Rejection | None:
        """Give one refused record, or None."""
        found = self._file.rows(f"{_SELECT} where object = ? and key = ?", object_, key_text(key))
        return _rejection(found[0]) if found else None

    def is_due(self, rejection: Rejection, hours: float) -> bool:
        """Tell whether a refused record is to be tried again: an operator says so, or its hours have passed."""
        return rejection.retry or self._is_older(rejection.last_at, hours)

    def drop(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget rejections that no longer stand."""
        self._file.write_many(
            "delete from rejections where object = ? and key = ?", [(object_, key_text(key)) for key in keys]
        )

    def take_up_retries(self, object_: str) -> None:
        """Note that a run begins which tries again what an operator asked for."""
        if self._file.rows("select 1 from rejections where object = ? and retry = 1 limit 1", object_):
            self._file.write("update rejections set retry = 2 where object = ? and retry = 1", object_)

    def retry(self, object_: str, keys: Iterable[Key] | None = None) -> int:
        """Let the next run try these records again, or without keys all of the object; answers how many there were."""
        sql = "update rejections set retry = 1 where object = ?1 and (?2 is null or key = ?2)"
        texts = [None] if keys is None else [key_text(key) for key in keys]
        with self._file.transaction():
            return self._file.write_many(sql, [(object_, text) for text in texts])

    def count_of(self, object_: str) -> int:
        """Count the refused records of one object."""
        return int(self._file.rows("select count(*) from rejections where object = ?", object_)[0][0])

    def count(self) -> dict[str, int]:
        """Count the refused records by object."""
        return dict(self._file.rows("select object, count(*) from rejections group by object"))

    def _is_older(self, moment: datetime, hours: float) -> bool:
        """Tell whether a moment is more than some hours past; 0 hours: never.

        One that is still to come was noted by a clock that was wrong, and is not waited for.
        """
        passed = self._file.now() - moment
        return hours > 0 and (passed >= timedelta(hours=hours) or passed < timedelta(0))


def _rejection(row: tuple[Any, ...]) -> Rejection:
    (
        object_,
        key,
        stage,
        field,
        expression,
        status,
        reason,
        payload,
        fingerprint,
        document,
        first,
        last,
        attempts,
        retry,
    ) = row
    return Rejection(
        object=object_,
        key=text_key(key),
        refusal=Refusal(stage=Stage(stage), reason=reason, field=field, expression=expression, status=status),
        payload_hash=payload,
        fingerprint=fingerprint,
        document=document,
        first_at=datetime.fromisoformat(first),
        last_at=datetime.fromisoformat(last),
        attempts=attempts,
        retry=bool(retry),
    )
