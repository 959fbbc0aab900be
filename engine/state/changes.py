"""The numbered changes of a run, as requests need them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from engine.state.ledger import column_kinds, value_of
from engine.state.staging import Staging
from engine.values import Change, Key, Kind, Numbered, Range, key_text, restorer_of, text_key


def groups(staging: Staging, operation: int, *, after: int = 0) -> list[Range]:
    """List the ranges of an operation's changes, one a group, in order; of those with a number `after` another."""
    sql = "select min(seq), max(seq) from changes where seq > ? and operation = ? group by grp order by min(seq)"
    return [Range(*row) for row in staging.rows(sql, [after, operation])]


def count_of(staging: Staging, change: Change) -> int:
    """Count the records that will be sent as this change."""
    sql = "select count(*) from changes where change = ? and seq is not null"
    return int(staging.value(sql, [str(change)]))


def number_of(staging: Staging, key: Key) -> int | None:
    """Give the number of a record's change; None: nothing of it is to be sent."""
    found: int | None = staging.value("select seq from changes where key = ? and seq is not null", [key_text(key)])
    return found


def first_of_each_kind(staging: Staging, most: int) -> list[int]:
    """Give the numbers of the first added, changed and removed records, at most so many of each, in order."""
    sql = (
        "select seq from changes where seq is not null"
        " qualify row_number() over (partition by change order by seq) <= ? order by seq"
    )
    return [seq for (seq,) in staging.rows(sql, [most])]


def read(staging: Staging, part: Range) -> list[Numbered]:
    """Read a range of changes with all that a request may name."""
    sql = (
        "select seq, key, change, cast(payload_hash as varchar) as payload_hash, line, saved, columns('^[cr]:')"
        " from changes where seq between ? and ? order by seq"
    )
    kinds = {**column_kinds(staging), **{n: k for n, k in staging.kinds.items() if k is not Kind.NULL}}
    restores = {f"c:{name}": restorer_of(name, kinds) for name in staging.columns}
    return [_numbered(record, restores) for record in staging.records(sql, list(part))]


def _numbered(record: Mapping[str, Any], restores: Mapping[str, Callable[[str], Any] | None]) -> Numbered:
    return Numbered(
        seq=record["seq"],
        key=text_key(record["key"]),
        change=Change(record["change"]),
        payload_hash=record["payload_hash"],
        line=record["line"],
        saved=json.loads(record["saved"]) if record["saved"] else None,
        row={name[2:]: value_of(record[name], restore) for name, restore in restores.items()},
        refs={name[2:]: json.loads(text) if text else None for name, text in record.items() if name.startswith("r:")},
    )


def lines(staging: Staging, part: Range) -> list[str]:
    """Read the lines of a range: of its added and changed records."""
    sql = "select line from changes where seq between ? and ? and change <> 'removed' order by seq"
    found: list[str] = staging.lists(sql, list(part))[0]
    return found


def first_row(staging: Staging, part: Range) -> dict[str, Any]:
    """Give the source's columns of the first change of a range."""
    return dict(read(staging, Range(part.first, part.first))[0].row)


def removed_rows(staging: Staging, part: Range) -> list[dict[str, Any]]:
    """Give the columns, as they were last confirmed, of the removed records of a range."""
    sql = "select seq from changes where seq between ? and ? and change = 'removed'"
    if not staging.value(f"select count(*) from ({sql})", list(part)):
        return []
    return [dict(each.row) for each in read(staging, part) if each.change is Change.REMOVED]


def keys(staging: Staging, part: Range) -> list[tuple[Key, Change, str]]:
    """Give key, change and payload hash of a range's records."""
    sql = "select key, change, cast(payload_hash as varchar) from changes where seq between ? and ? order by seq"
    return [(text_key(key), Change(change), payload) for key, change, payload in staging.rows(sql, list(part))]


def claimed(staging: Staging, operation: int) -> dict[int, Key]:
    """Give the numbers of an operation's changes whose create is of unknown outcome."""
    sql = "select seq, key from changes where operation = ? and seq is not null and key in (select key from claimed)"
    return {seq: text_key(key) for seq, key in staging.rows(sql, [operation])}


def numbers_of(staging: Staging, operation: int, records: Collection[Key]) -> dict[int, tuple[Key, str]]:
    """Give the numbers of some records' changes, with key and payload hash."""
    if not records:
        return {}
    sql = (
        "select seq, key, cast(payload_hash as varchar) from changes"
        " where operation = ? and seq is not null and list_contains(?, key)"
    )
    found = staging.rows(sql, [operation, [key_text(key) for key in records]])
    return {seq: (text_key(key), payload_hash) for seq, key, payload_hash in found}


def unheard_of(staging: Staging, operation: int) -> dict[int, Key]:
    """Give the numbers of an operation's creates of which no attempt was made before."""
    sql = (
        "select c.seq, c.key from changes c anti join ledger l on l.key = c.key and l.uncertain"
        " where c.operation = ? and c.change = 'added' and c.seq is not null"
    )
    return {seq: text_key(key) for seq, key in staging.rows(sql, [operation])}


def removed_among(staging: Staging, numbers: Collection[int]) -> set[int]:
    """Pick the numbers whose record has left the source."""
    sql = "select seq from changes where change = 'removed' and list_contains(?, seq)"
    return {seq for (seq,) in staging.rows(sql, [list(numbers)])} if numbers else set()


def maybe_gone(staging: Staging, operation: int, change: Change) -> set[int]:
    """Pick the numbers whose record may have been removed by a request whose outcome was not learnt."""
    sql = (
        "select c.seq from changes c join ledger l on l.key = c.key"
        " where l.removing and c.operation = ? and c.change = ? and c.seq is not null"
    )
    return {seq for (seq,) in staging.rows(sql, [operation, str(change)])}


def take_as_claimed(staging: Staging, seq: int, payload_hash: str) -> None:
    """Let a change stand for the payload that was claimed, which is what the target holds; "": nobody knows."""
    staging.run(
        "update changes set row_hash = case when cast(payload_hash as varchar) = ?1 then row_hash end,"
        " payload_hash = cast(nullif(?1, '') as uhugeint) where seq = ?2",
        [payload_hash, seq],
    )


def follow_up(staging: Staging, seq: int, change: Change, operation: int, saved: Mapping[str, Any]) -> int:
    """Number a record once more, for another operation of the same run; answers its new number."""
    with staging.transaction():
        new = int(staging.value("select max(seq) + 1 from changes"))
        staging.run("create or replace temp table once_more as select * from changes where seq = ?", [seq])
        staging.run(
            "update once_more set seq = ?, change = ?, operation = ?, grp = 'once more ' || ?, saved = ?",
            [new, str(change), operation, str(new), json.dumps(saved)],
        )
        staging.run("insert into changes select * from once_more")
    return new
