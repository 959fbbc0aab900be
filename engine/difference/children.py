"""Stages the children of a read: one JSON list a record, beside the columns of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.state import Staging, bytes_of, column, json_array, quoted
from engine.values import Kind, RunError, arrow, key_text, merge


def stage_children(
    staging: Staging, name: str, batches: Iterable[arrow.Batch], parent: Sequence[str], order_by: Sequence[str]
) -> None:
    """Take in the children of the staged rows: a column `name` of JSON lists, in the order asked for.

    `parent` are the children's columns that equal the record's key. Children without a record are left out.
    """
    columns: tuple[str, ...] = ()
    kinds: dict[str, Kind] = {}
    faults: list[tuple[str, str]] = []  # key of the record, reason
    with staging.transaction():
        for batch in batches:
            if not columns:
                columns = batch.columns
                kinds = dict.fromkeys(columns, Kind.NULL)
                staging.begin("children", columns=map(column, columns))
            for each, kind in zip(batch.columns, batch.kinds, strict=True):
                kinds[each] = merge(kinds[each], kind)
            faults += _faults_of_records(batch, parent)
            staging.insert("children", batch.data.rename_columns([f"c:{each}" for each in columns]))
        _check(staging, name, columns, (*parent, *order_by))
        parents = [column(each) for each in parent]
        weights = f"select sum({bytes_of(columns)}) as bytes from children group by {', '.join(parents)}"
        staging.make_room(staging.heaviest(weights))
        fields = ", ".join(f"{quoted(each)} := {column(each)}" for each in columns)
        order = ", ".join(_ordered(each, kinds[each]) for each in order_by) or "rowid"
        staging.run(
            f"""
            create or replace temp table staged as
            with
            -- the children of one record, packed as JSON
            lists as (
                select {json_array(parents)} as parent,
                    '[' || string_agg(to_json(struct_pack({fields}))::varchar, ',' order by {order}) || ']' as packed
                from children group by parent
            )
            select s.*, coalesce(lists.packed, '[]') as {column(name)}
            from staged s left join lists on lists.parent = s.key
            """
        )
        staging.run("drop table children")
        for key, reason in faults:
            numbers = staging.rows("select n from staged where key = ?", [key])
            staging.faults += [(n, f"a row of its children {name}: {reason}") for (n,) in numbers]
    staging.columns = (*staging.columns, name)
    staging.kinds |= {name: Kind.LIST, **{f"{name}.{each}": kind for each, kind in kinds.items()}}


def _check(staging: Staging, name: str, columns: Sequence[str], needed: Sequence[str]) -> None:
    if name in staging.columns:
        message = f"the source has a column {name}, so its children cannot be called {name} as well; rename one"
        raise RunError(message, code="E_DUPLICATE_COLUMN")
    if unknown := [each for each in needed if each not in columns]:
        message = f"the children {name} have no column {', '.join(unknown)}; they have {', '.join(columns)}"
        raise RunError(message, code="E_UNKNOWN_COLUMN")


def _faults_of_records(batch: arrow.Batch, parent: Sequence[str]) -> list[tuple[str, str]]:
    """Give the faults of children's rows by the keys of the records that they belong to."""
    if not batch.faults or not set(parent) <= set(batch.columns):
        return []
    values = [batch.data.column(batch.columns.index(name)) for name in parent]
    return [(key_text(tuple(each[row].as_py() for each in values)), reason) for row, reason in batch.faults]


def _ordered(name: str, kind: Kind) -> str:
    """Give SQL that orders by a column's values: numbers by size, all else by text."""
    return f"try_cast({column(name)} as decimal(38, 9)), {column(name)}" if kind is Kind.NUMBER else column(name)
