"""Reads queries lazily from one state of a database: all of a moment's queries see what its first one sees."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import sqlalchemy as sa

from engine.connections.sql.char_columns import char_columns, without_padding
from engine.connections.sql.connect import open_cursor
from engine.connections.sql.link import Link
from engine.connections.sql.translation import Translation
from engine.connections.sql.write import bindable
from engine.values import sql_text

BATCH_ROWS = 20_000
_FIRST_ROWS = 100  # enough to learn how heavy the rows are
_BATCH_BYTES = 32 * 2**20  # a query of large texts or files gets smaller batches
_MAX_FETCH_ROWS = {"mssql": 1_000}  # its driver's buffers take this many times the columns' maximum sizes

Rows: TypeAlias = tuple[tuple[str, ...], list[tuple[Any, ...]]]


class Moment:
    """One connection and one transaction for several queries, one after the other.

    It is opened by the first of them, and closed when so many were read to their ends as were announced, so that no
    transaction stays open while what was read is sent.
    """

    def __init__(self, opened: Callable[[], Link], words: Translation, *, queries: int) -> None:
        self._open, self._words = opened, words
        self._left = queries
        self._link: Link | None = None
        self.note: str | None = None  # why its queries may see several states; known after the first row

    def rows(self, query: str, params: Mapping[str, Any], *, batch_rows: int = BATCH_ROWS) -> Iterator[Rows]:
        """Read a query: column names and the next rows, at least once, also without rows.

        A batch has at most `batch_rows` rows, and fewer where they are heavy.

        Raises: SourceError if the database cannot be reached or breaks off, RunError if the query or its data is
        at fault; what was yielded before must then be discarded.
        """
        try:
            yield from self._rows(query, params, batch_rows)
        except BaseException:
            self.close()
            raise
        self._left -= 1
        if self._left <= 0:
            self.close()

    def close(self) -> None:
        """End the transaction; what is read afterwards sees another state."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _rows(self, query: str, params: Mapping[str, Any], batch_rows: int) -> Iterator[Rows]:
        if self._link is None:
            self._link = self._open()
            self.note = self._link.note
        link, count = self._link, 0
        dialect = link.connection.dialect
        limit = min(batch_rows, _MAX_FETCH_ROWS.get(dialect.name, batch_rows))
        cursor = executed(link, self._words, query, params)
        columns, padded = columns_of(cursor, dialect, self._words), char_columns(cursor, dialect.driver)
        rows = _fetch(link, cursor, min(limit, _FIRST_ROWS), count)
        yield columns, without_padding(rows, padded)
        while rows:
            count += len(rows)
            rows = _fetch(link, cursor, _size(rows, limit), count)
            if rows:
                yield columns, without_padding(rows, padded)
        link.call(cursor.close)


def executed(link: Link, words: Translation, query: str, params: Mapping[str, Any]) -> Any:
    """Run a query; the driver's own cursor gives plain tuples, a fifth faster than SQLAlchemy's rows."""

    def execute() -> Any:
        statement, values = compiled(link.connection.dialect, query, params)
        cursor = open_cursor(link.connection)
        link.took(cursor)
        cursor.execute(statement, values)
        return cursor

    cursor = link.call(execute)
    if cursor.description is None:
        raise words.at_fault("E_QUERY", "the query returns no rows; a source needs a SELECT")
    return cursor


def columns_of(cursor: Any, dialect: sa.Dialect, words: Translation, *, renamed: bool = False) -> tuple[str, ...]:
    """Name the columns of a result; `renamed`: the second `id` of a subquery is called `id:1`."""
    names = [str(column[0]) for column in cursor.description]
    if dialect.requires_name_normalize:  # Oracle, Firebird: SKU stands for sku
        names = [str(dialect.normalize_name(name)) for name in names]
    seen: set[str] = set()
    for name in map(str.casefold, names):
        if name in seen or (renamed and name.rpartition(":")[0] in seen):
            sentence = f"two columns are called {name.rpartition(':')[0] or name}; give one an alias: AS ..."
            raise words.at_fault("E_DUPLICATE_COLUMN", sentence)
        seen.add(name)
    return tuple(names)


def compiled(dialect: sa.Dialect, query: str, params: Mapping[str, Any]) -> tuple[str, Any]:
    """Write a query and its parameters as the driver takes them."""
    text: Any = sa.text(sql_text.literal_colons(query)).compile(dialect=dialect)
    bound = {name: bindable(value, dialect) for name, value in params.items()}
    values = text.construct_params(bound, escape_names=True)
    return str(text), tuple(values[name] for name in text.positiontup) if text.positional else values


def _fetch(link: Link, cursor: Any, size: int, count: int) -> list[tuple[Any, ...]]:
    def fetch() -> list[tuple[Any, ...]]:
        with _uncollected():
            return list(cursor.fetchmany(size))

    return link.call(fetch, f" after {count} rows")


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
