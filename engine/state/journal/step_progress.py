"""Progress: how far records have come in the steps of their operations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.state.journal.sqlite_file import JournalFile
from engine.state.stored_texts import compact
from engine.values import Key, key_text, text_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A record between the steps of its operation; what they saved stands for the payload that they sent."""

    operation: int
    fingerprint: str  # of the mapping whose steps these are
    payload_hash: str  # of what the steps before sent; "" where nobody knows
    step: int  # to be done next, from 0
    saved: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepProgress:
    """The progress of records that are between their steps, by object and key."""

    _file: JournalFile

    def put(self, object_: str, key: Key, progress: Progress) -> None:
        """Note how far a record has come."""
        self._file.write(
            "insert or replace into progress (object, key, operation, fingerprint, payload_hash, step, saved)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            object_,
            key_text(key),
            progress.operation,
            progress.fingerprint,
            progress.payload_hash,
            progress.step,
            compact(progress.saved),
        )

    def of(self, object_: str) -> dict[Key, Progress]:
        """Give how far an object's records have come."""
        sql = "select key, operation, fingerprint, payload_hash, step, saved from progress where object = ?"
        return {
            text_key(key): Progress(
                operation=operation,
                fingerprint=fingerprint,
                payload_hash=payload_hash,
                step=step,
                saved=json.loads(saved),
            )
            for key, operation, fingerprint, payload_hash, step, saved in self._file.rows(sql, object_)
        }

    def drop(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget the progress of records that are done or start over."""
        self._file.write_many(
            "delete from progress where object = ? and key = ?", [(object_, key_text(key)) for key in keys]
        )
