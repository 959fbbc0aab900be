"""The file journal.sqlite: opening it, its layout, its transactions."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from engine.state.layouts import layout_of, steps_from
from engine.values import Clock, StateError

FILE_NAME = "journal.sqlite"
STEPS = (  # from layout 1, the first released, on; journal.sql is the layout that they end at
    """
alter table objects add column settling integer not null default 0;
update objects set settling = generation + (open_run is not null);
alter table objects add column ends text;
alter table receipts rename to receipts_before;
create table receipts (
  object  text not null,
  first   integer not null,
  last    integer not null check (last >= first),
  outcome text not null check (outcome in ('confirmed', 'clean', 'gone'))
);
insert into receipts select * from receipts_before;
drop table receipts_before;
create index receipts_by_end on receipts (object, outcome, last);
alter table progress rename to progress_before;
create table progress (
  object       text not null,
  key          text not null,
  operation    integer not null,
  fingerprint  text not null,
  payload_hash text not null,
  step         integer not null,
  saved        text not null,
  primary key (object, key)
) without rowid;
-- Of which mapping the steps were is not known any more: creates aside, they are done anew.
insert into progress select object, key, 0, '', payload_hash, step, saved from progress_before;
drop table progress_before
""",
    "create index requests_by_time on requests (at)",
)
_SPARE_PAGES = 256  # free ones, that are never given back: the next notes would ask for them again
_SMALL_BYTES = 50_000_000  # that are rewritten in a second
_INCREMENTAL = 2  # of the pragma auto_vacuum
_SCHEMA = Path(__file__).with_name("journal.sql")
LOCK_WAIT_SECONDS = 30.0  # for another process that writes; one that holds on for longer is stuck


class JournalFile:
    """One connection to journal.sqlite.

    Raises StateError when the file cannot be read or written; nothing is half written then.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, clock: Clock, hide: Callable[[str], str] = str
    ) -> None:
        """`hide` removes secrets from what ends have said: an answer may repeat a header."""
        self._connection = connection
        self.path = path
        self._clock = clock
        self._hide = hide

    # --- opening ---------------------------------------------------------------------------------

    @classmethod
    def open(cls, folder: Path, clock: Clock, hide: Callable[[str], str] = str) -> Self:
        """Open the journal of a state folder, creating both if they are not there."""
        path = folder / FILE_NAME
        os.umask(0o077)  # from now on this process writes state: all its files are for their owner alone
        with translated(path), ExitStack() as opened:
            _create_private(folder, path)
            connection = _connected(str(path), opened)
            connection.execute("pragma auto_vacuum = incremental")  # of a file that is new
            _log_writes_ahead(connection)
            connection.execute("pragma synchronous = full")
            _bring_forward(connection, path)
            opened.pop_all()
        return cls(connection, path, clock, hide)

    @classmethod
    def open_to_read(cls, folder: Path, clock: Clock) -> Self:
        """Open the journal for a dry command: nothing is written.

        Where there is none, an empty one in memory; one of an older layout is copied there and brought forward.
        """
        path = folder / FILE_NAME
        with translated(path), ExitStack() as opened:
            connection = _connected(f"{path.resolve().as_uri()}?mode=ro", opened) if path.exists() else None
            if connection and _layout(connection) == layout_of(STEPS):
                opened.pop_all()
                return cls(connection, path, clock)
            memory = _connected(":memory:", opened)
            if connection:
                connection.backup(memory)
                connection.close()
            _bring_forward(memory, path)
            opened.pop_all()
        return cls(memory, path, clock)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # --- the two ways to the database ---------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside durable together, or none."""
        if self._connection.in_transaction:
            yield
            return
        with self._translated(), _whole(self._connection):
            yield

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """Answer a question."""
        with self._translated():
            return self._connection.execute(sql, params).fetchall()

    def stream(self, sql: str, *params: Any) -> Iterator[tuple[Any, ...]]:
        """Answer a question row by row."""
        with self._translated():
            yield from self._connection.execute(sql, params)

    def write(self, sql: str, *params: Any) -> int:
        """Do one statement; answers how many rows it changed."""
        with self.transaction():
            return self._connection.execute(sql, params).rowcount

    def write_many(self, sql: str, params: Iterable[Sequence[Any]]) -> int:
        """Do one statement for each of some parameters; answers how many rows it changed."""
        with self.transaction():
            return self._connection.executemany(sql, params).rowcount

    def give_back(self, pages: int) -> bool:
        """Give some space that was freed back to the disk; answers whether there is more.

        A little stays for what comes next. A file from before, which cannot give any back, is rewritten once, while
        what it holds is small.
        """
        with self._translated():
            held, free, size = (self._pragma(name) for name in ("page_count", "freelist_count", "page_size"))
            if free <= max(_SPARE_PAGES, held // 8):
                return False
            if self._pragma("auto_vacuum") == _INCREMENTAL:
                self._connection.execute(f"pragma incremental_vacuum({pages})").fetchall()
                return True
            if (held - free) * size <= _SMALL_BYTES:
                self._connection.execute("pragma auto_vacuum = incremental")
                self._connection.execute("vacuum")
            return False

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"pragma {name}").fetchone()[0])

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.path)

    # --- what all stores need -----------------------------------------------------------------------

    def hidden(self, text: str | None) -> str | None:
        """Remove secrets from a text."""
        return None if text is None else self._hide(text)

    def now(self) -> datetime:
        """Tell the time by the journal's clock."""
        return self._clock()

    @property
    def identity(self) -> str:
        """A text made with the file, by which DuckDB files know their journal."""
        return str(self.rows("select value from meta where name = 'identity'")[0][0])


