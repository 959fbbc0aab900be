"""The platform of the small project, in memory: what it holds, how it answers, what becomes of its next requests.

platform.plan("after", 503)               # the first answer is lost after the effect, the second request has none
platform.refused = {"bad"}                # whoever brings this value is answered with 422
platform.write("l1", {"id": "l1", ...})   # a letter, with its event
assert platform.items == {"W1": {"A": 5}}
"""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from world.faults import Fault, answered
from world.wire import Reply, Seen

Fields: TypeAlias = dict[str, Any]

CREATED = {"clients": "externalId", "contacts": "id", "papers": "number", "notes": "id", "groups": "id"}  # their keys
UPSERTED = {"prices": "sku", "orders": "id", "entries": "id"}
KEPT = ("items", "clients", "things", "created", "letters", "events", "uploads", "documents")


@dataclass
class Platform:
    """What the target holds, and what becomes of its next requests."""

    items: dict[str, Fields] = field(default_factory=dict)  # group: id: value
    clients: dict[str, Fields] = field(default_factory=dict)  # clientId: fields
    things: dict[str, dict[str, Fields]] = field(default_factory=lambda: {kind: {} for kind in CREATED | UPSERTED})
    created: Counter[str] = field(default_factory=Counter)  # how often: "k1" a client, "papers p1" a paper
    doubles: list[str] = field(default_factory=list)  # created although they were there
    letters: dict[str, Any] = field(default_factory=dict)
    events: list[Fields] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)  # id: what has arrived
    documents: dict[str, bytes] = field(default_factory=dict)  # number: what was completed
    page: int = 2  # events of one answer
    refused: set[Any] = field(default_factory=set)  # ids, values or names that are answered with 422
    seen: list[str] = field(default_factory=list)  # "POST /items/W1 2+1": two lines and one removal
    rule: Callable[[Seen], Fault | None] = lambda seen: None  # goes before what is planned
    _plan: deque[Fault] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # --- what a test does ---------------------------------------------------------------------------------------

    def plan(self, *faults: Fault) -> None:
        """Say what becomes of the next requests."""
        self._plan.extend(faults)

    def write(self, id_: str, document: Any, type_: str = "CHANGED") -> None:
        """Change a letter, with an event."""
        self.letters[id_] = document
        self.events.append({"id": id_, "type": type_})

    def take(self) -> list[str]:
        """Give the requests since the last time."""
        with self._lock:
            found, self.seen = self.seen, []
            return found

    def names(self) -> dict[str, str]:
        """Give the clients by their external ids; none of them twice."""
        assert all(times == 1 for times in self.created.values()), self.created
        return {key: each["name"] for key, each in self.by_key("clients").items()}

    def by_key(self, kind: str) -> dict[str, Fields]:
        """Give what is held of a kind by its keys; none of them twice."""
        found = [(each[CREATED[kind]], each) for each in self._held(kind).values()]
        assert len(dict(found)) == len(found), found
        return dict(found)

    def kept(self) -> Fields:
        """Copy what it holds."""
        return {name: copy.deepcopy(getattr(self, name)) for name in KEPT}

    def hold(self, kept: Fields) -> None:
        """Hold what was copied."""
        for name, value in kept.items():
            setattr(self, name, copy.deepcopy(value))

    # --- what it answers ----------------------------------------------------------------------------------------

    def answer(self, seen: Seen) -> Reply:
        with self._lock:
            fault = self.rule(seen) or (self._plan.popleft() if self._plan else "ok")
            body = json.loads(seen.body) if seen.body[:1] in (b"{", b"[") else {}  # else a file, or nothing
            self.seen.append(f"{seen.method} {unquote(urlsplit(seen.target).path)}{_size(body)}")
            return answered(fault, lambda: self._do(seen, body, refuse_first=fault == "per line"))

    def create(self, kind: str, body: Fields) -> Reply:
        if self._refuses(body.values()):
            return _refused()
        key, held = body[CREATED[kind]], self._held(kind)
        if any(each[CREATED[kind]] == key for each in held.values()):
            self.doubles.append(key)
        name = f"{kind} {key}".removeprefix("clients ")
        self.created[name] += 1
        made = {"clients": f"c-{key}-{self.created[name]}", "notes": key}.get(kind, f"{key}-{self.created[name]}")
        held[made] = body
        return _json({_id(kind): made}, status=201)

    def _do(self, seen: Seen, body: Any, *, refuse_first: bool) -> Reply:
        url = urlsplit(seen.target)
        query = parse_qs(url.query)
        match seen.method, [unquote(part) for part in url.path.split("/")[1:]]:
            case "POST", ["items", group]:
                return self._increment(group, body)
            case "POST", ["prices"]:
                return self._price(body["prices"], refuse_first=refuse_first)
            case "POST", ["removals"]:
                for sku in body["skus"]:
                    self.things["prices"].pop(sku, None)
                return _json({})
            case "POST", [kind] if kind in UPSERTED:
                return self._upsert(kind, body[kind])
            case "GET", [kind] if kind in CREATED:
                [key] = query[CREATED[kind]]
                return _json([{**each, _id(kind): id_} for id_, each in self._found(kind, key).items()])
            case "POST", [kind] if kind in CREATED:
                return self.create(kind, body)
            case "PUT", ["papers", id_, "file"]:
                return self._put("papers", id_, {"file": hashlib.md5(seen.body).hexdigest()})
            case "POST", ["papers", id_, "complete"]:
                return self._put("papers", id_, {"complete": True})
            case "PUT", [kind, id_] if kind in CREATED:
                return self._put(kind, id_, {**body, "complete": False} if kind == "papers" else body)
            case "DELETE", [kind, id_] if kind in CREATED:
                return Reply(status=204 if self._held(kind).pop(id_, None) else 404)
            case "POST", ["uploads"]:
                id_ = f"u{len(self.uploads) + 1}-{body['number']}"
                self.uploads[id_] = b""
                return _json({"id": id_})
            case "PUT", ["uploads", id_]:
                self.uploads[id_] = seen.body
                return Reply(status=204)
            case "POST", ["uploads", id_, "done"]:
                self.documents[body["number"]] = self.uploads[id_]
                return Reply(status=204)
            case "GET", ["feed"]:
                start = int(query["from"][0])
                page = self.events[start : start + self.page]
                return _json({"events": page, "next": start + len(page)})
            case "GET", ["letters", id_]:
                return _json(self.letters[id_]) if id_ in self.letters else Reply(status=404)
        return Reply(status=405)

    def _increment(self, group: str, body: Any) -> Reply:
        if self._refuses([*body["gone"], *(each[name] for each in body["items"] for name in ("id", "value"))]):
            return _refused()
        held = self.items.setdefault(group, {})
        held.update({each["id"]: each["value"] for each in body["items"]})
        for id_ in body["gone"]:
            held.pop(id_, None)
        return _json({})

    def _price(self, lines: Sequence[Fields], *, refuse_first: bool) -> Reply:
        refused = {line["sku"] for line in lines if self._refuses(line.values())}
        if refuse_first:
            refused.add(lines[0]["sku"])
        self._upsert("prices", [line for line in lines if line["sku"] not in refused])
        results = [{"sku": line["sku"], "ok": line["sku"] not in refused, "error": "refused"} for line in lines]
        return _json({"results": results})

    def _upsert(self, kind: str, lines: Sequence[Fields]) -> Reply:
        if any(self._refuses(line.values()) for line in lines):
            return _refused()
        self.things[kind].update({line[UPSERTED[kind]]: line for line in lines})
        return _json({})

    def _put(self, kind: str, id_: str, fields: Fields) -> Reply:
        held = self._held(kind)
        if id_ not in held:
            return Reply(status=404)
        if self._refuses(fields.values()):
            return _refused()
        held[id_] = {**held[id_], **fields}
        return Reply(status=204)

    def _held(self, kind: str) -> dict[str, Fields]:
        return self.clients if kind == "clients" else self.things[kind]

    def _found(self, kind: str, key: str) -> dict[str, Fields]:
        return {id_: each for id_, each in self._held(kind).items() if each[CREATED[kind]] == key}

    def _refuses(self, values: Iterable[Any]) -> bool:
        return any(value in self.refused for value in values if not isinstance(value, list | dict))


def _id(kind: str) -> str:
    return f"{kind.removesuffix('s')}Id"


def _refused() -> Reply:
    return Reply(status=422, body=b"refused")


def _json(value: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(value).encode())


def _size(body: Any) -> str:
    counted = isinstance(body, dict) and {"items", "gone"} <= body.keys()
    return f" {len(body['items'])}+{len(body['gone'])}" if counted else ""
