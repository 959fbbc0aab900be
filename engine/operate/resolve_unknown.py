"""`unknown resolve`: says what became of a create whose outcome was never learnt."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from engine.mapping import MappingSpec, keys_of
from engine.operate.hold import held, opened_journal
from engine.operate.needed_values import as_options, saved_names
from engine.run import App
from engine.state import Ledger, Staging, check_pair, recover, vouch
from engine.state.journal import Claim, Journal
from engine.values import ConfigError, Key, RunError


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
        _check_saved(mapping.object, saved, saved_names(program, claim.operation) if in_range else ())
        with journal.transaction():
            journal.bindings.add(mapping.object, [(claim.key, saved)])
            journal.claims.drop(mapping.object, [claim.key])
        return claim.key


def _check_saved(object_: str, saved: Collection[str], needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in saved]:
        raise ConfigError(
            f"{object_}: {', '.join(missing)} is saved from the target's answer and needed later; "
            f"look it up at the target and add {as_options(missing)}",
            code="E_SAVE",
        )
    if other := [name for name in saved if name not in needed]:
        known = f"it saves {', '.join(needed)}" if needed else "it saves nothing"
        raise ConfigError(f"{object_} does not save {', '.join(other)}: {known}", code="E_SAVE")


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
            vouch(staging, journal, mapping.object, claim.key)
        journal.claims.drop(mapping.object, [claim.key])
        return claim.key


@contextmanager
def _claimed(app: App, mapping: MappingSpec, words: Sequence[str]) -> Iterator[tuple[Staging | None, Journal, Claim]]:
    keys = keys_of(mapping, words)
    with held(app, mapping.object) as staging, opened_journal(app) as journal:
        claims = {claim.key: claim for claim in journal.claims.of(mapping.object)}
        claim = next((claims[key] for key in keys if key in claims), None)
        if claim is None:
            name = " ".join((mapping.object, *words))
            raise RunError(f"the outcome of {name} is not unknown; see `one-sync unknown list`", code="E_NOT_UNKNOWN")
        yield staging, journal, claim
