"""Decides what an answer means: confirm, refuse, try again, look up, hold or stop (answers.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.connections.http.attempt import Ask, Attempt, Found, Reading, Terms
from engine.connections.http.backoff import backoff
from engine.connections.http.decisions import (
    Again,
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
    Wait,
    Withhold,
)
from engine.connections.http.status import REFUSING, asked_to_wait, is_not_now, is_unlearnt
from engine.connections.pausing import PAUSING
from engine.connections.settings import OnStatus
from engine.values import Answer, Answered, Lost, NotSent, OneSyncError, TargetError, Written

_NEVER_REMOVED = (
    "no such removal was ever accepted, so that its path may be wrong; correct `path`, or say by"
    " `on_status: {404: confirm}` that the answer is right (410 as well)"
)
SHOWN = 200  # characters of an answer that are kept
FORGET = "; if it was deleted there, `one-sync forget OBJECT KEY` lets the next run create it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What was asked, and what its answer may be taken for."""

    attempt: Attempt
    terms: Terms
    several: bool
    chance: float

    @property
    def creates(self) -> bool:
        """Tell whether to ask the same again could create a second record."""
        return self.terms.creates_at(self.attempt.step)


def decide(
    answer: Answer, reading: Reading, attempt: Attempt, terms: Terms, *, several: bool = False, chance: float = 0.5
) -> Decision:
    """Decide what an answer means (answers.md, ledger.md 2, 3, 6).

    `several`: more than one record was sent; `chance` in [0, 1) is the jitter.
    """
    case = _Case(attempt=attempt, terms=terms, several=several, chance=chance)
    if isinstance(answer, Written):
        lines = (None if at in answer.left else refusal or "" for at, refusal in enumerate(answer.refusals))
        return PerLine(lines=tuple(lines), left=answer.left)
    if isinstance(answer, NotSent) and answer.shut:
        return Stop(error=TargetError(answer.reason, code=answer.shut, wait_seconds=answer.wait_seconds))
    if attempt.ask is Ask.LOOK_UP:
        return _decide_look_up(answer, reading, case)
    if isinstance(answer, Answered):
        return _unless_made(_decide_answered(answer, reading, case), case)
    return _decide_silence(answer, case)


def _unless_made(decision: Decision, case: _Case) -> Decision:
    """Look up a create that was refused and may have had its effect all the same: rejected if it is not there."""
    wait = case.terms.look_up_after_seconds
    if not (isinstance(decision, Refuse) and decision.unknown and case.creates) or wait is None:
        return decision
    return LookUp(delay_seconds=wait, reason=decision.reason, conflict=decision)


def _suspicion(answer: Answered) -> OneSyncError | None:
    """Say what is wrong with the whole connection, if the answer does not concern this request alone."""
    if answer.status in REFUSING:
        message = f"the target refused our credentials ({_shown(answer)}): {PAUSING['E_CREDENTIALS']}"
        return TargetError(message, code="E_CREDENTIALS")
    if 300 <= answer.status < 400:
        message = f"the target answered with a redirect ({answer.status}), which is never followed; correct base_url"
        return TargetError(message, code="E_REDIRECT")
    return None


def located(decision: Decision, answer: Answer, asked: str) -> Decision:
    """Say what was `asked` of whom where a decision may end a part or a run; what a shut connection tells says it."""
    if isinstance(answer, NotSent) and answer.shut:
        return decision
    if isinstance(decision, Stop | Suspect):
        return replace(decision, error=decision.error.at(asked))
    if isinstance(decision, Again | GiveUp | Withhold):
        decision = replace(decision, reason=f"{asked}: {decision.reason}")
    return replace(decision, request=asked) if isinstance(decision, Withhold) else decision


def _decide_answered(answer: Answered, reading: Reading, case: _Case) -> Decision:
    if answer.doubtful and case.creates:
        return _unlearnt(answer, case, f"bytes came behind the answer, which may be another's ({_shown(answer)})")
    if said := case.terms.on_status.get(answer.status):
        return _decide_said(said, answer, case)
    if error := _suspicion(answer):
        foreign = case.attempt.step in case.terms.foreign
        refuse = Refuse(reason=_shown(answer), status=answer.status, stale=foreign and answer.status in REFUSING)
        return refuse if foreign else Suspect(error=error, otherwise=refuse)
    return _decide_status(answer, reading, case)


