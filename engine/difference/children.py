"""Stages the children of a read: one JSON list a record, beside the columns of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.difference.odd_values import Settled, settle_children
from engine.state import SeenKinds, Staging, bytes_of, column, json_array, quoted
from engine.values import Kind, RunError, arrow


def stage_children(
    staging: Staging,
    name: str,
    batches: Iterable[arrow.Batch],
    parent: Sequence[str],
    order_by: Sequence[str],
    *,
    whole: bool,
) -> Settled:
    """Take in the children of the staged rows: a column `name` of JSON lists, in the order asked for.

    `parent` are the children's columns that equal the record's key. Children without a record are left out.
    A row that must be refused is the fault of its record.
    """
    columns: tuple[str, ...] = ()
    seen = SeenKinds.of(())
    count = 0
    with staging.transaction():
        for batch in batches:
            if not columns:
                columns, seen = batch.columns, SeenKinds.of(batch.columns)
                staging.begin("children", columns=map(column, columns))
                staging.begin("kinds_seen")
                staging.begin("child_faults")
            staging.take_kinds(seen, batch, count)
            staging.take_faults("child_faults", batch, count)
            staging.take_children(batch, count)
            count += batch.data.num_rows
        _check(staging, name, columns, (*parent, *order_by))
        settled = settle_children(staging, seen, name, whole=whole)
        parents = [column(each) for each in parent]
        weights = f"select sum({bytes_of(columns)}) as bytes from children group by {', '.join(parents)}"
        staging.make_room(staging.heaviest(weights))
        fields = ", ".join(f"{quoted(each)} := {column(each)}" for each in columns)
        order = ", ".join(_ordered(each, staging.kinds[f"{name}.{each}"]) for each in order_by) or "n"
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
        staging.run(
            f"insert into faults select s.n, ? || f.reason from child_faults f join children c on c.n = f.n"
            f" join staged s on s.key = {json_array([f'c.{each}' for each in parents])}",
            [f"a row of its children {name}: "],
        )
        staging.run("drop table children")
    staging.columns = (*staging.columns, name)
    staging.kinds[name] = Kind.LIST
    return settled


def _check(staging: Staging, name: str, columns: Sequence[str], needed: Sequence[str]) -> None:
    if name in staging.columns:
        message = f"the source has a column {name}, so its children cannot be called {name} as well; rename one"
        raise RunError(message, code="E_DUPLICATE_COLUMN")
    if unknown := [each for each in needed if each not in columns]:
        message = f"the children {name} have no column {', '.join(unknown)}; they have {', '.join(columns)}"
        raise RunError(message, code="E_UNKNOWN_COLUMN")


def _ordered(name: str, kind: Kind) -> str:
    """Give SQL that orders by a column's values: numbers by size, all else by text."""
    return f"try_cast({column(name)} as decimal(38, 9)), {column(name)}" if kind is Kind.NUMBER else column(name)
