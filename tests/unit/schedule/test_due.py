"""What is due when, as a pure function of time; then the loop with threads and a clock of its own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.mapping.fires import next_fire
from engine.mapping.spec import Cron, Lane, Manual, MappingSpec, Once, Operation, Request, Schedule, SqlSource, Tied
from engine.schedule.due import End, Start, State, Turn, begin, turn
from engine.schedule.scheduler import Scheduler
from engine.values.errors import ConfigError, TargetError
from engine.values.records import Change
from engine.values.results import Counts, ObjectResult, Status

WARSAW = ZoneInfo("Europe/Warsaw")
NOON = datetime(2026, 6, 1, 12, tzinfo=WARSAW)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
EVERY_MINUTE, DAILY = Cron(text="0 * * * * *"), Cron(text="0 15 0 * * *")
TEN, TEN_50 = Cron(text="0 */10 * * * *"), Cron(text="50 */10 * * * *")

Schedules = Mapping[tuple[str, int], Schedule]


def after(name: str) -> Tied:
    return Tied(order="after", object=name)


def before(name: str) -> Tied:
    return Tied(order="before", object=name)


def never_paused(_name: str, _now: datetime) -> datetime | None:
    return None


# --- decisions, on a simulated clock ---------------------------------------------------------------------


@dataclass(kw_only=True)
class World:
    """Plays the loop: looks at the clock whenever something can happen, and writes down what starts and ends.

    `lasts` tells how long the runs of an object take, `fails` which objects fail, `pauses` who is paused until when.
    """

    schedules: Schedules
    now: datetime = NOON
    lasts: Mapping[str, timedelta] = field(default_factory=dict)
    last_started: Mapping[tuple[str, int], datetime] = field(default_factory=dict)
    fails: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    pauses: dict[str, datetime] = field(default_factory=dict)
    workers: int = 4
    bulk: frozenset[str] = frozenset()
    starts: list[tuple[datetime, Start]] = field(default_factory=list)
    ends: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state: State = begin(
            self.schedules,
            WARSAW,
            self.now,
            last_started=self.last_started,
            done=frozenset(self.done),
            workers=self.workers,
            bulk=self.bulk,
        )

    def look(self) -> Turn:
        """Let the loop turn once."""
        over = [name for name, end in self.ends.items() if end <= self.now]
        ended = [End(name, served=name not in self.fails, done=name in self.done) for name in over]
        for name in over:
            del self.ends[name]
        turned = turn(self.state, self.now, ended=ended, paused=self.pauses)
        self.state = turned.state
        for start in turned.starts:
            assert start.object not in self.ends, "an object overlaps itself"
            self.starts.append((self.now, start))
            self.ends[start.object] = self.now + self.lasts.get(start.object, SECOND)
        assert len(self.ends) <= self.workers
        assert len(self.ends.keys() & self.bulk) <= max(1, self.workers - 1)
        return turned

    def play(self, length: timedelta) -> list[str]:
        """Let time pass and give what started in it."""
        until, known = self.now + length, len(self.starts)
        while True:
            wake = self.look().wake_at
            moment = min([*self.ends.values(), *([wake] if wake else [])], default=until)
            if moment >= until:
                break
            self.now = moment
        self.now = until
        return [f"{at:%H:%M:%S} {text(start)}" for at, start in self.starts[known:]]

    def jump(self, length: timedelta) -> None:
        """Change the clock while nobody looks: a suspended machine, a clock that was set."""
        self.now += length


def text(start: Start) -> str:
    return " ".join([start.object, *map(str, sorted(start.operations))])


def test_an_object_starts_at_its_fires() -> None:
    world = World(schedules={("orders", 0): EVERY_MINUTE, ("prices", 0): Manual()})

    assert world.play(3 * MINUTE) == ["12:00:00 orders 0", "12:01:00 orders 0", "12:02:00 orders 0"]


def test_operations_of_one_object_fire_on_their_own_and_together() -> None:
    world = World(schedules={("clients", 0): TEN, ("clients", 1): TEN_50, ("clients", 2): TEN})

    assert world.play(11 * MINUTE) == [
        "12:00:00 clients 0 2",
        "12:00:50 clients 1",
        "12:10:00 clients 0 2",
        "12:10:50 clients 1",
    ]


def test_fires_during_an_objects_own_run_are_one_run_right_after_it() -> None:
    world = World(
        schedules={("clients", 0): TEN, ("clients", 1): TEN_50, ("orders", 0): TEN},
        lasts={"clients": timedelta(minutes=21)},
    )

    assert world.play(45 * MINUTE) == [
        "12:00:00 clients 0",
        "12:00:00 orders 0",
        "12:10:00 orders 0",
        "12:20:00 orders 0",
        "12:21:00 clients 0 1",
        "12:30:00 orders 0",
        "12:40:00 orders 0",
        "12:42:00 clients 0 1",
    ]


def test_four_objects_run_at_once_where_nobody_says_otherwise() -> None:
    state = begin({(name, 0): TEN for name in "abcde"}, WARSAW, NOON, last_started={})

    assert [start.object for start in turn(state, NOON, ended=[], paused={}).starts] == ["a", "b", "c", "d"]


def test_more_objects_than_workers_wait_in_the_order_of_their_fires() -> None:
    schedules = {(name, 0): TEN for name in "abcd"}
    world = World(schedules=schedules, lasts=dict.fromkeys("abcd", 2 * MINUTE), workers=2)

    assert world.play(9 * MINUTE) == ["12:00:00 a 0", "12:00:00 b 0", "12:02:00 c 0", "12:02:00 d 0"]


@pytest.mark.parametrize(
    ("workers", "bulk", "expected"),
    [
        (4, "", ["12:00:00 a 0", "12:00:00 b 0", "12:00:00 c 0", "12:00:00 d 0", "12:05:00 e 0"]),
        (4, "abcd", ["12:00:00 a 0", "12:00:00 b 0", "12:00:00 c 0", "12:00:00 e 0", "12:05:00 d 0"]),
        (4, "abcde", ["12:00:00 a 0", "12:00:00 b 0", "12:00:00 c 0", "12:05:00 d 0", "12:05:00 e 0"]),
        (4, "d", ["12:00:00 a 0", "12:00:00 b 0", "12:00:00 c 0", "12:00:00 d 0", "12:05:00 e 0"]),
        (4, "e", ["12:00:00 a 0", "12:00:00 b 0", "12:00:00 c 0", "12:00:00 d 0", "12:05:00 e 0"]),
        (3, "abe", ["12:00:00 a 0", "12:00:00 b 0", "12:00:00 c 0", "12:05:00 d 0", "12:05:00 e 0"]),
        (2, "abd", ["12:00:00 a 0", "12:00:00 c 0", "12:05:00 b 0", "12:05:00 e 0", "12:10:00 d 0"]),
        (1, "a", ["12:00:00 a 0", "12:05:00 b 0", "12:10:00 c 0", "12:15:00 d 0", "12:20:00 e 0"]),
    ],
)
def test_bulk_objects_leave_one_worker_to_realtime_ones_and_none_is_passed_over_for_good(
    workers: int, bulk: str, expected: list[str]
) -> None:
    schedules = {(name, 0): Cron(text="0 0 12 * * *") for name in "abcde"}
    lasts = dict.fromkeys("abcde", 5 * MINUTE)
    world = World(schedules=schedules, lasts=lasts, workers=workers, bulk=frozenset(bulk))

    assert world.play(HOUR) == expected


def test_a_realtime_object_starts_at_its_fires_while_bulk_objects_run_for_hours() -> None:
    schedules = {**{(name, 0): DAILY for name in "abcde"}, ("orders", 0): EVERY_MINUTE}
    world = World(
        schedules=schedules, now=NOON + 12 * HOUR, lasts=dict.fromkeys("abcde", 2 * HOUR), bulk=frozenset("abcde")
    )

    starts = world.play(3 * HOUR)

    assert [at for at, start in world.starts if start.object == "orders"] == [
        NOON + 12 * HOUR + minutes * MINUTE for minutes in range(180)
    ]
    assert [line for line in starts if "orders" not in line] == [
        "00:15:00 a 0",
        "00:15:00 b 0",
        "00:15:00 c 0",
        "02:15:00 d 0",
        "02:15:00 e 0",
    ]


@pytest.mark.parametrize(
    ("last_started", "expected"),
    [
        ({}, []),  # never started: waits for its next fire
        ({("orders", 0): NOON - 5 * HOUR}, ["12:00:30 orders 0"]),  # 300 missed
        ({("orders", 0): NOON - 31 * SECOND}, ["12:00:30 orders 0"]),
        ({("orders", 0): NOON}, []),  # that of noon was served
        ({("orders", 0): NOON + HOUR}, []),  # the clock was set back an hour
        ({("orders", 0): NOON - 5 * HOUR, ("orders", 1): NOON - 24 * HOUR}, ["12:00:30 orders 0 1"]),
    ],
)
def test_what_was_missed_while_the_program_was_down_is_caught_up_once(
    last_started: dict[tuple[str, int], datetime], expected: list[str]
) -> None:
    schedules: Schedules = {("orders", 0): EVERY_MINUTE, ("orders", 1): DAILY}
    world = World(schedules=schedules, now=NOON + 30 * SECOND, last_started=last_started)

    assert world.play(29 * SECOND) == expected


def test_a_last_start_far_in_the_future_was_noted_by_a_wrong_clock_and_is_caught_up_once() -> None:
    last_started = {("orders", 0): NOON + 9000 * HOUR, ("prices", 0): NOON + 9000 * HOUR}
    world = World(schedules={("orders", 0): EVERY_MINUTE, ("prices", 0): DAILY}, last_started=last_started)

    assert world.play(2 * MINUTE) == ["12:00:00 orders 0", "12:00:00 prices 0", "12:01:00 orders 0"]


def test_a_suspended_machine_catches_up_once() -> None:
    world = World(schedules={("orders", 0): EVERY_MINUTE, ("prices", 0): DAILY})
    world.play(90 * SECOND)

    world.jump(36 * HOUR)

    assert world.play(2 * MINUTE) == [
        "00:01:30 orders 0",
        "00:01:30 prices 0",
        "00:02:00 orders 0",
        "00:03:00 orders 0",
    ]


def test_a_clock_set_back_an_hour_repeats_no_fire() -> None:
    world = World(schedules={("orders", 0): EVERY_MINUTE, ("warehouses", 0): Once()})
    assert world.play(90 * SECOND) == ["12:00:00 orders 0", "12:00:00 warehouses 0", "12:01:00 orders 0"]

    world.jump(-HOUR)

    assert world.play(62 * MINUTE) == ["12:02:00 orders 0", "12:03:00 orders 0"]


def test_a_clock_that_is_set_back_twice_by_less_than_two_hours_was_wrong_by_more() -> None:
    world = World(schedules={("prices", 0): DAILY}, now=NOON)
    world.play(MINUTE)

    world.jump(-90 * MINUTE)
    assert world.play(MINUTE) == []
    world.jump(-90 * MINUTE)

    assert world.play(MINUTE) == ["09:02:00 prices 0"]


def test_after_a_clock_set_back_by_days_all_is_due_once_as_nobody_knows_what_was_served() -> None:
    world = World(schedules={("orders", 0): EVERY_MINUTE, ("prices", 0): DAILY, ("warehouses", 0): Once()})
    world.play(90 * SECOND)

    world.jump(-72 * HOUR)

    assert world.play(2 * MINUTE) == [
        "12:01:30 orders 0",
        "12:01:30 prices 0",
        "12:02:00 orders 0",
        "12:03:00 orders 0",
    ]
    assert world.play(9 * MINUTE)[-2:] == ["12:11:30 warehouses 0", "12:12:00 orders 0"]


def test_after_runs_when_the_other_has_ended_and_before_holds_it_back() -> None:
    world = World(
        schedules={
            ("clients", 0): TEN,
            ("clients", 1): TEN_50,
            ("credits", 0): after("clients"),
            ("blockades", 0): after("credits"),
            ("segments", 0): before("clients"),
            ("tags", 0): before("segments"),
        },
        lasts={"clients": 20 * SECOND, "segments": 5 * SECOND, "tags": 3 * SECOND},
    )

    assert world.play(2 * MINUTE) == [
        "12:00:00 tags 0",
        "12:00:03 segments 0",
        "12:00:08 clients 0",
        "12:00:28 credits 0",
        "12:00:29 blockades 0",
        "12:00:50 tags 0",
        "12:00:53 segments 0",
        "12:00:58 clients 1",
        "12:01:18 credits 0",
        "12:01:19 blockades 0",
    ]


def test_what_goes_before_runs_anew_when_its_run_in_the_air_began_too_early() -> None:
    world = World(
        schedules={
            ("segments", 0): before("clients"),
            ("segments", 1): Cron(text="55 59 11 * * *"),
            ("clients", 0): TEN,
        },
        now=NOON - 10 * SECOND,
        lasts={"segments": 7 * SECOND},
    )

    assert world.play(MINUTE) == ["11:59:55 segments 1", "12:00:02 segments 0", "12:00:09 clients 0"]


def test_a_paused_object_is_not_waited_for() -> None:
    schedules: Schedules = {("segments", 0): before("clients"), ("clients", 0): TEN}
    world = World(schedules=schedules, pauses={"segments": NOON + 3 * MINUTE})

    assert world.play(9 * MINUTE) == ["12:00:00 clients 0", "12:03:00 segments 0"]


def test_a_paused_object_is_waited_for_while_it_still_runs() -> None:
    schedules: Schedules = {("segments", 0): before("clients"), ("clients", 0): TEN}
    world = World(schedules=schedules, lasts={"segments": 30 * SECOND})
    world.play(SECOND)

    world.pauses["segments"] = NOON + HOUR

    assert world.play(MINUTE) == ["12:00:30 clients 0"]


def test_a_tie_runs_also_after_a_run_that_failed() -> None:
    world = World(schedules={("clients", 0): TEN, ("credits", 0): after("clients")}, fails={"clients"})

    assert world.play(MINUTE) == ["12:00:00 clients 0", "12:00:01 credits 0"]


@pytest.mark.parametrize(
    ("clients", "credits", "expected"),
    [
        (None, None, []),
        (NOON, NOON - HOUR, ["12:05:00 credits 0"]),  # stopped between the two
        (NOON, None, ["12:05:00 credits 0"]),
        (NOON, NOON + MINUTE, []),
        (NOON - HOUR, NOON - 2 * HOUR, ["12:05:00 clients 0", "12:05:01 credits 0"]),  # both missed: in order
    ],
)
def test_a_tied_run_that_a_stop_cut_off_is_caught_up_once(
    clients: datetime | None, credits: datetime | None, expected: list[str]
) -> None:
    known = {("clients", 0): clients, ("credits", 0): credits}
    world = World(
        schedules={("clients", 0): TEN, ("credits", 0): after("clients")},
        now=NOON + 5 * MINUTE,
        last_started={pair: at for pair, at in known.items() if at},
    )

    assert world.play(4 * MINUTE) == expected


def test_once_runs_from_the_start_every_ten_minutes_until_it_is_done() -> None:
    world = World(schedules={("warehouses", 0): Once(), ("stocks", 0): after("warehouses")})

    assert world.play(11 * MINUTE) == [
        "12:00:00 warehouses 0",
        "12:00:01 stocks 0",
        "12:10:01 warehouses 0",
        "12:10:02 stocks 0",
    ]
    world.done.add("warehouses")
    assert world.play(24 * HOUR) == ["12:20:02 warehouses 0", "12:20:03 stocks 0"]


def test_once_that_is_done_never_runs() -> None:
    world = World(schedules={("warehouses", 0): Once()}, done={"warehouses"})

    assert world.play(24 * HOUR) == []


def test_runs_of_other_operations_do_not_put_off_once() -> None:
    world = World(schedules={("warehouses", 0): Once(), ("warehouses", 1): EVERY_MINUTE}, now=NOON + SECOND)

    assert [line for line in world.play(22 * MINUTE) if "warehouses 0" in line] == [
        "12:00:01 warehouses 0",
        "12:10:02 warehouses 0",
        "12:20:03 warehouses 0",
    ]


def test_fires_during_a_pause_are_one_run_when_it_ends() -> None:
    world = World(schedules={("clients", 0): EVERY_MINUTE, ("clients", 1): TEN}, pauses={"clients": NOON + 90 * SECOND})

    assert world.play(3 * MINUTE) == ["12:01:30 clients 0 1", "12:02:00 clients 0"]


def test_a_run_that_failed_into_a_pause_is_repeated_when_it_ends() -> None:
    world = World(schedules={("prices", 0): DAILY}, now=NOON + 12 * HOUR, fails={"prices"})
    world.play(15 * MINUTE)
    world.look()

    world.pauses["prices"] = world.now + 2 * MINUTE
    world.play(MINUTE)
    world.fails.clear()

    assert world.play(5 * MINUTE) == ["00:17:00 prices 0"]
    assert world.play(6 * HOUR) == []


def test_a_run_that_failed_is_repeated_ever_later_until_it_has_served_its_fire() -> None:
    world = World(schedules={("prices", 0): DAILY, ("prices", 1): Manual()}, now=NOON + 12 * HOUR, fails={"prices"})

    assert world.play(HOUR) == [
        "00:15:00 prices 0",
        "00:16:01 prices 0",
        "00:18:02 prices 0",
        "00:22:03 prices 0",
        "00:30:04 prices 0",
        "00:45:05 prices 0",
    ]
    world.fails.clear()
    assert world.play(24 * HOUR) == ["01:00:06 prices 0", "00:15:00 prices 0"]
    world.fails.add("prices")
    assert world.play(24 * HOUR)[:2] == ["00:15:00 prices 0", "00:16:01 prices 0"]  # counted from the beginning again


def test_operations_of_a_run_that_failed_go_with_the_next_fire_of_their_object() -> None:
    world = World(schedules={("clients", 0): DAILY, ("clients", 1): TEN}, now=NOON + 12 * HOUR, fails={"clients"})

    assert world.play(21 * MINUTE) == [
        "00:00:00 clients 1",
        "00:01:01 clients 1",
        "00:03:02 clients 1",
        "00:07:03 clients 1",
        "00:10:00 clients 1",
        "00:15:00 clients 0 1",
        "00:20:00 clients 0 1",
    ]


def test_one_look_is_a_function_of_its_arguments() -> None:
    schedules: Schedules = {("segments", 0): before("clients"), ("clients", 0): TEN, ("credits", 0): after("clients")}
    state = begin(schedules, WARSAW, NOON, last_started={})
    looks: list[tuple[datetime, list[End]]] = [
        (NOON, []),
        (NOON + SECOND, [End("segments", served=True)]),
        (NOON + MINUTE, [End("clients", served=False)]),
        (NOON + HOUR, [End("credits", served=True)]),
        (NOON - 5 * HOUR, []),
    ]

    for now, ended in looks:
        before_it = deepcopy(state)
        first = turn(state, now, ended=ended, paused={"segments": NOON + 2 * HOUR})

        assert turn(state, now, ended=ended, paused={"segments": NOON + 2 * HOUR}) == first
        assert state == before_it
        state = turn(state, now, ended=ended, paused={}).state


def test_the_next_wake_is_the_next_fire_or_the_end_of_a_pause() -> None:
    world = World(schedules={("prices", 0): DAILY, ("orders", 0): TEN}, pauses={"orders": NOON + MINUTE})

    assert world.look().wake_at == NOON + MINUTE
    world.jump(MINUTE)
    assert world.look().wake_at == NOON + 10 * MINUTE
    assert World(schedules={}).look().wake_at is None


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.integers(0, 2)),
        st.integers(1, 12).map(lambda minutes: Cron(text=f"0 */{minutes} * * * *")),
        min_size=1,
    ),
    st.fixed_dictionaries({name: st.integers(1, 900).map(lambda seconds: seconds * SECOND) for name in "abc"}),
    st.lists(st.tuples(st.integers(1, 1200), st.sampled_from([0, 1800, 90_000])), max_size=4),
    st.integers(1, 3),
    st.frozensets(st.sampled_from("abc")),
)
def test_every_fire_is_followed_by_a_start_and_every_start_preceded_by_a_fire_of_its_own(
    schedules: dict[tuple[str, int], Cron],
    lasts: dict[str, timedelta],
    jumps: list[tuple[int, int]],
    workers: int,
    bulk: frozenset[str],
) -> None:
    world = World(schedules=schedules, lasts=lasts, workers=workers, bulk=bulk)
    for passed, jumped in [*jumps, (7200, 0)]:
        world.play(passed * SECOND)
        world.jump(jumped * SECOND)

    patience = 2 * sum(lasts.values(), timedelta()) + sum(jumped for _, jumped in jumps) * SECOND
    for pair, cron in schedules.items():
        starts = [at for at, start in world.starts if start.object == pair[0] and pair[1] in start.operations]
        fires = [next_fire(cron, WARSAW, at) for at in [NOON - SECOND, *starts]]
        assert all(fire <= start <= fire + patience for fire, start in zip(fires, starts, strict=False) if fire)
        assert fires[-1] and fires[-1] + patience >= world.now


# --- the loop ----------------------------------------------------------------------------------------------


class HandClock:
    """A clock that a test sets."""

    def __init__(self, now: datetime) -> None:
        self.now = now.astimezone(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, length: timedelta) -> None:
        self.now += length


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def info(self, event: str, **facts: Any) -> None:
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: Any) -> None:
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: Any) -> None:
        self.lines.append(("error", event, facts))


class Target:
    """What the loop runs: writes down calls, holds runs until they are let go, raises what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, frozenset[int] | None]] = []
        self.held: dict[str, Event] = {}
        self.raises: dict[str, BaseException] = {}
        self.together = 0
        self.most_together = 0
        self.lock = Lock()

    def run(self, name: str, operations: frozenset[int] | None) -> ObjectResult:
        with self.lock:
            self.calls.append((name, operations))
            self.together += 1
            self.most_together = max(self.most_together, self.together)
        try:
            if name in self.held:
                assert self.held[name].wait(5)
            if name in self.raises:
                raise self.raises[name]
        finally:
            with self.lock:
                self.together -= 1
        return ObjectResult(
            object=name, run_id="r", status=Status.SUCCESS, counts=Counts(), started_at=NOON, duration_seconds=0.0
        )


