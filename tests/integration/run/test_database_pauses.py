"""Databases that do not let us in: their connections pause, as those of platforms do, and one object asks for all."""

from __future__ import annotations

import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from engine.run.app import App, utc_now
from engine.run.one_run import new_run_id
from engine.schedule.service import Service, exit_code, run_once
from engine.state.journal.pauses import Pause
from engine.values.results import ObjectResult
from world.equal import letter
from world.lines import Lines
from world.listening import listening, refusal_of_mysql
from world.project import World, world
from world.shop import Shop

DENIED = refusal_of_mysql(1045, "Access denied for user 'erp'@'shop' (using password: YES)")
OBJECTS = ("north", "south", "west")
RECORDS = """
object: {name}
schedule: "* * * * * *"
source: {{connection: erp, query: "SELECT id, name FROM note", key: [id]}}
fields: {{id: "{{{{ id }}}}", name: "{{{{ name }}}}"}}
send:
  - on: [added, changed]
    request: {{method: PUT, path: "/{name}/{{{{ id | path }}}}", body: "{{{{ line }}}}"}}
"""


@pytest.fixture
def database() -> Iterator[tuple[int, list[socket.socket]]]:
    """A MySQL server that refuses every login: its port, and those who came."""
    with listening(DENIED) as found:
        yield found


@pytest.fixture
def shop(tmp_path: Path, database: tuple[int, list[socket.socket]]) -> Shop:
    """Three objects of that database."""
    shop = Shop(tmp_path / "shop", "http://127.0.0.1:9")
    (shop.folder / "items.yaml").unlink()
    (shop.folder / "notes.yaml").unlink()
    for name in OBJECTS:
        shop.write(f"{name}.yaml", RECORDS.format(name=name))
    shop.variables["ERP_URL"] = f"mysql://erp:geheim@127.0.0.1:{database[0]}/erp"
    return shop


def once(app: App, log: Lines) -> list[ObjectResult]:
    mappings = app.loaded.select(OBJECTS)
    return list(run_once(app, mappings, run_id=new_run_id(utc_now()), allowed={}, log=log))


def pauses(app: App) -> dict[str, Pause]:
    with app.journal() as journal:
        return journal.pauses.all()


def test_a_pass_asks_a_database_that_refuses_the_login_once(
    shop: Shop, database: tuple[int, list[socket.socket]]
) -> None:
    log, app = Lines(), App(shop.folder, shop.variables)
    results = once(app, log)
    pause = pauses(app)["erp"]
    shown = shop.run("status").stdout

    assert len(database[1]) == 1
    assert exit_code(results) == 6
    assert {each.failure.code for each in results if each.failure} == {"E_CREDENTIALS"}
    assert "not tried, as its connection is paused: connection erp: the database refuses" in str(results[1].failure)
    assert pause.reason.startswith("the database refuses our login (Access denied for user 'erp'")
    assert pause.reason.endswith("correct them, then `one-sync connections` ends the pause")
    assert log.of("connection_paused") == [("error", "connection_paused")]
    assert "connection erp is paused since" in shown
    assert "geheim" not in shown


def test_a_scheduler_leaves_a_database_that_refuses_the_login_alone_until_one_object_asks_again(
    shop: Shop, database: tuple[int, list[socket.socket]]
) -> None:
    log, app = Lines(), App(shop.folder, shop.variables)
    service = Service(app, log)
    thread = Thread(target=service.serve)
    thread.start()
    try:
        until(lambda: bool(log.of("connection_paused")))
        time.sleep(1.3)  # fires of all objects pass meanwhile
        first, asked_first = pauses(app)["erp"], len(database[1])
        with closing(sqlite3.connect(shop.state / "journal.sqlite")) as journal, journal:
            journal.execute("UPDATE pauses SET until = ?", [utc_now().isoformat(timespec="microseconds")])
        until(lambda: pauses(app)["erp"].probes == 2)
        time.sleep(0.3)
    finally:
        app.stop.set()
        thread.join(30)

    assert (first.probes, asked_first) == (1, 1)
    assert len(database[1]) == 2
    assert log.of("connection_paused", "connection_still_paused") == [
        ("error", "connection_paused"),
        ("info", "connection_still_paused"),
    ]


