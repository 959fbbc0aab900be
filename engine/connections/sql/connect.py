"""From a SQLAlchemy URL to an engine, and from a connection to a cursor that streams."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from engine.connections.identity import Identity, identity, plain_host
from engine.connections.settings import TimeOuts
from engine.connections.sql.login_errors import lacks_library
from engine.connections.sql.session import driver_arguments
from engine.values import ConfigError, shipped

_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+mssqlpython",
    "oracle": "oracle+oracledb",
    "sqlite": "sqlite+pysqlite",
}
_EXTRAS = {
    "postgresql": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "mssql": "mssql",
    "oracle": "oracle",
    "firebird": "firebird",
}
_WHOLE_BLOBS = 2**31 - 1  # bytes up to which the driver gives a value, and no object that reads it
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521, "firebird": 3050}
_PLACES = frozenset({"host", "port", "service", "service_name", "sid", "unix_socket"})  # options that name the server
_ODBC_PLACES = re.compile(r"(?i)\b(server|address|addr|port|database|dsn)\s*=\s*([^;]*)")


def open_engine(text: str, *, name: str, limits: TimeOuts) -> sa.Engine:
    """Make the engine of a connection; nothing is connected yet.

    Raises: ConfigError if the URL cannot be read or its driver is not installed.
    """
    url = _url(text, name)
    backend, _, driver = url.drivername.partition("+")
    arguments = {key: value for key, value in driver_arguments(driver, limits).items() if key not in url.query}
    # PostgreSQL's JSON stays the exact text it is, as in every other database
    options: dict[str, Any] = {"json_deserializer": _as_text} if backend == "postgresql" else {}
    try:
        engine = sa.create_engine(
            url,
            connect_args=arguments,
            hide_parameters=True,
            poolclass=NullPool,
            pool_reset_on_return=None,  # a reset would read an abandoned result of MySQL to its end
            **options,
        )
        engine.dialect.name = engine.dialect.name.partition(".")[0]  # Firebird's calls itself "firebird.firebird"
        return engine
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise _no_driver(url, backend, name) from error
    except ImportError as error:
        raise ConfigError(lacks_library(name, driver, str(error)), code="E_NO_DRIVER") from error
    except (sa.exc.ArgumentError, TypeError, ValueError):
        raise _bad_url(name) from None


def _no_driver(url: sa.URL, backend: str, name: str) -> ConfigError:
    extra = _EXTRAS.get(backend)
    tried = _DRIVERS.get(backend, backend)
    if extra and url.drivername not in (tried, backend):
        message = f"there is no driver for {url.drivername}; write {backend}://..., which takes {tried}"
        return ConfigError(f"connections.{name}.url: {message}", code="E_NO_DRIVER")
    remedy = _driver_remedy(extra) if extra else "correct the word before ://"
    return ConfigError(f"connections.{name}.url: there is no driver for {url.drivername}; {remedy}", code="E_NO_DRIVER")


def _driver_remedy(extra: str) -> str:
    return f"run ONE_SYNC_EXTRAS={extra} bin/one-sync once" if shipped.checkout() else f"install one-sync[{extra}]"


def _url(text: str, name: str) -> sa.URL:
    try:
        url = sa.make_url(text)
        shown = (url.host or "", url.database or "", text.partition("?")[2].partition("=")[0])
        if url.host is not None and any("@" in each for each in shown):  # the end of a password with a plain @ / or ?
            raise _bad_url(name)
        return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    except (sa.exc.ArgumentError, ValueError):
        raise _bad_url(name) from None  # the cause may quote the password


def _bad_url(name: str) -> ConfigError:
    return ConfigError(
        f"connections.{name}.url is no SQLAlchemy URL, such as postgresql://user:password@host/database or "
        "sqlite:////folder/file.sqlite; in a password write @ as %40, : as %3A, / as %2F, ? as %3F and # as %23",
        code="E_URL",
    )


def sql_identity(text: str, *, name: str) -> Identity:
    """Identify a database by its server and its name: neither the user nor the driver makes it another one.

    A SQLite file is known by its path as it is written: one beside the project moves with it.

    Raises: ConfigError if the URL cannot be read.
    """
    url = _url(text, name)
    backend = url.get_backend_name()
    host = plain_host(url.host) if url.host else ""
    port = url.port or _PORTS.get(backend)
    server = f"{host}:{port}" if host and port else host
    chosen: dict[str, Any] = {key: value for key, value in url.query.items() if key in _PLACES}
    if "odbc_connect" in url.query:
        chosen["odbc_connect"] = _ODBC_PLACES.findall(unquote_plus(str(url.query["odbc_connect"])))
    place = f"{backend} {'/'.join(part for part in (server, url.database) if part)}"
    return identity(place, json.dumps(chosen, sort_keys=True))


def open_cursor(connection: sa.Connection) -> Any:
    """Open a cursor of the driver itself that holds only what is fetched; its rows are plain tuples."""
    dialect, dbapi_connection = connection.dialect, connection.connection
    if dialect.driver in ("psycopg", "psycopg2"):
        return dbapi_connection.cursor("one_sync")
    if dialect.driver in ("pymysql", "mysqldb"):
        return dbapi_connection.cursor(import_module(f"{dialect.loaded_dbapi.__name__}.cursors").SSCursor)
    cursor: Any = dbapi_connection.cursor()
    if dialect.driver == "firebird-driver":
        cursor.stream_blob_threshold = _WHOLE_BLOBS
    return cursor


def abandon(cursor: Any) -> None:
    """Give up the rest of a result, before its connection is closed."""
    result: Any = getattr(cursor, "_result", None)
    if getattr(result, "unbuffered_active", False):  # pymysql would read to the end, even from the closed connection
        result.unbuffered_active = False


def sqlite_file(engine: sa.Engine) -> Path | None:
    """Name the file that must be there, as SQLite would create it; None for other databases and in memory."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database.startswith((":memory:", "file:")):
        return None
    return Path(database)


def _as_text(data: str | bytes) -> str:
    return data if isinstance(data, str) else bytes(data).decode()
