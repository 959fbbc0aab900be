"""A small project with a platform in memory that passes every rule of the ledger, for tests of whole runs.

with rig(tmp_path) as it:
    it.put("items", ("W1", "A", 5))
    it.platform.plan("after")                      # the next request takes effect, and its answer is lost
    assert it.run("items") == {"extracted": 1, "added": 1, "failed": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": 5}}

Objects: `items` (many lines a request, with removals), `clients` (created, updated and deleted one by one, looked up),
`letters` (inbound, a feed with documents). Every run is checked for the sums of engine/cli/README.md.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from wire import Reply, Seen, Wire, drop_read

from engine.run.app import App, utc_now
from engine.run.run_object import new_run_id
from engine.state.journal.journal import Journal
from engine.state.ledger import Confirmed, confirmed
from engine.state.staging import Staging
from engine.values.order import Order
from engine.values.records import Clock, Key
from engine.values.results import ObjectResult

Fault: TypeAlias = Literal["ok", "before", "after"] | int | Reply

PROJECT = """
timezone: Europe/Warsaw
state: ${STATE}
connections:
  erp: {type: sql, url: "${ERP}"}
  one:
    type: http
    base_url: ${ONE}
    headers: {ApiAuth: "${KEY}"}
    timeout_seconds: 5
    concurrency: 1
    retry: {attempts: 1, first_delay_seconds: 0.01, max_delay_seconds: 0.01}
    breaker: {failures: 1000, pause_seconds: 1}
"""

ITEMS = """
object: items
source:
  connection: erp
  query: SELECT grp, id, value FROM item
  key: [grp, id]
fields:
  id: "{{ id }}"
  value: "{{ value }}"
send:
  - on: [added, changed, removed]
    group_by: [grp]
    chunk_size: 100
    request:
      method: POST
      path: /items/{{ grp | path }}
      idempotent: true
      body: {items: "{{ lines }}", gone: "{{ removed | map(attribute='id') | list }}"}
guards: {max_removed: 100%, min_rows: 0}
"""

CLIENTS = """
object: clients
source:
  connection: erp
  query: SELECT id, name FROM client
  key: [id]
fields:
  externalId: "{{ id }}"
  name: {$value: "{{ name }}", $on_null: reject}
send:
  - on: [added]
    request: {method: POST, path: /clients, body: "{{ line }}"}
    save: {client_id: "{{ body.clientId }}"}
    lookup:
      settle_seconds: 0.01
      request: {method: GET, path: /clients, query: {externalId: "{{ id }}"}}
      found: "{{ body | length == 1 }}"
      save: {client_id: "{{ body[0].clientId }}"}
  - on: [changed]
    request: {method: PUT, path: "/clients/{{ saved.client_id | path }}", body: "{{ line }}"}
  - on: [removed]
    request: {method: DELETE, path: "/clients/{{ saved.client_id | path }}"}
guards: {max_removed: 100%, min_rows: 0}
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
    removed: "{{ item.type == 'REMOVED' }}"
    key: {id: "{{ item.id }}"}
  fetch:
    request: {method: GET, path: "/letters/{{ item.id | path }}"}
  key: [id]
write:
  connection: erp
  tables:
    - table: letter
      key: {id: "{{ id }}"}
      fields: {subject: "{{ subject }}"}
    - table: letter_line
      $each: lines
      key: {letter_id: "{{ parent.id }}", number: "{{ number }}"}
      fields: {text: "{{ text }}"}
      orphans: delete
  removed:
    statements:
      - sql: UPDATE letter SET gone = 1 WHERE id = :id
        params: {id: "{{ id }}"}
