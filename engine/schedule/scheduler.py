"""The loop behind `run`: it reads the clock, keeps the state, starts threads and sleeps; `turn` decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from engine.mapping import MappingSpec, Once, Pair, schedules_of, tie_cycle
from engine.schedule.due import SETBACK, WORKERS, End, Start, State, Turn, begin, turn
from engine.values import Clock, ConfigError, ObjectResult, OneSyncError, Status

SETBACK_NOISE = timedelta(seconds=10)  # a clock set back by less is not worth a line in the log
IDLE_SECONDS = 1.0  # the longest sleep, so that a jump of the clock is seen
BUSY_SECONDS = 0.02  # the longest sleep while an object runs, so that its end is seen

PausedUntil: TypeAlias = Callable[[str, datetime], datetime | None]


class Log(Protocol):
    """What the loop needs of a bound structlog logger."""

    def info(self, event: str, **facts: Any) -> Any: ...
    def warning(self, event: str, **facts: Any) -> Any: ...
    def error(self, event: str, **facts: Any) -> Any: ...


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
        max_workers: int = WORKERS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._schedules = schedules_of(mappings)
        if cycle := tie_cycle(self._schedules):
            circle = " -> ".join(cycle)
            raise ConfigError(
                f"after and before go in a circle: {circle}; take one of these ties out", code="E_SCHEDULE_CYCLE"
            )
        self._names = tuple(dict.fromkeys(name for name, _ in self._schedules))
        self._once = {name for (name, _), schedule in self._schedules.items() if isinstance(schedule, Once)}
        self._bulk = frozenset(name for name, mapping in mappings.items() if mapping.lane == "bulk")
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
        runs: dict[str, Future[End]] = {}
        with ThreadPoolExecutor(self._max_workers, thread_name_prefix="run") as pool:
            while not stop.is_set():
                now = self._clock()
                self._tell_of_setback(state, now)
                turned = turn(state, now, ended=_ended(runs), paused=self._paused(now))
                for start in turned.starts:
                    runs[start.object] = self._submit(pool, start)
                state = turned.state
                stop.wait(self._sleep_seconds(turned))
            self._log.info("scheduler_stopping", running=sorted(runs))
        self._log.info("scheduler_stopped")

    def _begin(self) -> State:
        done = frozenset(name for name in self._once if self._once_done(name))
        state = begin(
            self._schedules,
            self._timezone,
            self._clock(),
            last_started=self._last_started,
            done=done,
            workers=self._max_workers,
            bulk=self._bulk,
        )
        self._log.info("scheduler_started", next_fire=min(state.next_fires.values(), default=None))
        return state

    def _tell_of_setback(self, state: State, now: datetime) -> None:
        if state.now - now > SETBACK_NOISE:
            resume_at = now if state.seen - now > SETBACK else state.seen
            self._log.warning("clock_set_back", by_seconds=(state.now - now).total_seconds(), fires_resume_at=resume_at)

    def _paused(self, now: datetime) -> dict[str, datetime]:
        return {name: until for name in self._names if (until := self._paused_until(name, now))}

    def _submit(self, pool: Executor, start: Start) -> Future[End]:
        everything = {operation for other, operation in self._schedules if other == start.object}
        return pool.submit(self._run_one, start.object, None if start.operations == everything else start.operations)

    def _run_one(self, name: str, operations: frozenset[int] | None) -> End:
        try:
            result = self._run(name, operations)
            return End(name, served=is_served(result), done=name in self._once and self._once_done(name))
        except OneSyncError as error:
            self._log.error("run_failed", object=name, code=error.code, error=error.message)
        except Exception as error:
            self._log.error("run_failed", object=name, code="E_UNEXPECTED", error=str(error), exc_info=error)
        return End(name, served=False)

    def _sleep_seconds(self, turned: Turn) -> float:
        longest = BUSY_SECONDS if turned.state.running else self._idle_seconds
        if turned.wake_at is None:
            return longest
        return max(0.0, min(longest, (turned.wake_at - self._clock()).total_seconds()))


def is_served(result: ObjectResult) -> bool:
    """Tell whether a run did what it was started for, records aside that are refused or held for a reason."""
    return result.status not in (Status.FAILED, Status.SKIPPED)


def _ended(runs: dict[str, Future[End]]) -> list[End]:
    """Take the runs that have ended."""
    return [runs.pop(name).result() for name in [name for name, run in runs.items() if run.done()]]
