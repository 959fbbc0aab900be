"""Fires against slow references: a clock read every second, and ten years of the schedules of one-api.md 1.1."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.mapping.fires import check_cron, fires, next_fire, plan, schedules_of
from engine.mapping.spec import Cron
from world.effort import examples
from world.shipped import shipped

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WARSAW = ZoneInfo("Europe/Warsaw")
ZONES = [
    "Europe/Warsaw",
    "America/New_York",
    "America/Sao_Paulo",  # changed at midnight
    "America/St_Johns",  # changed at 00:01, half past of UTC
    "Australia/Lord_Howe",  # changes by half an hour
    "Africa/Casablanca",  # summer time is the rule
    "Asia/Kathmandu",
    "UTC",
]

# --- cron texts with what they mean ----------------------------------------------------------------------


@st.composite
def field(draw: st.DrawFn, low: int, high: int) -> tuple[str, frozenset[int]]:
    """Draw the text of a field and the values it stands for."""
    values = range(low, high + 1)
    kind = draw(st.sampled_from(["star", "star", "one", "list", "range", "step", "range step"]))
    first = draw(st.integers(low, high - 1))
    last = draw(st.integers(first + 1, high))
    step = draw(st.integers(1, max(1, (high - low) // 2)))
    if kind == "star":
        return "*", frozenset(values)
    if kind == "one":
        return str(first), frozenset({first})
    if kind == "list":
        chosen = draw(st.sets(st.sampled_from(values), min_size=1, max_size=4))
        return ",".join(map(str, sorted(chosen))), frozenset(chosen)
    if kind == "range":
        return f"{first}-{last}", frozenset(range(first, last + 1))
    if kind == "step":
        return f"*/{step}", frozenset(range(low, high + 1, step))
    return f"{first}-{last}/{step}", frozenset(range(first, last + 1, step))


@st.composite
def night_hours(draw: st.DrawFn) -> tuple[str, frozenset[int]]:
    """Draw hours in which most zones change their clocks."""
    chosen = draw(st.sets(st.sampled_from(range(5)), min_size=1, max_size=3))
    return ",".join(map(str, sorted(chosen))), frozenset(chosen)


Meaning = tuple[
    str, Callable[[datetime], bool], bool
]  # the text, whether a wall-clock time fits, whether any hour does


@st.composite
def crons(draw: st.DrawFn) -> Meaning:
    """Draw a schedule that fires often enough to be seen in some hours, and what it means."""
    hour = draw(st.one_of(night_hours(), field(0, 23)))
    second = draw(st.sampled_from([("0", frozenset({0})), ("50", frozenset({50})), ("*/20", frozenset({0, 20, 40}))]))
    minute = draw(field(0, 59))
    weekday = draw(st.sampled_from([("*", frozenset(range(7))), ("SAT,sun,1", frozenset({6, 0, 1}))]))

    def fits(wall: datetime) -> bool:
        return (
            wall.second in second[1]
            and wall.minute in minute[1]
            and wall.hour in hour[1]
            and wall.isoweekday() % 7 in weekday[1]
        )

    return f"{second[0]} {minute[0]} {hour[0]} * * {weekday[0]}", fits, len(hour[1]) == 24


# --- the moments at which something may go wrong -----------------------------------------------------------


@cache
def changes(zone: str) -> list[datetime]:
    """List hours in which the zone's offset changes, and one in which it does not."""
    start = datetime(2017, 1, 1, tzinfo=UTC)
    hours = [start + n * HOUR for n in range(2 * 365 * 24)]
    offsets = [hour.astimezone(ZoneInfo(zone)).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]] or [start]


@st.composite
def moments(draw: st.DrawFn, count: int, spread: timedelta) -> tuple[ZoneInfo, list[datetime]]:
    """Draw a zone and ascending moments near one of its changes of clocks."""
    zone = draw(st.sampled_from(ZONES))
    change = draw(st.sampled_from(changes(zone)))
    seconds = int(spread.total_seconds())
    shifts = draw(st.lists(st.integers(-seconds, seconds), min_size=count, max_size=count))
    return ZoneInfo(zone), [change + shift * SECOND for shift in sorted(shifts)]


# --- properties --------------------------------------------------------------------------------------------


