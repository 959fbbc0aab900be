"""A wider rig for runs that die: creates without a look-up, steps and files, references, children, a cursor.

Objects beside those of `rig`: `notes` (created without a look-up), `papers` (created, then a second step), `docs`
(a file in three steps), `groups` and `members` (a reference), `orders` (children), `entries` (read from a cursor).
"""

from __future__ import annotations

import copy
import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import wire
from crash import Crash, Fuse, bring_back, photograph, seam
from rig import Platform, Rig, rig
from wire import Reply, Seen

from engine.mapping.spec import MappingSpec
from engine.operate.resolve_unknown import resolve_confirmed, resolve_not_sent

MEMORY = Path("/dev/shm")

NOTES = """
object: notes
source: {connection: erp, query: "SELECT id, text FROM note", key: [id]}
fields: {name: "{{ id }}", text: "{{ text }}"}
send:
  - on: [added]
    request: {method: POST, path: /notes, body: "{{ line }}"}
  - on: [changed]
    request: {method: PUT, path: "/notes/{{ id | path }}", body: "{{ line }}"}
"""

PAPERS = """
object: papers
source: {connection: erp, query: "SELECT number, title FROM paper", key: [number]}
fields: {name: "{{ number }}", text: "{{ title }}"}
send:
  - on: [added]
    requests:
      - {method: POST, path: /papers, body: {name: "{{ number }}"}, save: {paper_id: "{{ body.id }}"}}
      - {method: PUT, path: "/papers/{{ saved.paper_id | path }}", body: "{{ line }}"}
    lookup:
      settle_seconds: 0.01
      request: {method: GET, path: /papers, query: {name: "{{ number }}"}}
      found: "{{ body | length == 1 }}"
      save: {paper_id: "{{ body[0].id }}"}
"""
PAPERS_CHANGED = """\
  - on: [changed]
    request: {method: PUT, path: "/papers/{{ saved.paper_id | path }}", body: "{{ line }}"}
"""

DOCS = """
object: docs
source: {connection: erp, query: "SELECT number, file FROM doc", key: [number]}
files: {pdf: "{{ file }}"}
fields: {number: "{{ number }}"}
send:
  - on: [added, changed]
    requests:
      - {method: POST, path: /uploads, idempotent: true, body: "{{ line }}", save: {upload: "{{ body.id }}"}}
      - {method: PUT, path: "/uploads/{{ saved.upload | path }}", file: pdf}
      - {method: POST, path: "/uploads/{{ saved.upload | path }}/done", idempotent: true, body: "{{ line }}"}
"""

GROUPS = """
object: groups
source: {connection: erp, query: "SELECT id, name FROM team", key: [id]}
fields: {name: "{{ id }}", text: "{{ name }}"}
send:
  - on: [added]
    request: {method: POST, path: /groups, body: "{{ line }}"}
    save: {group_id: "{{ body.id }}"}
    lookup:
      settle_seconds: 0.01
      request: {method: GET, path: /groups, query: {name: "{{ id }}"}}
      found: "{{ body | length == 1 }}"
      save: {group_id: "{{ body[0].id }}"}
  - on: [changed]
    request: {method: PUT, path: "/groups/{{ saved.group_id | path }}", body: "{{ line }}"}
"""

MEMBERS = """
object: members
source: {connection: erp, query: "SELECT id, team FROM member", key: [id]}
refs:
  group: {object: groups, on: {id: team}}
fields: {id: "{{ id }}", value: "{{ group.group_id }}"}
send:
  - on: [added, changed, removed]
    request:
      method: POST
      path: /items/members
      idempotent: true
      body: {items: "{{ lines }}", gone: "{{ removed | map(attribute='id') | list }}"}
guards: {max_removed: 100%, min_rows: 0}
"""

ORDERS = """
object: orders
source:
  connection: erp
  query: SELECT id, buyer FROM orders
  key: [id]
  children:
    lines: {query: "SELECT order_id AS id, number, sku FROM order_line", parent: [id], order_by: [number]}
fields:
  id: "{{ id }}"
  value:
    buyer: "{{ buyer }}"
    lines:
      $each: lines
      sku: "{{ sku }}"
send:
  - on: [added, changed]
    request: {method: POST, path: /orders, idempotent: true, body: {items: "{{ lines }}", gone: []}}
"""

ENTRIES = """
object: entries
source:
  connection: erp
  query: "SELECT id, value, at FROM entry WHERE at > :cursor"
  key: [id]
  cursor: {column: at, overlap_seconds: 0, full_every_hours: 1000}
fields: {id: "{{ id }}", value: "{{ value }}"}
send:
  - on: [added, changed]
    request: {method: POST, path: /entries, idempotent: true, body: {items: "{{ lines }}", gone: []}}
"""

