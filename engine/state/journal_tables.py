"""Brings what the journal knows of an object into temporary tables of its file, for set-wise work."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from engine.state.protocols import RunJournal
from engine.state.sql_names import bound_table
from engine.state.staging import Staging
from engine.values import key_text

LOADED_ROWS = 50_000


def load_journal(
    staging: Staging, journal: RunJournal, object_: str, *, refs: Mapping[str, str], retry_after_hours: float
) -> None:
    """Fill `bound`, `begun`, `claimed`, `remembered`, and a `ref:<name>` for each reference.

    `refs` gives the object that each of them names; a rejection older than `retry_after_hours` is to be tried again.
    """
    staging.begin("bound")
    _fill(staging, "bound", ("key", "saved"), journal.bindings.of(object_))
    for name, referred in refs.items():
        staging.begin("bound", named=bound_table(name))
        _fill(staging, bound_table(name), ("key", "saved"), journal.bindings.of(referred))
    staging.begin("begun")
    progress = journal.progress.of(object_)
    begun = ((key_text(key), json.dumps(each.saved)) for key, each in progress.items() if each.saved)
    _fill(staging, "begun", ("key", "saved"), begun)
    staging.begin("claimed")
    _fill(staging, "claimed", ("key",), ((key_text(claim.key),) for claim in journal.claims.of(object_)))
    staging.begin("remembered")
    rejections, hours = journal.rejections, retry_after_hours
    refused = (
        (key_text(each.key), None if rejections.is_due(each, hours) else each.payload_hash, each.fingerprint)
        for each in rejections.of(object_)
        if each.payload_hash
    )
    _fill(staging, "remembered", ("key", "payload_hash", "fingerprint"), refused)


def load_bindings(staging: Staging, journal: RunJournal, object_: str, table: str) -> None:
    """Fill a table of staging.sql with the bindings of any object: `key` and `saved`."""
    _fill(staging, table, ("key", "saved"), journal.bindings.of(object_))


def _fill(staging: Staging, table: str, names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    coming = iter(rows)
    while held := list(islice(coming, LOADED_ROWS)):
        staging.insert_columns(table, dict(zip(names, zip(*held, strict=True), strict=True)))
