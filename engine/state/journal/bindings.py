"""Bindings: the values saved from the target's answers; a record with a binding exists at the target."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.state.journal.sqlite_file import JournalFile
from engine.state.stored_texts import compact, stamp
from engine.values import Key, key_text


@dataclass(frozen=True, slots=True)
class Bindings:
    """The saved values, by object and key."""

    _file: JournalFile

    def add(self, object_: str, bindings: Iterable[tuple[Key, Mapping[str, Any]]]) -> None:
        """Keep what answers gave; known values that are not saved anew stay."""
        now = stamp(self._file.now())
        self._file.write_many(
            "insert into bindings values (?1, ?2, ?3, ?4) on conflict (object, key) do update set"
            " saved = json_patch(saved, ?3), bound_at = case when ?3 = '{}' then bound_at else ?4 end",
            [(object_, key_text(key), compact(saved), now) for key, saved in bindings],
        )

    def drop(self, object_: str, keys: Iterable[Key]) -> None:
        """Forget the bindings of records that the target no longer has."""
        self._file.write_many(
            "delete from bindings where object = ? and key = ?", [(object_, key_text(key)) for key in keys]
        )

    def of(self, object_: str) -> Iterator[tuple[str, str]]:
        """Stream key text and saved JSON of an object's bindings."""
        yield from self._file.stream("select key, saved from bindings where object = ?", object_)

    def objects(self) -> list[str]:
        """List the objects that have bindings, those that left the project among them."""
        return [object_ for (object_,) in self._file.rows("select distinct object from bindings order by object")]

    def get(self, object_: str, key: Key) -> dict[str, Any] | None:
        """Give one record's saved values, or None where there is no binding."""
        found = self._file.rows("select saved from bindings where object = ? and key = ?", object_, key_text(key))
        return dict(json.loads(found[0][0])) if found else None
