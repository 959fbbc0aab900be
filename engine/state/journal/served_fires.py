"""Fires: up to when those of each operation are served."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from engine.state.journal.sqlite_file import JournalFile
from engine.state.stored_texts import stamp


@dataclass(frozen=True, slots=True)
class ServedFires:
    """The moments up to which fires are served, by object and operation."""

    _file: JournalFile

    def serve(self, object_: str, operations: Iterable[int], at: datetime) -> None:
        """Note up to when the fires of operations are served."""
        self._file.write_many(
            "insert or replace into fires values (?, ?, ?)", [(object_, each, stamp(at)) for each in operations]
        )

    def all(self) -> dict[tuple[str, int], datetime]:
        """Tell up to when the fires of every operation are served."""
        sql = "select object, operation, at from fires"
        return {(object_, operation): datetime.fromisoformat(at) for object_, operation, at in self._file.rows(sql)}
