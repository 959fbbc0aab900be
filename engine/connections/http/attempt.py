"""One thing asked of an HTTP end: what is asked, on which terms, and what was read in the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from engine.connections.http.decisions import Again, Refuse
from engine.connections.settings import OnStatus, Retry

WhenMissing: TypeAlias = Literal["reject", "look up", "forget"]  # forget: rejected, and a person may let it be created


class Ask(StrEnum):
    """What is about to be done."""

    SEND = "send"
    LOOK_UP = "look up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is asked now, how often it was asked already, and what an answer to it may mean."""

    ask: Ask = Ask.SEND
    step: int = 0  # of the operation's requests
    saved: Mapping[str, Any] = field(default_factory=dict)  # by the steps before
    tried: int = 0  # ended tries of this request that count
    waited_seconds: float = 0.0  # that Retry-After asked for
    conflict: Refuse | None = None  # of a look-up: the refusal that led to it, as the record may be there already
    repeated: bool = False  # created again after a look-up found nothing
    missing: str = ""  # of a look-up: the 404 to an update that led to it
    found: bool = False  # by such a look-up: a second one would find no more
    first: bool = False  # of a look-up: nothing of the create was sent yet
    gone: bool = False  # it has left the source: only asked for, never created again
    maybe_gone: bool = False  # a removal whose outcome was not learnt may have taken it away
    lost: bool = False  # the same was asked before, and may have had its effect

    def after(self, again: Again) -> Attempt:
        """Give the next attempt at the same."""
        waited_seconds = 0.0 if again.counts else again.delay_seconds
        return replace(
            self,
            tried=self.tried + again.counts,
            waited_seconds=self.waited_seconds + waited_seconds,
            lost=self.lost or again.unknown,
        )

    def anew(self) -> Attempt:
        """Ask the same of fewer records, which were not asked about alone before."""
        return replace(self, tried=0, waited_seconds=0.0, lost=False)

    def looks_up(
        self, *, conflict: Refuse | None = None, missing: str = "", gone: bool = False, first: bool = False
    ) -> Attempt:
        """Ask for the record itself."""
        return replace(self.anew(), ask=Ask.LOOK_UP, conflict=conflict, missing=missing, gone=gone, first=first)

    def creates_again(self) -> Attempt:
        """Create what a look-up did not find."""
        return replace(self.anew(), ask=Ask.SEND, repeated=not self.first, first=False)

    def updates_found(self, step: int, saved: Mapping[str, Any]) -> Attempt:
        """Do an update once more, from a step on, of what a look-up found in place of a record that is missing."""
        return replace(self.anew(), ask=Ask.SEND, step=step, saved=saved, missing="", found=True)

    def from_step(self, step: int) -> Attempt:
        """Ask the same from an earlier step on."""
        return replace(self.anew(), step=step)

    def next_step(self, saved: Mapping[str, Any]) -> Attempt:
        """Go on to the next step with all that was saved so far."""
        return replace(self.anew(), step=self.step + 1, saved=saved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an operation allows, and what its answers mean."""

    creates: bool  # some step does
    deletes: tuple[bool, ...] = (False,)  # per step: its method is DELETE
    proven: frozenset[int] = frozenset()  # the steps by which a record was removed once: their path is right
    creating: frozenset[int] | None = None  # the steps that create; None: all of them, where `creates`
    when_missing: WhenMissing = "reject"  # 404 or 410 for an update
    saving: frozenset[int] = frozenset()  # the steps whose answer holds what is saved
    foreign: frozenset[int] = frozenset()  # the steps that may lead to another host, which has not our credentials
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
