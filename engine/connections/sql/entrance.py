"""The entrance of a database, shared by all who use its connection: shut for all once it did not let one of them in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from engine.values import UnavailableError

T = TypeVar("T")


class Entrance:
    """Lets one after the other find out whether the database lets us in, and then all at once."""

    def __init__(self) -> None:
        self._open = False  # the last one was let in
        self._shut: UnavailableError | None = None
        self._turn = threading.Lock()  # of who finds out, while the others wait for what it finds

    @property
    def shut(self) -> UnavailableError | None:
        """Tell why nobody tries to get in until it is half open again; None: one may try."""
        return self._shut

    def half_open(self) -> None:
        """Let one find out."""
        self._shut = None

    def enter(self, connect: Callable[[], T], unavailable: type[UnavailableError]) -> T:
        """Connect. Raises what `connect` raises, and `unavailable` without a try while the entrance is shut."""
        if self._open:
            return self._try(connect)
        with self._turn:
            if shut := self._shut:
                raise unavailable(shut.message, code=shut.code, connection=shut.connection)
            return self._try(connect)

    def _try(self, connect: Callable[[], T]) -> T:
        try:
            result = connect()
        except UnavailableError as error:
            self._open, self._shut = False, error.with_traceback(None)
            raise
        self._open, self._shut = True, None
        return result