@pytest.mark.parametrize(
    ("words", "number", "expected"), [(("run", "--once"), signal.SIGTERM, 143), (("plan",), signal.SIGINT, 130)]
)
def test_a_signal_ends_a_command_that_waits_for_a_lock_of_a_database(
    tmp_path: Path, postgres_url: str, words: tuple[str, ...], number: signal.Signals, expected: int
) -> None:
    shop = Shop(tmp_path / "shop", "http://127.0.0.1:9")
    (shop.folder / "items.yaml").unlink()
    (shop.folder / "notes.yaml").unlink()
    shop.write("north.yaml", RECORDS.format(name="north"))
    shop.variables["ERP_URL"] = postgres_url
    engine = sa.create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'one-sync'"
    quick = engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as other, quick.connect() as watch:
        other.exec_driver_sql("CREATE TABLE IF NOT EXISTS note (id text, name text)")
        other.commit()
        other.exec_driver_sql("LOCK TABLE note IN ACCESS EXCLUSIVE MODE")
        process = shop.start(*words)
        until(lambda: watch.exec_driver_sql(waiting).scalar() == 1)
        process.send_signal(number)
        process.communicate(timeout=5)
        until(lambda: watch.exec_driver_sql(waiting).scalar() == 0)
        other.exec_driver_sql("DROP TABLE note")
        other.commit()

    assert process.returncode == expected


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as found:
        yield found


@pytest.mark.parametrize("name", ["items", "letters"])  # read from the database, written to it
def test_a_database_that_is_not_there_pauses_until_somebody_gets_in(it: World, name: str) -> None:
    it.run(name)
    it.put("item", ("W1", "A", 5))
    it.platform.write("l1", letter("l1", "Hello"))
    aside = it.erp.rename(it.erp.with_name("aside"))
    it.run(name)
    code, paused = it.code, pauses(it.app)
    aside.rename(it.erp)
    it.close()  # a process that begins anew asks anew
    it.run(name)

    assert (it.code, pauses(it.app)) == (None, {})
    assert (set(paused), code) == ({"erp"}, "E_UNREACHABLE")


def test_a_record_that_somebody_holds_is_left_for_the_next_run_and_holds_up_nobody(
    it: World, postgres_url: str
) -> None:
    it.edit("project", ('url: "${ERP}"', 'url: "${ERP}", time_outs: {lock_seconds: 0.2}'))
    it.variables["ERP"] = postgres_url
    engine = sa.create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    for id_ in ("l1", "l2"):
        it.platform.write(id_, letter(id_, "Hello"))
    with engine.connect() as other:
        other.exec_driver_sql("CREATE TABLE letter (id text PRIMARY KEY, subject text, gone int)")
        other.exec_driver_sql("CREATE TABLE letter_line (letter_id text, number int, text text)")
        other.exec_driver_sql("INSERT INTO letter VALUES ('l1', 'Before')")
        other.commit()
        other.exec_driver_sql("SELECT * FROM letter WHERE id = 'l1' FOR UPDATE")  # a clerk has it open

        first = it.run("letters")
        failure = it.last.failure if it.last else None
        between = other.exec_driver_sql("SELECT id, subject FROM letter ORDER BY id").all()
        other.rollback()
        second = it.run("letters")
        found = other.exec_driver_sql("SELECT id, subject FROM letter ORDER BY id").all()
        for table in ("letter", "letter_line"):
            other.exec_driver_sql(f"DROP TABLE {table}")
        other.commit()

    assert (first["confirmed"], first["failed"], second["confirmed"]) == (1, 1, 1)
    assert failure
    assert "1 records were not confirmed: connection erp: another session" in failure.message
    assert between == [("l1", "Before"), ("l2", "Hello")]
    assert found == [("l1", "Hello"), ("l2", "Hello")]
