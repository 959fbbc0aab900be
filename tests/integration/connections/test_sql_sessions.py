"""Connections to databases: one state a read, no wait without an end, a stop that is heard, and who is asking."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.connections.settings import TimeOuts
from engine.connections.sql.database import SqlEnd, StatementCall
from engine.connections.sql.entrance import Entrance
from engine.mapping.spec import Children, SqlSource
from engine.source.query import read_sql
from engine.state.journal.runs import Standing
from engine.values.errors import ConfigError, OneSyncError, RunError, SourceError, TargetError
from world.listening import listening, refusal_of_mysql

NUMBERS = count(1)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
NEW = Standing(generation=0, settling=0, open_run=None, cursor=None, full_at=None, once_done=False)


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind in turn."""
    if request.param == "sqlite":
        found: str = request.getfixturevalue("sqlite_url")
        with closing(sqlite3.connect(found.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        return found
    server, name = request.getfixturevalue(f"{request.param}_url"), f"t{next(NUMBERS)}"
    if request.param == "postgres":
        run(server, f"CREATE SCHEMA {name}")
        return f"{server}&options=-csearch_path={name}"
    run(server, f"CREATE DATABASE {name}")
    return f"{server.removesuffix('mysql')}{name}"


def run(url: str, *statements: str, **params: Any) -> None:
    with closing(SqlEnd(url, name="erp")) as end:
        end.write([StatementCall(sql=sql, params=params) for sql in statements])


def rows(read: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for batch in read for row in batch.data.to_pylist()]


def failed(kind: type[OneSyncError], work: Callable[[], object]) -> OneSyncError:
    with pytest.raises(kind) as caught:
        work()
    return caught.value


# --- one state -----------------------------------------------------------------------------------------


def test_a_record_and_its_children_are_of_one_moment(url: str) -> None:
    run(url, "CREATE TABLE invoice (id INTEGER, net INTEGER)", "CREATE TABLE line (invoice INTEGER, net INTEGER)")
    run(url, "INSERT INTO invoice VALUES (1, 100)", "INSERT INTO line VALUES (1, 100)")
    children = {
        "lines": Children(query="SELECT invoice, net FROM line", parent=("invoice",)),
        "sums": Children(query="SELECT invoice, SUM(net) AS net FROM line GROUP BY invoice", parent=("invoice",)),
    }
    source = SqlSource(connection="erp", query="SELECT id, net FROM invoice", key=("id",), children=children)

    with closing(SqlEnd(url, name="erp")) as end:
        (read,) = read_sql(source, end, NEW, NOW, zone=UTC)
        found = [rows(read.batches)]
        for each in read.children.values():
            run(url, "UPDATE invoice SET net = net + 300", "UPDATE line SET net = net + 300")
            found.append(rows(each))
        (again,) = read_sql(source, end, NEW, NOW, zone=UTC)
        later = [rows(again.batches), *map(rows, again.children.values())]

    assert found == [[("1", "100")], [("1", "100")], [("1", "100")]]
    assert later == [[("1", "700")], [("1", "700")], [("1", "700")]]


def test_a_moment_ends_when_its_queries_were_read_and_not_when_all_was_sent(postgres_url: str) -> None:
    with closing(SqlEnd(postgres_url, name="erp")) as end:
        moment = end.moment(queries=2)
        for sql in ("SELECT 1 AS a", "SELECT 2 AS a"):
            list(moment.rows(sql, {}))
        others = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'one-sync' AND pid <> pg_backend_pid()"

        assert until(lambda: only(end, others) == 0)


def test_a_moment_that_nobody_reads_to_its_end_is_closed_with_its_end(postgres_url: str) -> None:
    with closing(SqlEnd(postgres_url, name="erp")) as end:
        next(end.moment(queries=3).rows("SELECT 1 AS a", {}))
    others = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'one-sync' AND pid <> pg_backend_pid()"

    with closing(SqlEnd(postgres_url, name="erp")) as end:
        assert until(lambda: only(end, others) == 0)


@pytest.mark.parametrize("server", ["postgres", "mariadb"])
def test_a_query_that_writes_is_refused(request: pytest.FixtureRequest, server: str) -> None:
    url = request.getfixturevalue(f"{server}_url")
    name = f"f{next(NUMBERS)}"
    body = {
        "postgres": f"CREATE FUNCTION {name}() RETURNS int LANGUAGE sql AS 'INSERT INTO {name} VALUES (1) RETURNING 1'",
        "mariadb": f"CREATE FUNCTION {name}() RETURNS int BEGIN INSERT INTO {name} VALUES (1); RETURN 1; END",
    }
    run(url, f"CREATE TABLE {name} (id INTEGER)", body[server])

    with closing(SqlEnd(url, name="erp")) as end:
        error = failed(RunError, lambda: only(end, f"SELECT {name}() AS a"))
        assert (error.code, only(end, f"SELECT COUNT(*) AS a FROM {name}")) == ("E_QUERY", 0)
        assert "a source is only read" in error.message


# --- no wait without an end ------------------------------------------------------------------------------

QUICK = TimeOuts(connect_seconds=0.3, lock_seconds=0.3, statement_seconds=0.5)
ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) AS i FROM n",
    "postgresql": "SELECT pg_sleep(60)::text AS i",
    "mysql": "SELECT SLEEP(60) AS i",
}


