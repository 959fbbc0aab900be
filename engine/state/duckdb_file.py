"""The file of one object as DuckDB opens it: its lock, its surroundings, and what its errors mean."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from engine.state.memory import LEAST_BYTES
from engine.values import BusyError, StateError

SPARE_DESCRIPTORS = 24  # files that DuckDB may open: its own, its log, and what does not fit in memory
_LOCK_PAUSE_SECONDS = 0.05
_LOCKED = ("Could not set lock", "Unique file handle conflict")  # DuckDB: another process, another thread opens it
_HOLDER = re.compile(r"held in (.*?) \(PID ([0-9]+)\)")
CORRUPT = ("Corrupt database file", "Could not read enough bytes")  # found when the damaged part is read
_OUTSIDE = (  # the file may be sound, and its surroundings are at fault: never a reason to begin it anew
    "Cannot open file",
    "Could not write",
    "Could not truncate",
    "Could not sync",
    "No space left",
    "File too large",
    "Too many open files",
    "Permission denied",
    "Read-only file system",
    "Input/output error",
    "Out of Memory",
    "Cannot allocate memory",
)


class DamagedError(StateError):
    """The file is no DuckDB file that can be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason[:200]}", code="E_STATE_DAMAGED")
        self.path = path


def _unusable(path: Path, reason: str) -> StateError:
    """Tell a file that is damaged from one that is newer or cannot be opened now: only the first is begun anew."""
    if "version number" in reason:
        said = reason.partition("\n")[0].rpartition("with ")[2]
        message = (
            f"{path} was written by a newer DuckDB ({said[:200]}); it was not touched: use the newer one-sync again"
        )
        return StateError(message, code="E_STATE_NEWER")
    if any(each in reason for each in _OUTSIDE):
        message = (
            f"{path} cannot be opened: {reason[:200]}; nothing was sent. See to its owner and rights, to free space "
            "and to the number of open files (`ulimit -n`), then run again. Moved away, the file is rebuilt"
        )
        return StateError(message, code="E_STATE")
    if "sqlite_scanner" in reason:  # it offers to load what reads such files
        return DamagedError(path, "it is a SQLite file")
    return DamagedError(path, reason.partition("\n")[0])


def reason_of(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0][:300]


@contextmanager
def files_translated(path: Path) -> Iterator[None]:
    """Turn errors of the file system, in the state folder or where temporary files lie, into StateError."""
    try:
        yield
    except OSError as error:
        where = error.filename2 or error.filename or path
        raise StateError(
            f"{path}: {where}: {error.strerror or error}; nothing was sent. See to its owner and rights, and to free "
            f"space there and in {tempfile.gettempdir()} (TMPDIR names another folder), then run again",
            code="E_STATE",
        ) from error


def scratch_of(path: Path, scratch: Path) -> Path:
    return scratch / f"{path.stem}.tmp"


def _check_descriptors(path: Path) -> None:
    """Refuse to begin where few files may still be opened: DuckDB would abort the whole process while it connects."""
    held: list[int] = []
    try:
        for _ in range(SPARE_DESCRIPTORS):
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        raise StateError(
            f"{path}: {error.strerror}; nothing was sent. Let more files be open at once (`ulimit -n`), then run again",
            code="E_STATE",
        ) from error
    finally:
        for each in held:
            os.close(each)


def _busy(path: Path, error: duckdb.Error) -> BusyError:
    """Name who holds a file, as DuckDB tells it; a program of another kind is no run and does not end by itself."""
    program, number = (*_HOLDER.findall(str(error)), ("", ""))[0]
    who = f"process {number} ({Path(program).name})" if number else "another process"
    message = f"{path.stem}: {who} holds {path}; try again when it has ended (`one-sync status` tells what runs)"
    return BusyError(message, code="E_BUSY")


def open_file(path: Path, scratch: Path, wait_seconds: float) -> duckdb.DuckDBPyConnection:
    """Open a file to write, creating it where there is none. Raises as `_connected`."""
    _check_descriptors(path)
    config = {
        "threads": 2,
        "memory_limit": f"{LEAST_BYTES}B",
        "temp_directory": str(scratch_of(path, scratch)),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    return _connected(path, wait_seconds, config=config)


def _connected(path: Path, wait_seconds: float, **options: Any) -> duckdb.DuckDBPyConnection:
    """Connect as soon as nobody else has the file.

    Raises BusyError when somebody still has it after `wait_seconds`, DamagedError when it is no usable DuckDB file,
    StateError when it cannot be opened for another reason.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return duckdb.connect(str(path), **options)
        except duckdb.Error as error:
            if not any(each in str(error) for each in _LOCKED):
                raise _unusable(path, str(error)) from error
            if time.monotonic() >= deadline:
                raise _busy(path, error) from error
            time.sleep(_LOCK_PAUSE_SECONDS)


def copy_under_lock(path: Path, target: Path, wait_seconds: float) -> None:
    """Copy a DuckDB file and its write-ahead log while no run can write them; not a damaged one, as a run does."""
    try:
        lock = _connected(path, wait_seconds, read_only=True)
    except DamagedError:
        return
    try:
        # The file itself last: closing a descriptor of it drops the lock that this process holds on it.
        for suffix in (".wal", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                shutil.copyfile(part, target.with_name(target.name + suffix))
    finally:
        lock.close()