def mapping(name: str, *schedules: Schedule, draft: bool = False, lane: Lane = "realtime") -> MappingSpec:
    request = (Request(method="PUT", path="/x"),)
    return MappingSpec(
        object=name,
        file=f"{name}.yaml",
        source=SqlSource(connection="erp", query="SELECT 1", key=("id",)),
        send=tuple(Operation(on=frozenset({Change.ADDED}), requests=request, schedule=each) for each in schedules),
        draft=draft,
        lane=lane,
    )


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does; never as long as a person would notice."""
    end = monotonic() + 5
    pause = Event()
    while not condition():
        assert monotonic() < end, "what was waited for did not happen"
        pause.wait(0.001)


@contextmanager
def serving(
    clock: HandClock, target: Target, log: Lines, *mappings: MappingSpec, **options: Any
) -> Iterator[tuple[Thread, Event]]:
    stop = Event()
    settings: dict[str, Any] = {
        "last_started": {},
        "once_done": lambda _: False,
        "paused_until": never_paused,
    } | options
    scheduler = Scheduler(
        mappings={each.object: each for each in mappings},
        timezone=WARSAW,
        clock=clock,
        run=target.run,
        log=log,
        idle_seconds=0.002,
        **settings,
    )
    thread = Thread(target=scheduler.serve, args=(stop,))
    thread.start()
    try:
        yield thread, stop
    finally:
        stop.set()
        for event in target.held.values():
            event.set()
        thread.join(5)
    assert not thread.is_alive()


def test_the_loop_runs_what_is_due_and_names_operations_only_when_some_are_not() -> None:
    clock, target, log = HandClock(NOON - SECOND), Target(), Lines()

    with serving(
        clock, target, log, mapping("clients", TEN, TEN_50), mapping("orders", TEN), mapping("x", TEN, draft=True)
    ):
        clock.now += SECOND
        until(lambda: len(target.calls) == 2)
        clock.now += 50 * SECOND
        until(lambda: len(target.calls) == 3)
        clock.now += HOUR
        until(lambda: len(target.calls) == 5)
        until(lambda: target.together == 0)

    assert sorted(target.calls[:2], key=str) == [("clients", frozenset({0})), ("orders", None)]
    assert target.calls[2] == ("clients", frozenset({1}))
    assert sorted(target.calls[3:], key=str) == [("clients", None), ("orders", None)]
    assert log.lines[0] == ("info", "scheduler_started", {"next_fire": NOON})
    assert [event for _, event, _ in log.lines] == ["scheduler_started", "scheduler_stopping", "scheduler_stopped"]


def test_different_objects_run_at_once_and_one_never_beside_itself() -> None:
    clock, target, log = HandClock(NOON), Target(), Lines()
    target.held = {name: Event() for name in "abc"}

    with serving(clock, target, log, *(mapping(name, EVERY_MINUTE) for name in "abc"), max_workers=2):
        until(lambda: target.together == 2)
        for _ in range(5):
            clock.now += MINUTE
            Event().wait(0.01)
        assert target.calls == [("a", None), ("b", None)]
        target.held["a"].set()
        until(lambda: len(target.calls) == 3)
        assert target.calls[2] == ("c", None)
        target.held["c"].set()
        until(lambda: ("a", None) in target.calls[3:])

    assert target.most_together == 2
    assert target.calls.count(("c", None)) == 1


def test_the_loop_starts_a_realtime_object_beside_bulk_ones_that_wait() -> None:
    clock, target, log = HandClock(NOON), Target(), Lines()
    target.held = {"a": Event()}
    bulk = [mapping(name, EVERY_MINUTE, lane="bulk") for name in "ab"]

    with serving(clock, target, log, *bulk, mapping("orders", EVERY_MINUTE), max_workers=2):
        until(lambda: len(target.calls) == 2)
        until(lambda: target.together == 1)
        clock.now += MINUTE
        until(lambda: len(target.calls) == 3)
        target.held["a"].set()
        until(lambda: len(target.calls) > 3)

    assert sorted(target.calls[:2]) == [("a", None), ("orders", None)]
    assert target.calls[2:4] == [("orders", None), ("b", None)]


def test_a_failing_object_is_logged_and_stops_nobody() -> None:
    clock, target, log = HandClock(NOON), Target(), Lines()
    target.raises = {
        "a": TargetError("the target is down", code="E_TARGET_DOWN"),
        "b": (bug := ZeroDivisionError("division by zero")),
    }

    with serving(clock, target, log, *(mapping(name, EVERY_MINUTE) for name in "abc")):
        until(lambda: len(target.calls) == 3)
        Event().wait(0.05)
        assert len(target.calls) == 3
        clock.now += MINUTE
        until(lambda: len(target.calls) == 6)

    errors = sorted([line for line in log.lines if line[0] == "error"], key=lambda line: str(line[2]["object"]))
    assert [facts for _, _, facts in errors] == [
        {"object": "a", "code": "E_TARGET_DOWN", "error": "the target is down"},
        {"object": "a", "code": "E_TARGET_DOWN", "error": "the target is down"},
        {"object": "b", "code": "E_UNEXPECTED", "error": "division by zero", "exc_info": bug},
        {"object": "b", "code": "E_UNEXPECTED", "error": "division by zero", "exc_info": bug},
    ]


def test_serving_returns_after_the_runs_in_the_air_have_ended() -> None:
    clock, target, log = HandClock(NOON), Target(), Lines()
    target.held = {"a": Event()}

    with serving(clock, target, log, mapping("a", EVERY_MINUTE), mapping("b", after("a"))) as (thread, stop):
        until(lambda: target.together == 1)
        clock.now += MINUTE
        stop.set()
        until(lambda: ("info", "scheduler_stopping", {"running": ["a"]}) in log.lines)
        assert thread.is_alive()
        target.held["a"].set()
        thread.join(5)

    assert target.calls == [("a", None)]
    assert log.lines[-1] == ("info", "scheduler_stopped", {})


def test_once_is_asked_for_when_serving_begins_and_after_each_run() -> None:
    clock, target, log = HandClock(NOON), Target(), Lines()
    answers = iter([False, False, True])
    asked: list[str] = []

    def once_done(name: str) -> bool:
        asked.append(name)
        return next(answers)

    with serving(
        clock, target, log, mapping("warehouses", Once()), mapping("a", after("warehouses")), once_done=once_done
    ):
        until(lambda: len(asked) == 2)
        until(lambda: clock.advance(MINUTE) or len(asked) == 3)
        until(lambda: len(target.calls) == 4)
        clock.now += 24 * HOUR
        Event().wait(0.02)

    assert target.calls == [("warehouses", None), ("a", None)] * 2
    assert asked == ["warehouses"] * 3


def test_a_run_that_raised_into_a_pause_is_the_probe_at_its_end() -> None:
    clock, target, log = HandClock(NOON), Target(), Lines()
    pauses: dict[str, datetime] = {}
    looks: list[datetime] = []
    target.raises = {"a": TargetError("credentials refused", code="E_REFUSED")}
    target.held = {"a": Event()}

    def paused_until(name: str, now: datetime) -> datetime | None:
        looks.append(now)
        return pauses.get(name)

    missed = {("a", 0): NOON - 24 * HOUR}
    with serving(clock, target, log, mapping("a", DAILY), paused_until=paused_until, last_started=missed):
        until(lambda: len(target.calls) == 1)
        pauses["a"] = clock.now + 2 * MINUTE
        target.held["a"].set()
        clock.advance(MINUTE)
        until(lambda: looks.count(clock.now) > 3)
        assert len(target.calls) == 1
        target.raises.clear()
        clock.advance(MINUTE)
        until(lambda: len(target.calls) == 2)

    assert target.calls == [("a", None), ("a", None)]


def test_a_clock_set_back_is_told_once_and_repeats_nothing() -> None:
    clock, target, log = HandClock(NOON), Target(), Lines()

    with serving(clock, target, log, mapping("a", EVERY_MINUTE)):
        until(lambda: len(target.calls) == 1)
        clock.now -= HOUR
        until(lambda: any(level == "warning" for level, _, _ in log.lines))
        clock.now += 59 * MINUTE
        Event().wait(0.02)
        assert len(target.calls) == 1
        clock.now += 2 * MINUTE
        until(lambda: len(target.calls) == 2)

    assert [line for line in log.lines if line[0] == "warning"] == [
        ("warning", "clock_set_back", {"by_seconds": 3600.0, "fires_resume_at": NOON})
    ]


def test_a_circle_of_ties_is_refused_with_its_objects() -> None:
    with (
        pytest.raises(ConfigError) as caught,
        serving(HandClock(NOON), Target(), Lines(), mapping("a", after("b")), mapping("b", after("a"))),
    ):
        pass

    assert caught.value.code == "E_SCHEDULE_CYCLE"
    assert caught.value.message in (
        "after and before go in a circle: a -> b -> a; take one of these ties out",
        "after and before go in a circle: b -> a -> b; take one of these ties out",
    )
