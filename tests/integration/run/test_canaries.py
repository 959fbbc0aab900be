"""A project in which everything fails, and whose every output and file is searched for every secret it was given."""

from __future__ import annotations

import html
import io
import json
import os
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

import pytest

from engine import cli
from engine.connections.http.decide import SHOWN
from world.wire import Reply, Seen, Wire, drop_read

KEY = 'Qz7+vK"xw/3&Jm=9Tr <Lp>2\\Hd'  # each needs escaping somewhere
TOKEN = "tok_5fGh2LwPz8RnYc4VbXk1"
TENANT = "najemca-4hT9wQ2z"
POSTGRES_PASSWORD = "pG@8/wr:onK 3%zÜ"
MARIADB_PASSWORD = "mY#6?wr&onV=4+q"
CANARIES = {
    "key": KEY,
    "token": TOKEN,
    "tenant": TENANT,
    "PostgreSQL's password": POSTGRES_PASSWORD,
    "MariaDB's password": MARIADB_PASSWORD,
}

PROJECT = """
timezone: Europe/Warsaw
state: ${STATE}
connections:
  erp: {type: sql, url: "${ERP}"}
  pg: {type: sql, url: "${PG}"}
  my: {type: sql, url: "${MY}"}
  one:
    type: http
    base_url: ${ONE}
    headers: {ApiAuth: "${KEY}", Authorization: "Bearer ${file:token}", one-tenant: "${TENANT}"}
    timeout_seconds: 5
    retry: {attempts: 2, first_delay_seconds: 0.01, max_delay_seconds: 0.01}
    breaker: {failures: 1000}
  shut:
    type: http
    base_url: ${ONE}/shut
    headers: {ApiAuth: "${KEY}"}
    retry: {attempts: 1}
  tls:
    type: http
    base_url: ${TLS}
    headers: {ApiAuth: "${KEY}"}
    retry: {attempts: 1}
    breaker: {failures: 1000}
"""

OUTBOUND = """
object: {name}
source:
  connection: {source}
  query: SELECT id, name FROM client
  key: [id]
target: {target}
fields: {{externalId: "{{{{ id }}}}", name: "{{{{ name | trim }}}}"}}
send:
  - on: [added]
    request: {{method: POST, path: "/{name}/{{{{ id | path }}}}", body: "{{{{ line }}}}"}}
    save: {{client_id: "{{{{ body.clientId }}}}"}}
    lookup:
      settle_seconds: 0.01
      before_create: never
      request: {{method: GET, path: "/{name}/{{{{ id | path }}}}"}}
      found: "{{{{ body | length == 1 }}}}"
      save: {{client_id: "{{{{ body[0].clientId }}}}"}}
guards: {{min_rows: 0}}
samples:
  - name: one
    row: {{id: "1", name: Anna}}
"""

MANY = """
object: stocks
source: {connection: erp, query: "SELECT id, name FROM client", key: [id]}
target: one
fields: {id: "{{ id }}"}
send:
  - on: [added, changed, removed]
    request: {method: POST, path: /stocks, idempotent: true, body: {s: "{{ lines }}", r: "{{ removed | list }}"}}
    ok: "{{ body.ok }}"
"""

LETTERS = """
object: letters
source:
  connection: one
  feed:
    request: {method: GET, path: /feed, query: {from: "{{ cursor }}"}}
    items: "{{ body.events }}"
    next: "{{ body.next }}"
    start: 0
  fetch: {request: {method: GET, path: "/letters/{{ item.id | path }}"}}
  key: [id]
write:
  connection: erp
  tables: [{table: letter, key: {id: "{{ id }}"}, fields: {subject: "{{ subject }}"}}]
"""

COMMANDS = (
    "validate",
    "validate --live",
    "connections",
    "plan",
    "render refused",
    "render stocks",
    "render refused --samples",
    "run --once",
    "status",
    "runs",
    "requests",
    "rejected list",
    "rejected show refused 1",
    "rejected export",
    "unknown list",
    "why refused 1",
    "why lost 2",
    "resend refused",
    "adopt postgres",
    "schedule",
    "snapshot",
)