MAPPINGS = {
    "notes": NOTES,
    "papers": PAPERS + PAPERS_CHANGED,
    "docs": DOCS,
    "groups": GROUPS,
    "members": MEMBERS,
    "orders": ORDERS,
    "entries": ENTRIES,
}

ERP = (
    "CREATE TABLE note (id, text)",
    "CREATE TABLE paper (number, title)",
    "CREATE TABLE doc (number, file)",
    "CREATE TABLE team (id, name)",
    "CREATE TABLE member (id, team)",
    "CREATE TABLE orders (id, buyer)",
    "CREATE TABLE order_line (order_id, number, sku)",
    "CREATE TABLE entry (id, value, at)",
)

CREATED = ("notes", "papers", "groups")
OPEN = {  # what has to be over when a run has ended
    "marks": "select count(*) from marks",
    "receipts": "select count(*) from receipts",
    "claims": "select count(*) from claims",
    "progress": "select count(*) from progress",
    "runs": "select count(*) from objects where open_run is not null",
}


KEPT = ("items", "clients", "created", "letters", "events", "things", "uploads", "documents")


@dataclass
class Wider(Platform):
    """A platform that also has things created by name, and uploads."""

    things: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {kind: {} for kind in CREATED})
    uploads: dict[str, bytes] = field(default_factory=dict)  # id: what has arrived
    documents: dict[str, bytes] = field(default_factory=dict)  # number: what was completed

    def kept(self) -> dict[str, Any]:
        """Copy what it holds."""
        return {name: copy.deepcopy(getattr(self, name)) for name in KEPT}

    def hold(self, kept: dict[str, Any]) -> None:
        """Hold what was copied."""
        for name, value in kept.items():
            setattr(self, name, copy.deepcopy(value))

    def named(self, kind: str) -> dict[str, Any]:
        """Give the texts of created things by name; none of them twice."""
        found = [(each["name"], each.get("text")) for each in self.things[kind].values()]
        assert len(dict(found)) == len(found), found
        return dict(found)

    def answer(self, seen: Seen) -> Reply:
        if seen.method == "PUT" and seen.target.startswith("/uploads/"):
            self.seen.append(f"PUT {seen.target}")
            self.uploads[seen.target.split("/")[2]] = seen.body
            return Reply(status=204)
        return super().answer(seen)

    def _do(self, seen: Seen, body: Any) -> Reply:
        url = urlsplit(seen.target)
        match seen.method, [unquote(part) for part in url.path.split("/")[1:]]:
            case "POST", ["uploads"]:
                id_ = f"u{len(self.uploads) + 1}-{body['number']}"
                self.uploads[id_] = b""
                return _json({"id": id_})
            case "POST", ["uploads", id_, "done"]:
                self.documents[body["number"]] = self.uploads[id_]
                return Reply(status=204)
            case "POST", [("orders" | "entries") as kind]:
                self.items.setdefault(kind, {}).update({each["id"]: each["value"] for each in body["items"]})
                return Reply(status=204)
            case "GET", [kind] if kind in CREATED:
                [name] = parse_qs(url.query)["name"]
                return _json([{"id": id_, **each} for id_, each in self.things[kind].items() if each["name"] == name])
            case "POST", [kind] if kind in CREATED:
                id_ = body["name"] if kind == "notes" else f"{kind}-{len(self.things[kind]) + 1}"
                self.created[f"{kind} {body['name']}"] += 1
                self.things[kind][id_] = body
                return _json({"id": id_}, status=201)
            case "PUT", [kind, id_] if kind in CREATED:
                if id_ not in self.things[kind]:
                    return Reply(status=404)
                self.things[kind][id_] = body
                return Reply(status=204)
        return super()._do(seen, body)


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode())


# --- the world ----------------------------------------------------------------------------------------------------


