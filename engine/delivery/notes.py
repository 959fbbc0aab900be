"""What is noted of an event, as small values: each is one write to the journal, the staging file or the tally.

They speak of ranges of changes, so that a note of ten thousand lines is as small as one of a single line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from engine.state.journal import Outcome
from engine.values import Change, Range, Refusal

KEPT = frozenset({Change.ADDED, Change.CHANGED})
LEFT = frozenset({Change.REMOVED})

Counted: TypeAlias = Literal[
    "confirmed",
    "rejected",
    "waiting",
    "withheld",
    "unknown",
    "failed",
    "not_due",
    "unhandled_removed",
    "requests",
    "retries",
    "splits",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A range is about to be sent."""

    range: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a range."""

    range: Range
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AddClaims:
    """Creates are about to leave, by an operation."""

    range: Range
    operation: int
    payload: str | None = None  # None: the one that each has now; "": none was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class EndClaims:
    """The attempt of creates ended, and its outcome is not known."""

    range: Range
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropClaims:
    """The outcome of creates is known."""

    range: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Records of these changes are at the target, with what its answer gave."""

    range: Range
    saved: Mapping[str, Any] = field(default_factory=dict)
    changes: frozenset[Change] = KEPT | LEFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbind:
    """Records of these changes are at the target no more."""

    range: Range
    changes: frozenset[Change] = KEPT | LEFT


@dataclass(frozen=True, slots=True, kw_only=True)
class PutProgress:
    """A record has come as far as this step."""

    range: Range
    payload: str | None  # that it was sent with; None: the one that it has now; "": nobody knows
    step: int
    saved: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropProgress:
    """Records are between their steps no more."""

    range: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Records were refused."""

    range: Range
    refusal: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class StandAs:
    """A change stands for the payload that the target holds."""

    range: Range
    payload: str | None  # None: the one that it has now; "": nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Another operation of this run takes a record next."""

    range: Range
    change: Change
    operation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """So many more of the counts of a run."""

    what: Counted
    by: int
    why: str = ""  # they failed, or are withheld
    request: str = ""  # that was not known, of removals that are withheld


Note: TypeAlias = (
    Mark
    | Receipt
    | AddClaims
    | EndClaims
    | DropClaims
    | Bind
    | Unbind
    | PutProgress
    | DropProgress
    | Reject
    | StandAs
    | FollowUp
    | Count
)
