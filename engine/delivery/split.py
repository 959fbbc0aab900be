"""How a refused chunk is taken apart: its parts, and what is sent next to find the fault (ledger.md 6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.connections.http import Refuse, Terms
from engine.delivery.cut import halves, spread
from engine.delivery.done_events import failed, refused_alone, unfinished
from engine.delivery.events import Event, Split
from engine.delivery.outcome import Outcome
from engine.delivery.part import Part

MAX_SPLITS = 2_000  # a run; the rest goes on next time
SPREAD = 8  # lines that are sent alone when whole, halves and quarters were refused
SPLIT_DEPTH = 2  # whole 0, halves 1, quarters 2
FIRST_REQUESTS = 7  # whole, halves and quarters


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What became of the requests of one chunk."""

    refused: int = 0
    accepted: int = 0
    under_way: int = 1  # parts that wait or were sent; the whole chunk at first
    held: tuple[tuple[Part, Refuse], ...] = ()  # until it is known where the fault is
    rest: tuple[Part, ...] = ()  # the chunk without the lines that are being sent alone
    probing: bool = False  # lines are being sent alone

    @property
    def is_suspicious(self) -> bool:
        """Tell whether whole, halves and quarters were all refused, and splitting on would cost much."""
        return self.refused >= FIRST_REQUESTS and sum(part.range.size for part, _ in self.held) >= SPREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What a family does next."""

    told: tuple[Event, ...] = ()
    sends: tuple[Part, ...] = ()
    ends_group: bool = False  # the target refuses it whichever lines are sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a family may do."""

    terms: Terms
    splits_left: int = MAX_SPLITS
    ended: str | None = None  # why nothing more is sent, if so


def after(family: Family, outcome: Outcome, limits: Limits) -> tuple[Family, Next]:
    """Give a family as it is after the turn of one of its parts, and what it does next.

    Once nothing of it is under way, it has its last verdict.
    """
    family = replace(family, accepted=family.accepted + outcome.accepted)
    if outcome.again:
        return family, Next()
    family, following = replace(family, under_way=family.under_way - 1), Next()
    if outcome.refused:
        family, following = _refused(family, *outcome.refused, limits)
    if family.under_way or not (family.held or family.rest):
        return family, following
    family, further = _all_answered(family, limits)
    return family, replace(further, told=following.told + further.told)


def _refused(family: Family, part: Part, decision: Refuse, limits: Limits) -> tuple[Family, Next]:
    """Hold a refused quarter, or line sent alone, until the others are answered; take apart what is larger."""
    family = replace(family, refused=family.refused + 1)
    undecided = part.depth >= SPLIT_DEPTH and not family.accepted
    if undecided and (part.range.size > 1 or family.probing):
        return replace(family, held=(*family.held, (part, decision))), Next()
    return _taken_apart(family, [(part, decision)], (), limits)


def _all_answered(family: Family, limits: Limits) -> tuple[Family, Next]:
    """Go on with refused quarters, or with lines sent alone, once all of them have been answered."""
    held, rest = family.held, family.rest
    left = [*(part for part, _ in held), *rest]
    family = replace(family, held=(), rest=())
    if limits.ended is not None:
        return family, Next(told=tuple(unfinished(part, limits.terms, limits.ended) for part in left))
    if family.accepted or not (family.probing or replace(family, held=held).is_suspicious):
        return _taken_apart(family, held, rest, limits)
    if family.probing and held:
        answer = held[0][1].reason
        reason = f"the target refuses this group's lines whichever are sent, so no single line is at fault ({answer})"
        return family, Next(told=tuple(failed(part, reason) for part in left), ends_group=True)
    if family.probing:
        reason = "none of the lines that were sent alone was answered"
        return family, Next(told=tuple(unfinished(part, limits.terms, reason) for part in left))
    alone, rest = spread(part for part, _ in held)
    return replace(family, probing=True, rest=rest, under_way=len(alone)), Next(sends=alone)


def _taken_apart(
    family: Family, refused: Iterable[tuple[Part, Refuse]], rest: tuple[Part, ...], limits: Limits
) -> tuple[Family, Next]:
    """Refuse lines that stand alone, halve the other refused parts while splits are left, and send the rest."""
    told: list[Event] = []
    sends: list[Part] = []
    splits_left = limits.splits_left
    for part, decision in refused:
        if part.range.size == 1:
            told.append(refused_alone(part, limits.terms, decision))
        elif splits_left <= 0:
            told.append(failed(part, f"refused, and {MAX_SPLITS} splits are used up; the next run goes on"))
        else:
            splits_left -= 1
            told.append(Split(part=part))
            sends.extend(halves(part))
    sends.extend(rest)
    return replace(family, under_way=family.under_way + len(sends)), Next(told=tuple(told), sends=tuple(sends))
