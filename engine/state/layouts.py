"""Bringing a state file from the layout that wrote it to today's, one step at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.values import StateError


def layout_of(steps: Sequence[str]) -> int:
    """Give today's layout: the first one released is 1, and each step leads to the next."""
    return 1 + len(steps)


def steps_from(layout: int, steps: Sequence[str], path: Path) -> Iterator[tuple[int, str]]:
    """Give the steps that a file of a layout still has to take, each with the layout it leads to.

    Raises StateError where the file is of a later layout than this program knows.
    """
    if layout > layout_of(steps):
        raise StateError(
            f"{path} was written by a newer one-sync (layout {layout}, this program knows {layout_of(steps)}); nothing "
            "was read or sent. Use the newer program again, or restore the whole state folder from a backup made "
            "before the upgrade",
            code="E_STATE_NEWER",
        )
    yield from list(enumerate(steps, start=2))[layout - 1 :]
