"""What became of one record, asked of the source, the ledger and the journal; nothing is written, nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.difference import Decided, FoundChanges, awaited, decided, near_miss, near_row, refusal, rewritten
from engine.inspect.dry_run import Rehearsal, rehearsed
from engine.inspect.plan import sample
from engine.mapping import MappingSpec, is_feed, keys_of
from engine.run import App
from engine.state import Staging, changes, ledger, unstamp
from engine.state.journal import Claim, Journal
from engine.values import (
    BusyError,
    Change,
    Differences,
    Key,
    OneSyncError,
    Range,
    SourceError,
    Stage,
    key_text,
    spelled,
)


class State(StrEnum):
    """Where a record stands; `why --help` tells operators the same."""

    UNCHANGED = "unchanged"  # the target confirmed what the source says now
    TO_SEND = "to_send"  # the next run sends it
    UNCERTAIN = "uncertain"  # sent, and the answer not learnt: the next run sends it again
    REJECTED = "rejected"  # refused for its data
    WAITING = "waiting"  # a record that it refers to is not confirmed yet
    UNKNOWN = "unknown"  # its create left, and the outcome was never learnt
    WITHHELD = "withheld"  # a guard holds back its removal, or its create under a key written otherwise
    UNHANDLED = "unhandled"  # it changed or went, and no entry of `send` takes that
    NOT_IN_SOURCE = "not_in_source"  # the query does not give it, and nothing is to be sent
    CONFIRMED = "confirmed"  # confirmed before; the source could not be asked what it says now
    RUNNING = "running"  # a run works on the object; nothing is known against the record


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that is known of one record."""

    object: str
    key: Key
    state: State
    in_source: bool | None = None  # None: could not be asked
    change: Change | None = None
    stage: Stage | None = None
    field: str | None = None
    status: int | None = None
    reason: str | None = None
    confirmed_at: datetime | None = None  # the last time; None: never, or not known
    since: datetime | None = None  # when it was first refused, or its create left
    waiting_for: tuple[str, Key] | None = None  # object and key
    fields: Differences | None = None  # what would be sent, beside what was confirmed
    saved: dict[str, Any] | None = None  # from the target's answers
    answered_from: str = "source"  # or ledger, or journal: what could be asked
    failure: OneSyncError | None = None  # why not more could be asked

    def as_json(self) -> dict[str, Any]:
        """Give the document of `why --json`."""
        waiting_for = {"object": self.waiting_for[0], "key": list(self.waiting_for[1])} if self.waiting_for else None
        return {
            "object": self.object,
            "key": list(self.key),
            "in_source": self.in_source,
            "change": self.change,
            "state": self.state,
            "stage": self.stage,
            "field": self.field,
            "status": self.status,
            "reason": self.reason,
            "confirmed_at": self.confirmed_at,
            "since": self.since,
            "waiting_for": waiting_for,
            "fields": self.fields or {},
            "saved": self.saved,
            "answered_from": self.answered_from,
        }


def why(app: App, mapping: MappingSpec, words: Sequence[str]) -> Answer:
    """Say where a record stands; `words` are its key's values in order.

    The source is read whole, as a run would. Where it cannot be read the ledger answers, and while a run holds the
    ledger the journal does.

    Raises:
        ConfigError: there are not as many words as the key has values.
    """
    keys = keys_of(mapping, words)
    try:
        with rehearsed(app, mapping, whole=True) as rehearsal:
            try:
                return _ask_source(rehearsal, keys)
            except SourceError as error:
                return _ask_ledger(mapping.object, rehearsal.staging, rehearsal.journal, keys, error)
    except BusyError as error:
        with app.journal() as journal:
            return _ask_journal(mapping.object, journal, keys, error)


# --- of the source -------------------------------------------------------------------------------------------


def _ask_source(rehearsal: Rehearsal, keys: Sequence[Key]) -> Answer:
    """Compare every read and answer from the last one that holds the record."""
    answer = None
    for _, found in rehearsal.reads():
        key = next((key for key in keys if rehearsal.staging.is_staged(key_text(key))), None)
        if key is None:
            key = next((key for key in keys if decided(rehearsal.staging, key)), None)
        if key is not None:
            answer = _judged(rehearsal, found, key)
    return answer or _absent(rehearsal, keys)


