"""Records of the ledger that the journal knows nothing of: neither a binding nor a claim."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, TypeAlias

from engine.state.journal.journal import Journal
from engine.state.ledger import column_kinds, ledger_columns, restored
from engine.state.sql_names import column, more
from engine.state.staging import Staging
from engine.values import Key, key_text, text_key

LOADED_KEYS = 50_000

Rows: TypeAlias = list[tuple[Key, dict[str, Any]]]


def find_unbound(staging: Staging, journal: Journal, object_: str) -> None:
    """Write them to the temporary table `unbound`: `key`, and whether the record was ever `confirmed`."""
    bound = (key for key, _ in journal.bindings.of(object_))
    known = chain(bound, (key_text(claim.key) for claim in journal.claims.of(object_)))
    staging.begin("known")
    while keys := list(islice(known, LOADED_KEYS)):
        staging.insert_columns("known", {"key": keys})
    staging.begin("unbound")
    staging.run(
        "insert into unbound select key, payload_hash is not null from ledger anti join known using (key) order by key"
    )


def unbound(staging: Staging) -> Iterator[Rows]:
    """Yield them with the source's columns as the ledger holds them, some at a time."""
    names, kinds = ledger_columns(staging), column_kinds(staging)
    sql = (
        f"select key{more(map(column, names))}"
        " from (select key, rowid as place from unbound where rowid between $1 and $2)"
        " join ledger using (key) order by place"
    )
    for window in staging.room.windows(_last(staging), first=0):
        yield [(text_key(key), restored(names, texts, kinds)) for key, *texts in staging.rows(sql, window)]


def take_confirmed(staging: Staging) -> Iterator[list[Key]]:
    """Yield the keys of those that were confirmed, some at a time; after them the others alone are left."""
    sql = "select key from unbound where rowid between $1 and $2 and confirmed order by rowid"
    for window in staging.room.windows(_last(staging), first=0):
        yield [text_key(key) for (key,) in staging.rows(sql, window)]
    staging.run("delete from unbound where confirmed")


def _last(staging: Staging) -> int:
    return int(staging.value("select coalesce(max(rowid), -1) from unbound"))
