"""A part of a run on its way to an HTTP end: what it is, what is asked of it, and what its answers may mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from engine.connections.settings import OnStatus, Retry
from engine.values.ranges import Range


class Ask(StrEnum):
    """What a part is about to do."""

    SEND = "send"
    LOOK_UP = "look up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A range of changes on its way, with what happened to it so far."""

    range: Range
    group: int = 0
    family: int = 0  # the chunk it was split from
    depth: int = 0
    ask: Ask = Ask.SEND
    step: int = 0  # of the operation's requests
    saved: Mapping[str, Any] = field(default_factory=dict)  # by the steps before
    attempts: int = 0  # ended attempts of this request that count
    waited_seconds: float = 0.0  # that Retry-After asked for
    unknown: bool = False  # some attempt of it, or of what it was split from, ended unknown
    conflict: str = ""  # the 409 that led to the look-up
    repeated: bool = False  # created again after a look-up found nothing
    gone: bool = False  # it has left the source: only asked for, never created again
    resumed: bool = False  # its first steps were done by an earlier run
    starts_over: bool = False  # and what they did stands no longer: what is noted of it is taken back before it leaves
    made_as: str | None = None  # the payload that it was created with, where that is another one; "": nobody knows
    maybe_gone: bool = False  # a removal whose outcome was not learnt may have taken it away

    def after(self, again: Again) -> Part:
        """Give the part as it is after an attempt that is to be repeated."""
        return replace(
            self,
            attempts=self.attempts + again.counts,
            waited_seconds=self.waited_seconds + (0.0 if again.counts else again.delay_seconds),
            unknown=self.unknown or again.unknown,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an operation allows, and what its answers mean."""

    creates: bool  # some step does
    deletes: tuple[bool, ...] = (False,)  # per step: its method is DELETE
    creating: frozenset[int] | None = None  # the steps that create; None: all of them, where `creates`
    look_up_after_seconds: float | None = None  # None: there is no look-up
    on_status: Mapping[int, OnStatus] = field(default_factory=dict)
    retry: Retry = Retry()

    def creates_at(self, step: int) -> bool:
        """Tell whether a repetition of a step could create a second record."""
        return self.creates and (self.creating is None or step in self.creating)

    def restart(self, step: int) -> int:
        """Give the step to begin with when those before `step` are done and must not stand: after the last create."""
        return max((each + 1 for each in range(step) if self.creates_at(each)), default=0)

    @property
    def steps(self) -> int:
        """Count the requests of one record."""
        return len(self.deletes)


class Found(StrEnum):
    """What a look-up says."""

    FOUND = "found"
    ABSENT = "absent"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the mapping's templates read in an answer of 2xx (or in any answer to a look-up)."""

    fault: str | None = None  # it could not be read: as good as no answer
    ok: bool = True
    saved: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str | None, ...] | None = None  # results per line: "" confirmed, None not named, else the reason
    found: Found = Found.UNCLEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Try the same again."""

    delay_seconds: float
    counts: bool  # as an attempt
    unknown: bool
    reason: str
