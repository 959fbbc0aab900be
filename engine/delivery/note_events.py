"""Decides what is noted of an event, in which order; the order is that of ledger.md 1 and 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from engine.delivery.events import Done, Found, Split, Stepped, Unlearnt, Verdict
from engine.delivery.notes import (
    KEPT,
    LEFT,
    AddClaims,
    Bind,
    Count,
    DropClaims,
    DropProgress,
    EndClaims,
    FollowUp,
    Mark,
    Note,
    PutProgress,
    Receipt,
    Reject,
    StandAs,
    Unbind,
)
from engine.delivery.part import Part
from engine.mapping.program import Program
from engine.values import Change, Range, coalesce, subtract

MARK_LINES = 50_000  # marked at once, so that recording costs little

Notes: TypeAlias = tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an operation's notes depend on, beside the events."""

    operation: int
    ranges: tuple[Range, ...]  # all its changes
    due: frozenset[int]  # the operations of this run
    takes: Mapping[Change, int]  # which operation takes a change
    creating: tuple[bool, ...] = ()  # per step: a repetition could create a second record; (): it has no steps
    adds_by_create: bool = False  # added records go by such a step
    binds: bool = False  # confirmed records leave bindings
    stepwise: bool = False  # some operation of the object has several steps

    @property
    def creates(self) -> bool:
        """Tell whether some step creates."""
        return any(self.creating)

    def creates_at(self, step: int) -> bool:
        """Tell whether a step creates."""
        return bool(self.creating) and self.creating[step]


