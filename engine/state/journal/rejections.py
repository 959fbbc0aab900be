"""What the journal keeps of refused records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from engine.state.journal.entries import stamp
from engine.state.journal.sqlite_file import JournalFile
from engine.values.records import Key, Refusal, Rejection, Stage, key_text, text_key


class Rejections(JournalFile):
    """The part of the journal that says what was refused, why, and what is to be tried again."""

    def reject(
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
        now = stamp(self._clock())
        self._write(
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
            self._hide(refusal.reason),
            payload_hash,
            fingerprint,
            document,
            now,
            now,
        )

    def rejections(self, object_: str | None = None) -> list[Rejection]:
        """List refused records, of one object or of all."""
        sql = (
            "select object, key, stage, field, expression, status, reason, payload_hash, fingerprint, document,"
            " first_at, last_at, attempts, retry from rejections where ?1 is null or object = ?1 order by object, key"
        )
        return [_rejection(row) for row in self.rows(sql, object_)]

    def is_due(self, rejection: Rejection, hours: float) -> bool:
        """Tell whether a refused record is to be tried again: an operator says so, or its hours have passed."""
        return rejection.retry or self.is_older(rejection.last_at, hours)

    def drop_rejections(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget rejections that no longer stand."""
        self._write_many(
            "delete from rejections where object = ? and key = ?", [(object_, key_text(key)) for key in keys]
        )

    def take_up_retries(self, object_: str) -> None:
        """Note that a run begins which tries again what an operator asked for."""
        if self.rows("select 1 from rejections where object = ? and retry = 1 limit 1", object_):
            self._write("update rejections set retry = 2 where object = ? and retry = 1", object_)

    def retry_rejections(self, object_: str, keys: Iterable[Key] | None = None) -> int:
        """Let the next run try these records again, or without keys all of the object; answers how many there were."""
        sql = "update rejections set retry = 1 where object = ?1 and (?2 is null or key = ?2)"
        texts = [None] if keys is None else [key_text(key) for key in keys]
        with self.transaction():
            return self._connection.executemany(sql, [(object_, text) for text in texts]).rowcount


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
