"""The process dies before every n-th effect, and once more while it recovers: the next runs make both sides equal.

At each death the state folder is copied as a kill would leave it, with DuckDB's and SQLite's logs not yet worked in.
"""

from __future__ import annotations

import copy
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import wire
from crash import Crash, Fuse, seam
from rig import Platform, Rig, rig

DEATHS = 200  # more than any of these runs has effects


@dataclass
class Morgue:
    """A rig whose runs can be killed, and brought back to where they began."""

    it: Rig
    fuse: Fuse
    saved: dict[str, Any] = field(default_factory=dict)

    def keep(self) -> None:
        """Keep both ends and the state as they are now."""
        self.it.close()
        self._copy(self.it.state, self._kept / "state")
        shutil.copy(self.it.erp, self._kept / "erp.sqlite")
        platform = self.it.platform
        self.saved = {
            name: copy.deepcopy(getattr(platform, name)) for name in ("items", "clients", "created", "letters")
        }
        self.saved["events"] = list(platform.events)

    def restore(self) -> None:
        """Bring back what was kept."""
        self._copy(self._kept / "state", self.it.state)
        with closing(sqlite3.connect(self._kept / "erp.sqlite")) as kept, closing(sqlite3.connect(self.it.erp)) as erp:
            kept.backup(erp)
        for name, value in self.saved.items():
            setattr(self.it.platform, name, copy.deepcopy(value))

    def dies(self, name: str, at: int) -> bool:
        """Run an object and die before an effect; false where the run ends before."""
        self.fuse.burn(at)
        died = True
        with suppress(Crash):
            self.it.run(name)
            died = False
        self.fuse.burn(None)
        if died:
            self._copy(self._dead, self.it.state)
        return died

    def photograph(self) -> None:
        """Copy the state folder as it is at this moment."""
        self._copy(self.it.state, self._dead)

    @property
    def _dead(self) -> Path:
        return self.it.folder / "dead"

    @property
    def _kept(self) -> Path:
        return self.it.folder / "kept"

    def _copy(self, source: Path, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        if source.exists():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*-shm", "*.tmp"))
        target.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def morgue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Morgue]:
    monkeypatch.setattr(wire, "MAX_CONNECTIONS", 100_000)
    fuse = Fuse()
    with rig(tmp_path) as it, seam(fuse):
        made = Morgue(it, fuse)  # its connection's concurrency is 1, so nothing writes while a death is copied
        fuse.on_crash = made.photograph
        yield made


def kill_everywhere(morgue: Morgue, name: str, *, change: Callable[[Rig], None], after: Callable[[Rig], None]) -> int:
    """Kill a run before each of its effects, every other time once more in the run after it; answers how often it died.

    `change` gives the run something to do; `after` happens before the next one.
    """
    morgue.keep()
    for at in range(1, DEATHS):
        morgue.restore()
        change(morgue.it)
        if not morgue.dies(name, at):
            return at - 1
        after(morgue.it)
        if at % 2:
            morgue.dies(name, 1 + at * 7 % 23)
        check_after_recovery(morgue.it, name, rest=at % 3 == 0)
    raise AssertionError(f"{name} never ended")


def check_after_recovery(it: Rig, name: str, *, rest: bool) -> None:
    """Check that one run brings both sides together; with `rest`, that the next one has nothing to send."""
    it.run(name)
    assert it.code is None, it.last
    CHECKS[name](it)
    it.platform.take()
    if rest:
        counts = it.run(name)
        assert counts.get("confirmed", 0) == 0, counts
        assert [seen for seen in it.platform.take() if not seen.startswith("GET /feed")] == []


# --- many lines a request --------------------------------------------------------------------------------------

ITEMS = (("W1", "A", "a"), ("W1", "B", "b"), ("W1", "C", "c"), ("W2", "D", "d"))
OTHER_ITEMS = (("W1", "A", "other"), ("W1", "C", "c"), ("W1", "E", "e"), ("W1", "F", "bad"), ("W3", "G", "g"))


def check_items(it: Rig) -> None:
    wanted: dict[str, dict[str, Any]] = {}
    for group, id_, value in it.sql("SELECT grp, id, value FROM item WHERE value <> 'bad'"):
        wanted.setdefault(group, {})[id_] = value
    assert {group: held for group, held in it.platform.items.items() if held} == wanted
    bad = it.sql("SELECT grp, id FROM item WHERE value = 'bad'")
    assert it.rejected("items") == dict.fromkeys(bad, "target")