def facts_of(program: Program, operation: int, ranges: Sequence[Range], due: frozenset[int]) -> Facts:
    """Gather the facts of an operation; `ranges`: all its changes."""
    requests = program.operations[operation].spec.requests if program.operations else ()
    return Facts(
        operation=operation,
        ranges=tuple(coalesce(ranges)),
        due=due,
        takes=program.takes,
        creating=tuple(not each.idempotent for each in requests),
        adds_by_create=program.creates,
        binds=program.binds,
        stepwise=any(len(each.spec.requests) > 1 for each in program.operations),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What of an operation was marked, and of what a request was about to leave."""

    marked: tuple[Range, ...] = ()
    left: tuple[Range, ...] = ()

    def touches(self, range_: Range) -> bool:
        """Tell whether something of a range was about to leave."""
        return subtract([range_], self.left) != [range_]


def leaves(part: Part, facts: Facts, sent: Sent) -> tuple[Sent, Notes]:
    """Note a request that is about to leave, before it does."""
    marks: list[Range] = []
    if not any(each.first <= part.range.first and part.range.last <= each.last for each in sent.marked):
        ahead = _ahead(part.range, facts)
        marks = subtract([ahead], sent.marked)
        sent = replace(sent, marked=tuple(coalesce([*sent.marked, ahead])))
    sent = replace(sent, left=_extended(sent.left, part.range))
    notes: list[Note] = [Mark(range=each) for each in marks]
    if part.past.starts_over:
        notes.append(_begun_anew(part))
    if facts.creates_at(part.attempt.step):
        notes.append(AddClaims(range=part.range, operation=facts.operation))
    return sent, tuple(notes)


def _ahead(part: Range, facts: Facts) -> Range:
    """Choose what to mark: never a change of another operation, whose marks and receipts are its own.

    A create costs a write each, its claim, so nothing is gained by marking ahead.
    """
    if facts.creates:
        return part
    last = next(each.last for each in facts.ranges if each.first <= part.first <= each.last)
    return Range(part.first, max(part.last, min(part.first + MARK_LINES - 1, last)))


def _extended(ranges: tuple[Range, ...], new: Range) -> tuple[Range, ...]:
    """Add a range; cheap where it continues the last one."""
    if ranges and ranges[-1].last + 1 == new.first:
        return (*ranges[:-1], Range(ranges[-1].first, new.last))
    return tuple(coalesce([*ranges, new]))


def _begun_anew(part: Part) -> Note:
    """Take back what is noted of steps that will be done again: an older payload may come back after a kill."""
    if not part.attempt.step:
        return DropProgress(range=part.range)
    return _come_to(part, part.past.made_as, part.attempt.step)


def _come_to(part: Part, payload: str | None, step: int) -> Note:
    return PutProgress(range=part.range, payload=payload, step=step, saved=part.attempt.saved)


def noted(event: Unlearnt | Stepped | Found | Done | Split, facts: Facts, sent: Sent) -> Notes:
    """Give what is noted of an event that followed an answer, or stands for one that will not come."""
    match event:
        case Unlearnt():
            return (EndClaims(range=event.part.range, reason=event.reason),)
        case Stepped():
            return _stepped(event.part, facts)
        case Found():
            return (Bind(range=event.part.range, saved=event.part.attempt.saved),)
        case Split():
            return (Count(what="splits", by=1),)
        case Done():
            clean = (Receipt(range=event.part.range, outcome="clean"),) if event.clean else ()
            return (*clean, *_verdict(event, facts, sent))


def _stepped(part: Part, facts: Facts) -> Notes:
    """Note how far a record has come; where it was made with another payload, only a further create counts.

    What it holds then is of both payloads, so that neither stands.
    """
    created, same = facts.creates_at(part.attempt.step - 1), part.past.made_as is None
    progress = (_come_to(part, None if same else "", part.attempt.step),) if same or created else ()
    return (*progress, *((DropClaims(range=part.range),) if created else ()))


def _verdict(done: Done, facts: Facts, sent: Sent) -> Notes:
    range_ = done.part.range
    settled = (DropClaims(range=range_),) if facts.creates else ()
    notes: Notes
    match done.verdict:
        case Verdict.CONFIRMED:
            notes = _confirmed(done, facts)
        case Verdict.EXISTS:
            notes = _exists(done, facts)
        case Verdict.GONE:
            notes = _gone(done, facts)
        case Verdict.REJECTED:
            notes = _rejected(done, settled)
        case Verdict.FAILED:
            known = settled if done.clean and sent.touches(range_) else ()
            notes = (Count(what="failed", by=range_.size, why=done.reason), *known)
        case Verdict.UNKNOWN:
            first = (AddClaims(range=range_, operation=facts.operation, payload=""),) if done.part.attempt.first else ()
            notes = (Count(what="unknown", by=range_.size), *first, EndClaims(range=range_, reason=done.reason))
        case Verdict.WITHHELD:
            notes = (Count(what="withheld", by=range_.size, why=done.reason, request=done.request),)
        case Verdict.WAITING:
            notes = (Count(what="waiting", by=range_.size), *settled)
    return notes


def _confirmed(done: Done, facts: Facts) -> Notes:
    range_ = done.part.range
    if done.part.past.made_as is not None:  # made with one payload and finished with another: it holds neither
        return _followed(done, facts, "")
    notes: list[Note] = [Receipt(range=range_, outcome="confirmed"), Count(what="confirmed", by=range_.size)]
    if facts.binds or facts.stepwise:
        notes += [Bind(range=range_, saved=done.saved, changes=KEPT), Unbind(range=range_, changes=LEFT)]
        notes += [DropClaims(range=range_)] if facts.creates else []
        notes += [DropProgress(range=range_)] if facts.stepwise else []
    return tuple(notes)


def _exists(done: Done, facts: Facts) -> Notes:
    """A look-up found the record: what it holds is not known; steps that are left are for the next run."""
    part, settled = done.part, DropClaims(range=done.part.range)
    past = part.past
    payload = past.claimed_as if facts.creates and past.claimed_as is not None else past.made_as
    following = part.attempt.step + 1
    if part.attempt.gone or following >= len(facts.creating):
        return (settled, *_followed(done, facts, payload))
    progress = PutProgress(
        range=part.range,
        payload="" if Change.CHANGED in facts.takes else payload,
        step=following,
        saved={**part.attempt.saved, **done.saved},
    )
    return (settled, progress, Count(what="waiting", by=1))


def _followed(done: Done, facts: Facts, payload: str | None) -> Notes:
    """Bind a record that may hold another payload: the operation for changed (or removed) ones takes it next.

    Without such an operation it stands for the `payload` that was sent; None: the one it has now; "": nobody knows.
    """
    range_, gone = done.part.range, done.part.attempt.gone
    bound = (Bind(range=range_, saved=done.saved), DropProgress(range=range_))
    change = Change.REMOVED if gone else Change.CHANGED
    following = facts.takes.get(change)
    if following is None and gone:
        return (*bound, Count(what="unhandled_removed", by=1))
    if following is None:
        confirmed = (Receipt(range=range_, outcome="confirmed"), Count(what="confirmed", by=1))
        return (*bound, StandAs(range=range_, payload=payload), *confirmed)
    if following not in facts.due or following <= facts.operation:
        return (*bound, Count(what="not_due", by=1))
    return (*bound, FollowUp(range=range_, change=change, operation=following))


def _gone(done: Done, facts: Facts) -> Notes:
    """The record has to be created again; a create that could double it asks by its look-up or a person first.

    What a look-up proved to be gone is created in this run.
    """
    range_ = done.part.range
    lost = (Receipt(range=range_, outcome="gone"), Unbind(range=range_), DropProgress(range=range_))
    if done.proven and facts.takes[Change.ADDED] in facts.due:
        return (*lost, FollowUp(range=range_, change=Change.ADDED, operation=facts.takes[Change.ADDED]))
    if done.proven:
        return (*lost, Count(what="not_due", by=1))
    if not facts.adds_by_create:
        return (*lost, Count(what="waiting", by=1))
    claimed = AddClaims(range=range_, operation=facts.takes[Change.ADDED])
    return (*lost, claimed, EndClaims(range=range_, reason=done.reason), Count(what="unknown", by=1))


def _rejected(done: Done, settled: Notes) -> Notes:
    range_, refusal = done.part.range, done.refusal
    assert refusal is not None  # noqa: S101  a rejection has its reason
    return (Reject(range=range_, refusal=refusal), *settled, Count(what="rejected", by=range_.size))
