"""What the journal keeps, as values, and how times are written there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from engine.values.records import Key

Outcome: TypeAlias = Literal["confirmed", "clean", "gone"]  # of a range of changes; clean: certainly without effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the journal says of an object between runs."""

    generation: int  # 0: never settled
    settling: int  # the generation that the DuckDB file may be at: one higher while a settle is under way
    open_run: str | None  # a run that did not end
    cursor: Any
    full_at: datetime | None
    once_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A create whose outcome is not known."""

    key: Key
    operation: int
    payload_hash: str
    row: Mapping[str, Any]
    claimed_at: datetime
    ended_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A record between the steps of its operation; what they saved stands for the payload that they sent."""

    operation: int
    fingerprint: str  # of the mapping whose steps these are
    payload_hash: str  # of what the steps before sent; "" where nobody knows
    step: int  # to be done next, from 0
    saved: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One attempt of one request, for the history."""

    method: str
    target: str
    lines: int
    status: int | None
    outcome: str
    reason: str | None
    duration_seconds: float


def stamp(moment: datetime) -> str:
    """Write an instant as the journal does: ISO in UTC, so that texts sort by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def unstamp(text: str | None) -> datetime | None:
    """Read what `stamp` wrote."""
    return datetime.fromisoformat(text) if text else None
