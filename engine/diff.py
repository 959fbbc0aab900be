"""What changed since the target last confirmed it: set-wise, from `staged` and `ledger` to `changes`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from engine.canonical import restorer_of
from engine.ledger import ledger_columns
from engine.mapping import Guards, Limit
from engine.records import Change, Counts, Key, Refusal, Stage, text_key
from engine.staging import Staging, column, json_array, quoted

RENDER_ROWS = 20_000
NUMBERED_ROWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RefJoin:
    """A reference: its name, the object whose bindings it reads, our columns in the order of their key."""

    name: str
    object: str
    columns: tuple[str, ...]

    @property
    def column(self) -> str:
        """Name the SQL column that holds the reference's saved values."""
        return quoted(f"r:{self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that the diff of one object has to know."""

    key: tuple[str, ...]
    fingerprint: str  # of fields, refs and files
    mapping_fingerprint: str  # of all that makes requests; a rejection ends when it changes
    used: tuple[str, ...]  # columns that take part in the row hash
    named: tuple[str, ...] = ()  # columns that one-record requests name beside the line
    named_refs: tuple[str, ...] = ()
    refs: tuple[RefJoin, ...] = ()
    operations: Mapping[Change, int]  # which operation takes which change
    due: frozenset[int]
    groups: Mapping[int, tuple[str, ...]]  # operation: its group_by
    lookups: frozenset[int] = frozenset()  # operations that can ask for a create of unknown outcome
    limits: tuple[Limit, ...] = ()
    guards: Guards = Guards()
    allowed_removed: int | None = None  # an operator's ceiling for this run
    full: bool = True  # the source was read whole: what is missing is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A record refused before anything was sent."""

    key: Key
    rows: int  # how many rows of the source it stands for
    refusal: Refusal
    payload_hash: str | None = None


# --- 1. what differs -----------------------------------------------------------------------------------------


def begin(staging: Staging) -> None:
    """Empty the table of records that are refused before they are rendered."""
    staging.run("create or replace temp table set_aside (key varchar, stage varchar, field varchar, reason varchar)")


def compare(staging: Staging, spec: Comparison) -> None:
    """Make the temporary table `candidates`: every record that may have to be sent, in the order of delivery.

    Expects `staged`, `ledger`, `bound`, `claimed`, `remembered`, `set_aside` and one `ref:<name>` a reference.
    """
    _refuse_keys(staging, spec.key)
    _judge_limits(staging, spec)
    _find_differences(staging, spec)


def _refuse_keys(staging: Staging, key: Sequence[str]) -> None:
    """Refuse rows whose key is missing, doubled or unreadable: all rows of such a key, never one of them."""
    staging.run(
        "create or replace temp table refused (key varchar, rows bigint, stage varchar, field varchar,"
        " expression varchar, reason varchar, payload_hash varchar)"
    )
    names = ", ".join(key)
    staging.run(
        "insert into refused select key, count(*), 'key', ?, null, ?, null from staged where missing and not gone"
        " group by key",
        [names, f"a part of the key ({names}) is null; give every row its key, or leave the row out of the query"],
    )
    staging.run(
        "insert into refused select key, count(*), 'key', ?, null,"
        " 'the key stands ' || count(*) || ' times in the source; make the query give one row a key', null"
        " from staged where not missing and not gone group by key having count(*) > 1",
        [names],
    )
    for number, reason in staging.faults:
        staging.run(
            "insert into refused select key, 1, 'key', null, null, ?, null from staged where n = ?"
            " and key not in (select key from refused)",
            [reason, number],
        )


def _judge_limits(staging: Staging, spec: Comparison) -> None:
    """Name the records over a limit: confirmed ones keep their place, then the order of the key decides."""
    for limit in spec.limits:
        per = json_array([f"s.{column(name)}" for name in limit.per])
        distinct = json_array([f"s.{column(name)}" for name in limit.distinct])
        reason = f"over the limit of {limit.max} {', '.join(limit.distinct)} for one {', '.join(limit.per)}"
        staging.run(
            f"""insert into set_aside
            with placed as (
                select {per} as per, {distinct} as value, bool_or(l.payload_hash is not null) as confirmed,
                    min(s.key) as first_key
                from staged s left join ledger l on l.key = s.key
                where not s.gone and s.key not in (select key from refused)
                group by all
            ), excess as (
                select per, value from placed
                qualify row_number() over (partition by per order by confirmed desc, first_key) > ?
            )
            select s.key, 'limit', ?, ? from staged s join excess e on e.per = {per} and e.value = {distinct}
            where s.key not in (select key from set_aside)""",
            [limit.max, ", ".join(limit.distinct), reason],
        )


def _find_differences(staging: Staging, spec: Comparison) -> None:
    names = [column(name) for name in staging.columns]
    listed = "".join(f", {name}" for name in names)
    known = {column(name) for name in ledger_columns(staging)}
    held = "".join(f", l.{name}" if name in known else f", null as {name}" for name in names)
    refs = "".join(f", {ref.column}" for ref in spec.refs)
    gone = "l.key not in (select key from staged)" if spec.full else "false"
    staging.run(
        f"""create or replace temp table candidates as
        with base as (
            select s.key, false as removed, l.row_hash as old_row_hash, l.payload_hash as old_payload_hash,
                coalesce(l.uncertain, false) as uncertain, l.key is not null as held
                {"".join(f", s.{name}" for name in names)}
            from staged s left join ledger l on l.key = s.key
            where not s.gone and s.key not in (select key from refused)
            union all
            select l.key, true, l.row_hash, l.payload_hash, l.uncertain, true {held}
            from ledger l where {gone} or l.key in (select key from staged where gone)
            union all
            select s.key, true, null, null, false, false{"".join(f", s.{name}" for name in names)}
            from staged s where s.gone and s.key not in (select key from ledger)
        ), joined as (
            select base.*, bound.saved{"".join(f", {quoted('ref:' + r.name)}.saved as {r.column}" for r in spec.refs)}
            from base left join bound on bound.key = base.key
            {" ".join(_join(ref) for ref in spec.refs)}
        ), hashed as (
            select *, {_row_hash(staging, spec)} as row_hash,
                case when removed then 'removed' when old_payload_hash is not null or saved is not null
                    then 'changed' else 'added' end as change
            from joined
        ), assigned as (
            select *, case when removed and key in (select key from claimed) then {min(spec.lookups, default="null")}
                else {_case("change", {str(c): str(i) for c, i in spec.operations.items()}, "null")} end as operation
            from hashed where removed or not held or uncertain or row_hash is distinct from old_row_hash
        ), grouped as (
            select *, {
            _case(
                "operation",
                {str(i): json_array([column(c) for c in g]) for i, g in spec.groups.items()},
                "''",
                text=False,
            )
        } as grp from assigned
        )
        select row_number() over (order by operation nulls last, grp, key) as n, key, change, operation, grp, saved,
            row_hash, old_payload_hash, uncertain, {_disposition(spec)} as disposition{listed}{refs}
        from grouped order by n"""
    )


def _join(ref: RefJoin) -> str:
    table = quoted(f"ref:{ref.name}")
    return f"left join {table} on {table}.key = {json_array([f'base.{column(name)}' for name in ref.columns])}"


def _row_hash(staging: Staging, spec: Comparison) -> str:
    """Give SQL for the row hash: fingerprint, used columns with their kinds, joined reference values."""
    parts = [
        f"'{staging.kind_text(name)}:' || {column(name)}" for name in sorted(set(spec.used) & set(staging.columns))
    ]
    parts += [ref.column for ref in spec.refs]
    return f"md5_number('{spec.fingerprint}' || {json_array(parts)})"


def _case(subject: str, branches: Mapping[str, str], default: str, *, text: bool = True) -> str:
    if not branches:
        return default
    quote = "'" if text else ""
    whens = " ".join(f"when {quote}{value}{quote} then {result}" for value, result in branches.items())
    return f"case {subject} {whens} else {default} end"


def _disposition(spec: Comparison) -> str:
    """Give SQL for what is to be done with a candidate before it is rendered."""
    due = f"operation in ({', '.join(map(str, sorted(spec.due)))})" if spec.due else "false"
    can_ask = f"operation in ({', '.join(map(str, sorted(spec.lookups)))})" if spec.lookups else "false"
    unresolved = " or ".join(
        f"({ref.column} is null and {' and '.join(f'{column(name)} is not null' for name in ref.columns)})"
        for ref in spec.refs
    )
    return f"""case
        when operation is null and change = 'removed' and key in (select key from claimed) then 'unknown'
        when operation is null and change = 'changed' and not held then 'adopt'
        when operation is null then 'unhandled'
        when change = 'removed' then case when {due} then 'send' else 'not_due' end
        when key in (select key from set_aside) then 'set_aside'
        when {unresolved or "false"} then 'waiting'
        when key in (select key from claimed) and not ({due} and {can_ask}) then 'unknown'
        when {due} then 'send'
        else 'not_due' end"""


# --- 2. guards -------------------------------------------------------------------------------------------------


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


# --- 3. rendering ------------------------------------------------------------------------------------------------


def to_render(
    staging: Staging, names: Sequence[str], refs: Sequence[str]
) -> Iterator[tuple[list[int], list[tuple[Any, ...]]]]:
    """Stream the candidates that need a line: their numbers, and their rows of `names` then `refs` as values.

    A reference is a dict of its saved values, or None where the row refers to nothing.
    """
    columns = [column(name) for name in names] + [quoted(f"r:{name}") for name in refs]
    restores = [restorer_of(name, staging.kinds) for name in names] + [json.loads] * len(refs)
    last = int(staging.value("select coalesce(max(n), 0) from candidates"))
    for first in range(1, last + 1, RENDER_ROWS):
        sql = (
            f"select n{''.join(f', {name}' for name in columns)} from candidates where n between ? and ?"
            " and change <> 'removed' and disposition in ('send', 'not_due', 'unhandled', 'unknown', 'adopt')"
            " order by n"
        )
        numbers, *values = staging.lists(sql, [first, first + RENDER_ROWS - 1])
        restored = [_restore(texts, restore) for texts, restore in zip(values, restores, strict=True)]
        yield numbers, list(zip(*restored, strict=True)) if restored else [()] * len(numbers)


def _restore(texts: list[Any], restore: Any) -> list[Any]:
    return texts if restore is None else [None if text is None else restore(text) for text in texts]


def begin_lines(staging: Staging) -> None:
    """Empty the table that takes the rendered lines."""
    staging.run("create or replace temp table lines (n bigint, line varchar)")


def take_lines(staging: Staging, numbers: Sequence[int], lines: Sequence[bytes]) -> None:
    """Take rendered lines, each with the number of its candidate."""
    data = pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()), pa.array(lines, pa.binary())], ["n", "line"])
    staging.insert("lines", data, "n, decode(line)")


