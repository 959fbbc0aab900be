"""One run of one object: extract, diff, render, chunk, deliver, record; a plan is the same without its last steps."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from engine import changes, diff
from engine.chunk import chunk
from engine.decide import Ask, Part
from engine.deliver import MAX_SPLITS, Delivery
from engine.diff import Comparison, Refused
from engine.errors import Exit, GuardError, OneSyncError, RunError, TargetError
from engine.journal import Clock, Journal
from engine.ledger import check_pair, generation, outcomes_of, recover, settle
from engine.mapping import Once
from engine.program import Program
from engine.reading import Read
from engine.recording import Recorder, Tally
from engine.records import Counts, Failure, Key, ObjectResult, Refusal, Rejection, Status, key_text
from engine.staging import DamagedError, Staging, quoted
from engine.targets import Target, Window

BUSY_WAIT_SECONDS = 2.0  # a dry command holds the file that long at most while it copies it
DRY_WAIT_SECONDS = 30.0
LOADED_ROWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What surrounds a run."""

    state: Path  # folder
    clock: Clock
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a run."""

    run_id: str
    due: frozenset[int]  # operations
    allowed_removed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A read compared and rendered; its numbered changes stand in the staging file."""

    spec: Comparison
    counts: Counts
    refused: tuple[Refused, ...]
    remembered: tuple[Key, ...]
    withheld: str | None  # why removals are withheld


Reads: TypeAlias = Callable[[Journal], Iterator[Read]]


# --- a run ------------------------------------------------------------------------------------------------------


def run(program: Program, reads: Reads, target: Target, setting: Setting, order: Order) -> ObjectResult:
    """Run one object once; every failure that concerns this object alone is in the result.

    Raises BusyError when another process runs the object: nothing was done then.
    """
    begun = setting.clock()
    with Journal.open(setting.state, setting.clock) as journal, _opened(program.object, setting) as (staging, note):
        total, tally, notes = Counts(), Tally(splits_left=MAX_SPLITS), [note] if note else []
        error: OneSyncError | None = None
        try:
            notes += _make_ready(staging, journal, program.object, setting.clock)
            for read in reads(journal):
                journal.begin(program.object, order.run_id, begun)
                prepared = prepare(program, staging, journal, read, order)
                notes += [f"{program.object}: {prepared.withheld}"] if prepared.withheld else []
                _deliver(program, prepared, staging, journal, target, setting, order, tally)
                total.add(prepared.counts)
                total.requests += read.requests
                _keep_refused(program, prepared, read, staging, journal, tally)
                _settle(program, staging, journal, setting.clock)
                if tally.error or tally.counts.failed:
                    break
                _move_on(program, read, staging, journal, begun)
        except OneSyncError as raised:
            error = raised
        total.add(tally.counts)
        result = _result(program, order, begun, setting.clock(), total, error or tally.error, tally, notes)
        _conclude(program, journal, target, result, error or tally.error)
        journal.ended(result)
        return result


@contextmanager
def _opened(object_: str, setting: Setting) -> Iterator[tuple[Staging, str | None]]:
    """Open the object's file; a damaged one is set aside and begun anew, with a warning."""
    path = setting.state / f"{object_}.duckdb"
    note = None
    try:
        staging = Staging.open(path, scratch=setting.state, wait_seconds=BUSY_WAIT_SECONDS)
    except DamagedError as error:
        aside = path.with_name(f"{path.name}.damaged-{setting.clock():%Y%m%dT%H%M%S}")
        path.rename(aside)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        note = f"{error.message}; it was set aside as {aside.name} and is rebuilt"
        staging = Staging.open(path, scratch=setting.state, wait_seconds=BUSY_WAIT_SECONDS)
    try:
        yield staging, note
    finally:
        staging.close()


def _make_ready(staging: Staging, journal: Journal, object_: str, clock: Clock) -> list[str]:
    """Check that both files belong together, and settle a run that did not end."""
    warning = check_pair(staging, journal, object_)
    recover(staging, journal, object_, clock())
    return [warning] if warning else []


