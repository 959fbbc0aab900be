"""The lock that lets one scheduler alone work on a state folder; it ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from engine.values import BusyError, StateError

FILE_NAME = "scheduler.lock"
WAIT_SECONDS = 1.0  # `status` holds the lock for a moment when it looks whether another holds it
_LOOK_SECONDS = 0.02


@contextmanager
def sole_scheduler(state: Path) -> Iterator[None]:
    """Hold the lock for as long as the block lasts; the file that is left behind locks nobody out.

    Raises BusyError when another process holds it, StateError when the folder cannot be used.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(state / FILE_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StateError(
            f"{state}: {error.strerror}; see to its owner, its rights and its disk", code="E_STATE"
        ) from error
    with os.fdopen(descriptor, "r+") as file:
        _lock(file, state)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def scheduler_of(state: Path) -> int | None:
    """Give the process id of the scheduler that works on a state folder now; None: there is none."""
    try:
        with (state / FILE_NAME).open() as file:
            return None if _taken(file, fcntl.LOCK_SH) else _written(file)
    except FileNotFoundError:
        return None


def _lock(file: IO[str], state: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not _taken(file, fcntl.LOCK_EX):
        if time.monotonic() >= deadline:
            raise BusyError(
                f"process {_written(file)} is the scheduler of {state} already, and one is enough: stop that one "
                "first, or name another `state` in project.yaml where this is another project",
                code="E_BUSY",
            )
        time.sleep(_LOOK_SECONDS)


def _taken(file: IO[str], kind: int) -> bool:
    """Take the lock where nobody holds it; tell whether it is ours now."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(file: IO[str]) -> int:
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdigit() else 0
