"""`forget`: drops all that is known of one record, so that the next run takes it as a new one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from engine.mapping import MappingSpec, is_feed, keys_of
from engine.mapping.program import Program
from engine.operate.hold import held, opened_journal
from engine.run import App
from engine.state import Ledger, Staging, check_pair, doubt, recover
from engine.state.journal import Journal
from engine.values import Change, ConfigError, Key, RunError

Next: TypeAlias = Literal["looked up", "created", "added", "event"]  # what the next run does where the source has it


def forget(app: App, mapping: MappingSpec, words: Sequence[str]) -> tuple[Key, Next]:
    """Drop binding, ledger row, progress and refusal of a record; nothing is sent, also not where it left the source.

    Answers its key and what the next run does if the source gives it.

    Raises:
        ConfigError: the words are no key of the object, or the outcome of the record's create is unknown.
        RunError: nothing is known of the record.
        BusyError: a run holds the object; nothing was changed.
    """
    program = app.program(mapping)
    with held(app, mapping.object) as staging, opened_journal(app) as journal:
        name = " ".join((mapping.object, *words))
        if staging is not None:
            check_pair(Ledger(staging), journal, mapping.object)
            recover(Ledger(staging), journal, mapping.object, journal.now())
        key = next((key for key in keys_of(mapping, words) if _is_known(mapping.object, staging, journal, key)), None)
        if key is None:
            raise RunError(f"nothing is known of {name}; see `one-sync why {name}`", code="E_UNKNOWN_RECORD")
        if any(claim.key == key for claim in journal.claims.of(mapping.object)):
            remedy = f"say by `one-sync unknown resolve {name}` what it was"
            raise ConfigError(f"the outcome of creating {name} is not known: {remedy}", code="E_FORGET")
        return key, _forget(program, staging, journal, key)


def _is_known(object_: str, staging: Staging | None, journal: Journal, key: Key) -> bool:
    if journal.bindings.get(object_, key) is not None or any(each.key == key for each in journal.claims.of(object_)):
        return True
    if key in journal.progress.of(object_) or journal.rejections.get(object_, key) is not None:
        return True
    return staging is not None and Ledger(staging).holds(key)


def _forget(program: Program, staging: Staging | None, journal: Journal, key: Key) -> Next:
    object_ = program.object
    follows = _next(program)
    if staging is not None:
        if follows == "looked up":
            doubt(staging, journal, object_, key)  # first: a record that may be there is never created unasked
        Ledger(staging).drop(key)
    with journal.transaction():
        journal.bindings.drop(object_, [key])
        journal.progress.drop(object_, [key])
        journal.rejections.drop(object_, [key])
        if not is_feed(program.mapping):
            journal.runs.start_over(object_)
    return follows


def _next(program: Program) -> Next:
    if is_feed(program.mapping):
        return "event"
    if not program.creates:
        return "added"
    lookup = program.operations[program.takes[Change.ADDED]].spec.lookup
    return "looked up" if lookup and lookup.before_create != "never" else "created"