def _decide_status(answer: Answered, reading: Reading, case: _Case) -> Decision:
    status = answer.status
    if 200 <= status < 300:
        return _decide_success(answer, reading, case)
    if status in (404, 410):
        return _decide_missing(answer, case)
    if status == 409 and case.creates and case.terms.look_up_after_seconds is not None:
        return _conflict(answer)
    if status in (425, 429):
        return _again(answer, case, unknown=False, reason=_shown(answer))
    if is_unlearnt(status):
        return _unlearnt(answer, case, _shown(answer))
    return Refuse(reason=_shown(answer), status=status)


def _conflict(answer: Answered) -> LookUp:
    """Look up at once what was certainly not created, as it may be there already."""
    shown = _shown(answer)
    return LookUp(delay_seconds=0.0, reason=shown, conflict=Refuse(reason=shown, status=answer.status))


def _decide_missing(answer: Answered, case: _Case) -> Decision:
    attempt, terms = case.attempt, case.terms
    if terms.deletes[attempt.step]:
        believed = attempt.step in terms.proven or attempt.lost or attempt.maybe_gone
        return Confirm() if believed else Withhold(reason=f"{_shown(answer)}: {_NEVER_REMOVED}")
    if terms.when_missing == "look up":
        return _look_for_missing(answer, case)
    if case.attempt.maybe_gone:
        return Gone(reason=f"{_shown(answer)}, and its removal had been sent before")
    remedy = FORGET if case.terms.when_missing == "forget" else ""
    return Refuse(reason=_shown(answer), status=answer.status, remedy=remedy)


def _look_for_missing(answer: Answered, case: _Case) -> Decision:
    """Ask once for a record whose update finds nobody: it may be there under another id, or be created again."""
    if not case.attempt.found:
        return LookUp(delay_seconds=0.0, reason=_shown(answer), missing=_shown(answer))
    remedy = "; the look-up finds the record all the same: correct the request of the update"
    return Refuse(reason=_shown(answer), status=answer.status, remedy=remedy)


def _decide_success(answer: Answered, reading: Reading, case: _Case) -> Decision:
    if reading.fault:
        return _unlearnt(answer, case, f"status {answer.status}, but {reading.fault}")
    if reading.lines is not None:
        return PerLine(lines=reading.lines)
    if not reading.ok:
        return Refuse(reason=f"not ok: {_shown(answer)}", status=answer.status, unknown=True)
    return Confirm(saved=reading.saved)


def _decide_silence(answer: NotSent | Lost, case: _Case) -> Decision:
    if isinstance(answer, NotSent):
        return _again(answer, case, unknown=False, reason=answer.reason)
    return _unlearnt(answer, case, answer.reason)


def _decide_said(said: OnStatus, answer: Answered, case: _Case) -> Decision:
    """Obey the mapping's `on_status`; what an answer leaves open it leaves open whatever the mapping says."""
    shown, unknown = _shown(answer), is_unlearnt(answer.status)
    match said:
        case "confirm":
            return _learn_saved(answer, case) if case.attempt.step in case.terms.saving else Confirm()
        case "reject" | "split":
            return Refuse(reason=shown, status=answer.status, unknown=unknown)
        case "wait" if not (unknown and case.creates):
            return Wait(reason=shown, unknown=unknown)
        case "retry" | "wait":
            return _unlearnt(answer, case, shown)
        case "stop":
            error = TargetError(f"the mapping says to stop at this answer ({shown})", code="E_TARGET")
            return Stop(error=error, unknown=unknown)


def _learn_saved(answer: Answered, case: _Case) -> Decision:
    """Look up what an answer that says "it is there" does not hold: without it the record would be bound to nothing."""
    certain = case.creates and not (200 <= answer.status < 300 or is_unlearnt(answer.status))
    if certain and case.terms.look_up_after_seconds is not None:
        return _conflict(answer)
    return _unlearnt(answer, case, f"{_shown(answer)}, which is not read, so that what is saved is not known")


