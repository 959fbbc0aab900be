"""One run of one object: find changes, deliver, record, settle; and what follows from it beyond the run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.delivery import (
    MAX_SPLITS,
    Delivery,
    Recorder,
    Tally,
    Target,
    Window,
    facts_of,
    note_pause,
    parts_of,
    proven,
)
from engine.difference import find_changes
from engine.mapping import Once
from engine.mapping.program import Program
from engine.run import refusals
from engine.run.blind_creates import blind_creates
from engine.run.surroundings import Surroundings
from engine.source import Source
from engine.state import (
    READ_BY,
    DamagedError,
    FirstLoad,
    Ledger,
    Position,
    RunJournal,
    RunLedger,
    Staging,
    changes,
    check_ends,
    check_pair,
    files_translated,
    first_load,
    furthest,
    note_first_load,
    recover,
    settle_run,
)
from engine.state.journal import Journal
from engine.values import (
    Counts,
    Exit,
    Failure,
    GuardError,
    ObjectResult,
    OneSyncError,
    Order,
    Read,
    Status,
    TargetError,
)

TURNS = 3  # of the operations in a run: an update finds nobody, a create makes the record, an update is left for it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run under way, with all that its steps share."""

    program: Program
    source: Source
    target: Target
    around: Surroundings
    order: Order
    staging: Staging
    ledger: RunLedger
    journal: RunJournal
    begun: datetime
    tally: Tally = field(default_factory=lambda: Tally(splits_left=MAX_SPLITS))
    notes: list[str] = field(default_factory=list)

    @property
    def object(self) -> str:
        return self.program.object

    @property
    def http(self) -> str:
        """Name the connection that credentials are for: of the two ends the one that speaks HTTP."""
        return self.source.http or self.target.connection

    @property
    def delivered(self) -> bool:
        """Tell whether everything so far was confirmed, or is kept for a reason of its own."""
        return not (self.tally.error or self.tally.counts.failed)


def run_object(program: Program, source: Source, target: Target, around: Surroundings, order: Order) -> ObjectResult:
    """Run one object once; every failure that concerns this object alone is in the result.

    Raises BusyError when another process runs the object: nothing was done then.
    """
    begun = around.clock()
    with (
        Journal.open(around.state, around.clock, around.hide) as journal,
        _opened(program.object, around) as (staging, note),
    ):
        run = _Run(
            program=program,
            source=source,
            target=target,
            around=around,
            order=order,
            staging=staging,
            ledger=Ledger(staging),
            journal=journal,
            begun=begun,
            notes=[note] if note else [],
        )
        counts = Counts()
        error: OneSyncError | None = None
        try:
            _make_ready(run)
            for read in source.reads(staging, journal):
                _take(run, read, counts)
                if not run.delivered:
                    break
                _move_on(run, read, counts)
        except OneSyncError as raised:
            error = raised
            note_pause(journal, run.http, error)
        run.notes.extend(f"{run.object}: {note}" for note in source.notes())
        counts.add(run.tally.counts)
        counts.failed += _without_verdict(counts)
        result = _result(run, counts, error or run.tally.error)
        _conclude(run, result)
        journal.runs.ended(result)
        return result


@contextmanager
def _opened(object_: str, around: Surroundings) -> Iterator[tuple[Staging, str | None]]:
    """Open the object's file; a damaged one is set aside and begun anew, with a warning."""
    path = around.state / f"{object_}.duckdb"
    note = None
    try:
        staging = Staging.open(path, scratch=around.state, wait_seconds=around.busy_wait_seconds)
    except DamagedError as error:
        note = f"{error.message}; it was set aside as {_set_aside(path, around).name} and is rebuilt"
        staging = Staging.open(path, scratch=around.state, wait_seconds=around.busy_wait_seconds)
    try:
        yield staging, note
    finally:
        staging.close()
        if staging.damaged:
            _set_aside(path, around)  # the next run begins it anew


def _set_aside(path: Path, around: Surroundings) -> Path:
    """Rename a damaged file and its log, so that a person can look at them."""
    aside = path.with_name(f"{path.name}.damaged-{around.clock():%Y%m%dT%H%M%S}")
    log = path.with_name(f"{path.name}.wal")
    with files_translated(path):
        path.rename(aside)
        if log.exists():
            log.rename(aside.with_name(f"{aside.name}.wal"))
    return aside


