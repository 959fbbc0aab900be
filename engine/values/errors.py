"""The tree of errors that end a run or a command, each with its exit code.

    OneSyncError
    |-- ConfigError    2  edit a file, a variable or the command line
    |-- UnavailableError  6  an end cannot be used now
    |   |-- SourceError
    |   `-- TargetError
    |-- GuardError     4  look, then allow
    |-- BusyError      5  another process runs this object
    |-- StateError     1  local state cannot be trusted
    `-- RunError       1  an object failed for another reason

A bad row or a refused record is never an exception: it is a value (`rejections.Rejection`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias


class Exit(IntEnum):
    """The exit codes of every command (engine/cli/README.md)."""

    DONE = 0
    FAILED = 1
    CONFIG = 2
    PARTIAL = 3
    GUARD = 4
    BUSY = 5
    UNAVAILABLE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a file something stands; lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault of a file: what is wrong, where, and what to do."""

    code: str  # stable, such as E_UNKNOWN_KEY
    message: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class OneSyncError(Exception):
    """Base of the tree; `code` is stable and may be searched for."""

    exit: Exit = Exit.FAILED

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def at(self, where: str) -> OneSyncError:
        """Put in front of the message where the error arose, and answer the error itself."""
        self.message = f"{where}: {self.message}"
        self.args = (self.message,)
        return self


class ConfigError(OneSyncError):
    """A file, a variable or the command line has to be corrected; nothing was attempted."""

    exit = Exit.CONFIG

    def __init__(self, message: str = "", *, code: str = "E_CONFIG", problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__(message or "\n".join(map(str, self.problems)), code=code)


class UnavailableError(OneSyncError):
    """An end cannot be used now; the next run tries again."""

    exit = Exit.UNAVAILABLE

    def __init__(self, message: str, *, code: str, connection: str | None = None) -> None:
        """`connection`: the one that pauses for it; None: the one that credentials are for."""
        super().__init__(message, code=code)
        self.connection = connection


class SourceError(UnavailableError):
    """The source could not be read to its end; nothing of the read was kept."""


class TargetError(UnavailableError):
    """The target refuses us, is down, or asked us to wait."""

    def __init__(
        self, message: str, *, code: str, connection: str | None = None, wait_seconds: float | None = None
    ) -> None:
        """`wait_seconds`: as long as the target asked us to wait."""
        super().__init__(message, code=code, connection=connection)
        self.wait_seconds = wait_seconds


class GuardError(OneSyncError):
    """A guard held something back."""

    exit = Exit.GUARD


class BusyError(OneSyncError):
    """Another process runs this object."""

    exit = Exit.BUSY


class StateError(OneSyncError):
    """The state folder cannot be trusted or used; nothing was sent."""


class RunError(OneSyncError):
    """A run could not go on for a reason of its own (the source's query, a changed column)."""


Path: TypeAlias = tuple[str | int, ...]
