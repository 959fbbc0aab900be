"""What a record that waits may mean: a record that is there under a key which is only written otherwise."""

from __future__ import annotations

from engine.difference.second_creates import BARE_KEY
from engine.mapping.program import RefJoin
from engine.state import Staging, bound_table
from engine.values import Key, key_text, text_key


def near_miss(staging: Staging, ref: RefJoin, key: Key) -> Key | None:
    """Find a record that differs from the one referred to only by blanks, letter case or zeros in its key."""
    awaited = f"(select {BARE_KEY} from (select ? as key))"
    sql = f"select min(key) from {bound_table(ref.name)} where {BARE_KEY} = {awaited}"
    found = staging.value(sql, [key_text(key)])
    return None if found is None else text_key(found)
