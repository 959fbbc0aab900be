"""Ctrl-C and SIGTERM: the first one stops a run in good order, the second one at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from types import FrameType
from typing import Any, TypeVar

from engine.values import log

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOOK_SECONDS = 0.1


def stop_at_ctrl_c(stop: threading.Event) -> None:
    """Let Ctrl-C end a command that only looks, as ever, and what a database is about for it too."""

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.default_int_handler(number, frame)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, end)


class Interrupts:
    """Sets `stop` at the first signal, for as long as the block lasts."""

    def __init__(self, stop: threading.Event, log: log.Log) -> None:
        self.signal: int | None = None  # the first one that came
        self._stop, self._log = stop, log
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        self._before = {each: signal.signal(each, self._take) for each in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        """Only note it: a handler may interrupt anything, also a line that is being printed."""
        if self.signal is not None:
            os._exit(128 + number)  # the state survives a kill
        self.signal = number
        self._stop.set()

    def wait_for(self, work: Callable[[], T]) -> T:
        """Do the work in a thread, so that signals are heard while it goes on."""
        told = False
        with ThreadPoolExecutor(1, thread_name_prefix="work") as pool:
            future = pool.submit(work)
            while not wait([future], timeout=LOOK_SECONDS).done:
                if self.signal is not None and not told:
                    told = True
                    name = signal.Signals(self.signal).name
                    self._log.warning("stopping", signal=name, hint="requests in flight end; once more stops at once")
            return future.result()

    @property
    def exit(self) -> int | None:
        """The exit code that the signal asks for; None without one."""
        return None if self.signal is None else 128 + self.signal
