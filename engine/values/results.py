"""What became of a run of an object: counts, status, why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the records of a run (engine/cli/README.md).

    extracted = unchanged + added + changed, and
    added + changed + removed = the sum of the nine outcomes below.
    """

    extracted: int = 0
    unchanged: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    confirmed: int = 0
    rejected: int = 0
    waiting: int = 0
    unknown: int = 0
    withheld: int = 0
    failed: int = 0
    not_due: int = 0
    unhandled_changed: int = 0
    unhandled_removed: int = 0
    requests: int = 0
    retries: int = 0
    splits: int = 0

    def add(self, other: Counts) -> None:
        """Add another read's counts to these."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


class Status(StrEnum):
    """How a run of an object ended."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a run of an object failed or was cut short."""

    code: str
    message: str
    exit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectResult:
    """One run of one object, as reported and as kept in the journal."""

    object: str
    run_id: str
    status: Status
    counts: Counts
    started_at: datetime
    duration_seconds: float
    failure: Failure | None = None
    unproven: str | None = None  # the request that did not know what is to be removed; None: no removal was held for it
    notes: tuple[str, ...] = field(default=())  # warnings worth a person's look, one sentence each

    def as_json(self) -> dict[str, Any]:
        """Give the object's entry in the document of `run --once --json`."""
        counts: Mapping[str, int] = asdict(self.counts)
        return {
            "object": self.object,
            "status": str(self.status),
            **counts,
            "duration_seconds": round(self.duration_seconds, 3),
            "error": self.failure.message if self.failure else None,
            "notes": list(self.notes),
        }
