"""SQL databases as an end: streaming reads, writes by key, and their drivers' errors told apart.

With its parts `sql_connect.py`, `sql_errors.py` and `sql_write.py` the only door to SQLAlchemy and the drivers.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa

from engine.connections.sql.connect import (
    abandon,
    open_cursor,
    open_engine,
    prepare_reading,
    prepare_writing,
    sql_identity,
    sqlite_file,
)
from engine.connections.sql.driver_errors import Fault, RecordRefused, fault_of, sentence_of
from engine.connections.sql.write import RowWrite, StatementCall, TableRows, bindable, write_record
from engine.values import ConfigError, RunError, SourceError, TargetError, UnavailableError

__all__ = ["RecordRefused", "RowWrite", "SqlEnd", "StatementCall", "TableRows", "sql_identity"]

BATCH_ROWS = 20_000
_FIRST_ROWS = 100  # enough to learn how heavy the rows are
_BATCH_BYTES = 32 * 2**20  # a query of large texts or files gets smaller batches
_MYSQL_DUPLICATE_COLUMN = 1060  # of a subquery
_MAX_FETCH_ROWS = {"mssql": 1_000}  # its driver's buffers take this many times the columns' maximum sizes


class SqlEnd:
    """One SQL connection of the project; for one thread.

    Each read opens a connection of its own and closes it; writes share one until `close`.
    """

    def __init__(self, url: str, *, name: str) -> None:
        self._url = url
        self._name = name
        self._writer: sa.Connection | None = None

    # --- reading ---

    def rows(
        self, query: str, params: Mapping[str, Any], *, batch_rows: int = BATCH_ROWS
    ) -> Iterator[tuple[tuple[str, ...], list[tuple[Any, ...]]]]:
        """Read a query lazily: column names and the next rows, at least once, also without rows.

        A batch has at most `batch_rows` rows, and fewer where they are heavy.

        Raises: SourceError if the database cannot be reached or breaks off, RunError if the query or its data is
        at fault; what was yielded before must then be discarded.
        """
        count = 0
        limit = min(batch_rows, _MAX_FETCH_ROWS.get(self._engine.dialect.name, batch_rows))
        with self._query(query, params) as (connection, cursor):
            columns = self._columns(cursor)
            rows = self._fetch(connection, cursor, min(limit, _FIRST_ROWS), count)
            yield columns, rows
            while rows:
                count += len(rows)
                rows = self._fetch(connection, cursor, _size(rows, limit), count)
                if rows:
                    yield columns, rows

    def columns(self, query: str, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Ask the database for a query's column names without reading its tables.

        MS SQL has no portable way: there the query is started, and stopped before its first row.

        Raises: as `rows`.
        """
        dialect = self._engine.dialect.name
        if dialect not in ("postgresql", "mssql"):  # PostgreSQL opens a cursor without running it
            query = f"SELECT * FROM (\n{query.strip().rstrip(';')}\n) one_sync WHERE 1 = 0"
        with self._query(query, params) as (_, cursor):
            return self._columns(cursor, renamed=dialect == "sqlite")

    def check(self) -> str:
        """Connect and describe the server, such as "postgresql 18.6".

        Raises: UnavailableError if it cannot be reached.
        """
        with self._connect(UnavailableError) as connection:
            version = ".".join(map(str, connection.dialect.server_version_info or ()))
            return f"{connection.dialect.name} {version}"

    @contextmanager
    def _query(self, query: str, params: Mapping[str, Any]) -> Iterator[tuple[sa.Connection, Any]]:
        """Run a query; the driver's own cursor gives plain tuples, a fifth faster than SQLAlchemy's rows."""
        with self._connect(SourceError) as connection:
            with self._translated(SourceError, connection):
                statement, values = self._compile(query, params)
                cursor = open_cursor(connection)
                cursor.execute(statement, values)
            try:
                if cursor.description is None:
                    raise self._at_fault("E_QUERY", "the query returns no rows; a source needs a SELECT")
                yield connection, cursor
            finally:
                abandon(cursor)

    def _compile(self, query: str, params: Mapping[str, Any]) -> tuple[str, Any]:
        dialect = self._engine.dialect
        compiled: Any = sa.text(query).compile(dialect=dialect)
        bound = {name: bindable(value, dialect) for name, value in params.items()}
        values = compiled.construct_params(bound, escape_names=True)
        return str(compiled), tuple(values[name] for name in compiled.positiontup) if compiled.positional else values

    def _columns(self, cursor: Any, *, renamed: bool = False) -> tuple[str, ...]:
        """Name the columns of a result; `renamed`: the second `id` of a subquery is called `id:1`."""
        dialect = self._engine.dialect
        names = [str(column[0]) for column in cursor.description]
        if dialect.requires_name_normalize:  # Oracle, Firebird: SKU stands for sku
            names = [str(dialect.normalize_name(name)) for name in names]
        seen: set[str] = set()
        for name in map(str.casefold, names):
            if name in seen or (renamed and name.rpartition(":")[0] in seen):
                sentence = f"two columns are called {name.rpartition(':')[0] or name}; give one an alias: AS ..."
                raise self._at_fault("E_DUPLICATE_COLUMN", sentence)
            seen.add(name)
        return tuple(names)

    def _fetch(self, connection: sa.Connection, cursor: Any, size: int, count: int) -> list[tuple[Any, ...]]:
        with self._translated(SourceError, connection, f" after {count} rows"), _uncollected():
            return list(cursor.fetchmany(size))

    # --- writing ---

    def write(self, record: Sequence[TableRows | StatementCall]) -> None:
        """Write all that belongs to one record, in order, in one transaction.

        What may pass (a deadlock, a connection lost while idle, a key inserted by another at the same moment)
        is tried a second time.

        Raises: RecordRefused if the record's own data is at fault, TargetError if the database cannot be used now,
        RunError if a table, a column or a right is missing. Nothing of the record was kept then,
        save that a connection lost during COMMIT leaves that open; the end can be used again.
        """
        try:
            self._write(record)
        except (UnavailableError, RecordRefused):
            self._write(record)

    def close(self) -> None:
        """Close the connection for writing; the end opens a new one when it is used again."""
        if self._writer is not None:
            with suppress(sa.exc.SQLAlchemyError):  # a broken connection need not be closed well
                self._writer.close()
            self._writer = None

    def _write(self, record: Sequence[TableRows | StatementCall]) -> None:
        if self._writer is None:
            with self._opening(TargetError):
                self._writer = self._engine.connect()
                prepare_writing(self._writer)
        try:
            with self._translated(TargetError, self._writer), self._writer.begin():
                if self._writer.dialect.name == "sqlite":  # its driver would begin after the first look
                    self._writer.exec_driver_sql("BEGIN IMMEDIATE")
                write_record(self._writer, record)
        except UnavailableError:
            self.close()
            raise

    # --- connecting ---

    @functools.cached_property
    def _engine(self) -> sa.Engine:
        return open_engine(self._url, name=self._name)

    @contextmanager
    def _connect(self, unavailable: type[UnavailableError]) -> Iterator[sa.Connection]:
        """Open a connection for reading; it closes without waiting for what is still under way."""
        with self._opening(unavailable):
            connection = self._engine.connect()
            prepare_reading(connection)
        try:
            yield connection
        finally:
            with suppress(sa.exc.SQLAlchemyError):
                connection.close()

    @contextmanager
    def _opening(self, unavailable: type[UnavailableError]) -> Iterator[None]:
        file = sqlite_file(self._engine)
        if file and not file.is_file():
            raise unavailable(f"connection {self._name}: there is no SQLite file {file}", code="E_UNREACHABLE")
        with self._translated(unavailable):
            yield

    # --- errors ---

    @contextmanager
    def _translated(
        self, unavailable: type[UnavailableError], connection: sa.Connection | None = None, when: str = ""
    ) -> Iterator[None]:
        """Turn errors of SQLAlchemy and the driver into ours; `connection` is None while connecting."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._translate(error.orig or error, unavailable, connection, when) from error.orig
        except (self._engine.dialect.loaded_dbapi.Error, ValueError, OverflowError) as error:
            raise self._translate(error, unavailable, connection, when) from error
        except TypeError as error:
            if connection is not None:  # Firebird's driver takes no date for a number
                raise self._at_fault(
                    "E_QUERY", f"a value is of a type that its column does not take: {error}"
                ) from error
            message = f"connection {self._name}: its driver does not know an option of the url ({error}); correct it"
            raise ConfigError(self._without_password(message), code="E_URL") from error
        except sa.exc.SQLAlchemyError as error:  # a parameter is missing
            sentence = sentence_of(getattr(error, "orig", None) or error)
            raise self._at_fault("E_QUERY", f"{sentence}; write a colon that is no parameter as \\:") from error

    def _translate(
        self, error: BaseException, unavailable: type[UnavailableError], connection: sa.Connection | None, when: str
    ) -> Exception:
        sentence = self._without_password(sentence_of(error))
        if connection is None:
            message = (
                f"connection {self._name} cannot be reached: {sentence}; check its url and that its database is up"
            )
            return unavailable(message, code="E_UNREACHABLE")
        fault = fault_of(error, connection)
        if fault is Fault.UNAVAILABLE:
            message = f"connection {self._name} failed{when}: {sentence}; the next run tries again"
            return unavailable(message, code="E_LOST")
        if fault is Fault.QUERY:
            duplicate = error.args[:1] == (_MYSQL_DUPLICATE_COLUMN,)
            return self._at_fault("E_DUPLICATE_COLUMN" if duplicate else "E_QUERY", sentence)
        if unavailable is TargetError:
            return RecordRefused(sentence)
        return self._at_fault("E_DATA", f"{sentence}; convert the column in the query, such as CAST(... AS text)")

    def _at_fault(self, code: str, sentence: str) -> RunError:
        return RunError(f"connection {self._name}: {sentence}", code=code)

    def _without_password(self, sentence: str) -> str:
        password = self._engine.url.password
        return sentence.replace(str(password), "***") if password else sentence


def _size(rows: Sequence[tuple[Any, ...]], limit: int) -> int:
    """Choose how many rows to fetch next, from the weight of some of the last ones."""
    sample = rows[:: max(1, len(rows) // 100)]
    weight = sum(len(value) if isinstance(value, str | bytes) else 8 for row in sample for value in row)
    return max(1, min(limit, _BATCH_BYTES * len(sample) // max(1, weight)))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the garbage collector while rows are fetched: its looking at each in vain takes a quarter more time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
