"""The loop behind `run`: what is due is a pure function of time and state, and threads run it.

How ties, misses and pauses are decided:

* A fire during the object's own run, during a pause, while all workers are taken or while the machine was suspended is
  remembered once; the operations of all remembered fires are merged into one run.
* `after: X` runs when a run of X has ended, also one that failed: its records wait by themselves for what they need.
* `before: X` is asked when X fires, and X starts when it has ended; X does not wait for it through a pause.
* A run that failed into a pause of its connection is remembered too: its repetition is the probe that ends the pause.
  So is one that could not begin because another process ran the object.
* A clock set back gives no fire twice. One set back by more than two hours was wrong before: schedules start anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from engine.errors import ConfigError, OneSyncError
from engine.fires import Pair, next_fire, schedules_of, tie_cycle
from engine.mapping import Cron, MappingSpec, Once, Schedule, Tied
from engine.records import ObjectResult, Status

ONCE_AGAIN = timedelta(minutes=10)  # between two runs of a `once` object that has not confirmed everything
SETBACK = timedelta(hours=2)  # the farthest that a right clock is set back
SETBACK_NOISE = timedelta(seconds=10)  # a smaller one is not worth a line in the log
IDLE_SECONDS = 1.0  # the longest sleep, so that a jump of the clock is seen
BUSY_SECONDS = 0.02  # the longest sleep while an object runs, so that its end is seen

Clock: TypeAlias = Callable[[], datetime]
PausedUntil: TypeAlias = Callable[[str, datetime], datetime | None]


class Log(Protocol):
    """What the loop needs of a bound structlog logger."""

    def info(self, event: str, **facts: Any) -> Any: ...
    def warning(self, event: str, **facts: Any) -> Any: ...
    def error(self, event: str, **facts: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Start:
    """An object that has to start now."""

    object: str
    operations: frozenset[int]


@dataclass(frozen=True, slots=True)
class Running:
    """What the end of a run has to know of its start."""

    operations: frozenset[int]
    waiting: frozenset[str]  # objects that wait for the end of this very run


# --- decisions ---------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class State:
    """What the loop remembers between two looks at the clock."""

    schedules: Mapping[Pair, Schedule]
    timezone: ZoneInfo
    now: datetime  # the time last looked at
    seen: datetime  # the latest time ever looked at; only a clock set back makes it differ from `now`
    next_fires: dict[Pair, datetime] = field(default_factory=dict)  # of cron and once: the first one not yet taken
    pending: dict[str, set[int]] = field(default_factory=dict)  # fired and not started, the longest wait first
    awaits: dict[str, set[str]] = field(default_factory=dict)  # pending object -> what has to end before it starts
    running: dict[str, Running] = field(default_factory=dict)


def begin(
    schedules: Mapping[Pair, Schedule],
    timezone: ZoneInfo,
    now: datetime,
    *,
    last_started: Mapping[Pair, datetime],
    done: frozenset[str] = frozenset(),
) -> State:
    """Make the state of a fresh start: what was missed since the last starts is due once; `done` needs no `once`.

    An operation that never started waits for its next fire, `now` included. `last_started` should count only runs that
    came to an end, so that one that was killed is caught up too.
    """
    state = State(schedules=schedules, timezone=timezone, now=now, seen=now)
    for pair, schedule in schedules.items():
        if isinstance(schedule, Cron):
            last = last_started.get(pair, now - timedelta.resolution)
            _await_fire(state, pair, schedule, last if last - now <= SETBACK else now)
        elif isinstance(schedule, Once) and pair[0] not in done:
            state.next_fires[pair] = now
    due_now = {name for (name, _), at in state.next_fires.items() if at <= now}
    for pair, schedule in schedules.items():
        if isinstance(schedule, Tied) and schedule.order == "after" and schedule.object not in due_now:
            latest = max((at for (name, _), at in last_started.items() if name == schedule.object), default=None)
            if latest and latest > last_started.get(pair, datetime.min.replace(tzinfo=UTC)):
                _ask(state, pair)
    return state


def due(state: State, now: datetime, *, paused_until: PausedUntil, free: int) -> list[Start]:
    """Take note of the fires up to `now` and give at most `free` objects to start, which count as running from here."""
    _note_fires(state, now)
    starts: list[Start] = []
    for name in _ready(state, now, paused_until):
        if len(starts) == free:
            break
        starts.append(Start(name, frozenset(state.pending.pop(name))))
        state.awaits.pop(name, None)
        waiting = frozenset(other for other, awaited in state.awaits.items() if name in awaited)
        state.running[name] = Running(starts[-1].operations, waiting)
    return starts


def ended(state: State, name: str, now: datetime, *, again: bool, done: bool) -> None:
    """Take note that a run has ended.

    `again`: its operations are not served and stay due. `done`: its `once` operations have confirmed everything.
    """
    run = state.running.pop(name)
    for other in run.waiting:
        state.awaits.get(other, set()).discard(name)
    for pair, schedule in state.schedules.items():
        if isinstance(schedule, Tied) and (schedule.order, schedule.object) == ("after", name):
            _ask(state, pair)
        elif isinstance(schedule, Once) and pair[0] == name and done:
            state.next_fires.pop(pair, None)
        elif isinstance(schedule, Once) and pair[0] == name and pair[1] in run.operations:
            state.next_fires[pair] = now + ONCE_AGAIN
    if again:
        for operation in run.operations:
            _ask(state, (name, operation))


def next_wake(state: State, now: datetime, *, paused_until: PausedUntil) -> datetime | None:
    """Find when something can become due without a run's end: the next fire, or the end of a pause; None for never."""
    pauses = [until for name in state.pending if (until := paused_until(name, now)) and until > now]
    return min([*state.next_fires.values(), *pauses], default=None)


