"""Delivery over a scripted end: what is sent in which order, and one true verdict for every line."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.connections.http.attempt import Ask, Attempt, Found, Reading, Terms
from engine.connections.http.decisions import Again
from engine.connections.settings import Retry
from engine.delivery.deliver import Delivery, End
from engine.delivery.events import Done, Event, Exchanged, Halted, Leaving, Split, Stepped, Unlearnt, Verdict
from engine.delivery.part import Part, Past
from engine.values.errors import RunError, TargetError
from engine.values.exchanges import Answer, Answered, Lost, NotSent, Written
from engine.values.ranges import Range
from engine.values.records import Refusal, Stage

AT_ONCE = Retry(attempts=3, first_delay_seconds=0, max_delay_seconds=0, max_wait_seconds=1)
PLAIN = Terms(creates=False, retry=AT_ONCE)
CREATES = Terms(creates=True, retry=AT_ONCE)
LOOKS_UP = Terms(creates=True, look_up_after_seconds=0.0, retry=AT_ONCE)

OK = Answered(status=200)
BAD = Answered(status=422, body=b"no")
LOST = Lost(reason="silence")
UNSENT = NotSent(reason="no connection")

Script = Callable[[Part, int], Answer]  # of a part, and how often the same was asked before


@dataclass
class Target:
    """An end in memory: answers as a script says, and remembers what it was asked."""

    script: Script
    workers: int = 1
    reading: Callable[[Part, Answer], Reading] = lambda part, answer: Reading()
    unbuildable: Callable[[Part], bool] = lambda part: False
    unavailable: bool = False
    asked: list[tuple[int, int]] = field(default_factory=list)
    left: set[Any] = field(default_factory=set)  # as the events said
    too_early: list[Part] = field(default_factory=list)
    _times: Counter[Any] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self) -> End:
        return End(
            build=self._build,
            exchange=self._exchange,
            read=self.reading,
            unavailable=lambda: self.unavailable,
            workers=self.workers,
        )

    def _build(self, part: Part) -> Part | Refusal:
        return Refusal(stage=Stage.RENDER, reason="no path") if self.unbuildable(part) else part

    def _exchange(self, part: Part) -> Answer:
        with self._lock:
            if part.attempt.ask is Ask.SEND and attempt_of(part) not in self.left:
                self.too_early.append(part)
            self.asked.append(tuple(part.range))
            times = self._times[part.range, part.attempt.ask, part.attempt.step]
            self._times[part.range, part.attempt.ask, part.attempt.step] += 1
        return self.script(part, times)


def attempt_of(part: Part) -> tuple[Any, ...]:
    asked = part.attempt
    return part.range, asked.step, asked.tried, asked.waited_seconds, asked.repeated


def parts(*ranges: tuple[int, int], group: int | None = None) -> list[tuple[Part, float]]:
    """Make the parts of chunks, each a group of its own unless they share one."""
    return [
        (Part(range=Range(*each), family=each[0], group=number if group is None else group), 0.0)
        for number, each in enumerate(ranges)
    ]


def deliver(
    target: Target,
    chunks: Iterable[tuple[Part, float]],
    terms: Terms = PLAIN,
    *,
    stop: threading.Event | None = None,
    **options: Any,
) -> list[Event]:
    delivery = Delivery(chunks, terms, target.end(), stop=stop or threading.Event(), **options)
    events: list[Event] = []
    for event in delivery.events():
        if isinstance(event, Leaving):
            target.left.add(attempt_of(event.part))
        events.append(event)
    assert target.too_early == []
    return events


def verdicts(events: Sequence[Event]) -> dict[int, tuple[Verdict, bool]]:
    """Give verdict and cleanness of each line; every line has one verdict."""
    found: dict[int, tuple[Verdict, bool]] = {}
    for event in events:
        for seq in range(event.part.range.first, event.part.range.last + 1) if isinstance(event, Done) else ():
            assert seq not in found, f"{seq} has two verdicts"
            found[seq] = (event.verdict, event.clean)
    return found


def dones(events: Sequence[Event]) -> list[tuple[int, int, Verdict, bool]]:
    return [(*event.part.range, event.verdict, event.clean) for event in events if isinstance(event, Done)]


def refusing(*bad: int) -> Script:
    """Refuse every part that holds one of these lines."""
    lines = set(bad)
    return lambda part, _: OK if lines.isdisjoint(range(part.range.first, part.range.last + 1)) else BAD


def scripted(*answers: Answer) -> Script:
    """Give a part one answer after another, the last one for ever."""
    return lambda _, times: answers[min(times, len(answers) - 1)]


# --- plain sending -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 4])
def test_accepted_chunks_are_confirmed_whole(workers: int) -> None:
    target = Target(refusing(), workers=workers)

    events = deliver(target, parts((1, 10), (11, 20), (21, 25)))

    assert sorted(dones(events)) == [
        (1, 10, Verdict.CONFIRMED, False),
        (11, 20, Verdict.CONFIRMED, False),
        (21, 25, Verdict.CONFIRMED, False),
    ]
    assert sorted(target.asked) == [(1, 10), (11, 20), (21, 25)]


def test_nothing_to_send_is_no_event() -> None:
    assert deliver(Target(refusing()), []) == []


def test_events_of_one_request_come_in_order() -> None:
    events = deliver(Target(scripted(UNSENT, LOST, OK)), parts((1, 5)))

    assert [type(event) for event in events] == [Leaving, Exchanged, Leaving, Exchanged, Leaving, Exchanged, Done]


@pytest.mark.parametrize(
    ("answers", "verdict", "clean"),
    [
        ((UNSENT, UNSENT, OK), Verdict.CONFIRMED, False),
        ((UNSENT,), Verdict.FAILED, True),
        ((LOST,), Verdict.FAILED, False),
        ((LOST, UNSENT), Verdict.FAILED, False),
        ((UNSENT, BAD), Verdict.REJECTED, True),
        ((LOST, BAD), Verdict.REJECTED, False),
        ((Answered(status=429),), Verdict.FAILED, True),
        ((Answered(status=503), Answered(status=429)), Verdict.FAILED, False),
        ((Answered(status=500),), Verdict.FAILED, False),
        ((Answered(status=503, retry_after_seconds=5),), Verdict.FAILED, False),
        ((Answered(status=429, retry_after_seconds=5),), Verdict.FAILED, True),
    ],
)
def test_a_line_alone_is_clean_only_if_no_attempt_can_have_had_an_effect(
    answers: tuple[Answer, ...], verdict: Verdict, clean: bool
) -> None:
    events = deliver(Target(scripted(*answers)), parts((1, 1)))

    assert verdicts(events) == {1: (verdict, clean)}


def test_a_wait_that_is_asked_for_uses_up_no_attempt() -> None:
    patience = Answered(status=429, retry_after_seconds=0.001)
    target = Target(scripted(*[patience] * 9, OK))

    events = deliver(target, parts((1, 1)))

    again = [event.decision for event in events if isinstance(event, Exchanged)][:9]
    assert again == [Again(delay_seconds=0.001, counts=False, unknown=False, reason="status 429")] * 9
    assert verdicts(events) == {1: (Verdict.CONFIRMED, False)}


def test_waiting_for_nothing_ends_when_attempts_are_used_up() -> None:
    target = Target(scripted(Answered(status=429, retry_after_seconds=0.0)))

    events = deliver(target, parts((1, 1)))

    assert (verdicts(events), len(target.asked)) == ({1: (Verdict.FAILED, True)}, 3)


def test_what_has_to_wait_holds_up_nobody() -> None:
    chunks = [(part, 0.05 if part.range.first == 1 else 0.0) for part, _ in parts((1, 1), (2, 2), (3, 3))]
    target = Target(refusing())

    deliver(target, chunks)

    assert target.asked == [(2, 2), (3, 3), (1, 1)]


# --- splitting -----------------------------------------------------------------------------------------------


def test_a_refused_chunk_is_split_breadth_first_until_the_bad_line_stands_alone() -> None:
    target = Target(refusing(3))

    events = deliver(target, parts((1, 8)))

    assert target.asked == [(1, 8), (1, 4), (5, 8), (1, 2), (3, 4), (3, 3), (4, 4)]
    assert verdicts(events) == {
        **dict.fromkeys((1, 2, 4, 5, 6, 7, 8), (Verdict.CONFIRMED, False)),
        3: (Verdict.REJECTED, False),
    }
    assert [tuple(event.part.range) for event in events if isinstance(event, Split)] == [(1, 8), (1, 4), (3, 4)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_a_chunk_too_small_to_suspect_is_split_to_the_end_though_nothing_is_accepted(size: int) -> None:
    events = deliver(Target(refusing(*range(1, 8))), parts((1, size)))

    assert verdicts(events) == dict.fromkeys(range(1, size + 1), (Verdict.REJECTED, size == 1))


def test_seven_refusals_send_eight_lines_alone_and_a_chunk_that_is_bad_throughout_ends() -> None:
    target = Target(refusing(*range(1, 801)))

    events = deliver(target, parts((1, 800)))

    singles = [(first, first) for first in (1, 101, 201, 301, 401, 501, 601, 701)]
    assert target.asked == [
        (1, 800),
        *[(1, 400), (401, 800)],
        *[(1, 200), (201, 400), (401, 600), (601, 800)],
        *singles,
    ]
    assert verdicts(events) == dict.fromkeys(range(1, 801), (Verdict.FAILED, False))


def test_of_eight_lines_alone_one_accepted_lets_splitting_go_on() -> None:
    bad = {1, 101, 201, 301, 401, 501, 601, 799}

    events = deliver(Target(refusing(*bad)), parts((1, 800)))

    assert verdicts(events) == {
        line: (Verdict.REJECTED, False) if line in bad else (Verdict.CONFIRMED, False) for line in range(1, 801)
    }


@pytest.mark.parametrize("bad", [{2, 202, 402, 602}, {2, 202, 402, 601}, {50, 350, 450, 800}])
def test_of_eight_lines_alone_all_accepted_the_rest_is_sent(bad: set[int]) -> None:
    events = deliver(Target(refusing(*bad)), parts((1, 800)))

    assert verdicts(events) == {
        line: (Verdict.REJECTED, False) if line in bad else (Verdict.CONFIRMED, False) for line in range(1, 801)
    }


def test_an_accepted_quarter_is_proof_enough_to_split_the_others() -> None:
    target = Target(refusing(1, 5, 9))

    events = deliver(target, parts((1, 16)))

    assert (13, 16) in target.asked
    assert [line for line, (verdict, _) in verdicts(events).items() if verdict is Verdict.REJECTED] == [1, 5, 9]


def test_a_group_that_ended_takes_its_other_chunks_with_it_and_no_other_group() -> None:
    target = Target(refusing(*range(1, 81)))

    events = deliver(target, [*parts((1, 40), (41, 80), group=5), *parts((81, 90), group=6)])

    found = verdicts(events)
    assert {found[line][0] for line in range(1, 81)} == {Verdict.FAILED}
    assert {found[line][0] for line in range(81, 91)} == {Verdict.CONFIRMED}
    assert not [asked for asked in target.asked if 41 <= asked[0] <= 80]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_three_bad_groups_in_a_row_end_the_operation(workers: int) -> None:
    target = Target(refusing(*range(1, 401)), workers=workers)

    events = deliver(target, parts(*[(first, first + 39) for first in range(1, 401, 40)]))

    halts = [event.error for event in events if isinstance(event, Halted)]
    assert [(type(error), error.code) for error in halts] == [(RunError, "E_REFUSED_GROUPS")]
    assert verdicts(events).keys() == set(range(1, 401))
    assert {verdict for verdict, _ in verdicts(events).values()} == {Verdict.FAILED}


def test_a_good_group_between_bad_ones_begins_the_count_anew() -> None:
    bad = [line for line in range(1, 241) if not 81 <= line <= 120]

    events = deliver(Target(refusing(*bad)), parts(*[(first, first + 39) for first in range(1, 201, 40)]))

    assert [event for event in events if isinstance(event, Halted)] == []


def test_splits_are_limited_and_the_rest_waits_for_the_next_run() -> None:
    target = Target(refusing(1, 3, 5, 7, 33, 41, 57, 64))

    events = deliver(target, parts((1, 64)), splits_left=4)

    assert len([event for event in events if isinstance(event, Split)]) == 4
    assert verdicts(events).keys() == set(range(1, 65))
    assert {done.reason for done in events if isinstance(done, Done) and done.verdict is Verdict.FAILED} == {
        "refused, and 2000 splits are used up; the next run goes on"
    }


def test_two_thousand_splits_are_a_run() -> None:
    bad = range(2, 8001, 2)
    events = deliver(Target(refusing(*bad), workers=4), parts(*[(first, first + 7) for first in range(1, 8001, 8)]))

    found = Counter(verdict for verdict, _ in verdicts(events).values())
    assert len([event for event in events if isinstance(event, Split)]) == 2000
    assert found.total() == 8000
    assert found[Verdict.FAILED] > 0


def test_a_500_for_several_lines_is_split_and_alone_it_fails() -> None:
    def script(part: Part, _: int) -> Answer:
        return Answered(status=500) if part.range.first <= 3 <= part.range.last else OK

    target = Target(script)

    events = deliver(target, parts((1, 4)))

    assert verdicts(events) == {
        1: (Verdict.CONFIRMED, False),
        2: (Verdict.CONFIRMED, False),
        3: (Verdict.FAILED, False),
        4: (Verdict.CONFIRMED, False),
    }
    assert Counter(target.asked) == {(1, 4): 3, (1, 2): 1, (3, 4): 3, (3, 3): 3, (4, 4): 1}


def test_what_was_split_from_an_unknown_attempt_is_never_clean() -> None:
    def script(part: Part, times: int) -> Answer:
        return LOST if part.range.size == 4 and not times else BAD

    events = deliver(Target(script), parts((1, 4)))

    assert verdicts(events) == dict.fromkeys(range(1, 5), (Verdict.REJECTED, False))


def test_a_refusal_of_several_lines_clears_none_of_those_that_were_not_sent_again() -> None:
    def script(part: Part, _: int) -> Answer:
        return UNSENT if part.range.size == 1 else BAD

    events = deliver(Target(script), parts((1, 2)))

    assert verdicts(events) == dict.fromkeys((1, 2), (Verdict.FAILED, False))


# --- answers about each line ---------------------------------------------------------------------------------


def test_an_answer_about_each_line_is_taken_line_by_line() -> None:
    lines = ("", "", "too long", "too long", None, None, "", None)
    target = Target(scripted(OK), reading=lambda part, answer: Reading(lines=lines))

    events = deliver(target, parts((11, 18)))

    assert dones(events) == [
        (11, 12, Verdict.CONFIRMED, False),
        (13, 13, Verdict.REJECTED, False),
        (14, 14, Verdict.REJECTED, False),
        (15, 16, Verdict.FAILED, False),
        (17, 17, Verdict.CONFIRMED, False),
        (18, 18, Verdict.FAILED, False),
    ]
    assert [event.refusal for event in events if isinstance(event, Done) and event.refusal] == [
        Refusal(stage=Stage.TARGET, reason="too long")
    ] * 2


def test_a_written_part_is_taken_record_by_record() -> None:
    events = deliver(Target(scripted(Written(refusals=(None, "no such client")))), parts((1, 2)))

    assert verdicts(events) == {1: (Verdict.CONFIRMED, False), 2: (Verdict.REJECTED, False)}


# --- creates -------------------------------------------------------------------------------------------------


def looking(found: Found, saved: dict[str, Any] | None = None) -> Callable[[Part, Answer], Reading]:
    return lambda part, _: Reading(found=found, saved=saved or {}) if part.attempt.ask is Ask.LOOK_UP else Reading()


@pytest.mark.parametrize(
    ("what", "found", "answers", "asked", "verdict", "clean"),
    [
        ("found", Found.FOUND, (LOST,), 2, Verdict.EXISTS, False),
        ("absent, then created", Found.ABSENT, (LOST, OK), 3, Verdict.CONFIRMED, False),
        ("absent, then unknown again", Found.ABSENT, (LOST, LOST), 3, Verdict.UNKNOWN, False),
        ("absent, then refused", Found.ABSENT, (LOST, BAD), 3, Verdict.REJECTED, False),
        ("unclear", Found.UNCLEAR, (LOST,), 2, Verdict.UNKNOWN, False),
        ("409 and found", Found.FOUND, (Answered(status=409),), 2, Verdict.EXISTS, False),
        ("409 and absent", Found.ABSENT, (Answered(status=409),), 2, Verdict.REJECTED, True),
        ("409 and unclear", Found.UNCLEAR, (Answered(status=409),), 2, Verdict.UNKNOWN, False),
        ("not sent, then confirmed", Found.UNCLEAR, (UNSENT, OK), 2, Verdict.CONFIRMED, False),
        ("never sent", Found.UNCLEAR, (UNSENT,), 3, Verdict.FAILED, True),
    ],
)
def test_a_create_is_looked_up(
    what: str, found: Found, answers: tuple[Answer, ...], asked: int, verdict: Verdict, clean: bool
) -> None:
    def script(part: Part, times: int) -> Answer:
        return OK if part.attempt.ask is Ask.LOOK_UP else scripted(*answers)(part, times)

    target = Target(script, reading=looking(found))

    events = deliver(target, parts((1, 1)), LOOKS_UP)

    assert (verdicts(events), len(target.asked)) == ({1: (verdict, clean)}, asked)


def test_an_unlearnt_create_is_told_before_its_look_up() -> None:
    target = Target(
        lambda part, _: OK if part.attempt.ask is Ask.LOOK_UP else LOST, reading=looking(Found.FOUND, {"id": 9})
    )

    events = deliver(target, parts((1, 1)), LOOKS_UP)

    assert [type(event) for event in events] == [Leaving, Exchanged, Unlearnt, Exchanged, Done]
    assert events[-1] == Done(
        part=Part(range=Range(1, 1), family=1, attempt=Attempt(ask=Ask.LOOK_UP), past=Past(unknown=True)),
        verdict=Verdict.EXISTS,
        saved={"id": 9},
    )


def test_a_create_without_look_up_is_sent_once() -> None:
    target = Target(scripted(LOST))

    events = deliver(target, parts((1, 1)), CREATES)

    assert (verdicts(events), target.asked) == ({1: (Verdict.UNKNOWN, False)}, [(1, 1)])


def test_a_claimed_create_that_left_the_source_is_only_asked_for() -> None:
    asking = Part(range=Range(1, 1), family=1).claimed_before(payload="", gone=True)
    target = Target(scripted(Answered(status=404)), reading=looking(Found.ABSENT))

    events = deliver(target, [(asking, 0.0)], replace(LOOKS_UP, deletes=(False, False)))

    assert dones(events) == [(1, 1, Verdict.CONFIRMED, False)]
    assert target.left == set()


def test_a_look_up_that_cannot_be_made_leaves_the_create_unknown() -> None:
    target = Target(scripted(LOST), unbuildable=lambda part: part.attempt.ask is Ask.LOOK_UP)

    events = deliver(target, parts((1, 1)), LOOKS_UP)

    assert dones(events) == [(1, 1, Verdict.UNKNOWN, False)]
    assert isinstance(events[-1], Done)
    assert events[-1].reason == "the look-up cannot be made: no path"


def test_a_look_up_after_409_that_cannot_be_made_leaves_a_refusal() -> None:
    target = Target(scripted(Answered(status=409)), unbuildable=lambda part: part.attempt.ask is Ask.LOOK_UP)

    assert dones(deliver(target, parts((1, 1)), LOOKS_UP)) == [(1, 1, Verdict.REJECTED, True)]


def test_one_pause_of_the_breaker_is_waited_out_and_a_second_one_ends_the_operation() -> None:
    pauses = iter([0, 1, 2, 2, 2])
    target = Target(scripted(UNSENT), unavailable=True)
    end = replace(target.end(), pauses=lambda: next(pauses))
    delivery = Delivery(
        parts((1, 1), (2, 2)), replace(PLAIN, retry=replace(PLAIN.retry, attempts=9)), end, stop=threading.Event()
    )

    events = list(delivery.events())

    assert len(target.asked) == 2
    assert verdicts(events) == {1: (Verdict.FAILED, True), 2: (Verdict.FAILED, True)}
    assert [event.error.code for event in events if isinstance(event, Halted)] == ["E_TARGET"]


# --- several steps -------------------------------------------------------------------------------------------

STEPS = replace(PLAIN, deletes=(False, False))
CREATING_STEPS = replace(CREATES, deletes=(False, False))


def test_steps_follow_each_other_with_what_was_saved() -> None:
    target = Target(scripted(OK), reading=lambda part, _: Reading(saved={f"s{part.attempt.step}": part.attempt.step}))

    events = deliver(target, parts((1, 1)), STEPS)

    assert [event.part.attempt.saved for event in events if isinstance(event, Leaving)] == [{}, {"s0": 0}]
    assert [event.part.attempt.step for event in events if isinstance(event, Stepped)] == [1]
    assert isinstance(events[-1], Done)
    assert (events[-1].verdict, events[-1].saved) == (Verdict.CONFIRMED, {"s0": 0, "s1": 1})


@pytest.mark.parametrize(
    ("answer", "verdict"), [(BAD, Verdict.REJECTED), (UNSENT, Verdict.FAILED), (LOST, Verdict.FAILED)]
)
def test_a_step_that_is_done_is_an_effect(answer: Answer, verdict: Verdict) -> None:
    target = Target(lambda part, _: answer if part.attempt.step else OK)

    assert verdicts(deliver(target, parts((1, 1)), STEPS)) == {1: (verdict, False)}


def test_a_continued_unit_that_is_refused_starts_over_once() -> None:
    target = Target(
        lambda part, _: OK if part.attempt.step == 0 or "s0" in part.attempt.saved else BAD, reading=_saves_by_step
    )
    resumed = Part(range=Range(1, 1)).begun_before(step=1, saved={"old": 1}, stands=True, made_as=None)

    events = deliver(target, [(resumed, 0.0)], STEPS)

    assert [event.part.attempt.step for event in events if isinstance(event, Leaving)] == [1, 0, 1]
    assert verdicts(events) == {1: (Verdict.CONFIRMED, False)}


def test_a_continued_unit_never_repeats_the_step_that_created() -> None:
    target = Target(lambda part, _: BAD)
    resumed = Part(range=Range(1, 1)).begun_before(step=1, saved={"id": 7}, stands=True, made_as=None)
    first_creates = replace(CREATING_STEPS, creating=frozenset({0}))

    events = deliver(target, [(resumed, 0.0)], first_creates)

    assert [event.part.attempt.step for event in events if isinstance(event, Leaving)] == [1]
    assert verdicts(events) == {1: (Verdict.REJECTED, False)}


def test_a_step_after_the_create_is_tried_again() -> None:
    target = Target(lambda part, times: OK if part.attempt.step == 0 or times else LOST)
    first_creates = replace(CREATING_STEPS, creating=frozenset({0}))

    events = deliver(target, parts((1, 1)), first_creates)

    assert [event.part.attempt.step for event in events if isinstance(event, Leaving)] == [0, 1, 1]
    assert verdicts(events) == {1: (Verdict.CONFIRMED, False)}


def _saves_by_step(part: Part, _: Answer) -> Reading:
    return Reading(saved={f"s{part.attempt.step}": part.attempt.step})


# --- ends of an operation ------------------------------------------------------------------------------------


def test_requests_that_cannot_be_made_are_refused_alone_and_quickly() -> None:
    target = Target(scripted(OK), workers=4, unbuildable=lambda part: part.range.first != 500)

    events = deliver(target, parts(*[(line, line) for line in range(1, 1001)]))

    assert target.asked == [(500, 500)]
    assert verdicts(events) == {
        line: (Verdict.CONFIRMED, False) if line == 500 else (Verdict.REJECTED, True) for line in range(1, 1001)
    }


def test_refused_credentials_end_the_operation_and_nothing_more_is_sent() -> None:
    target = Target(scripted(Answered(status=401)))

    events = deliver(target, parts((1, 1), (2, 3), (4, 4), (5, 6)))

    assert target.asked == [(1, 1), (2, 3), (4, 4)]
    assert verdicts(events) == dict.fromkeys(range(1, 7), (Verdict.FAILED, True))
    assert [event.error.code for event in events if isinstance(event, Halted)] == ["E_CREDENTIALS"]


def test_ten_thousand_records_that_were_never_sent_are_given_up_at_once() -> None:
    target = Target(scripted(Answered(status=401)))

    events = deliver(target, parts(*((seq, seq) for seq in range(1, 10_001))))

    done = [event for event in events if isinstance(event, Done)]
    assert {(event.verdict, event.clean) for event in done} == {(Verdict.FAILED, True)}
    assert sum(event.part.range.size for event in done) == 10_000
    assert len(done) <= 6  # those that had their turn, and all the others together


def test_an_error_of_the_end_leaves_what_it_was_sending_uncertain() -> None:
    def script(part: Part, _: int) -> Answer:
        if part.range.first == 3:
            raise TargetError("the database went away", code="E_LOST")
        return OK

    events = deliver(Target(script), parts((1, 2), (3, 4), (5, 6)))

    assert verdicts(events) == {
        **dict.fromkeys((1, 2), (Verdict.CONFIRMED, False)),
        **dict.fromkeys((3, 4), (Verdict.FAILED, False)),
        **dict.fromkeys((5, 6), (Verdict.FAILED, True)),
    }


def test_a_target_that_does_not_answer_ends_the_operation_when_its_breaker_opens() -> None:
    target = Target(scripted(LOST))
    target.unavailable = True

    events = deliver(target, parts((1, 1), (2, 2)))

    assert verdicts(events) == {1: (Verdict.FAILED, False), 2: (Verdict.FAILED, True)}
    assert [event.error.code for event in events if isinstance(event, Halted)] == ["E_TARGET"]


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("after", range(1, 16))
def test_a_stop_in_the_middle_of_splitting_leaves_no_line_without_verdict(after: int, workers: int) -> None:
    stop = threading.Event()
    asked = Counter[str]()

    def script(part: Part, times: int) -> Answer:
        asked["all"] += 1
        if asked["all"] >= after:
            stop.set()
        return refusing(*range(1, 61))(part, times)

    events = deliver(Target(script, workers=workers), parts((1, 40), (41, 80), group=0), stop=stop)

    assert verdicts(events).keys() == set(range(1, 81))


@pytest.mark.parametrize("after", range(1, 16))
def test_a_halt_in_the_middle_of_splitting_leaves_no_line_without_verdict(after: int) -> None:
    asked = Counter[str]()

    def script(part: Part, times: int) -> Answer:
        asked["all"] += 1
        if asked["all"] == after:
            raise TargetError("gone", code="E_LOST")
        return BAD

    events = deliver(Target(script), parts((1, 40)))

    assert verdicts(events).keys() == set(range(1, 41))


@pytest.mark.parametrize("unbuildable", [(21, 40), (31, 40), (31, 31)])
def test_a_part_that_cannot_be_made_holds_up_no_other_of_its_chunk(unbuildable: tuple[int, int]) -> None:
    target = Target(refusing(*range(1, 41)), unbuildable=lambda part: tuple(part.range) == unbuildable)

    assert verdicts(deliver(target, parts((1, 40)))).keys() == set(range(1, 41))


def test_a_stop_while_a_create_waits_for_its_look_up_keeps_it_unknown() -> None:
    stop = threading.Event()

    def script(part: Part, _: int) -> Answer:
        stop.set()
        return LOST

    events = deliver(Target(script), parts((1, 1), (2, 2)), replace(LOOKS_UP, look_up_after_seconds=60.0), stop=stop)

    assert verdicts(events) == {1: (Verdict.UNKNOWN, False), 2: (Verdict.FAILED, True)}


def test_what_a_stop_kept_from_leaving_is_clean() -> None:
    stop = threading.Event()

    def script(part: Part, _: int) -> Answer:
        stop.set()
        return NotSent(reason="stopped")

    events = deliver(Target(script), parts((1, 4), (5, 8)), stop=stop)

    assert verdicts(events) == dict.fromkeys(range(1, 9), (Verdict.FAILED, True))


# --- whatever is answered ------------------------------------------------------------------------------------


class Fickle:
    """A target that does what a seed says; it knows what really happened to each line."""

    def __init__(self, seed: int, *, stop: threading.Event, bad: frozenset[int], faults: Sequence[str]) -> None:
        self.seed, self.stop, self.bad, self.faults = seed, stop, bad, faults
        self.effects: Counter[int] = Counter()  # times that a line (or a step of it) took effect
        self.created: Counter[int] = Counter()  # times that step 0 took effect
        self.refused: set[int] = set()
        self._lock = threading.Lock()

    def script(self, part: Part, times: int) -> Answer:
        random = Random(f"{self.seed} {part.range} {part.attempt.ask} {part.attempt.step} {times}")
        fault = random.choice(self.faults)
        with self._lock:
            if part.attempt.ask is Ask.LOOK_UP:
                return OK if fault not in ("before", "after") else LOST
            return self._sent(part, fault, random)

    def _sent(self, part: Part, fault: str, random: Random) -> Answer:
        lines = range(part.range.first, part.range.last + 1)
        if fault == "stop":
            self.stop.set()
        if fault == "unsent":
            return UNSENT
        if fault == "before":
            return LOST
        if fault == "later":
            return Answered(status=429, retry_after_seconds=random.choice((None, 0.0, 2.0)))
        if fault == "raise":
            self._apply(part, [line for line in lines if random.random() < 0.5])
            raise TargetError("broken", code="E_LOST")
        refused = [line for line in lines if line in self.bad]
        if fault == "down":
            self._apply(part, [line for line in lines if random.random() < 0.5])
            return Answered(status=random.choice((500, 503)))
        if refused and len(lines) > 1:  # refused, and yet it may have taken some
            self._apply(part, [line for line in lines if line not in self.bad and random.random() < 0.3])
        if refused:
            self.refused.update(refused if len(lines) == 1 else ())
            return BAD if fault != "after" else LOST
        self._apply(part, lines)
        return LOST if fault == "after" else OK

    def _apply(self, part: Part, lines: Iterable[int]) -> None:
        for line in lines:
            self.effects[line] += 1
            self.created[line] += part.attempt.step == 0

    def reading(self, part: Part, answer: Answer) -> Reading:
        if part.attempt.ask is Ask.LOOK_UP:
            return Reading(found=Found.FOUND if self.created[part.range.first] else Found.ABSENT)
        return Reading()


EVERYTHING = ("ok",) * 6 + ("before", "after", "unsent", "later", "down", "raise", "stop")
CREATES_FAIL = ("ok",) * 4 + ("before", "after", "unsent", "later", "stop")


@settings(max_examples=500)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    bad=st.one_of(st.frozensets(st.integers(1, 240), max_size=6), st.just(frozenset(range(1, 60)))),
    workers=st.sampled_from([1, 4]),
    groups=st.integers(1, 3),
    splits=st.sampled_from([3, 2000]),
    faults=st.sampled_from([("ok",), ("ok", "ok", "after"), ("ok", "ok", "stop"), EVERYTHING]),
    steps=st.sampled_from([1, 1, 2]),
)
def test_every_line_gets_one_verdict_and_no_verdict_lies(
    seed: int,
    sizes: list[int],
    bad: frozenset[int],
    workers: int,
    groups: int,
    splits: int,
    faults: tuple[str, ...],
    steps: int,
) -> None:
    stop = threading.Event()
    fickle = Fickle(seed, stop=stop, bad=bad, faults=faults)
    firsts = [sum(sizes[:index]) + 1 for index in range(len(sizes))]
    chunks = [
        (Part(range=Range(first, first + size - 1), family=first, group=index % groups), 0.0)
        for index, (first, size) in enumerate(zip(firsts, sizes, strict=True))
    ]

    target = Target(fickle.script, workers=workers, reading=fickle.reading)
    events = deliver(target, chunks, replace(PLAIN, deletes=(False,) * steps), stop=stop, splits_left=splits)

    found = verdicts(events)
    assert found.keys() == set(range(1, sum(sizes) + 1))
    for line, (verdict, clean) in found.items():
        assert verdict in (Verdict.CONFIRMED, Verdict.REJECTED, Verdict.FAILED)
        assert verdict is not Verdict.CONFIRMED or fickle.effects[line] >= steps
        assert verdict is not Verdict.REJECTED or line in fickle.refused
        assert not (clean and fickle.effects[line])


@settings(max_examples=500)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 20),
    bad=st.frozensets(st.integers(1, 20), max_size=4),
    workers=st.sampled_from([1, 4]),
    terms=st.sampled_from([CREATES, LOOKS_UP, CREATING_STEPS]),
)
def test_no_create_takes_effect_twice_and_none_that_may_have_is_let_go(
    seed: int, count: int, bad: frozenset[int], workers: int, terms: Terms
) -> None:
    stop = threading.Event()
    fickle = Fickle(seed, stop=stop, bad=bad, faults=CREATES_FAIL)

    target = Target(fickle.script, workers=workers, reading=fickle.reading)
    events = deliver(target, parts(*[(line, line) for line in range(1, count + 1)]), terms, stop=stop)

    found = verdicts(events)
    stepped = {event.part.range.first for event in events if isinstance(event, Stepped)}
    assert found.keys() == set(range(1, count + 1))
    for line, (verdict, clean) in found.items():
        assert fickle.created[line] <= 1
        assert not (clean and fickle.effects[line])
        if fickle.created[line] and line not in stepped:  # the journal's progress keeps the create from being repeated
            assert verdict in (Verdict.CONFIRMED, Verdict.EXISTS, Verdict.UNKNOWN)
        if verdict in (Verdict.CONFIRMED, Verdict.EXISTS):
            assert fickle.created[line] == 1
