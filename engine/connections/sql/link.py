"""One open connection to a database: opened within a time, used within a time, broken off by a stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, tzinfo
from typing import Any, TypeVar

import sqlalchemy as sa

from engine.connections.settings import TimeOuts
from engine.connections.sql.connect import abandon, sqlite_file
from engine.connections.sql.driver_thread import DriverThread
from engine.connections.sql.session import ZONE, cancel, prepare_reading, prepare_writing
from engine.connections.sql.translation import Translation
from engine.values import SourceError, TargetError, UnavailableError

T = TypeVar("T")

_SPARE_SECONDS = 1.0  # that what is being written gets after a stop
_LONGER = 1.0  # than the driver's own time-out, whose words say more


class Link:
    """A connection in a thread of its own; what its driver raises comes as our errors."""

    def __init__(
        self,
        engine: sa.Engine,
        words: Translation,
        limits: TimeOuts,
        stop: threading.Event,
        *,
        unavailable: type[UnavailableError] = SourceError,
        zone: tzinfo = UTC,
    ) -> None:
        """Connect, to write where a TargetError is to be raised, else to read one state of the database.

        Raises `unavailable` if the database does not let us in, ConfigError where its url or driver is at fault.
        """
        self._words, self._limits, self._unavailable, self._zone = words, limits, unavailable, zone
        self._opened: sa.Connection | None = None
        self._cursor: Any = None
        self.note: str | None = None  # why it does not see one state
        file = sqlite_file(engine)
        if file and not file.is_file():
            raise words.unreachable(f"there is no SQLite file {file}", unavailable)
        self._thread = DriverThread(stop)
        try:
            words.opening(
                lambda: self._thread.call(lambda: self._open(engine), seconds=_seconds(engine, limits)), unavailable
            )
            prepare = prepare_writing if self._writes else prepare_reading
            self.note = self.call(lambda: prepare(self.connection, limits, zone))
        except BaseException:
            self.close()
            raise

    @property
    def connection(self) -> sa.Connection:
        """The connection, for work in its thread."""
        if self._opened is None:
            raise RuntimeError("the connection is not open")
        return self._opened

    @property
    def is_left(self) -> bool:
        """Tell whether a call was left alone, so that nothing more may be done with the connection."""
        return self._thread.left

    def call(self, work: Callable[[], T], when: str = "") -> T:
        """Do work in the connection's thread."""

        def patiently() -> T:
            return self._thread.call(
                work,
                seconds=self._limits.statement_seconds,
                cancel=lambda: cancel(self.connection),
                spare_seconds=_SPARE_SECONDS if self._writes else 0.0,
            )

        return self._words.working(patiently, self.connection, self._unavailable, when)

    def took(self, cursor: Any) -> None:
        """Take note of the cursor whose rows are fetched."""
        self._cursor = cursor

    def close(self) -> None:
        """Close without waiting for what is still under way."""
        self._thread.end(self._close)

    @property
    def _writes(self) -> bool:
        return self._unavailable is TargetError

    def _open(self, engine: sa.Engine) -> None:
        self._opened = engine.connect()
        self._opened.info[ZONE] = self._zone

    def _close(self) -> None:
        abandon(self._cursor)
        if self._opened is not None:
            with suppress(sa.exc.SQLAlchemyError):  # a broken connection need not be closed well
                self._opened.close()


def _seconds(engine: sa.Engine, limits: TimeOuts) -> float:
    """Give how long connecting may take: a url may name several servers, and a time-out of its own."""
    query = engine.url.query
    hosts = query.get("host", "")
    tried = len(hosts) if isinstance(hosts, tuple) else max(1, hosts.count(",") + 1)
    with suppress(ValueError, TypeError):
        return float(str(query.get("connect_timeout"))) * tried + _LONGER
    return limits.connect_seconds * tried + _LONGER
