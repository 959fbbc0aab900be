"""The moments that schedules name: checking cron texts, the fires of one schedule, the fires of all objects.

How fires meet a change of clocks:

* A schedule that names hours follows the wall clock. Each time it names fires once, at the first instant at which the
  local clock has reached it: a time in the skipped hour at the first instant after the hour, a time in the repeated
  hour at its first occurrence. Fires that meet at one instant are one fire.
* A schedule whose hour field covers all 24 hours (`0 */2 * * * *`) follows elapsed time: it fires at every instant
  whose local time fits. It names no hour that could be skipped or repeated; every two minutes stays every two minutes.

Who means a time of day (02:30) gets the wall clock, and who means a rhythm (every two minutes) gets no hour without
orders in October and, for minute 5, 15, 25, ..., no stray minute 0 in March. So does cron (cronie) since decades, and
croniter for schedules of all hours. Where a reader would want the first rule for these too, the difference is runs too
many, which send nothing; the other way round it would be runs too few, and stock that is gone would be sold.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from heapq import merge
from itertools import groupby, product, repeat
from operator import itemgetter
from typing import TypeAlias
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from engine.mapping.spec import Cron, MappingSpec, Schedule, Tied
from engine.values import ConfigError

Pair: TypeAlias = tuple[str, int]  # object and the index of its operation; inbound objects have operation 0

DAY = timedelta(days=1)
LONGEST_REPETITION = 2 * DAY  # more than any zone's clock was ever set back
HORIZON = 3660 * DAY  # a 29 February is at most eight years away


@dataclass(frozen=True, slots=True)
class Fire:
    """An object fires with some of its operations."""

    at: datetime  # with the zone's offset at that instant
    object: str
    operations: tuple[int, ...]  # ascending


# --- cron texts --------------------------------------------------------------------------------------

FIELDS = (
    ("second", "0-59", 60),
    ("minute", "0-59", 60),
    ("hour", "0-23", 24),
    ("day of month", "1-31 or L for the last one", 31),
    ("month", "1-12 or JAN-DEC", 12),
    ("day of week", "0-7 or SUN-SAT, where 0 and 7 are Sunday", 7),
)
# croniter knows more (H and R hash or draw a value, W and # pick weekdays); what is not here is refused.
PART = re.compile(r"\?|l|(?P<low>\*|[0-9]{1,2}|[a-z]{3})(-(?P<high>[0-9]{1,2}|[a-z]{3}))?(/(?P<step>[0-9]{1,2}))?")


def check_cron(text: str) -> str | None:
    """Say what is wrong with a cron text in one sentence, or None when it is good.

    Six fields: second, minute, hour, day of month, month, day of week; `*`, lists, ranges, steps, names, `?`, `L`.
    Where both kinds of day are given, either suffices.
    """
    fields = text.lower().split()
    if len(fields) == len(FIELDS) - 1:
        return f"'{text}' has five fields, the seconds are missing in front: write '0 {text.strip()}'"
    if len(fields) != len(FIELDS):
        return f"'{text}' has not 6 fields but {len(fields)}: write six, such as '0 */10 * * * *' ({_field_names()})"
    for position, field in enumerate(fields):
        if fault := _field_fault(position, field):
            return f"{FIELDS[position][0]} '{field}' of '{text}' {fault}: write {FIELDS[position][1]}"
    if not _allowed(fields):
        return f"'{text}' never fires: no month it names has day {fields[3]}"
    return None


def _field_names() -> str:
    return ", ".join(name for name, _, _ in FIELDS)


def _field_fault(position: int, field: str) -> str | None:
    for part in field.split(","):
        found = PART.fullmatch(part)
        if found is None:
            return "is not understood"
        if found["high"] and found["low"] == found["high"]:
            return f"has a range of one value (for croniter that is all of them), instead of {found['low']}"
        if found["step"] and int(found["step"]) >= FIELDS[position][2]:
            return f"has a step of {found['step']} that leads out of the field"
    alone = ["*"] * position + [field] + ["*"] * (len(FIELDS) - 1 - position)
    return None if _allowed(alone) else "is not allowed there"


def _allowed(fields: Sequence[str]) -> bool:
    try:
        _expand(fields)
    except CroniterError:
        return False
    return True


def _expand(fields: Sequence[str]) -> list[list[int | str]]:
    """Give the values of minute, hour, day, month, weekday and second, in this order; `*` is all, `l` the last."""
    expanded, _ = croniter.expand(" ".join(fields), second_at_beginning=True, strict=True)
    return [list(values) for values in expanded]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A cron text as sets."""

    times: tuple[timedelta, ...]  # of the day, ascending
    every_hour: bool
    days: frozenset[int | str] | None  # `l` is the last; None: not restricted
    months: frozenset[int]
    weekdays: frozenset[int] | None  # 0 is Sunday; None: not restricted

    def falls_on(self, day: datetime) -> bool:
        """Tell whether the date fits; where days and weekdays are both restricted, either suffices."""
        if day.month not in self.months:
            return False
        by_day = self.days is not None and (day.day in self.days or ("l" in self.days and (day + DAY).day == 1))
        by_weekday = self.weekdays is not None and day.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday or (self.days is None and self.weekdays is None)

    def between(self, lower: datetime, upper: datetime) -> Iterator[datetime]:
        """Yield the times that fit, lower <= time < upper, by plain arithmetic in the zone of `lower`."""
        day = lower.replace(hour=0, minute=0, second=0, microsecond=0)
        while day < upper:
            if self.falls_on(day):
                times = self.times[bisect_left(self.times, lower - day) : bisect_left(self.times, upper - day)]
                for time in times:
                    yield day + time
            day += DAY


