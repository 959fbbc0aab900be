"""`adopt --same-target`: takes new addresses as those of the same platform or database."""

from __future__ import annotations

from collections.abc import Sequence

from engine.connections import differing
from engine.mapping import MappingSpec
from engine.operate.hold import opened_journal
from engine.run import App


def accept_ends(app: App, mappings: Sequence[MappingSpec]) -> list[str]:
    """Take the ends that objects have now as those that their notes speak of; answers the objects that changed."""
    with opened_journal(app) as journal:
        changed = [each for each in mappings if differing(journal.ends.of(each.object), app.ends_of(each))]
        for each in changed:
            journal.ends.put(each.object, app.ends_of(each))
    return [each.object for each in changed]
