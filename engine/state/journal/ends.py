"""Ends: the platform or database that an object's notes speak of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from engine.connections import Identity
from engine.state.journal.sqlite_file import JournalFile

_MATTER = """
select 1 from bindings where object = ?1 union all
select 1 from claims where object = ?1 union all
select 1 from progress where object = ?1 union all
select 1 from marks where object = ?1 union all
select 1 from rejections where object = ?1 and payload_hash is not null union all
select 1 from objects where object = ?1 and cursor is not null
limit 1"""


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of each object, by their role."""

    _file: JournalFile

    def of(self, object_: str) -> dict[str, Identity]:
        """Give the ends that an object's notes speak of, by their role; none: not known."""
        found = self._file.rows("select ends from objects where object = ? and ends is not null", object_)
        return {role: Identity(**each) for role, each in json.loads(found[0][0]).items()} if found else {}

    def put(self, object_: str, ends: Mapping[str, Identity]) -> None:
        """Note the ends that an object's ledger, bindings and cursor speak of from now on."""
        text = json.dumps({role: asdict(end) for role, end in ends.items()}, ensure_ascii=False)
        self._file.write(
            "insert into objects (object, ends) values (?1, ?2) on conflict (object) do update set ends = ?2",
            object_,
            text,
        )

    def matter(self, object_: str) -> bool:
        """Tell whether a note would be wrong at another target: a binding, a create, a refusal, a place in a feed."""
        return bool(self._file.rows(_MATTER, object_))
