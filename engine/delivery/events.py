"""What delivery tells, event by event, to whoever records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from engine.connections.http import Decision
from engine.delivery.part import Part
from engine.values import Answer, OneSyncError, Refusal


class Verdict(StrEnum):
    """What became of a range in this run."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WAITING = "waiting"
    EXISTS = "exists"  # a look-up found it; what it holds there is not known
    WITHHELD = "withheld"  # to be removed, and the target does not know it: its path may be wrong
    GONE = "gone"  # the target has it no more, so that it has to be created


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A request is about to leave; whoever takes this event writes mark and claim before going on."""

    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """An attempt ended, and this was decided."""

    part: Part
    request: Any
    answer: Answer
    decision: Decision
    deletes: bool = False  # its method is DELETE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlearnt:
    """The attempt of a create ended without an answer; a look-up follows."""

    part: Part
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A step of several was confirmed."""

    part: Part  # its next step, with all that was saved


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A look-up found another record in place of one that is missing; its update follows."""

    part: Part  # with what the look-up saved


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A range has its verdict."""

    part: Part
    verdict: Verdict
    clean: bool = False  # certainly without effect
    proven: bool = False  # with GONE: by a look-up
    reason: str = ""
    request: str = ""  # with WITHHELD: that was not known
    refusal: Refusal | None = None  # with REJECTED
    saved: Mapping[str, Any] = field(default_factory=dict)  # with CONFIRMED and EXISTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A refused part was split."""

    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """The operation ended early; what was not sent follows as FAILED."""

    error: OneSyncError


Event: TypeAlias = Leaving | Exchanged | Unlearnt | Stepped | Found | Done | Split | Halted
