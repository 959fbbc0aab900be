"""Retention: how long the history is kept, and how the file gives its space back."""

from __future__ import annotations

import time
from datetime import timedelta

from engine.state.journal.journal import Journal

STEP_ROWS = 2_000  # dropped at once: others wait no longer for the journal than these take
STEP_PAGES = 2_000  # given back at once
MOST_SECONDS = 0.5  # of each run


def prune(journal: Journal, days: int) -> None:
    """Drop some runs and requests that are older, nothing that a decision rests on, and give their space back.

    In small steps, and for a short time: what is left is the next run's.
    """
    before = journal.now() - timedelta(days=days)
    end = time.monotonic() + MOST_SECONDS
    is_left = True
    while is_left and time.monotonic() < end:
        is_left = journal.requests.drop_before(before, STEP_ROWS) or journal.runs.drop_before(before, STEP_ROWS)
    while time.monotonic() < end and journal.give_back(STEP_PAGES):
        pass
