"""Decides what an answer of the target means: confirm, refuse, try again, look up, hold or stop (answers.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from engine.connections.http.backoff import backoff
from engine.connections.http.part import Again, Ask, Found, Part, Reading, Terms
from engine.connections.http.status import PAUSING, REFUSING, asked_to_wait, is_not_now, is_unlearnt
from engine.connections.settings import OnStatus
from engine.values.errors import ConfigError, OneSyncError, TargetError
from engine.values.exchanges import Answer, Answered, Lost, NotSent, Written

SHOWN = 200  # characters of an answer that are kept


# --- what travels --------------------------------------------------------------------------------------------


# --- decisions -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The target confirmed the part."""

    saved: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerLine:
    """The answer speaks of each line."""

    lines: tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The target refused the part for its data: to be split, or rejected where it is one line."""

    reason: str
    status: int | None
    unknown: bool = False  # something may have been done all the same
    fault: bool = False  # 500: a line alone is failed, not rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Ask the target whether the record exists."""

    delay_seconds: float
    reason: str
    conflict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The outcome of a create stays unknown."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists:
    """The look-up found the record."""

    saved: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The target does not have the record any more: a removal had its effect after all."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAgain:
    """The look-up proved that nothing was created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The record waits for the next run, by the mapping's word."""

    reason: str
    unknown: bool = False  # something may have been done all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """No more attempts in this run."""

    reason: str
    unknown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Nothing more can be sent."""

    error: OneSyncError
    unknown: bool = False  # something may have been done all the same


Decision: TypeAlias = (
    Confirm | PerLine | Refuse | Again | LookUp | Hold | Exists | Gone | CreateAgain | Wait | GiveUp | Stop
)


def decide(answer: Answer, reading: Reading, part: Part, terms: Terms, chance: float = 0.5) -> Decision:
    """Decide what an answer means (answers.md, ledger.md 2, 3, 6). `chance` in [0, 1) is the jitter."""
    if isinstance(answer, Written):
        return PerLine(lines=tuple("" if refusal is None else refusal for refusal in answer.refusals))
    if stop := _stop(answer):
        return stop
    if part.ask is Ask.LOOK_UP:
        return _decide_look_up(answer, reading, part, terms, chance)
    if isinstance(answer, Answered) and (said := terms.on_status.get(answer.status)):
        return _decide_said(said, answer, part, terms, chance)
    if isinstance(answer, Answered):
        return _decide_status(answer, reading, part, terms, chance)
    return _decide_silence(answer, part, terms, chance)


def _stop(answer: Answer) -> Stop | None:
    if isinstance(answer, NotSent) and answer.shut:
        return Stop(error=TargetError(answer.reason, code=answer.shut, wait_seconds=answer.wait_seconds))
    if not isinstance(answer, Answered):
        return None
    if answer.status in REFUSING:
        message = f"the target refused our credentials ({_shown(answer)}): {PAUSING['E_CREDENTIALS']}"
        return Stop(error=TargetError(message, code="E_CREDENTIALS"))
    if 300 <= answer.status < 400:
        message = f"the target answered with a redirect ({answer.status}), which is never followed; correct base_url"
        return Stop(error=ConfigError(message, code="E_REDIRECT"))
    return None


def located(decision: Decision, answer: Answer, asked: str) -> Decision:
    """Say what was `asked` of whom where a decision may end a part or a run; what a shut connection tells says it."""
    if isinstance(answer, NotSent) and answer.shut:
        return decision
    if isinstance(decision, Stop):
        return replace(decision, error=decision.error.at(asked))
    if isinstance(decision, Again | GiveUp):
        return replace(decision, reason=f"{asked}: {decision.reason}")
    return decision


def _decide_status(answer: Answered, reading: Reading, part: Part, terms: Terms, chance: float) -> Decision:
    status = answer.status
    if 200 <= status < 300:
        return _decide_success(answer, reading, part, terms, chance)
    if status in (404, 410):
        return _decide_missing(answer, part, terms)
    if status == 409 and terms.creates_at(part.step) and terms.look_up_after_seconds is not None:
        return LookUp(delay_seconds=0.0, reason=_shown(answer), conflict=_shown(answer))
    if status in (425, 429):
        return _again(answer, part, terms, chance, unknown=False, reason=_shown(answer))
    if is_unlearnt(status):
        return _unlearnt(answer, part, terms, chance, _shown(answer))
    return Refuse(reason=_shown(answer), status=status)


def _decide_missing(answer: Answered, part: Part, terms: Terms) -> Decision:
    if terms.deletes[part.step]:
        return Confirm()
    if part.maybe_gone:
        return Gone(reason=f"{_shown(answer)}, and its removal had been sent before")
    return Refuse(reason=_shown(answer), status=answer.status)


def _decide_success(answer: Answered, reading: Reading, part: Part, terms: Terms, chance: float) -> Decision:
    if reading.fault:
        return _unlearnt(answer, part, terms, chance, f"status {answer.status}, but {reading.fault}")
    if reading.lines is not None:
        return PerLine(lines=reading.lines)
    if not reading.ok:
        return Refuse(reason=f"not ok: {_shown(answer)}", status=answer.status, unknown=True)
    return Confirm(saved=reading.saved)


def _decide_silence(answer: NotSent | Lost, part: Part, terms: Terms, chance: float) -> Decision:
    if isinstance(answer, NotSent):
        return _again(answer, part, terms, chance, unknown=False, reason=answer.reason)
    return _unlearnt(answer, part, terms, chance, answer.reason)


def _decide_said(said: OnStatus, answer: Answered, part: Part, terms: Terms, chance: float) -> Decision:
    """Obey the mapping's `on_status`; what an answer leaves open it leaves open whatever the mapping says."""
    shown, unknown = _shown(answer), is_unlearnt(answer.status)
    match said:
        case "confirm":
            return Confirm()
        case "reject" | "split":
            return Refuse(reason=shown, status=answer.status, unknown=unknown)
        case "wait" if not (unknown and terms.creates_at(part.step)):
            return Wait(reason=shown, unknown=unknown)
        case "retry" | "wait":
            return _unlearnt(answer, part, terms, chance, shown)
        case "stop":
            error = TargetError(f"the mapping says to stop at this answer ({shown})", code="E_TARGET")
            return Stop(error=error, unknown=unknown)


