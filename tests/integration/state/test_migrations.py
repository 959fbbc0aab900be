"""State of every layout that was ever released: today's program takes it over, and one that is newer is refused.

`tests/layouts/1` is the state of the first release in the middle of its work, as SQL: see `PLATFORM` and `ERP` for what
both ends held then. Its files are never edited; a new layout adds a folder.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.inspect.plan import plan
from engine.state import staging
from engine.state.journal import sqlite_file
from engine.state.journal.journal import Journal
from engine.state.journal.sqlite_file import FILE_NAME
from engine.state.staging import Staging
from engine.values.errors import StateError
from world.project import World, world

LAYOUTS = Path(__file__).parents[2] / "layouts"
ERP = {
    "item": (("W1", "A", "changed"), ("W1", "B", 5), ("W2", "D", "d"), ("W2", "E", "bad")),
    "client": (("k1", "Ala"), ("k2", "Iza"), ("k3", "Ela")),  # the create of k3: its answer and its look-up were lost
}
CLIENTS = {f"c-{id_}-1": {"externalId": id_, "name": name} for id_, name in ERP["client"]}
LETTERS = {"l1": {"id": "l1", "subject": "one", "lines": []}, "l4": {"id": "l4", "subject": "BAD", "lines": []}}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    """A world whose state is of layout 1: a run of items died between its two files."""
    with world(tmp_path) as it:
        it.put("item", *ERP["item"])
        it.put("client", *ERP["client"])
        platform = it.platform
        platform.items = {"W1": {"A": "changed", "B": "5"}, "W2": {"D": "d"}}
        platform.clients, platform.created = dict(CLIENTS), Counter(["k1", "k2", "k3"])
        platform.letters, platform.events = dict(LETTERS), [{"id": id_, "type": "CHANGED"} for id_ in LETTERS]
        platform.refused = {"bad"}
        restore(LAYOUTS / "1", it.state)
        yield it


def restore(layout: Path, state: Path) -> None:
    """Make a state folder of SQL files."""
    state.mkdir()
    with closing(sqlite3.connect(state / FILE_NAME)) as journal:
        journal.executescript((layout / "journal.sql").read_text())
        journal.execute("pragma journal_mode = wal")
    for script in sorted(layout.glob("*.sql")):
        if script.stem != "journal":
            with duckdb.connect(str(state / f"{script.stem}.duckdb")) as connection:
                connection.execute(script.read_text())


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("pragma user_version").fetchone()[0])


# --- the first released layout -----------------------------------------------------------------------------------


def test_state_of_the_first_layout_is_taken_over_and_nothing_confirmed_is_sent_again(it: World) -> None:
    counts = {name: it.run(name) for name in ("items", "clients", "letters")}
    seen = it.platform.take()

    assert counts == {
        "items": {"extracted": 4, "unchanged": 3, "added": 1, "rejected": 1, "requests": 1},
        "clients": {"extracted": 3, "unchanged": 2, "added": 1, "confirmed": 1, "requests": 2},
        "letters": {"extracted": 1, "added": 1, "rejected": 1, "requests": 2},
    }
    assert seen == ["POST /items/W2 1+0", "GET /clients", "PUT /clients/c-k3-1", "GET /feed"]
    assert it.platform.names() == {"k1": "Ala", "k2": "Iza", "k3": "Ela"}
    assert {name: it.run(name).get("confirmed", 0) for name in counts} == dict.fromkeys(counts, 0)
    assert version(it.state / FILE_NAME) == 3


def test_a_plan_on_the_first_layout_changes_no_file(it: World) -> None:
    before = {path.name: path.read_bytes() for path in it.state.iterdir() if not path.name.endswith("-shm")}
    [mapping] = it.app.loaded.select(["clients"])

    planned = plan(it.app, mapping)
    after = {path.name: path.read_bytes() for path in it.state.iterdir() if not path.name.endswith("-shm")}

    assert (planned.failure, planned.counts.unchanged, planned.counts.unknown) == (None, 2, 1)
    assert {name: data for name, data in after.items() if data} == before
    assert version(it.state / FILE_NAME) == 1


def test_a_journal_that_took_its_steps_is_laid_out_as_a_new_one(it: World, tmp_path: Path) -> None:
    with it.journal() as taken, Journal.open(tmp_path / "new", taken.now) as new:
        layouts = [columns(each) for each in (taken, new)]

    assert layouts[0] == layouts[1]


def columns(journal: Journal) -> dict[str, set[tuple[Any, ...]]]:
    tables = [name for (name,) in journal.file.rows("select name from sqlite_master where type = 'table'")]
    asked = 'select name, type, "notnull", dflt_value, pk from pragma_table_info(?)'
    return {name: set(journal.file.rows(asked, name)) for name in tables}


def test_several_processes_may_take_the_steps_at_once(it: World) -> None:
    journals = [Journal.open(it.state, it.app.clock) for _ in range(3)]

    assert {journal.runs.standing("clients").generation for journal in journals} == {2}
    for journal in journals:
        journal.close()


# --- steps -------------------------------------------------------------------------------------------------------


def test_a_journal_takes_each_step_in_a_transaction_of_its_own(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    good = "create table later (n integer);\ninsert into later values (7)"
    broken = "create table last (n integer);\ninsert into nowhere values (1)"
    monkeypatch.setattr(sqlite_file, "STEPS", (*sqlite_file.STEPS, good, broken))
    with pytest.raises(StateError) as caught, it.journal():
        pass
    stopped = version(it.state / FILE_NAME)
    monkeypatch.setattr(sqlite_file, "STEPS", (*sqlite_file.STEPS[:-1], "create table last (n integer)"))
    with it.journal() as journal:
        held = journal.file.rows("select (select n from later), (select count(*) from last)")

    assert (stopped, version(it.state / FILE_NAME), held) == (4, 5, [(7, 0)])
    assert caught.value.code == "E_JOURNAL"
    assert it.run("clients")["unchanged"] == 2


def test_a_duckdb_file_takes_each_step_in_a_transaction_of_its_own(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = it.state / "clients.duckdb"
    good = "alter table ledger add column later integer; update ledger set later = 7"
    broken = "create table last (n integer); insert into nowhere values (1)"
    monkeypatch.setattr(staging, "STEPS", (*staging.STEPS, good, broken))
    with pytest.raises(StateError) as caught:
        it.run("clients")
    monkeypatch.setattr(staging, "STEPS", (*staging.STEPS[:-1], "create table last (n integer)"))
    opened = Staging.open(path, scratch=it.state, wait_seconds=0)
    held = (opened.meta("layout"), opened.rows("select distinct later from ledger"), opened.rows("from last"))
    opened.close()

    assert held == ("4", [(7,)], [])
    assert caught.value.code == "E_STAGING"
    assert it.run("clients")["unchanged"] == 2


# --- newer and foreign files ---------------------------------------------------------------------------------------


def test_a_journal_of_a_newer_program_is_refused_and_left_alone(it: World) -> None:
    with closing(sqlite3.connect(it.state / FILE_NAME)) as journal:
        journal.execute("pragma user_version = 7")
        journal.execute("drop table objects")
    for attempt in (lambda: it.run("clients"), it.app.journal):
        with pytest.raises(StateError) as caught:
            attempt()

        assert (caught.value.code, caught.value.message) == (
            "E_STATE_NEWER",
            f"{it.state / FILE_NAME} was written by a newer one-sync (layout 7, this program knows 3); nothing was "
            "read or sent. Use the newer program again, or restore the whole state folder from a backup made before "
            "the upgrade",
        )
    assert it.platform.take() == []
    assert version(it.state / FILE_NAME) == 7


def test_a_duckdb_file_of_a_newer_program_is_refused_and_not_begun_anew(it: World) -> None:
    path = it.state / "clients.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("update meta set value = '7' where name = 'layout'")
    [mapping] = it.app.loaded.select(["clients"])
    planned = plan(it.app, mapping).failure

    with pytest.raises(StateError) as caught:
        it.run("clients")

    assert caught.value.code == "E_STATE_NEWER"
    assert "layout 7, this program knows 2" in caught.value.message
    assert planned is not None
    assert planned.code == "E_STATE_NEWER"
    assert it.platform.take() == []
    assert list(it.state.glob("*damaged*")) == []


def test_a_file_of_a_newer_duckdb_is_refused_and_not_begun_anew(it: World) -> None:
    path = it.state / "clients.duckdb"
    data = bytearray(path.read_bytes())
    data[12:20] = (99).to_bytes(8, "little")
    data[:8] = _checksum(data[8:4096]).to_bytes(8, "little")
    path.write_bytes(data)
    [mapping] = it.app.loaded.select(["clients"])
    planned = plan(it.app, mapping).failure

    with pytest.raises(StateError) as caught:
        it.run("clients")

    assert caught.value.code == "E_STATE_NEWER"
    assert "version number 99," in caught.value.message
    assert planned is not None
    assert planned.code == "E_STATE_NEWER"
    assert path.read_bytes() == data
    assert it.platform.take() == []


def _checksum(block: bytes) -> int:
    """Do as DuckDB does with a block of its file."""
    found = 5381
    for at in range(0, len(block), 8):
        found ^= int.from_bytes(block[at : at + 8], "little") * 0xBF58476D1CE4E5B9 % 2**64
    return found


def test_a_sqlite_file_of_another_program_is_no_journal(it: World) -> None:
    for path in it.state.glob(f"{FILE_NAME}*"):
        path.unlink()
    with closing(sqlite3.connect(it.state / FILE_NAME)) as other:
        other.execute("create table orders (n integer)")

    with pytest.raises(StateError, match="is a SQLite file of another program"):
        it.run("clients")

    with closing(sqlite3.connect(it.state / FILE_NAME)) as other:
        assert other.execute("select name from sqlite_master").fetchall() == [("orders",)]
