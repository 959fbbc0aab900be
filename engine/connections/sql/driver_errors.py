"""What an error of a database driver means for us, by SQLSTATE, number or class."""

from __future__ import annotations

import re
import sqlite3
from enum import StrEnum, auto
from typing import Any

import sqlalchemy as sa


class RecordRefused(Exception):
    """The database refuses one record for its data; other records may go on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Fault(StrEnum):
    """Whose fault an error is."""

    UNAVAILABLE = auto()  # the database's: it is down, busy, shutting down, out of space; the same may work later
    LOCKED = auto()  # another session's, which held what was needed for too long
    READ_ONLY = auto()  # the query's, which writes
    DATA = auto()  # the values': out of range, too long, a violated constraint, refused by a trigger
    QUERY = auto()  # the statement's: syntax, a missing table, column or right


_SQLSTATES = {  # by class; P0001 is PostgreSQL's RAISE EXCEPTION, 45000 is MySQL's SIGNAL
    Fault.UNAVAILABLE: ("08", "25006", "28", "3D", "40", "53", "55", "57", "58", "XX"),
    Fault.DATA: ("22", "23", "44", "45", "P0001"),
    Fault.QUERY: ("",),
}
_MYSQL_UNAVAILABLE = frozenset(
    {
        *(1040, 1044, 1045, 1049, 1129, 1130, 1203, 1226),  # connections and logins
        *(1053, 1290, 1317, 1836, 1927, 1969, 3024),  # shut down, read-only, killed, took too long
        *(1021, 1114, 1180, 1213),  # disk or table full, commit failed, deadlock
        *range(1152, 1162),  # the network
        *range(2000, 3000),  # the client's own
    }
)
_MYSQL_LOCKED = 1205
_MYSQL_READ_ONLY = 1792  # the transaction, not the server
_MYSQL_DATA = frozenset({1292, 1364, 1365, 1411, 1644, 1690, 3819, 4025})  # those with the class OperationalError
_FIREBIRD_LOCKED = frozenset({335544345, 335544510})
_SQLITE_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_LOCK_WORDS = re.compile(r"Lock request time out|ORA-(00054|30006)\b")  # of MS SQL and Oracle, which give no number
_LINK = re.compile(r"\(Background on this error at: \S+\)|^Help: https?://.*$", re.MULTILINE)
_SQLITE_QUERY = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_RANGE})
_SQLITE_DATA = frozenset({sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG})


def fault_of(error: BaseException, connection: sa.Connection, *, writes: bool) -> Fault:
    """Classify an error of the driver, or a value that the driver could not take (ValueError, OverflowError)."""
    if isinstance(error, ValueError | OverflowError):
        return Fault.DATA
    if _lost(error, connection):
        return Fault.UNAVAILABLE
    if _locked(error):
        return Fault.LOCKED
    if not writes and _read_only(error):
        return Fault.READ_ONLY
    return _by_number(error, connection.dialect) or _by_class(error, connection.dialect)


def sentence_of(error: BaseException) -> str:
    """Give the database's own sentence: all its lines as one, at most 300 characters.

    Firebird begins with "Dynamic SQL Error", and what is wrong stands on the lines that follow.
    """
    text = getattr(getattr(error, "diag", None), "message_primary", None)  # PostgreSQL
    if not text and len(error.args) > 1 and isinstance(error.args[0], int):  # MySQL: number and sentence
        text = str(error.args[1])
    lines = [line.strip().lstrip("-").strip() for line in _LINK.sub("", str(text or error)).splitlines()]
    return "; ".join(filter(None, lines))[:300] or type(error).__name__


def _lost(error: BaseException, connection: sa.Connection) -> bool:
    if connection.invalidated or connection.closed:
        return True
    dialect: Any = connection.dialect
    if not isinstance(error, dialect.loaded_dbapi.Error):
        return False
    return bool(dialect.is_disconnect(error, connection.connection.dbapi_connection, None))


def _locked(error: BaseException) -> bool:
    if getattr(error, "sqlstate", None) == "55P03" or error.args[:1] == (_MYSQL_LOCKED,):
        return True
    if not _FIREBIRD_LOCKED.isdisjoint(getattr(error, "gds_codes", None) or ()):
        return True
    if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _SQLITE_LOCKED:  # the rest tells more of the same
        return True
    return bool(_LOCK_WORDS.search(str(error)))


def _read_only(error: BaseException) -> bool:
    return getattr(error, "sqlstate", None) == "25006" or error.args[:1] == (_MYSQL_READ_ONLY,)


def _by_number(error: BaseException, dialect: sa.Dialect) -> Fault | None:
    if dialect.name in ("mysql", "mariadb"):
        return _mysql(error)
    if dialect.name == "sqlite":
        return _sqlite(error)
    sqlstate = getattr(error, "sqlstate", None)
    return _by_sqlstate(sqlstate) if sqlstate else None


def _by_sqlstate(sqlstate: str) -> Fault:
    return next(fault for fault, prefixes in _SQLSTATES.items() if sqlstate.startswith(prefixes))


def _mysql(error: BaseException) -> Fault | None:
    number = error.args[0] if error.args else None
    if number in _MYSQL_UNAVAILABLE:
        return Fault.UNAVAILABLE
    if number in _MYSQL_DATA:
        return Fault.DATA
    return Fault.QUERY if type(error).__name__ == "OperationalError" and isinstance(number, int) else None


def _sqlite(error: BaseException) -> Fault | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # an error of the Python module itself
        return None
    primary = code & 0xFF  # the rest tells more of the same
    if primary in _SQLITE_DATA:
        return Fault.DATA
    return Fault.QUERY if primary in _SQLITE_QUERY else Fault.UNAVAILABLE


def _by_class(error: BaseException, dialect: sa.Dialect) -> Fault:
    dbapi: Any = dialect.loaded_dbapi
    if isinstance(error, dbapi.DataError | dbapi.IntegrityError):
        return Fault.DATA
    if isinstance(error, dbapi.OperationalError | dbapi.InterfaceError | dbapi.InternalError):
        return Fault.UNAVAILABLE
    return Fault.QUERY
