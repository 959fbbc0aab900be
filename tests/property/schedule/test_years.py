"""Ten years of the scheduler's decision against a plain model, and of odd schedules against a clock read by the minute.

What is played exactly: every run of ten years of the schedules that name hours; rhythms of ten minutes and faster, and
the whole shipped project, for hours around every change of clocks. Runs last at random, some longer than their interval
allows, some fail; the machine sleeps, its clock is set, the program is killed, mappings are edited, connections pause.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from engine.mapping.fires import Pair, fires, schedules_of
from engine.mapping.spec import Cron, Manual, Once, Schedule, Tied
from engine.schedule.due import End, State, begin, turn
from world.effort import examples
from world.shipped import shipped

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
ZONES = ["Europe/Warsaw", "UTC", "Australia/Lord_Howe"]  # the last one changes by half an hour


# --- fires by a clock that is read every minute ------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """A schedule that names times of day, spelt out."""

    text: str
    times: Sequence[tuple[int, int]]
    falls: Callable[[datetime], bool] = lambda _: True

    def minutes(self, lower: datetime, upper: datetime) -> Iterator[datetime]:
        """Yield the minutes of the wall clock that it names, lower <= minute < upper."""
        d = lower.replace(hour=0, minute=0)
        while d < upper:
            if self.falls(d):
                named = [d + timedelta(hours=hour, minutes=minute) for hour, minute in self.times]
                yield from (minute for minute in named if lower <= minute < upper)
            d += DAY


ODD = [
    Named("0 30 2 * * *", [(2, 30)]),
    Named("0 */15 1-3 * * *", [(hour, minute) for hour in (1, 2, 3) for minute in (0, 15, 30, 45)]),
    Named("0 45 22-2 * * *", [(hour, 45) for hour in (0, 1, 2, 22, 23)]),
    Named("0 0 6 1 * MON", [(6, 0)], lambda d: d.day == 1 or d.weekday() == 0),  # either suffices
    Named("0 0 6 */10 * 5", [(6, 0)], lambda d: d.day in (1, 11, 21, 31) or d.weekday() == 4),
    Named("0 0 12 L * *", [(12, 0)], lambda d: (d + DAY).day == 1),
    Named("0 0 12 L * 7", [(12, 0)], lambda d: (d + DAY).day == 1 or d.weekday() == 6),
    Named("0 15 2 29 2 *", [(2, 15)], lambda d: (d.month, d.day) == (2, 29)),
    Named("0 0 2 * OCT-APR FRI-MON", [(2, 0)], lambda d: d.month not in range(5, 10) and d.weekday() in (4, 5, 6, 0)),
    Named("0 59 23 31 * ?", [(23, 59)], lambda d: d.day == 31),
]


def read_every_minute(schedule: Named, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield ten years of fires: whatever the clock newly shows, or passes over, fires, each instant once.

    Read day by day where the zone's offset is the same at both ends of a day, minute by minute elsewhere.
    """
    shown = START.astimezone(zone).replace(tzinfo=None)
    at = START
    while at < END:
        wall = at.astimezone(zone).replace(tzinfo=None)
        tomorrow = (at + DAY).astimezone(zone).replace(tzinfo=None)
        length = DAY if tomorrow - wall == DAY else MINUTE
        if any(schedule.minutes(shown, wall)):  # the clock has passed over them
            yield at
            shown = wall + MINUTE
        stop = min(wall + length, wall + (END - at))
        yield from (at + (minute - wall) for minute in schedule.minutes(max(shown, wall), stop))
        shown = max(shown, wall + length)
        at += length


@pytest.mark.parametrize("zone", ZONES[::2])
@pytest.mark.parametrize("schedule", ODD, ids=lambda each: each.text)
def test_ten_years_of_odd_schedules_are_those_of_a_clock_read_every_minute(schedule: Named, zone: str) -> None:
    found = list(fires(Cron(text=schedule.text), ZoneInfo(zone), START, END))

    assert found == list(read_every_minute(schedule, ZoneInfo(zone)))


