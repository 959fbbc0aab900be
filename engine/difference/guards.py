"""Withholds what is too odd to believe, whatever the source says: too many losses, changes or creates at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.difference import second_creates
from engine.difference.second_creates import REWRITTEN, TO_SEND
from engine.mapping import Ceiling, Guards
from engine.mapping.program import Comparison
from engine.state import RunJournal, Staging, column, ledger_columns
from engine.values import Change, Kind

_LOST = "n in (select n from lost)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is withheld."""

    reason: str
    lets_go: Mapping[Change, int] = field(default_factory=dict)  # the least ceilings under which it goes

    def advice(self, object_: str) -> str:
        """Say why, and how it goes."""
        ceilings = " ".join(f"--allow-{change} {count}" for change, count in self.lets_go.items())
        return f"{self.reason}; if they are meant, `run --once {object_} {ceilings}` lets them go this once"


# --- before anything is rendered -------------------------------------------------------------------------------


def guard(staging: Staging, spec: Comparison, journal: RunJournal, extracted: int) -> tuple[Held, ...]:
    """Withhold every loss when there are more than the guard allows, and creates that look like a second time.

    A loss is a removal, or a record that had children and has none. Removals that the source itself names (a feed) are
    no suspicion and are not counted.
    """
    barren = _find_losses(staging, full=spec.full)
    second_creates.find(staging, spec)
    losses = _losses(staging, spec, extracted, barren)
    second = second_creates.withhold(staging, spec, journal)
    held = [losses] if losses else []
    held += [Held(reason=second.reason, lets_go={Change.ADDED: second.creates})] if second else []
    if spec.full and not held:
        second_creates.note_gone(staging, spec)
    return tuple(held)


def _losses(staging: Staging, spec: Comparison, extracted: int, barren: str | None) -> Held | None:
    """Withhold losses, and pairs of a loss and a create that differ only in how their key is written."""
    allowed = spec.allowed.get(Change.REMOVED)
    losses, removed = staging.rows("select count(*), count(*) filter (change = 'removed') from lost")[0]
    gone = int(staging.value("select count(*) from (select key from lost union select gone from rewritten)"))
    counted = losses if allowed is None else gone
    reason = withheld(
        counted,
        int(staging.value("select count(*) from ledger")),
        few_rows(removed, extracted, spec.guards) or (barren if losses > removed else None),
        spec.guards,
        allowed,
        what=_what(counted, losses=losses, removed=removed),
    )
    second = second_creates.rewritten(staging, spec) if reason or allowed is None else None
    found = {text: which for text, which in ((reason, _LOST), (second, REWRITTEN)) if text}
    for which in found.values():
        staging.run(f"update candidates set disposition = 'withheld' where {which}")
    if found and not reason:
        gone = int(staging.value("select count(distinct gone) from rewritten"))
    return Held(reason="; ".join(found), lets_go={Change.REMOVED: gone}) if found else None


def _what(counted: int, *, losses: int, removed: int) -> str:
    if losses > removed:
        return "removals and records that lose all their children"
    return "removals" if counted == removed else "records that are gone"


def _find_losses(staging: Staging, *, full: bool) -> str | None:
    """Make the view `lost`; answers what to say where nobody has children of a kind any more, or None.

    Where the read is not `full` a removal is no loss: the source itself has named it.
    """
    known = set(ledger_columns(staging))
    lists = [name for name in staging.columns if staging.kinds[name] is Kind.LIST and name in known]
    is_loss = ["change = 'removed'"] if full else []
    is_loss += [
        f"change = 'changed' and {column(name)} = '[]' and key in (select key from ledger where {column(name)} <> '[]')"
        for name in lists
    ]
    staging.run(
        "create or replace temp view lost as select n, key, change from candidates"
        f" where {TO_SEND} and ({' or '.join(f'({each})' for each in is_loss) or 'false'})"
    )
    barren = [name for name in lists if not staging.value(f"select 1 from staged where {column(name)} <> '[]' limit 1")]
    return f"the children {', '.join(barren)} gave no row that belongs to a record" if barren else None


def few_rows(removals: int, extracted: int, guards: Guards) -> str | None:
    """Say why a read is too small to remove anything by, or None."""
    if not removals or extracted >= guards.min_rows:
        return None
    return f"the source gave {extracted} rows, guards.min_rows is {guards.min_rows}"


def withheld(
    losses: int, held: int, suspicion: str | None, guards: Guards, allowed: int | None, *, what: str = "removals"
) -> str | None:
    """Decide whether losses are too many to believe; answers why, or None where they may go.

    `held` is the number of records in the ledger, `suspicion` what is wrong whatever their number, `allowed` an
    operator's ceiling for this once.
    """
    if not losses or (allowed is not None and losses <= allowed):
        return None
    if allowed is not None:
        return f"{losses} {what} are more than the {allowed} that were allowed"
    if suspicion:
        return f"{losses} {what} are withheld: {suspicion}"
    ceiling = guards.max_removed.among(held)
    if losses <= ceiling:
        return None
    if what == "removals":
        gone = f"{losses} of {held} records are gone from the source"
    else:
        gone = f"{losses} of {held} records are gone from the source or lose all their children"
    return f"{gone}, the guard lets {ceiling} go (guards.max_removed)"


# --- when payloads are known -----------------------------------------------------------------------------------


def guard_payloads(staging: Staging, spec: Comparison) -> tuple[Held, ...]:
    """Withhold all creates, or all changes, where more are about to be sent than the guard allows.

    Counted is what differs in its payload. What was let go before is not: its outcome is open, or a person asked for
    it.
    """
    ceilings = ((Change.ADDED, spec.guards.max_added), (Change.CHANGED, spec.guards.max_changed))
    return tuple(held for change, ceiling in ceilings if (held := _too_many(staging, spec, change, ceiling)))


def _too_many(staging: Staging, spec: Comparison, change: Change, ceiling: Ceiling | None) -> Held | None:
    which = f"change = '{change}' and verdict in ('send', 'not_due') and not uncertain"
    allowed = spec.allowed.get(change)
    if ceiling is None and allowed is None:
        return None
    count = int(staging.value(f"select count(*) from decided where {which}"))
    held = int(staging.value("select count(*) from ledger where payload_hash is not null"))
    reason = too_many(count, held, ceiling, allowed, change)
    if reason is None:
        return None
    staging.run(f"update decided set verdict = 'withheld' where {which}")
    return Held(reason=reason, lets_go={change: count})


def too_many(count: int, held: int, ceiling: Ceiling | None, allowed: int | None, change: Change) -> str | None:
    """Decide whether so many records may be added or changed; answers why not, or None.

    A percentage is one of the records that are confirmed: before there are any it is no ceiling.
    """
    if allowed is not None:
        more = f"{count} {change} records are more than the {allowed} that were allowed"
        return more if count > allowed else None
    if ceiling is None or (ceiling.rows is None and not held) or count <= ceiling.among(held):
        return None
    beside = f"beside {held} confirmed ones " if ceiling.rows is None else ""
    return f"{count} {change} records {beside}are more than the {ceiling.among(held)} of guards.max_{change}"
