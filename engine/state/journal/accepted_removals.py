"""Accepted removals: the requests by which a target has taken a record away once, so that their path is right."""

from __future__ import annotations

import json
from dataclasses import dataclass

from engine.state.journal.sqlite_file import JournalFile

_NOTE = "removal accepted "  # before object and request, among the names of `meta`


@dataclass(frozen=True, slots=True)
class AcceptedRemovals:
    """The requests of each object that removed something, by a text that stands for each."""

    _file: JournalFile

    def add(self, object_: str, request: str) -> None:
        """Note that a request of an object was accepted; known ones are no fault."""
        self._file.write("insert or ignore into meta values (?, '')", _name(object_, request))

    def has(self, object_: str, request: str) -> bool:
        """Tell whether such a request was accepted once."""
        return bool(self._file.rows("select 1 from meta where name = ?", _name(object_, request)))


def _name(object_: str, request: str) -> str:
    return _NOTE + json.dumps([object_, request], ensure_ascii=False)