def _note_fires(state: State, now: datetime) -> None:
    if state.seen - now > SETBACK:
        _start_anew(state, now)
    state.now, state.seen = now, max(state.seen, now)
    for pair, schedule in state.schedules.items():
        if pair not in state.next_fires or state.next_fires[pair] > now:
            continue
        del state.next_fires[pair]
        if isinstance(schedule, Cron):
            _await_fire(state, pair, schedule, now)
        _ask(state, pair)


def _start_anew(state: State, now: datetime) -> None:
    state.seen = now
    for pair, schedule in state.schedules.items():
        if isinstance(schedule, Cron):
            _await_fire(state, pair, schedule, now)
        elif pair in state.next_fires:
            state.next_fires[pair] = min(state.next_fires[pair], now + ONCE_AGAIN)


def _await_fire(state: State, pair: Pair, schedule: Cron, after: datetime) -> None:
    if at := next_fire(schedule, state.timezone, after):
        state.next_fires[pair] = at


def _ask(state: State, pair: Pair) -> None:
    """Make an operation due, and with the first one of an object all that goes before it."""
    name, operation = pair
    fresh = name not in state.pending
    state.pending.setdefault(name, set()).add(operation)
    for other, schedule in state.schedules.items():
        if fresh and isinstance(schedule, Tied) and (schedule.order, schedule.object) == ("before", name):
            state.awaits.setdefault(name, set()).add(other[0])
            _ask(state, other)


def _ready(state: State, now: datetime, paused_until: PausedUntil) -> Iterator[str]:
    """Yield the pending objects that may start, the longest wait first."""
    for name in list(state.pending):
        awaited = state.awaits.get(name, set())
        held = any(other in state.running or not _paused(other, now, paused_until) for other in awaited)
        if name not in state.running and not held and not _paused(name, now, paused_until):
            yield name


def _paused(name: str, now: datetime, paused_until: PausedUntil) -> bool:
    until = paused_until(name, now)
    return until is not None and until > now


# --- the loop ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _End:
    """How a run ended, as far as the loop cares."""

    failed: bool
    done: bool


