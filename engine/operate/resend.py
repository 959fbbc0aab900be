"""`resend`: forgets what was confirmed, so that the next run sends it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.mapping import MappingSpec, is_feed, keys_of
from engine.mapping.program import Program
from engine.operate.hold import held
from engine.run import App
from engine.state import Ledger, check_pair, load_journal, outlook, recover
from engine.values import Change, ConfigError, Key, RunError


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """What the next run sends again, if the source still gives it."""

    count: int
    taken: Mapping[str, int] = field(default_factory=dict)  # how many of them as changed, added, unknown, rejected


def resend(app: App, mapping: MappingSpec, words: Sequence[str] = ()) -> Resent:
    """Let the next run send one record again, or without words all of them; answers how many that are, and as what.

    Raises:
        ConfigError: the object cannot send a confirmed record again, or the words are no key of it.
        RunError: the ledger does not hold the record.
        BusyError: a run holds the object; nothing was changed.
    """
    _check_resendable(app.program(mapping), words)
    resent = _forget(app, mapping.object, keys_of(mapping, words) if words else None)
    if words and not resent.count:
        name = " ".join((mapping.object, *words))
        raise RunError(f"the ledger holds no record {name}; see `one-sync why {name}`", code="E_UNKNOWN_RECORD")
    return resent


def _forget(app: App, object_: str, keys: Sequence[Key] | None) -> Resent:
    with held(app, object_) as staging:
        if staging is None:
            return Resent(count=0)
        with app.journal_to_write() as journal:
            ledger = Ledger(staging)
            check_pair(ledger, journal, object_)
            recover(ledger, journal, object_, journal.now())
            load_journal(staging, journal, object_, refs={}, retry_after_hours=0)
            taken = outlook(staging, keys)
            count = ledger.forget(keys)
            if count:
                journal.runs.start_over(object_)
    return Resent(count=count, taken=taken)


def _check_resendable(program: Program, words: Sequence[str]) -> None:
    object_ = program.object
    if Change.CHANGED not in program.takes:
        message = f"{object_}: no entry of `send` takes changed records, and what is confirmed is never added again; "
        message += f"`one-sync forget {object_} KEY` lets the next run take one record as a new one"
        raise ConfigError(message, code="E_RESEND")
    if words and is_feed(program.mapping):
        message = (
            f"{object_}: a feed cannot be asked for one record; it comes with its next event, "
            f"or `one-sync resend {object_}` reads the whole feed again"
        )
        raise ConfigError(message, code="E_RESEND")