def only(end: SqlEnd, query: str) -> Any:
    ((value,),) = [row for _, rows in end.rows(query, {}) for row in rows]
    return value


def until(true: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


@contextmanager
def within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """Hold a table in another session."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:").replace("mysql:", "mysql+pymysql:"))
    words = {
        "sqlite": "BEGIN EXCLUSIVE",
        "postgresql": f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
        "mysql": f"LOCK TABLES {table} WRITE",
    }
    with engine.connect() as other:
        if engine.dialect.name == "sqlite":
            other.exec_driver_sql("PRAGMA journal_mode = DELETE")
        other.exec_driver_sql(words[engine.dialect.name])
        yield
    engine.dispose()


def test_a_lock_of_another_session_is_waited_for_only_so_long(url: str) -> None:
    run(url, "CREATE TABLE invoice (id INTEGER)")
    insert = [StatementCall(sql="INSERT INTO invoice VALUES (1)")]

    with locked(url, "invoice"), closing(SqlEnd(url, name="erp", limits=TimeOuts(lock_seconds=0.3))) as end:
        with within(3):
            read = failed(SourceError, lambda: only(end, "SELECT id FROM invoice"))
        with within(3):
            written = failed(TargetError, lambda: end.write(insert))
    run(url, "INSERT INTO invoice VALUES (2)")

    assert (read.code, written.code) == ("E_LOCKED", "E_LOCKED")
    assert "connection erp: another session of the database held" in read.message
    assert "time_outs.lock_seconds" in written.message
    with closing(SqlEnd(url, name="erp")) as end:
        assert only(end, "SELECT id FROM invoice") == 2


def test_a_query_may_take_only_so_long_and_is_cancelled_then(url: str) -> None:
    with closing(SqlEnd(url, name="erp", limits=QUICK)) as end, within(3):
        error = failed(SourceError, lambda: only(end, ENDLESS[url.partition(":")[0]]))

    assert error.code == "E_TIME_OUT"
    assert "time_outs.statement_seconds" in error.message
    assert until(lambda: is_idle(url))


def is_idle(url: str) -> bool:
    """Tell whether the server works on no query of ours any more."""
    asked = {
        "postgresql": "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        " AND state = 'active' OR query LIKE 'FETCH%' AND state = 'active' AND pid <> pg_backend_pid()",
        "mysql": "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'",
        "sqlite": "SELECT 0 AS n",
    }
    with closing(SqlEnd(url, name="erp")) as end:
        return bool(only(end, asked[url.partition(":")[0]]) == 0)


def test_a_stop_ends_a_query_and_cancels_it(url: str) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()

    with closing(SqlEnd(url, name="erp", stop=stop)) as end, within(3):
        error = failed(RunError, lambda: only(end, ENDLESS[url.partition(":")[0]]))

    assert error.code == "E_STOPPED"
    assert until(lambda: is_idle(url))


def test_a_stop_ends_a_write_that_waits_for_a_lock_and_nothing_of_it_is_kept(url: str) -> None:
    run(url, "CREATE TABLE invoice (id INTEGER)")
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()

    with locked(url, "invoice"), closing(SqlEnd(url, name="erp", stop=stop)) as end, within(6):
        error = failed(RunError, lambda: end.write([StatementCall(sql="INSERT INTO invoice VALUES (1)")]))
    time.sleep(0.2)  # a write that was left alone could go on now

    assert error.code == "E_STOPPED"
    with closing(SqlEnd(url, name="erp")) as end:
        assert only(end, "SELECT COUNT(*) AS n FROM invoice") == 0


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
def test_a_host_that_accepts_and_says_nothing_is_given_up(driver: str) -> None:
    with listening(b"") as (port, _), within(4):
        end = SqlEnd(f"{driver}://erp:geheim@127.0.0.1:{port}/erp", name="erp", limits=QUICK)
        error = failed(SourceError, end.check)

    assert error.code == "E_UNREACHABLE"
    assert "connection erp cannot be reached" in error.message


def test_a_stop_ends_an_attempt_to_connect() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()

    with listening(b"") as (port, _), within(2):
        error = failed(RunError, SqlEnd(f"mysql://erp@127.0.0.1:{port}/erp", name="erp", stop=stop).check)

    assert error.code == "E_STOPPED"


def test_the_database_s_people_see_who_asks(postgres_url: str) -> None:
    with closing(SqlEnd(postgres_url, name="erp")) as end:
        assert only(end, "SELECT current_setting('application_name') AS name") == "one-sync"
    with closing(SqlEnd(f"{postgres_url}&application_name=shop", name="erp")) as end:
        assert only(end, "SELECT current_setting('application_name') AS name") == "shop"


# --- who does not let us in ------------------------------------------------------------------------------

DENIED = refusal_of_mysql(1045, "Access denied for user 'erp'@'shop' (using password: YES)")
FULL = refusal_of_mysql(1040, "Too many connections")


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (DENIED, "E_CREDENTIALS", "connection erp: the database refuses our login (Access denied for user 'erp'"),
        (refusal_of_mysql(1130, "Host 'shop' is not allowed"), "E_CREDENTIALS", "refuses our login (Host 'shop'"),
        (FULL, "E_UNREACHABLE", "connection erp cannot be reached: Too many connections; check its url"),
    ],
)
def test_a_refused_login_is_told_from_a_database_that_is_not_there(answer: bytes, expected: str, words: str) -> None:
    with listening(answer) as (port, _):
        end = SqlEnd(f"mysql://erp:geheim@127.0.0.1:{port}/erp", name="erp")
        errors = [
            failed(SourceError, lambda: only(end, "SELECT 1 AS a")),
            failed(TargetError, lambda: end.write([StatementCall(sql="SELECT 1")])),
        ]

    for error in errors:
        assert (error.code, error.exit, getattr(error, "connection", None)) == (expected, 6, "erp")
        assert words in error.message
        assert "geheim" not in error.message


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("stranger:wrong@", "password authentication failed"),
        ("stranger@", "no password supplied"),
        ("nobody@", 'role "nobody" does not exist'),
    ],
)
def test_the_ways_in_which_postgresql_refuses_a_login(postgres_url: str, user: str, words: str) -> None:
    url = postgres_url.replace("postgres:@", user)

    error = failed(SourceError, SqlEnd(url, name="erp").check)

    assert error.code == "E_CREDENTIALS"
    assert words in error.message


def test_a_database_that_does_not_exist_is_no_refused_login(postgres_url: str, mariadb_url: str) -> None:
    for url in (postgres_url.replace("/postgres?", "/nosuch?"), mariadb_url.removesuffix("mysql") + "nosuch"):
        error = failed(SourceError, SqlEnd(url, name="erp").check)

        assert error.code == "E_UNREACHABLE"
        assert "nosuch" in error.message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://erp:geheim@127.0.0.1:9/erp?nosuch=1",
        "postgresql://erp:geheim@127.0.0.1:9/erp?keepalives_idle=soon",
        "postgresql://erp:geheim@127.0.0.1:9/erp?sslmode=perhaps",
        "mysql://erp:geheim@127.0.0.1:9/erp?charset=nosuch",
        "mysql://erp:geheim@127.0.0.1:9/erp?connect_timeout=soon",
        "mysql://erp:geheim@127.0.0.1:9/erp?ssl_ca=/nosuch",
        "sqlite:///{file}?timeout=soon",
    ],
)
def test_a_wrong_option_of_a_url_is_to_be_corrected(tmp_path: Path, url: str) -> None:
    (tmp_path / "erp.sqlite").touch()

    error = failed(ConfigError, SqlEnd(url.replace("{file}", str(tmp_path / "erp.sqlite")), name="erp").check)

    assert (error.code, error.exit) == ("E_URL", 2)
    assert error.message.startswith("connections.erp.url")
    assert "geheim" not in error.message


def test_an_entrance_that_is_shut_is_tried_by_nobody(postgres_url: str) -> None:
    entrance = Entrance()
    with listening(DENIED) as (port, taken):
        ends = [SqlEnd(f"mysql://erp@127.0.0.1:{port}/erp", name="erp", entrance=entrance) for _ in range(5)]
        with ThreadPoolExecutor(5) as pool:
            first = list(pool.map(lambda end: failed(SourceError, end.check).code, ends))
        tried_first = len(taken)
        entrance.half_open()
        with ThreadPoolExecutor(5) as pool:
            second = list(pool.map(lambda end: failed(SourceError, end.check).code, ends))

        assert (first, second) == (["E_CREDENTIALS"] * 5, ["E_CREDENTIALS"] * 5)
        assert (tried_first, len(taken)) == (1, 2)
    entrance.half_open()
    assert SqlEnd(postgres_url, name="erp", entrance=entrance).check().startswith("postgresql")
    assert entrance.shut is None
