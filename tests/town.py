"""A merchant, a platform that fails in every way, and a program that is killed: the stage of convergence tests.

with town(folder, "clients", "contacts") as it:
    it.change("clients", {"k1": 1, "k2": 2})        # in the ERP; None: leaves it
    it.run("clients", faults=["after"], kill=17)    # the first answer is lost, the process dies at its 17th effect
    it.calm()                                       # all goes well until nothing is left; both sides are compared

Values are small numbers, so that a record often returns to what it was; `BAD` is refused by the platform.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import wire
from crash import Crash, Fuse, bring_back, photograph, seam
from rig import CLIENTS, ERP, ITEMS, LETTERS, PROJECT, Platform, Rig
from wire import Reply, Seen, Wire, drop_read

from engine.operate.resend import resend
from engine.operate.resolve_unknown import resolve_confirmed, resolve_not_sent
from engine.operate.retry_rejected import retry_rejected
from engine.run.app import utc_now

BAD = 3
TIMEOUT_SECONDS = 0.4

SETTINGS = {
    "timeout_seconds: 5": f"timeout_seconds: {TIMEOUT_SECONDS}",
    "attempts: 1,": "attempts: 2, max_wait_seconds: 0.5,",
}

PRICES = """
object: prices
source:
  connection: erp
  query: SELECT sku, price FROM price
  key: [sku]
fields:
  sku: "{{ sku }}"
  price: "{{ price }}"
send:
  - on: [removed]
    chunk_size: 2
    request:
      method: POST
      path: /removals
      idempotent: true
      body: {skus: "{{ removed | map(attribute='sku') | list }}"}
  - on: [added, changed]
    chunk_size: 3
    request: {method: POST, path: /prices, idempotent: true, body: {prices: "{{ lines }}"}}
    items: {at: "{{ body.results }}", key: "{{ item.sku }}", ok: "{{ item.ok }}", error: "{{ item.error }}"}
guards: {max_removed: 100%, min_rows: 0}
"""

CONTACTS = """
object: contacts
source:
  connection: erp
  query: SELECT id, client, name FROM contact
  key: [id]
refs:
  client: {object: clients, on: {id: client}}
fields:
  id: "{{ id }}"
  name: "{{ name }}"
  clientId: "{{ client.client_id }}"
send:
  - on: [added]
    request: {method: POST, path: /contacts, body: "{{ line }}"}
    save: {contact_id: "{{ body.contactId }}"}
  - on: [changed]
    request: {method: PUT, path: "/contacts/{{ saved.contact_id | path }}", body: "{{ line }}"}
  - on: [removed]
    request: {method: DELETE, path: "/contacts/{{ saved.contact_id | path }}"}
guards: {max_removed: 100%, min_rows: 0}
"""

PAPERS = """
object: papers
source:
  connection: erp
  query: SELECT number, note, file FROM paper
  key: [number]
  children:
    lines: {query: "SELECT paper, line_no, text FROM paper_line", parent: [paper], order_by: [line_no]}
files: {pdf: "{{ file }}"}
fields:
  number: "{{ number }}"
  note: "{{ note }}"
  lines: {$each: lines, $value: "{{ text }}"}
send:
  - on: [added]
    requests:
      - {method: POST, path: /papers, body: "{{ line }}", save: {paper_id: "{{ body.paperId }}"}}
      - {method: PUT, path: "/papers/{{ saved.paper_id | path }}/file", file: pdf}
      - {method: POST, path: "/papers/{{ saved.paper_id | path }}/complete", idempotent: true}
    lookup:
      settle_seconds: 0.01
      request: {method: GET, path: /papers, query: {number: "{{ number }}"}}
      found: "{{ body | length == 1 }}"
      save: {paper_id: "{{ body[0].paperId }}"}
  - on: [changed]
    requests:
      - {method: PUT, path: "/papers/{{ saved.paper_id | path }}", body: "{{ line }}"}
      - {method: PUT, path: "/papers/{{ saved.paper_id | path }}/file", file: pdf}
      - {method: POST, path: "/papers/{{ saved.paper_id | path }}/complete", idempotent: true}
  - on: [removed]
    request: {method: DELETE, path: "/papers/{{ saved.paper_id | path }}"}
