"""A run without its last steps: reads the source, compares and makes the requests, all on a copy of the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from engine import changes
from engine.app import App, utc_now
from engine.decide import Ask, Part
from engine.journal import Journal, Standing
from engine.ledger import Outcomes, settle
from engine.mapping import MappingSpec, SqlSource
from engine.pipeline import Reads, parts_of
from engine.prepare import Order, Prepared, copied, prepare
from engine.program import Program
from engine.reading import Read, read_sql
from engine.records import Range
from engine.sql import SqlEnd
from engine.staging import Staging
from engine.targets import Target, Window

_NEVER_READ = Standing(generation=0, open_run=None, cursor=None, full_at=None, once_done=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One request that a run would begin with."""

    operation: int
    part: Part
    request: Any  # as the target's `build` gives it: an Outgoing, rows to write, or a Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One object on a copy of its state; nothing here can send or write anything that lasts."""

    program: Program
    staging: Staging
    journal: Journal
    target: Target
    stop: Any  # threading.Event
    _reads: Reads

    def reads(self) -> Iterator[tuple[Read, Prepared]]:
        """Prepare read after read, as a run does; what one brings counts as confirmed when the next is compared.

        Raises SourceError or RunError, as a run would fail.
        """
        order = Order(run_id="rehearsal", due=self.program.all_operations)
        for number, read in enumerate(self._reads(self.journal)):
            if number:
                everything = [Range(1, int(self.staging.value("select coalesce(max(seq), 1) from changes")))]
                settle(self.staging, Outcomes(marked=everything, confirmed=everything), self.journal.now())
            yield read, prepare(self.program, self.staging, self.journal, read, order)

    def made(self) -> Iterator[Made]:
        """Make the requests of the changes that were just prepared, in the order of delivery."""
        for operation in sorted(set(self.program.takes.values())):
            end = self.target.end(operation, Window(self.staging), self.stop)
            claimed = changes.claimed(self.staging, operation)
            for part in parts_of(self.program, self.staging, self.target, operation):
                asked = replace(part, ask=Ask.LOOK_UP) if part.range.first in claimed else part
                yield Made(operation=operation, part=asked, request=end.build(asked))


@contextmanager
def rehearsed(app: App, mapping: MappingSpec, *, whole: bool = False) -> Iterator[Rehearsal]:
    """Open a rehearsal of one object; with `whole` a query is read from its beginning, whatever the cursor says.

    Raises BusyError when a run holds the object's file for too long, StateError when a run would refuse its state.
    """
    program = app.program(mapping)
    opened: list[SqlEnd] = []
    try:
        reads = _whole_reads(app, mapping, opened) if whole else None
        reads = reads or app.reads(mapping, program, opened)
        target = app.target(mapping, program, opened)
        with copied(mapping.object, app.setting()) as (staging, journal):
            yield Rehearsal(
                program=program, staging=staging, journal=journal, target=target, stop=app.stop, _reads=reads
            )
    finally:
        for end in opened:
            end.close()


def _whole_reads(app: App, mapping: MappingSpec, opened: list[SqlEnd]) -> Callable[[Journal], Iterator[Read]] | None:
    source = mapping.source
    if not isinstance(source, SqlSource):
        return None
    opened.append(app.sql(source.connection))
    end = opened[-1]
    return lambda _: read_sql(source, end, _NEVER_READ, utc_now())
