"""What is said where an object creates for the first time, and nothing tells what the target holds already."""

from __future__ import annotations

from collections.abc import Iterator

from engine.mapping.program import Program
from engine.state import FirstLoad, Staging, changes
from engine.values import Change


def blind_creates(program: Program, load: FirstLoad, staging: Staging) -> Iterator[str]:
    """Say how many records are about to be created for the first time without a look-up that is asked before."""
    lookup = program.operations[program.takes[Change.ADDED]].spec.lookup
    if not load.is_open or (lookup and lookup.before_create != "never"):
        return
    if count := changes.count_of(staging, Change.ADDED):
        records = "1 record is" if count == 1 else f"{count} records are"
        yield (
            f"{program.object}: {records} created for the first time, and nothing asks whether the target holds such "
            "already: if this state is new because another one was lost or copied, bring that back instead, or give "
            "the entry a `lookup`"
        )


def asked_first(program: Program, load: FirstLoad, staging: Staging) -> int:
    """Count the creates that will ask first whether the target has the record."""
    lookup = program.operations[program.takes[Change.ADDED]].spec.lookup
    if lookup is None or lookup.before_create == "never" or not (load.is_open or lookup.before_create == "always"):
        return 0
    return changes.count_of(staging, Change.ADDED)
