"""What starts when: a pure function of time and state.

`turn` decides: (state, now, what ended, who is paused) -> (state, what starts, until when to sleep).

How ties, misses and pauses are decided:

* A fire during the object's own run, during a pause, while all workers are taken or while the machine was suspended is
  remembered once; the operations of all remembered fires are merged into one run.
* A run that did not serve its fire (it failed, it was stopped, another process ran the object) leaves its operations
  due: they go with the object's next fire, or by themselves after 1, 2, 4, ... up to 15 minutes. One that failed into a
  pause goes when that ends: of its connection, as the probe, or of the object alone, which `service.BUSY_PAUSE` makes
  where another process ran it.
* Runs of `lane: bulk` leave one worker to realtime objects, which overtake bulk ones that wait for their turn. A
  realtime object that a bulk one goes `before` waits for that turn too.
* `after: X` runs when a run of X has ended, also one that failed: its records wait by themselves for what they need.
* `before: X` is asked when X fires, and X starts when it has ended; X does not wait for it through a pause.
* A clock set back gives no fire twice. One set back by more than two hours was wrong before, so that nobody knows what
  was served: everything is due once, then by its schedule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.mapping import Cron, Once, Pair, Schedule, Tied, next_fire

ONCE_AGAIN = timedelta(minutes=10)  # between two runs of a `once` object that has not confirmed everything
AGAIN = timedelta(minutes=1)  # until a run that did not serve its fire is repeated; twice as long each further time
AGAIN_AT_MOST = timedelta(minutes=15)
SETBACK = timedelta(hours=2)  # the farthest that a right clock is set back
WORKERS = 4  # so many objects run at once


@dataclass(frozen=True, slots=True)
class Start:
    """An object that has to start now."""

    object: str
    operations: frozenset[int]


@dataclass(frozen=True, slots=True)
class End:
    """A run that has ended."""

    object: str
    served: bool  # False: what it was started for stays due
    done: bool = False  # the object's `once` operations have confirmed everything


@dataclass(frozen=True, slots=True)
class Running:
    """What the end of a run has to know of its start."""

    operations: frozenset[int]
    waiting: frozenset[str]  # objects that wait for the end of this very run


@dataclass(frozen=True, slots=True)
class Unserved:
    """Operations whose run did not serve them."""

    operations: frozenset[int]
    at: datetime  # when they are due again, if the object does not start before


NOTHING = Unserved(frozenset(), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the loop remembers between two looks at the clock; a value: `turn` gives another one."""

    schedules: Mapping[Pair, Schedule]
    timezone: ZoneInfo
    workers: int  # so many objects run at once
    bulk: frozenset[str]  # objects that leave one worker to the others
    now: datetime  # the time last looked at
    seen: datetime  # the latest time ever looked at; only a clock set back makes it differ from `now`
    next_fires: dict[Pair, datetime] = field(default_factory=dict)  # of cron and once: the first one not yet taken
    pending: dict[str, frozenset[int]] = field(default_factory=dict)  # fired and not started, the longest wait first
    awaits: dict[str, frozenset[str]] = field(default_factory=dict)  # pending object -> what has to end before it
    running: dict[str, Running] = field(default_factory=dict)
    unserved: dict[str, Unserved] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)  # runs in a row that did not serve their fires


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows from one look at the clock."""

    state: State
    starts: tuple[Start, ...]
    wake_at: datetime | None  # when something can become due without a run's end; None: never


def begin(
    schedules: Mapping[Pair, Schedule],
    timezone: ZoneInfo,
    now: datetime,
    *,
    last_started: Mapping[Pair, datetime],
    done: frozenset[str] = frozenset(),
    workers: int = WORKERS,
    bulk: frozenset[str] = frozenset(),
) -> State:
    """Make the state of a fresh start: what was missed since the last starts is due once; `done` needs no `once`.

    An operation that never started waits for its next fire, `now` included. `last_started` should count only runs that
    served their fires, so that one that was killed or failed is caught up too.
    """
    state = State(schedules=schedules, timezone=timezone, workers=workers, bulk=bulk, now=now, seen=now)
    for pair, schedule in schedules.items():
        if isinstance(schedule, Cron):
            last = last_started.get(pair, now - timedelta.resolution)
            if last - now > SETBACK:  # by a wrong clock
                state.next_fires[pair] = now
            else:
                _await_fire(state, pair, schedule, last)
        elif isinstance(schedule, Once) and pair[0] not in done:
            state.next_fires[pair] = now
    due_now = {name for (name, _), at in state.next_fires.items() if at <= now}
    for pair, schedule in schedules.items():
        if isinstance(schedule, Tied) and schedule.order == "after" and schedule.object not in due_now:
            latest = max((at for (name, _), at in last_started.items() if name == schedule.object), default=None)
            if latest and latest > last_started.get(pair, datetime.min.replace(tzinfo=UTC)):
                _ask(state, pair)
    return state


def turn(state: State, now: datetime, *, ended: Iterable[End] = (), paused: Mapping[str, datetime]) -> Turn:
    """Decide what starts now and until when to sleep, from what has ended and until when objects may not start.

    Pure: the answer's state is a new one, and everything in `starts` counts as running in it.
    """
    after = _copy(state)
    barred = {name: until for name, until in paused.items() if until > now}
    for end in ended:
        _note_end(after, end, now, barred)
    after = _note_fires(after, now)
    starts = tuple(_take(after, barred))
    wakes = [*after.next_fires.values(), *(each.at for each in after.unserved.values())]
    wakes += [barred[name] for name in after.pending if name in barred]
    return Turn(after, starts, min(wakes, default=None))


def _copy(state: State) -> State:
    """Give a state whose tables may be written while this turn is decided."""
    return replace(
        state,
        next_fires=dict(state.next_fires),
        pending=dict(state.pending),
        awaits=dict(state.awaits),
        running=dict(state.running),
        unserved=dict(state.unserved),
        failures=dict(state.failures),
    )


def _note_end(state: State, end: End, now: datetime, barred: Mapping[str, datetime]) -> None:
    name, run = end.object, state.running.pop(end.object)
    for other in run.waiting & state.awaits.keys():
        state.awaits[other] -= {name}
    for pair, schedule in state.schedules.items():
        if isinstance(schedule, Tied) and (schedule.order, schedule.object) == ("after", name):
            _ask(state, pair)
        elif isinstance(schedule, Once) and pair[0] == name and end.done:
            state.next_fires.pop(pair, None)
        elif isinstance(schedule, Once) and pair[0] == name and pair[1] in run.operations:
            state.next_fires[pair] = now + ONCE_AGAIN
    failures = 0 if end.served else state.failures.get(name, 0) + 1
    state.failures[name] = failures
    if not end.served:
        state.unserved[name] = Unserved(run.operations, now + min(AGAIN * 2 ** min(failures - 1, 9), AGAIN_AT_MOST))
        if name in state.pending or name in barred:
            _ask_unserved(state, name)


def _note_fires(state: State, now: datetime) -> State:
    if state.seen - now > SETBACK:
        _start_anew(state, now)
        state = replace(state, seen=now)
    state = replace(state, now=now, seen=max(state.seen, now))
    for pair, schedule in state.schedules.items():
        if pair not in state.next_fires or state.next_fires[pair] > now:
            continue
        del state.next_fires[pair]
        if isinstance(schedule, Cron):
            _await_fire(state, pair, schedule, now)
        _ask(state, pair)
    for name in [name for name, each in state.unserved.items() if each.at <= now]:
        _ask_unserved(state, name)
    return state


def _start_anew(state: State, now: datetime) -> None:
    for pair, schedule in state.schedules.items():
        if isinstance(schedule, Cron):
            state.next_fires[pair] = now
        elif pair in state.next_fires:
            state.next_fires[pair] = min(state.next_fires[pair], now + ONCE_AGAIN)
    for name, each in state.unserved.items():
        state.unserved[name] = replace(each, at=min(each.at, now + AGAIN_AT_MOST))


def _await_fire(state: State, pair: Pair, schedule: Cron, after: datetime) -> None:
    if at := next_fire(schedule, state.timezone, after):
        state.next_fires[pair] = at


def _ask_unserved(state: State, name: str) -> None:
    for operation in sorted(state.unserved[name].operations):
        _ask(state, (name, operation))


def _ask(state: State, pair: Pair) -> None:
    """Make an operation due, and with the first one of an object what is unserved and all that goes before it."""
    name, operation = pair
    fresh = name not in state.pending
    unserved = state.unserved.pop(name, None)
    state.pending[name] = state.pending.get(name, frozenset()) | {operation} | (unserved or NOTHING).operations
    for other, schedule in state.schedules.items():
        if fresh and isinstance(schedule, Tied) and (schedule.order, schedule.object) == ("before", name):
            state.awaits[name] = state.awaits.get(name, frozenset()) | {other[0]}
            _ask(state, other)


def _take(state: State, barred: Mapping[str, datetime]) -> Iterator[Start]:
    """Move pending objects that may start to the running ones, the longest wait first, as far as workers are free."""
    for name in list(state.pending):
        held = any(other in state.running or other not in barred for other in state.awaits.get(name, ()))
        if _has_worker(state, name) and name not in state.running and not held and name not in barred:
            start = Start(name, state.pending.pop(name))
            state.awaits.pop(name, None)
            waiting = frozenset(other for other, awaited in state.awaits.items() if name in awaited)
            state.running[name] = Running(start.operations, waiting)
            yield start


def _has_worker(state: State, name: str) -> bool:
    """Tell whether a worker is free for an object; a scheduler with one worker gives it to both lanes."""
    if name in state.bulk and len(state.bulk & state.running.keys()) >= max(1, state.workers - 1):
        return False
    return len(state.running) < state.workers