@pytest.mark.parametrize(
    ("loaded", "end"),
    [(False, OTHER_ITEMS), (True, OTHER_ITEMS), (True, ITEMS)],
    ids=["first load", "changes", "changes that are undone"],
)
def test_lines_and_removals_survive_every_death(morgue: Morgue, loaded: bool, end: tuple[Any, ...]) -> None:
    it = morgue.it
    it.platform.refused = {"bad"}
    if loaded:
        it.put("item", *ITEMS)
        it.run("items")

    deaths = kill_everywhere(
        morgue, "items", change=lambda it: it.put("item", *OTHER_ITEMS), after=lambda it: it.put("item", *end)
    )

    assert deaths >= 20


def test_a_duckdb_file_from_before_the_run_that_died_is_not_believed(morgue: Morgue) -> None:
    it = morgue.it
    it.put("item", *ITEMS)
    it.run("items")
    older = (it.state / "items.duckdb").read_bytes()
    it.put("item", *OTHER_ITEMS)
    assert morgue.dies("items", 8)
    assert it.platform.items != {"W1": {"A": "a", "B": "b", "C": "c"}, "W2": {"D": "d"}}
    (it.state / "items.duckdb.wal").unlink(missing_ok=True)
    (it.state / "items.duckdb").write_bytes(older)
    it.put("item", *ITEMS)

    it.run("items")

    assert it.last is not None
    assert ["rebuilt" in note for note in it.last.notes] == [True]
    held = {(group, id_): value for group, lines in it.platform.items.items() for id_, value in lines.items()}
    assert {(group, id_, held.get((group, id_))) for group, id_, _ in ITEMS} == set(ITEMS)


# --- one record a request ----------------------------------------------------------------------------------------

CLIENTS = (("k1", "Ala"), ("k2", "Ola"), ("k3", "Ela"))
OTHER_CLIENTS = (("k1", "Iza"), ("k3", "Ela"), ("k4", "Ula"), ("k5", "Zoe"))
THIRD_CLIENTS = (("k1", "Ala"), ("k3", "Ela"), ("k5", "Zoe again"))


def check_clients(it: Rig) -> None:
    assert it.platform.names() == dict(it.sql("SELECT id, name FROM client"))
    with it.journal() as journal:
        assert journal.claims("clients") == []
    assert it.rejected("clients") == {}


@pytest.mark.parametrize("end", [THIRD_CLIENTS, OTHER_CLIENTS], ids=["changed meanwhile", "as it was"])
def test_each_client_is_created_once_whatever_death_comes(morgue: Morgue, end: tuple[Any, ...]) -> None:
    morgue.it.put("client", *CLIENTS)
    morgue.it.run("clients")

    deaths = kill_everywhere(
        morgue, "clients", change=lambda it: it.put("client", *OTHER_CLIENTS), after=lambda it: it.put("client", *end)
    )

    assert deaths >= 20


# --- inbound -------------------------------------------------------------------------------------------------------


def letter(id_: str, subject: str, *texts: str) -> dict[str, Any]:
    lines = [{"number": number, "text": text} for number, text in enumerate(texts, 1)]
    return {"id": id_, "subject": subject, "lines": lines}


def write_letters(platform: Platform) -> None:
    platform.write("l1", letter("l1", "other", "A"))
    platform.write("l2", None, "REMOVED")
    platform.write("l3", letter("l3", "three", "x", "y"))
    platform.write("l4", letter("l4", "BAD"))
    platform.write("l5", letter("l5", "five"))


def check_letters(it: Rig) -> None:
    assert it.sql("SELECT id, subject, gone FROM letter ORDER BY id") == [
        ("l1", "other", 0),
        ("l2", "two", 1),
        ("l3", "three", 0),
        ("l5", "five", 0),
    ]
    assert it.sql("SELECT letter_id, text FROM letter_line ORDER BY letter_id, number") == [
        ("l1", "A"),
        ("l3", "x"),
        ("l3", "y"),
    ]
    assert it.rejected("letters") == {("l4",): "target"}
    with it.journal() as journal:
        assert journal.standing("letters").cursor == 7
        assert [each.document for each in journal.rejections("letters")] == [
            '{"document":{"id":"l4","subject":"BAD","lines":[]}}'
        ]


def test_letters_are_written_whole_whatever_death_comes(morgue: Morgue) -> None:
    platform = morgue.it.platform
    platform.page = 3
    platform.write("l1", letter("l1", "one", "a", "b"))
    platform.write("l2", letter("l2", "two"))
    morgue.it.run("letters")

    deaths = kill_everywhere(morgue, "letters", change=lambda it: write_letters(it.platform), after=lambda it: None)

    assert deaths >= 35


CHECKS = {"items": check_items, "clients": check_clients, "letters": check_letters}
