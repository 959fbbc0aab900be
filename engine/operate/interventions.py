"""What a person may change in the state: send again, adopt, resolve an unknown create, try a refused record again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from engine.connections.identity import differing
from engine.connections.settings import HttpConnection, Retry
from engine.mapping.keys_from_words import is_feed, keys_of, spellings
from engine.mapping.program import Program
from engine.mapping.spec import MappingSpec
from engine.operate.adopting_target import AdoptingTarget
from engine.run import run_object
from engine.run.app import App
from engine.run.run_object import new_run_id
from engine.state.duckdb_file import DamagedError
from engine.state.journal import Journal
from engine.state.journal.claims import Claim
from engine.state.journal.sqlite_file import FILE_NAME
from engine.state.ledger import Ledger, confirmed
from engine.state.recovery import apart, check_pair, recover, settle_unknown
from engine.state.staging import Staging
from engine.values.errors import ConfigError, RunError
from engine.values.order import Order
from engine.values.records import Change, Key, key_text
from engine.values.results import Counts, ObjectResult, Status


@contextmanager
def _held(app: App, object_: str) -> Iterator[Staging | None]:
    """Hold an object's file, so that no run of it begins; None where there is none that can be used."""
    path = app.state / f"{object_}.duckdb"
    if not path.exists():
        yield None
        return
    try:
        staging = Staging.open(path, scratch=app.state, wait_seconds=run_object.BUSY_WAIT_SECONDS)
    except DamagedError:
        yield None
        return
    try:
        yield staging
    finally:
        staging.close()


# --- sending again -------------------------------------------------------------------------------------------


def resend(app: App, mapping: MappingSpec, words: Sequence[str] = ()) -> int:
    """Let the next run send one record again, or without words all of them; answers how many that are.

    Raises:
        ConfigError: the object cannot send a confirmed record again, or the words are no key of it.
        RunError: the ledger does not hold the record.
        BusyError: a run holds the object; nothing was changed.
    """
    program = app.program(mapping)
    _check_resendable(program, words)
    keys = keys_of(mapping, words) if words else None
    count = 0
    with _held(app, mapping.object) as staging:
        if staging is not None:
            with app.journal_to_write() as journal:
                ledger = Ledger(staging)
                check_pair(ledger, journal, mapping.object)
                recover(ledger, journal, mapping.object, journal.now())
                count = ledger.forget(keys)
                if count:
                    journal.runs.start_over(mapping.object)
    if words and not count:
        name = " ".join((mapping.object, *words))
        raise RunError(f"the ledger holds no record {name}; see `one-sync why {name}`", code="E_UNKNOWN_RECORD")
    return count


def _check_resendable(program: Program, words: Sequence[str]) -> None:
    object_ = program.object
    if Change.CHANGED not in program.takes:
        message = f"{object_}: no entry of `send` takes changed records, and what is confirmed is never added again"
        raise ConfigError(message, code="E_RESEND")
    if words and is_feed(program.mapping):
        message = (
            f"{object_}: a feed cannot be asked for one record; it comes with its next event, "
            f"or `one-sync resend {object_}` reads the whole feed again"
        )
        raise ConfigError(message, code="E_RESEND")


# --- adopting --------------------------------------------------------------------------------------------------


def adopt(app: App, mapping: MappingSpec) -> ObjectResult:
    """Take what the source says now as confirmed; only look-ups are sent. Pairs ledger and journal anew if need be.

    In the result `waiting` counts also the records that a look-up did not find, and `unknown` those of an unclear one.

    Where values are needed that adopting cannot get, nothing is adopted: after a lost journal the records whose values
    are lost become unknown, for a person to resolve.

    Raises:
        ConfigError: the values that the object saves from answers could not be had; nothing was done.
        BusyError: a run holds the object; nothing was done.
    """
    program = app.program(mapping)
    needed = _unadoptable(program)
    if needed:
        return _hold_lost(app, program, needed)
    order = Order(run_id=new_run_id(app.clock()), due=program.all_operations, adopts=True)
    with app.source(program, run_id=order.run_id) as source:  # the very wiring of a run
        target = _adopting(app, mapping, program)
        with _held(app, mapping.object) as staging:  # held on to while the run opens it once more
            if staging is not None:
                with app.journal_to_write() as journal:
                    _pair(program, staging, journal)
            return run_object.run_object(program, source, target, app.surroundings(mapping), order)


