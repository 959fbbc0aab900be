"""What a run would send now: counts, number of requests, and some differences field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.connections.http import Ask
from engine.inspect.dry_run import Made, Rehearsal, rehearsed
from engine.mapping import MappingSpec
from engine.mapping.load import blocked_reason
from engine.run import App, asked_first, blind_creates
from engine.state import changes, first_load, ledger
from engine.values import (
    Change,
    Counts,
    Differences,
    Exit,
    Failure,
    Key,
    Numbered,
    OneSyncError,
    Range,
    Refusal,
    additions,
    canonical,
    differences,
)

SAMPLES = 5  # of each kind of change, where no other number is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One change, as a person wants to see it."""

    key: Key
    change: Change
    fields: Differences = field(default_factory=dict)
    reason: str | None = None  # why it goes although no field shows it

    def as_json(self) -> dict[str, Any]:
        """Give the sample's entry in the document of `plan --json`."""
        return {"key": list(self.key), "change": str(self.change), "fields": self.fields, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPlan:
    """What a run of one object would do now, if the target accepts all that it is sent."""

    object: str
    counts: Counts  # `confirmed`: what would be sent
    has_changes: bool  # a run would send something
    title: str | None = None
    samples: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()
    failure: Failure | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the object's entry in the document of `plan --json`."""
        return {
            "object": self.object,
            "title": self.title,
            **asdict(self.counts),
            "samples": [sample.as_json() for sample in self.samples],
            "notes": list(self.notes),
            "error": self.failure.message if self.failure else None,
        }


def plan(app: App, mapping: MappingSpec, *, samples: int = SAMPLES) -> ObjectPlan:
    """Plan one object; what would make its run fail is in the plan. `samples`: at most so many of each change."""
    counts, notes, shown = Counts(), [], _Samples(samples)
    has_changes, failure = False, None
    try:
        with rehearsed(app, mapping) as rehearsal:
            for read, found in rehearsal.reads():
                counts.add(found.counts)
                counts.requests += read.requests
                notes += [held.reason for held in found.withheld]
                notes += _first_creates(rehearsal)
                for made in rehearsal.made():
                    has_changes |= _count(made, counts)
                shown.take(rehearsal)
    except OneSyncError as error:
        failure = Failure(code=error.code, message=error.message, exit=int(error.exit))
    if counts.waiting:
        notes.append(_waiting(mapping, counts.waiting))
    return ObjectPlan(
        object=mapping.object,
        title=mapping.title,
        counts=counts,
        has_changes=has_changes,
        samples=shown.list(),
        notes=tuple(notes),
        failure=failure,
    )


def blocked_plans(app: App) -> list[ObjectPlan]:
    """Give the plans of the objects that faults of files keep from running."""
    return [
        ObjectPlan(
            object=name,
            counts=Counts(),
            has_changes=False,
            failure=Failure(code="E_BLOCKED", message=blocked_reason(problems), exit=int(Exit.CONFIG)),
        )
        for name, problems in app.loaded.held_up.items()
    ]


def exit_of(plans: Sequence[ObjectPlan], *, detailed: bool) -> Exit | int:
    """Give the exit code of some plans; `detailed`: 0 nothing to send, 1 an error, 2 something to send."""
    failed = {plan.failure.exit for plan in plans if plan.failure}
    if detailed:
        return 1 if failed else 2 if any(plan.has_changes for plan in plans) else 0
    return next((code for code in (Exit.CONFIG, Exit.UNAVAILABLE, Exit.BUSY, Exit.FAILED) if code in failed), Exit.DONE)


def _count(made: Made, counts: Counts) -> bool:
    """Add one request, and tell whether it would leave; what its templates refuse is rejected and never leaves."""
    size = made.part.range.size
    if made.part.attempt.ask is Ask.LOOK_UP and made.part.attempt.first:
        counts.requests += 1
        return True
    if made.part.attempt.ask is Ask.LOOK_UP:
        counts.requests += 1
        counts.unknown += size
        return True
    if isinstance(made.request, Refusal):
        counts.rejected += size
        return False
    counts.rejected += made.refused
    counts.confirmed += size - made.refused
    counts.requests += made.steps
    return size > made.refused


def _first_creates(rehearsal: Rehearsal) -> list[str]:
    """Say what a first load does about records that the target may hold already."""
    program, staging = rehearsal.program, rehearsal.staging
    if not program.creates:
        return []
    load = first_load(staging, rehearsal.journal, program.object)
    notes = list(blind_creates(program, load, staging))
    asked = asked_first(program, load, staging)
    if asked:
        records = "1 new record is" if asked == 1 else f"{asked} new records are"
        notes.append(f"{records} looked up before anything is created; those that are there are adopted")
    return notes


def _waiting(mapping: MappingSpec, count: int) -> str:
    names = ", ".join(sorted({ref.object for ref in mapping.refs.values()}))
    what = f"{count} records wait" if count > 1 else "1 record waits"
    return f"{what} for {names}: they go by themselves once what they name is confirmed"


# --- samples -------------------------------------------------------------------------------------------------


class _Samples:
    """Collects the first changes of each kind over the reads of one object."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: dict[Change, list[Sample]] = {change: [] for change in (Change.CHANGED, *Change)}

    def take(self, rehearsal: Rehearsal) -> None:
        """Take some of the changes that were just found."""
        for seq in changes.first_of_each_kind(rehearsal.staging, self._most):
            numbered = changes.read(rehearsal.staging, Range(seq, seq))[0]
            if len(self._found[numbered.change]) < self._most:
                self._found[numbered.change].append(sample(rehearsal, numbered))

    def list(self) -> tuple[Sample, ...]:
        """Give them, changed ones first."""
        return tuple(each for found in self._found.values() for each in found)


def sample(rehearsal: Rehearsal, change: Numbered) -> Sample:
    """Show one change: what the target confirmed, rendered with today's mapping, beside what would be sent."""
    if change.change is Change.REMOVED or change.line is None:
        return Sample(key=change.key, change=change.change)
    new = rehearsal.program.lines.shown(change.line)
    if change.change is Change.ADDED:
        return Sample(key=change.key, change=change.change, fields=additions(new))
    held = ledger.confirmed(rehearsal.staging, change.key)
    if held is None or held.confirmed_at is None:
        reason = "it exists at the target, but what it holds there is not known"
        return Sample(key=change.key, change=change.change, fields=additions(new), reason=reason)
    old = old_line(rehearsal, held.row)
    if isinstance(old, Refusal):
        reason = f"what was confirmed cannot be rendered with today's mapping: {old.reason}"
        return Sample(key=change.key, change=change.change, fields=additions(new), reason=reason)
    fields = differences(rehearsal.program.lines.shown(old), new)
    return Sample(key=change.key, change=change.change, fields=fields, reason=_why(fields, uncertain=held.uncertain))


def _why(fields: Differences, *, uncertain: bool) -> str | None:
    if uncertain:
        return "the outcome of an earlier attempt was not learnt, or it was asked for by `resend`"
    return None if fields else "the mapping, a reference, or a column outside `fields` has changed since"


def old_line(rehearsal: Rehearsal, row: Mapping[str, Any]) -> bytes | Refusal:
    """Render a row of the ledger with today's mapping and today's references."""
    program = rehearsal.program
    names = program.lines.columns(rehearsal.staging.columns)
    refs = []
    for ref in program.refs:
        key = tuple(canonical(row.get(name)) for name in ref.columns)
        refs.append(rehearsal.journal.bindings.get(ref.object, key))
    values = (*(row.get(name) for name in names), *refs)
    return next(iter(program.lines.render([values], (*names, *(ref.name for ref in program.refs)))))