# --- what happens to a machine -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A time in which a program runs and its clock goes as a clock should."""

    first: datetime
    last: datetime  # what the clock shows when it is killed, put to sleep or set
    schedules: Mapping[Pair, Schedule]
    born: bool  # the program begins here


@dataclass(frozen=True, kw_only=True)
class Story:
    """Stretches one after another, and what the world does to runs in them."""

    stretches: Sequence[Stretch]
    pauses: Sequence[tuple[datetime, datetime]]  # by the clock, ascending, apart
    seed: int
    longest_run: timedelta
    failing: float = 0.1  # so large a part of the runs does not serve its fire

    def run(self, number: int) -> tuple[timedelta, bool]:
        """Give how long the n-th run of an object lasts, and whether it serves its fire."""
        random = Random(self.seed * 1_000_003 + number)
        long = random.random() < 0.1
        seconds = 1 + int(random.random() * self.longest_run.total_seconds() * (1 if long else 0.05))
        return seconds * SECOND, random.random() >= self.failing

    def pause_end(self, at: datetime) -> datetime | None:
        """Tell when the pause that holds at an instant ends."""
        position = bisect_right(self.pauses, (at, END + YEARS_MORE)) - 1
        return self.pauses[position][1] if position >= 0 and self.pauses[position][1] > at else None


KINDS = ("sleep", "forward", "back", "far back", "killed", "killed and off", "year")
YEARS_MORE, INSTANT = 3660 * DAY, timedelta.resolution
NEVER = END + YEARS_MORE
FARTHEST: tuple[tuple[Callable[[Iterable[datetime]], datetime], str], ...] = ((min, "first"), (max, "last"))
Started = tuple[int, datetime, tuple[int, ...]]  # number of the stretch, the clock, operations


def told(
    seed: int,
    first: datetime,
    last: datetime,
    versions: Sequence[Mapping[Pair, Schedule]],
    *,
    events: int,
    longest_run: timedelta,
    kinds: Sequence[str] = KINDS,
    longest_away: timedelta = 3 * DAY,
    failing: float = 0.1,
) -> Story:
    """Make up a story: at random moments the machine sleeps, the clock is set, or the program is killed and edited."""
    random = Random(seed)
    moments = sorted(first + random.random() * (last - first) for _ in range(events))
    moments = [moment.replace(microsecond=0) for moment in moments]
    stretches: list[Stretch] = []
    at, schedules, born = first, versions[0], True
    for moment in [*moments, last]:
        if moment <= at:
            continue
        stretches.append(Stretch(first=at, last=moment, schedules=schedules, born=born))
        kind = random.choice(kinds)
        born = kind.startswith("killed")
        if born and random.random() < 0.5:
            schedules = random.choice(versions)
        away = min(random.choice([7 * SECOND, 11 * MINUTE, HOUR, 5 * HOUR, 3 * DAY]), longest_away)
        at = (
            moment
            + {
                "sleep": away,
                "forward": HOUR,
                "back": -min(random.choice([3 * SECOND, 20 * MINUTE, HOUR]), longest_away),
                "far back": -2 * HOUR - away,
                "killed": SECOND,
                "killed and off": away,
                "year": 365 * DAY if random.random() < 0.2 else 0 * DAY,
            }[kind]
        )
    pauses = []
    paused = first
    while (paused := paused + random.random() * (last - first) / 20) < last:
        until = paused + min(random.choice([MINUTE, 15 * MINUTE, 2 * HOUR]), (last - first) / 10)
        pauses.append((paused, until))
        paused = until
    return Story(stretches=stretches, pauses=pauses, seed=seed, longest_run=longest_run, failing=failing)


# --- the scheduler's decision, played ------------------------------------------------------------------------