guards: {max_removed: 100%, min_rows: 0}
"""

MEMOS = """
object: memos
source:
  connection: erp
  query: SELECT id, text, changed_at FROM memo WHERE changed_at >= :cursor
  key: [id]
  cursor: {column: changed_at, overlap_seconds: 0, full_every_hours: 24}
fields:
  id: "{{ id }}"
  text: "{{ text }}"
send:
  - on: [added, changed]
    chunk_size: 3
    request: {method: POST, path: /memos, idempotent: true, body: {memos: "{{ lines }}"}}
"""

TABLES = """
CREATE TABLE price (sku, price);
CREATE TABLE contact (id, client, name);
CREATE TABLE paper (number, note, file);
CREATE TABLE paper_line (paper, line_no, text);
CREATE TABLE memo (id, text, changed_at);
"""

MAPPINGS = {
    "items": ITEMS,
    "prices": PRICES,
    "clients": CLIENTS,
    "contacts": CONTACTS,
    "papers": PAPERS,
    "memos": MEMOS,
    "letters": LETTERS.replace('fields: {subject: "{{ subject }}"}', 'fields: {subject: "{{ subject }}", gone: 0}'),
}
VERSION = '\n  version: "{}"\nsend:'  # stands in the fields, so that an edit of it makes all lines other ones

KEYS = {
    "items": ("W1/A", "W1/B", "W1/C", "W1/D", "W2/E", "W2/F"),
    "prices": ("s1", "s2", "s3", "s4", "s5", "s6", "s7"),
    "clients": ("k1", "k2", "k3", "k4"),
    "contacts": ("c1", "c2", "c3", "c4"),
    "papers": ("p1", "p2", "p3"),
    "memos": ("m1", "m2", "m3", "m4", "m5"),
    "letters": ("l1", "l2", "l3", "l4"),
}

EFFECTLESS = ("before", "late", 400, 404, 409, 410, 413, 422, 408, 425, 429, 500, 502, 503, 504, 401, 403, 302)
FAULTS: tuple[str | int, ...] = (
    "ok",
    "after",  # the connection breaks after the effect
    "late after",  # the effect takes place, the answer comes too late
    "truncated",  # the effect takes place, the answer breaks off in its body
    "garbage",  # the effect takes place, the answer is not JSON
    "empty",  # the effect takes place, the answer is empty
    "503 after",  # the effect takes place, a gateway says 503
    "soon",  # 429 with Retry-After: 0
    "wait",  # 429 with Retry-After: 120
    "date",  # 503 with Retry-After as a date, an hour ago
    "per line",  # 200, and the first line is refused
    *EFFECTLESS,
)


class Post(Platform):
    """The platform of `rig` with prices, contacts and papers, and with all faults."""

    def __init__(self) -> None:
        super().__init__()
        self.prices: dict[str, Any] = {}
        self.memos: dict[str, Any] = {}
        self.contacts: dict[str, Any] = {}
        self.papers: dict[str, Any] = {}
        self.doubles: list[str] = []  # created although they were there
        self.refuse_first = False  # of the next lines that have results of their own
        self.script: list[str | int] = []

    def answer(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(f"{seen.method} {unquote(urlsplit(seen.target).path)}")
            fault = _truthful(self.script.pop(0), seen) if self.script else "ok"
            if fault in EFFECTLESS:
                return _without_effect(fault)
            if fault in ("soon", "wait", "date"):
                return _asked_to_wait(str(fault))
            self.refuse_first = fault == "per line"
            return _spoilt(str(fault), self._do(seen, _document(seen)))

    def _do(self, seen: Seen, body: Any) -> Reply:
        url = urlsplit(seen.target)
        match seen.method, [unquote(part) for part in url.path.split("/")[1:]]:
            case "POST", ["prices"]:
                return self._price(body["prices"])
            case "POST", ["memos"]:
                if any(each["text"] in self.refused for each in body["memos"]):
                    return Reply(status=422, body=b"refused")
                self.memos.update({each["id"]: each for each in body["memos"]})
                return Reply(body=b"{}")
            case "POST", ["removals"]:
                for sku in body["skus"]:
                    self.prices.pop(sku, None)
                return Reply(body=b"{}")
            case "GET", ["papers"]:
                number = unquote(url.query.partition("=")[2])
                found = [{"paperId": key} for key, paper in self.papers.items() if paper["number"] == number]
                return wire_json(found)
            case "POST", ["clients"]:
                if any(each["externalId"] == body["externalId"] for each in self.clients.values()):
                    self.doubles.append(body["externalId"])
            case "POST", ["contacts" | "papers" as kind]:
                return self._made(kind, body)
            case "PUT", ["papers", paper_id, "file"]:
                return self._on(self.papers, paper_id, file=hashlib.md5(seen.body).hexdigest())
            case "POST", ["papers", paper_id, "complete"]:
                return self._on(self.papers, paper_id, complete=True)
            case "PUT", ["papers", paper_id]:
                return self._refused(body) or self._on(self.papers, paper_id, **body, complete=False)
            case "PUT", ["contacts", contact_id]:
                return self._refused(body) or self._on(self.contacts, contact_id, **body)
            case "DELETE", ["contacts" | "papers" as kind, id_]:
                held = self.contacts if kind == "contacts" else self.papers
                return Reply(status=204 if held.pop(id_, None) else 404)
        return super()._do(seen, body)

    def _price(self, lines: Sequence[Mapping[str, Any]]) -> Reply:
        refused = {line["sku"] for line in lines if line["price"] in self.refused}
        if self.refuse_first:
            refused.add(lines[0]["sku"])
        self.prices.update({line["sku"]: line for line in lines if line["sku"] not in refused})
        results = [{"sku": line["sku"], "ok": line["sku"] not in refused, "error": "refused"} for line in lines]
        return wire_json({"results": results})

    def _made(self, kind: str, body: dict[str, Any]) -> Reply:
        if refused := self._refused(body):
            return refused
        own = "contactId" if kind == "contacts" else "paperId"
        key = body["id"] if kind == "contacts" else body["number"]
        self.created[key] += 1
        made = f"{key}-{self.created[key]}"
        held = self.contacts if kind == "contacts" else self.papers
        if any(key in (each.get("id"), each.get("number")) for each in held.values()):
            self.doubles.append(key)
        held[made] = body
        return wire_json({own: made}, status=201)

    def _refused(self, body: Mapping[str, Any]) -> Reply | None:
        bad = not self.refused.isdisjoint({body.get("name"), body.get("note")})
        return Reply(status=422, body=b"refused") if bad else None

    def _on(self, held: dict[str, Any], id_: str, **fields: Any) -> Reply:
        if id_ not in held:
            return Reply(status=404)
        held[id_] = {**held[id_], **fields}
        return Reply(status=204)


def wire_json(value: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode())


def _document(seen: Seen) -> Any:
    return json.loads(seen.body) if seen.header("content-type") == "application/json" and seen.body else {}


def _truthful(fault: str | int, seen: Seen) -> str | int:
    """Leave out the answers that would be lies, which nobody could see through: that a record is not there."""
    lies = {"DELETE": (404, 410), "GET": (404, "empty")}.get(seen.method, ())
    return "before" if fault in lies else fault


def _without_effect(fault: str | int) -> Reply:
    if fault == "before":
        return drop_read()
    if fault == "late":
        return Reply(delay_seconds=2 * TIMEOUT_SECONDS, drop="read")
    return Reply(status=int(fault), body=b"planned")


def _asked_to_wait(fault: str) -> Reply:
    past = format_datetime(utc_now().replace(year=2020), usegmt=True)
    status, text = {"soon": (429, "0"), "wait": (429, "120"), "date": (503, past)}[fault]
    return Reply(status=status, headers={"Retry-After": text})


def _spoilt(fault: str, reply: Reply) -> Reply:
    """Spoil the answer to a request that had its effect; one that was refused is not made a success."""
    if reply.status >= 400 and fault in ("truncated", "garbage", "empty"):
        return reply
    match fault:
        case "after":
            return drop_read()
        case "late after":
            return Reply(delay_seconds=2 * TIMEOUT_SECONDS, drop="read")
        case "truncated":
            whole = replace(reply, body=reply.body or b"{}", status=reply.status if reply.body else 200)
            return replace(whole, cut=len(whole.text()) - 1, close=True)
        case "garbage":
            return Reply(body=b"<html>")
        case "empty":
            return Reply()
        case "503 after":
            return Reply(status=503)
    return reply


# --- the town --------------------------------------------------------------------------------------------------


@dataclass
class Town:
    """What the ERP says, what becomes of it, and what has to be true in the end."""

    it: Rig
    post: Post
    objects: tuple[str, ...]  # in the order of their dependencies
    erp: dict[str, dict[str, int]] = field(default_factory=dict)  # object: key: value
    versions: Counter[str] = field(default_factory=Counter)
    changed: dict[str, int] = field(default_factory=dict)  # memo: when it was changed last, in seconds
    orphans: dict[str, set[str]] = field(default_factory=dict)  # their removal may have been lost with a DuckDB file
    deaths: int = 0
    runs: int = 0

    # --- what happens ---------------------------------------------------------------------------------------

    def change(self, object_: str, edits: Mapping[str, int | None]) -> None:
        """Change records of the ERP (letters: of the platform)."""
        held = self.erp.setdefault(object_, {})
        for key, value in edits.items():
            if object_ == "letters":
                self._write_letter(key, value)
            if object_ == "memos":
                self._write_memo(key, value)
            if value is None:
                held.pop(key, None)
            else:
                held[key] = value
        if object_ == "clients":
            self._drop_contacts()
        self._store(object_)

    def run(self, object_: str, *, faults: Sequence[str | int] = (), kill: int | None = None) -> None:
        """Run an object while these faults happen to its requests, and die after an effect."""
        self.post.script[:] = faults
        self.runs += 1
        try:
            if kill is None:
                self.it.run(object_)
            else:
                self._run_and_die(object_, kill)
        finally:
            self.post.script.clear()
        if self.it.code in ("E_CREDENTIALS", "E_ASKED_TO_WAIT"):
            self.it.close()  # a shut connection is shut for this process; the next run is one of another
        if self.it.last is not None and self.it.code is None:
            self.orphans.get(object_, set()).difference_update(self.erp.get(object_, {}))
        assert self.post.doubles == []

    def lose(self, object_: str, *, bytes_left: int | None = None) -> None:
        """Lose the DuckDB file of an object, or all of it but its first bytes."""
        path = self.it.state / f"{object_}.duckdb"
        if not path.exists():
            return
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        if bytes_left is None:
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:bytes_left])
        self.orphans.setdefault(object_, set()).update(self._held(object_))

    def edit(self, object_: str) -> None:
        """Edit the mapping so that all its lines are other ones."""
        was = self.versions[object_]
        self.versions[object_] += 1
        self.it.edit(object_, (VERSION.format(was), VERSION.format(was + 1)))

    def resend(self, object_: str) -> None:
        """Forget what was confirmed."""
        if (self.it.state / "journal.sqlite").exists():
            resend(self.it.app, self.it.app.loaded.mappings[object_])

    def _run_and_die(self, object_: str, effects: int) -> None:
        grave, files = self.it.state.with_name("grave"), (self.it.state, self.it.erp)
        fuse = Fuse(on_crash=lambda: photograph(grave, *files))
        fuse.burn(effects)
        self.it.close()
        self.it.last = None
        try:
            with seam(fuse, *files):
                self.it.run(object_)
        except Crash:
            self.it.close()
            bring_back(grave, *files)
            self.deaths += 1

    # --- the end --------------------------------------------------------------------------------------------

    def calm(self) -> None:
        """Run everything until nothing is left to do, with an operator who clears what waits for one; compare."""
        for _ in range(3):
            self._forgive()
            self._settle()
        self.check()
        self.post.take()
        self._round()
        assert [each for each in self.post.take() if not each.startswith("GET /feed")] == self._asked_again()

    def check(self) -> None:
        """Check that both sides are equal and nothing is left open."""
        for object_ in self.objects:
            wanted = EXPECTED[object_](self)
            held = self._held(object_)
            spare = held.keys() - wanted.keys() - self.orphans.get(object_, set()) - self._unsettled(object_)
            assert not spare, (object_, held, wanted)
            differing = {key: (held.get(key), wanted[key]) for key in wanted if held.get(key) != wanted[key]}
            assert not differing, (object_, differing)
            with self.it.journal() as journal:
                assert journal.claims.of(object_) == []
                assert journal.marks.of(object_) == []
                assert journal.runs.standing(object_).open_run is None
                assert not journal.progress.of(object_) or self._unsettled(object_)
        assert self.post.doubles == []

    def _settle(self) -> None:
        for _ in range(6):
            if not self._round():
                return
        raise AssertionError(f"not quiet: {self.it.last}")

    def _round(self) -> bool:
        """Run all objects once; tell whether anything happened."""
        busy = False
        for object_ in self.objects:
            self.run(object_)
            assert self.it.last is not None
            counts = self.it.last.counts
            busy = busy or bool(self.it.code or counts.confirmed or counts.failed or counts.not_due)
        return busy

    def _forgive(self) -> None:
        """Do what an operator does: try refused records again, say what became of creates nobody can look up."""
        for object_ in self.objects:
            mapping = self.it.app.loaded.mappings[object_]
            if not (self.it.state / "journal.sqlite").exists():
                return
            with self.it.journal() as journal:
                claims = journal.claims.of(object_)
            retry_rejected(self.it.app, object_, None)
            for claim in claims if object_ == "contacts" else ():
                found = [id_ for id_, each in self.post.contacts.items() if each["id"] == claim.key[0]]
                if found:
                    resolve_confirmed(self.it.app, mapping, [str(claim.key[0])], {"contact_id": found[0]})
                else:
                    resolve_not_sent(self.it.app, mapping, [str(claim.key[0])])

    def _asked_again(self) -> list[str]:
        """Give the requests that even a quiet round makes: for letters that are refused and not known better."""
        return []

    # --- both sides -------------------------------------------------------------------------------------------

    def _unsettled(self, object_: str) -> set[str]:
        """Give the keys of which the platform may hold something else: refused, or waiting for one that is."""
        held = self.erp.get(object_, {})
        bad = {key for key, value in held.items() if value == BAD}
        if object_ == "contacts":
            known = {each["externalId"] for each in self.post.clients.values()}
            bad |= {key for key, value in held.items() if _client_of(value) not in known}
        return bad

    def _held(self, object_: str) -> dict[str, Any]:
        """Give what the target holds, by key."""
        match object_:
            case "items":
                return {f"{grp}/{id_}": value for grp, held in self.post.items.items() for id_, value in held.items()}
            case "prices":
                return dict(self.post.prices)
            case "memos":
                return dict(self.post.memos)
            case "clients":
                return {each["externalId"]: each for each in self.post.clients.values()}
            case "contacts":
                return {each["id"]: each for each in self.post.contacts.values()}
            case "papers":
                return {each["number"]: each for each in self.post.papers.values()}
        lines: dict[str, list[str]] = {}
        for id_, text in self.it.sql("SELECT letter_id, text FROM letter_line ORDER BY letter_id, number"):
            lines.setdefault(id_, []).append(text)
        rows = self.it.sql("SELECT id, subject FROM letter WHERE gone = 0")
        return {id_: (subject, lines.get(id_, [])) for id_, subject in rows}

    def _store(self, object_: str) -> None:
        """Write the ERP's table anew."""
        rows = [row for key, value in self.erp.get(object_, {}).items() for row in self._rows(object_, key, value)]
        if object_ == "letters":
            return
        with closing(sqlite3.connect(self.it.erp)) as erp, erp:
            erp.execute(f"DELETE FROM {object_.removesuffix('s')}")
            if object_ == "papers":
                erp.execute("DELETE FROM paper_line")
            for table, *values in rows:
                erp.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)

    def _rows(self, object_: str, key: str, value: int) -> Iterator[tuple[Any, ...]]:
        match object_:
            case "items":
                yield ("item", *key.split("/"), _text(value))
            case "prices":
                yield "price", key, _text(value)
            case "memos":
                yield "memo", key, _text(value), _moment(self.changed[key])
            case "clients":
                yield "client", key, _text(value)
            case "contacts":
                yield "contact", key, _client_of(value), _text(value)
            case "papers":
                file = self.it.folder / f"{key}.pdf"
                file.write_bytes(_content(value))
                yield "paper", key, _text(value), str(file)
                for number, text in enumerate(_lines(value)):
                    yield "paper_line", key, number, text

    def _drop_contacts(self) -> None:
        """Let the contacts of a client leave with it."""
        held = self.erp.get("contacts", {})
        clients = self.erp.get("clients", {})
        left = {key: value for key, value in held.items() if _client_of(value) in clients}
        if left != held:
            self.erp["contacts"] = left
            self._store("contacts")

    def _write_memo(self, key: str, value: int | None) -> None:
        """Note the time of a change; what leaves is noticed by a whole read only, which nobody waits for here."""
        self.changed[key] = max(self.changed.values(), default=0) + 10
        if value is None:
            self.orphans.setdefault("memos", set()).add(key)

    def _write_letter(self, key: str, value: int | None) -> None:
        if value is None:
            self.post.letters.pop(key, None)
            self.post.events.append({"id": key, "type": "REMOVED"})
        else:
            lines = [{"number": number, "text": text} for number, text in enumerate(_lines(value))]
            subject = "BAD" if value == BAD else _text(value)
            self.post.write(key, {"id": key, "subject": subject, "lines": lines})


