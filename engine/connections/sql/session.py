"""What each database is told when a connection opens: who asks, how long it may wait, which state it shows."""

from __future__ import annotations

import math
from datetime import UTC, tzinfo
from importlib import import_module
from operator import methodcaller
from typing import Any

import sqlalchemy as sa

from engine.connections.settings import TimeOuts
from engine.connections.sql.mysql_values import decoders
from engine.connections.sql.odd_times import keep_odd_times

ZONE = "one_sync_zone"  # in the info of a connection: that of times without one
PROGRAM = "one-sync"  # as the database's people see who is connected

_ALWAYS = {
    "postgresql": ("SET lock_timeout = {lock_ms}", "SET TIME ZONE '{zone}'"),
    "mysql": ("SET SESSION innodb_lock_wait_timeout = {lock_s}, lock_wait_timeout = {lock_s}, time_zone = '+00:00'",),
    "mariadb": ("SET SESSION innodb_lock_wait_timeout = {lock_s}, lock_wait_timeout = {lock_s}, time_zone = '+00:00'",),
    "mssql": ("SET LOCK_TIMEOUT {lock_ms}", f"SET CONTEXT_INFO 0x{PROGRAM.encode().hex()}"),
}
_ONE_STATE = {  # the last words before the first query: from here on nothing is seen that others commit, nor written
    "postgresql": (
        "SET cursor_tuple_fraction = 1",  # a cursor would choose a plan for the first tenth of the rows
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    ),
    "mysql": (
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
    "mariadb": (
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
    "mssql": ("SET TRANSACTION ISOLATION LEVEL SNAPSHOT",),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "sqlite": ("PRAGMA query_only = ON", "BEGIN"),
}
_WRITING = {  # would cut texts and clip numbers, with a warning
    "mysql": ("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",),
    "mariadb": ("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",),
}
_MSSQL_ALLOWED = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
_NO_SNAPSHOT = (
    "the database does not allow snapshots, so that a record may be read with children of another moment; "
    "let its administrator run ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON"
)

_lenient = methodcaller("decode", "utf-8", "surrogateescape")


def driver_arguments(driver: str, limits: TimeOuts) -> dict[str, Any]:
    """Give what a driver is told when it connects, by its own names; options of the url win."""
    connect_s, idle_s = math.ceil(limits.connect_seconds), math.ceil(limits.statement_seconds)
    arguments: dict[str, dict[str, Any]] = {
        "psycopg": {  # a server that vanished is noticed after 90 seconds
            "application_name": PROGRAM,
            "connect_timeout": connect_s,
            "keepalives_idle": 60,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
        "pymysql": {
            "program_name": PROGRAM,
            "connect_timeout": connect_s,
            "read_timeout": idle_s + 10,  # a server that vanished; else `DriverThread` notices before
            "write_timeout": idle_s + 10,
        },
        "pysqlite": {"timeout": limits.lock_seconds},
        "oracledb": {"program": PROGRAM, "tcp_connect_timeout": limits.connect_seconds},
        "mssqlpython": {"timeout": connect_s},
    }
    if driver == "pymysql":
        arguments[driver]["conv"] = decoders(import_module("pymysql.converters").conversions)
    return arguments.get(driver, {})


def prepare_reading(connection: sa.Connection, limits: TimeOuts, zone: tzinfo = UTC) -> str | None:
    """Begin a transaction that reads one state of the database, and writes nothing; answers why it cannot be one."""
    dialect = connection.dialect.name
    _prepare(connection, limits, zone)
    driver_connection: Any = connection.connection.driver_connection
    if dialect == "postgresql":
        keep_odd_times(driver_connection)
    if dialect == "sqlite":
        driver_connection.text_factory = _lenient  # bytes at fault become lone surrogates, told by `canonical.column`
    if dialect == "mssql" and not _mssql_allows(connection):
        return _NO_SNAPSHOT
    for statement in _ONE_STATE.get(dialect, ()):
        connection.exec_driver_sql(statement)
    if dialect == "firebird":
        _begin_firebird(driver_connection, limits, reads=True)
    return None


def prepare_writing(connection: sa.Connection, limits: TimeOuts, zone: tzinfo = UTC) -> None:
    """Make a connection one that refuses what it cannot hold exactly."""
    _prepare(connection, limits, zone)
    for statement in _WRITING.get(connection.dialect.name, ()):
        connection.exec_driver_sql(statement)
    connection.commit()
    if connection.dialect.name == "firebird":
        _begin_firebird(connection.connection.driver_connection, limits, reads=False)


def _prepare(connection: sa.Connection, limits: TimeOuts, zone: tzinfo) -> None:
    lock_s = max(1, math.ceil(limits.lock_seconds))
    for statement in _ALWAYS.get(connection.dialect.name, ()):
        lock_ms = max(1, round(limits.lock_seconds * 1000))
        connection.exec_driver_sql(statement.format(lock_s=lock_s, lock_ms=lock_ms, zone=zone))
    driver_connection: Any = connection.connection.driver_connection
    if connection.dialect.name == "oracle":  # has no time-out for locks alone
        driver_connection.call_timeout = round(limits.statement_seconds * 1000)
    if connection.dialect.driver == "mssqlpython":
        driver_connection.timeout = math.ceil(limits.statement_seconds)


def _mssql_allows(connection: sa.Connection) -> bool:
    """Ask whether the database keeps snapshots; the transaction of the question must not be the one that reads."""
    state = connection.exec_driver_sql(_MSSQL_ALLOWED).scalar()
    connection.rollback()
    return state == 1


def _begin_firebird(driver_connection: Any, limits: TimeOuts, *, reads: bool) -> None:
    """Say how the transactions of a connection begin: they see one state, and wait for locks as long as they may."""
    driver = import_module("firebird.driver")  # an extra
    mode = driver.TraAccessMode.READ if reads else driver.TraAccessMode.WRITE
    lock_s = max(1, math.ceil(limits.lock_seconds))
    driver_connection.default_tpb = driver.tpb(driver.Isolation.SNAPSHOT, lock_timeout=lock_s, access_mode=mode)
    driver_connection.main_transaction.default_tpb = driver_connection.default_tpb
    if driver_connection.main_transaction.is_active():  # of the dialect's own questions
        driver_connection.rollback()


def cancel(connection: sa.Connection) -> None:
    """Let the database break off what a connection is about, from another thread."""
    driver_connection: Any = connection.connection.driver_connection
    match connection.dialect.driver:
        case "psycopg":
            driver_connection.cancel_safe(timeout=2)
        case "pymysql":
            with connection.engine.connect() as other:
                other.exec_driver_sql(f"KILL QUERY {int(driver_connection.thread_id())}")
        case "pysqlite":
            driver_connection.interrupt()
        case "oracledb":
            driver_connection.cancel()
        case "firebird-driver":
            driver_connection._att.cancel_operation(3)  # fb_cancel_raise, which the driver does not offer
