"""What changed since the target last confirmed it: set-wise, from `staged` and `ledger` to `candidates`.

What the tables hold is told in `state/staging.sql`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from engine.mapping import Limit
from engine.mapping.program import Comparison, RefJoin
from engine.state import Staging, bound_table, column, json_array, ledger_columns, literal, more, reference

LONG_BYTES = 4_000  # of a text


def begin(staging: Staging) -> None:
    """Empty the table of records that are refused before they are rendered."""
    staging.begin("set_aside")


def compare(staging: Staging, spec: Comparison) -> None:
    """Make the temporary table `candidates`: every record that may have to be sent, in the order of delivery.

    Expects `staged`, `ledger`, `bound`, `begun`, `claimed`, `remembered`, `set_aside` and one `ref:<name>` a reference.
    """
    _refuse_keys(staging, spec.key)
    for limit in spec.limits:
        _judge_limit(staging, limit)
    _gather_records(staging, full=spec.full)
    _describe_records(staging, spec)
    _find_candidates(staging, spec)


# --- refused before they are compared ------------------------------------------------------------------------


def _refuse_keys(staging: Staging, key: Sequence[str]) -> None:
    """Refuse rows whose key is missing, doubled or unreadable: all rows of such a key, never one of them."""
    staging.begin("refused")
    names = ", ".join(key)
    staging.run(
        "insert into refused (key, rows, stage, field, reason)"
        " select key, count(*), 'key', ?, ? from staged where missing and not gone group by key",
        [names, f"a part of the key ({names}) is null; give every row its key, or leave the row out of the query"],
    )
    staging.run(
        "insert into refused (key, rows, stage, field, reason)"
        " select key, count(*), 'key', ?,"
        " 'the key stands ' || count(*) || ' times in the source; make the query give one row a key'"
        " from staged where not missing and not gone group by key having count(*) > 1",
        [names],
    )
    staging.run(
        "insert into refused (key, rows, stage, reason)"
        " select s.key, 1, 'key', min(f.reason) from staged s join faults f on f.n = s.n"
        " where s.key not in (select key from refused) group by s.key"
    )


def _judge_limit(staging: Staging, limit: Limit) -> None:
    """Name the records over a limit: confirmed ones keep their place, then the order of the key decides."""
    per = json_array([f"s.{column(name)}" for name in limit.per])
    counted = json_array([f"s.{column(name)}" for name in limit.distinct])
    reason = f"over the limit of {limit.max} {', '.join(limit.distinct)} for one {', '.join(limit.per)}"
    staging.run(
        f"""
        insert into set_aside
        with
        -- each of the values that are counted, once
        placed as (
            select {per} as per, {counted} as value,
                bool_or(l.payload_hash is not null) as confirmed, min(s.key) as first_key
            from staged s left join ledger l on l.key = s.key
            where not s.gone and s.key not in (select key from refused)
            group by all
        ),
        -- those of them that are too many
        excess as (
            select per, value from placed
            qualify row_number() over (partition by per order by confirmed desc, first_key) > ?
        )
        select s.key, 'limit', ?, ? from staged s join excess e on e.per = {per} and e.value = {counted}
        where s.key not in (select key from set_aside)
        """,
        [limit.max, ", ".join(limit.distinct), reason],
    )


# --- compared ------------------------------------------------------------------------------------------------


def _gather_records(staging: Staging, *, full: bool) -> None:
    """Make the view `records`: whatever the read or the ledger holds."""
    own = [column(name) for name in staging.columns]
    known = {column(name) for name in ledger_columns(staging)}
    staging.run(
        f"""
        create or replace temp view records as
        with
        -- each record of the read, beside what the ledger holds of it
        present as (
            select s.key, false as removed, l.row_hash as old_row_hash, l.payload_hash as old_payload_hash,
                coalesce(l.uncertain, false) as uncertain, l.key is not null as held{more(f"s.{each}" for each in own)}
            from staged s left join ledger l on l.key = s.key
            where not s.gone and s.key not in (select key from refused)
        ),
        -- each record of the ledger that is gone from the source, with its columns as they were last sent
        vanished as (
            select l.key, true, l.row_hash, l.payload_hash, l.uncertain, true
                {more(f"l.{each}" if each in known else f"null as {each}" for each in own)}
            from ledger l
            where {"l.key not in (select key from staged)" if full else "false"}
                or l.key in (select key from staged where gone)
        ),
        -- each record that the source says is gone, and of which the ledger holds nothing
        unheard_of as (
            select s.key, true, null, null, false, false{more(f"s.{each}" for each in own)}
            from staged s where s.gone and s.key not in (select key from ledger)
        )
        from present union all from vanished union all from unheard_of
        """
    )


def _describe_records(staging: Staging, spec: Comparison) -> None:
    """Make the view `described`: the records with saved values, their own and of those they refer to, and row hash."""
    staging.run(
        f"""
        create or replace temp view described as
        with
        joined as (
            select records.*, coalesce(bound.saved, case when removed then begun.saved end) as saved
                {more(f"{bound_table(ref.name)}.saved as {reference(ref.name)}" for ref in spec.refs)}
            from records
            left join bound on bound.key = records.key
            left join begun on begun.key = records.key
            {" ".join(map(_join, spec.refs))}
        )
        select *, {_row_hash(staging, spec)} as row_hash,
            case
                when removed then 'removed'
                when old_payload_hash is not null or saved is not null then 'changed'
                else 'added'
            end as change
        from joined
        """
    )


def _find_candidates(staging: Staging, spec: Comparison) -> None:
    """Make the table `candidates`: those that differ, by the operation that takes each, and what is to be done."""
    carried = [*map(column, staging.columns), *(reference(ref.name) for ref in spec.refs)]
    staging.run(
        f"""
        create or replace temp table candidates as
        with
        -- those that the target may have to hear of, each with the operation that takes it
        differing as (
            select *, key in (select key from claimed) as claimed,
                case
                    when removed and key in (select key from claimed) then {min(spec.lookups, default="null")}
                    {_whens("change", {literal(change): str(taker) for change, taker in spec.operations.items()})}
                end as operation
            from described
            where removed or not held or uncertain or row_hash is distinct from old_row_hash
        ),
        -- with the group that it goes in, and whether that goes now
        grouped as (
            select *, {_is_among("operation", spec.due)} as due,
                case
                    when operation is null then ''
                    {_whens("operation", {str(each): _texts(names) for each, names in spec.groups.items()})}
                    else ''
                end as grp
            from differing
        )
        select row_number() over (order by operation nulls last, grp, key) as n, key, change, operation, grp, saved,
            row_hash, old_payload_hash, uncertain,
            case
                when operation is null and removed and claimed then 'unknown'
                when operation is null and change = 'changed' and not held then 'adopt'
                when operation is null then 'unhandled'
                when removed and due then 'send'
                when removed then 'not_due'
                when key in (select key from set_aside) then 'set_aside'
                when {" or ".join(map(_is_unresolved, spec.refs)) or "false"} then 'waiting'
                when claimed and not (due and {_is_among("operation", spec.lookups)}) then 'unknown'
                when due then 'send'
                else 'not_due'
            end as disposition{more(carried)}
        from grouped order by n
        """
    )


def _join(ref: RefJoin) -> str:
    table = bound_table(ref.name)
    return f"left join {table} on {table}.key = {json_array([f'records.{column(name)}' for name in ref.columns])}"


def _is_unresolved(ref: RefJoin) -> str:
    """Give SQL that tells whether a record refers to one that has no binding; a null refers to none."""
    refers = " and ".join(f"{column(name)} is not null" for name in ref.columns)
    return f"({reference(ref.name)} is null and {refers})"


def _row_hash(staging: Staging, spec: Comparison) -> str:
    """Give SQL for the row hash: fingerprint, used columns with their kinds, joined reference values."""
    parts = [_part(staging.kind_text(name), column(name)) for name in sorted(set(spec.used) & set(staging.columns))]
    parts += [reference(ref.name) for ref in spec.refs]
    return f"md5_number({literal(spec.fingerprint)} || {json_array(parts)})"


def _part(kind: str, text: str) -> str:
    """Give SQL for a column's part of the row hash: its text, or the hash of one whose copies would fill the memory."""
    short, long = literal(f"{kind}:"), literal(f"{kind} md5:")
    return f"case when strlen({text}) > {LONG_BYTES} then {long} || md5({text}) else {short} || {text} end"


def _is_among(subject: str, numbers: Collection[int]) -> str:
    return f"{subject} in ({', '.join(map(str, sorted(numbers)))})" if numbers else "false"


def _texts(names: Sequence[str]) -> str:
    return json_array([column(name) for name in names])


def _whens(subject: str, results: Mapping[str, str]) -> str:
    """Give the branches of a `case` by the values of a column."""
    return " ".join(f"when {subject} = {value} then {result}" for value, result in results.items())