def _text(value: int) -> str:
    return "bad" if value == BAD else f"v{value}"


def _moment(seconds: int) -> str:
    return (datetime(2026, 3, 1) + timedelta(seconds=seconds)).isoformat(sep=" ")


def _lines(value: int) -> list[str]:
    return [f"line {value}.{number}" for number in range(value)]


def _content(value: int) -> bytes:
    return b"content %d" % value


def _client_of(value: int) -> str:
    return KEYS["clients"][value % 3]


def _good(town: Town, object_: str) -> dict[str, int]:
    unsettled = town._unsettled(object_)
    return {key: value for key, value in town.erp.get(object_, {}).items() if key not in unsettled}


def _clients(town: Town) -> dict[str, Any]:
    version = str(town.versions["clients"])
    return {
        key: {"externalId": key, "name": _text(value), "version": version}
        for key, value in _good(town, "clients").items()
    }


def _contacts(town: Town) -> dict[str, Any]:
    ids = {each["externalId"]: id_ for id_, each in town.post.clients.items()}
    version = str(town.versions["contacts"])
    return {
        key: {"id": key, "name": _text(value), "clientId": ids[_client_of(value)], "version": version}
        for key, value in _good(town, "contacts").items()
    }


def _papers(town: Town) -> dict[str, Any]:
    return {
        key: {
            "number": key,
            "note": _text(value),
            "lines": _lines(value),
            "version": str(town.versions["papers"]),
            "file": hashlib.md5(_content(value)).hexdigest(),
            "complete": True,
        }
        for key, value in _good(town, "papers").items()
    }