def _make_ready(run: _Run) -> None:
    """Check that both files belong together and speak of the ends that are there; settle a run that did not end."""
    run.journal.rejections.take_up_retries(run.object)
    if warning := check_pair(run.ledger, run.journal, run.object):
        run.notes.append(warning)
    recover(run.ledger, run.journal, run.object, run.around.clock())
    check_ends(run.ledger, run.journal, run.object, run.around.ends)
    if run.program.creates:
        note_first_load(run.staging, first_load(run.staging, run.journal, run.object))
    ends = run.around.ends.get(run.object, {})
    if ends != run.journal.ends.of(run.object):
        run.journal.ends.put(run.object, ends)


def _take(run: _Run, read: Read, counts: Counts) -> None:
    """Bring the target to what one read says, and record it."""
    run.journal.runs.begin(run.object, run.order.run_id, run.begun)
    found = find_changes(run.program, run.staging, run.journal, read, run.order, stop=run.around.stop)
    counts.add(found.counts)
    counts.requests += read.requests
    if load := _load(run):
        run.notes.extend(blind_creates(run.program, load, run.staging))
    run.notes.extend(f"{run.object}: {held.advice(run.object)}" for held in found.withheld)
    if not read.retried:
        run.journal.pauses.end(run.program.mapping.source.connection)
    run.notes.extend(f"{run.object}: {each}" for each in found.turned)
    if read.cursor_column and (read.full or found.withheld or found.unlike):
        run.staging.set_meta(READ_BY, "")  # until all that it found is done, the next read is whole as well
    _deliver_all(run)
    refusals.keep(
        run.journal,
        run.staging,
        run.program,
        found,
        read=read,
        rejected=run.tally.rejected,
        delivered=run.delivered,
    )
    settle_run(run.ledger, run.journal, run.object, run.around.clock())


# --- delivering ------------------------------------------------------------------------------------------------


def _deliver_all(run: _Run) -> None:
    """Send the changes of each operation in turn, and then what a later one has left to an earlier one."""
    operations = sorted(run.order.due & frozenset(run.program.takes.values()))
    last = dict.fromkeys(operations, 0)
    for _ in range(TURNS):
        for operation in operations:
            last[operation] = _deliver(run, operation, after=last[operation])


def _deliver(run: _Run, operation: int, *, after: int) -> int:
    """Send one operation's changes, those after a number; they have their verdict then. Answers the last number."""
    ranges = changes.groups(run.staging, operation, after=after)
    if not ranges:
        return after
    last = max(each.last for each in ranges)
    window = Window(run.staging)
    end = run.target.end(operation, window, run.around.stop)
    if run.tally.error is None and end.unavailable():
        said = "it did not answer, and its breaker lets nothing pass now; `one-sync status` says since when"
        message = f"connection {run.target.connection}: {said}, and the next run tries again"
        run.tally.error = TargetError(message, code="E_BREAKER")
    if run.tally.error:
        run.tally.counts.failed += sum(each.size for each in ranges)
        return last
    recorder = Recorder(
        journal=run.journal,
        program=run.program,
        run_id=run.order.run_id,
        target=run.target,
        window=window,
        facts=facts_of(run.program, operation, ranges, run.order.due),
        tally=run.tally,
    )
    parts = parts_of(run.program, run.staging, run.journal, run.target, operation, after=after, load=_load(run))
    known = proven(run.program, operation, run.journal)
    terms = replace(run.target.terms(operation), proven=known)
    delivery = Delivery(parts, terms, end, stop=run.around.stop, splits_left=run.tally.splits_left)
    for event in delivery.events():
        recorder.record(event)
    recorder.close()
    run.tally.splits_left = delivery.splits_left
    if run.tally.first_withheld:
        note = f"{run.object}: removals are withheld: {run.tally.first_withheld}"
        if note not in run.notes:
            run.notes.append(note)
    return last


def _load(run: _Run) -> FirstLoad | None:
    """Tell how far the first load is; None where nothing is created."""
    creates = run.program.creates and not run.order.adopts
    return first_load(run.staging, run.journal, run.object) if creates else None


# --- after delivery ----------------------------------------------------------------------------------------------