@lru_cache(maxsize=256)
def _pattern(text: str) -> _Pattern:
    if fault := check_cron(text):
        raise ConfigError(fault, code="E_BAD_CRON")
    minutes, hours, days, months, weekdays, seconds = _expand(text.lower().split())
    all_hours = _numbers(hours, range(24))
    return _Pattern(
        times=tuple(
            timedelta(hours=hour, minutes=minute, seconds=second)
            for hour, minute, second in product(all_hours, _numbers(minutes, range(60)), _numbers(seconds, range(60)))
        ),
        every_hour=len(all_hours) == 24,
        days=None if "*" in days else frozenset(days),
        months=frozenset(_numbers(months, range(1, 13))),
        weekdays=None if "*" in weekdays else frozenset(_numbers(weekdays, range(7))),
    )


def _numbers(values: Iterable[int | str], everything: range) -> list[int]:
    numbers = sorted(value for value in values if isinstance(value, int))
    return list(everything) if "*" in values else numbers


# --- one schedule ------------------------------------------------------------------------------------


def fires(cron: Cron, timezone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the fires of a schedule, start <= fire < end, strictly ascending; lazily, a year costs no memory.

    Each carries the offset of the zone at its instant as a fixed one, because datetimes of one ZoneInfo compare by
    wall clock, wrongly in the repeated hour. The rule for changes of clocks is in the module's docstring.

    Raises: ConfigError for a text that `check_cron` refuses.
    """
    pattern = _pattern(cron.text)
    find = _by_elapsed_time if pattern.every_hour else _by_wall_clock
    return find(pattern, timezone, start.astimezone(UTC), end.astimezone(UTC))


def next_fire(cron: Cron, timezone: ZoneInfo, after: datetime) -> datetime | None:
    """Find the first fire later than `after`; None when there is none for ten years."""
    start = after + timedelta.resolution
    for period in (DAY, HORIZON):  # most schedules fire within a day, where the zone needs few questions
        if fire := next(fires(cron, timezone, start, start + period), None):
            return fire
    return None


def _by_elapsed_time(pattern: _Pattern, timezone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    for lower, upper in _stretches(timezone, start, end):
        yield from pattern.between(lower, upper)


def _by_wall_clock(pattern: _Pattern, timezone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    shown: datetime | None = None  # the wall-clock time up to which the clock has run
    for opens, closes in _stretches(timezone, start - LONGEST_REPETITION, end):
        reached = opens if shown is None else shown.replace(tzinfo=opens.tzinfo)
        lower = max(opens, reached)
        if reached < opens and opens >= start and any(pattern.between(reached, opens)):
            yield opens
            lower += timedelta.resolution  # a time that the schedule names just there is the same fire
        yield from pattern.between(max(lower, start.astimezone(opens.tzinfo)), closes)
        shown = max(reached, closes)


def _stretches(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut a period into stretches in which the zone's offset does not change; both ends carry that offset."""
    while start < end:
        fixed = _fixed(_offset(zone, start))
        upper = min(_change(zone, start, end), end)
        yield start.astimezone(fixed), upper.astimezone(fixed)
        start = upper


def _change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime:
    """Find the first instant after `start` at which the zone's offset is another; `end` when there is none before."""
    offset = _offset(zone, start)
    same = start.replace(microsecond=0)
    other = same.replace(hour=0, minute=0, second=0) + DAY
    while _offset(zone, other) == offset:
        if other >= end:
            return end
        same, other = other, other + DAY
    seconds = range(int((other - same).total_seconds()))
    return same + timedelta(
        seconds=bisect_left(seconds, 1, key=lambda second: _offset(zone, same + timedelta(seconds=second)) != offset)
    )


@lru_cache(maxsize=64)
def _fixed(offset: timedelta) -> timezone:
    """Give one and the same zone for one offset: Python compares datetimes of one zone object many times faster."""
    return timezone(offset)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


# --- all schedules -----------------------------------------------------------------------------------


def schedules_of(mappings: Mapping[str, MappingSpec]) -> dict[Pair, Schedule]:
    """Give the schedule of every operation, the object's where it has none of its own; drafts are left out."""
    return {
        (name, index): schedule or mapping.schedule
        for name, mapping in mappings.items()
        if not mapping.draft
        for index, schedule in enumerate([operation.schedule for operation in mapping.send] or [None])
    }


def tie_cycle(schedules: Mapping[Pair, Schedule]) -> tuple[str, ...] | None:
    """Find objects whose `after` and `before` go in a circle, the first repeated at the end; None without one."""
    try:
        TopologicalSorter(_goes_first(schedules)).prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return None


def plan(
    schedules: Mapping[Pair, Schedule], order: Sequence[str], timezone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[Fire]:
    """Yield all fires of a period, start <= at < end, ascending; one for an object and instant, its operations merged.

    A tied operation fires with every fire of the object it names. At one instant objects stand in `order`, but what
    goes before an object by a tie stands before it. `once` and `manual` have no fires.
    """
    causes = {pair: _texts(schedules, pair) for pair in schedules}
    ranked = _ranked(schedules, order)
    streams = (
        zip(fires(Cron(text=text), timezone, start, end), repeat(text)) for text in set().union(*causes.values())
    )
    known: dict[frozenset[str], list[tuple[str, tuple[int, ...]]]] = {}
    for at, group in groupby(merge(*streams, key=itemgetter(0)), key=itemgetter(0)):
        fired = frozenset([text for _, text in group])
        if fired not in known:
            known[fired] = _firing(causes, ranked, fired)
        for name, operations in known[fired]:
            yield Fire(at, name, operations)


def next_fires(schedules: Mapping[Pair, Schedule], timezone: ZoneInfo, after: datetime) -> dict[str, datetime]:
    """Find the first fire of every object later than `after`; objects without timed fires are left out."""
    found: dict[str, datetime] = {}
    for pair in schedules:
        for text in _texts(schedules, pair):
            if at := next_fire(Cron(text=text), timezone, after):
                found[pair[0]] = min(at, found.get(pair[0], at))
    return found


def _texts(schedules: Mapping[Pair, Schedule], pair: Pair) -> frozenset[str]:
    """Follow the ties of an operation to the cron texts whose fires are its own."""
    found, seen, todo = set(), set(), [pair]
    while todo:
        seen.add(pair := todo.pop())
        schedule = schedules[pair]
        if isinstance(schedule, Cron):
            found.add(schedule.text)
        elif isinstance(schedule, Tied):
            todo += [other for other in schedules if other[0] == schedule.object and other not in seen]
    return frozenset(found)


def _firing(
    causes: Mapping[Pair, frozenset[str]], ranked: Sequence[str], fired: frozenset[str]
) -> list[tuple[str, tuple[int, ...]]]:
    """List the objects that fire when some cron texts do, in their order, each with its operations."""
    operations: dict[str, list[int]] = {name: [] for name in ranked}
    for (name, operation), texts in causes.items():
        if texts & fired:
            operations[name].append(operation)
    return [(name, tuple(sorted(indices))) for name, indices in operations.items() if indices]


def _ranked(schedules: Mapping[Pair, Schedule], order: Sequence[str]) -> list[str]:
    """Put all objects into `order`, each right behind those that go first by a tie."""
    goes_first = _goes_first(schedules)
    ranked: dict[str, None] = {}

    def place(name: str, behind: frozenset[str]) -> None:
        for other in sorted(goes_first.get(name, set()) - behind, key=positions.__getitem__):
            place(other, behind | {name})
        ranked.setdefault(name)

    positions = {name: position for position, name in enumerate(dict.fromkeys([*order, *goes_first]))}
    for name in positions:
        place(name, frozenset({name}))
    return list(ranked)


def _goes_first(schedules: Mapping[Pair, Schedule]) -> dict[str, set[str]]:
    """Tell for every object which ones go first by a tie; ties to objects without a schedule do not count."""
    names = dict.fromkeys(name for name, _ in schedules)
    goes_first: dict[str, set[str]] = {name: set() for name in names}
    for (name, _), schedule in schedules.items():
        if isinstance(schedule, Tied) and schedule.object in names:
            first, second = (schedule.object, name) if schedule.order == "after" else (name, schedule.object)
            goes_first[second].add(first)
    return goes_first