"""

ERP = """
CREATE TABLE item (grp, id, value);
CREATE TABLE client (id, name);
CREATE TABLE letter (id PRIMARY KEY, subject TEXT NOT NULL CHECK (subject <> 'BAD'), gone INTEGER DEFAULT 0);
CREATE TABLE letter_line (letter_id, number INTEGER, text, PRIMARY KEY (letter_id, number));
"""


# --- the platform --------------------------------------------------------------------------------------------


@dataclass
class Platform:
    """What the target holds, and what becomes of its next requests."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)  # group: id: value
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)  # clientId: fields
    created: Counter[str] = field(default_factory=Counter)  # externalId: how often
    letters: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    page: int = 2  # events of one answer
    refused: set[Any] = field(default_factory=set)  # ids, values or names that are answered with 422
    seen: list[str] = field(default_factory=list)  # "POST /items/W1 2+1": two lines and one removal
    rule: Callable[[Seen], Fault | None] = lambda seen: None
    _plan: deque[Fault] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, *faults: Fault) -> None:
        """Say what becomes of the next requests: dropped before or after the effect, or an answer without effect."""
        self._plan.extend(faults)

    def write(self, id_: str, document: Any, type_: str = "CHANGED") -> None:
        """Change a letter, with an event."""
        self.letters[id_] = document
        self.events.append({"id": id_, "type": type_})

    def answer(self, seen: Seen) -> Reply:
        with self._lock:
            fault = self.rule(seen) or (self._plan.popleft() if self._plan else "ok")
            body = json.loads(seen.body) if seen.body else {}
            self.seen.append(f"{seen.method} {unquote(urlsplit(seen.target).path)}{_size(body)}")
            if isinstance(fault, Reply):
                return fault
            if isinstance(fault, int):
                return Reply(status=fault, body=b"planned")
            if fault == "before":
                return drop_read()
            reply = self._do(seen, body)
            return drop_read() if fault == "after" else reply

    def take(self) -> list[str]:
        """Give the requests since the last time."""
        with self._lock:
            found, self.seen = self.seen, []
            return found

    def names(self) -> dict[str, str]:
        """Give the clients by their external ids; none of them twice."""
        assert all(times == 1 for times in self.created.values()), self.created
        found = [(fields["externalId"], fields["name"]) for fields in self.clients.values()]
        assert len(dict(found)) == len(found), found
        return dict(found)

    def _do(self, seen: Seen, body: Any) -> Reply:
        url = urlsplit(seen.target)
        match seen.method, [unquote(part) for part in url.path.split("/")[1:]]:
            case "POST", ["items", group]:
                return self._increment(group, body)
            case "GET", ["clients"]:
                [name] = parse_qs(url.query)["externalId"]
                found = [{"clientId": key, **each} for key, each in self.clients.items() if each["externalId"] == name]
                return _json(found)
            case "POST", ["clients"]:
                return self._create(body)
            case "PUT", ["clients", client_id]:
                return self._replace(client_id, body)
            case "DELETE", ["clients", client_id]:
                return Reply(status=204 if self.clients.pop(client_id, None) else 404)
            case "GET", ["feed"]:
                start = int(parse_qs(url.query)["from"][0])
                page = self.events[start : start + self.page]
                return _json({"events": page, "next": start + len(page)})
            case "GET", ["letters", id_]:
                return _json(self.letters[id_]) if id_ in self.letters else Reply(status=404)
        return Reply(status=405)

    def _increment(self, group: str, body: Any) -> Reply:
        named = {each["id"] for each in body["items"]} | set(body["gone"])
        if not self.refused.isdisjoint(named | {each["value"] for each in body["items"]}):
            return Reply(status=422, body=b"refused")
        held = self.items.setdefault(group, {})
        held.update({each["id"]: each["value"] for each in body["items"]})
        for id_ in body["gone"]:
            held.pop(id_, None)
        return Reply(body=b"{}")

    def _create(self, body: Any) -> Reply:
        if not self.refused.isdisjoint({body["externalId"], body["name"]}):
            return Reply(status=422, body=b"refused")
        self.created[body["externalId"]] += 1
        client_id = f"c-{body['externalId']}-{self.created[body['externalId']]}"
        self.clients[client_id] = body
        return _json({"clientId": client_id}, status=201)

    def _replace(self, client_id: str, body: Any) -> Reply:
        if client_id not in self.clients:
            return Reply(status=404)
        if body["name"] in self.refused:
            return Reply(status=422, body=b"refused")
        self.clients[client_id] = body
        return Reply(status=204)


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode())


def _size(body: Any) -> str:
    return f" {len(body['items'])}+{len(body['gone'])}" if "items" in body else ""


# --- the project ---------------------------------------------------------------------------------------------


