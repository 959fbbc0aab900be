"""Withholds removals that are too many to believe: an empty or half-read source removes nothing."""

from __future__ import annotations

import math

from engine.diff import Comparison
from engine.mapping import Guards
from engine.staging import Staging


def guard(staging: Staging, spec: Comparison, extracted: int) -> str | None:
    """Withhold every removal when there are more than the guard allows; answers the reason, or None.

    Removals that the source itself names (a feed) are no suspicion and are not counted.
    """
    if not spec.full:
        return None
    removals = int(
        staging.value("select count(*) from candidates where change = 'removed' and disposition in ('send', 'not_due')")
    )
    held = int(staging.value("select count(*) from ledger"))
    reason = withheld(removals, held, extracted, spec.guards, spec.allowed_removed)
    if reason:
        staging.run(
            "update candidates set disposition = 'withheld' where change = 'removed'"
            " and disposition in ('send', 'not_due')"
        )
    return reason


def withheld(removals: int, held: int, extracted: int, guards: Guards, allowed: int | None) -> str | None:
    """Decide whether removals are too many to believe; answers why, or None where they may go.

    `held` is the number of records in the ledger, `allowed` an operator's ceiling for this once.
    """
    if not removals or (allowed is not None and removals <= allowed):
        return None
    if allowed is not None:
        return f"{removals} removals are more than the {allowed} that were allowed"
    if extracted < guards.min_rows:
        few = f"the source gave {extracted} rows, guards.min_rows is {guards.min_rows}"
        return f"{removals} removals are withheld: {few}"
    ceiling = guards.max_removed_rows
    if ceiling is None:
        percent = guards.max_removed_percent if guards.max_removed_percent is not None else 100.0
        ceiling = max(1, math.ceil(held * percent / 100))
    if removals > ceiling:
        return (
            f"{removals} of {held} records are gone from the source, the guard lets {ceiling} go (guards.max_removed)"
        )
    return None
