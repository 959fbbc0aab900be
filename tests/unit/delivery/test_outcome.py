"""What each decision comes to for its part, as a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.connections.http.attempt import Terms
from engine.connections.http.decisions import (
    Again,
    Confirm,
    CreateAgain,
    Decision,
    Exists,
    GiveUp,
    Gone,
    Hold,
    LookUp,
    PerLine,
    Refuse,
    Stop,
    Wait,
)
from engine.delivery.events import Done, Stepped, Unlearnt, Verdict
from engine.delivery.outcome import Outcome, outcome_of
from engine.delivery.part import Part
from engine.values.errors import TargetError
from engine.values.ranges import Range
from engine.values.records import Refusal, Stage

ONE = Part(range=Range(1, 1))
TWO = Part(range=Range(1, 2))
HALF = TWO.child(Range(1, 1))
DOUBTED = ONE.ended(unknown=True)
ASKED = DOUBTED.looks_up()
RESUMED = ONE.begun_before(step=1, saved={"a": 1}, stands=True, made_as=None)
REFUSED = Refuse(reason="409", status=409)
DOUBTFUL = Refuse(reason="not ok", status=200, unknown=True)

PLAIN = Terms(creates=False)
STEPS = Terms(creates=False, deletes=(False, False))
CREATES_FIRST = Terms(creates=True, creating=frozenset({0}), deletes=(False, False))

ERROR = TargetError("no", code="E_CREDENTIALS")
AGAIN = Again(delay_seconds=3.0, counts=True, unknown=True, reason="silence")
REFUSE = Refuse(reason="status 422", status=422)
FAULT = Refuse(reason="status 500", status=500, unknown=True, fault=True)
SECOND = ONE.next_step({"a": 1, "b": 2})


def done(part: Part, verdict: Verdict, **facts: Any) -> Outcome:
    return Outcome(told=(Done(part=part, verdict=verdict, **facts),))


CASES: list[tuple[str, Decision, Part, Terms, Outcome]] = [
    (
        "confirmed",
        Confirm(saved={"b": 2}),
        ONE,
        PLAIN,
        replace(done(ONE, Verdict.CONFIRMED, saved={"b": 2}), accepted=True),
    ),
    (
        "a step is confirmed",
        Confirm(saved={"a": 1, "b": 2}),
        ONE,
        STEPS,
        Outcome(told=(Stepped(part=SECOND),), again=(SECOND, 0.0), accepted=True),
    ),
    (
        "the last step is confirmed, with all that was saved",
        Confirm(saved={"c": 3}),
        SECOND,
        STEPS,
        replace(done(SECOND, Verdict.CONFIRMED, saved={"a": 1, "b": 2, "c": 3}), accepted=True),
    ),
    (
        "a look-up that needs no step after it",
        Confirm(),
        ASKED,
        STEPS,
        replace(done(ASKED, Verdict.CONFIRMED), accepted=True),
    ),
    (
        "line by line",
        PerLine(lines=("", "bad")),
        TWO,
        PLAIN,
        Outcome(
            told=(
                Done(part=TWO.over(Range(1, 1)), verdict=Verdict.CONFIRMED),
                Done(
                    part=TWO.over(Range(2, 2)),
                    verdict=Verdict.REJECTED,
                    refusal=Refusal(stage=Stage.TARGET, reason="bad"),
                ),
            ),
            accepted=True,
        ),
    ),
    ("refused", REFUSE, ONE, PLAIN, Outcome(refused=(ONE, REFUSE))),
    ("refused, and it may have had an effect", FAULT, ONE, PLAIN, Outcome(refused=(DOUBTED, FAULT))),
    ("a step that an earlier run left is refused", REFUSE, RESUMED, STEPS, Outcome(again=(RESUMED.from_step(0), 0.0))),
    (
        "and the one before it created",
        REFUSE,
        RESUMED,
        CREATES_FIRST,
        Outcome(refused=(RESUMED, REFUSE)),
    ),
    ("and it may be the target's fault", FAULT, RESUMED, STEPS, Outcome(refused=(RESUMED, FAULT))),
    ("again", AGAIN, ONE, PLAIN, Outcome(again=(ONE.after(AGAIN), 3.0))),
    (
        "looked up",
        LookUp(delay_seconds=5.0, reason="silence"),
        ONE,
        PLAIN,
        Outcome(told=(Unlearnt(part=DOUBTED, reason="silence"),), again=(ASKED, 5.0)),
    ),
    (
        "looked up after a 409, which is an answer",
        LookUp(delay_seconds=0.0, reason="409", conflict=REFUSED),
        ONE,
        PLAIN,
        Outcome(again=(ONE.looks_up(conflict=REFUSED), 0.0)),
    ),
    (
        "looked up after a refusal that may have made it",
        LookUp(delay_seconds=5.0, reason="not ok", conflict=DOUBTFUL),
        ONE,
        PLAIN,
        Outcome(
            told=(Unlearnt(part=DOUBTED, reason="not ok"),),
            again=(replace(ASKED, attempt=ASKED.attempt.looks_up(conflict=DOUBTFUL)), 5.0),
        ),
    ),
    ("nothing was found", CreateAgain(), ASKED, PLAIN, Outcome(again=(ASKED.creates_again(), 0.0))),
    ("held", Hold(reason="unclear"), ASKED, PLAIN, done(ASKED, Verdict.UNKNOWN, reason="unclear")),
    ("gone", Gone(reason="404"), ONE, PLAIN, done(ONE, Verdict.GONE, reason="404")),
    ("found", Exists(saved={"id": 4}), ASKED, PLAIN, done(ASKED, Verdict.EXISTS, saved={"id": 4})),
    ("waiting", Wait(reason="404"), ONE, PLAIN, done(ONE, Verdict.WAITING, clean=True, reason="404")),
    ("several are waiting", Wait(reason="404"), TWO, PLAIN, done(TWO, Verdict.WAITING, reason="404")),
    (
        "waiting, and it may have had an effect",
        Wait(reason="503", unknown=True),
        ONE,
        PLAIN,
        done(ONE, Verdict.WAITING, reason="503"),
    ),
    (
        "given up",
        GiveUp(reason="no connection", unknown=False),
        ONE,
        PLAIN,
        done(ONE, Verdict.FAILED, clean=True, reason="no connection"),
    ),
    (
        "given up after a refusal of several lines",
        GiveUp(reason="no connection", unknown=False),
        HALF,
        PLAIN,
        done(HALF, Verdict.FAILED, reason="no connection"),
    ),
    (
        "given up without an answer",
        GiveUp(reason="silence", unknown=True),
        ONE,
        PLAIN,
        done(ONE, Verdict.FAILED, reason="silence"),
    ),
    (
        "stopped",
        Stop(error=ERROR),
        ONE,
        PLAIN,
        replace(done(ONE, Verdict.FAILED, clean=True, reason="no"), halted=ERROR),
    ),
    (
        "stopped without an answer",
        Stop(error=ERROR, unknown=True),
        ONE,
        PLAIN,
        replace(done(DOUBTED, Verdict.FAILED, reason="no"), halted=ERROR),
    ),
    (
        "stopped at a look-up",
        Stop(error=ERROR),
        ASKED,
        PLAIN,
        replace(done(ASKED, Verdict.UNKNOWN, reason="no"), halted=ERROR),
    ),
]


@pytest.mark.parametrize(
    ("decision", "part", "terms", "outcome"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_decision_comes_to(decision: Decision, part: Part, terms: Terms, outcome: Outcome) -> None:
    assert outcome_of(decision, part, terms) == outcome


@pytest.mark.parametrize(
    ("decision", "verdict"),
    [
        (AGAIN, Done(part=DOUBTED, verdict=Verdict.FAILED, reason="silence")),
        (GiveUp(reason="silence", unknown=True), Done(part=ONE, verdict=Verdict.FAILED, reason="silence")),
    ],
)
def test_a_target_that_is_silent_for_good_ends_the_operation(decision: Decision, verdict: Done) -> None:
    outcome = outcome_of(decision, ONE, PLAIN, silent=True)

    assert outcome.told == (verdict,)
    assert outcome.halted is not None
    assert (outcome.halted.code, outcome.halted.message) == (
        "E_TARGET",
        "silence; it cannot be used now, and the next run tries again",
    )
