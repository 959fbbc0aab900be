"""One object through random histories: faulty runs and deaths, then calm ones, with real files and no wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Protocol

import pyarrow as pa

from engine.delivery.targets import Target
from engine.mapping.program.program import Program
from engine.run.app import App
from engine.run.one_run import run_object
from engine.run.surroundings import Surroundings
from engine.state.journal.journal import Journal
from engine.state.protocols import RunJournal
from engine.state.staging import Staging
from engine.values.arrow import Batch, column
from engine.values.order import Order
from engine.values.read import Read
from engine.values.results import ObjectResult
from world.deaths import Crash, Fuse, bring_back, photograph, seam
from world.project import check_sums, mapping


class Fallible(Protocol):
    """What answers requests; `random` decides what becomes of one, None: all goes well."""

    random: Random | None


@dataclass(frozen=True)
class _Given:
    """A source that gives one read."""

    read: Read
    http: str | None = None

    def reads(self, staging: Staging, journal: RunJournal, *, whole: bool = False) -> Iterator[Read]:
        return iter([self.read])

    def notes(self) -> tuple[str, ...]:
        return ()

    def opening(self, journal: RunJournal) -> None:
        return None

    def columns(self) -> None:
        return None


@dataclass(kw_only=True)
class Story:
    """An object, its files and its ends."""

    program: Program
    around: Surroundings
    fuse: Fuse
    read: Callable[[], Batch]  # the source as it is now
    target: Target
    fallible: Fallible
    longest: int  # effects that a run lives through, at most, before it dies
    runs: int = 0

    def run(self) -> ObjectResult:
        """Run to the end, or die on the way."""
        self.runs += 1
        read = Read(batches=[self.read()], full=True)
        order = Order(run_id=f"r{self.runs}", due=self.program.all_operations)
        result = run_object(self.program, _Given(read), self.target, self.around, order)
        check_sums(asdict(result.counts))
        return result

    def faulty(self, random: Random) -> None:
        """Run while everything may go wrong."""
        self.fallible.random = random
        self.fuse.burn(random.randrange(1, self.longest) if random.random() < 0.4 else None)
        with suppress(Crash):
            self.run()
            return
        self.fuse.burn(None)
        bring_back(self.around.state.parent / "dead", self.around.state)

    def calm(self) -> ObjectResult:
        """Run while all goes well."""
        self.fallible.random = None
        self.fuse.burn(None)
        return self.run()

    def forgive(self) -> None:
        """Let all that stands rejected be tried again."""
        self.fuse.burn(None)
        object_ = self.program.object
        with Journal.open(self.around.state, self.around.clock) as journal:
            journal.rejections.retry(object_, [each.key for each in journal.rejections.of(object_)])


@contextmanager
def begun(folder: Path, object_: str, text: str) -> Iterator[tuple[Program, Surroundings, Fuse]]:
    """Make a project of one object whose files die with the fuse."""
    (folder / "project.yaml").write_text(mapping("project"))
    (folder / f"{object_}.yaml").write_text(text)
    app = App(folder, {"STATE": str(folder / "state"), "ERP": "sqlite://", "ONE": "http://127.0.0.1", "KEY": "key"})
    fuse = Fuse(on_crash=lambda: photograph(folder / "dead", folder / "state"))
    with seam(fuse, folder / "state"):
        yield app.program(app.loaded.mappings[object_]), app.surroundings(), fuse


def batch(columns: Mapping[str, list[str | int]]) -> Batch:
    """Make a batch of columns."""
    parts = [column(values) for values in columns.values()]
    data = pa.RecordBatch.from_arrays([part.data for part in parts], names=list(columns))
    return Batch(columns=tuple(columns), data=data, kinds=tuple(part.kind for part in parts))