@dataclass(kw_only=True)
class Machine:
    """Plays a story with `turn`; a run goes on while the clock is set, stands still in sleep and dies with a kill."""

    story: Story
    zone: ZoneInfo
    workers: int = 4
    starts: list[tuple[int, datetime, str, tuple[int, ...]]] = field(default_factory=list)
    ends: list[tuple[datetime, str]] = field(default_factory=list)
    noted: dict[Pair, datetime] = field(default_factory=dict)  # what the journal keeps
    left: dict[str, tuple[timedelta, datetime, frozenset[int], bool]] = field(default_factory=dict)

    def play(self) -> None:
        state = None
        for number, stretch in enumerate(self.story.stretches):
            if stretch.born or state is None:
                state = begin(
                    stretch.schedules, self.zone, stretch.first, last_started=dict(self.noted), workers=self.workers
                )
                for pair in stretch.schedules.keys() - self.noted.keys():
                    self.noted[pair] = stretch.first
                self.left.clear()
            state = self._stretch(number, stretch, state)

    def _stretch(self, number: int, stretch: Stretch, state: State) -> State:
        """Look whenever something can happen; `left` is what runs still need."""
        now = stretch.first
        names = {name for name, _ in stretch.schedules}
        while True:
            over = [name for name, (length, *_) in self.left.items() if not length]
            ended = [self._end(name) for name in over]
            self.ends += [(now, each.object) for each in ended]
            until = self.story.pause_end(now)
            turned = turn(state, now, ended=ended, paused=dict.fromkeys(names, until) if until else {})
            state = turned.state
            for start in turned.starts:
                assert start.object not in self.left, "an object overlaps itself"
                length, served = self.story.run(len(self.starts))
                self.left[start.object] = (length, now, start.operations, served)
                self.starts.append((number, now, start.object, tuple(sorted(start.operations))))
            assert len(self.left) <= self.workers
            soonest = min([length for length, *_ in self.left.values()], default=END + YEARS_MORE - now)
            assert turned.wake_at is None or turned.wake_at > now, "the loop would not sleep"
            moment = min(now + soonest, turned.wake_at or stretch.last, stretch.last)
            if moment == stretch.last and now < stretch.last - INSTANT:
                moment = stretch.last - INSTANT  # as the loop looks every second
            self.left = {name: (each[0] - (moment - now), *each[1:]) for name, each in self.left.items()}
            if moment == stretch.last:
                return state
            now = moment

    def _end(self, name: str) -> End:
        _, began, operations, served = self.left.pop(name)
        if served:
            self.noted |= {(name, operation): began for operation in operations}
        return End(name, served=served)


# --- the same by a model of one object -----------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A run of the model's object under way."""

    began: datetime
    operations: frozenset[int]
    served: bool


