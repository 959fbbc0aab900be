"""From candidates to numbered changes: lines taken in, payloads compared, what is to be sent counted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.mapping.program.comparison import Comparison
from engine.state.staging import Staging, column, json_array, quoted, reference
from engine.values.canonical import restorer_of
from engine.values.records import Change, Key, Refusal, Refused, Stage, text_key
from engine.values.results import Counts

RENDER_ROWS = 20_000


def to_render(
    staging: Staging, names: Sequence[str], refs: Sequence[str]
) -> Iterator[tuple[list[int], list[tuple[Any, ...]]]]:
    """Stream the candidates that need a line: their numbers, and their rows of `names` then `refs` as values.

    A reference is a dict of its saved values, or None where the row refers to nothing.
    """
    columns = [column(name) for name in names] + [quoted(f"r:{name}") for name in refs]
    restores = [restorer_of(name, staging.kinds) for name in names] + [json.loads] * len(refs)
    last = int(staging.value("select coalesce(max(n), 0) from candidates"))
    for window in staging.room.windows(last, RENDER_ROWS):
        sql = (
            f"select n{''.join(f', {name}' for name in columns)} from candidates where n between ? and ?"
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
    staging.run("create or replace temp table lines (n bigint, line varchar)")


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

    Verdicts and numbers are made in narrow tables, and the rows put together range by range: one join of a million
    rows would outgrow the memory and take three times as long.
    """
    names = "".join(f", c.{column(name)}" for name in staging.columns)
    refs = "".join(f", c.{reference(ref.name)}" for ref in spec.refs)
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
        for window in staging.room.windows(last):
            staging.run(f"insert into changes {picked}", window)
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


def count(staging: Staging, extracted: int, *, without_document: int = 0) -> Counts:
    """Count what the diff found; what delivery decides is added by delivery.

    `without_document` counts items of a feed that were refused before they were records.
    """
    found = {
        (change, verdict): number
        for change, verdict, number in staging.rows("select change, verdict, count(*) from decided group by all")
    }

    def total(change: Change | None, *verdicts: str) -> int:
        return sum(n for (c, v), n in found.items() if v in verdicts and (change is None or c == change))

    early = int(staging.value("select coalesce(sum(rows), 0) from refused where stage = 'key'"))
    extracted += without_document
    early += without_document
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