def _judged(rehearsal: Rehearsal, found: FoundChanges, key: Key) -> Answer:
    """Answer for a record that the read holds, or whose ledger row the read no longer names."""
    answer = replace(
        _known(rehearsal.program.object, rehearsal.staging, rehearsal.journal, key),
        in_source=rehearsal.staging.is_staged(key_text(key)),
    )
    if refused := _refused_now(rehearsal.staging, key, answer):
        return refused
    now = decided(rehearsal.staging, key)
    if now is None or now.verdict in ("same", "adopt"):
        return replace(answer, state=State.UNCHANGED, stage=None, field=None, status=None, reason=None, since=None)
    answer = replace(answer, change=now.change)
    if now.verdict == "remembered" or answer.state is State.UNKNOWN:
        return _with_fields(rehearsal, answer)
    return _said(rehearsal, found, answer, now)


def _said(rehearsal: Rehearsal, found: FoundChanges, answer: Answer, now: Decided) -> Answer:
    answer = replace(answer, stage=None, field=None, status=None, reason=_past_refusal(answer), since=None)
    match now.verdict:
        case "waiting":
            return _waiting(rehearsal, answer)
        case "withheld":
            found_pair = rewritten(rehearsal.staging, found.spec, key=answer.key)
            reason = found_pair or "; ".join(held.reason for held in found.withheld) or None
            return replace(answer, state=State.WITHHELD, reason=reason)
        case "unhandled":
            reason = f"no entry of `send` takes {answer.change} records of {answer.object}"
            return replace(answer, state=State.UNHANDLED, reason=reason)
    if now.uncertain:
        reason = "the outcome of an earlier attempt was not learnt, or `resend` asked for it: it is sent again"
        return _with_fields(rehearsal, replace(answer, state=State.UNCERTAIN, reason=reason))
    return _with_fields(rehearsal, replace(answer, state=State.TO_SEND))


def _past_refusal(answer: Answer) -> str | None:
    """Say that a rejection no longer stands."""
    if answer.state is not State.REJECTED:
        return None
    return f"it was refused before ({answer.reason}), and is tried again"


def _refused_now(staging: Staging, key: Key, answer: Answer) -> Answer | None:
    """Answer for a record that this very read refuses: for its key, its templates, a limit."""
    refused = refusal(staging, key)
    if refused is None:
        return None
    now = decided(staging, key)
    return replace(
        answer,
        state=State.REJECTED,
        change=now.change if now else None if answer.confirmed_at else Change.ADDED,
        stage=refused.stage,
        field=refused.field,
        status=None,
        reason=refused.reason,
    )


def _with_fields(rehearsal: Rehearsal, answer: Answer) -> Answer:
    """Add what would be sent."""
    seq = changes.number_of(rehearsal.staging, answer.key)
    if seq is None:
        return answer
    shown = sample(rehearsal, changes.read(rehearsal.staging, Range(seq, seq))[0])
    return replace(answer, fields=shown.fields, reason=answer.reason or shown.reason)


def _waiting(rehearsal: Rehearsal, answer: Answer) -> Answer:
    """Name the first reference that is not confirmed, and what is known against it."""
    found = awaited(rehearsal.staging, rehearsal.program.refs, answer.key)
    if found is None:
        return replace(answer, state=State.WAITING)
    ref, other = found
    reason = f"{ref.object} {spelled(other)} is not confirmed yet (reference `{ref.name}`)"
    if rejection := rehearsal.journal.rejections.get(ref.object, other):
        reason += f": it is rejected, {rejection.refusal.reason}"
    elif near := near_miss(rehearsal.staging, ref, other):
        reason += (
            f": {spelled(near)} is, whose key is only written otherwise; "
            f"let the queries of both objects write {', '.join(ref.columns)} alike"
        )
    return replace(answer, state=State.WAITING, waiting_for=(ref.object, other), reason=reason)


