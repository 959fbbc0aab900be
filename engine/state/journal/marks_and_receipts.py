"""Marks and receipts: what of a run's changes was about to be sent, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.state.journal.sqlite_file import JournalFile
from engine.values import Range

Outcome: TypeAlias = Literal["confirmed", "clean", "gone"]  # of a range of changes; clean: certainly without effect


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks and receipts of the run of each object that is not settled."""

    _file: JournalFile

    def add(self, object_: str, about_to_send: Range) -> None:
        """Note that a range is about to be sent."""
        self._file.write("insert into marks values (?, ?, ?)", object_, *about_to_send)

    def of(self, object_: str) -> list[Range]:
        """List the ranges that were about to be sent."""
        return [Range(*row) for row in self._file.rows("select first, last from marks where object = ?", object_)]

    def receipt(self, object_: str, ranges: Iterable[Range], outcome: Outcome) -> None:
        """Note what became of marked ranges; a range that continues another makes it longer."""
        with self._file.transaction():
            for first, last in ranges:
                longer = self._file.write(
                    "update receipts set last = ? where object = ? and outcome = ? and last = ?",
                    last,
                    object_,
                    outcome,
                    first - 1,
                )
                if not longer:
                    self._file.write("insert into receipts values (?, ?, ?, ?)", object_, first, last, outcome)

    def receipts(self, object_: str, outcome: Outcome) -> list[Range]:
        """List the ranges with an outcome."""
        sql = "select first, last from receipts where object = ? and outcome = ?"
        return [Range(*row) for row in self._file.rows(sql, object_, outcome)]

    def drop(self, object_: str) -> None:
        """Forget the marks and receipts of an object: they are settled."""
        with self._file.transaction():
            self._file.write("delete from marks where object = ?", object_)
            self._file.write("delete from receipts where object = ?", object_)
