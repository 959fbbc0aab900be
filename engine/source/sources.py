"""The two kinds of source, as a run sees them: a query of a database, and documents of an HTTP API."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Protocol, TypeAlias

from engine.connections import HttpConnection
from engine.connections.http import Decision, HttpEnd
from engine.connections.sql import SqlEnd
from engine.mapping import SqlSource
from engine.mapping.program import Feed, Program
from engine.source.ask import FeedEnd
from engine.source.documents import kept_of, read_feed
from engine.source.query import columns_of, must_be_whole, read_sql
from engine.state import RunJournal, Staging
from engine.state.journal import Exchange
from engine.values import Answer, Clock, Outgoing, Read

Describe: TypeAlias = Callable[[Outgoing, Answer, Decision], Exchange]  # an attempt in the words of the history

KEPT_EXCHANGES = 10_000  # of a read that asks for more before its first page is done


class Source(Protocol):
    """A source of one kind."""

    @property
    def http(self) -> str | None:
        """Name its connection where it speaks HTTP, and so can be paused."""

    def reads(self, staging: Staging, journal: RunJournal, *, whole: bool = False) -> Iterator[Read]:
        """Read what is new, one read after another; with `whole` all of a query, whatever its cursor says.

        Raises SourceError or RunError where it cannot be read; the reads before stand.
        """

    def columns(self) -> tuple[str, ...] | None:
        """Ask which columns there are, and for no row; None: only reading tells. Raises SourceError or RunError."""

    def notes(self) -> tuple[str, ...]:
        """Say what a person should know of what was read."""

    def opening(self, journal: RunJournal) -> Outgoing | None:
        """Make the request that the next read would begin with; None: there is none that can be made."""


class QuerySource:
    """A database that is asked a query."""

    http = None

    def __init__(self, program: Program, query: SqlSource, end: SqlEnd, clock: Clock, zone: tzinfo) -> None:
        """`end` belongs to the caller; `zone` is that of times without one."""
        self._program, self._query, self._end, self._clock, self._zone = program, query, end, clock, zone

    def reads(self, staging: Staging, journal: RunJournal, *, whole: bool = False) -> Iterator[Read]:
        """Read once: from the cursor on, or whole."""
        whole = whole or must_be_whole(self._program, staging, journal)
        standing = journal.runs.standing(self._program.object)
        yield from read_sql(self._query, self._end, standing, self._clock(), zone=self._zone, whole=whole)

    def columns(self) -> tuple[str, ...]:
        """Ask the database."""
        return columns_of(self._query, self._end)

    def notes(self) -> tuple[str, ...]:
        """Say where records and their children may be of two moments."""
        return self._end.notes

    def opening(self, journal: RunJournal) -> None:
        """Make none."""


class DocumentSource:
    """An HTTP API that is asked for a feed or for pages."""

    def __init__(
        self,
        program: Program,
        feed: Feed,
        end: HttpEnd,
        settings: HttpConnection,
        *,
        stop: threading.Event,
        attempts: Attempts,
    ) -> None:
        """`end` belongs to the caller."""
        self.http = settings.name
        self._program, self._feed, self._attempts = program, feed, attempts
        self._end = FeedEnd(
            exchange=lambda request, expected: end.exchange(request, stop=stop, expected=expected),
            asked=end.asked,
            retry=settings.retry,
            workers=settings.concurrency,
            stop=stop,
            tell=attempts.add,
            refuse=end.refuse,
        )

    def reads(self, staging: Staging, journal: RunJournal, *, whole: bool = False) -> Iterator[Read]:
        """Read page after page, or all pages at once; what was asked is in the history before each read is given."""
        object_ = self._program.object
        kept = kept_of(journal, self._program.mapping)
        try:
            for read in read_feed(self._feed, self._end, journal.runs.standing(object_).cursor, kept):
                self._attempts.log(journal, object_)
                yield read
        finally:
            self._attempts.log(journal, object_)

    def columns(self) -> None:
        """Say nothing: a document holds what it holds."""

    def notes(self) -> tuple[str, ...]:
        """Say nothing."""
        return ()

    def opening(self, journal: RunJournal) -> Outgoing | None:
        """Make the request of the page that is next."""
        request = self._feed.opening(journal.runs.standing(self._program.object).cursor)
        return request if isinstance(request, Outgoing) else None


class Attempts:
    """What the threads of a read asked, until the thread that owns the journal writes it to the history."""

    def __init__(self, describe: Describe, run_id: str | None) -> None:
        """Without a `run_id` nothing is written."""
        self._describe, self._run_id = describe, run_id
        self._waiting: deque[Exchange] = deque(maxlen=KEPT_EXCHANGES)

    def add(self, request: Outgoing, answer: Answer, decision: Decision) -> None:
        """Take down an attempt; in any thread."""
        if self._run_id is not None:
            self._waiting.append(self._describe(request, answer, decision))

    def log(self, journal: RunJournal, object_: str) -> None:
        """Write what was taken down."""
        if self._run_id is None or not self._waiting:
            return
        with journal.transaction():
            while self._waiting:
                journal.requests.add(object_, self._run_id, self._waiting.popleft())