def test_no_secret_is_in_any_output_or_file_after_a_run_in_which_everything_failed(
    tmp_path: Path, postgres_url: str, mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, state = _project(tmp_path), tmp_path / "state"
    with (
        Wire(_hostile, most=10_000) as one,
        Wire(then=Reply(status=400, early=True), most=10_000) as no_tls,
    ):
        variables = {
            "STATE": str(state),
            "ERP": f"sqlite:///{_erp(tmp_path)}",
            "PG": _with_login(postgres_url, "stranger", quote(POSTGRES_PASSWORD, safe="")),
            "MY": _with_login(mariadb_url, "stranger", quote(MARIADB_PASSWORD, safe="")),
            "ONE": one.url,
            "TLS": f"https://127.0.0.1:{no_tls.port}",
            "TENANT": TENANT,
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

        said = {
            f"{' '.join(options)} {words}": _said("--project", str(project), *options, *words.split(), *form)
            for words in COMMANDS
            for options, form in _forms(words)
        }
    for path in (project / "snapshots").glob("*"):
        said[str(path)] = path.read_bytes()
    kept = {str(path): path.read_bytes() for path in state.rglob("*") if path.is_file()}

    assert {"journal.sqlite", "refused.duckdb", "lost.duckdb"} <= {Path(name).name for name in kept}
    assert _found(said) == {}
    assert _found(kept) == {}
    whole = b"".join(said.values()).decode()
    for proof in (
        "***",
        "status 422",
        "status 401",
        "password authentication failed",
        "Access denied",
        "wrong version",
    ):
        assert proof in whole


def _hostile(seen: Seen) -> Reply:
    """Repeat what came, each time in another form and cut at another place."""
    headers = dict(seen.headers)
    path = urlsplit(seen.target).path
    name = path.strip("/").split("/")[0]
    if name == "feed":
        return Reply(body=json.dumps({"events": [{"id": "a"}, {"id": "b"}], "next": 1}).encode())
    key = headers.get("apiauth", "")
    echoes = [*_written(key), *_written(headers.get("authorization", "")), *_written(headers.get("one-tenant", ""))]
    number = int(path.rpartition("/")[2]) if path.rpartition("/")[2].isdigit() else 0
    shown = echoes[number % len(echoes)]
    before = SHOWN - len(shown) - 1 - (7 * number + 8) % len(shown)  # once whole, and once where it is cut
    body = f"{shown} {'.' * before}{shown}".encode()
    if name == "lost" and seen.method == "POST":
        return drop_read()
    return Reply(status={"refused": 422, "lost": 500, "shut": 401, "stocks": 400}.get(name, 404), body=body)


def _project(folder: Path) -> Path:
    project = folder / "project"
    project.mkdir()
    (project / "project.yaml").write_text(PROJECT)
    (project / ".env").write_text(f"KEY='{KEY}'\n")
    (project / "token").write_text(f"{TOKEN}\n")
    objects = {
        "refused": ("erp", "one"),
        "lost": ("erp", "one"),
        "unlocked": ("erp", "shut"),
        "insecure": ("erp", "tls"),
        "postgres": ("pg", "one"),
        "mariadb": ("my", "one"),
    }
    for name, (source, target) in objects.items():
        (project / f"{name}.yaml").write_text(OUTBOUND.format(name=name, source=source, target=target))
    (project / "stocks.yaml").write_text(MANY)
    (project / "letters.yaml").write_text(LETTERS)
    return project


def _erp(folder: Path) -> Path:
    path = folder / "erp.sqlite"
    with closing(sqlite3.connect(path)) as erp, erp:
        erp.execute("CREATE TABLE client (id, name)")
        erp.execute("CREATE TABLE letter (id PRIMARY KEY, subject)")
        erp.executemany("INSERT INTO client VALUES (?, ?)", [(str(number), "Anna") for number in range(11)])
    return path


def _with_login(url: str, user: str, password: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}:{password}@{rest.rpartition('@')[2]}"


def _forms(words: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Give the options before the command and behind it under which it is tried."""
    yield ("-v", "--log-format", "human"), ()
    if words.startswith("run --once") or words in ("rejected export", "render refused --samples"):
        yield ("-v", "--log-format", "json"), ()
    else:
        yield ("--log-format", "json"), ("--json",)


def _said(*words: str) -> bytes:
    """Run a command and give all that it printed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit):
        cli.main(words)
    assert "E_UNEXPECTED" not in err.getvalue(), err.getvalue()
    return (out.getvalue() + err.getvalue()).encode()


@pytest.fixture(autouse=True)
def _own_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


# --- searching -----------------------------------------------------------------------------------------------


def _written(secret: str) -> list[str]:
    """Write a secret as an answer might."""
    plain = secret.encode("utf-8", "surrogateescape")
    half = len(secret) // 2
    return [
        secret,
        json.dumps(secret),
        html.escape(secret),
        quote(secret, safe=""),
        quote(secret, safe="").lower(),
        quote_plus(secret),
        b64encode(plain).decode(),
        b64encode(b"user:" + plain).decode(),
        urlsafe_b64encode(b"x" + plain + b"!").decode(),
        f"{secret[:half]}\n{secret[half:]}",
        f"{secret[:5]}\r\n  {secret[5:]}",
    ]


def _found(texts: dict[str, bytes]) -> dict[str, list[str]]:
    """Give where which canary, or eight characters of it, was found, also with blanks in between."""
    found: dict[str, list[str]] = {}
    for place, text in texts.items():
        dense = b"".join(text.split())
        for name, secret in CANARIES.items():
            for piece in _pieces(secret):
                if piece in text or piece in dense:
                    found.setdefault(place, []).append(f"{name}: {piece.decode()}")
    return found


def _pieces(secret: str) -> Iterator[bytes]:
    for form in {secret, json.dumps(secret)[1:-1], html.escape(secret), quote(secret, safe=""), quote_plus(secret)}:
        plain = "".join(form.split())
        yield from (plain[at : at + 8].encode() for at in range(len(plain) - 7))
    for before in range(3):
        coded = b64encode(b"\0" * before + secret.encode())[4:-4]
        yield from (coded[at : at + 12] for at in range(len(coded) - 11))
