"""What is asked of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.values.records import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a run."""

    run_id: str
    due: frozenset[int]  # operations
    allowed: Mapping[Change, int] = field(default_factory=dict)  # an operator's ceilings, in place of the guards
    adopts: bool = False  # all is taken as confirmed, so that nothing is created
