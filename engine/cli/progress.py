"""What a person sees on stderr while objects run, where stderr is a terminal; nobody else sees anything."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from engine.state.journal import Request

SERVED = ("confirmed", "per line")  # outcomes


class Progress(Protocol):
    """Takes note of what goes on."""

    def begin(self, object_: str) -> None:
        """Note that an object's run begins."""

    def request(self, request: Request) -> None:
        """Note a request."""


class _Silent:
    def begin(self, object_: str) -> None:
        pass

    def request(self, request: Request) -> None:
        pass


class _Shown:
    """Counts the requests of each object; the journal tells of them a moment late."""

    def __init__(self, update: Callable[[int, str], None]) -> None:
        self._update = update  # takes the objects that ended, and what is said of the one that runs
        self._object, self._ended = "", -1
        self._requests: Counter[str] = Counter()
        self._records: Counter[str] = Counter()

    def begin(self, object_: str) -> None:
        self._object = object_
        self._ended += 1
        self._update(self._ended, object_)

    def request(self, request: Request) -> None:
        name = request.object
        self._requests[name] += 1
        self._records[name] += request.lines if request.outcome in SERVED else 0
        if name == self._object:
            self._update(self._ended, f"{name}: {self._requests[name]} requests, {self._records[name]} records")


@contextmanager
def progress(objects: int) -> Iterator[Progress]:
    """Show how far a pass over so many objects has come, and take it away at the end."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    from engine.cli.on_terminal import bar_of  # noqa: PLC0415  a third of the start's time, for people only

    with bar_of(objects) as update:
        yield _Shown(update)
