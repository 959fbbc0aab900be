"""Tells of requests while runs work, by reading the journal as another process would."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from engine.run import App
from engine.state.journal import Journal, Request
from engine.values import StateError

LOOK_SECONDS = 0.2
REMEMBERED = 1_000  # runs; the service goes on for years


class Follower:
    """Tells of the requests of some runs, in a thread of its own, for as long as the block lasts."""

    def __init__(self, app: App, tell: Callable[[Request], None]) -> None:
        """`tell` is called in the thread, with each request once, in the order in which they were kept."""
        self._app, self._tell = app, tell
        self._mine: deque[str] = deque(maxlen=REMEMBERED)
        self._ended = threading.Event()
        app.journal_to_write().close()  # so that there is one to follow
        with app.journal() as journal:
            self._last = journal.requests.last_id()
        self._thread = threading.Thread(target=self._follow, name="follow", daemon=True)

    def follow(self, run_id: str) -> None:
        """Tell of this run's requests too."""
        self._mine.append(run_id)

    def __enter__(self) -> Follower:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        """Look again and again, the last time after the end."""
        try:
            with self._app.journal() as journal:
                while not self._ended.wait(LOOK_SECONDS):
                    self._look(journal)
                self._look(journal)
        except StateError:
            return  # the runs meet the same fault, and report it

    def _look(self, journal: Journal) -> None:
        while found := journal.requests.after(self._last):
            self._last = found[-1].id
            for request in found:
                if request.run_id in self._mine:
                    self._tell(request)