def accept_ends(app: App, mappings: Sequence[MappingSpec]) -> list[str]:
    """Take the ends that objects have now as those that their notes speak of; answers the objects that changed."""
    with _journal(app) as journal:
        changed = [each for each in mappings if differing(journal.ends.of(each.object), app.ends_of(each))]
        for each in changed:
            journal.ends.put(each.object, app.ends_of(each))
    return [each.object for each in changed]


def _unadoptable(program: Program) -> tuple[str, ...]:
    """Name the values that are saved from a create's answer and needed later, where no look-up can ask for them."""
    operation = program.takes.get(Change.ADDED)
    if operation is None or not program.operations:
        return ()
    added = program.operations[operation]
    needed = saved_names(program, operation) if program.referenced or _names_saved(program) else ()
    return () if added.lookup and added.spec.creates else needed


def _hold_lost(app: App, program: Program, needed: Sequence[str]) -> ObjectResult:
    """Pair ledger and journal again: records whose values went with the journal are unknown from now on."""
    begun = app.clock()
    creates = program.operations[program.takes[Change.ADDED]].spec.creates
    with _held(app, program.object) as staging:
        if staging is None or not creates:
            raise _not_adoptable(program, needed, creates=creates)
        with app.journal_to_write() as journal:
            if not apart(Ledger(staging), journal, program.object):
                raise _not_adoptable(program, needed, creates=creates)
            lost = _pair(program, staging, journal)
    gives = " ".join(f"--save {name}=VALUE" for name in needed)
    note = (
        f"{program.object}: ledger and journal are paired again, and nothing was adopted; {lost} records are unknown, "
        f"as {', '.join(needed)} went with the journal. For each of `one-sync unknown list {program.object}` look at "
        f"the target, then `one-sync unknown resolve {program.object} KEY --confirmed {gives}` or `--not-sent`; "
        "or give the entry a `lookup`, and the next run asks for them"
    )
    return ObjectResult(
        object=program.object,
        run_id=new_run_id(begun),
        status=Status.PARTIAL if lost else Status.SUCCESS,
        counts=Counts(extracted=lost, added=lost, unknown=lost),
        started_at=begun,
        duration_seconds=(app.clock() - begun).total_seconds(),
        notes=(note,),
    )


def _not_adoptable(program: Program, needed: Sequence[str], *, creates: bool) -> ConfigError:
    remedy = (
        "give the entry a `lookup`, so that they can be asked for"
        if creates
        else "let a run send the records instead: that can be repeated"
    )
    return ConfigError(
        f"{program.object}: {', '.join(needed)} is saved from the target's answers and needed later, "
        f"and adopting gets no answers; {remedy}",
        code="E_ADOPT",
    )


def _names_saved(program: Program) -> bool:
    return any("saved" in operation.names for operation in program.operations)


def _adopting(app: App, mapping: MappingSpec, program: Program) -> AdoptingTarget:
    name = app.target_connection(mapping).name
    if not any(each.lookup for each in program.operations):
        return AdoptingTarget(program, None, connection=name, workers=1, retry=Retry())
    settings = app.connection(name, HttpConnection)
    http = app.http(name)
    return AdoptingTarget(program, http, connection=name, workers=settings.concurrency, retry=settings.retry)


def _pair(program: Program, staging: Staging, journal: Journal) -> int:
    """Let ledger and journal belong together again; what the journal has lost is noted in it first.

    Answers how many records are to be asked for, or resolved by a person.
    """
    ledger = Ledger(staging)
    is_apart = apart(ledger, journal, program.object)
    if is_apart:
        settle_unknown(ledger, journal.now())
    lost = _note_creates(program, staging, journal)
    if is_apart:
        journal.runs.settled(program.object, ledger.generation)
        ledger.pair(journal.identity)
    return lost


def _note_creates(program: Program, staging: Staging, journal: Journal) -> int:
    """Keep records whose binding is lost from being created again.

    A record that was confirmed and saves nothing that is needed gets an empty binding. Every other one gets a claim: it
    may exist, or not, and is looked up, or resolved by a person. That goes also for creates that were never confirmed:
    their claims are lost with the journal.
    """
    operation = program.takes.get(Change.ADDED)
    if operation is None or not program.operations or not program.operations[operation].spec.creates:
        return 0
    known = {key for key, _ in journal.bindings.of(program.object)}
    known |= {key_text(claim.key) for claim in journal.claims.of(program.object)}
    lost = Ledger(staging).held_beside(known)
    if not program.operations[operation].lookup and not _unadoptable(program):
        journal.bindings.add(program.object, [(key, {}) for key, was_confirmed in lost.items() if was_confirmed])
        lost = {key: was_confirmed for key, was_confirmed in lost.items() if not was_confirmed}
    now = journal.now()
    with journal.transaction():
        journal.claims.add(program.object, [_claim_of(staging, key, operation, journal) for key in lost], "adopt")
        journal.claims.end(program.object, lost, now, "its binding is lost")
    Ledger(staging).doubt(lost)
    return len(lost)


