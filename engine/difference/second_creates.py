"""Finds creates that look like a second time: known records that come under other keys, or under another object's name.

Where creating can be repeated nothing is looked for: the target knows these records by their keys, so that what is
written under another one can be removed by it. What was let go before is not asked for again: its outcome is open, or
the target refused it.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.connections import differing
from engine.mapping import Ceiling
from engine.mapping.program import Comparison
from engine.state import RunJournal, Staging, column, key_of, ledger_columns, load_bindings, unpadded_key
from engine.values import Change, Key, key_text

TO_SEND = "disposition in ('send', 'not_due')"
REWRITTEN = (
    f"{TO_SEND} and (key in (select key from rewritten) or change = 'removed' and key in (select gone from rewritten))"
)
_REPLACED = (
    f"{TO_SEND} and (change = 'added' and key in (select key from created)"
    " or change = 'removed' and key in (select key from newly_gone))"
)
SHOWN = 200  # characters of a key
A_FEW = 3  # records may always be replaced by others, as long as some are left
ALIKE = 2  # records that are equal but for their keys are no chance

# A part of a key without what is only its writing: spaces around (a CHAR's, an import's), letter case, leading zeros,
# zeros after the point. So 17, 17.0 and 0017 are one; 0 stays 0, and an empty text is no number.
_TRIMMED = "lower(trim(part, ' \t\r\n\u00a0'))"
_WITHOUT_ZEROS = rf"regexp_replace({_TRIMMED}, '^(-?)0+([^.])', '\1\2')"
_BARE = rf"regexp_replace({_WITHOUT_ZEROS}, '^(-?[0-9]+)(?:\.0*|(\.[0-9]*?[1-9])0+)$', '\1\2')"
BARE_KEY = key_of("key", _BARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondCreates:
    """Creates that are withheld."""

    reason: str
    creates: int  # how many


def find(staging: Staging, spec: Comparison) -> None:
    """Make the tables of what is looked for, all empty where creating can be repeated."""
    for table in ("created", "absent", "newly_gone", "rewritten", "alike", "bound_before"):
        staging.begin(table)
    staging.ensure("gone_before")
    if not spec.creates:
        return
    staging.run(
        "insert into created select key, disposition <> 'waiting' from candidates"
        f" where change = 'added' and ({TO_SEND} or disposition = 'waiting') and not uncertain"
        " and key not in (select key from remembered) and key not in (select key from claimed)"
    )
    staging.run(
        "insert into absent select distinct key from (select key from ledger union all select key from bound)"
        " where key not in (select key from staged)"
    )
    if spec.full:
        staging.run("insert into newly_gone select key from absent where key not in (select key from gone_before)")
    if staging.value("select 1 from created limit 1") and staging.value("select 1 from absent limit 1"):
        staging.run(
            f"insert into rewritten select c.key, a.key from (select key, {BARE_KEY} as bare from absent) a"
            f" join (select key, {BARE_KEY} as bare from created where to_send) c using (bare)"
        )
        staging.run("delete from newly_gone where key in (select gone from rewritten)")
        staging.run("delete from created where key in (select key from rewritten)")


def note_gone(staging: Staging, spec: Comparison) -> None:
    """Take note of what is gone by now, so that records which come later are not taken for it.

    What a read lost that nobody would believe stays new: what is created next may be just that.
    """
    new = "from absent anti join gone_before using (key)"
    count = int(staging.value(f"select count(*) {new}"))
    if count and (spec.allowed or count <= spec.guards.max_removed.among(_before(staging))):
        staging.run(f"insert into gone_before select key {new}")


def _before(staging: Staging) -> int:
    """Count the known records that the read of before still had."""
    sql = "select count(*) from (select key from ledger union select key from bound)"
    return int(staging.value(f"{sql} where key not in (select key from gone_before)"))


# --- the same key, written otherwise ---------------------------------------------------------------------------


def rewritten(staging: Staging, spec: Comparison, *, key: Key | None = None) -> str | None:
    """Say which records would be created a second time under a key written otherwise, or None; with `key` of that one.

    However few they are, and whatever `guards` says, neither is then the one created nor the other removed: once it
    were, nothing would tell of the pair any more. In a read that is not full nobody knows what is gone: the caller
    lets the next one be whole.
    """
    where, params = ("where ? in (key, gone)", [key_text(key)]) if key else ("", [])
    is_padded = f"bool_and({unpadded_key('gone')} = key)"
    sql = f"select count(distinct key), min(key), min_by(gone, key || gone), {is_padded} from rewritten {where}"
    [(count, new, old, padded)] = staging.rows(sql, params)
    if not count:
        return None
    pair = f"{new[:SHOWN]} for {old[:SHOWN]}"
    if not spec.full:
        said = f"{_records(count)} may be there under a key written otherwise"
        return f"{said}, as {pair}; the next read is whole and tells"
    said = f"{_records(count)} would be created a second time: a key that is gone is only written otherwise, as {pair}"
    if padded:
        carry = f"one-sync carry {spec.object} {' '.join(f'--key {name}' for name in spec.key)}"
        return f"{said}: blanks that fill up a CHAR are read no more; `{carry}` carries over what is known of them"
    return (
        f"{said}; "
        "let the query write it as before, or give the old key as a column, and `one-sync carry OBJECT --key COLUMN`"
    )


# --- other keys, another name ----------------------------------------------------------------------------------


def withhold(staging: Staging, spec: Comparison, journal: RunJournal) -> SecondCreates | None:
    """Withhold all creates where they look like known records, under other keys or under another object's name."""
    count = int(staging.value("select count(*) from created"))
    allowed = spec.allowed.get(Change.ADDED)
    if not count or (allowed is not None and count <= allowed):
        return None
    reason = _renamed(staging, spec, journal, count) or _replaced(staging, spec, count)
    if reason is None:
        return None
    staging.run(f"update candidates set disposition = 'withheld' where {_REPLACED}")
    return SecondCreates(reason=reason, creates=count)


