"""What becomes of each record of a read, before anything is sent: the table `decided`, counted and asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.mapping.program import Comparison, RefJoin
from engine.state import Staging, column, json_array, reference
from engine.values import Change, Counts, Key, Refusal, Refused, Stage, key_text, text_key


def give_verdicts(staging: Staging, spec: Comparison) -> None:
    """Make the temporary table `decided`: what becomes of each candidate, now that its payload is known."""
    beside = [f"c.{column(name)}" for name in spec.named] + [f"c.{reference(name)}" for name in spec.named_refs]
    payload = f"l.line || {json_array(beside)}" if beside else "l.line"
    staging.run(
        f"""
        create or replace temp table decided as
        with
        -- each candidate, with the payload that a request would carry: its line, and what is named beside that
        rendered as (
            select c.n, c.key, c.change, c.uncertain, c.disposition, c.old_payload_hash, l.n is not null as has_line,
                md5_number(case when c.change = 'removed' then 'removed' else {payload} end) as payload_hash
            from candidates c left join lines l on l.n = c.n
        )
        select r.n, r.key, r.change, r.uncertain, r.payload_hash,
            case
                when disposition = 'set_aside' then 'rejected'
                when disposition in ('waiting', 'withheld') then disposition
                when change <> 'removed' and not has_line then 'rejected'
                when disposition = 'adopt' then disposition
                when change <> 'removed' and not uncertain and r.payload_hash = old_payload_hash then 'same'
                when m.key is not null and disposition in ('send', 'not_due') then 'remembered'
                else disposition
            end as verdict
        from rendered r
            left join remembered m
                on m.key = r.key and m.payload_hash = cast(r.payload_hash as varchar) and m.fingerprint = ?
        """,
        [spec.mapping_fingerprint],
    )
    staging.run(
        "insert into refused (key, rows, stage, field, reason) select key, 1, stage, field, reason from set_aside"
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
            refusal=_refusal(stage, field, expression, reason),
            payload_hash=payload_hash,
        )
        for key, rows, stage, field, expression, reason, payload_hash in staging.rows(sql)
    ]


def remembered(staging: Staging) -> list[Key]:
    """List the records that stay refused from earlier runs."""
    return [text_key(key) for (key,) in staging.rows("select key from decided where verdict = 'remembered'")]


# --- questions about one record --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decided:
    """What the diff found of a record."""

    change: Change
    verdict: str
    uncertain: bool


def decided(staging: Staging, key: Key) -> Decided | None:
    """Give what the diff found of a record; None: nothing of it is new."""
    found = staging.rows("select change, verdict, uncertain from decided where key = ?", [key_text(key)])
    return next((Decided(Change(change), verdict, uncertain) for change, verdict, uncertain in found), None)


def refusal(staging: Staging, key: Key) -> Refusal | None:
    """Give why this very read refuses a record: for its key, its templates, a limit."""
    sql = "select stage, field, expression, reason from refused where key = ?"
    found = staging.rows(sql, [key_text(key)])
    return next((_refusal(*each) for each in found), None)


def awaited(staging: Staging, refs: Sequence[RefJoin], key: Key) -> tuple[RefJoin, Key] | None:
    """Give the first reference of a record that is not confirmed, and the key that it refers to."""
    for ref in refs:
        names = ", ".join(column(name) for name in ref.columns)
        sql = f"select {reference(ref.name)} is null, {names} from candidates where key = ?"
        unresolved, *values = staging.rows(sql, [key_text(key)])[0]
        if unresolved and all(value is not None for value in values):
            return ref, tuple(values)
    return None


def _refusal(stage: str, field: str | None, expression: str | None, reason: str) -> Refusal:
    return Refusal(stage=Stage(stage), field=field, expression=expression, reason=reason)
