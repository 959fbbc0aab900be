"""Records that are known under one key and come under another, found in a read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.state.sql_names import column, json_array, unpadded_key
from engine.state.staging import Staging

_STORES = ("ledger", "bound", "claimed", "begun")
_KNOWN = " union ".join(f"select key from {each}" for each in _STORES)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherKeys:
    """Which records of a read are known under another key."""

    pairs: tuple[tuple[str, str], ...]  # the known key and the present one, as texts
    doubled: tuple[str, str, str] | None  # a known key with two present ones, if there is such a one
    taken: tuple[str, ...]  # present keys of which the same is known already as of the old one


def find_other_keys(staging: Staging, columns: Sequence[str]) -> OtherKeys:
    """Find them; `columns` hold the parts of the key under which they are known.

    A known key whose texts end in blanks is found without them too: a CHAR's were a part of it once.
    Expects `staged`, `ledger` and what the journal knows.
    """
    staging.begin("other_keys")
    old = json_array([column(name) for name in columns])
    staging.run(
        f"""
        insert into other_keys
        with
        known as ({_KNOWN}),
        present as (select key, {old} as old from staged where not (gone or missing)),
        padded as (
            select {unpadded_key("key")} as bare, min(key) as key from known
            where key not in (select key from present) and {unpadded_key("key")} not in (select key from known)
            group by bare having count(*) = 1
        )
        select old, key from present where old <> key and old in (select key from known)
        union all
        select padded.key, present.key from present join padded on padded.bare = present.old
        """
    )
    doubled = staging.rows(
        "select old, min(key), max(key) from other_keys group by old having count(distinct key) > 1"
        " order by old limit 1"
    )
    both = " or ".join(f"old in (from {each} select key) and key in (from {each} select key)" for each in _STORES)
    taken = staging.rows(
        f"select distinct key from other_keys where key not in (select old from other_keys) and ({both}) order by key"
    )
    return OtherKeys(
        pairs=tuple((old, new) for old, new in staging.rows("select distinct old, key from other_keys order by old")),
        doubled=doubled[0] if doubled else None,
        taken=tuple(key for (key,) in taken),
    )