class Model:
    """One object by its definition: it runs at the first moment at which it is due, awake, not paused and not running.

    An operation is due from its first fire after those that were noted; what a run did not serve, at `failed_at`.
    """

    def __init__(self, story: Story, zone: ZoneInfo) -> None:
        self.story = story
        self.starts: list[Started] = []
        first, last = (pick(getattr(each, end) for each in story.stretches) for pick, end in FARTHEST)
        texts = {each.text for one in story.stretches for each in one.schedules.values() if isinstance(each, Cron)}
        self.fires = {text: list(fires(Cron(text=text), zone, first, last)) for text in texts}
        self.kept: dict[int, datetime] = {}  # by the journal
        self.noted: dict[int, datetime] = {}  # up to when fires are noted
        self.asked: dict[int, datetime] = {}  # noted and not started
        self.failed: frozenset[int] = frozenset()
        self.failed_at = NEVER
        self.failures = 0
        self.run: Run | None = None
        self.needs = timedelta()  # until the run ends
        seen = START - YEARS_MORE
        for number, stretch in enumerate(story.stretches):
            self.texts = {op: each.text for (_, op), each in stretch.schedules.items() if isinstance(each, Cron)}
            if stretch.born:
                self._begin(stretch.first)
                seen = stretch.first
            elif seen - stretch.first > 2 * HOUR:
                self.asked = dict.fromkeys(self.texts, stretch.first)
                self.noted = dict(self.asked)
                seen = stretch.first
            self._play(number, stretch)
            seen = max(seen, stretch.last - INSTANT)
            for op in self.texts:
                if self._due(op) < stretch.last:
                    self.asked[op] = START - YEARS_MORE  # at once, also when the clock is set back now
                self.noted[op] = max(self.noted[op], stretch.last - INSTANT)

    def _begin(self, now: datetime) -> None:
        self.failed, self.failed_at, self.failures, self.run = frozenset(), NEVER, 0, None
        self.noted = {op: self.kept.get(op, now - INSTANT) for op in self.texts}
        wrong = [op for op, at in self.noted.items() if at - now > 2 * HOUR]
        self.asked = dict.fromkeys(wrong, now)
        self.noted |= self.asked
        self.kept = dict.fromkeys(self.texts, now) | self.kept

    def _play(self, number: int, stretch: Stretch) -> None:
        now = stretch.first
        while True:
            if self.run and now + self.needs >= stretch.last:
                self.needs -= stretch.last - now
                return
            if self.run:
                now += self.needs
                self._end(self.run, now)
            at = max(now, min([self.failed_at, *map(self._due, self.texts)]))
            while until := self.story.pause_end(at):
                at = until
            if at >= stretch.last:
                return
            operations = self.failed | {op for op in self.texts if self._due(op) <= at}
            self.needs, served = self.story.run(len(self.starts))
            self.run, self.failed, self.failed_at, now = Run(at, operations, served), frozenset(), NEVER, at
            self.starts.append((number, at, tuple(sorted(operations))))
            for op in operations:
                self.asked.pop(op, None)
                self.noted[op] = max(self.noted[op], at)

    def _end(self, run: Run, now: datetime) -> None:
        self.run = None
        if run.served:
            self.kept |= dict.fromkeys(run.operations, run.began)
            self.failures = 0
            return
        self.failures += 1
        wait = min(2 ** min(self.failures - 1, 4), 15) * MINUTE
        due = self.story.pause_end(now) or any(self._due(op) <= now for op in self.texts)
        self.failed, self.failed_at = run.operations, now if due else now + wait

    def _due(self, op: int) -> datetime:
        """Tell when an operation is due, by the fires that are not noted yet or was asked already."""
        found = self.fires[self.texts[op]]
        position = bisect_right(found, self.noted[op])
        return self.asked.get(op) or (found[position] if position < len(found) else NEVER)


# --- the tests -----------------------------------------------------------------------------------------------


def every(**operations: str) -> dict[Pair, Schedule]:
    return {("x", int(name[1:])): Cron(text=text) for name, text in operations.items()}


PRICES, INVOICES = every(o0="0 15 0 * * *"), every(o0="0 0,30 8-20 * * *")
STATUSES, NIGHT = every(o0="0 5,35 8-20 * * *"), every(o0="0 30 2 * * *", o1="0 */20 1-3 * * *")


STORIES = {
    "prices": [PRICES],
    "invoices": [INVOICES, STATUSES, {}],
    "night": [NIGHT, PRICES, NIGHT | every(o2="0 0 12 L * MON"), {}],
}


@pytest.mark.parametrize(
    ("versions", "zone", "years"),
    [
        *(("prices", zone, 10) for zone in ZONES),
        *(("night", zone, 10) for zone in ZONES[::2]),
        ("invoices", "Europe/Warsaw", 3),  # 26 fires a day
    ],
)
def test_years_of_runs_are_those_of_the_model(versions: str, zone: str, years: int) -> None:
    for seed in range(examples(1)):
        end = START.replace(year=START.year + years)
        story = told(seed, START, end, STORIES[versions], events=400, longest_run=3 * HOUR)
        machine, model = Machine(story=story, zone=ZoneInfo(zone)), Model(story, ZoneInfo(zone))

        machine.play()

        assert [(number, at, operations) for number, at, _, operations in machine.starts] == model.starts
        assert len(model.starts) > 2000


