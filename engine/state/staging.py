"""One object's DuckDB file: opening, its lock, its layout, and staging what the source says now."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from engine.state.column_kinds import HELD_RUNS, SeenKinds
from engine.state.duckdb_file import (
    CORRUPT,
    DamagedError,
    copy_under_lock,
    files_translated,
    open_file,
    reason_of,
    scratch_of,
)
from engine.state.layouts import layout_of, steps_from
from engine.state.memory import LEAST_BYTES, VECTOR_ROWS, Room
from engine.state.sql_names import bytes_of, column, json_array, more, quoted
from engine.state.staging_tables import empty, where_missing
from engine.values import Kind, StateError, ahead, arrow

STEPS = (  # from layout 1, the first released, on; staging.sql is the layout that they end at
    "alter table ledger add column removing boolean default false",
)


def _arrow(values: list[Any]) -> pa.Array:
    """Make an Arrow array of values; one of nulls alone is of texts, as DuckDB takes no column without a type."""
    array = pa.array(values)
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def _numbers(batch: arrow.Batch, before: int) -> pa.Array:
    return pa.array(range(before, before + batch.data.num_rows), pa.int64())


class Staging:
    """An open DuckDB file; being open is the lock against another run of the object.

    After `stage`, the temporary table `staged` holds the read; what its tables hold is told in staging.sql.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._connection = connection
        self.path = path
        self.columns: tuple[str, ...] = ()  # of the last read, as the source names them
        self.kinds: dict[str, Kind] = {}
        self.seen = SeenKinds.of(())  # the kinds of its values; `settle_kinds` makes them those of the columns
        self.damaged = False  # a part of the file was found to be unreadable
        self.room = Room()
        self._meta: dict[str, str] | None = None  # the notes of the file, once they were read

    # --- opening ---------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, *, scratch: Path, wait_seconds: float) -> Staging:
        """Open the file for a run, creating it where there is none.

        Raises BusyError after `wait_seconds` of another process holding it, and
        DamagedError when it is no usable DuckDB file (the caller sets it aside and begins anew).
        """
        with ExitStack() as opened:
            staging = cls(open_file(path, scratch, wait_seconds), path)
            opened.callback(staging.close)
            shutil.rmtree(scratch_of(path, scratch), ignore_errors=True)  # of a run that was killed
            with files_translated(path):
                path.chmod(0o600)
            staging._bring_forward()
            columns = len(staging.columns_of("changes", "c:"))
            staging._take_room(Room(int(staging.meta("heaviest_bytes") or 0), columns))
            opened.pop_all()
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
                    copy_under_lock(path, target, wait_seconds)
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
                for table in ("meta", "ledger", "changes"):
                    self.begin(table)
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

    def records(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Answer a question; each row by the names of its columns."""
        with self._translated():
            answer = self._connection.execute(sql, params or None)
            names = [name for name, *_ in answer.description or ()]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def value(self, sql: str, params: Sequence[Any] = ()) -> Any:
        """Answer a question of one value; None where there is no row."""
        found = self.rows(sql, params)
        return found[0][0] if found else None

    def lists(self, sql: str, params: Sequence[Any] = ()) -> list[list[Any]]:
        """Answer a question column by column: quicker than rows where there are many."""
        with self._translated():
            table = self._connection.execute(sql, params or None).to_arrow_table()
        return [each.to_pylist() for each in table.columns]

    def begin(self, table: str, *, named: str | None = None, columns: Iterable[str] = ()) -> None:
        """Make a table of staging.sql anew, without rows; see `staging_tables.empty`."""
        self.run(empty(table, named=named, columns=columns))

    def ensure(self, table: str) -> None:
        """Make a table of staging.sql where the file has none yet."""
        self.run(where_missing(table))

    def columns_of(self, table: str, prefix: str = "") -> list[str]:
        """List the columns of a table whose names begin so, in their order."""
        sql = f"select name from pragma_table_info('{table}') where starts_with(name, '{prefix}') order by cid"
        return [name for (name,) in self.rows(sql)]

    def insert(self, into: str, data: pa.RecordBatch | pa.Table, select: str = "*") -> None:
        """Append Arrow data to a table; `select` names the expressions over its columns."""
        with self._translated():
            self._connection.register("arriving", data)
            try:
                self._connection.execute(f"insert into {into} select {select} from arriving")
            finally:
                self._connection.unregister("arriving")

    def insert_columns(self, into: str, columns: Mapping[str, Iterable[Any]], select: str = "*") -> None:
        """Append Python values to a table, column by column: whole numbers, texts or bytes in each, or null."""
        self.insert(into, pa.table({name: _arrow(list(values)) for name, values in columns.items()}), select)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            if any(each in str(error) for each in CORRUPT):
                self.damaged = True
                reason = f"{str(error)[:150]}; it is set aside now, and the next run rebuilds it"
                raise DamagedError(self.path, reason) from error
            remedy = f"Check free space in {self.path.parent} and memory, then run again"
            if isinstance(error, duckdb.OutOfMemoryException):
                remedy = (
                    "Its rows need more memory than there is: leave long texts and unused columns out of the "
                    "query, send documents as files, or give the machine more memory"
                )
            raise StateError(
                f"{self.path}: {reason_of(error)}; nothing of this step was kept, and nothing that was sent is "
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
            self._meta = None
            with suppress(duckdb.Error):  # a failed commit has ended the transaction already
                self._connection.execute("rollback")
            raise

    def meta(self, name: str) -> str | None:
        """Read a note of the file."""
        if self._meta is None:
            self._meta = dict(self.rows("select name, value from meta"))
        return self._meta.get(name)

    def set_meta(self, name: str, value: str) -> None:
        """Write a note of the file, where it says something else."""
        if self.meta(name) != value:
            self.run("insert or replace into meta values (?, ?)", [name, value])
            self._meta = {**(self._meta or {}), name: value}

    # --- room for heavy rows -------------------------------------------------------------------------

    def make_room(self, heaviest_bytes: int) -> None:
        """Make room for the heaviest rows of a read; it stays noted in the file, for what that holds since then."""
        room = self.room.with_room_for(Room(heaviest_bytes, len(self.columns)))
        if room != self.room:
            self.set_meta("heaviest_bytes", str(room.heaviest_bytes))
            self._take_room(room)

    def heaviest(self, weights: str) -> int:
        """Weigh the heaviest rows of a read; `weights` is SQL for the `bytes` of each."""
        return int(self.value(f"select sum(bytes) from ({weights} order by bytes desc limit {VECTOR_ROWS})") or 0)

    def _take_room(self, room: Room) -> None:
        self.room = room
        if room.memory_bytes > LEAST_BYTES:
            self.run("reset memory_limit")  # what DuckDB takes by itself: most of what the machine has
            most = int(self.value("select parse_formatted_bytes(current_setting('memory_limit'))"))
            self.run(f"set memory_limit = '{min(room.memory_bytes, most)}B'")

    # --- staging -----------------------------------------------------------------------------------

    def stage(self, batches: Iterable[arrow.Batch], key: Sequence[str]) -> int:
        """Take in a read; answers the number of its rows.

        One transaction: a read that breaks leaves nothing behind.
        The kinds of its columns are those of `settle_kinds`; until then mixed kinds are text.
        """
        count = weight = 0
        self.columns, self.kinds, self.seen = (), {}, SeenKinds.of(())
        with self.transaction():
            for batch in ahead(batches):
                if not self.columns:
                    self._begin_read(batch.columns)
                self.take_kinds(self.seen, batch, count)
                self.take_faults("faults", batch, count)
                weight += batch.data.nbytes
                self.make_room(min(weight, batch.data.nbytes * VECTOR_ROWS // max(1, batch.data.num_rows)))
                self._take(batch, key, count)
                count += batch.data.num_rows
            self.kinds = {each: self.seen.merged(each) for each in self.seen.counts}
            self.make_room(self.heaviest(f"select {bytes_of(self.columns)} as bytes from staged"))
        return count

    def take_kinds(self, seen: SeenKinds, batch: arrow.Batch, before: int) -> None:
        """Take down the kinds of a batch's values; without a second kind in its columns that is a few words."""
        seen.add(batch, before)
        if len(seen.runs) > HELD_RUNS:
            self.write_kinds(seen)

    def take_children(self, batch: arrow.Batch, before: int) -> None:
        """Append a batch to the table `children`."""
        names = [f"c:{name}" for name in batch.columns]
        data = pa.RecordBatch.from_arrays([_numbers(batch, before), *batch.data.columns], ["n", *names])
        self.insert("children", data)

    def write_kinds(self, seen: SeenKinds) -> None:
        """Write what was taken down, and not yet written, to the table `kinds_seen`."""
        if not seen.runs:
            return
        noted = zip(*((run.name, run.first, run.last, str(run.kind)) for run in seen.runs), strict=True)
        self.insert_columns("kinds_seen", dict(zip(("name", "first", "last", "kind"), noted, strict=False)))
        seen.runs.clear()

    def take_faults(self, table: str, batch: arrow.Batch, before: int) -> None:
        """Write to a table which rows of a batch must be refused."""
        if batch.faults:
            numbers, reasons = zip(*batch.faults, strict=True)
            self.insert_columns(table, {"n": (before + row for row in numbers), "reason": reasons})

    def add_columns(self, kinds: Mapping[str, Kind], table: str, values: Mapping[str, str]) -> None:
        """Give the staged rows more columns, from a table by `n`; `values` name its columns."""
        listed = more(f"f.{values[name]} as {column(name)}" for name in kinds)
        self.run(
            f"create or replace temp table staged as select s.*{listed} from staged s left join {table} f on f.n = s.n"
        )
        self.columns = (*self.columns, *kinds)
        self.kinds |= dict(kinds)

    def is_staged(self, key: str) -> bool:
        """Tell whether the read holds a record, by the text of its key."""
        return bool(self.value("select 1 from staged where key = ? and not gone limit 1", [key]))

    def count_gone(self) -> int:
        """Count the rows that the read names to say that they are gone."""
        return int(self.value("select count(*) from staged where gone"))

    def staged_keys(self) -> set[str]:
        """Give the keys, as texts, of all that the read names, also as gone."""
        return {key for (key,) in self.rows("select key from staged")}

    def staged_document(self, key: str) -> str | None:
        """Give the whole document of a staged record, as JSON."""
        found: str | None = self.value('select "c:document" from staged where key = ? limit 1', [key])
        return found

    def kind_text(self, name: str) -> str:
        """Name a column's kind, with those of a child's columns: what a value means, for the row hash."""
        inner = [f"{each}={kind}" for each, kind in sorted(self.kinds.items()) if each.startswith(f"{name}.")]
        return f"{self.kinds[name]}({','.join(inner)})" if inner else str(self.kinds[name])

    def _begin_read(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.seen = SeenKinds.of(columns)
        self.begin("staged", columns=map(column, columns))
        self.begin("faults")
        self.begin("kinds_seen")

    def _take(self, batch: arrow.Batch, key: Sequence[str], before: int) -> None:
        gone = pa.array([batch.gone] * batch.data.num_rows, pa.bool_())
        names = [f"c:{name}" for name in batch.columns]
        data = pa.RecordBatch.from_arrays([_numbers(batch, before), gone, *batch.data.columns], ["n", "gone", *names])
        keys = [column(name) for name in key]
        missing = " or ".join(f"{each} is null" for each in keys)
        listed = more(map(quoted, names))
        self.insert("staged", data, f"n, {json_array(keys)}, {missing}, gone{listed}")