def _settle(program: Program, staging: Staging, journal: Journal, clock: Clock) -> None:
    settle(staging, outcomes_of(journal, program.object), clock())
    journal.settled(program.object, generation(staging))


# --- preparing: all that a plan does ---------------------------------------------------------------------------


@contextmanager
def copied(object_: str, setting: Setting) -> Iterator[tuple[Staging, Journal]]:
    """Open a copy of an object's state for a dry command, the last run settled in it."""
    path = setting.state / f"{object_}.duckdb"
    with (
        Journal.open_to_read(setting.state, setting.clock) as journal,
        Staging.copy(path, wait_seconds=DRY_WAIT_SECONDS) as staging,
    ):
        check_pair(staging, journal, object_)
        standing = journal.standing(object_)
        if standing.open_run and generation(staging) == standing.generation:
            settle(staging, outcomes_of(journal, object_), setting.clock())
        yield staging, journal


def prepare(program: Program, staging: Staging, journal: Journal, read: Read, order: Order) -> Prepared:
    """Extract, diff and render: afterwards the table `changes` holds what a run would send.

    Raises SourceError or RunError; the ledger is as it was then.
    """
    extracted = staging.stage(read.batches, program.mapping.source.key)
    gone = int(staging.value("select count(*) from staged where gone"))
    _check_columns(program, staging)
    spec = program.comparison(staging.columns, due=order.due, full=read.full, allowed_removed=order.allowed_removed)
    _load_journal(program, staging, journal)
    diff.compare(staging, spec)
    withheld = diff.guard(staging, spec, extracted)
    _render(program, staging)
    diff.number_changes(staging, spec, order.run_id)
    return Prepared(
        spec=spec,
        counts=diff.count(staging, extracted - gone),
        refused=tuple(diff.refused(staging)),
        remembered=tuple(diff.remembered(staging)),
        withheld=withheld,
    )


def _check_columns(program: Program, staging: Staging) -> None:
    unknown = sorted(program.needed_columns() - set(staging.columns))
    if unknown:
        names = ", ".join(unknown)
        raise RunError(
            f"{program.object}: the source has no column {names}; it has {', '.join(staging.columns)}. "
            "Correct the template or the query",
            code="E_UNKNOWN_COLUMN",
        )


def _load_journal(program: Program, staging: Staging, journal: Journal) -> None:
    """Bring what the journal knows into temporary tables, for set-wise work."""
    object_ = program.object
    _load(staging, "bound", ("key", "saved"), journal.bindings(object_))
    for ref in program.refs:
        _load(staging, f"ref:{ref.name}", ("key", "saved"), journal.bindings(ref.object))
    claimed = ((key_text(claim.key),) for claim in journal.claims(object_))
    _load(staging, "claimed", ("key",), claimed)
    hours = program.mapping.retry_rejected_after_hours
    standing = (
        (key_text(each.key), each.payload_hash, each.fingerprint)
        for each in journal.rejections(object_)
        if each.payload_hash and not each.retry and not journal.is_older(each.last_at, hours)
    )
    _load(staging, "remembered", ("key", "payload_hash", "fingerprint"), standing)


