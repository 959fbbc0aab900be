"""`rejected drop`: gives an item of a feed up, which nothing but its next event brings again."""

from __future__ import annotations

from collections.abc import Sequence

from engine.mapping import MappingSpec, is_feed, spellings
from engine.operate.hold import held, opened_journal
from engine.run import App
from engine.state.journal import Rejection
from engine.values import ConfigError, RunError


def drop_rejected(app: App, mapping: MappingSpec, words: Sequence[str]) -> Rejection:
    """Drop a refused item or document of a feed with all that is kept of it; answers what it was.

    The ledger and the target stay as they are: what was confirmed before stands, and this never counts as confirmed.

    Raises:
        ConfigError: the object is no feed, so that its source gives the record again in any case.
        RunError: no such record is refused.
        BusyError: a run holds the object, and may be trying it again; nothing was changed.
    """
    name = " ".join((mapping.object, *words))
    if not is_feed(mapping):
        message = (
            f"the source gives {name} in each whole read, so that to drop it would only try it again: correct it there,"
            f" or leave it out there; one that left the source is given up by `one-sync forget {name}`"
        )
        raise ConfigError(message, code="E_DROP")
    with held(app, mapping.object), opened_journal(app) as journal:
        found = next(filter(None, (journal.rejections.get(mapping.object, key) for key in spellings(words))), None)
        if found is None:
            raise RunError(
                f"{name} is not rejected; see `one-sync rejected list {mapping.object}`", code="E_NOT_REJECTED"
            )
        journal.rejections.drop(mapping.object, [found.key])
        return found
