"""Until the first load of an object that creates is over, the target may hold what is created although nothing says so.

Its state may have been lost, restored to a time before, or belong to another machine. What is noted here stands in the
object's file: when that is lost, the load counts as one that is not over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from engine.state.ledger import FIRST_LOAD
from engine.state.protocols import RunJournal
from engine.state.staging import Staging
from engine.values import Key, key_text, text_key


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLoad:
    """How far the first load of an object is; keys stand as texts."""

    is_open: bool = False
    doubted: tuple[str, ...] = ()  # records to be asked for although it is over: a person has let them be forgotten
    absent: tuple[str, ...] = ()  # records of which a person says that the target does not have them


def first_load(staging: Staging, journal: RunJournal, object_: str) -> FirstLoad:
    """Tell how far an object is; where nothing is known of it at all, its first load begins."""
    if note := staging.meta(FIRST_LOAD):
        found = json.loads(note)
        return FirstLoad(is_open=found["is_open"], doubted=tuple(found["doubted"]), absent=tuple(found["absent"]))
    knows = object_ in journal.bindings.objects() or journal.claims.of(object_) or journal.progress.of(object_)
    return FirstLoad(is_open=not knows)


def note_first_load(staging: Staging, load: FirstLoad) -> None:
    """Note how far an object is."""
    staging.set_meta(FIRST_LOAD, json.dumps(asdict(load)))


def doubt(staging: Staging, journal: RunJournal, object_: str, key: Key) -> None:
    """Let a record be asked for before it is created."""
    load = first_load(staging, journal, object_)
    others = (each for each in load.absent if each != key_text(key))
    note_first_load(staging, replace(load, doubted=(*load.doubted, key_text(key)), absent=tuple(others)))


def vouch(staging: Staging, journal: RunJournal, object_: str, key: Key) -> None:
    """Note a person's word that the target does not have a record: it is not asked for."""
    load = first_load(staging, journal, object_)
    others = (each for each in load.doubted if each != key_text(key))
    note_first_load(staging, replace(load, doubted=tuple(others), absent=(*load.absent, key_text(key))))


def keys_in(texts: Iterable[str]) -> set[Key]:
    """Read keys that stand as texts."""
    return {text_key(each) for each in texts}
