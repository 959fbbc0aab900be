"""The small project: YAML files, an ERP, a state folder and a platform, for tests of whole runs.

with world(tmp_path) as it:
    it.put("item", ("W1", "A", 5))
    it.platform.plan("after")                      # the next request takes effect, and its answer is lost
    assert it.run("items") == {"extracted": 1, "added": 1, "failed": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": 5}}

Objects of every test: `items` (many lines a request, with removals), `clients` (created, updated and deleted one by
one, looked up), `letters` (inbound, a feed with documents). Others by name, the files of `mappings/`: `prices` (a
result for each line), `contacts` (created without a look-up, refer to clients), `notes` (the same, alone), `papers`
(created in three steps, with a file and children), `docs` (a file in three steps), `groups` and `members` (a
reference), `orders` (children), `entries` (read from a cursor).
Every run is checked for the sums of engine/cli/README.md.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.mapping.spec import MappingSpec
from engine.run.app import App, utc_now
from engine.run.one_run import new_run_id
from engine.state.journal.journal import Journal
from engine.state.ledger import Confirmed, confirmed
from engine.state.staging import Staging
from engine.values.order import Order
from engine.values.records import Change, Clock, Key
from engine.values.results import ObjectResult
from world import erp
from world.deaths import Crash, Fuse, bring_back, photograph, seam
from world.platform import Platform
from world.wire import Wire

MAPPINGS = Path(__file__).parent / "mappings"
MEMORY = Path("/dev/shm")
USUAL = ("items", "clients", "letters")
CONNECTIONS = 100_000  # that a platform takes: each death leaves one behind
OPEN = {  # what has to be over when a run has ended
    "marks": "select count(*) from marks",
    "receipts": "select count(*) from receipts",
    "claims": "select count(*) from claims",
    "progress": "select count(*) from progress",
    "runs": "select count(*) from objects where open_run is not null",
}


def mapping(name: str) -> str:
    """Read a mapping of the small project, or its `project`."""
    return (MAPPINGS / f"{name}.yaml").read_text(encoding="utf-8")


@dataclass
class World:
    """A project folder, its ERP, its state and its platform; the last three can be photographed and brought back."""

    folder: Path
    state: Path
    erp: Path
    platform: Platform
    variables: dict[str, str]
    last: ObjectResult | None = None
    labels: list[str] = field(default_factory=list)  # what each photograph was taken after
    held: list[dict[str, Any]] = field(default_factory=list)  # by the platform, on each photograph
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
        return erp.sql(self.erp, *statements)

    def put(self, table: str, *rows: tuple[Any, ...]) -> None:
        """Let a table of the ERP hold these rows and no others."""
        erp.put(self.erp, table, rows)

    def mapping(self, name: str) -> MappingSpec:
        """Give a mapping as it is loaded."""
        return self.app.loaded.mappings[name]

    def run(
        self,
        name: str,
        *,
        due: frozenset[int] | None = None,
        allowed_removed: int | None = None,
        allowed: Mapping[Change, int] = MappingProxyType({}),
    ) -> dict[str, int]:
        """Run an object once; give its counts that are not 0."""
        mapping = self.mapping(name)
        order = Order(
            run_id=new_run_id(utc_now()),
            due=self.app.program(mapping).all_operations if due is None else due,
            allowed=allowed if allowed_removed is None else {**allowed, Change.REMOVED: allowed_removed},
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

    # --- deaths ---------------------------------------------------------------------------------------------------

    @property
    def files(self) -> tuple[Path, Path]:
        """What outlives the process."""
        return self.state, self.erp

    def photograph(self, after: str) -> None:
        """Keep everything as it is at this moment."""
        self.labels.append(after)
        self.held.append(self.platform.kept())
        photograph(self.folder.with_name("photographs") / str(len(self.labels)), *self.files)

    def bring_back(self, number: int) -> None:
        """Let everything be as on a photograph, from 1."""
        bring_back(self.folder.with_name("photographs") / str(number), *self.files)
        self.platform.hold(self.held[number - 1])

    def dies(self, work: Callable[[], object], after: int) -> bool:
        """Work, and die after an effect; false where there are not so many."""
        dead = self.folder.with_name("dead")
        fuse = Fuse(on_crash=lambda: photograph(dead, *self.files))
        fuse.burn(after)
        with suppress(Crash), seam(fuse, *self.files):
            work()
            return False
        self.close()
        bring_back(dead, *self.files)
        return True

    def open(self) -> dict[str, int]:
        """Count what stands open in the journal."""
        return {name: count for name, sql in OPEN.items() if (count := self._ask_journal(sql)[0][0])}

    def bound(self, object_: str) -> set[str]:
        """Give the keys of an object that are bound to ids of the platform."""
        rows = self._ask_journal("select json_extract(key, '$[0]') from bindings where object = ?", object_)
        return {key for (key,) in rows}

    def _ask_journal(self, sql: str, *params: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.state / "journal.sqlite")) as journal:
            return journal.execute(sql, params).fetchall()


def check_sums(counts: Mapping[str, int]) -> None:
    """Check both sums of engine/cli/README.md."""
    outcomes = ("confirmed", "rejected", "waiting", "unknown", "withheld", "failed", "not_due")
    left = sum(counts[name] for name in (*outcomes, "unhandled_changed", "unhandled_removed"))
    assert counts["extracted"] == counts["unchanged"] + counts["added"] + counts["changed"], counts
    assert counts["added"] + counts["changed"] + counts["removed"] == left, counts


@contextmanager
def world(tmp: Path, *objects: str, platform: Platform | None = None) -> Iterator[World]:
    """Make the small project in a folder, of the usual objects or of these, and serve its platform."""
    folder, state, file = tmp / "project", tmp / "state", tmp / "erp.sqlite"
    folder.mkdir()
    for name in ("project", *(objects or USUAL)):
        (folder / f"{name}.yaml").write_text(mapping(name))
    erp.create(file)
    platform = platform or Platform()
    with Wire(platform.answer, most=CONNECTIONS) as wire:
        variables = {"STATE": str(state), "ERP": f"sqlite:///{file}", "ONE": wire.url, "KEY": "key"}
        it = World(folder=folder, state=state, erp=file, platform=platform, variables=variables)
        try:
            yield it
        finally:
            it.close()


@contextmanager
def memory() -> Iterator[Path]:
    """Give a folder in memory, where there is one: for searches, which write much that nobody keeps."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        yield Path(folder)