def _decide_missing_look_up(answer: Answer, reading: Reading, case: _Case) -> Decision:
    """Decide what a look-up says of a record whose update found nobody."""
    missing = case.attempt.missing
    if not isinstance(answer, Answered) or answer.doubtful or is_not_now(answer.status):
        reason = _shown(answer) if isinstance(answer, Answered) else getattr(answer, "reason", "")
        return _again(answer, case, unknown=False, reason=f"{missing}, and the look-up failed: {reason}")
    match reading.found:
        case Found.FOUND:
            return Elsewhere(saved=reading.saved)
        case Found.ABSENT:
            return Gone(reason=f"{missing}, and the look-up finds no such record", proven=True)
    unclear = f"; the look-up is unclear: {reading.fault or _shown(answer)}"
    return Refuse(reason=missing, status=404, remedy=unclear)


def _decide_look_up(answer: Answer, reading: Reading, case: _Case) -> Decision:
    if isinstance(answer, Answered) and not answer.doubtful and (error := _suspicion(answer)):
        return Suspect(error=error, otherwise=Hold(reason=f"the look-up is refused: {_shown(answer)}"))
    if case.attempt.missing:
        return _decide_missing_look_up(answer, reading, case)
    if not isinstance(answer, Answered) or answer.doubtful or is_not_now(answer.status):
        reason = _shown(answer) if isinstance(answer, Answered) else getattr(answer, "reason", "")
        decision = _again(answer, case, unknown=True, reason=reason)
        is_over = isinstance(decision, GiveUp) and not case.attempt.first
        return Hold(reason=f"the look-up failed: {reason}") if is_over else decision
    if reading.found is Found.FOUND:
        return Exists(saved=reading.saved)
    if reading.found is Found.ABSENT:
        return _absent(case)
    return Hold(reason=f"the look-up is unclear: {reading.fault or _shown(answer)}")


def _absent(case: _Case) -> Decision:
    if case.attempt.conflict:
        refused = case.attempt.conflict
        return replace(refused, reason=f"{refused.reason}, and the look-up finds no such record")
    return Confirm() if case.attempt.gone else CreateAgain()


def _unlearnt(answer: Answer, case: _Case, reason: str) -> Decision:
    """The request may have had its effect: repeat what can be repeated, never a create."""
    if not case.creates:
        return _again(answer, case, unknown=True, reason=reason)
    if case.terms.look_up_after_seconds is None or case.attempt.repeated:
        return Hold(reason=reason)
    return LookUp(delay_seconds=case.terms.look_up_after_seconds, reason=reason)


def _again(answer: Answer, case: _Case, *, unknown: bool, reason: str) -> Decision:
    """Try again while attempts are left; a wait that the target asks for uses up none (one of 0 s is no wait)."""
    attempt, retry = case.attempt, case.terms.retry
    if asked := asked_to_wait(answer):
        if attempt.waited_seconds + asked > retry.max_wait_seconds:
            message = (
                f"the target asks to wait {asked:g} s, and {attempt.waited_seconds:g} s were waited already "
                f"(retry.max_wait_seconds is {retry.max_wait_seconds:g}): {reason}; {PAUSING['E_ASKED_TO_WAIT']}"
            )
            return Stop(error=TargetError(message, code="E_ASKED_TO_WAIT", wait_seconds=asked), unknown=unknown)
        return Again(delay_seconds=asked, counts=False, unknown=unknown, reason=reason)
    tried = attempt.tried + 1
    if tried < retry.attempts:
        return Again(delay_seconds=backoff(tried, retry, case.chance), counts=True, unknown=unknown, reason=reason)
    if case.several and attempt.ask is Ask.SEND and isinstance(answer, Answered) and answer.status == 500:
        return Refuse(reason=reason, status=500, unknown=True, fault=True)
    unreachable = isinstance(answer, NotSent) and attempt.step not in case.terms.foreign
    return GiveUp(reason=f"{reason} ({tried} attempts)", unknown=unknown, unreachable=unreachable)


def _shown(answer: Answered) -> str:
    text = " ".join(answer.body[: 4 * SHOWN].decode("utf-8", "replace").split())
    return f"status {answer.status}: {text[:SHOWN]}" if text else f"status {answer.status}"
