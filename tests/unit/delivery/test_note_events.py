"""What is noted of each event, in which order, as tables (ledger.md 1 to 4)."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_args

import pytest

from engine.delivery.events import Done, Split, Stepped, Unlearnt, Verdict
from engine.delivery.note_events import MARK_LINES, Facts, Notes, Sent, leaves, noted
from engine.delivery.notes import (
    KEPT,
    LEFT,
    AddClaims,
    Bind,
    Count,
    Counted,
    DropClaims,
    DropProgress,
    EndClaims,
    FollowUp,
    Mark,
    PutProgress,
    Receipt,
    Reject,
    StandAs,
    Unbind,
)
from engine.delivery.part import Part
from engine.values.ranges import Range
from engine.values.records import Change, Refusal, Stage
from engine.values.results import Counts

ALL = Range(1, 100)
R = Range(7, 7)
ONE = Part(range=R)
MANY = Part(range=Range(1, 10))
STEPPED_INTO = ONE.next_step({"id": 4})  # its first step is done
OTHER = ONE.begun_before(step=1, saved={"id": 4}, stands=False, made_as="older")
CLAIMED = ONE.claimed_before(payload="claimed", gone=False)
GONE = ONE.claimed_before(payload="claimed", gone=True)

PLAIN = Facts(  # one request that may be repeated
    operation=0,
    ranges=(ALL,),
    due=frozenset({0, 1}),
    takes={Change.ADDED: 0, Change.CHANGED: 0, Change.REMOVED: 0},
    creating=(False,),
)
BINDS = replace(PLAIN, binds=True)
CREATES = replace(
    BINDS,
    takes={Change.ADDED: 0, Change.CHANGED: 1, Change.REMOVED: 2},
    creating=(True,),
    adds_by_create=True,
)
CREATES_ONLY = replace(CREATES, takes={Change.ADDED: 0})
STEPS = replace(BINDS, creating=(False, False), stepwise=True)
CREATES_BY_STEPS = replace(CREATES, creating=(True, False), stepwise=True)
UPDATES = replace(CREATES, operation=1, creating=(False,))  # beside an operation that creates
WRITES = replace(PLAIN, creating=())  # rows of an ERP

REFUSAL = Refusal(stage=Stage.TARGET, reason="no", status=422)


# --- before a request leaves ---------------------------------------------------------------------------------


def test_marks_are_made_ahead_up_to_the_end_of_a_range_and_once() -> None:
    facts = replace(PLAIN, ranges=(Range(1, 20), Range(31, 40)))

    sent, first = leaves(MANY, facts, Sent())
    sent, second = leaves(MANY.over(Range(11, 20)), facts, sent)
    sent, third = leaves(MANY.over(Range(31, 32)), facts, sent)

    assert (first, second, third) == ((Mark(range=Range(1, 20)),), (), (Mark(range=Range(31, 40)),))
    assert sent == Sent(marked=(Range(1, 20), Range(31, 40)), left=(Range(1, 20), Range(31, 32)))


def test_no_more_is_marked_ahead_than_is_worth_it() -> None:
    facts = replace(PLAIN, ranges=(Range(1, 10 * MARK_LINES),))

    assert leaves(MANY, facts, Sent())[1] == (Mark(range=Range(1, MARK_LINES)),)
    assert leaves(MANY.over(Range(1, 2 * MARK_LINES)), facts, Sent())[1] == (Mark(range=Range(1, 2 * MARK_LINES)),)


def test_a_create_is_marked_alone_and_claimed_after_its_mark() -> None:
    sent, notes = leaves(ONE, CREATES, Sent())

    assert notes == (Mark(range=R), AddClaims(range=R, operation=0))
    assert sent == Sent(marked=(R,), left=(R,))


def test_a_repeated_create_is_claimed_again() -> None:
    assert leaves(ONE, CREATES, Sent(marked=(R,), left=(R,)))[1] == (AddClaims(range=R, operation=0),)


def test_only_the_step_that_creates_is_claimed() -> None:
    assert leaves(STEPPED_INTO, CREATES_BY_STEPS, Sent(marked=(R,)))[1] == ()


def test_what_is_noted_of_steps_that_are_done_again_is_taken_back_before_they_leave() -> None:
    anew = ONE.begun_before(step=0, saved={}, stands=False, made_as=None)

    from_the_first = leaves(anew, STEPS, Sent(marked=(R,)))[1]
    from_the_second = leaves(OTHER, STEPS, Sent(marked=(R,)))[1]

    assert from_the_first == (DropProgress(range=R),)
    assert from_the_second == (PutProgress(range=R, payload="older", step=1, saved={"id": 4}),)


def test_what_was_left_in_any_order_is_remembered() -> None:
    sent = Sent(marked=(ALL,))
    for first in (1, 21, 11):
        sent, _ = leaves(MANY.over(Range(first, first + 9)), PLAIN, sent)

    assert sent.left == (Range(1, 30),)
    assert (sent.touches(Range(25, 35)), sent.touches(Range(31, 35))) == (True, False)


# --- after it ------------------------------------------------------------------------------------------------


def done(part: Part, verdict: Verdict, **facts: Any) -> Done:
    return Done(part=part, verdict=verdict, **facts)


CLEAN = Receipt(range=R, outcome="clean")
CONFIRMED = Receipt(range=R, outcome="confirmed")
DROPPED = DropClaims(range=R)
REJECTED = (Reject(range=R, refusal=REFUSAL),)
FOUND = (Bind(range=R, saved={"id": 4}), DropProgress(range=R))
LOST = (Receipt(range=R, outcome="gone"), Unbind(range=R), DropProgress(range=R))


def counted(what: Counted, by: int = 1, why: str = "") -> Count:
    return Count(what=what, by=by, why=why)


CASES: list[tuple[str, Unlearnt | Stepped | Done | Split, Facts, Notes]] = [
    ("a split", Split(part=MANY), PLAIN, (counted("splits"),)),
    ("an unlearnt create", Unlearnt(part=ONE, reason="silence"), CREATES, (EndClaims(range=R, reason="silence"),)),
    (
        "a step",
        Stepped(part=STEPPED_INTO),
        STEPS,
        (PutProgress(range=R, payload=None, step=1, saved={"id": 4}),),
    ),
    (
        "a step that created",
        Stepped(part=STEPPED_INTO),
        CREATES_BY_STEPS,
        (PutProgress(range=R, payload=None, step=1, saved={"id": 4}), DROPPED),
    ),
    ("a step after a create with another payload", Stepped(part=OTHER.next_step({})), STEPS, ()),
    (
        "a create after one with another payload",
        Stepped(part=OTHER.next_step({})),
        replace(CREATES, creating=(True, True, False)),
        (PutProgress(range=R, payload="", step=2, saved={}), DROPPED),
    ),
    (
        "confirmed",
        done(MANY, Verdict.CONFIRMED),
        PLAIN,
        (Receipt(range=MANY.range, outcome="confirmed"), counted("confirmed", 10)),
    ),
    (
        "confirmed, with bindings",
        done(ONE, Verdict.CONFIRMED, saved={"id": 4}),
        BINDS,
        (
            CONFIRMED,
            counted("confirmed"),
            Bind(range=R, saved={"id": 4}, changes=KEPT),
            Unbind(range=R, changes=LEFT),
        ),
    ),
    (
        "a create is confirmed",
        done(ONE, Verdict.CONFIRMED),
        CREATES_BY_STEPS,
        (
            CONFIRMED,
            counted("confirmed"),
            Bind(range=R, changes=KEPT),
            Unbind(range=R, changes=LEFT),
            DROPPED,
            DropProgress(range=R),
        ),
    ),
    (
        "made with one payload and finished with another: changed",
        done(OTHER, Verdict.CONFIRMED, saved={"id": 4}),
        CREATES,
        (*FOUND, FollowUp(range=R, change=Change.CHANGED, operation=1)),
    ),
    (
        "found, and changed in this run",
        done(CLAIMED, Verdict.EXISTS, saved={"id": 4}),
        CREATES,
        (DROPPED, *FOUND, FollowUp(range=R, change=Change.CHANGED, operation=1)),
    ),
    (
        "found, and the operation for changed records is not due",
        done(CLAIMED, Verdict.EXISTS, saved={"id": 4}),
        replace(CREATES, due=frozenset({0})),
        (DROPPED, *FOUND, counted("not_due")),
    ),
    (
        "found, and that operation is over",
        done(CLAIMED, Verdict.EXISTS, saved={"id": 4}),
        replace(CREATES, operation=1, takes={Change.CHANGED: 0}),
        (DROPPED, *FOUND, counted("not_due")),
    ),
    (
        "found, and no operation takes changed records: as it was claimed",
        done(CLAIMED, Verdict.EXISTS, saved={"id": 4}),
        CREATES_ONLY,
        (DROPPED, *FOUND, StandAs(range=R, payload="claimed"), CONFIRMED, counted("confirmed")),
    ),
    (
        "found after its own attempt: as it is",
        done(ONE.looks_up(), Verdict.EXISTS, saved={"id": 4}),
        CREATES_ONLY,
        (DROPPED, *FOUND, StandAs(range=R, payload=None), CONFIRMED, counted("confirmed")),
    ),
    (
        "found, and made by an earlier run with another payload",
        done(OTHER.looks_up(), Verdict.EXISTS, saved={"id": 4}),
        CREATES_ONLY,
        (DROPPED, *FOUND, StandAs(range=R, payload="older"), CONFIRMED, counted("confirmed")),
    ),
    (
        "found, with steps left",
        done(CLAIMED, Verdict.EXISTS, saved={"id": 4}),
        replace(CREATES_BY_STEPS, takes={Change.ADDED: 0}),
        (DROPPED, PutProgress(range=R, payload="claimed", step=1, saved={"id": 4}), counted("waiting")),
    ),
    (
        "found, with steps left, and to be changed after them",
        done(CLAIMED, Verdict.EXISTS, saved={"id": 4}),
        CREATES_BY_STEPS,
        (DROPPED, PutProgress(range=R, payload="", step=1, saved={"id": 4}), counted("waiting")),
    ),
    (
        "found, and gone from the source: removed, steps or not",
        done(GONE, Verdict.EXISTS, saved={"id": 4}),
        replace(CREATES_BY_STEPS, due=frozenset({0, 2})),
        (DROPPED, *FOUND, FollowUp(range=R, change=Change.REMOVED, operation=2)),
    ),
    (
        "found, gone from the source, and nothing removes it",
        done(GONE, Verdict.EXISTS, saved={"id": 4}),
        CREATES_ONLY,
        (DROPPED, *FOUND, counted("unhandled_removed")),
    ),
    (
        "gone, and created by a request that is not repeated: claimed as of unknown outcome",
        done(ONE, Verdict.GONE, reason="404"),
        UPDATES,
        (*LOST, AddClaims(range=R, operation=0), EndClaims(range=R, reason="404"), counted("unknown")),
    ),
    (
        "gone, and put there again by the next run",
        done(ONE, Verdict.GONE, reason="404"),
        BINDS,
        (*LOST, counted("waiting")),
    ),
    (
        "rejected",
        done(ONE, Verdict.REJECTED, refusal=REFUSAL, clean=True),
        PLAIN,
        (CLEAN, *REJECTED, counted("rejected")),
    ),
    (
        "a create is rejected",
        done(ONE, Verdict.REJECTED, refusal=REFUSAL),
        CREATES,
        (*REJECTED, DROPPED, counted("rejected")),
    ),
    ("failed", done(MANY, Verdict.FAILED, reason="silence"), PLAIN, (counted("failed", 10, "silence"),)),
    (
        "a create failed that certainly had no effect",
        done(ONE, Verdict.FAILED, reason="no name", clean=True),
        CREATES,
        (CLEAN, counted("failed", 1, "no name"), DROPPED),
    ),
    ("a create failed", done(ONE, Verdict.FAILED, reason="stopped"), CREATES, (counted("failed", 1, "stopped"),)),
    (
        "a create that never left failed, which an earlier run may have claimed",
        done(ONE.over(Range(50, 50)), Verdict.FAILED, reason="stopped", clean=True),
        CREATES,
        (Receipt(range=Range(50, 50), outcome="clean"), counted("failed", 1, "stopped")),
    ),
    (
        "unknown",
        done(ONE, Verdict.UNKNOWN, reason="unclear"),
        CREATES,
        (counted("unknown"), EndClaims(range=R, reason="unclear")),
    ),
    ("waiting", done(ONE, Verdict.WAITING, reason="404", clean=True), WRITES, (CLEAN, counted("waiting"))),
    ("a create is waiting", done(ONE, Verdict.WAITING, reason="404"), CREATES, (counted("waiting"), DROPPED)),
]


@pytest.mark.parametrize(("event", "facts", "notes"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_noted(event: Unlearnt | Stepped | Done | Split, facts: Facts, notes: Notes) -> None:
    assert noted(event, facts, Sent(marked=(ALL,), left=(Range(1, 10),))) == notes


def test_what_is_counted_has_a_count() -> None:
    assert set(get_args(Counted)) <= {each.name for each in fields(Counts)}
