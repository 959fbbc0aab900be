"""Records what delivery does, as it happens: marks and claims before a request leaves, receipts after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.connections.http.decisions import Again, Confirm, Decision, GiveUp, Gone, Hold, LookUp, PerLine, Refuse
from engine.connections.http.status import PAUSING, accepted
from engine.delivery import refuse
from engine.delivery.events import Done, Event, Exchanged, Halted, Leaving, Split, Stepped, Unlearnt, Verdict
from engine.delivery.part import Part
from engine.delivery.targets import Target, Window
from engine.mapping.program import Program
from engine.state import changes
from engine.state.journal import Claim, Clock, Exchange, Journal
from engine.state.journal.entries import Progress
from engine.values.errors import OneSyncError, TargetError
from engine.values.ranges import Range, coalesce, subtract
from engine.values.records import DOCUMENT, Change, Key
from engine.values.results import Counts

MARK_LINES = 50_000  # marked at once, so that recording costs little

_OUTCOMES: dict[type, str] = {
    Confirm: "confirmed",
    PerLine: "per line",
    Refuse: "refused",
    Again: "tried again",
    LookUp: "unknown",
    Hold: "unknown",
    GiveUp: "failed",
    Gone: "gone",
}


@dataclass(slots=True, kw_only=True)
class Tally:
    """What delivery of a run amounts to."""

    counts: Counts = field(default_factory=Counts)
    rejected: set[Key] = field(default_factory=set)
    error: OneSyncError | None = None  # what ended it early
    first_failure: str | None = None  # why the first record failed
    splits_left: int = 0


class Recorder:
    """Writes the events of one operation's delivery to the journal; the order of its writes is ledger.md 1 and 3."""

    def __init__(
        self,
        *,
        journal: Journal,
        program: Program,
        run_id: str,
        target: Target,
        window: Window,
        operation: int,
        ranges: Sequence[Range],
        due: frozenset[int],
        tally: Tally,
        clock: Clock,
    ) -> None:
        """`ranges` are all changes of the operation."""
        self._journal, self._program, self._run_id = journal, program, run_id
        self._target, self._window, self._operation = target, window, operation
        self._due, self.tally, self._clock = due, tally, clock
        self._spec = program.operations[operation].spec if program.operations else None
        self._ranges = coalesce(ranges)
        self._marked: list[Range] = []
        self._left: list[Range] = []  # ranges of which a request was about to leave
        self._claims = {claim.key: claim for claim in journal.claims(program.object)} if self._creates else {}
        self._waiting: list[Exchange] = []  # attempts to be written with the next event
        self._paused = target.connection in journal.pauses()

    @property
    def _creates(self) -> bool:
        return self._spec is not None and self._spec.creates

    def _creates_at(self, step: int) -> bool:
        return self._spec is not None and not self._spec.requests[step].idempotent

    @property
    def _object(self) -> str:
        return self._program.object

    def record(self, event: Event) -> None:
        """Write one event; durable when this returns."""
        match event:
            case Exchanged():
                self._exchanged(event)
            case Halted():
                self.tally.error = self.tally.error or event.error
                note_pause(self._journal, self._target.connection, event.error)
            case Split():
                self.tally.counts.splits += 1
            case Leaving() | Unlearnt() | Stepped() | Done():
                with self._journal.transaction():
                    self._flush()
                    self._durable(event)

    def close(self) -> None:
        """Note what was marked and never left: it had no effect."""
        with self._journal.transaction():
            self._flush()
            self._journal.receipt(self._object, subtract(self._marked, self._left), "clean")

    def _durable(self, event: Leaving | Unlearnt | Stepped | Done) -> None:
        match event:
            case Leaving():
                self._leaving(event.part)
            case Unlearnt():
                self._journal.claim_unknown(self._object, self._keys(event.part), self._clock(), event.reason)
            case Stepped(part=part):
                self._stepped(part)
            case Done():
                self._done(event)

    # --- before a request leaves --------------------------------------------------------------------------

    def _leaving(self, part: Part) -> None:
        if not any(each.first <= part.range.first and part.range.last <= each.last for each in self._marked):
            ahead = self._ahead(part.range)
            for each in subtract([ahead], self._marked):
                self._journal.mark(self._object, each)
            self._marked = coalesce([*self._marked, ahead])
        self._left = _extended(self._left, part.range)
        if part.past.starts_over:
            self._begin_anew(part)
        if self._creates_at(part.attempt.step):
            self._journal.claim(self._object, self._new_claims(part, self._operation), self._run_id)

    def _ahead(self, part: Range) -> Range:
        """Choose what to mark: never a change of another operation, whose marks and receipts are its own.

        A create costs a write each, its claim, so nothing is gained by marking ahead.
        """
        if self._creates:
            return part
        last = next(each.last for each in self._ranges if each.first <= part.first <= each.last)
        return Range(part.first, max(part.last, min(part.first + MARK_LINES - 1, last)))

    def _begin_anew(self, part: Part) -> None:
        """Take back what is noted of steps that will be done again: an older payload may come back after a kill."""
        [(key, _, payload_hash)] = changes.keys(self._window.staging, part.range)
        if part.attempt.step:
            self._note_progress(key, _sent(part, payload_hash), part.attempt.step, part.attempt.saved)
        else:
            self._journal.drop_progress(self._object, [key])

    def _note_progress(self, key: Key, payload_hash: str, step: int, saved: Mapping[str, Any]) -> None:
        progress = Progress(
            operation=self._operation,
            fingerprint=self._program.mapping_fingerprint,
            payload_hash=payload_hash,
            step=step,
            saved=saved,
        )
        self._journal.step(self._object, key, progress)

    def _new_claims(self, part: Part, operation: int) -> list[Claim]:
        now = self._clock()
        return [
            Claim(
                key=each.key,
                operation=operation,
                payload_hash=each.payload_hash,
                row=each.row,
                claimed_at=now,
                ended_at=None,
                reason=None,
            )
            for each in self._window.records(part.range)
        ]

    # --- after an attempt ----------------------------------------------------------------------------------

    def _exchanged(self, event: Exchanged) -> None:
        counts = self.tally.counts
        counts.requests += 1
        counts.retries += isinstance(event.decision, Again)
        exchange = self._target.describe(event.request, event.answer)
        self._waiting.append(judged(exchange, event.decision, lines=event.part.range.size))
        if self._paused and accepted(event.answer):
            self._journal.unpause(self._target.connection)
            self._paused = False

    def _flush(self) -> None:
        for exchange in self._waiting:
            self._journal.log_request(self._object, self._run_id, exchange)
        self._waiting = []

    def _done(self, event: Done) -> None:
        part, counts, size = event.part, self.tally.counts, event.part.range.size
        if event.clean:
            self._journal.receipt(self._object, [part.range], "clean")
        match event.verdict:
            case Verdict.CONFIRMED:
                self._confirmed(event)
            case Verdict.EXISTS:
                self._exists(event)
            case Verdict.GONE:
                self._gone(event)
            case Verdict.REJECTED:
                self._rejected(event)
                counts.rejected += size
            case Verdict.FAILED:
                counts.failed += size
                self.tally.first_failure = self.tally.first_failure or event.reason
                if self._creates and event.clean and subtract([part.range], self._left) != [part.range]:
                    self._journal.drop_claims(self._object, self._keys(part))
            case Verdict.UNKNOWN:
                counts.unknown += size
                self._journal.claim_unknown(self._object, self._keys(part), self._clock(), event.reason)
            case Verdict.WAITING:
                counts.waiting += size
                if self._creates:
                    self._journal.drop_claims(self._object, self._keys(part))

    def _stepped(self, part: Part) -> None:
        """Note how far a record has come; where it was made with another payload, only a further create counts.

        What it holds then is of both payloads, so that neither stands.
        """
        [(key, _, payload_hash)] = changes.keys(self._window.staging, part.range)
        created = self._creates_at(part.attempt.step - 1)
        if part.past.made_as is None or created:
            self._note_progress(
                key, payload_hash if part.past.made_as is None else "", part.attempt.step, part.attempt.saved
            )
        if created:
            self._journal.drop_claims(self._object, [key])

    def _confirmed(self, event: Done) -> None:
        if event.part.past.made_as is not None:  # made with one payload and finished with another: it holds neither
            [(key, _, _)] = changes.keys(self._window.staging, event.part.range)
            self._follow(event, key, "")
            return
        self._journal.receipt(self._object, [event.part.range], "confirmed")
        self.tally.counts.confirmed += event.part.range.size
        if not self._program.binds and not self._has_steps:
            return
        records = changes.keys(self._window.staging, event.part.range)
        kept = [key for key, change, _ in records if change is not Change.REMOVED]
        self._journal.bind(self._object, [(key, event.saved) for key in kept])
        self._journal.unbind(self._object, [key for key, change, _ in records if change is Change.REMOVED])
        keys = [key for key, _, _ in records]
        if self._creates:
            self._journal.drop_claims(self._object, keys)
        if self._has_steps:
            self._journal.drop_progress(self._object, keys)

    @property
    def _has_steps(self) -> bool:
        return any(len(each.spec.requests) > 1 for each in self._program.operations)

    def _exists(self, event: Done) -> None:
        """A look-up found the record: what it holds is not known; steps that are left are for the next run."""
        part = event.part
        [(key, _, payload_hash)] = changes.keys(self._window.staging, part.range)
        claim = self._claims.get(key)
        sent = claim.payload_hash if claim else _sent(part, payload_hash)
        self._journal.drop_claims(self._object, [key])
        if not part.attempt.gone and self._spec and part.attempt.step + 1 < len(self._spec.requests):
            known = "" if Change.CHANGED in self._program.takes else sent
            self._note_progress(key, known, part.attempt.step + 1, {**part.attempt.saved, **event.saved})
            self.tally.counts.waiting += 1
            return
        self._follow(event, key, sent)

    def _follow(self, event: Done, key: Key, sent: str) -> None:
        """Bind a record that may hold another payload: the operation for changed (or removed) ones takes it next.

        Without such an operation it stands for the payload that was `sent`; "": nobody knows.
        """
        staging, part = self._window.staging, event.part
        change = Change.REMOVED if part.attempt.gone else Change.CHANGED
        following = self._program.takes.get(change)
        self._journal.bind(self._object, [(key, event.saved)])
        self._journal.drop_progress(self._object, [key])
        if following is None and part.attempt.gone:
            self.tally.counts.unhandled_removed += 1
        elif following is None:
            changes.take_as_claimed(staging, part.range.first, sent)
            self._journal.receipt(self._object, [part.range], "confirmed")
            self.tally.counts.confirmed += 1
        elif following not in self._due or following <= self._operation:
            self.tally.counts.not_due += 1
        else:
            saved = self._journal.binding(self._object, key) or {}
            changes.follow_up(staging, part.range.first, change, following, saved)

    def _gone(self, event: Done) -> None:
        """The record has to be created again; a create that could double it asks by its look-up or a person first."""
        [(key, _, _)] = changes.keys(self._window.staging, event.part.range)
        adding = self._program.takes[Change.ADDED]
        spec = self._program.operations[adding].spec
        self._journal.receipt(self._object, [event.part.range], "gone")
        self._journal.unbind(self._object, [key])
        self._journal.drop_progress(self._object, [key])
        if spec.creates:
            self._journal.claim(self._object, self._new_claims(event.part, adding), self._run_id)
            self._journal.claim_unknown(self._object, [key], self._clock(), event.reason)
        self.tally.counts.unknown += spec.creates
        self.tally.counts.waiting += not spec.creates

    def _rejected(self, event: Done) -> None:
        refusal = event.refusal
        assert refusal is not None  # noqa: S101  a rejection has its reason
        document = (
            self._window.record(event.part.range.first).row.get(DOCUMENT) if self._program.keeps_documents else None
        )
        for key, _, payload_hash in changes.keys(self._window.staging, event.part.range):
            kept = refuse.as_document(document)
            refuse.reject(self._journal, self._program, key, refusal, payload_hash=payload_hash, kept=kept)
            self.tally.rejected.add(key)
        if event.doubtful:
            self._journal.claim_unknown(self._object, self._keys(event.part), self._clock(), refusal.reason)
        elif self._creates:
            self._journal.drop_claims(self._object, self._keys(event.part))

    def _keys(self, part: Part) -> list[Key]:
        return [key for key, _, _ in changes.keys(self._window.staging, part.range)]


def _sent(part: Part, payload_hash: str) -> str:
    """Give the payload that a record was made with: the one it has now, unless an earlier run made it."""
    return payload_hash if part.past.made_as is None else part.past.made_as


def judged(exchange: Exchange, decision: Decision, *, lines: int = 0) -> Exchange:
    """Add to an attempt what was decided, in the words of the history."""
    reason = exchange.reason or getattr(decision, "reason", None)
    outcome = _OUTCOMES.get(type(decision), type(decision).__name__.lower())
    return replace(exchange, lines=lines, outcome=outcome, reason=reason)


def note_pause(journal: Journal, connection: str, error: OneSyncError) -> None:
    """Pause a connection where an error concerns all its objects; at once, so that none of them begins meanwhile."""
    if isinstance(error, TargetError) and error.code in PAUSING:
        reason = error.message.removeprefix(f"connection {connection}: ")  # its name stands beside it
        journal.pause(connection, reason, asked_seconds=error.wait_seconds)


def _extended(ranges: list[Range], new: Range) -> list[Range]:
    """Add a range; cheap where it continues the last one."""
    if ranges and ranges[-1].last + 1 == new.first:
        ranges[-1] = Range(ranges[-1].first, new.last)
        return ranges
    return coalesce([*ranges, new])
