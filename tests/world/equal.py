"""What both sides have to hold, object by object: the source's rows as the target should have them, and what it has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.operate.resolve_unknown import resolve_confirmed, resolve_not_sent
from world.platform import CREATED
from world.project import World


def wanted(it: World, object_: str) -> dict[str, Any]:
    """Give what the target should hold, by key."""
    return WANTED[object_](it)


def held(it: World, object_: str) -> dict[str, Any]:
    """Give what the target holds, by key."""
    match object_:
        case "items":
            groups = {group: held for group, held in it.platform.items.items() if group != "members"}
            return {f"{group}/{id_}": value for group, held in groups.items() for id_, value in held.items()}
        case "members":
            return it.platform.items.get("members", {})
        case "docs":
            return dict(it.platform.documents)
        case "letters":
            lines = _grouped(it, "SELECT letter_id, text FROM letter_line ORDER BY letter_id, number")
            rows = it.sql("SELECT id, subject FROM letter WHERE gone = 0")
            return {id_: (subject, lines.get(id_, [])) for id_, subject in rows}
    return it.platform.by_key(object_) if object_ in CREATED else dict(it.platform.things[object_])


def check(it: World, *objects: str) -> None:
    """Check that both sides are equal, and that what was created is bound."""
    for object_ in objects:
        assert held(it, object_) == wanted(it, object_), object_
        assert object_ not in CREATED or it.bound(object_) == set(held(it, object_)), object_
        assert it.rejected(object_) == {}, object_


def resolve(it: World, object_: str) -> None:
    """Do what an operator does who looks at the target: creates of unknown outcome are resolved by what is there."""
    with it.journal() as journal:
        claims = journal.claims.of(object_)
    made = {each[CREATED[object_]]: id_ for id_, each in it.platform.things.get(object_, {}).items()}
    for claim in claims:
        key = str(claim.key[0])
        if key in made:
            saved = {"contact_id": made[key]} if object_ == "contacts" else {}
            resolve_confirmed(it.app, it.mapping(object_), [key], saved)
        else:
            resolve_not_sent(it.app, it.mapping(object_), [key])


def _rows(sql: str, *names: str) -> Callable[[World], dict[str, Any]]:
    """Read records whose first column is the key; names of their fields."""

    def read(it: World) -> dict[str, Any]:
        return {row[0]: dict(zip(names, row, strict=True)) for row in it.sql(sql)}

    return read


def _grouped(it: World, sql: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key, value in it.sql(sql):
        found.setdefault(key, []).append(value)
    return found


def _items(it: World) -> dict[str, Any]:
    return {f"{group}/{id_}": value for group, id_, value in it.sql("SELECT grp, id, value FROM item")}


def _contacts(it: World) -> dict[str, Any]:
    ids = {each["externalId"]: id_ for id_, each in it.platform.clients.items()}
    rows = it.sql("SELECT id, name, client FROM contact")
    return {id_: {"id": id_, "name": name, "clientId": ids.get(client)} for id_, name, client in rows}


def _papers(it: World) -> dict[str, Any]:
    lines = _grouped(it, "SELECT paper, text FROM paper_line ORDER BY line_no")
    return {
        number: {
            "number": number,
            "note": note,
            "lines": lines.get(number, []),
            "file": hashlib.md5(Path(file).read_bytes()).hexdigest(),
            "complete": True,
        }
        for number, note, file in it.sql("SELECT number, note, file FROM paper")
    }


def _members(it: World) -> dict[str, Any]:
    ids = {each["id"]: made for made, each in it.platform.things["groups"].items()}
    return {id_: ids.get(team) for id_, team in it.sql("SELECT id, team FROM member")}


def _orders(it: World) -> dict[str, Any]:
    lines = _grouped(it, "SELECT order_id, sku FROM order_line ORDER BY number")
    rows = it.sql("SELECT id, buyer FROM orders")
    return {id_: {"id": id_, "buyer": buyer, "lines": [{"sku": sku} for sku in lines[id_]]} for id_, buyer in rows}


def _letters(it: World) -> dict[str, Any]:
    documents = {id_: each for id_, each in it.platform.letters.items() if each is not None}
    return {id_: (each["subject"], [line["text"] for line in each["lines"]]) for id_, each in documents.items()}


def letter(id_: str, subject: str, *texts: str) -> dict[str, Any]:
    """Make the document of a letter."""
    lines = [{"number": number, "text": text} for number, text in enumerate(texts, 1)]
    return {"id": id_, "subject": subject, "lines": lines}


WANTED: Mapping[str, Callable[[World], dict[str, Any]]] = {
    "items": _items,
    "prices": _rows("SELECT sku, price FROM price", "sku", "price"),
    "clients": _rows("SELECT id, name FROM client", "externalId", "name"),
    "contacts": _contacts,
    "notes": _rows("SELECT id, text FROM note", "id", "text"),
    "papers": _papers,
    "docs": lambda it: {number: Path(file).read_bytes() for number, file in it.sql("SELECT number, file FROM doc")},
    "groups": _rows("SELECT id, name FROM team", "id", "name"),
    "members": _members,
    "orders": _orders,
    "entries": _rows("SELECT id, value FROM entry", "id", "value"),
    "letters": _letters,
}
