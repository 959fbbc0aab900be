"""From candidates to numbered changes: lines taken in, payloads compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.mapping.program import Comparison
from engine.state import Staging, column, more, reference
from engine.values import Refusal, restorer_of

RENDER_ROWS = 20_000


def to_render(
    staging: Staging, names: Sequence[str], refs: Sequence[str]
) -> Iterator[tuple[list[int], list[tuple[Any, ...]]]]:
    """Stream the candidates that need a line: their numbers, and their rows of `names` then `refs` as values.

    A reference is a dict of its saved values, or None where the row refers to nothing.
    """
    columns = [column(name) for name in names] + [reference(name) for name in refs]
    restores = [restorer_of(name, staging.kinds) for name in names] + [json.loads] * len(refs)
    last = int(staging.value("select coalesce(max(n), 0) from candidates"))
    for window in staging.room.windows(last, RENDER_ROWS):
        sql = (
            f"select n{more(columns)} from candidates where n between ? and ?"
            " and change <> 'removed' and disposition in ('send', 'not_due', 'unhandled', 'unknown', 'adopt')"
            " order by n"
        )
        numbers, *values = staging.lists(sql, window)
        restored = [_restore(texts, restore) for texts, restore in zip(values, restores, strict=True)]
        yield numbers, list(zip(*restored, strict=True)) if restored else [()] * len(numbers)


def _restore(texts: list[Any], restore: Any) -> list[Any]:
    return texts if restore is None else [None if text is None else restore(text) for text in texts]


def begin_lines(staging: Staging) -> None:
    """Empty the table that takes the rendered lines."""
    staging.begin("lines")


def take_lines(staging: Staging, numbers: Sequence[int], lines: Sequence[bytes]) -> None:
    """Take rendered lines, each with the number of its candidate."""
    staging.insert_columns("lines", {"n": numbers, "line": lines}, "n, decode(line::blob)")


def refuse(staging: Staging, refusals: Mapping[int, Refusal]) -> None:
    """Refuse candidates, by their numbers, for their data."""
    found = refusals.values()
    columns = {
        "n": refusals,
        "stage": [str(each.stage) for each in found],
        "field": [each.field for each in found],
        "expression": [each.expression for each in found],
        "reason": [each.reason for each in found],
    }
    key = "(select key from candidates c where c.n = arriving.n)"
    staging.insert_columns("refused", columns, f"{key}, 1, stage, field, expression, reason, null")


def number_changes(staging: Staging, spec: Comparison, run_id: str) -> None:
    """Write the table `changes`: what will be sent, numbered in the order of delivery, and what needs no sending.

    Expects `decided`. Numbers are made in narrow tables, and the rows put together range by range: one join of a
    million rows would outgrow the memory and take three times as long.
    """
    carried = [column(name) for name in staging.columns] + [reference(ref.name) for ref in spec.refs]
    staging.run(
        "create or replace temp table numbered as"
        " select n, row_number() over (order by n) as seq from decided where verdict = 'send'"
    )
    picked = f"""
        select s.seq, c.key, c.change, cast(c.operation as integer) as operation, c.grp, c.row_hash, d.payload_hash,
            l.line, c.saved{more(f"c.{each}" for each in carried)}
        from (from candidates where n between $1 and $2) c
            join (from decided where n between $1 and $2) d on d.n = c.n
            left join (from lines where n between $1 and $2) l on l.n = c.n
            left join (from numbered where n between $1 and $2) s on s.n = c.n
        where d.verdict in ('send', 'same', 'adopt')"""
    last = int(staging.value("select coalesce(max(n), 0) from candidates"))
    with staging.transaction():
        staging.run(f"create or replace table changes as {picked} limit 0", [0, 0])
        for window in staging.room.windows(last):
            staging.run(f"insert into changes {picked}", window)
        staging.set_meta("run_id", run_id)
