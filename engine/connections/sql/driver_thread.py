"""A thread in which one database connection lives: its caller waits as long as it wants to, and no longer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from enum import StrEnum
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.1  # how often a waiting caller looks at its stop and its deadline
CANCEL_SECONDS = 2.0  # how long a cancelled call may take to notice


class Why(StrEnum):
    """Why a call was broken off."""

    STOPPED = "the run was stopped"
    TOO_LONG = "it took too long"


class BrokenOff(Exception):
    """A call to a driver was cancelled, or left alone where its driver did not notice that."""

    def __init__(self, why: Why) -> None:
        super().__init__(str(why))
        self.why = why


class DriverThread:
    """One thread for all calls of a connection, as drivers ask for; one that hangs for good is left behind."""

    def __init__(self, stop: threading.Event) -> None:
        self.left = False  # a call was left alone: nobody knows what its connection does
        self._stop = stop
        self._stopped_at: float | None = None  # when the stop was first seen
        self._tasks: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        threading.Thread(target=_work, args=(self._tasks,), name="database", daemon=True).start()

    def call(
        self,
        work: Callable[[], T],
        *,
        seconds: float,
        cancel: Callable[[], None] | None = None,
        spare_seconds: float = 0.0,
    ) -> T:
        """Do the work and give what it gives; `spare_seconds`: how long it may go on after a stop.

        Raises BrokenOff when it takes longer than `seconds` or the stop is set, after `cancel` was called in vain or
        with success; and what the work raises.
        """
        if self._is_over(spare_seconds):
            raise BrokenOff(Why.STOPPED)
        future: Future[T] = Future()
        self._tasks.put((work, future))
        deadline = time.monotonic() + seconds
        while not wait([future], LOOK_SECONDS).done:
            if self._is_over(spare_seconds):
                raise self._break_off(future, cancel, Why.STOPPED)
            if time.monotonic() >= deadline:
                raise self._break_off(future, cancel, Why.TOO_LONG)
        return future.result()

    def end(self, work: Callable[[], None]) -> None:
        """Do the last work, which closes the connection, and end the thread; a call that was left alone goes first."""
        future: Future[None] = Future()
        self._tasks.put((work, future))
        self._tasks.put(None)
        if not self.left:
            wait([future], CANCEL_SECONDS)

    def _is_over(self, spare_seconds: float) -> bool:
        if not self._stop.is_set():
            return False
        self._stopped_at = self._stopped_at or time.monotonic()
        return time.monotonic() - self._stopped_at >= spare_seconds

    def _break_off(self, future: Future[T], cancel: Callable[[], None] | None, why: Why) -> BrokenOff:
        """Cancel a call; what it gives all the same is not trusted: MySQL's SLEEP ends well when it is cancelled."""
        if cancel:
            threading.Thread(target=_suppressed, args=(cancel,), name="cancel", daemon=True).start()
            wait([future], CANCEL_SECONDS)
        self.left = not future.done()
        return BrokenOff(why)


def _suppressed(cancel: Callable[[], None]) -> None:
    with suppress(Exception):  # a connection that cannot be cancelled is left alone instead
        cancel()


def _work(tasks: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]) -> None:
    while task := tasks.get():
        work, future = task
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
        del task, work, future  # nothing of a batch is kept while the next one is waited for