def _move_on(run: _Run, read: Read, counts: Counts) -> None:
    """Note how far the source was read, now that all of it was delivered or kept.

    A query's cursor stays while records wait for their turn, and a whole read is not over: nothing but the next read
    brings them again.
    """
    if read.torn:
        run.notes.append(f"{run.object}: of the list nothing counts as gone: {read.torn}")
    position = _position(run, read)
    left = sum(each.waiting + each.unknown + each.withheld + each.not_due for each in (counts, run.tally.counts))
    if position and position.noted is None and not position.untimely and read.full:
        run.notes.append(f"{run.object}: a full read gave no rows{read.hint}")
    if read.full and not (left or counts.rejected or run.tally.counts.rejected):
        note_first_load(run.staging, FirstLoad())
    if read.cursor_column and left:
        return
    with run.journal.transaction():
        if position and (position.noted or position.untimely):
            run.journal.runs.move_cursor(run.object, position.noted)
        elif read.cursor is not None:
            run.journal.runs.move_cursor(run.object, read.cursor)
        if read.full:
            run.journal.runs.read_whole(run.object, run.begun)
    if read.full:
        run.staging.set_meta(READ_BY, run.program.read_fingerprint)


def _position(run: _Run, read: Read) -> Position | None:
    """Find how far a read of a query has come, and say what its cursor cannot do; None: it has none."""
    if read.cursor_column is None or read.moment is None:
        return None
    before = run.journal.runs.standing(run.object).cursor
    position = furthest(
        run.staging, read.cursor_column, now=read.moment, zone=read.zone, before=before, whole=read.full
    )
    column = read.cursor_column
    if position.ahead:
        rows = "1 row is" if position.ahead == 1 else f"{position.ahead} rows are"
        run.notes.append(
            f"{run.object}: {rows} ahead of time, {column} says {position.example}: sent, and read again each time "
            "until then; correct it at the source"
        )
    if read.overlaps and position.untimely:
        run.notes.append(
            f"{run.object}: {column} holds no times, such as {position.untimely[:80]}, so that overlap_seconds cannot "
            "reach back: each read is whole; leave overlap_seconds out, or let the query give times"
        )
        return replace(position, noted=None)
    return replace(position, untimely="")


def _without_verdict(counts: Counts) -> int:
    """Count the changes that a run which was cut short says nothing of."""
    verdicts = counts.confirmed + counts.rejected + counts.waiting + counts.unknown + counts.withheld + counts.failed
    verdicts += counts.not_due + counts.unhandled_changed + counts.unhandled_removed
    return counts.added + counts.changed + counts.removed - verdicts


def _result(run: _Run, counts: Counts, error: OneSyncError | None) -> ObjectResult:
    failure = Failure(code=error.code, message=error.message, exit=int(error.exit)) if error else None
    if failure is None and counts.failed:
        message = f"{counts.failed} records were not confirmed: {run.tally.first_failure}"
        failure = Failure(code="E_NOT_CONFIRMED", message=message, exit=int(Exit.FAILED))
    standing = run.journal.rejections.count_of(run.object)
    partial = counts.rejected or counts.unknown or counts.withheld or standing
    if standing > counts.rejected:
        stand = f"{standing} records stand" if standing > 1 else "1 record stands"
        run.notes.append(f"{run.object}: {stand} rejected; see `one-sync rejected list {run.object}`")
    return ObjectResult(
        object=run.object,
        run_id=run.order.run_id,
        status=Status.FAILED if failure else Status.PARTIAL if partial else Status.SUCCESS,
        counts=counts,
        started_at=run.begun,
        duration_seconds=(run.around.clock() - run.begun).total_seconds(),
        failure=failure,
        unproven=run.tally.unproven,
        notes=tuple(run.notes),
    )


def _conclude(run: _Run, result: ObjectResult) -> None:
    """Draw the consequence that reaches beyond the run: a `once` that is done."""
    counts = result.counts
    left = counts.rejected + counts.waiting + counts.unknown + counts.withheld + counts.failed + counts.not_due
    if isinstance(run.program.mapping.schedule, Once) and result.status is Status.SUCCESS and not left:
        run.journal.runs.once_done(run.object)


def exit_of(result: ObjectResult) -> Exit:
    """Give the exit code that an object's result asks for."""
    if result.failure:
        return Exit(result.failure.exit)
    if result.counts.withheld:
        return GuardError.exit
    if result.status is Status.PARTIAL:
        return Exit.PARTIAL
    return Exit.DONE


def new_run_id(now: datetime) -> str:
    """Make an id for a run that sorts by time and is not met twice."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
