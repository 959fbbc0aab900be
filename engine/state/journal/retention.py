"""Retention: how long the history is kept."""

from __future__ import annotations

from datetime import timedelta

from engine.state.journal.journal import Journal

KEPT_DAYS = 30


def prune(journal: Journal) -> None:
    """Drop runs and requests that are older than this; nothing that a decision rests on."""
    before = journal.now() - timedelta(days=KEPT_DAYS)
    with journal.transaction():
        journal.requests.drop_before(before)
        journal.runs.drop_before(before)
