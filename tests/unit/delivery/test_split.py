"""What a chunk's parts do next after each turn of one of them (ledger.md 6), as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.connections.http.attempt import Terms
from engine.connections.http.decisions import Refuse
from engine.delivery.events import Done, Split, Verdict
from engine.delivery.outcome import Outcome
from engine.delivery.part import Part
from engine.delivery.split import Family, Limits, Next, after
from engine.values.ranges import Range
from engine.values.records import Refusal, Stage

FREE = Limits(terms=Terms(creates=False))
NO_SPLITS = replace(FREE, splits_left=0)
ONE_SPLIT = replace(FREE, splits_left=1)
STOPPED = replace(FREE, ended="stopped")

NO = Refuse(reason="status 422: no", status=422)
SPLITS_USED_UP = "refused, and 2000 splits are used up; the next run goes on"
NO_SINGLE_FAULT = (
    "the target refuses this group's lines whichever are sent, so no single line is at fault (status 422: no)"
)

WHOLE = Part(range=Range(1, 16), family=1)


def lines(first: int, last: int, depth: int) -> Part:
    return Part(range=Range(first, last), family=1, depth=depth)


def quarters() -> tuple[Part, ...]:
    return lines(1, 4, 2), lines(5, 8, 2), lines(9, 12, 2), lines(13, 16, 2)


def held(*parts: Part) -> tuple[tuple[Part, Refuse], ...]:
    return tuple((part, NO) for part in parts)


def alone() -> tuple[Part, ...]:
    return tuple(lines(first, first, 3) for first in range(1, 17, 2))


def rest() -> tuple[Part, ...]:
    return tuple(lines(first, first, 3) for first in range(2, 17, 2))


def refused(part: Part) -> Outcome:
    return Outcome(refused=(part, NO))


def rejected(part: Part, *, clean: bool = False) -> Done:
    refusal = Refusal(stage=Stage.TARGET, reason=NO.reason, status=422)
    return Done(part=part, verdict=Verdict.REJECTED, clean=clean, refusal=refusal)


def failed(part: Part, reason: str) -> Done:
    return Done(part=part, verdict=Verdict.FAILED, reason=reason)


OVER = Outcome(told=(failed(WHOLE, "whatever"),))
ACCEPTED = Outcome(accepted=True)
AGAIN = Outcome(again=(WHOLE, 5.0))
STEPPED = Outcome(again=(WHOLE, 0.0), accepted=True)

SINGLE = Part(range=Range(1, 1))
HALVES = (lines(1, 8, 1), lines(9, 16, 1))
SIX_REFUSED = Family(refused=6, under_way=1, held=held(*quarters()[:3]))
PROBING = Family(refused=14, under_way=1, held=held(*alone()[:7]), rest=rest(), probing=True)

CASES: list[tuple[str, Family, Outcome, Limits, Family, Next]] = [
    ("a part that goes on", Family(), AGAIN, FREE, Family(), Next()),
    ("a step that was accepted", Family(), STEPPED, FREE, Family(accepted=1), Next()),
    ("the last verdict", Family(), OVER, FREE, Family(under_way=0), Next()),
    ("the last line is accepted", Family(), ACCEPTED, FREE, Family(accepted=1, under_way=0), Next()),
    (
        "a line that was alone from the beginning is refused",
        Family(),
        refused(SINGLE),
        FREE,
        Family(refused=1, under_way=0),
        Next(told=(rejected(SINGLE, clean=True),)),
    ),
    (
        "the whole chunk is refused: halves",
        Family(),
        refused(WHOLE),
        FREE,
        Family(refused=1, under_way=2),
        Next(told=(Split(part=WHOLE),), sends=HALVES),
    ),
    (
        "the whole chunk is refused, and no splits are left",
        Family(),
        refused(WHOLE),
        NO_SPLITS,
        Family(refused=1, under_way=0),
        Next(told=(failed(WHOLE, SPLITS_USED_UP),)),
    ),
    (
        "a half is refused while the other is under way: quarters",
        Family(refused=1, under_way=2),
        refused(HALVES[0]),
        FREE,
        Family(refused=2, under_way=3),
        Next(told=(Split(part=HALVES[0]),), sends=quarters()[:2]),
    ),
    (
        "a quarter is refused and nothing accepted yet: held",
        Family(refused=3, under_way=4),
        refused(quarters()[0]),
        FREE,
        Family(refused=4, under_way=3, held=held(quarters()[0])),
        Next(),
    ),
    (
        "a quarter is refused after another was accepted: split at once",
        Family(refused=3, accepted=1, under_way=3),
        refused(quarters()[0]),
        FREE,
        Family(refused=4, accepted=1, under_way=4),
        Next(told=(Split(part=quarters()[0]),), sends=(lines(1, 2, 3), lines(3, 4, 3))),
    ),
    (
        "the last quarter is accepted: those held are split",
        replace(SIX_REFUSED, held=held(*quarters()[:2])),
        ACCEPTED,
        FREE,
        Family(refused=6, accepted=1, under_way=4),
        Next(
            told=(Split(part=quarters()[0]), Split(part=quarters()[1])),
            sends=(lines(1, 2, 3), lines(3, 4, 3), lines(5, 6, 3), lines(7, 8, 3)),
        ),
    ),
    (
        "those held are split as long as splits are left",
        replace(SIX_REFUSED, held=held(*quarters()[:2])),
        ACCEPTED,
        ONE_SPLIT,
        Family(refused=6, accepted=1, under_way=2),
        Next(
            told=(Split(part=quarters()[0]), failed(quarters()[1], SPLITS_USED_UP)),
            sends=(lines(1, 2, 3), lines(3, 4, 3)),
        ),
    ),
    (
        "the seventh of seven is refused: lines alone",
        SIX_REFUSED,
        refused(quarters()[3]),
        FREE,
        Family(refused=7, under_way=8, rest=rest(), probing=True),
        Next(sends=alone()),
    ),
    (
        "seven were refused of too few lines to suspect: split on",
        Family(refused=6, under_way=1, held=held(lines(1, 2, 2))),
        refused(lines(3, 4, 2)),
        FREE,
        Family(refused=7, under_way=4),
        Next(
            told=(Split(part=lines(1, 2, 2)), Split(part=lines(3, 4, 2))),
            sends=(lines(1, 1, 3), lines(2, 2, 3), lines(3, 3, 3), lines(4, 4, 3)),
        ),
    ),
    (
        "the quarters are refused and the run was stopped: given up",
        SIX_REFUSED,
        refused(quarters()[3]),
        STOPPED,
        Family(refused=7, under_way=0),
        Next(told=tuple(failed(part, "stopped") for part in quarters())),
    ),
    (
        "the eighth line alone is refused: the group ends",
        PROBING,
        refused(alone()[7]),
        FREE,
        Family(refused=15, under_way=0, probing=True),
        Next(told=tuple(failed(part, NO_SINGLE_FAULT) for part in (*alone(), *rest())), ends_group=True),
    ),
    (
        "the eighth line alone is accepted: the others are rejected, the rest is sent",
        PROBING,
        ACCEPTED,
        FREE,
        Family(refused=14, accepted=1, under_way=8, probing=True),
        Next(told=tuple(rejected(part) for part in alone()[:7]), sends=rest()),
    ),
    (
        "the eighth line alone is not answered, the others were refused: the group ends",
        PROBING,
        OVER,
        FREE,
        Family(refused=14, under_way=0, probing=True),
        Next(told=tuple(failed(part, NO_SINGLE_FAULT) for part in (*alone()[:7], *rest())), ends_group=True),
    ),
    (
        "none of the lines alone was answered: the rest is left",
        replace(PROBING, held=(), refused=7),
        OVER,
        FREE,
        Family(refused=7, under_way=0, probing=True),
        Next(told=tuple(failed(part, "none of the lines that were sent alone was answered") for part in rest())),
    ),
    (
        "lines alone and the rest, and the run was stopped: given up",
        PROBING,
        OVER,
        STOPPED,
        Family(refused=14, under_way=0, probing=True),
        Next(told=tuple(failed(part, "stopped") for part in (*alone()[:7], *rest()))),
    ),
]


@pytest.mark.parametrize(
    ("family", "outcome", "limits", "following", "does"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_after_a_turn(family: Family, outcome: Outcome, limits: Limits, following: Family, does: Next) -> None:
    assert after(family, outcome, limits) == (following, does)