@dataclass
class Rig:
    """A project folder, its ERP, its state and its platform."""

    folder: Path
    state: Path
    erp: Path
    platform: Platform
    variables: dict[str, str]
    last: ObjectResult | None = None
    clock: Clock = utc_now  # that the program reads
    _app: App | None = None

    @property
    def app(self) -> App:
        """The program as it would be after a start: loaded anew after an edit."""
        if self._app is None:
            self._app = App(self.folder, self.variables, clock=self._now)
        return self._app

    def _now(self) -> datetime:
        return self.clock()  # a test may have set it meanwhile

    def close(self) -> None:
        """Forget the program and its connections."""
        if self._app is not None:
            self._app.close()
        self._app = None

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """Replace texts of a mapping or of the project, each of which stands there once."""
        path = self.folder / f"{name}.yaml"
        text = path.read_text()
        for old, new in changes:
            assert text.count(old) == 1, (old, text)
            text = text.replace(old, new)
        path.write_text(text)
        self.close()

    def add(self, name: str, text: str) -> None:
        """Add a mapping."""
        (self.folder / f"{name}.yaml").write_text(text)
        self.close()

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Execute statements in the ERP; give the rows of the last one."""
        with closing(sqlite3.connect(self.erp, isolation_level=None)) as erp:
            return [erp.execute(statement).fetchall() for statement in statements][-1]

    def put(self, table: Literal["item", "client"], *rows: tuple[Any, ...]) -> None:
        """Let a table of the ERP hold these rows and no others."""
        with closing(sqlite3.connect(self.erp)) as erp, erp:
            erp.execute(f"DELETE FROM {table}")
            for row in rows:
                erp.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    def run(
        self, name: str, *, due: frozenset[int] | None = None, allowed_removed: int | None = None
    ) -> dict[str, int]:
        """Run an object once; give its counts that are not 0."""
        [mapping] = self.app.loaded.select([name])
        order = Order(
            run_id=new_run_id(utc_now()),
            due=self.app.program(mapping).all_operations if due is None else due,
            allowed_removed=allowed_removed,
        )
        self.last = self.app.run_object(mapping, order)
        counts = asdict(self.last.counts)
        check_sums(counts)
        return {name: count for name, count in counts.items() if count}

    @property
    def code(self) -> str | None:
        """Why the last run failed; None: it did not."""
        return self.last.failure.code if self.last and self.last.failure else None

    def quiet(self, name: str, *, runs: int = 5) -> int:
        """Run until a run confirms nothing and leaves nothing; answers how many runs that took."""
        for count in range(1, runs + 1):
            found = self.run(name)
            if not found.keys() & {"added", "changed", "removed"} and self.code is None:
                return count
        raise AssertionError(f"{name} is not quiet after {runs} runs: {found} {self.last}")

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Open the journal."""
        with Journal.open(self.state, utc_now) as journal:
            yield journal

    def rejected(self, name: str) -> dict[Key, str]:
        """Give the stages of what stands rejected."""
        with self.journal() as journal:
            return {each.key: str(each.refusal.stage) for each in journal.rejections.of(name)}

    def ledger(self, name: str, *key: str) -> Confirmed | None:
        """Give one record of the ledger."""
        with self.staging(name) as staging:
            return confirmed(staging, key)

    @contextmanager
    def staging(self, name: str) -> Iterator[Staging]:
        """Open an object's DuckDB file."""
        staging = Staging.open(self.state / f"{name}.duckdb", scratch=self.state, wait_seconds=0)
        try:
            yield staging
        finally:
            staging.close()


def check_sums(counts: Mapping[str, int]) -> None:
    """Check both sums of engine/cli/README.md."""
    outcomes = ("confirmed", "rejected", "waiting", "unknown", "withheld", "failed", "not_due")
    left = sum(counts[name] for name in (*outcomes, "unhandled_changed", "unhandled_removed"))
    assert counts["extracted"] == counts["unchanged"] + counts["added"] + counts["changed"], counts
    assert counts["added"] + counts["changed"] + counts["removed"] == left, counts


@contextmanager
def rig(tmp: Path, platform: Platform | None = None) -> Iterator[Rig]:
    """Make a project in a folder, and serve its platform."""
    folder, state, erp = tmp / "project", tmp / "state", tmp / "erp.sqlite"
    folder.mkdir()
    for name, text in {"project": PROJECT, "items": ITEMS, "clients": CLIENTS, "letters": LETTERS}.items():
        (folder / f"{name}.yaml").write_text(text)
    with closing(sqlite3.connect(erp)) as connection:
        connection.executescript(ERP)
    platform = platform or Platform()
    with Wire(platform.answer) as wire:
        variables = {"STATE": str(state), "ERP": f"sqlite:///{erp}", "ONE": wire.url, "KEY": "key"}
        it = Rig(folder=folder, state=state, erp=erp, platform=platform, variables=variables)
        try:
            yield it
        finally:
            it.close()
