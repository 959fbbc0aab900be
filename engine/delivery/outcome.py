"""What a decision comes to for the part that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from engine.connections.http import (
    Again,
    Ask,
    Confirm,
    CreateAgain,
    Decision,
    Elsewhere,
    Exists,
    GiveUp,
    Gone,
    Hold,
    LookUp,
    PerLine,
    Refuse,
    Stop,
    Suspect,
    Terms,
    Wait,
    Withhold,
)
from engine.delivery.done_events import given_up, line_by_line, unfinished, waiting, withheld
from engine.delivery.events import Done, Event, Found, Stepped, Unlearnt, Verdict
from engine.delivery.part import Part
from engine.values import OneSyncError, TargetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a part's turn came to: it goes on, or its family decides on its refusal, or its verdict is told."""

    told: tuple[Event, ...] = ()
    again: tuple[Part, float] | None = None  # how it goes on, and the seconds before it may
    refused: tuple[Part, Refuse] | None = None
    accepted: bool = False  # the target took it
    halted: OneSyncError | None = None  # nothing more of the operation can be sent


def outcome_of(decision: Decision, part: Part, terms: Terms, *, silent: bool = False) -> Outcome:
    """Say what a decision comes to; `silent`: the target does not answer, and is not waited for any longer."""
    match decision:
        case Confirm() | PerLine():
            return _accepted(decision, part, terms)
        case Refuse():
            return _refused(decision, part, terms)
        case Again():
            return _again(decision, part, terms, silent=silent)
        case LookUp():
            return _look_up(decision, part)
        case CreateAgain() | Elsewhere():
            return _looked_up(decision, part, terms)
        case _:
            return _over(decision, part, terms, silent=silent)


def _accepted(decision: Confirm | PerLine, part: Part, terms: Terms) -> Outcome:
    if isinstance(decision, PerLine):
        return Outcome(told=line_by_line(part, decision), accepted=True)
    saved = {**part.attempt.saved, **decision.saved}
    if part.attempt.ask is Ask.SEND and part.attempt.step + 1 < terms.steps:
        following = part.next_step(saved)
        return Outcome(told=(Stepped(part=following),), again=(following, 0.0), accepted=True)
    return Outcome(told=(Done(part=part, verdict=Verdict.CONFIRMED, saved=saved),), accepted=True)


def _refused(decision: Refuse, part: Part, terms: Terms) -> Outcome:
    """Do what an earlier run did once more where its next step is refused, creates aside; else it is a refusal."""
    restart = terms.restart(part.attempt.step)
    if decision.stale and restart < part.attempt.step and not part.past.renewed:
        return Outcome(again=(part.renew(restart), 0.0))
    if part.past.resumed and restart < part.attempt.step and not decision.fault:
        return Outcome(again=(part.from_step(restart), 0.0))
    return Outcome(refused=(part.ended(unknown=decision.unknown), decision))


def _again(decision: Again, part: Part, terms: Terms, *, silent: bool) -> Outcome:
    if not silent:
        return Outcome(again=(part.after(decision), decision.delay_seconds))
    done = unfinished(part.ended(unknown=decision.unknown), terms, decision.reason)
    return Outcome(told=(done,), halted=_silent(decision.reason))


def _look_up(decision: LookUp, part: Part) -> Outcome:
    if decision.missing:
        return Outcome(again=(part.looks_up(missing=decision.missing), decision.delay_seconds))
    conflict = decision.conflict
    if conflict and not conflict.unknown:
        return Outcome(again=(part.looks_up(conflict=conflict), decision.delay_seconds))
    part = part.ended(unknown=True)
    told = Unlearnt(part=part, reason=decision.reason)
    return Outcome(told=(told,), again=(part.looks_up(conflict=conflict), decision.delay_seconds))


def _looked_up(decision: CreateAgain | Elsewhere, part: Part, terms: Terms) -> Outcome:
    if isinstance(decision, CreateAgain):
        return Outcome(again=(part.creates_again(), 0.0))
    found = part.updates_found(terms.restart(part.attempt.step), decision.saved)
    return Outcome(told=(Found(part=found),), again=(found, 0.0))


_Final: TypeAlias = Hold | Gone | Exists | Wait | Withhold | GiveUp | Suspect | Stop


def _over(decision: _Final, part: Part, terms: Terms, *, silent: bool) -> Outcome:
    halted: OneSyncError | None = None
    match decision:
        case Hold():
            done = Done(part=part, verdict=Verdict.UNKNOWN, reason=decision.reason)
        case Gone():
            done = Done(part=part, verdict=Verdict.GONE, proven=decision.proven, reason=decision.reason)
        case Exists():
            done = Done(part=part, verdict=Verdict.EXISTS, saved=decision.saved)
        case Wait():
            done = waiting(part, terms, decision)
        case Withhold():
            done = withheld(part, terms, decision)
        case GiveUp():
            done = given_up(part, terms, decision)
            halted = _silent(decision.reason) if silent or decision.unreachable else None
        case Suspect():  # of which nobody knew more
            done = unfinished(part, terms, decision.error.message)
            halted = decision.error
        case Stop():
            done = unfinished(part.ended(unknown=decision.unknown), terms, decision.error.message)
            halted = decision.error
    return Outcome(told=(done,), halted=halted)


def _silent(reason: str) -> TargetError:
    return TargetError(f"{reason}; it cannot be used now, and the next run tries again", code="E_TARGET")
