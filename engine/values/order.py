"""What is asked of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a run."""

    run_id: str
    due: frozenset[int]  # operations
    allowed_removed: int | None = None
    adopts: bool = False  # all is taken as confirmed, so that nothing is created
