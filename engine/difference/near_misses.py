"""What a reference or a person may mean: a record that is there under a key which is only written otherwise."""

from __future__ import annotations

from engine.difference.second_creates import BARE_KEY
from engine.mapping.program import RefJoin
from engine.state import Staging, bound_table
from engine.values import Key, key_text, text_key


def near_miss(staging: Staging, ref: RefJoin, key: Key) -> Key | None:
    """Find a record that differs from the one referred to only by blanks, letter case or zeros in its key."""
    return _nearest(staging, bound_table(ref.name), key)


def near_row(staging: Staging, key: Key) -> Key | None:
    """Find a row of the read whose key differs likewise from one that a person wrote."""
    return _nearest(staging, "staged", key)


def _nearest(staging: Staging, table: str, key: Key) -> Key | None:
    wanted = f"(select {BARE_KEY} from (select ? as key))"
    found = staging.value(f"select min(key) from {table} where {BARE_KEY} = {wanted}", [key_text(key)])
    return None if found is None else text_key(found)
