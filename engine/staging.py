"""One object's DuckDB file: opening, its lock, its layout, and staging what the source says now."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from engine.ahead import ahead
from engine.canonical import Batch, Kind, merge
from engine.errors import BusyError, RunError, StateError
from engine.layouts import layout_of, steps_from
from engine.records import key_text

STEPS = (  # from layout 1, the first released, on; _LAY_OUT is the layout that they end at
    "alter table ledger add column removing boolean default false",
)
MEMORY_LIMIT = "160MB"  # with it a run of a million rows stays below 500 MB in all
SPARE_DESCRIPTORS = 24  # files that DuckDB may open: its own, its log, and what does not fit in memory
_LOCK_PAUSE_SECONDS = 0.05
_LOCKED = ("Could not set lock", "Unique file handle conflict")  # DuckDB: another process, another thread opens it
_HOLDER = re.compile(r"held in (.*?) \(PID ([0-9]+)\)")
_CORRUPT = ("Corrupt database file", "Could not read enough bytes")  # found when the damaged part is read
_OUTSIDE = (  # the file may be sound, and its surroundings are at fault: never a reason to begin it anew
    "Cannot open file",
    "Could not write",
    "Could not truncate",
    "Could not sync",
    "No space left",
    "File too large",
    "Too many open files",
    "Permission denied",
    "Read-only file system",
    "Input/output error",
    "Out of Memory",
    "Cannot allocate memory",
)

_LAY_OUT = """
create table meta (name varchar primary key, value varchar not null);
create table ledger (
    key varchar not null,
    row_hash uhugeint,          -- null: never confirmed, or to be rendered again
    payload_hash uhugeint,      -- null: never confirmed
    uncertain boolean not null, -- an attempt's outcome was not learnt
    removing boolean not null default false, -- and that attempt, or one before it, was a removal
    confirmed_at varchar        -- ISO in UTC
);
"""

EMPTY_CHANGES = """
create or replace table changes (
    seq bigint,                 -- null: taken as it is, nothing to send
    key varchar not null,
    change varchar not null,
    operation integer,
    grp varchar,                -- JSON array of the group's columns
    row_hash uhugeint,
    payload_hash uhugeint,
    line varchar,               -- the rendered line, JSON
    saved varchar               -- the record's binding, JSON
)"""


def column(name: str) -> str:
    """Name the column that holds a source column; prefixed, so that no source name meets one of ours."""
    return quoted(f"c:{name}")


def quoted(identifier: str) -> str:
    """Quote an identifier for DuckDB."""
    return '"' + identifier.replace('"', '""') + '"'


def json_array(expressions: Sequence[str]) -> str:
    """Give SQL for the compact JSON array of some texts: the same text as `records.key_text`."""
    return f"cast(to_json([{', '.join(expressions)}]::varchar[]) as varchar)"


class Staging:
    """An open DuckDB file; being open is the lock against another run of the object.

    After `stage`, the temporary table `staged` holds one row a source row:
    `n`, `key` (JSON array), `missing` (a key part is null), `gone`, and the source's columns.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self.path = path
        self.columns: tuple[str, ...] = ()  # of the last read, as the source names them
        self.kinds: dict[str, Kind] = {}
        self.faults: list[tuple[int, str]] = []  # row number, reason
        self.damaged = False  # a part of the file was found to be unreadable

    # --- opening ---------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, *, scratch: Path, wait_seconds: float) -> Staging:
        """Open the file for a run, creating it where there is none.

        Raises BusyError after `wait_seconds` of another process holding it, and
        DamagedError when it is no usable DuckDB file (the caller sets it aside and begins anew).
        """
        deadline = time.monotonic() + wait_seconds
        _check_descriptors(path)
        while True:
            try:
                connection = _connect(path, scratch)
                break
            except duckdb.Error as error:
                if not _is_locked(error):
                    raise _unusable(path, str(error)) from error
                if time.monotonic() >= deadline:
                    raise _busy(path, error) from error
                time.sleep(_LOCK_PAUSE_SECONDS)
        staging = cls(connection, path)
        shutil.rmtree(_scratch(path, scratch), ignore_errors=True)  # of a run that was killed
        try:
            with files_translated(path):
                path.chmod(0o600)
            staging._bring_forward()
        except BaseException:
            staging.close()
            raise
        return staging

    @classmethod
    @contextmanager
    def copy(cls, path: Path, *, wait_seconds: float) -> Iterator[Staging]:
        """Open a copy for a dry command; the lock is held only while copying."""
        with ExitStack() as stack:
            with files_translated(path):
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="one-sync-"))
                target = Path(folder) / path.name
                if path.exists():
                    _copy_under_lock(path, target, wait_seconds)
            staging = cls.open(target, scratch=Path(folder), wait_seconds=0)
            try:
                yield staging
            finally:
                staging.close()

    def close(self) -> None:
        """Close the file and give up the lock."""
        self._connection.close()

    def _bring_forward(self) -> None:
        """Create the tables in a new file; let an older one take its steps, each in a transaction of its own."""
        tables = {name for (name,) in self.rows("select table_name from duckdb_tables() where not temporary")}
        if tables and "meta" not in tables:
            raise DamagedError(self.path, f"it is a DuckDB file of another program (with a table {min(tables)})")
        if not tables:
            with self.transaction():
                self.run(_LAY_OUT)
                self.run(EMPTY_CHANGES)
                self.set_meta("layout", str(layout_of(STEPS)))
        for layout, step in steps_from(int(self.meta("layout") or 1), STEPS, self.path):
            with self.transaction():
                self.run(step)
                self.set_meta("layout", str(layout))

    # --- the ways to the database ------------------------------------------------------------------

    def run(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Execute statements."""
        with self._translated():
            self._connection.execute(sql, params or None)

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Answer a question."""
        with self._translated():
            return self._connection.execute(sql, params or None).fetchall()

    def value(self, sql: str, params: Sequence[Any] = ()) -> Any:
        """Answer a question of one value; None where there is no row."""
        found = self.rows(sql, params)
        return found[0][0] if found else None

    def lists(self, sql: str, params: Sequence[Any] = ()) -> list[list[Any]]:
        """Answer a question column by column: quicker than rows where there are many."""
        with self._translated():
            table = self._connection.execute(sql, params or None).to_arrow_table()
        return [each.to_pylist() for each in table.columns]

    def insert(self, into: str, data: pa.RecordBatch | pa.Table, select: str = "*") -> None:
        """Append Arrow data to a table; `select` names the expressions over its columns."""
        with self._translated():
            self._connection.register("arriving", data)
            try:
                self._connection.execute(f"insert into {into} select {select} from arriving")
            finally:
                self._connection.unregister("arriving")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            if any(each in str(error) for each in _CORRUPT):
                self.damaged = True
                reason = f"{str(error)[:150]}; it is set aside now, and the next run rebuilds it"
                raise DamagedError(self.path, reason) from error
            remedy = f"Check free space in {self.path.parent} and memory, then run again"
            if isinstance(error, duckdb.OutOfMemoryException):
                remedy = (
                    "Its rows are too heavy to be worked on together: leave long texts and documents out of the query, "
                    "or send them as files"
                )
            raise StateError(
                f"{self.path}: {_reason(error)}; nothing of this step was kept, and nothing that was sent is "
                f"forgotten. {remedy}",
                code="E_STAGING",
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside durable together, or none."""
        self.run("begin")
        try:
            yield
            self.run("commit")
        except BaseException:
            with suppress(duckdb.Error):  # a failed commit has ended the transaction already
                self._connection.execute("rollback")
            raise

    def meta(self, name: str) -> str | None:
        """Read a note of the file."""
        found: str | None = self.value("select value from meta where name = ?", [name])
        return found

    def set_meta(self, name: str, value: str) -> None:
        """Write a note of the file."""
        self.run("insert or replace into meta values (?, ?)", [name, value])

    # --- staging -----------------------------------------------------------------------------------

    def stage(self, batches: Iterable[Batch], key: Sequence[str]) -> int:
        """Take in a read; answers the number of its rows.

        One transaction: a read that breaks leaves nothing behind.
        The kind of a column is that of the whole read; mixed kinds are text.
        """
        count = 0
        self.columns, self.kinds, self.faults = (), {}, []
        with self.transaction():
            for batch in ahead(batches):
                if not self.columns:
                    self._begin_read(batch.columns)
                for name, kind in zip(batch.columns, batch.kinds, strict=True):
                    self.kinds[name] = merge(self.kinds[name], kind)
                self.faults += [(count + row, reason) for row, reason in batch.faults]
                self._take(batch, key, count)
                count += batch.data.num_rows
        return count

    def stage_children(
        self, name: str, batches: Iterable[Batch], parent: Sequence[str], order_by: Sequence[str]
    ) -> None:
        """Take in the children of the staged rows: a column `name` of JSON lists, in the order asked for.

        `parent` are the children's columns that equal the record's key. Children without a record are left out.
        """
        columns: tuple[str, ...] = ()
        kinds: dict[str, Kind] = {}
        faults: list[tuple[str, str]] = []  # key of the record, reason
        with self.transaction():
            for batch in batches:
                if not columns:
                    columns = batch.columns
                    kinds = dict.fromkeys(columns, Kind.NULL)
                    listed = ", ".join(f"{column(each)} varchar" for each in columns)
                    self.run(f"create or replace temp table children ({listed})")
                for each, kind in zip(batch.columns, batch.kinds, strict=True):
                    kinds[each] = merge(kinds[each], kind)
                faults += _faults_of_records(batch, parent)
                self.insert("children", pa.table(batch.data.columns, [f"c:{each}" for each in columns]))
            self._check_children(name, columns, (*parent, *order_by))
            packed = ", ".join(f"{quoted(each)} := {column(each)}" for each in columns)
            order = ", ".join(_ordered(each, kinds[each]) for each in order_by) or "rowid"
            packed = f"cast(to_json(struct_pack({packed})) as varchar)"
            self.run(
                f"create or replace temp table staged as select s.*, coalesce(l.rows, '[]') as {column(name)}"
                f" from staged s left join (select {json_array([column(each) for each in parent])} as parent,"
                f" '[' || string_agg({packed}, ',' order by {order}) || ']' as rows"
                " from children group by parent) l on l.parent = s.key"
            )
            self.run("drop table children")
            for key, reason in faults:
                numbers = self.rows("select n from staged where key = ?", [key])
                self.faults += [(n, f"a row of its children {name}: {reason}") for (n,) in numbers]
        self.columns = (*self.columns, name)
        self.kinds |= {name: Kind.LIST, **{f"{name}.{each}": kind for each, kind in kinds.items()}}

    def _check_children(self, name: str, columns: Sequence[str], needed: Sequence[str]) -> None:
        if name in self.columns:
            message = f"the source has a column {name}, so its children cannot be called {name} as well; rename one"
            raise RunError(message, code="E_DUPLICATE_COLUMN")
        if unknown := [each for each in needed if each not in columns]:
            message = f"the children {name} have no column {', '.join(unknown)}; they have {', '.join(columns)}"
            raise RunError(message, code="E_UNKNOWN_COLUMN")

    def add_columns(self, kinds: Mapping[str, Kind], table: str, values: Mapping[str, str]) -> None:
        """Give the staged rows more columns, from a table by `n`; `values` name its columns."""
        listed = "".join(f", f.{values[name]} as {column(name)}" for name in kinds)
        self.run(
            f"create or replace temp table staged as select s.*{listed} from staged s left join {table} f on f.n = s.n"
        )
        self.columns = (*self.columns, *kinds)
        self.kinds |= dict(kinds)

    def insert_faults(self, table: str) -> None:
        """Write the rows that must be refused to a temporary table: number and reason."""
        numbers, reasons = zip(*self.faults, strict=True) if self.faults else ((), ())
        self.run(f"create or replace temp table {table} (n bigint, reason varchar)")
        arrays = [pa.array(numbers, pa.int64()), pa.array(reasons, pa.string())]
        self.insert(table, pa.RecordBatch.from_arrays(arrays, ["n", "reason"]))

    def kind_text(self, name: str) -> str:
        """Name a column's kind, with those of a child's columns: what a value means, for the row hash."""
        inner = [f"{each}={kind}" for each, kind in sorted(self.kinds.items()) if each.startswith(f"{name}.")]
        return f"{self.kinds[name]}({','.join(inner)})".replace("'", "''") if inner else str(self.kinds[name])

    def greatest(self, name: str) -> str | None:
        """Give the greatest value of a column of the read, in canonical form."""
        # a number that is too long is passed over: an earlier cursor reads some rows again, and loses none
        number = f"try_cast({column(name)} as decimal(38, 9))" if self.kinds[name] is Kind.NUMBER else column(name)
        found: str | None = self.value(f"select arg_max({column(name)}, {number}) from staged")
        return found

    def _begin_read(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.kinds = dict.fromkeys(columns, Kind.NULL)
        listed = "".join(f", {column(name)} varchar" for name in columns)
        self.run(f"create or replace temp table staged (n bigint, key varchar, missing boolean, gone boolean{listed})")

    def _take(self, batch: Batch, key: Sequence[str], before: int) -> None:
        numbers = pa.array(range(before, before + batch.data.num_rows), pa.int64())
        gone = pa.array([batch.gone] * batch.data.num_rows, pa.bool_())
        names = [f"c:{name}" for name in batch.columns]
        data = pa.RecordBatch.from_arrays([numbers, gone, *batch.data.columns], ["n", "gone", *names])
        keys = [column(name) for name in key]
        missing = " or ".join(f"{each} is null" for each in keys)
        listed = "".join(f", {quoted(name)}" for name in names)
        self.insert("staged", data, f"n, {json_array(keys)}, {missing}, gone{listed}")


def _faults_of_records(batch: Batch, parent: Sequence[str]) -> list[tuple[str, str]]:
    """Give the faults of children's rows by the keys of the records that they belong to."""
    if not batch.faults or not set(parent) <= set(batch.columns):
        return []
    values = [batch.data.column(batch.columns.index(name)) for name in parent]
    return [(key_text(tuple(each[row].as_py() for each in values)), reason) for row, reason in batch.faults]


class DamagedError(StateError):
    """The file is no DuckDB file that can be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason[:200]}", code="E_STATE_DAMAGED")
        self.path = path


def _unusable(path: Path, reason: str) -> StateError:
    """Tell a file that is damaged from one that is newer or cannot be opened now: only the first is begun anew."""
    if "version number" in reason:
        said = reason.partition("\n")[0].rpartition("with ")[2]
        message = (
            f"{path} was written by a newer DuckDB ({said[:200]}); it was not touched: use the newer one-sync again"
        )
        return StateError(message, code="E_STATE_NEWER")
    if any(each in reason for each in _OUTSIDE):
        message = (
            f"{path} cannot be opened: {reason[:200]}; nothing was sent. See to its owner and rights, to free space "
            "and to the number of open files (`ulimit -n`), then run again. Moved away, the file is rebuilt"
        )
        return StateError(message, code="E_STATE")
    if "sqlite_scanner" in reason:  # it offers to load what reads such files
        return DamagedError(path, "it is a SQLite file")
    return DamagedError(path, reason.partition("\n")[0])


def _reason(error: duckdb.Error) -> str:
    return str(error).partition("\n")[0][:300]


@contextmanager
def files_translated(path: Path) -> Iterator[None]:
    """Turn errors of the file system, in the state folder or where temporary files lie, into StateError."""
    try:
        yield
    except OSError as error:
        where = error.filename2 or error.filename or path
        raise StateError(
            f"{path}: {where}: {error.strerror or error}; nothing was sent. See to its owner and rights, and to free "
            f"space there and in {tempfile.gettempdir()} (TMPDIR names another folder), then run again",
            code="E_STATE",
        ) from error


def _scratch(path: Path, scratch: Path) -> Path:
    return scratch / f"{path.stem}.tmp"


def _check_descriptors(path: Path) -> None:
    """Refuse to begin where few files may still be opened: DuckDB would abort the whole process while it connects."""
    held: list[int] = []
    try:
        for _ in range(SPARE_DESCRIPTORS):
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        raise StateError(
            f"{path}: {error.strerror}; nothing was sent. Let more files be open at once (`ulimit -n`), then run again",
            code="E_STATE",
        ) from error
    finally:
        for each in held:
            os.close(each)


def _is_locked(error: duckdb.Error) -> bool:
    return any(each in str(error) for each in _LOCKED)


def _busy(path: Path, error: duckdb.Error) -> BusyError:
    """Name who holds a file, as DuckDB tells it; a program of another kind is no run and does not end by itself."""
    program, number = (*_HOLDER.findall(str(error)), ("", ""))[0]
    who = f"process {number} ({Path(program).name})" if number else "another process"
    message = f"{path.stem}: {who} holds {path}; try again when it has ended (`one-sync status` tells what runs)"
    return BusyError(message, code="E_BUSY")


def _connect(path: Path, scratch: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        str(path),
        config={
            "threads": 2,
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(_scratch(path, scratch)),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )


def _copy_under_lock(path: Path, target: Path, wait_seconds: float) -> None:
    """Copy a DuckDB file and its write-ahead log while no run can write them."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            lock = duckdb.connect(str(path), read_only=True)
            break
        except duckdb.Error as error:
            if not _is_locked(error):
                fault = _unusable(path, str(error))
                if isinstance(fault, DamagedError):
                    return  # a run would begin anew as well
                raise fault from error
            if time.monotonic() >= deadline:
                raise _busy(path, error) from error
            time.sleep(_LOCK_PAUSE_SECONDS)
    try:
        # The file itself last: closing a descriptor of it drops the lock that this process holds on it.
        for suffix in (".wal", ""):
            part = path.with_name(path.name + suffix)
            if part.exists():
                shutil.copyfile(part, target.with_name(target.name + suffix))
    finally:
        lock.close()


def _ordered(name: str, kind: Kind) -> str:
    """Give SQL that orders by a column's values: numbers by size, all else by text."""
    return f"try_cast({column(name)} as decimal(38, 9)), {column(name)}" if kind is Kind.NUMBER else column(name)