def _decide_look_up(answer: Answer, reading: Reading, part: Part, terms: Terms, chance: float) -> Decision:
    if not isinstance(answer, Answered) or is_not_now(answer.status):
        reason = _shown(answer) if isinstance(answer, Answered) else getattr(answer, "reason", "")
        decision = _again(answer, part, terms, chance, unknown=True, reason=reason)
        return Hold(reason=f"the look-up failed: {reason}") if isinstance(decision, GiveUp) else decision
    if reading.found is Found.FOUND:
        return Exists(saved=reading.saved)
    if reading.found is Found.ABSENT and part.conflict:
        return Refuse(reason=f"{part.conflict}, and the look-up finds no such record", status=409)
    if reading.found is Found.ABSENT:
        return Confirm() if part.gone else CreateAgain()
    return Hold(reason=f"the look-up is unclear: {reading.fault or _shown(answer)}")


def _unlearnt(answer: Answer, part: Part, terms: Terms, chance: float, reason: str) -> Decision:
    """The request may have had its effect: repeat what can be repeated, never a create."""
    if not terms.creates_at(part.step):
        return _again(answer, part, terms, chance, unknown=True, reason=reason)
    if terms.look_up_after_seconds is None or part.repeated:
        return Hold(reason=reason)
    return LookUp(delay_seconds=terms.look_up_after_seconds, reason=reason)


def _again(answer: Answer, part: Part, terms: Terms, chance: float, *, unknown: bool, reason: str) -> Decision:
    """Try again while attempts are left; a wait that the target asks for uses up none (one of 0 s is no wait)."""
    if asked := asked_to_wait(answer):
        if part.waited_seconds + asked > terms.retry.max_wait_seconds:
            message = (
                f"the target asks to wait {asked:g} s, and {part.waited_seconds:g} s were waited already "
                f"(retry.max_wait_seconds is {terms.retry.max_wait_seconds:g}): {reason}; {PAUSING['E_ASKED_TO_WAIT']}"
            )
            return Stop(error=TargetError(message, code="E_ASKED_TO_WAIT", wait_seconds=asked), unknown=unknown)
        return Again(delay_seconds=asked, counts=False, unknown=unknown, reason=reason)
    attempt = part.attempts + 1
    if attempt < terms.retry.attempts:
        delay = backoff(attempt, terms.retry, chance)
        return Again(delay_seconds=delay, counts=True, unknown=unknown, reason=reason)
    several = isinstance(answer, Answered) and answer.status == 500 and part.range.size > 1
    if several and part.ask is Ask.SEND:
        return Refuse(reason=reason, status=500, unknown=True, fault=True)
    return GiveUp(reason=f"{reason} ({attempt} attempts)", unknown=unknown)


def _shown(answer: Answered) -> str:
    text = " ".join(answer.body[: 4 * SHOWN].decode("utf-8", "replace").split())
    return f"status {answer.status}: {text[:SHOWN]}" if text else f"status {answer.status}"