def _claim_of(staging: Staging, key: Key, operation: int, journal: Journal) -> Claim:
    held = confirmed(staging, key)
    return Claim(
        key=key,
        operation=operation,
        payload_hash="",
        row=held.row if held else {},
        claimed_at=journal.now(),
        ended_at=None,
        reason=None,
    )


# --- creates of unknown outcome ------------------------------------------------------------------------------------


def saved_names(program: Program, operation: int) -> tuple[str, ...]:
    """List the values that an operation saves from the target's answers."""
    spec = program.operations[operation].spec
    return tuple(dict.fromkeys(name for save in (spec.save, *(each.save for each in spec.requests)) for name in save))


def resolve_confirmed(app: App, mapping: MappingSpec, words: Sequence[str], saved: Mapping[str, Any]) -> Key:
    """Note that a create of unknown outcome had its effect: the record has a binding, and its next change is none.

    Raises:
        ConfigError: values that the mapping saves are missing in `saved`, or others stand there.
        RunError: the record is not unknown.
        BusyError: a run holds the object; nothing was changed.
    """
    with _claimed(app, mapping, words) as (_, journal, claim):
        program = app.program(mapping)
        in_range = claim.operation < len(program.operations)
        needed = saved_names(program, claim.operation) if in_range else ()
        missing = [name for name in needed if name not in saved]
        if missing:
            gives = " ".join(f"--save {name}=VALUE" for name in missing)
            raise ConfigError(
                f"{mapping.object}: {', '.join(missing)} is saved from the target's answer and needed later; "
                f"look it up at the target and add {gives}",
                code="E_SAVE",
            )
        if other := [name for name in saved if name not in needed]:
            known = f"it saves {', '.join(needed)}" if needed else "it saves nothing"
            raise ConfigError(f"{mapping.object} does not save {', '.join(other)}: {known}", code="E_SAVE")
        with journal.transaction():
            journal.bindings.add(mapping.object, [(claim.key, saved)])
            journal.claims.drop(mapping.object, [claim.key])
        return claim.key


def resolve_not_sent(app: App, mapping: MappingSpec, words: Sequence[str]) -> Key:
    """Note that a create of unknown outcome had no effect: the next run creates the record.

    Raises RunError when the record is not unknown, BusyError when a run holds the object; nothing was changed then.
    """
    with _claimed(app, mapping, words) as (staging, journal, claim):
        if staging is not None:  # what is nowhere is no removal either, should it have left the source
            ledger = Ledger(staging)
            check_pair(ledger, journal, mapping.object)
            recover(ledger, journal, mapping.object, journal.now())
            ledger.disown(claim.key)
        journal.claims.drop(mapping.object, [claim.key])
        return claim.key


@contextmanager
def _claimed(app: App, mapping: MappingSpec, words: Sequence[str]) -> Iterator[tuple[Staging | None, Journal, Claim]]:
    keys = keys_of(mapping, words)
    with _held(app, mapping.object) as staging, _journal(app) as journal:
        claims = {claim.key: claim for claim in journal.claims.of(mapping.object)}
        claim = next((claims[key] for key in keys if key in claims), None)
        if claim is None:
            name = " ".join((mapping.object, *words))
            raise RunError(f"the outcome of {name} is not unknown; see `one-sync unknown list`", code="E_NOT_UNKNOWN")
        yield staging, journal, claim


# --- refused records -----------------------------------------------------------------------------------------------


def retry_rejected(app: App, object_: str, words: Sequence[str] | None) -> int:
    """Let the next run try a refused record again, or with None all of the object; answers how many.

    Raises RunError when no such record is refused.
    """
    with _journal(app) as journal:
        refused = [each.key for each in journal.rejections.of(object_)]
        keys = refused if words is None else [key for key in spellings(words) if key in refused][:1]
        if words is not None and not keys:
            name = " ".join((object_, *words))
            raise RunError(f"{name} is not rejected; see `one-sync rejected list {object_}`", code="E_NOT_REJECTED")
        return journal.rejections.retry(object_, keys) if keys else 0


@contextmanager
def _journal(app: App) -> Iterator[Journal]:
    """Open the journal to write; where there is none yet, an empty one to read."""
    with app.journal_to_write() if (app.state / FILE_NAME).exists() else app.journal() as journal:
        yield journal
