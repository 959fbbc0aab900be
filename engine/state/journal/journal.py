"""The journal: its stores over one connection to journal.sqlite."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Self

from engine.state.journal.accepted_removals import AcceptedRemovals
from engine.state.journal.bindings import Bindings
from engine.state.journal.claims import Claims
from engine.state.journal.ends import Ends
from engine.state.journal.marks_and_receipts import Marks
from engine.state.journal.pauses import Pauses
from engine.state.journal.rejections import Rejections
from engine.state.journal.requests import Requests
from engine.state.journal.runs import Runs
from engine.state.journal.served_fires import ServedFires
from engine.state.journal.sqlite_file import JournalFile
from engine.state.journal.step_progress import StepProgress
from engine.values import Clock


class Journal:
    """The stores of journal.sqlite over one connection; use one per thread.

    Every method of a store that writes belongs inside `transaction()`, or commits by itself when called outside one.
    Raises StateError when the file cannot be read or written; nothing is half written then.
    """

    def __init__(self, file: JournalFile) -> None:
        self.file = file
        self.marks = Marks(file)
        self.runs = Runs(file, self.marks)
        self.claims = Claims(file)
        self.bindings = Bindings(file)
        self.progress = StepProgress(file)
        self.rejections = Rejections(file)
        self.pauses = Pauses(file)
        self.requests = Requests(file)
        self.fires = ServedFires(file)
        self.ends = Ends(file)
        self.removals = AcceptedRemovals(file)

    @classmethod
    def open(cls, folder: Path, clock: Clock, hide: Callable[[str], str] = str) -> Self:
        """Open the journal of a state folder, creating both if they are not there.

        `hide` removes secrets from what ends have said: an answer may repeat a header.
        """
        return cls(JournalFile.open(folder, clock, hide))

    @classmethod
    def open_to_read(cls, folder: Path, clock: Clock) -> Self:
        """Open the journal for a dry command: nothing is written; where there is none, it is an empty one."""
        return cls(JournalFile.open_to_read(folder, clock))

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Make all writes inside durable together, or none."""
        return self.file.transaction()

    def give_back(self, pages: int) -> bool:
        """Give some space that was freed back to the disk; answers whether there is more."""
        return self.file.give_back(pages)

    @property
    def identity(self) -> str:
        """A text made with the file, by which DuckDB files know their journal."""
        return self.file.identity

    def now(self) -> datetime:
        """Tell the time by the journal's clock."""
        return self.file.now()
