"""What each database is told when a connection opens, also those that no test can start."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.connections.settings import TimeOuts
from engine.connections.sql.session import driver_arguments, prepare_reading, prepare_writing

LIMITS = TimeOuts(connect_seconds=7, lock_seconds=2.5, statement_seconds=60)
CONTEXT = "SET CONTEXT_INFO 0x6f6e652d73796e63"  # one-sync
ALLOWS = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"


class Connection:
    """Takes down what it is told; `state` is what MS SQL Server says of snapshots."""

    def __init__(self, dialect: str, driver: str, state: int = 1) -> None:
        self.told: list[str] = []
        self.dialect = SimpleNamespace(name=dialect, driver=driver)
        self.connection = SimpleNamespace(driver_connection=SimpleNamespace())
        self._state = state

    def exec_driver_sql(self, statement: str) -> Any:
        self.told.append(statement)
        return SimpleNamespace(scalar=lambda: self._state)

    def commit(self) -> None:
        self.told.append("COMMIT")

    def rollback(self) -> None:
        self.told.append("ROLLBACK")


@pytest.mark.parametrize(
    ("dialect", "driver", "expected"),
    [
        ("oracle", "oracledb", ["SET TRANSACTION READ ONLY"]),
        (
            "mssql",
            "mssqlpython",
            ["SET LOCK_TIMEOUT 2500", CONTEXT, ALLOWS, "ROLLBACK", "SET TRANSACTION ISOLATION LEVEL SNAPSHOT"],
        ),
        (
            "mysql",
            "pymysql",
            [
                "SET SESSION innodb_lock_wait_timeout = 3, lock_wait_timeout = 3, time_zone = '+00:00'",
                "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            ],
        ),
    ],
)
def test_a_read_begins_with_one_state_that_is_only_read(dialect: str, driver: str, expected: list[str]) -> None:
    connection: Any = Connection(dialect, driver)

    assert prepare_reading(connection, LIMITS) is None
    assert connection.told == expected


def test_a_server_without_snapshots_is_read_as_it_allows_and_that_is_said() -> None:
    connection: Any = Connection("mssql", "mssqlpython", state=0)

    note = prepare_reading(connection, LIMITS)

    assert connection.told == ["SET LOCK_TIMEOUT 2500", CONTEXT, ALLOWS, "ROLLBACK"]
    assert note
    assert "ALLOW_SNAPSHOT_ISOLATION ON" in note


def test_what_the_driver_itself_can_bound_is_bounded() -> None:
    oracle: Any = Connection("oracle", "oracledb")
    mssql: Any = Connection("mssql", "mssqlpython")

    prepare_writing(oracle, LIMITS)
    prepare_writing(mssql, LIMITS)

    assert oracle.connection.driver_connection.call_timeout == 60_000
    assert mssql.connection.driver_connection.timeout == 60
    assert driver_arguments("psycopg", LIMITS)["connect_timeout"] == 7
    assert driver_arguments("oracledb", LIMITS) == {"program": "one-sync", "tcp_connect_timeout": 7}
    assert driver_arguments("mssqlpython", LIMITS) == {"timeout": 7}
    assert driver_arguments("pymysql", LIMITS)["program_name"] == "one-sync"