def _absent(rehearsal: Rehearsal, keys: Sequence[Key]) -> Answer:
    """Answer for a record that no read names."""
    object_, is_whole = rehearsal.program.object, not is_feed(rehearsal.program.mapping)
    answer = _best([_known(object_, rehearsal.staging, rehearsal.journal, key) for key in keys])
    answer = replace(answer, in_source=False if is_whole else None)
    if answer.state is State.CONFIRMED and not is_whole:
        return replace(answer, state=State.UNCHANGED)
    if answer.state is State.CONFIRMED:
        reason = "the query no longer gives it; the target has it, but the ledger file that knew so was lost"
        return replace(answer, state=State.NOT_IN_SOURCE, reason=reason)
    if answer.state is not State.NOT_IN_SOURCE:
        return answer
    reason = (
        "the source's query does not give this key (is it spelled as in the source, is its flag set?), "
        "and the ledger holds nothing of it"
        if is_whole
        else "the feed has no new event of it, and none of it was taken over before"
    )
    near = next(filter(None, (near_row(rehearsal.staging, key) for key in keys)), None) if is_whole else None
    found = f"it gives {spelled(near)}, which is only written otherwise" if near else None
    return replace(answer, reason=f"{reason}; {found}" if found else reason)


# --- of the ledger and the journal -----------------------------------------------------------------------------


def _ask_ledger(object_: str, staging: Staging, journal: Journal, keys: Sequence[Key], failure: OneSyncError) -> Answer:
    """Answer without the source."""
    answer = _best([_known(object_, staging, journal, key) for key in keys])
    reason = answer.reason or "the source could not be asked"
    return replace(answer, reason=reason, answered_from="ledger", failure=failure)


def _ask_journal(object_: str, journal: Journal, keys: Sequence[Key], failure: OneSyncError) -> Answer:
    """Answer while a run holds the ledger."""
    answer = _best([_noted(object_, journal, key) for key in keys])
    return replace(answer, answered_from="journal", failure=failure)


def _best(answers: Sequence[Answer]) -> Answer:
    """Pick, of several spellings of a key, the first one of which something is known."""
    nothing = (State.NOT_IN_SOURCE, State.RUNNING)
    return next((each for each in answers if each.state not in nothing or each.saved is not None), answers[0])


def _known(object_: str, staging: Staging, journal: Journal, key: Key) -> Answer:
    """Say what ledger and journal know of a record."""
    answer = _noted(object_, journal, key)
    held = ledger.confirmed(staging, key)
    if held is not None:
        answer = replace(answer, confirmed_at=unstamp(held.confirmed_at))
    if answer.state is not State.RUNNING:
        return answer
    if held is not None and held.uncertain:
        return replace(answer, state=State.UNCERTAIN)
    is_known = held is not None or answer.saved is not None
    return replace(answer, state=State.CONFIRMED if is_known else State.NOT_IN_SOURCE)


def _noted(object_: str, journal: Journal, key: Key) -> Answer:
    """Say what the journal alone knows of a record: a create of unknown outcome, a refusal, saved values."""
    answer = Answer(object=object_, key=key, state=State.RUNNING, saved=journal.bindings.get(object_, key))
    if claim := _claim(journal, object_, key):
        return replace(answer, state=State.UNKNOWN, reason=claim_reason(claim), since=claim.claimed_at)
    rejection = journal.rejections.get(object_, key)
    if rejection is None:
        return answer
    return replace(
        answer,
        state=State.REJECTED,
        stage=rejection.refusal.stage,
        field=rejection.refusal.field,
        status=rejection.refusal.status,
        reason=rejection.refusal.reason,
        since=rejection.first_at,
    )


def _claim(journal: Journal, object_: str, key: Key) -> Claim | None:
    return next((claim for claim in journal.claims.of(object_) if claim.key == key), None)


def claim_reason(claim: Claim) -> str:
    """Say why the outcome of a create is not known."""
    return claim.reason or "the run ended before the answer came, or the request is still under way"