def clock_read_every_second(meaning: Meaning, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield fires by looking at a clock each second: what it has newly shown, or passed over, fires.

    A schedule of all hours fires whenever the clock shows a time that fits.
    """
    _, fits, every_hour = meaning
    shown = start.astimezone(zone).replace(tzinfo=None)  # far enough before the change
    for n in range(int((end - start) / SECOND)):
        instant = start + n * SECOND
        wall = instant.astimezone(zone).replace(tzinfo=None)
        if every_hour:
            fired = fits(wall)
        else:
            fired = any(fits(shown + m * SECOND) for m in range(int((wall - shown) / SECOND) + 1))
            shown = max(shown, wall + SECOND)
        if fired:
            yield instant


@settings(max_examples=examples(30))
@given(crons(), moments(1, timedelta(minutes=10)))
@example(
    ("0 30 2 * * *", lambda wall: (wall.hour, wall.minute, wall.second) == (2, 30, 0), False),
    (WARSAW, [datetime(2026, 3, 29, 1, tzinfo=UTC)]),
)
@example(
    ("0 30 2 * * *", lambda wall: (wall.hour, wall.minute, wall.second) == (2, 30, 0), False),
    (WARSAW, [datetime(2026, 10, 25, 1, tzinfo=UTC)]),
)
def test_fires_are_those_of_a_clock_read_every_second(meaning: Meaning, where: tuple[ZoneInfo, list[datetime]]) -> None:
    zone, (moment,) = where
    start, end = moment - 1.5 * HOUR, moment + 1.5 * HOUR

    assert list(fires(Cron(text=meaning[0]), zone, start, end)) == list(
        clock_read_every_second(meaning, zone, start, end)
    )


@given(crons(), moments(3, 30 * HOUR))
def test_two_neighbouring_periods_have_the_fires_of_both(
    meaning: Meaning, where: tuple[ZoneInfo, list[datetime]]
) -> None:
    cron = Cron(text=meaning[0])
    zone, (first, second, third) = where

    parts = [*fires(cron, zone, first, second), *fires(cron, zone, second, third)]

    assert parts == list(fires(cron, zone, first, third))
    assert all(before < after for before, after in pairwise(parts))
    assert all(first <= fire < third for fire in parts)


@given(crons(), moments(2, 30 * HOUR))
def test_walking_from_fire_to_fire_meets_every_fire(meaning: Meaning, where: tuple[ZoneInfo, list[datetime]]) -> None:
    cron = Cron(text=meaning[0])
    zone, (start, end) = where

    fire, walked = next_fire(cron, zone, start - timedelta.resolution), []
    while fire and fire < end and len(walked) < 50:
        walked.append(fire)
        fire = next_fire(cron, zone, fire)

    assert walked == list(islice(fires(cron, zone, start, end), 50))


@given(crons(), moments(1, HOUR))
def test_a_fire_carries_the_offset_of_its_zone(meaning: Meaning, where: tuple[ZoneInfo, list[datetime]]) -> None:
    zone, (moment,) = where

    for fire in fires(Cron(text=meaning[0]), zone, moment - DAY, moment + DAY):
        assert fire.isoformat() == fire.astimezone(zone).isoformat()


@given(st.text(alphabet="0123456789*/,-?LWH# @janmosu", max_size=30))
def test_any_text_is_either_good_or_told_why_not(text: str) -> None:
    fault = check_cron(text)

    if fault is None:
        next(fires(Cron(text=text), WARSAW, datetime(2026, 1, 1, tzinfo=UTC), datetime(2035, 1, 1, tzinfo=UTC)))
    else:
        assert text in fault


# --- ten years ---------------------------------------------------------------------------------------------

START, END = datetime(2026, 1, 1, tzinfo=WARSAW), datetime(2036, 1, 1, tzinfo=WARSAW)


RHYTHMS = [
    ("0 */2 * * * *", timedelta(minutes=2), timedelta()),
    ("0 */10 * * * *", timedelta(minutes=10), timedelta()),
    ("50 */10 * * * *", timedelta(minutes=10), timedelta(seconds=50)),
    ("40 */10 * * * *", timedelta(minutes=10), timedelta(seconds=40)),
    ("0 5,15,25,35,45,55 * * * *", timedelta(minutes=10), timedelta(minutes=5)),
    ("0 * * * * *", timedelta(minutes=1), timedelta()),
]
TIMES = [
    ("0 15 0 * * *", [(0, 15)]),
    ("0 0,30 8-20 * * *", [(hour, minute) for hour in range(8, 21) for minute in (0, 30)]),
    ("0 5,35 8-20 * * *", [(hour, minute) for hour in range(8, 21) for minute in (5, 35)]),
]


def test_the_schedules_of_ten_years_are_those_of_the_shipped_mappings() -> None:
    schedules = schedules_of(shipped().mappings).values()

    found = {schedule.text for schedule in schedules if isinstance(schedule, Cron)}

    assert found == {text for text, *_ in RHYTHMS} | {text for text, _ in TIMES}


@pytest.mark.parametrize("zone", ["Europe/Warsaw", "Australia/Lord_Howe"])  # the last: by half an hour
@pytest.mark.parametrize(("cron", "step", "first"), RHYTHMS)
def test_ten_years_of_a_rhythm_never_miss_a_beat(cron: str, step: timedelta, first: timedelta, zone: str) -> None:
    start, end = START.astimezone(UTC), END.astimezone(UTC)

    beats = chain([start + first - step], fires(Cron(text=cron), ZoneInfo(zone), start, end), [end + first])

    assert {after - before for before, after in pairwise(beats)} == {step}


@pytest.mark.parametrize("zone", ["Europe/Warsaw", "UTC", "Australia/Lord_Howe"])
@pytest.mark.parametrize(("cron", "times"), TIMES)
def test_ten_years_of_times_of_day_lose_and_double_nothing(cron: str, times: list[tuple[int, int]], zone: str) -> None:
    start, end = START.replace(tzinfo=ZoneInfo(zone)), END.replace(tzinfo=ZoneInfo(zone))
    days = [start + day * DAY for day in range((end - start).days)]

    found = [fire.isoformat() for fire in fires(Cron(text=cron), ZoneInfo(zone), start, end)]

    assert found == [day.replace(hour=hour, minute=minute).isoformat() for day in days for hour, minute in times]


def test_ten_years_of_a_night_schedule_fire_once_a_night() -> None:
    found = [fire.date() for fire in fires(Cron(text="0 30 2 * * *"), WARSAW, START, END)]

    assert found == [(START + day * DAY).date() for day in range((END - START).days)]


def test_a_plan_of_years_is_the_sorted_union_of_its_schedules() -> None:
    texts = ["50 */10 * * * *", "0 15 0 * * *", "0 0,30 8-20 * * *", "0 30 2 * * *"]
    start, end = START, START.replace(year=2028)
    schedules = {(f"object_{n}", 0): Cron(text=text) for n, text in enumerate(texts)}

    found = [(fire.at, fire.object) for fire in plan(schedules, [], WARSAW, start, end)]

    assert found == sorted(
        (fire, name) for (name, _), cron in schedules.items() for fire in fires(cron, WARSAW, start, end)
    )