def refuse(staging: Staging, number: int, refusal: Refusal) -> None:
    """Refuse one candidate for its data."""
    staging.run(
        "insert into refused select key, 1, ?, ?, ?, ?, null from candidates where n = ?",
        [str(refusal.stage), refusal.field, refusal.expression, refusal.reason, number],
    )


# --- 4. the changes of this run ------------------------------------------------------------------------------------


def number_changes(staging: Staging, spec: Comparison, run_id: str) -> None:
    """Write the table `changes`: what will be sent, numbered in the order of delivery, and what needs no sending.

    Verdicts and numbers are made in narrow tables, and the rows put together range by range: one join of a million
    rows would outgrow the memory and take three times as long.
    """
    names = "".join(f", c.{column(name)}" for name in staging.columns)
    refs = "".join(f", c.{ref.column}" for ref in spec.refs)
    _give_verdicts(staging, spec)
    staging.run(
        "create or replace temp table numbered as"
        " select n, row_number() over (order by n) as seq from decided where verdict = 'send'"
    )
    picked = f"""
        select s.seq, c.key, c.change, cast(c.operation as integer) as operation, c.grp, c.row_hash, d.payload_hash,
            l.line, c.saved{names}{refs}
        from (from candidates where n between $1 and $2) c
            join (from decided where n between $1 and $2) d on d.n = c.n
            left join (from lines where n between $1 and $2) l on l.n = c.n
            left join (from numbered where n between $1 and $2) s on s.n = c.n
        where d.verdict in ('send', 'same', 'adopt')"""
    last = int(staging.value("select coalesce(max(n), 0) from candidates"))
    with staging.transaction():
        staging.run(f"create or replace table changes as {picked} limit 0", [0, 0])
        for first in range(1, last + 1, NUMBERED_ROWS):
            staging.run(f"insert into changes {picked}", [first, first + NUMBERED_ROWS - 1])
        staging.set_meta("run_id", run_id)