@dataclass
class World:
    """Both ends and the state between them, which can be photographed and brought back."""

    it: Rig
    platform: Wider
    folder: Path
    labels: list[str] = field(default_factory=list)  # what each photograph was taken after
    held: list[dict[str, Any]] = field(default_factory=list)  # by the platform

    @property
    def files(self) -> tuple[Path, Path]:
        return self.it.state, self.it.erp

    def mapping(self, name: str) -> MappingSpec:
        return self.it.app.loaded.select([name])[0]

    def photograph(self, after: str) -> None:
        """Keep everything as it is at this moment."""
        self.labels.append(after)
        self.held.append(self.platform.kept())
        photograph(self.folder / str(len(self.labels)), *self.files)

    def bring_back(self, number: int) -> None:
        """Let everything be as on a photograph, from 1."""
        bring_back(self.folder / str(number), *self.files)
        self.platform.hold(self.held[number - 1])

    def dies(self, work: Callable[[], None], after: int) -> bool:
        """Work, and die after an effect; false where there are not so many."""
        dead = self.folder / "dead"
        fuse = Fuse(on_crash=lambda: photograph(dead, *self.files))
        fuse.burn(after)
        with suppress(Crash), seam(fuse, *self.files):
            work()
            return False
        self.it.close()
        bring_back(dead, *self.files)
        return True

    def open(self) -> dict[str, int]:
        """Count what stands open in the journal."""
        with closing(sqlite3.connect(self.it.state / "journal.sqlite")) as journal:
            found = {name: journal.execute(sql).fetchone()[0] for name, sql in OPEN.items()}
        return {name: count for name, count in found.items() if count}

    def bound(self, object_: str) -> set[str]:
        with closing(sqlite3.connect(self.it.state / "journal.sqlite")) as journal:
            rows = journal.execute("select json_extract(key, '$[0]') from bindings where object = ?", (object_,))
            return {key for (key,) in rows}


@contextmanager
def world() -> Iterator[World]:
    """Make a world in memory."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(dir=place) as folder,
        rig(Path(folder), platform := Wider()) as it,
    ):
        patch.setattr(wire, "MAX_CONNECTIONS", 100_000)
        for name, text in MAPPINGS.items():
            it.add(name, text)
        it.sql(*ERP)
        yield World(it, platform, Path(folder) / "photographs")


def fill(it: Rig, table: str, *rows: tuple[Any, ...]) -> None:
    """Let a table of the ERP hold these rows and no others."""
    with closing(sqlite3.connect(it.erp)) as erp, erp:
        erp.execute(f"DELETE FROM {table}")
        for row in rows:
            erp.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


# --- checks -------------------------------------------------------------------------------------------------------


def check_items(it: World) -> None:
    wanted: dict[str, dict[str, Any]] = {}
    for group, id_, value in it.it.sql("SELECT grp, id, value FROM item"):
        if value not in it.platform.refused:
            wanted.setdefault(group, {})[id_] = value
    assert {group: held for group, held in it.platform.items.items() if held} == wanted
    bad = [row for row in it.it.sql("SELECT grp, id, value FROM item") if row[2] in it.platform.refused]
    assert it.it.rejected("items") == {row[:2]: "target" for row in bad}


def check_children(it: World) -> None:
    lines: dict[str, list[Any]] = {}
    for id_, sku in it.it.sql("SELECT order_id, sku FROM order_line ORDER BY number"):
        lines.setdefault(id_, []).append({"sku": sku})
    wanted = {id_: {"buyer": buyer, "lines": lines[id_]} for id_, buyer in it.it.sql("SELECT id, buyer FROM orders")}
    assert it.platform.items["orders"] == wanted


def check_entries(it: World) -> None:
    assert it.platform.items["entries"] == dict(it.it.sql("SELECT id, value FROM entry"))


def check_clients(it: World) -> None:
    assert it.platform.names() == dict(it.it.sql("SELECT id, name FROM client"))
    assert it.bound("clients") == set(it.platform.names())
    assert it.it.rejected("clients") == {}


def check_things(kind: str, sql: str) -> Callable[[World], None]:
    def check(it: World) -> None:
        assert it.platform.named(kind) == dict(it.it.sql(sql))
        assert it.bound(kind) == set(it.platform.named(kind))

    return check


def resolve_notes(it: World) -> None:
    """Do what an operator does who looks at the target: creates of unknown outcome are resolved by what is there."""
    with it.it.journal() as journal:
        claims = journal.claims.of("notes")
    for claim in claims:
        words = [str(part) for part in claim.key]
        if claim.key[0] in it.platform.named("notes"):
            resolve_confirmed(it.it.app, it.mapping("notes"), words, {})
        else:
            resolve_not_sent(it.it.app, it.mapping("notes"), words)


def check_docs(it: World) -> None:
    wanted = {number: Path(file).read_bytes() for number, file in it.it.sql("SELECT number, file FROM doc")}
    assert it.platform.documents == wanted


def check_members(it: World) -> None:
    check_things("groups", "SELECT id, name FROM team")(it)
    ids = {each["name"]: id_ for id_, each in it.platform.things["groups"].items()}
    wanted = {id_: ids.get(team) for id_, team in it.it.sql("SELECT id, team FROM member")}
    assert it.platform.items["members"] == wanted


def letter(id_: str, subject: str, *texts: str) -> dict[str, Any]:
    lines = [{"number": number, "text": text} for number, text in enumerate(texts, 1)]
    return {"id": id_, "subject": subject, "lines": lines}
