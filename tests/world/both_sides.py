"""Random lives of a world: records of small numbers, runs that fail and die, and calm ones that make both sides equal.

with both_sides(folder, "clients", "contacts") as it:
    it.change("clients", {"k1": 1, "k2": 2})        # in the ERP; None: leaves it
    it.run("clients", faults=["after"], kill=17)    # the first answer is lost, the process dies at its 17th effect
    it.calm()                                       # all goes well until nothing is left; both sides are compared

Values are small numbers, so that a record often returns to what it was; `BAD` is refused by the platform.
"""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.operate.resend import resend
from engine.operate.retry_rejected import retry_rejected
from world.equal import held, letter, resolve, wanted
from world.faults import LATE_SECONDS, Fault, truthful
from world.platform import Platform
from world.project import World, world
from world.wire import Seen

BAD = 3
ROUNDS = 12  # in which calm runs have to come to rest
KEYS = {
    "items": ("W1/A", "W1/B", "W1/C", "W1/D", "W2/E", "W2/F"),
    "prices": ("s1", "s2", "s3", "s4", "s5", "s6", "s7"),
    "clients": ("k1", "k2", "k3", "k4"),
    "contacts": ("c1", "c2", "c3", "c4"),
    "papers": ("p1", "p2", "p3"),
    "entries": ("m1", "m2", "m3", "m4", "m5"),
    "letters": ("l1", "l2", "l3", "l4"),
}
TABLES = {"items": "item", "prices": "price", "clients": "client", "contacts": "contact", "entries": "entry"}
VERSION = '\n  version: "{}"\nsend:'  # stands in the fields, so that an edit of it makes all lines other ones
VERSIONED = ("prices", "clients", "contacts", "papers", "entries")  # whose version the platform keeps
NEVER = "      before_create: never\n"
SUBJECT = 'fields: {subject: "{{ subject }}"}'