def _give_verdicts(staging: Staging, spec: Comparison) -> None:
    """Make the temporary table `decided`: what becomes of each candidate, now that its payload is known."""
    extras = [f"c.{column(name)}" for name in spec.named] + [f"c.{quoted(f'r:{name}')}" for name in spec.named_refs]
    named = f" || {json_array(extras)}" if extras else ""
    staging.run(
        f"""create or replace temp table decided as
        with rendered as (
            select c.n, c.key, c.change, c.uncertain, c.disposition, c.old_payload_hash, l.n is not null as has_line,
                md5_number(case when c.change = 'removed' then 'removed' else l.line{named} end) as payload_hash
            from candidates c left join lines l on l.n = c.n
        )
        select r.n, r.key, r.change, r.uncertain, r.payload_hash, case
            when disposition = 'set_aside' then 'rejected'
            when disposition in ('waiting', 'withheld') then disposition
            when change <> 'removed' and not has_line then 'rejected'
            when disposition = 'adopt' then disposition
            when change <> 'removed' and not uncertain and r.payload_hash = old_payload_hash then 'same'
            when m.key is not null and disposition in ('send', 'not_due') then 'remembered'
            else disposition end as verdict
        from rendered r left join remembered m
            on m.key = r.key and m.payload_hash = cast(r.payload_hash as varchar) and m.fingerprint = ?""",
        [spec.mapping_fingerprint],
    )
    staging.run(
        "insert into refused select key, 1, stage, field, null, reason, null from set_aside"
        " where key in (select key from candidates where disposition = 'set_aside')"
    )