def _load(staging: Staging, table: str, names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    listed = ", ".join(f"{name} varchar" for name in names)
    staging.run(f"create or replace temp table {quoted(table)} ({listed})")
    held: list[tuple[Any, ...]] = []

    def push() -> None:
        arrays = [pa.array(values, pa.string()) for values in zip(*held, strict=True)]
        staging.insert(quoted(table), pa.RecordBatch.from_arrays(arrays, list(names)))
        held.clear()

    for row in rows:
        held.append(row)
        if len(held) >= LOADED_ROWS:
            push()
    if held:
        push()


def _render(program: Program, staging: Staging) -> None:
    names = program.lines.columns(staging.columns)
    refs = tuple(ref.name for ref in program.refs)
    diff.begin_lines(staging)
    for numbers, rows in diff.to_render(staging, names, refs):
        lines: list[bytes] = []
        numbered: list[int] = []
        for number, line in zip(numbers, program.lines.render(rows, (*names, *refs)), strict=True):
            if isinstance(line, Refusal):
                diff.refuse(staging, number, line)
            else:
                numbered.append(number)
                lines.append(line)
        diff.take_lines(staging, numbered, lines)


# --- delivering ------------------------------------------------------------------------------------------------


def parts_of(program: Program, staging: Staging, target: Target, operation: int) -> Iterator[Part]:
    """Cut the changes of an operation into the parts of its requests."""
    for number, group in enumerate(changes.groups(staging, operation)):
        for each in chunk([group], target.size(operation)):
            yield Part(range=each, group=number, family=each.first)


def _deliver(
    program: Program,
    prepared: Prepared,
    staging: Staging,
    journal: Journal,
    target: Target,
    setting: Setting,
    order: Order,
    tally: Tally,
) -> None:
    """Send the operations that are due in listed order, each after the one before has ended."""
    for operation in sorted(order.due & frozenset(program.takes.values())):
        window = Window(staging)
        end = target.end(operation, window, setting.stop)
        ranges = changes.groups(staging, operation)
        if not ranges:
            continue
        if tally.error is None and end.unavailable():
            message = f"the connection {target.connection} does not answer; its breaker lets nothing pass for now"
            tally.error = TargetError(message, code="E_BREAKER")
        if tally.error:
            tally.counts.failed += sum(each.size for each in ranges)
            continue
        recorder = Recorder(
            journal=journal,
            program=program,
            run_id=order.run_id,
            target=target,
            window=window,
            operation=operation,
            ranges=ranges,
            due=order.due,
            tally=tally,
            clock=setting.clock,
        )
        delivery = Delivery(
            _with_look_ups(program, staging, journal, target, operation),
            target.terms(operation),
            end,
            stop=setting.stop,
            splits_left=tally.splits_left,
        )
        for event in delivery.events():
            recorder.record(event)
        recorder.close()
        tally.splits_left = delivery.splits_left


def _with_look_ups(
    program: Program, staging: Staging, journal: Journal, target: Target, operation: int
) -> Iterator[tuple[Part, float]]:
    """Give the parts; a create of unknown outcome is looked up first, once its attempt cannot be under way any more."""
    claimed = changes.claimed(staging, operation)
    claims = {claim.key: claim for claim in journal.claims(program.object)} if claimed else {}
    gone = changes.removed_among(staging, claimed)
    settle_seconds = target.terms(operation).look_up_after_seconds or 0.0
    for part in parts_of(program, staging, target, operation):
        key = claimed.get(part.range.first)
        if key is None:
            yield part, 0.0
            continue
        ended = claims[key].ended_at
        age = settle_seconds if ended is None else (journal.now() - ended).total_seconds()
        wait = settle_seconds if ended is None else max(0.0, settle_seconds - age)
        yield _asking(part, gone=part.range.first in gone), wait


def _asking(part: Part, *, gone: bool) -> Part:
    return Part(range=part.range, group=part.group, family=part.family, ask=Ask.LOOK_UP, unknown=True, gone=gone)


# --- after delivery ----------------------------------------------------------------------------------------------


def _keep_refused(
    program: Program, prepared: Prepared, read: Read, staging: Staging, journal: Journal, tally: Tally
) -> None:
    """Remember what was refused before sending, and forget rejections that no longer stand."""
    known = {each.key: each for each in journal.rejections(program.object)}
    standing = {*prepared.remembered, *tally.rejected}
    with journal.transaction():
        for each in prepared.refused:
            standing.add(each.key)
            _keep(program, journal, staging, each, known)
        for item in read.refused:
            standing.add(item.key)
            document = json.dumps({"item": item.item}, ensure_ascii=False, default=str)
            journal.reject(
                program.object,
                item.key,
                item.refusal,
                payload_hash=None,
                fingerprint=program.mapping_fingerprint,
                document=document,
            )
        journal.drop_rejections(program.object, _obsolete(known, standing, read, staging))


def _keep(program: Program, journal: Journal, staging: Staging, refused: Refused, known: dict[Key, Rejection]) -> None:
    """Write a refusal that is new or other than before; the same one costs no write in each run."""
    before = known.get(refused.key)
    if (
        before
        and not before.retry
        and before.refusal == refused.refusal
        and before.fingerprint == program.mapping_fingerprint
    ):
        return
    document = changes.staged_document(staging, refused.key) if program.feed else None
    journal.reject(
        program.object,
        refused.key,
        refused.refusal,
        payload_hash=None,
        fingerprint=program.mapping_fingerprint,
        document=None if document is None else f'{{"document":{document}}}',
    )


def _obsolete(known: dict[Key, Rejection], standing: set[Key], read: Read, staging: Staging) -> list[Key]:
    candidates = [key for key in known if key not in standing]
    if read.full or not candidates:
        return candidates
    seen = {key for (key,) in staging.rows("select key from staged")}
    return [key for key in candidates if key in read.retried or key_text(key) in seen]


def _move_on(program: Program, read: Read, staging: Staging, journal: Journal, begun: datetime) -> None:
    """Note how far the source was read, now that all of it was delivered or kept."""
    object_ = program.object
    with journal.transaction():
        if read.cursor_column:
            greatest = staging.greatest(read.cursor_column)
            if greatest is not None:
                journal.move_cursor(object_, {"value": greatest, "kind": str(staging.kinds[read.cursor_column])})
        elif read.cursor is not None:
            journal.move_cursor(object_, read.cursor)
        if read.full:
            journal.read_whole(object_, begun)


def _result(
    program: Program,
    order: Order,
    begun: datetime,
    ended: datetime,
    counts: Counts,
    error: OneSyncError | None,
    tally: Tally,
    notes: list[str],
) -> ObjectResult:
    failure = Failure(code=error.code, message=error.message, exit=int(error.exit)) if error else None
    if failure is None and counts.failed:
        message = f"{counts.failed} records were not confirmed: {tally.first_failure}"
        failure = Failure(code="E_NOT_CONFIRMED", message=message, exit=int(Exit.FAILED))
    partial = counts.rejected or counts.unknown or counts.withheld
    status = Status.FAILED if failure else Status.PARTIAL if partial else Status.SUCCESS
    return ObjectResult(
        object=program.object,
        run_id=order.run_id,
        status=status,
        counts=counts,
        started_at=begun,
        duration_seconds=(ended - begun).total_seconds(),
        failure=failure,
        notes=tuple(notes),
    )


def _conclude(
    program: Program, journal: Journal, target: Target, result: ObjectResult, error: OneSyncError | None
) -> None:
    """Draw the consequences that reach beyond the run: a connection's pause, a `once` that is done."""
    if error is not None and error.code in ("E_CREDENTIALS", "E_ASKED_TO_WAIT"):
        _, _, _, probes = journal.pauses().get(target.connection, (None, None, None, 0))
        minutes = min(2**probes, 15)
        journal.pause(target.connection, journal.now() + timedelta(minutes=minutes), error.message)
    counts = result.counts
    left = counts.rejected + counts.waiting + counts.unknown + counts.withheld + counts.failed + counts.not_due
    if isinstance(program.mapping.schedule, Once) and not result.failure and not left:
        journal.once_done(program.object)


def exit_of(result: ObjectResult) -> Exit:
    """Give the exit code that an object's result asks for."""
    if result.failure:
        return Exit(result.failure.exit)
    if result.counts.withheld:
        return GuardError.exit
    if result.counts.rejected or result.counts.unknown:
        return Exit.PARTIAL
    return Exit.DONE


def new_run_id(now: datetime) -> str:
    """Make an id for a run that sorts by time and is not met twice."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
