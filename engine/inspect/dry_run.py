"""A run without its last steps: reads the source, compares and makes the requests, all on a copy of the state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engine.delivery import Part, Target, Window, parts_of
from engine.difference import FoundChanges, find_changes
from engine.inspect.copy import copied
from engine.mapping import MappingSpec
from engine.mapping.program import Program
from engine.run import App
from engine.source import Source
from engine.state import Ledger, Outcomes, Staging, first_load
from engine.state.journal import Journal
from engine.values import Order, Outgoing, Range, Read, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One request that a run would begin with."""

    operation: int
    part: Part
    request: Outgoing | list[Any] | Refusal  # as the target's `build` gives it: also writes, one a record
    steps: int  # of each record

    @property
    def refused(self) -> int:
        """Count its records that cannot be made."""
        if isinstance(self.request, list):
            return sum(isinstance(each, Refusal) for each in self.request)
        return self.part.range.size if isinstance(self.request, Refusal) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One object on a copy of its state; nothing here can send or write anything that lasts."""

    program: Program
    source: Source
    target: Target
    staging: Staging
    journal: Journal
    stop: threading.Event
    whole: bool  # a query is read from its beginning

    def reads(self) -> Iterator[tuple[Read, FoundChanges]]:
        """Find the changes of each read, as a run does; what one brings counts as confirmed when the next is compared.

        Raises SourceError or RunError, as a run would fail.
        """
        order = Order(run_id="rehearsal", due=self.program.all_operations)
        for number, read in enumerate(self.source.reads(self.staging, self.journal, whole=self.whole)):
            if number:
                ledger = Ledger(self.staging)
                everything = [Range(1, max(1, ledger.unsettled))]
                ledger.settle(Outcomes(marked=everything, confirmed=everything), self.journal.now())
            yield read, find_changes(self.program, self.staging, self.journal, read, order, stop=self.stop)

    def made(self) -> Iterator[Made]:
        """Make the requests of the changes that were just found, in the order of delivery.

        A create that asks first whether the target has the record comes with its look-up, as where it has none.
        """
        load = first_load(self.staging, self.journal, self.program.object) if self.program.creates else None
        for operation in sorted(set(self.program.takes.values())):
            end = self.target.end(operation, Window(self.staging), self.stop)
            steps = self.target.terms(operation).steps
            parts = parts_of(self.program, self.staging, self.journal, self.target, operation, load=load)
            for part, _ in parts:
                for asked in (part, part.creates_again()) if part.attempt.first else (part,):
                    if asked.attempt.step < steps:
                        yield Made(operation=operation, part=asked, request=end.build(asked), steps=steps)


@contextmanager
def rehearsed(app: App, mapping: MappingSpec, *, whole: bool = False) -> Iterator[Rehearsal]:
    """Open a rehearsal of one object; with `whole` a query is read from its beginning, whatever the cursor says.

    Raises BusyError when a run holds the object's file for too long, StateError when a run would refuse its state.
    """
    program = app.program(mapping)
    with (
        app.source(program) as source,
        app.target(program) as target,
        copied(mapping.object, app.surroundings(mapping)) as (staging, journal),
    ):
        yield Rehearsal(
            program=program,
            source=source,
            target=target,
            staging=staging,
            journal=journal,
            stop=app.stop,
            whole=whole,
        )
