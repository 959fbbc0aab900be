"""A death of the process at a chosen moment: one seam around every effect that outlives the process.

An effect is what changes a watched file, or a request that the other side has answered. Effects are found, not listed:
sqlite3, duckdb and the file calls of os are wrapped at their own doors, and the files looked at after every call. What
changed between two calls has passed by the seam: `Fuse.missed` names it.

    with seam(fuse := Fuse(), state, erp):
        fuse.burn(17)
        with suppress(Crash):
            ...                                  # dies after its 17th effect

To die before an effect is to die after the one before it, so one kind of death does for both. What a dying program
still does in memory, such as closing files, is harmless to what it left on disk, except that DuckDB writes its log into
its file. So files are copied by `on_effect` or `on_crash`, at the moment itself: there they are as a kill leaves them.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import httpcore

PASSING = ("-shm", ".tmp")  # shared memory and scratch: nothing is read from them after a death
FILE_CALLS = ("open", "mkdir", "chmod", "rename", "replace", "unlink", "remove")
SHOWN = 90  # characters of a statement

Sight: TypeAlias = dict[str, tuple[int, ...]]


class Crash(BaseException):
    """The process is dead; nothing catches it."""


class Fuse:
    """Counts effects down; unlit it only counts."""

    def __init__(
        self, on_crash: Callable[[], None] = lambda: None, on_effect: Callable[[str], None] = lambda _: None
    ) -> None:
        self.count = 0  # effects since it was lit or put out
        self.on_crash = on_crash
        self.on_effect = on_effect
        self.missed: list[str] = []  # what was done before the changes that no call has made
        self.busy = False  # with a photograph: what is done now is done by the test
        self._at: int | None = None
        self._dead = False
        self._lock = threading.RLock()

    def burn(self, effects: int | None) -> None:
        """Die at the effect of that number, from 1; None: do not."""
        self.count, self._at, self._dead = 0, effects, False

    @property
    def dead(self) -> bool:
        """Tell whether it has burnt down."""
        return self._dead

    def check(self) -> None:
        """Let a dead program do nothing more."""
        if self._dead:
            raise Crash

    def step(self, what: str = "") -> None:
        """Count an effect, and die where it is the last one."""
        with self._lock:
            if not self._dead:
                self.count += 1
                self.busy = True
                self.on_effect(what)
                if self.count == self._at:
                    self.on_crash()
                    self._dead = True
                self.busy = False
        self.check()

    def die(self) -> None:
        """Die here and now."""
        self.burn(1)
        self.step()


class Watch:
    """Looks at files: what is different since the last look was an effect."""

    def __init__(self, fuse: Fuse, paths: tuple[Path, ...]) -> None:
        """`paths` are folders, and files with their logs."""
        self.fuse, self._paths = fuse, paths
        self._lock = threading.RLock()
        self._seen = self._look()
        self._last = "nothing"

    @contextmanager
    def call(self, what: str) -> Iterator[None]:
        """Look before and after one call of a library."""
        if self.fuse.busy:
            yield
            return
        self.fuse.check()
        with self._lock:
            if self._differs():
                self.fuse.missed.append(f"between {self._last} and {what}")
            self._last = what
        try:
            yield
        finally:
            with self._lock:
                if not self.fuse.dead and self._differs():
                    self.fuse.step(what)

    def _differs(self) -> bool:
        now = self._look()
        before, self._seen = self._seen, now
        return now != before

    def _look(self) -> Sight:
        found: Sight = {}
        for path in self._paths:
            if path.is_dir():
                found[str(path)] = ()
                listed = [each.path for each in os.scandir(path) if not each.name.endswith(PASSING)]
            else:
                listed = [f"{path}{suffix}" for suffix in ("", "-journal", "-wal")]
            for each in listed:
                with suppress(FileNotFoundError):
                    stat = os.stat(each)  # noqa: PTH116  thousands of looks
                    found[each] = (stat.st_ino, stat.st_mode, stat.st_size, stat.st_mtime_ns)
        return found


@contextmanager
def seam(fuse: Fuse, *paths: Path) -> Iterator[None]:
    """Put the fuse after every effect: on the files of `paths`, and by HTTP."""
    watch = Watch(fuse, paths)
    connect, duck, exchange = sqlite3.connect, duckdb.connect, httpcore.ConnectionPool.handle_request

    def sqlite_connect(database: Any, *args: Any, **options: Any) -> sqlite3.Connection:
        with watch.call(f"sqlite: open {Path(str(database)).name}"):
            connection = connect(database, *args, factory=_Connection, **options)
        connection.watch = watch
        return connection

    def duckdb_connect(path: Any, *args: Any, **options: Any) -> Any:
        with watch.call(f"duckdb: open {Path(str(path)).name}"):
            return _DuckDB(duck(path, *args, **options), watch)

    def handle_request(self: httpcore.ConnectionPool, request: httpcore.Request) -> httpcore.Response:
        fuse.check()
        response = exchange(self, request)
        if request.method != b"GET":
            try:
                fuse.step(f"http: {request.method.decode()} {request.url.target.decode()}")
            except Crash:
                response.close()
                raise
        return response

    with ExitStack() as stack:

        def put(owner: Any, name: str, new: Any) -> None:
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, new)

        put(sqlite3, "connect", sqlite_connect)
        put(sqlite3.dbapi2, "connect", sqlite_connect)  # SQLAlchemy's name for it
        put(duckdb, "connect", duckdb_connect)
        put(httpcore.ConnectionPool, "handle_request", handle_request)
        for name in FILE_CALLS:
            put(os, name, _watched(watch, name, getattr(os, name)))
        yield


def _watched(watch: Watch, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any, **options: Any) -> Any:
        with watch.call(f"os: {name} {Path(str(args[0])).name}"):
            return call(*args, **options)

    return watched


class _Cursor(sqlite3.Cursor):
    """A cursor whose statements are watched."""

    connection: _Connection

    def execute(self, sql: str, *args: Any) -> _Cursor:
        with self.connection.watched(sql):
            super().execute(sql, *args)
            if sql.startswith("pragma journal_mode"):
                self.fetchall()  # the file changes when the statement is done with
            return self

    def executemany(self, sql: str, *args: Any) -> _Cursor:
        with self.connection.watched(sql):
            super().executemany(sql, *args)
            return self


class _Connection(sqlite3.Connection):
    """A connection whose statements are watched; the dead one closes without a word, as a kill does."""

    watch: Watch
    said = ""  # the last write of the open transaction: what its commit is known by

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, sql: str, *args: Any) -> Any:
        return self.cursor().execute(sql, *args)

    def executemany(self, sql: str, *args: Any) -> Any:
        return self.cursor().executemany(sql, *args)

    def commit(self) -> None:
        with self.watched("commit"):
            super().commit()

    def rollback(self) -> None:
        if not self.watch.fuse.dead:
            super().rollback()

    def close(self) -> None:
        if self.watch.fuse.dead:
            super().close()
        else:
            with self.watched("close"):
                super().close()

    def watched(self, sql: str) -> Any:
        words = " ".join(sql.split())[:SHOWN]
        if words.lower() == "commit":
            words = f"commit after {self.said}"
        else:
            self.said = words
        return self.watch.call(f"sqlite: {words}")


class _DuckDB:
    """A connection of DuckDB whose statements are watched."""

    def __init__(self, inner: duckdb.DuckDBPyConnection, watch: Watch) -> None:
        self._inner, self._watch = inner, watch
        self._said = ""

    def execute(self, sql: str, params: Any = None) -> _DuckDB:
        words = " ".join(sql.split())[:SHOWN]
        with self._watch.call(f"duckdb: commit after {self._said}" if words == "commit" else f"duckdb: {words}"):
            self._inner.execute(sql, params)
        self._said = words
        return self

    def close(self) -> None:
        if self._watch.fuse.dead:
            self._inner.close()
        else:
            with self._watch.call("duckdb: close"):
                self._inner.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


# --- photographs -----------------------------------------------------------------------------------------------


def photograph(into: Path, *paths: Path) -> None:
    """Copy folders, and files with their logs, as they are at this moment."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for path in paths:
        if path.is_dir():
            shutil.copytree(path, into / path.name, ignore=shutil.ignore_patterns(*(f"*{each}" for each in PASSING)))
        for suffix in ("", "-journal", "-wal"):
            part = path.with_name(path.name + suffix)
            if part.is_file():
                shutil.copy(part, into)


def bring_back(taken: Path, *paths: Path) -> None:
    """Let folders and files be as they were photographed."""
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
        for suffix in ("", "-journal", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            part.unlink(missing_ok=True) if part.is_file() else None
            if (taken / part.name).is_file():
                shutil.copy(taken / part.name, part)
        if (taken / path.name).is_dir():
            shutil.copytree(taken / path.name, path)
