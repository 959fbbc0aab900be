"""What becomes of records that are sent again: by what ledger and journal know, before the source is read."""

from __future__ import annotations

from collections.abc import Sequence

from engine.state.staging import Staging
from engine.values import Key, key_text


def outlook(staging: Staging, keys: Sequence[Key] | None) -> dict[str, int]:
    """Count some records of the ledger, or all, by how the next run takes them if the source still gives them.

    `changed`, `added`, `unknown` (the outcome of its create is) or `rejected` (as long as its payload stays the same).
    Expects what the journal knows.
    """
    where = "" if keys is None else " where key in (select unnest(?))"
    sql = f"""
        select case
                when key in (select key from remembered where payload_hash is not null) then 'rejected'
                when key in (select key from claimed) then 'unknown'
                when payload_hash is not null or key in (select key from bound) then 'changed'
                else 'added'
            end as taken, count(*)
        from ledger{where} group by taken order by taken
        """
    return dict(staging.rows(sql, [] if keys is None else [[key_text(key) for key in keys]]))