def count(staging: Staging, extracted: int) -> Counts:
    """Count what the diff found; what delivery decides is added by delivery."""
    found = {
        (change, verdict): number
        for change, verdict, number in staging.rows("select change, verdict, count(*) from decided group by all")
    }

    def total(change: Change | None, *verdicts: str) -> int:
        return sum(n for (c, v), n in found.items() if v in verdicts and (change is None or c == change))

    early = int(staging.value("select coalesce(sum(rows), 0) from refused where stage = 'key'"))
    kept = ("send", "remembered", "rejected", "waiting", "withheld", "unknown", "not_due", "unhandled")
    counts = Counts(
        extracted=extracted,
        added=total(Change.ADDED, *kept) + early,
        changed=total(Change.CHANGED, *kept),
        removed=total(Change.REMOVED, *kept),
        rejected=total(None, "rejected", "remembered") + early,
        waiting=total(None, "waiting"),
        unknown=total(None, "unknown"),
        withheld=total(None, "withheld"),
        not_due=total(None, "not_due"),
        unhandled_changed=total(Change.ADDED, "unhandled") + total(Change.CHANGED, "unhandled"),
        unhandled_removed=total(Change.REMOVED, "unhandled"),
    )
    counts.unchanged = extracted - counts.added - counts.changed
    return counts


def refused(staging: Staging) -> list[Refused]:
    """List the records refused before sending, in the order of their keys."""
    sql = "select key, rows, stage, field, expression, reason, payload_hash from refused order by key"
    return [
        Refused(
            key=text_key(key),
            rows=rows,
            refusal=Refusal(stage=Stage(stage), field=field, expression=expression, reason=reason),
            payload_hash=payload_hash,
        )
        for key, rows, stage, field, expression, reason, payload_hash in staging.rows(sql)
    ]


def remembered(staging: Staging) -> list[Key]:
    """List the records that stay refused from earlier runs."""
    return [text_key(key) for (key,) in staging.rows("select key from decided where verdict = 'remembered'")]
