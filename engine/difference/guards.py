"""Withholds what is too odd to believe: losses of a source that failed, second creates under keys written otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.mapping import Guards
from engine.mapping.program import Comparison
from engine.state import Staging, column, ledger_columns
from engine.values import Key, Kind, key_text

_TO_SEND = "disposition in ('send', 'not_due')"
_LOST = "n in (select n from lost)"
_REWRITTEN = (
    f"{_TO_SEND} and (key in (select key from rewritten) or change = 'removed' and key in (select gone from rewritten))"
)
SHOWN = 200  # characters of a key

# A part of a key without what is only its writing: spaces around (a CHAR's, an import's), letter case, leading zeros,
# zeros after the point. So 17, 17.0 and 0017 are one; 0 stays 0, and an empty text is no number.
_TRIMMED = "lower(trim(part, ' \t\r\n\u00a0'))"
_WITHOUT_ZEROS = rf"regexp_replace({_TRIMMED}, '^(-?)0+([^.])', '\1\2')"
_BARE = rf"regexp_replace({_WITHOUT_ZEROS}, '^(-?[0-9]+)(?:\.0*|(\.[0-9]*?[1-9])0+)$', '\1\2')"
BARE_KEY = f"cast(to_json(list_transform(from_json(key, '[\"varchar\"]'), lambda part: {_BARE})) as varchar)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is withheld."""

    reason: str
    losses: int  # the least ceiling that lets it go


def guard(staging: Staging, spec: Comparison, extracted: int) -> Held | None:
    """Withhold every loss when there are more than the guard allows, and creates that look like a second time.

    A loss is a removal, or a record that had children and has none. Removals that the source itself names (a feed) are
    no suspicion and are not counted.
    A record looks created already where its key differs from one that is gone only in how it is written. However few
    they are, and whatever `guards` says, neither is then the one created nor the other removed: once it were, nothing
    would tell of the pair any more.
    """
    barren = _find_losses(staging, full=spec.full)
    _find_rewritten(staging, spec)
    losses, removed = staging.rows("select count(*), count(*) filter (change = 'removed') from lost")[0]
    gone = int(staging.value("select count(*) from (select key from lost union select gone from rewritten)"))
    counted = losses if spec.allowed_removed is None else gone
    reason = withheld(
        counted,
        int(staging.value("select count(*) from ledger")),
        few_rows(removed, extracted, spec.guards) or (barren if losses > removed else None),
        spec.guards,
        spec.allowed_removed,
        what=_what(counted, losses=losses, removed=removed),
    )
    second = rewritten(staging, full=spec.full) if reason or spec.allowed_removed is None else None
    found = {text: which for text, which in ((reason, _LOST), (second, _REWRITTEN)) if text}
    for which in found.values():
        staging.run(f"update candidates set disposition = 'withheld' where {which}")
    if found and not reason:
        gone = int(staging.value("select count(distinct gone) from rewritten"))
    return Held(reason="; ".join(found), losses=gone) if found else None


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
        f" where {_TO_SEND} and ({' or '.join(f'({each})' for each in is_loss) or 'false'})"
    )
    barren = [name for name in lists if not staging.value(f"select 1 from staged where {column(name)} <> '[]' limit 1")]
    return f"the children {', '.join(barren)} gave no row that belongs to a record" if barren else None


def _find_rewritten(staging: Staging, spec: Comparison) -> None:
    """Make the table `rewritten`: keys about to be created, each with those `gone` that are the same written otherwise.

    Gone is what was ever sent or bound and is not in this read. Where creating can be repeated nothing is looked for:
    the target knows these records by their keys, so that what is written under another one can be removed by it.
    What was let go before is not asked for again: its outcome is open, or the target refused it.
    """
    staging.begin("rewritten")
    created = (
        f"from candidates where change = 'added' and {_TO_SEND} and not uncertain"
        " and key not in (select key from remembered)"
    )
    if not spec.creates or not staging.value(f"select 1 {created} limit 1"):
        return
    staging.run(
        f"""
        create or replace temp table absent as
        select key, {BARE_KEY} as bare
        from (select distinct key from (select key from ledger union all select key from bound))
        where key not in (select key from staged)
        """
    )
    if staging.value("select 1 from absent limit 1"):
        staging.run(
            "insert into rewritten select created.key, absent.key from absent"
            f" join (select key, {BARE_KEY} as bare {created}) created on created.bare = absent.bare"
        )


def rewritten(staging: Staging, *, full: bool, key: Key | None = None) -> str | None:
    """Say which records would be created a second time under a key written otherwise, or None; with `key` of that one.

    In a read that is not `full` nobody knows what is gone: the caller lets the next one be whole.
    """
    where, params = ("where ? in (key, gone)", [key_text(key)]) if key else ("", [])
    sql = f"select count(distinct key), min(key), min_by(gone, key || gone) from rewritten {where}"
    [(count, new, old)] = staging.rows(sql, params)
    if not count:
        return None
    what = "1 record" if count == 1 else f"{count} records"
    pair = f"{new[:SHOWN]} for {old[:SHOWN]}"
    if not full:
        return f"{what} may be there under a key written otherwise, as {pair}; the next read is whole and tells"
    return (
        f"{what} would be created a second time: a key that is gone is only written otherwise, as {pair}; "
        "let the query write it as before"
    )


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
