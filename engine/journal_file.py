"""The file journal.sqlite: opening it, its layout, its transactions."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from engine.errors import StateError
from engine.notes import Clock

LAYOUT = 1
FILE_NAME = "journal.sqlite"
_SCHEMA = Path(__file__).with_name("journal.sql")
_LOCK_WAIT_SECONDS = 30


class JournalFile:
    """One connection to journal.sqlite.

    Raises StateError when the file cannot be read or written; nothing is half written then.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Clock, hide: Callable[[str], str] = str) -> None:
        """`hide` removes secrets from what ends have said: an answer may repeat a header."""
        self._connection = connection
        self._clock = clock
        self._hide = hide

    # --- opening ---------------------------------------------------------------------------------

    @classmethod
    def open(cls, folder: Path, clock: Clock, hide: Callable[[str], str] = str) -> Self:
        """Open the journal of a state folder, creating both if they are not there."""
        path = folder / FILE_NAME
        os.umask(0o077)  # from now on this process writes state: all its files are for their owner alone
        with translated(path):
            _create_private(folder, path)
            connection = _connect(str(path))
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            _lay_out(connection, path)
        return cls(connection, clock, hide)

    @classmethod
    def open_to_read(cls, folder: Path, clock: Clock) -> Self:
        """Open the journal for a dry command: nothing is written; where there is none, an empty one in memory."""
        path = folder / FILE_NAME
        if not path.exists():
            connection = _connect(":memory:")
            _lay_out(connection, path)
            return cls(connection, clock)
        with translated(path):
            connection = _connect(f"{path.resolve().as_uri()}?mode=ro")
            _check_layout(connection, path)
        return cls(connection, clock)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the two ways to the database ---------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside durable together, or none."""
        if self._connection.in_transaction:
            yield
            return
        with translated():
            self._connection.execute("begin immediate")
            try:
                yield
                self._connection.execute("commit")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back where the disk is full
                    self._connection.execute("rollback")
                raise

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """Answer a question."""
        with translated():
            return self._connection.execute(sql, params).fetchall()

    def _write(self, sql: str, *params: Any) -> None:
        with self.transaction():
            self._connection.execute(sql, params)

    def _write_many(self, sql: str, params: Iterable[Sequence[Any]]) -> None:
        with self.transaction():
            self._connection.executemany(sql, params)

    def _hidden(self, text: str | None) -> str | None:
        return None if text is None else self._hide(text)

    @property
    def identity(self) -> str:
        """A text made with the file, by which DuckDB files know their journal."""
        return str(self.rows("select value from meta where name = 'identity'")[0][0])

    def now(self) -> datetime:
        """Tell the time by the journal's clock."""
        return self._clock()

    def is_older(self, moment: datetime, hours: float) -> bool:
        """Tell whether a moment is more than some hours past; 0 hours: never."""
        return hours > 0 and self._clock() - moment >= timedelta(hours=hours)


def _connect(name: str) -> sqlite3.Connection:
    return sqlite3.connect(
        name, uri=name.startswith("file:"), timeout=_LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )


def _create_private(folder: Path, path: Path) -> None:
    """Create the file for its owner alone, where there is none.

    A file that is there is never opened here: closing any descriptor of it would drop the locks that SQLite holds in
    this process, and another process would then take away the write-ahead log from under it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _lay_out(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables in a new file."""
    connection.execute("begin immediate")
    version = _check_layout(connection, path)
    if version == 0:
        for statement in _SCHEMA.read_text(encoding="utf-8").split(";\n"):
            connection.execute(statement)
        connection.execute("insert into meta values ('identity', ?)", (uuid.uuid4().hex,))
        connection.execute(f"pragma user_version = {LAYOUT}")
    connection.execute("commit")


def _check_layout(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("pragma user_version").fetchone()[0])
    if version > LAYOUT:
        raise StateError(
            f"{path} was written by a newer one-sync (layout {version}, this program knows {LAYOUT}); "
            "use the newer program, or restore a backup made before the upgrade",
            code="E_STATE_NEWER",
        )
    return version


@contextmanager
def translated(path: Path | None = None) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into StateError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        where = f"{path}: " if path else "journal: "
        raise StateError(
            f"{where}{error}; nothing more is sent until the state folder can be read and written"
            " (free space, owner, other processes)",
            code="E_JOURNAL",
        ) from error
