"""Claims: creates that left, or were about to, and whose outcome is not known."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.state.journal.sqlite_file import JournalFile
from engine.state.stored_texts import compact, stamp, unstamp
from engine.values import Key, key_text, text_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A create whose outcome is not known."""

    key: Key
    operation: int
    payload_hash: str
    row: Mapping[str, Any]
    claimed_at: datetime
    ended_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Claims:
    """The creates of unknown outcome, by object and key."""

    _file: JournalFile

    def add(self, object_: str, claims: Iterable[Claim], run_id: str) -> None:
        """Claim creates before they leave; a claim that is there already is one more attempt of the same."""
        self._file.write_many(
            "insert or replace into claims values (?, ?, ?, ?, ?, ?, null, null, ?)",
            [
                (object_, key_text(c.key), c.operation, c.payload_hash, compact(c.row), stamp(c.claimed_at), run_id)
                for c in claims
            ],
        )

    def end(self, object_: str, keys: Iterable[Key], at: datetime, reason: str) -> None:
        """Note that the attempt ended without an answer."""
        self._file.write_many(
            "update claims set ended_at = ?, reason = ? where object = ? and key = ?",
            [(stamp(at), self._file.hidden(reason), object_, key_text(key)) for key in keys],
        )

    def drop(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget claims whose outcome is known."""
        self._file.write_many(
            "delete from claims where object = ? and key = ?", [(object_, key_text(key)) for key in keys]
        )

    def of(self, object_: str) -> list[Claim]:
        """List an object's claims, the oldest first."""
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
            for key, operation, payload_hash, row, claimed_at, ended_at, reason in self._file.rows(sql, object_)
        ]

    def objects(self) -> list[str]:
        """List the objects that have claims, those that left the project among them."""
        return [object_ for (object_,) in self._file.rows("select distinct object from claims order by object")]

    def count(self, running: Collection[str]) -> dict[str, int]:
        """Count the claims by object; one that is under way in a run is not unknown yet."""
        found: dict[str, int] = {}
        for object_, ended_at in self._file.rows("select object, ended_at from claims"):
            if ended_at or object_ not in running:
                found[object_] = found.get(object_, 0) + 1
        return found