def _renamed(staging: Staging, spec: Comparison, journal: RunJournal, count: int) -> str | None:
    """Say which object that the project has no more has created these records, while this one has created none."""
    if staging.value("select 1 from bound limit 1"):
        return None
    here = journal.ends.of(spec.object)
    for other in journal.bindings.objects():
        if other in spec.objects or differing(journal.ends.of(other), here):
            continue
        staging.begin("bound_before")
        load_bindings(staging, journal, other, "bound_before")
        same = int(staging.value("select count(*) from created semi join bound_before using (key)"))
        if same:
            return (
                f"{same} of {_records(count)} to be created were created before, as records of {other}, which is no "
                f"object of this project any more: if {spec.object} is its new name, `one-sync carry {other} "
                f"{spec.object}` carries over what is known of them"
            )
    return None


def _replaced(staging: Staging, spec: Comparison, count: int) -> str | None:
    """Say that known records seem to come under other keys: many are new while as many are gone, or some are equal."""
    gone = int(staging.value("select count(*) from newly_gone"))
    if not gone:
        return None
    before = _before(staging)
    pairs, left = min(count, gone), before - gone
    is_odd = pairs > spec.guards.max_replaced.among(before) and (pairs > A_FEW or not left)
    alike = _alike(staging, spec)
    if not is_odd and alike < ALIKE:
        return None
    new, old = staging.rows(
        "select min(key), min_by(gone, key) from alike having count(*) > 0"
        " union all select (select min(key) from created), (select min(key) from newly_gone)"
    )[0]
    return (
        f"{_records(count)} would be created while {gone} of {before} that are known are gone, as {new[:SHOWN]} and "
        f"{old[:SHOWN]} (guards.max_replaced): if they are the same under other keys, `one-sync carry {spec.object} "
        "--key COLUMN` carries over what is known of them, COLUMN being the column that holds the old key"
    )


def _alike(staging: Staging, spec: Comparison) -> int:
    """Fill the table `alike` with pairs of a new key and one that is gone whose records are equal but for their keys.

    Only what is one of its kind on both sides makes a pair, and of a single column nothing is concluded.
    """
    staging.begin("alike")
    shared = [name for name in ledger_columns(staging) if name in staging.columns and name not in spec.key]
    if len(shared) < ALIKE or _is_off(spec.guards.max_replaced):
        return 0
    values = f"md5_number(cast(to_json([{', '.join(map(column, shared))}]::varchar[]) as varchar))"
    staging.run(
        f"""
        insert into alike
        with
        new as (
            select min(key) as key, {values} as content from staged semi join created using (key)
            group by content having count(*) = 1
        ),
        old as (
            select min(key) as key, {values} as content from ledger semi join newly_gone using (key)
            where payload_hash is not null group by content having count(*) = 1
        )
        select new.key, old.key from new join old using (content)
        """
    )
    return int(staging.value("select count(*) from alike"))


def _is_off(ceiling: Ceiling) -> bool:
    return ceiling.rows is None and ceiling.percent >= 100


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
