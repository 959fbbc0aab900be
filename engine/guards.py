"""Withholds losses that are too many to believe: an empty or half-read source takes nothing away at the target."""

from __future__ import annotations

import math

from engine.canonical import Kind
from engine.diff import Comparison
from engine.ledger import ledger_columns
from engine.mapping import Guards
from engine.staging import Staging, column

_TO_SEND = "disposition in ('send', 'not_due')"


def guard(staging: Staging, spec: Comparison, extracted: int) -> str | None:
    """Withhold every loss when there are more than the guard allows; answers the reason, or None.

    A loss is a removal, or a record that had children and has none. Removals that the source itself names (a feed) are
    no suspicion and are not counted.
    """
    removals = "(change = 'removed')" if spec.full else "false"
    emptied, barren = _emptied(staging)
    lost = f"{_TO_SEND} and ({removals} or {emptied or 'false'})"
    losses = int(staging.value(f"select count(*) from candidates where {lost}"))
    held = int(staging.value("select count(*) from ledger"))
    removed = int(staging.value(f"select count(*) from candidates where {_TO_SEND} and {removals}"))
    reason = withheld(
        losses,
        held,
        few_rows(removed, extracted, spec.guards) or (barren if losses > removed else None),
        spec.guards,
        spec.allowed_removed,
        what="removals" if losses == removed else "removals and records that lose all their children",
    )
    if reason:
        staging.run(f"update candidates set disposition = 'withheld' where {lost}")
    return reason


def _emptied(staging: Staging) -> tuple[str | None, str | None]:
    """Give SQL for the candidates that lose all their children, and what to say where nobody has children any more."""
    known = set(ledger_columns(staging))
    names = [name for name in staging.columns if staging.kinds[name] is Kind.LIST and name in known]
    if not names:
        return None, None
    emptied = [
        f"({column(name)} = '[]' and exists (select 1 from ledger l where l.key = candidates.key"
        f" and l.{column(name)} <> '[]'))"
        for name in names
    ]
    barren = [name for name in names if not staging.value(f"select count(*) from staged where {column(name)} <> '[]'")]
    said = f"the children {', '.join(barren)} gave no row that belongs to a record" if barren else None
    return f"(change = 'changed' and ({' or '.join(emptied)}))", said


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
    ceiling = guards.max_removed_rows
    if ceiling is None:
        percent = guards.max_removed_percent if guards.max_removed_percent is not None else 100.0
        ceiling = max(1, math.ceil(held * percent / 100))
    if losses <= ceiling:
        return None
    if what == "removals":
        gone = f"{losses} of {held} records are gone from the source"
    else:
        gone = f"{losses} of {held} records are gone from the source or lose all their children"
    return f"{gone}, the guard lets {ceiling} go (guards.max_removed)"