def _connected(name: str, opened: ExitStack) -> sqlite3.Connection:
    """Connect; closed with the stack, so that no lock outlives what fails on the way."""
    connection = sqlite3.connect(
        name, uri=name.startswith("file:"), timeout=LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False
    )
    opened.callback(connection.close)
    return connection


def _create_private(folder: Path, path: Path) -> None:
    """Create the file for its owner alone, where there is none.

    A file that is there is never opened here: closing any descriptor of it would drop the locks that SQLite holds in
    this process, and another process would then take away the write-ahead log from under it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


@contextmanager
def _whole(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all that is inside, or nothing."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:  # SQLite itself rolls back where the disk is full
            connection.execute("rollback")
        raise


def _layout(connection: sqlite3.Connection) -> int:
    """Give the layout of a file; 0: it is new."""
    return int(connection.execute("pragma user_version").fetchone()[0])


def _log_writes_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; where two make the file at once SQLite does not wait here, so it is asked again."""
    give_up_at = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            connection.execute("pragma journal_mode = wal")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                raise
            time.sleep(0.01)


def _bring_forward(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables in a new file; let an older one take its steps, each in a transaction of its own."""
    with _whole(connection):
        if _layout(connection) == 0:
            _lay_out(connection, path)
    for layout, step in steps_from(_layout(connection), STEPS, path):
        with _whole(connection):
            if _layout(connection) < layout:  # else another process has just done it
                _execute(connection, step)
                connection.execute(f"pragma user_version = {layout}")


def _lay_out(connection: sqlite3.Connection, path: Path) -> None:
    if tables := [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]:
        raise StateError(
            f"{path} is a SQLite file of another program (with a table {tables[0]}); nothing was changed. Move it "
            "away and restore journal.sqlite from a backup, or name another folder as `state` in project.yaml",
            code="E_JOURNAL",
        )
    _execute(connection, _SCHEMA.read_text(encoding="utf-8"))
    connection.execute("insert into meta values ('identity', ?)", (uuid.uuid4().hex,))
    connection.execute(f"pragma user_version = {layout_of(STEPS)}")


def _execute(connection: sqlite3.Connection, script: str) -> None:
    """Execute statements inside the transaction that is open, which `executescript` would end."""
    for statement in script.split(";\n"):
        connection.execute(statement)


# --- errors ------------------------------------------------------------------------------------------

_FREE = "free some space there, or let the file grow, and run again"
_OPEN = "let the user that runs one-sync read and write the folder and its files, and run again"
_RESTORE = (
    "Move it away with its -wal and -shm; then restore it from a backup made while nothing ran, or without a backup "
    "run `one-sync adopt OBJECT` for each object"
)
_REMEDIES = {  # by the primary code of SQLite's error
    sqlite3.SQLITE_FULL: _FREE,
    sqlite3.SQLITE_IOERR: f"{_FREE}; if there is space, see to the disk",
    sqlite3.SQLITE_BUSY: "another process holds it; `fuser -v` on the file names it: end that process, and run again",
    sqlite3.SQLITE_READONLY: _OPEN,
    sqlite3.SQLITE_CANTOPEN: _OPEN,
    sqlite3.SQLITE_PERM: _OPEN,
    sqlite3.SQLITE_NOTADB: f"it is damaged. {_RESTORE}",
    sqlite3.SQLITE_CORRUPT: f"it is damaged. {_RESTORE}",
    sqlite3.SQLITE_ERROR: f"it has not the tables that this program knows. {_RESTORE}",
}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into StateError."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_INTERNAL) & 0xFF  # the rest tells more of the same
        remedy = _REMEDIES.get(code, f"{_OPEN}; if that changes nothing, restore it from a backup")
        raise _fault(path, str(error), remedy) from error
    except (FileExistsError, NotADirectoryError) as error:
        folder = error.filename or path.parent
        raise _fault(path, f"{folder} is no folder", "name a folder as `state` in project.yaml") from error
    except OSError as error:
        remedy = _FREE if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else _OPEN
        if error.errno in (errno.EMFILE, errno.ENFILE):
            remedy = "let more files be open at once (`ulimit -n`), and run again"
        raise _fault(path, error.strerror or str(error), remedy) from error


def _fault(path: Path, what: str, remedy: str) -> StateError:
    return StateError(f"{path}: {what}; nothing more is sent until it can be used: {remedy}", code="E_JOURNAL")
