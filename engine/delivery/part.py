"""A part of a run on its way to a target: what it is, what is asked now, and what happened to it before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.connections.http import Again, Attempt, Refuse
from engine.values import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a part's records went through, which no verdict may forget."""

    unknown: bool = False  # some attempt of it, or of what it was split from, ended unknown
    resumed: bool = False  # its first steps were done by an earlier run
    starts_over: bool = False  # and what they did stands no longer: what is noted of it is taken back before it leaves
    renewed: bool = False  # its first steps were done once more, for a fresh address
    made_as: str | None = None  # the payload that it was created with, where that is another one; "": nobody knows
    claimed_as: str | None = None  # the payload of a create that an earlier run did not learn the outcome of


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A range of changes on its way; it changes by the transitions below and by nothing else."""

    range: Range
    group: int = 0
    family: int = 0  # the chunk it was split from
    depth: int = 0
    attempt: Attempt = field(default_factory=Attempt)
    past: Past = field(default_factory=Past)

    @property
    def is_new(self) -> bool:
        """Tell whether no earlier run left anything of it."""
        return self.past == Past() and self.attempt == Attempt()

    # --- before it is sent -----------------------------------------------------------------------------------

    def begun_before(self, *, step: int, saved: Mapping[str, Any], stands: bool, made_as: str | None) -> Part:
        """Go on from a step where an earlier run stopped; `stands`: what it did need not be done again."""
        past = replace(self.past, unknown=True, resumed=stands, starts_over=not stands, made_as=made_as)
        return replace(self, attempt=replace(self.attempt, step=step, saved=saved), past=past)

    def claimed_before(self, *, payload: str, gone: bool) -> Part:
        """Ask first for a record that an earlier run may have created."""
        past = replace(self.past, unknown=True, claimed_as=payload)
        return replace(self, attempt=self.attempt.looks_up(gone=gone), past=past)

    def removed_before(self) -> Part:
        """Expect that an earlier run may have taken the record away."""
        return replace(self, attempt=replace(self.attempt, maybe_gone=True))

    def asked_first(self) -> Part:
        """Ask first for a record that is about to be created, as the target may have it although nothing knows so."""
        return replace(self, attempt=self.attempt.looks_up(first=True), past=replace(self.past, claimed_as=""))

    # --- after an attempt ------------------------------------------------------------------------------------

    def ended(self, *, unknown: bool) -> Part:
        """Note that an attempt ended, `unknown` or not."""
        return replace(self, past=replace(self.past, unknown=True)) if unknown else self

    def after(self, again: Again) -> Part:
        """Repeat the attempt."""
        return replace(self.ended(unknown=again.unknown), attempt=self.attempt.after(again))

    def looks_up(self, *, conflict: Refuse | None = None, missing: str = "") -> Part:
        """Ask whether the record exists."""
        return replace(self, attempt=self.attempt.looks_up(conflict=conflict, missing=missing))

    def updates_found(self, step: int, saved: Mapping[str, Any]) -> Part:
        """Update what a look-up found in place of the record that is missing."""
        return replace(self, attempt=self.attempt.updates_found(step, saved))

    def creates_again(self) -> Part:
        """Create the record that a look-up did not find."""
        past = replace(self.past, claimed_as=None)  # from now on it is made with the payload that it has now
        return replace(self, attempt=self.attempt.creates_again(), past=past)

    def next_step(self, saved: Mapping[str, Any]) -> Part:
        """Go on with all that was saved; the step that is done is an effect, whatever follows."""
        past = replace(self.past, unknown=True, resumed=False, starts_over=False)
        return replace(self, attempt=self.attempt.next_step(saved), past=past)

    def from_step(self, step: int) -> Part:
        """Do once more what an earlier run did from a step on."""
        return replace(self, attempt=self.attempt.from_step(step), past=replace(self.past, resumed=False))

    def renew(self, step: int) -> Part:
        """Do once more what was done from a step on, as the address that it gave is valid no more."""
        part = self.from_step(step)
        return replace(part, past=replace(part.past, renewed=True))

    # --- its lines -------------------------------------------------------------------------------------------

    def over(self, range_: Range) -> Part:
        """Give the same of other lines."""
        return replace(self, range=range_)

    def child(self, range_: Range) -> Part:
        """Give some of its lines as a part of their own, which was not tried yet."""
        return replace(self, range=range_, depth=self.depth + 1, attempt=self.attempt.anew())