@cache
def changes(zone: ZoneInfo) -> list[datetime]:
    """List the hours of ten years in which the zone's offset changes; one in summer where it never does."""
    hours = [START + n * HOUR for n in range((END - START) // HOUR)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    found = [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]
    return found or [START + 180 * DAY]


NEAR = ("sleep", "forward", "back", "killed", "killed and off")
RHYTHMS = {  # versions, how far around the change, the longest run, the longest absence
    "clients": ([every(o0="0 */10 * * * *", o1="50 */10 * * * *"), every(o0="40 */10 * * * *")], DAY, 30 * MINUTE, DAY),
    "minutes": ([every(o0="0 * * * * *", o1="0 30 2 * * *"), every(o0="0 */2 * * * *")], 3 * HOUR, 5 * MINUTE, HOUR),
    "seconds": (
        [every(o0="* * * * * *"), every(o0="*/7 * 2 * * *", o1="30 */5 * * * *")],
        3 * MINUTE,
        20 * SECOND,
        MINUTE,
    ),
}


@pytest.mark.parametrize(("rhythm", "zone"), [(rhythm, zone) for rhythm in RHYTHMS for zone in ZONES])
def test_rhythms_around_every_change_of_clocks_are_those_of_the_model(rhythm: str, zone: str) -> None:
    versions, around, longest_run, away = RHYTHMS[rhythm]
    kinds = NEAR if rhythm == "seconds" else KINDS[:-1]
    for seed, change in enumerate(changes(ZoneInfo(zone)) * examples(1)):
        first, last = change - around, change + around
        story = told(seed, first, last, versions, events=6, longest_run=longest_run, kinds=kinds, longest_away=away)
        machine, model = Machine(story=story, zone=ZoneInfo(zone)), Model(story, ZoneInfo(zone))

        machine.play()

        assert [(number, at, operations) for number, at, _, operations in machine.starts] == model.starts


# --- the whole shipped project -------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
def test_the_shipped_project_loses_and_doubles_nothing_around_every_change_of_clocks(zone: str) -> None:
    schedules = schedules_of(shipped().mappings)
    for seed, change in enumerate(changes(ZoneInfo(zone)) * examples(1)):
        first, last = change - HOUR, change + HOUR
        sleeps = ["sleep", "forward"]
        story = told(seed, first, last, [schedules], events=1, longest_run=5 * MINUTE, kinds=sleeps, failing=0.0)
        story = replace(story, pauses=())
        machine = Machine(story=story, zone=ZoneInfo(zone))

        machine.play()

        for pair, schedule in schedules.items():
            starts = [at for _, at, name, operations in machine.starts if name == pair[0] and pair[1] in operations]
            causes = causes_of(schedule, machine, ZoneInfo(zone))
            if isinstance(schedule, Cron) or (isinstance(schedule, Tied) and schedule.order == "after"):
                served = [bisect_right(causes, at) for at in starts]
                assert all(before < after for before, after in pairwise([0, *served])), f"{pair} ran without a cause"
                settled = [cause for cause in causes if cause < story.stretches[-1].last - 45 * MINUTE]
                assert served[-1:] >= [len(settled)] or not settled, f"{pair} missed a cause"
            elif isinstance(schedule, Tied):  # every run of the other has one of ours right before it
                ends = [at for at, name in machine.ends if name == pair[0]]
                others = [at for _, at, name, _ in machine.starts if name == schedule.object]
                fresh = [any(lower < end <= upper for end in ends) for lower, upper in pairwise([first, *others])]
                assert all(fresh), f"{pair} did not go before {schedule.object}"
            else:
                assert isinstance(schedule, Once | Manual)


def causes_of(schedule: Schedule, machine: Machine, zone: ZoneInfo) -> Sequence[datetime]:
    """List what an operation has to follow: its fires, or the ends of the runs of the object it is tied to."""
    if isinstance(schedule, Cron):
        return list(fires(schedule, zone, machine.story.stretches[0].first, machine.story.stretches[-1].last))
    return [at for at, name in machine.ends if isinstance(schedule, Tied) and name == schedule.object]
