"""Records what delivery does, as it happens: marks and claims before a request leaves, receipts after it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from engine.connections import PAUSING
from engine.connections.http import (
    Again,
    Confirm,
    Decision,
    GiveUp,
    Gone,
    Hold,
    LookUp,
    PerLine,
    Refuse,
    Suspect,
    Withhold,
    accepted,
)
from engine.delivery import refuse
from engine.delivery.events import Event, Exchanged, Halted, Leaving
from engine.delivery.note_events import Facts, Notes, Sent, leaves, noted
from engine.delivery.notes import (
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
from engine.delivery.removals import removal, removes
from engine.delivery.targets import Target, Window
from engine.mapping.program import Program
from engine.state import RunJournal, changes
from engine.state.journal import Claim, Exchange, Progress
from engine.values import (
    DOCUMENT,
    Change,
    Counts,
    Key,
    OneSyncError,
    Range,
    TargetError,
    UnavailableError,
    Written,
    subtract,
)

_OUTCOMES: dict[type, str] = {
    Confirm: "confirmed",
    PerLine: "per line",
    Refuse: "refused",
    Again: "tried again",
    LookUp: "unknown",
    Hold: "unknown",
    GiveUp: "failed",
    Gone: "gone",
    Withhold: "withheld",
    Suspect: "refused",
}


@dataclass(slots=True, kw_only=True)
class Tally:
    """What delivery of a run amounts to."""

    counts: Counts = field(default_factory=Counts)
    rejected: set[Key] = field(default_factory=set)
    error: OneSyncError | None = None  # what ended it early
    first_failure: str | None = None  # why the first record failed
    first_withheld: str | None = None  # why the first removal was held back on its way
    unproven: str | None = None  # the request for it
    splits_left: int = 0

    def count(self, count: Count) -> None:
        """Take in a count."""
        setattr(self.counts, count.what, getattr(self.counts, count.what) + count.by)
        if count.what == "withheld":
            self.first_withheld = self.first_withheld or count.why
            self.unproven = self.unproven or count.request
        else:
            self.first_failure = self.first_failure or count.why or None


class Recorder:
    """Writes what `note_events` notes of one operation's delivery; what is written when is ledger.md 1 and 3."""

    def __init__(
        self,
        *,
        journal: RunJournal,
        program: Program,
        run_id: str,
        target: Target,
        window: Window,
        facts: Facts,
        tally: Tally,
    ) -> None:
        self._journal, self._program, self._run_id = journal, program, run_id
        self._target, self._window, self._staging = target, window, window.staging
        self._facts, self._tally = facts, tally
        self._sent = Sent()
        self._attempts: list[Exchange] = []  # to be written with the next event
        self._removed_by: set[str] = set()  # the same, of accepted removals
        self._records: dict[Range, list[tuple[Key, Change, str]]] = {}  # that the notes of one event speak of
        self._paused = target.connection in journal.pauses.all()

    def record(self, event: Event) -> None:
        """Write one event, an attempt with the event after it; durable when this returns."""
        match event:
            case Exchanged():
                self._exchanged(event)
            case Halted():
                self._tally.error = self._tally.error or event.error
                note_pause(self._journal, self._target.connection, event.error)
            case Leaving():
                self._sent, notes = leaves(event.part, self._facts, self._sent)
                self._write(notes)
            case _:
                self._write(noted(event, self._facts, self._sent))

    def close(self) -> None:
        """Note what was marked and never left: it had no effect."""
        unsent = subtract(self._sent.marked, self._sent.left)
        self._write(tuple(Receipt(range=each, outcome="clean") for each in unsent))

    def _exchanged(self, event: Exchanged) -> None:
        self._tally.count(Count(what="requests", by=1))
        self._tally.count(Count(what="retries", by=isinstance(event.decision, Again)))
        exchange = self._target.describe(event.request, event.answer)
        self._attempts.append(judged(exchange, event.decision, lines=event.part.range.size))
        if removes(event):
            self._removed_by.add(removal(self._program, self._facts.operation, event.part.attempt.step))
        if self._paused and (isinstance(event.answer, Written) or accepted(event.answer)):
            self._journal.pauses.end(self._target.connection)
            self._paused = False

    # --- one note after the other --------------------------------------------------------------------------

    def _write(self, notes: Notes) -> None:
        """Write the notes of one event, in their order, together or not at all."""
        with self._journal.transaction():
            for exchange in self._attempts:
                self._journal.requests.add(self._program.object, self._run_id, exchange)
            for request in self._removed_by:
                self._journal.removals.add(self._program.object, request)
            self._attempts, self._records, self._removed_by = [], {}, set()
            for note in notes:
                self._put(note)

    def _put(self, note: Note) -> None:
        object_, journal = self._program.object, self._journal
        match note:
            case Mark():
                journal.marks.add(object_, note.range)
            case Receipt():
                journal.marks.receipt(object_, [note.range], note.outcome)
            case AddClaims() | EndClaims() | DropClaims():
                self._put_claims(note)
            case Bind():
                journal.bindings.add(object_, [(key, note.saved) for key in self._keys(note.range, note.changes)])
            case Unbind():
                journal.bindings.drop(object_, self._keys(note.range, note.changes))
            case PutProgress() | DropProgress():
                self._put_progress(note)
            case Reject():
                self._reject(note)
            case StandAs() | FollowUp():
                self._renumber(note)
            case Count():
                self._tally.count(note)

    def _put_claims(self, note: AddClaims | EndClaims | DropClaims) -> None:
        object_, claims = self._program.object, self._journal.claims
        match note:
            case AddClaims():
                claims.add(object_, self._claims(note), self._run_id)
            case EndClaims():
                claims.end(object_, self._keys(note.range), self._journal.now(), note.reason)
            case DropClaims():
                claims.drop(object_, self._keys(note.range))

    def _claims(self, note: AddClaims) -> Iterable[Claim]:
        now = self._journal.now()
        for each in self._window.records(note.range):
            yield Claim(
                key=each.key,
                operation=note.operation,
                payload_hash=each.payload_hash if note.payload is None else note.payload,
                row=each.row,
                claimed_at=now,
                ended_at=None,
                reason=None,
            )

    def _put_progress(self, note: PutProgress | DropProgress) -> None:
        object_, progress = self._program.object, self._journal.progress
        if isinstance(note, DropProgress):
            progress.drop(object_, self._keys(note.range))
            return
        [(key, _, payload_hash)] = self._read(note.range)
        come = Progress(
            operation=self._facts.operation,
            fingerprint=self._program.mapping_fingerprint,
            payload_hash=payload_hash if note.payload is None else note.payload,
            step=note.step,
            saved=note.saved,
        )
        progress.put(object_, key, come)

    def _reject(self, note: Reject) -> None:
        document = self._window.record(note.range.first).row.get(DOCUMENT) if self._program.keeps_documents else None
        kept = refuse.as_document(document)
        for key, _, payload_hash in self._read(note.range):
            refuse.reject(self._journal, self._program, key, note.refusal, payload_hash=payload_hash, kept=kept)
            self._tally.rejected.add(key)

    def _renumber(self, note: StandAs | FollowUp) -> None:
        [(key, _, payload_hash)] = self._read(note.range)
        if isinstance(note, StandAs):
            payload = payload_hash if note.payload is None else note.payload
            changes.take_as_claimed(self._staging, note.range.first, payload)
        else:
            saved = self._journal.bindings.get(self._program.object, key) or {}
            changes.follow_up(self._staging, note.range.first, note.change, note.operation, saved)

    def _keys(self, range_: Range, of: Collection[Change] = tuple(Change)) -> list[Key]:
        return [key for key, change, _ in self._read(range_) if change in of]

    def _read(self, range_: Range) -> list[tuple[Key, Change, str]]:
        """Read key, change and payload hash of a range's records, once an event."""
        if range_ not in self._records:
            self._records[range_] = changes.keys(self._staging, range_)
        return self._records[range_]


def judged(exchange: Exchange, decision: Decision, *, lines: int = 0) -> Exchange:
    """Add to an attempt what was decided, in the words of the history."""
    reason = exchange.reason or getattr(decision, "reason", None)
    outcome = _OUTCOMES.get(type(decision), type(decision).__name__.lower())
    return replace(exchange, lines=lines, outcome=outcome, reason=reason)


def note_pause(journal: RunJournal, connection: str, error: OneSyncError) -> None:
    """Pause a connection where an error concerns all its objects; at once, so that none of them begins meanwhile."""
    if not isinstance(error, UnavailableError) or error.code not in PAUSING:
        return
    connection = error.connection or connection
    reason = error.message.removeprefix(f"connection {connection}: ")  # its name stands beside it
    asked_seconds = error.wait_seconds if isinstance(error, TargetError) else None
    journal.pauses.add(connection, reason, asked_seconds=asked_seconds)
