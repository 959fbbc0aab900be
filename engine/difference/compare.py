"""What changed since the target last confirmed it: set-wise, from `staged` and `ledger` to `changes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.mapping.program.comparison import Comparison, RefJoin
from engine.state.ledger import ledger_columns
from engine.state.sql_names import column, json_array, quoted, reference
from engine.state.staging import Staging

LONG_BYTES = 4_000  # of a text


def begin(staging: Staging) -> None:
    """Empty the table of records that are refused before they are rendered."""
    staging.run("create or replace temp table set_aside (key varchar, stage varchar, field varchar, reason varchar)")


def compare(staging: Staging, spec: Comparison) -> None:
    """Make the temporary table `candidates`: every record that may have to be sent, in the order of delivery.

    Expects `staged`, `ledger`, `bound`, `begun`, `claimed`, `remembered`, `set_aside` and one `ref:<name>` a reference.
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
    staging.insert_faults("faults")
    staging.run(
        "insert into refused select s.key, 1, 'key', null, null, min(f.reason), null from staged s"
        " join faults f on f.n = s.n where s.key not in (select key from refused) group by s.key"
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
    refs = "".join(f", {reference(ref.name)}" for ref in spec.refs)
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
            select base.*, coalesce(bound.saved, case when removed then begun.saved end) as saved
                {"".join(f", {quoted('ref:' + r.name)}.saved as {reference(r.name)}" for r in spec.refs)}
            from base left join bound on bound.key = base.key left join begun on begun.key = base.key
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
    parts = [_part(staging.kind_text(name), column(name)) for name in sorted(set(spec.used) & set(staging.columns))]
    parts += [reference(ref.name) for ref in spec.refs]
    return f"md5_number('{spec.fingerprint}' || {json_array(parts)})"


def _part(kind: str, text: str) -> str:
    """Give SQL for a column's part of the row hash: its text, or the hash of one whose copies would fill the memory."""
    return f"case when strlen({text}) > {LONG_BYTES} then '{kind} md5:' || md5({text}) else '{kind}:' || {text} end"


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
        f"({reference(ref.name)} is null and {' and '.join(f'{column(name)} is not null' for name in ref.columns)})"
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
