"""`adopt`: takes what the source says as confirmed; only look-ups are sent."""

from __future__ import annotations

from collections.abc import Sequence

from engine.connections import HttpConnection, Retry
from engine.mapping import MappingSpec
from engine.mapping.program import Program
from engine.operate.adopting_target import AdoptingTarget
from engine.operate.hold import held
from engine.operate.needed_values import as_options, unadoptable
from engine.operate.pair_anew import pair_anew
from engine.run import App, new_run_id, run_object
from engine.state import Ledger, apart
from engine.values import Change, ConfigError, Counts, ObjectResult, Order, Status


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
    needed = unadoptable(program)
    if needed:
        return _hold_lost(app, program, needed)
    order = Order(run_id=new_run_id(app.clock()), due=program.all_operations, adopts=True)
    with app.source(program, run_id=order.run_id) as source:  # the very wiring of a run
        target = _adopting(app, mapping, program)
        with held(app, mapping.object) as staging:  # held on to while the run opens it once more
            if staging is not None:
                with app.journal_to_write() as journal:
                    pair_anew(program, staging, journal)
            return run_object(program, source, target, app.surroundings(mapping), order)


def _adopting(app: App, mapping: MappingSpec, program: Program) -> AdoptingTarget:
    name = app.target_connection(mapping).name
    if not any(each.lookup for each in program.operations):
        return AdoptingTarget(program, None, connection=name, workers=1, retry=Retry())
    settings = app.connection(name, HttpConnection)
    http = app.http(name)
    return AdoptingTarget(program, http, connection=name, workers=settings.concurrency, retry=settings.retry)


def _hold_lost(app: App, program: Program, needed: Sequence[str]) -> ObjectResult:
    """Pair ledger and journal again: records whose values went with the journal are unknown from now on."""
    begun = app.clock()
    creates = program.operations[program.takes[Change.ADDED]].spec.creates
    with held(app, program.object) as staging:
        if staging is None or not creates:
            raise _not_adoptable(program, needed, creates=creates)
        with app.journal_to_write() as journal:
            if not apart(Ledger(staging), journal, program.object):
                raise _not_adoptable(program, needed, creates=creates)
            lost = pair_anew(program, staging, journal)
    note = (
        f"{program.object}: ledger and journal are paired again, and nothing was adopted; {lost} records are unknown, "
        f"as {', '.join(needed)} went with the journal. For each of `one-sync unknown list {program.object}` look at "
        f"the target, then `one-sync unknown resolve {program.object} KEY --confirmed {as_options(needed)}` or "
        "`--not-sent`; or give the entry a `lookup`, and the next run asks for them"
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