def _memos(town: Town) -> dict[str, Any]:
    version = str(town.versions["memos"])
    return {key: {"id": key, "text": _text(value), "version": version} for key, value in _good(town, "memos").items()}


def _prices(town: Town) -> dict[str, Any]:
    version = str(town.versions["prices"])
    return {
        key: {"sku": key, "price": _text(value), "version": version} for key, value in _good(town, "prices").items()
    }


EXPECTED: Mapping[str, Callable[[Town], dict[str, Any]]] = {
    "items": lambda town: {key: _text(value) for key, value in _good(town, "items").items()},
    "prices": _prices,
    "memos": _memos,
    "clients": _clients,
    "contacts": _contacts,
    "papers": _papers,
    "letters": lambda town: {key: (_text(value), _lines(value)) for key, value in _good(town, "letters").items()},
}


@contextmanager
def town(folder: Path, *objects: str) -> Iterator[Town]:
    """Make a town of some objects in a folder; `contacts` need `clients`."""
    project, erp, state = folder / "project", folder / "erp.sqlite", folder / "state"
    project.mkdir()
    text = PROJECT
    for slow, quick in SETTINGS.items():
        text = text.replace(slow, quick)
    (project / "project.yaml").write_text(text)
    for name in objects:
        (project / f"{name}.yaml").write_text(MAPPINGS[name].replace("\nsend:", VERSION.format(0)))
    with closing(sqlite3.connect(erp)) as connection:
        connection.executescript(ERP + TABLES)
    post = Post()
    post.refused = {"bad"}
    wire.MAX_CONNECTIONS = 100_000
    with Wire(post.answer) as served:
        variables = {"STATE": str(state), "ERP": f"sqlite:///{erp}", "ONE": served.url, "KEY": "key"}
        it = Rig(folder=project, state=state, erp=erp, platform=post, variables=variables)
        try:
            yield Town(it=it, post=post, objects=objects)
        finally:
            it.close()
