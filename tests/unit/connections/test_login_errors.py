"""What errors of drivers mean and say, for databases whose drivers are not among those of the tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from engine.connections.sql.driver_errors import Fault, fault_of, sentence_of
from engine.connections.sql.login_errors import Shut, lacks_library, shut_of


class DriverError(Exception):
    """Of a driver of DB-API 2; Firebird's answers None for every attribute that it does not have."""

    def __init__(self, *args: Any, sqlstate: str | None = None, gds_codes: tuple[int, ...] = ()) -> None:
        super().__init__(*args)
        self.sqlstate, self.gds_codes = sqlstate, gds_codes

    def __getattr__(self, name: str) -> None:
        return None


class ProgrammingError(DriverError):
    pass


DBAPI = SimpleNamespace(
    Error=DriverError,
    ProgrammingError=ProgrammingError,
    DataError=(),
    IntegrityError=(),
    OperationalError=(),
    InterfaceError=(),
    InternalError=(),
)


def dialect(name: str, driver: str) -> sa.Dialect:
    return cast(
        sa.Dialect, SimpleNamespace(name=name, driver=driver, loaded_dbapi=DBAPI, is_disconnect=lambda *_: False)
    )


FIREBIRD, MSSQL, ORACLE = (
    dialect("firebird", "firebird-driver"),
    dialect("mssql", "mssqlpython"),
    dialect("oracle", "oracledb"),
)
NO_LIBRARY = (
    "Driver Error: Connection operation failed; DDBC Error: Failed to load the driver. Please read the documentation"
)
LOGIN_FAILED = "Driver Error: Invalid authorization specification; DDBC Error: [SQL Server]Login failed for user 'erp'."


@pytest.mark.parametrize(
    ("error", "at", "expected"),
    [
        (DriverError("Your user name and password are not defined", sqlstate="28000"), FIREBIRD, Shut.CREDENTIALS),
        (DriverError("Unable to complete network request to host", sqlstate="08006"), FIREBIRD, Shut.UNREACHABLE),
        (FileNotFoundError("The location of Firebird Client Library ..."), FIREBIRD, Shut.LIBRARY),
        (OSError("libtommath.so.1: cannot open shared object file"), FIREBIRD, Shut.LIBRARY),
        (DriverError("bad parameters on attach or create database"), FIREBIRD, Shut.OPTION),
        (DriverError(NO_LIBRARY), MSSQL, Shut.LIBRARY),
        (ImportError("libltdl.so.7: cannot open shared object file"), MSSQL, Shut.LIBRARY),
        (DriverError(LOGIN_FAILED), MSSQL, Shut.CREDENTIALS),
        (Exception("Connection string parsing failed: Unknown keyword 'nosuch'"), MSSQL, Shut.OPTION),
        (OSError(-2, "Name or service not known"), ORACLE, Shut.UNREACHABLE),
        (DriverError("DPY-6005: cannot connect to database"), ORACLE, Shut.UNREACHABLE),
        (DriverError("ORA-01017: invalid username/password; logon denied"), ORACLE, Shut.CREDENTIALS),
        (DriverError("ORA-28000: The account is locked."), ORACLE, Shut.CREDENTIALS),
        (TypeError("connect() got an unexpected keyword argument 'nosuch'"), ORACLE, Shut.OPTION),
    ],
)
def test_who_has_to_be_corrected_when_no_connection_comes_about(
    error: BaseException, at: sa.Dialect, expected: Shut
) -> None:
    assert shut_of(error, at) == expected


POLISH = (
    'connection failed: connection to server at "erp.example.com", port 5432 failed: KATASTROFALNY: '
    'autoryzacja hasłem nie powiodła się dla użytkownika "erp"'
)
NO_DATABASE = 'connection to server at "erp", port 5432 failed: KATASTROFALNY: baza danych "firma" nie istnieje'


@pytest.mark.parametrize(
    ("text", "used", "needs", "expected"),
    [
        (POLISH, True, False, Shut.CREDENTIALS),
        (NO_DATABASE, True, False, Shut.UNREACHABLE),
        ("KATASTROFALNY: nie podano hasła", False, True, Shut.CREDENTIALS),
        ("KATASTROFALNY: przepraszamy, zbyt wielu klientów", False, False, Shut.UNREACHABLE),
    ],
)
def test_postgresql_refuses_a_login_in_the_language_of_its_people(
    text: str, used: bool, needs: bool, expected: Shut
) -> None:
    error: Any = DriverError(text)
    error.pgconn = SimpleNamespace(user=b"erp", used_password=used, needs_password=needs)

    assert shut_of(error, dialect("postgresql", "psycopg")) == expected


@pytest.mark.parametrize(("driver", "package"), [("firebird-driver", "libfbclient2"), ("mssqlpython", "libltdl7")])
def test_the_missing_library_is_named_as_a_package(driver: str, package: str) -> None:
    assert f"apt-get install {package}" in lacks_library("erp", driver, "no such file")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Dynamic SQL Error\n-SQL error code = -204\n-Table unknown\n-NOSUCH\n-At line 1, column 15",
            "Dynamic SQL Error; SQL error code = -204; Table unknown; NOSUCH; At line 1, column 15",
        ),
        (
            "ORA-00942: table or view does not exist\nHelp: https://docs.oracle.com/error-help/db/ora-00942/",
            "ORA-00942: table or view does not exist",
        ),
        ("", "DriverError"),
    ],
)
def test_a_database_s_error_is_told_whole(text: str, expected: str) -> None:
    assert sentence_of(DriverError(text)) == expected


@pytest.mark.parametrize(
    ("error", "at", "expected"),
    [
        (DriverError("lock time-out on wait transaction", gds_codes=(335544510,)), FIREBIRD, Fault.LOCKED),
        (DriverError("deadlock", sqlstate="40001", gds_codes=(335544336,)), FIREBIRD, Fault.UNAVAILABLE),
        (DriverError("conversion error from string", sqlstate="22018"), FIREBIRD, Fault.DATA),
        (DriverError("Table unknown", sqlstate="42S02"), FIREBIRD, Fault.QUERY),
        (DriverError("[SQL Server]Lock request time out period exceeded."), MSSQL, Fault.LOCKED),
        (DriverError("ORA-00054: resource busy and acquire with NOWAIT"), ORACLE, Fault.LOCKED),
    ],
)
def test_whose_fault_an_error_is(error: BaseException, at: sa.Dialect, expected: Fault) -> None:
    connection: Any = SimpleNamespace(
        invalidated=False, closed=False, dialect=at, connection=SimpleNamespace(dbapi_connection=None)
    )

    assert fault_of(error, connection, writes=True) == expected
