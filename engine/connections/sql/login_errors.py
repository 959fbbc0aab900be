"""What it means when no connection to a database comes about: who or what has to be corrected."""

from __future__ import annotations

import re
from enum import StrEnum, auto
from typing import Any

import sqlalchemy as sa


class Shut(StrEnum):
    """Why a database does not let us in."""

    CREDENTIALS = auto()  # it refuses who we are: wrong, locked, expired, not allowed from here
    UNREACHABLE = auto()  # it is down, elsewhere, full, or has no such database
    OPTION = auto()  # the driver cannot use what the url says
    LIBRARY = auto()  # the driver lacks a library of the system


_LIBRARIES = {  # by the driver's name in SQLAlchemy: the package of Debian and Ubuntu
    "firebird-driver": "libfbclient2",
    "mssqlpython": "libltdl7 libkrb5-3",
}
_NO_LIBRARY = re.compile(r"(?i)failed to load the driver|shared object|library could not be|can't open lib|DPI-1047")
_MYSQL_REFUSED = frozenset({1044, 1045, 1130, 1698, 1820, 1862, 3118, 3955, 4151})
_REFUSED = {  # by the dialect's name: what the words of an error hold
    "postgresql": re.compile(
        r"authentication failed|no password supplied|no pg_hba\.conf entry|not permitted to log in"
        r"|permission denied for database|FATAL: +role \".*\" does not exist"
    ),
    "mssql": re.compile(r"(?i)login failed|invalid authorization specification|\b(18452|18456|1847\d|1848[6-8])\b"),
    "oracle": re.compile(r"ORA-(01005|01017|01045|28000|28001|28030)\b|DPY-4001\b"),
}
_PSYCOPG_OPTION = re.compile(
    r"(invalid|unknown).*(connection option|URI query|value)|missing \"=\"|(certificate|private key) file"
)
_MISSING_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)  # that an option names


def shut_of(error: BaseException, dialect: sa.Dialect) -> Shut:
    """Classify what was raised when a connection was opened."""
    dbapi: Any = dialect.loaded_dbapi
    is_of_driver = isinstance(error, dbapi.Error)
    if isinstance(error, ImportError) or _lacks_library(error, dialect):
        return Shut.LIBRARY
    if isinstance(error, _MISSING_FILE) or "bad parameters on attach" in str(error):  # the latter of Firebird
        return Shut.OPTION
    if not is_of_driver and not isinstance(error, OSError | EOFError | RuntimeError):
        return Shut.OPTION
    if dialect.name == "postgresql" and isinstance(error, dbapi.ProgrammingError):
        return Shut.OPTION
    if dialect.name == "postgresql" and _PSYCOPG_OPTION.search(str(error)) and "FATAL" not in str(error):
        return Shut.OPTION
    return Shut.CREDENTIALS if is_of_driver and _refuses(error, dialect) else Shut.UNREACHABLE


def lacks_library(name: str, driver: str, sentence: str) -> str:
    """Say what a connection's driver lacks, and where it comes from."""
    library = _LIBRARIES.get(driver)
    remedy = f"apt-get install {library}, on Debian and Ubuntu" if library else "see the driver's documentation"
    return f"connections.{name}.url: the driver lacks a library of the system ({sentence}): {remedy}"


def _lacks_library(error: BaseException, dialect: sa.Dialect) -> bool:
    if dialect.driver not in _LIBRARIES and dialect.driver != "oracledb":
        return False
    found_none = dialect.driver == "firebird-driver" and isinstance(error, FileNotFoundError | AttributeError)
    return found_none or bool(_NO_LIBRARY.search(str(error)))


def _refuses(error: BaseException, dialect: sa.Dialect) -> bool:
    number = error.args[0] if error.args else None
    if dialect.name in ("mysql", "mariadb"):
        return number in _MYSQL_REFUSED
    if str(getattr(error, "sqlstate", None) or "").startswith("28"):
        return True
    if (words := _REFUSED.get(dialect.name)) and words.search(str(error)):
        return True
    return _refused_in_other_words(error)


def _refused_in_other_words(error: BaseException) -> bool:
    """Tell whether PostgreSQL, which speaks the language of its people, names our user after it saw our password."""
    connection: Any = getattr(error, "pgconn", None)
    if connection is None:
        return False
    user = re.escape(connection.user.decode(errors="replace"))
    named = re.search(rf"(?<!server at )[\"»«„“]\s?{user}\s?[\"»«„“”]", str(error))
    return bool(connection.needs_password or (connection.used_password and named))
