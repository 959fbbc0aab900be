"""The transitions of a part: what each keeps, and what each begins anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.connections.http.attempt import Ask, Attempt
from engine.connections.http.decisions import Again, Refuse
from engine.delivery.part import Part, Past
from engine.values.ranges import Range

REFUSED = Refuse(reason="409", status=409)

WORN = Part(  # everything about it is other than in a new one
    range=Range(1, 8),
    group=3,
    family=1,
    depth=1,
    attempt=Attempt(step=1, saved={"a": 1}, tried=2, waited_seconds=9.0, repeated=True, maybe_gone=True),
    past=Past(resumed=True, starts_over=True, made_as="p"),
)
ASKED = replace(WORN, attempt=replace(WORN.attempt, ask=Ask.LOOK_UP))
RESTED = replace(WORN.attempt, tried=0, waited_seconds=0.0)
DOUBTED = replace(WORN.past, unknown=True)

TRANSITIONS: list[tuple[str, Part, Callable[[Part], Part], Part]] = [
    ("an attempt that was learnt", WORN, lambda part: part.ended(unknown=False), WORN),
    ("an attempt that was not", WORN, lambda part: part.ended(unknown=True), replace(WORN, past=DOUBTED)),
    (
        "a further attempt",
        WORN,
        lambda part: part.after(Again(delay_seconds=5.0, counts=True, unknown=True, reason="")),
        replace(WORN, attempt=replace(WORN.attempt, tried=3, lost=True), past=DOUBTED),
    ),
    (
        "a wait that was asked for",
        WORN,
        lambda part: part.after(Again(delay_seconds=5.0, counts=False, unknown=False, reason="")),
        replace(WORN, attempt=replace(WORN.attempt, waited_seconds=14.0)),
    ),
    (
        "a look-up",
        WORN,
        lambda part: part.looks_up(conflict=REFUSED),
        replace(WORN, attempt=replace(RESTED, ask=Ask.LOOK_UP, conflict=REFUSED)),
    ),
    (
        "a create after a look-up",
        replace(ASKED, attempt=replace(ASKED.attempt, repeated=False)),
        Part.creates_again,
        replace(WORN, attempt=RESTED),
    ),
    (
        "the next step",
        WORN,
        lambda part: part.next_step({"a": 1, "b": 2}),
        replace(
            WORN,
            attempt=replace(RESTED, step=2, saved={"a": 1, "b": 2}),
            past=replace(WORN.past, unknown=True, resumed=False, starts_over=False),
        ),
    ),
    (
        "an earlier step",
        WORN,
        lambda part: part.from_step(0),
        replace(WORN, attempt=replace(RESTED, step=0), past=replace(WORN.past, resumed=False)),
    ),
    (
        "steps that an earlier run did, and that stand",
        Part(range=Range(1, 1)),
        lambda part: part.begun_before(step=1, saved={"a": 1}, stands=True, made_as=None),
        Part(range=Range(1, 1), attempt=Attempt(step=1, saved={"a": 1}), past=Past(unknown=True, resumed=True)),
    ),
    (
        "steps that an earlier run did, and that do not",
        Part(range=Range(1, 1)),
        lambda part: part.begun_before(step=1, saved={}, stands=False, made_as=""),
        Part(range=Range(1, 1), attempt=Attempt(step=1), past=Past(unknown=True, starts_over=True, made_as="")),
    ),
    (
        "a create that an earlier run claimed",
        Part(range=Range(1, 1)),
        lambda part: part.claimed_before(payload="p", gone=True),
        Part(range=Range(1, 1), attempt=Attempt(ask=Ask.LOOK_UP, gone=True), past=Past(unknown=True, claimed_as="p")),
    ),
    (
        "a removal that an earlier run sent",
        Part(range=Range(1, 1)),
        Part.removed_before,
        Part(range=Range(1, 1), attempt=Attempt(maybe_gone=True)),
    ),
    (
        "some of its lines",
        WORN,
        lambda part: part.child(Range(1, 4)),
        replace(WORN, range=Range(1, 4), depth=2, attempt=RESTED),
    ),
    ("other lines", WORN, lambda part: part.over(Range(9, 9)), replace(WORN, range=Range(9, 9))),
]


@pytest.mark.parametrize(
    ("before", "transition", "after"), [case[1:] for case in TRANSITIONS], ids=[case[0] for case in TRANSITIONS]
)
def test_a_transition_keeps_all_but_what_it_is_about(
    before: Part, transition: Callable[[Part], Part], after: Part
) -> None:
    assert transition(before) == after
