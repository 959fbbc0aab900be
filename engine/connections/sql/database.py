"""A SQL database as an end: streaming reads of one state, and writes of records by key."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, tzinfo
from typing import Any

import sqlalchemy as sa

from engine.connections.settings import TimeOuts
from engine.connections.sql.connect import open_engine, sql_identity
from engine.connections.sql.driver_errors import RecordRefused
from engine.connections.sql.entrance import Entrance
from engine.connections.sql.link import Link
from engine.connections.sql.moment import BATCH_ROWS, Moment, Rows, columns_of, executed
from engine.connections.sql.mysql_values import FLOAT
from engine.connections.sql.questions import fault_of_statement, missing_columns, repeated_keys
from engine.connections.sql.translation import Translation
from engine.connections.sql.write import RowWrite, StatementCall, TableRows, write_record
from engine.values import SourceError, TargetError, UnavailableError

__all__ = ["RecordRefused", "RowWrite", "SqlEnd", "StatementCall", "TableRows", "sql_identity"]

_TWICE = frozenset({"E_LOST"})  # what may have passed when it is tried again at once: a deadlock, an idle connection


class SqlEnd:
    """One SQL connection of the project; for one thread at a time.

    Each moment opens a connection of its own and closes it; writes share one until `close`.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        limits: TimeOuts | None = None,
        stop: threading.Event | None = None,
        entrance: Entrance | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        """`stop` breaks off what the database is about; `entrance` is shared by the ends of one connection.

        Times without a zone are of `zone`.
        """
        self._url, self._name = url, name
        self._limits, self._zone = limits or TimeOuts(), zone
        self._stop = stop or threading.Event()
        self._entrance = entrance or Entrance()
        self._writer: Link | None = None
        self._moments: list[Moment] = []

    # --- reading ---

    def moment(self, *, queries: int) -> Moment:
        """Give what reads so many queries from one state of the database; `close` closes it where they do not."""
        moment = Moment(self._reader, self._words, queries=queries)
        self._moments.append(moment)
        return moment

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what a person should know of the moments that were read."""
        return tuple(dict.fromkeys(each.note for each in self._moments if each.note))

    def rows(self, query: str, params: Mapping[str, Any], *, batch_rows: int = BATCH_ROWS) -> Iterator[Rows]:
        """Read one query lazily, as `Moment.rows`."""
        return Moment(self._reader, self._words, queries=1).rows(query, params, batch_rows=batch_rows)

    def columns(self, query: str, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Ask the database for a query's column names without reading its tables.

        MS SQL has no portable way: there the query is started, and stopped before its first row.

        Raises: as `rows`.
        """
        dialect = self._engine.dialect
        if dialect.name not in ("postgresql", "mssql"):  # PostgreSQL opens a cursor without running it
            query = _without_rows(query)
        with closing(self._reader()) as link:
            cursor = executed(link, self._words, query, params)
            return columns_of(cursor, dialect, self._words, renamed=dialect.name == "sqlite")

    def rounded_columns(self, query: str, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Name the columns of a query whose values the server rounds when it sends them. Raises as `rows`."""
        dialect = self._engine.dialect
        if dialect.name not in ("mysql", "mariadb"):
            return ()
        with closing(self._reader()) as link:
            cursor = executed(link, self._words, _without_rows(query), params)
            names = columns_of(cursor, dialect, self._words)
            return tuple(name for name, column in zip(names, cursor.description, strict=True) if column[1] == FLOAT)

    def check(self) -> str:
        """Connect and describe the server, such as "postgresql 18.6".

        Raises: UnavailableError if it cannot be reached.
        """
        with closing(self._reader()) as link:
            version = ".".join(map(str, link.connection.dialect.server_version_info or ()))
            return f"{link.connection.dialect.name.partition('.')[0]} {version}"  # of "firebird.firebird" the first

    def missing_columns(self, table: str, wanted: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
        """Name what a table lacks of these columns, and all that it has. Raises as `rows`, also without a table."""
        with closing(self._reader()) as link:
            return missing_columns(link, table, wanted)

    def fault_of_statement(self, sql: str, params: Sequence[str]) -> str | None:
        """Say what a statement calls that there is not, without running it; None also where nobody can tell.

        Raises as `write`.
        """
        with closing(self._open(TargetError)) as link, suppress(RecordRefused):  # for the nulls that stand for values
            return fault_of_statement(link, sql, params)
        return None

    def repeated_keys(
        self, query: str, params: Mapping[str, Any], key: Sequence[str], *, most: int
    ) -> list[tuple[Any, ...]]:
        """Give some keys that stand more than once in what a query gives, and how often. Raises as `rows`."""
        with closing(self._reader()) as link:
            return repeated_keys(link, query, params, key, most=most)

    # --- writing ---

    def write(self, record: Sequence[TableRows | StatementCall]) -> None:
        """Write all that belongs to one record, in order, in one transaction.

        What may pass (a deadlock, a connection lost while idle, a key inserted by another at the same moment)
        is tried a second time.

        Raises: RecordRefused if the record's own data is at fault, TargetError if the database cannot be used now,
        RunError if a table, a column or a right is missing, or the run is stopped. Nothing of the record was kept then,
        save that a connection lost during COMMIT leaves that open; the end can be used again.
        """
        try:
            self._write(record)
        except (UnavailableError, RecordRefused) as error:
            if isinstance(error, UnavailableError) and error.code not in _TWICE:
                raise
            self._write(record)

    def close(self) -> None:
        """Close all connections; the end opens new ones when it is used again."""
        self._close_writer()
        for moment in self._moments:
            moment.close()
        self._moments.clear()

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, record: Sequence[TableRows | StatementCall]) -> None:
        if self._writer is None:
            self._writer = self._open(TargetError)
        writer = self._writer
        try:
            writer.call(lambda: _in_transaction(writer, record))
        except RecordRefused:
            raise
        except BaseException:
            self._close_writer()
            raise

    # --- connecting ---

    @functools.cached_property
    def _engine(self) -> sa.Engine:
        return open_engine(self._url, name=self._name, limits=self._limits)

    @functools.cached_property
    def _words(self) -> Translation:
        return Translation(self._name, self._engine, self._limits)

    def _reader(self) -> Link:
        return self._open(SourceError)

    def _open(self, unavailable: type[UnavailableError]) -> Link:
        def link() -> Link:
            return Link(self._engine, self._words, self._limits, self._stop, unavailable=unavailable, zone=self._zone)

        return self._entrance.enter(link, unavailable)


def _in_transaction(writer: Link, record: Sequence[TableRows | StatementCall]) -> None:
    connection = writer.connection
    with connection.begin():
        if connection.dialect.name == "sqlite":  # its driver would begin after the first look
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        write_record(connection, record)
        if writer.is_left:  # nobody waits any more: a later run may have written what is newer
            raise RuntimeError("left alone before it was committed")


def _without_rows(query: str) -> str:
    return f"SELECT * FROM (\n{query.strip().rstrip(';')}\n) one_sync WHERE 1 = 0"