class Scheduler:
    """Runs objects when they are due, each never beside itself, different ones at once.

    run: does one run in a worker thread; `None` means all operations. What it raises is logged and ends no other run.
    once_done: tells whether the `once` operations of an object have confirmed everything.
    paused_until: tells until when an object may not start; asked many times a second, so it answers from memory and
        does not raise.
    """

    def __init__(
        self,
        *,
        mappings: Mapping[str, MappingSpec],
        timezone: ZoneInfo,
        clock: Clock,
        run: Callable[[str, frozenset[int] | None], ObjectResult],
        last_started: Mapping[Pair, datetime],
        once_done: Callable[[str], bool],
        paused_until: PausedUntil,
        log: Log,
        max_workers: int = 4,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._schedules = schedules_of(mappings)
        if cycle := tie_cycle(self._schedules):
            circle = " -> ".join(cycle)
            raise ConfigError(
                f"after and before go in a circle: {circle}; take one of these ties out", code="E_SCHEDULE_CYCLE"
            )
        self._once = {name for (name, _), schedule in self._schedules.items() if isinstance(schedule, Once)}
        self._timezone = timezone
        self._clock = clock
        self._run = run
        self._last_started = last_started
        self._once_done = once_done
        self._paused_until = paused_until
        self._log = log
        self._max_workers = max_workers
        self._idle_seconds = idle_seconds

    def serve(self, stop: Event) -> None:
        """Run what is due until `stop` is set, then wait for the runs in the air; what is pending is not started."""
        state = self._begin()
        runs: dict[str, Future[_End]] = {}
        with ThreadPoolExecutor(self._max_workers, thread_name_prefix="run") as pool:
            while not stop.is_set():
                self._turn(state, runs, pool)
                stop.wait(self._sleep_seconds(state))
            self._log.info("scheduler_stopping", running=sorted(state.running))
        self._collect(state, runs)
        self._log.info("scheduler_stopped")

    def _begin(self) -> State:
        done = frozenset(name for name in self._once if self._once_done(name))
        now = self._clock()
        state = begin(self._schedules, self._timezone, now, last_started=self._last_started, done=done)
        self._log.info("scheduler_started", next_fire=min(state.next_fires.values(), default=None))
        return state

    def _turn(self, state: State, runs: dict[str, Future[_End]], pool: Executor) -> None:
        """Take the runs that ended, start what is due."""
        self._collect(state, runs)
        now = self._clock()
        if state.now - now > SETBACK_NOISE:
            resume_at = now if state.seen - now > SETBACK else state.seen
            self._log.warning("clock_set_back", by_seconds=(state.now - now).total_seconds(), fires_resume_at=resume_at)
        free = self._max_workers - len(state.running)
        for start in due(state, now, paused_until=self._paused_until, free=free):
            runs[start.object] = pool.submit(self._run_one, start)

    def _collect(self, state: State, runs: dict[str, Future[_End]]) -> None:
        for name in [name for name, run in runs.items() if run.done()]:
            end, now = runs.pop(name).result(), self._clock()
            again = end.failed and _paused(name, now, self._paused_until)
            ended(state, name, now, again=again, done=end.done)

    def _run_one(self, start: Start) -> _End:
        name = start.object
        everything = {operation for other, operation in self._schedules if other == name}
        try:
            result = self._run(name, None if start.operations == everything else start.operations)
            done = name in self._once and self._once_done(name)
            return _End(failed=result.status in (Status.FAILED, Status.SKIPPED), done=done)
        except OneSyncError as error:
            self._log.error("run_failed", object=name, code=error.code, error=error.message)
        except Exception as error:
            self._log.error("run_failed", object=name, code="E_UNEXPECTED", error=str(error), exc_info=error)
        return _End(failed=True, done=False)

    def _sleep_seconds(self, state: State) -> float:
        now = self._clock()
        longest = BUSY_SECONDS if state.running else self._idle_seconds
        wake = next_wake(state, now, paused_until=self._paused_until)
        return longest if wake is None else max(0.0, min(longest, (wake - now).total_seconds()))