@dataclass
class BothSides:
    """What the ERP says, what becomes of it, and what has to be true in the end."""

    world: World
    objects: tuple[str, ...]  # in the order of their dependencies
    records: dict[str, dict[str, int]] = field(default_factory=dict)  # of the source, object: key: value
    versions: Counter[str] = field(default_factory=Counter)
    changed: dict[str, int] = field(default_factory=dict)  # entry: when it was changed last, in seconds
    orphans: dict[str, set[str]] = field(default_factory=dict)  # their removal may have been lost with a DuckDB file
    script: deque[Fault] = field(default_factory=deque)  # what becomes of the next requests

    @property
    def platform(self) -> Platform:
        return self.world.platform

    # --- what happens ---------------------------------------------------------------------------------------

    def change(self, object_: str, edits: Mapping[str, int | None]) -> None:
        """Change records of the ERP (letters: of the platform)."""
        records = self.records.setdefault(object_, {})
        for key, value in edits.items():
            if object_ == "letters":
                self._write_letter(key, value)
            if object_ == "entries":
                self._date_entry(key, value)
            if value is None:
                records.pop(key, None)
            else:
                records[key] = value
        self._store(object_)
        if object_ == "clients":
            self._drop_contacts()

    def run(self, object_: str, *, faults: Sequence[Fault] = (), kill: int | None = None) -> None:
        """Run an object while these faults happen to its requests, and die after an effect."""
        it = self.world
        self.script.extend(faults)
        try:
            if kill is None:
                it.run(object_)
            else:
                it.close()
                it.last = None
                it.dies(lambda: it.run(object_), kill)
        finally:
            self.script.clear()
        if it.code in ("E_CREDENTIALS", "E_ASKED_TO_WAIT"):
            it.close()  # a shut connection is shut for this process; the next run is one of another
        if it.last is not None and it.code is None:
            self.orphans.get(object_, set()).difference_update(self.records.get(object_, {}))
        assert self.platform.doubles == []

    def lose(self, object_: str, *, bytes_left: int | None = None) -> None:
        """Lose the DuckDB file of an object, or all of it but its first bytes."""
        path = self.world.state / f"{object_}.duckdb"
        if not path.exists():
            return
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        if bytes_left is None:
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:bytes_left])
        self.orphans.setdefault(object_, set()).update(held(self.world, object_))

    def lose_state(self) -> None:
        """Lose the whole state folder of clients; from now on their first load asks for them before it creates."""
        self.world.close()
        shutil.rmtree(self.world.state, ignore_errors=True)
        if NEVER in (self.world.folder / "clients.yaml").read_text():
            self.world.edit("clients", (NEVER, ""))
        self.orphans.setdefault("clients", set()).update(held(self.world, "clients"))

    def edit(self, object_: str) -> None:
        """Edit the mapping so that all its lines are other ones."""
        was = self.versions[object_]
        self.versions[object_] += 1
        self.world.edit(object_, (VERSION.format(was), VERSION.format(was + 1)))

    def resend(self, object_: str) -> None:
        """Forget what was confirmed."""
        if self._has_state():
            resend(self.world.app, self.world.mapping(object_))

    def fate(self, seen: Seen) -> Fault | None:
        """Say what becomes of a request."""
        return truthful(self.script.popleft(), seen) if self.script else None

    # --- the end --------------------------------------------------------------------------------------------

    def calm(self) -> None:
        """Run everything until nothing is left to do, with an operator who clears what waits for one; compare."""
        for _ in range(ROUNDS):
            self._forgive()
            if not self._round():
                break
        else:
            raise AssertionError(f"not quiet: {self.world.last}")
        self.check()
        self.platform.take()
        self._round()
        assert [each for each in self.platform.take() if not each.startswith("GET /feed")] == []

    def check(self) -> None:
        """Check that both sides are equal and nothing is left open."""
        for object_ in self.objects:
            unsettled = self._unsettled(object_)
            due = {key: each for key, each in wanted(self.world, object_).items() if key not in unsettled}
            if object_ in VERSIONED:
                due = {key: {**each, "version": str(self.versions[object_])} for key, each in due.items()}
            there = held(self.world, object_)
            spare = there.keys() - due.keys() - self.orphans.get(object_, set()) - unsettled
            assert not spare, (object_, there, due)
            differing = {key: (there.get(key), due[key]) for key in due if there.get(key) != due[key]}
            assert not differing, (object_, differing)
            with self.world.journal() as journal:
                assert journal.claims.of(object_) == []
                assert journal.marks.of(object_) == []
                assert journal.runs.standing(object_).open_run is None
                assert not journal.progress.of(object_) or unsettled

    def _round(self) -> bool:
        """Run all objects once; tell whether anything happened."""
        busy = False
        for object_ in self.objects:
            self.run(object_)
            assert self.world.last is not None
            counts = self.world.last.counts
            busy = busy or bool(
                self.world.code or counts.confirmed or counts.unknown or counts.failed or counts.not_due
            )
            if not self.world.mapping(object_).refs:  # nothing but the steps that are left for the next run
                busy = busy or bool(counts.waiting)
        return busy

    def _forgive(self) -> None:
        """Do what an operator does: try refused records again, say what became of creates nobody can look up."""
        for object_ in self.objects if self._has_state() else ():
            retry_rejected(self.world.app, object_, None)
            if object_ == "contacts":
                resolve(self.world, object_)

    def _has_state(self) -> bool:
        return (self.world.state / "journal.sqlite").exists()

    # --- both sides -------------------------------------------------------------------------------------------

    def _unsettled(self, object_: str) -> set[str]:
        """Give the keys of which the platform may hold something else: refused, or waiting for one that is."""
        records = self.records.get(object_, {})
        bad = {key for key, value in records.items() if value == BAD}
        if object_ == "contacts":
            known = self.platform.by_key("clients")
            bad |= {key for key, value in records.items() if _client_of(value) not in known}
        return bad

    def _store(self, object_: str) -> None:
        """Write the ERP's table anew."""
        records = self.records.get(object_, {})
        if object_ == "papers":
            self._store_papers(records)
        elif object_ != "letters":
            self.world.put(TABLES[object_], *(self._row(object_, *record) for record in records.items()))

    def _row(self, object_: str, key: str, value: int) -> tuple[Any, ...]:
        match object_:
            case "items":
                return (*key.split("/"), _text(value))
            case "entries":
                return key, _text(value), _moment(self.changed[key])
            case "contacts":
                return key, _client_of(value), _text(value)
        return key, _text(value)

    def _store_papers(self, records: Mapping[str, int]) -> None:
        files = {key: self.world.folder / f"{key}.pdf" for key in records}
        for key, value in records.items():
            files[key].write_bytes(b"content %d" % value)
        self.world.put("paper", *((key, _text(value), str(files[key])) for key, value in records.items()))
        lines = ((key, number, text) for key, value in records.items() for number, text in enumerate(_lines(value)))
        self.world.put("paper_line", *lines)

    def _drop_contacts(self) -> None:
        """Let the contacts of a client leave with it."""
        contacts, clients = self.records.get("contacts", {}), self.records.get("clients", {})
        left = {key: value for key, value in contacts.items() if _client_of(value) in clients}
        if left != contacts:
            self.records["contacts"] = left
            self._store("contacts")

    def _date_entry(self, key: str, value: int | None) -> None:
        """Note the time of a change; what leaves is noticed by a whole read only, which nobody waits for here."""
        self.changed[key] = max(self.changed.values(), default=0) + 10
        if value is None:
            self.orphans.setdefault("entries", set()).add(key)

    def _write_letter(self, key: str, value: int | None) -> None:
        if value is None:
            self.platform.letters.pop(key, None)
            self.platform.events.append({"id": key, "type": "REMOVED"})
        else:
            self.platform.write(key, letter(key, "BAD" if value == BAD else _text(value), *_lines(value)))


def _text(value: int) -> str:
    return "bad" if value == BAD else f"v{value}"


def _moment(seconds: int) -> str:
    return (datetime(2026, 3, 1) + timedelta(seconds=seconds)).isoformat(sep=" ")


def _lines(value: int) -> list[str]:
    return [f"line {value}.{number}" for number in range(value)]


def _client_of(value: int) -> str:
    return KEYS["clients"][value % 3]


@contextmanager
def both_sides(folder: Path, *objects: str) -> Iterator[BothSides]:
    """Make a world of some objects in a folder; `contacts` need `clients`."""
    with world(folder, *objects) as it:
        it.edit(
            "project",
            ("timeout_seconds: 5", f"timeout_seconds: {LATE_SECONDS / 2}"),
            ("attempts: 1,", "attempts: 2, max_wait_seconds: 0.5,"),
        )
        for name in objects:
            it.edit(
                name, ("\nsend:", VERSION.format(0)) if name != "letters" else (SUBJECT, f"{SUBJECT[:-1]}, gone: 0}}")
            )
        both = BothSides(world=it, objects=objects)
        it.platform.refused = {"bad"}
        it.platform.rule = both.fate
        yield both
