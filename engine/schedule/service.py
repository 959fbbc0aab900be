"""Runs objects: some of them once, or all by their schedules until told to stop; tells the log what became of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from engine.connections import PAUSING, HttpConnection
from engine.mapping import MappingSpec, Pair, connections_of, schedules_of
from engine.mapping.load import blocked_reason
from engine.run import App, exit_of, new_run_id, require_variables
from engine.schedule.lock import sole_scheduler
from engine.schedule.scheduler import Scheduler, is_served
from engine.schedule.watch_requests import Follower
from engine.state.journal import Pause, Request, prune
from engine.values import (
    BusyError,
    Change,
    ConfigError,
    Counts,
    Exit,
    Failure,
    ObjectResult,
    OneSyncError,
    Order,
    StateError,
    Status,
    log,
)

PRECEDENCE = (Exit.CONFIG, Exit.UNAVAILABLE, Exit.BUSY, Exit.FAILED, Exit.GUARD, Exit.PARTIAL)  # engine/cli/README.md
WORST_FIRST = (Status.FAILED, Status.PARTIAL, Status.SKIPPED, Status.SUCCESS)
PAUSES_SECONDS = 1.0  # how old the known pauses may be
BUSY_PAUSE = timedelta(seconds=30)  # of an object that another process runs: fires wait, then `turn` tries again


# --- one run of one object -----------------------------------------------------------------------------


def run_object(app: App, mapping: MappingSpec, order: Order, log: log.Log) -> ObjectResult:
    """Run an object; whatever ends its run early is in the result, so that it ends no other's."""
    begun = app.clock()
    try:
        result = app.run_object(mapping, order)
    except OneSyncError as error:
        status = Status.SKIPPED if isinstance(error, BusyError) else Status.FAILED
        failure = Failure(code=error.code, message=error.message, exit=int(error.exit))
        result = _without_records(mapping, order, begun, app.clock(), status=status, failure=failure)
    except Exception as error:
        failure = Failure(code="E_UNEXPECTED", message=f"{type(error).__name__}: {error}", exit=int(Exit.FAILED))
        result = _without_records(mapping, order, begun, app.clock(), status=Status.FAILED, failure=failure)
        log.error("run_broke", object=mapping.object, run_id=order.run_id, exc_info=error)
    with suppress(StateError), app.journal_to_write() as journal:  # what is not done is the next run's
        prune(journal, app.loaded.project.history_days)
    return result


def _without_records(
    mapping: MappingSpec, order: Order, begun: datetime, ended: datetime, *, status: Status, failure: Failure
) -> ObjectResult:
    return ObjectResult(
        object=mapping.object,
        run_id=order.run_id,
        status=status,
        counts=Counts(),
        started_at=begun,
        duration_seconds=(ended - begun).total_seconds(),
        failure=failure,
    )


def _log_result(result: ObjectResult, log: log.Log) -> None:
    facts: dict[str, Any] = {"object": result.object, "run_id": result.run_id}
    for note in result.notes:
        log.warning("run_note", **facts, note=note)
    facts |= {"status": str(result.status), "duration_seconds": round(result.duration_seconds, 3)}
    counts = {name: count for name, count in asdict(result.counts).items() if count}
    if result.failure:
        known = result.failure.code in PAUSING  # the pause itself is told, once
        tell = log.info if known else log.warning if result.status is Status.SKIPPED else log.error
        tell("run_ended", **facts, **counts, code=result.failure.code, error=result.failure.message)
    else:
        log.info("run_ended", **facts, **counts)


def log_request(log: log.Log) -> Callable[[Request], None]:
    """Make what tells the log of a request."""

    def tell(request: Request) -> None:
        facts = {**asdict(request), "duration_seconds": round(request.duration_seconds, 3)}
        log.debug("request", **{name: value for name, value in facts.items() if name != "id" and value is not None})

    return tell


# --- one pass over some objects ---------------------------------------------------------------------------


def run_once(
    app: App, mappings: Sequence[MappingSpec], *, run_id: str, allowed: Mapping[Change, int], log: log.Log
) -> Iterator[ObjectResult]:
    """Run objects one after another, each whatever became of those before it; a stop skips those that are left."""
    alerts = Alerts(app, log)
    for mapping in mappings:
        order = Order(run_id=run_id, due=app.program(mapping).all_operations, allowed=allowed)
        if failure := _why_not(app, mapping):
            now = app.clock()
            yield _without_records(mapping, order, now, now, status=Status.SKIPPED, failure=failure)
            continue
        result = run_object(app, mapping, order, log)
        if result.failure and result.failure.code in PAUSING:
            alerts.look()
        _log_result(result, log)
        yield result


def _why_not(app: App, mapping: MappingSpec) -> Failure | None:
    """Say why an object of a pass is not even tried; None: it is."""
    if app.stop.is_set():
        return Failure(code="E_STOPPED", message="stopped before it began", exit=int(Exit.FAILED))
    for name in connections_of(app.loaded.project, mapping):
        if shut := app.shut(name):
            message = f"not tried, as its connection is paused: {shut.reason}"
            return Failure(code=shut.shut or "", message=message, exit=int(Exit.UNAVAILABLE))
    return None


class Alerts:
    """Tells once that a connection pauses, and once that it goes on, however many of its objects noticed."""

    def __init__(self, app: App, log: log.Log) -> None:
        self._app, self._log = app, log
        self._told: dict[str, Pause] = {}  # by connection
        self._lock = threading.Lock()

    def look(self) -> None:
        """Tell what is new in the journal."""
        with self._lock:
            with self._app.journal() as journal:
                pauses = journal.pauses.all()
            for name, each in pauses.items():
                told, when = self._told.get(name), {"since": each.since, "until": each.until}
                if told is None or told.since != each.since:
                    tell = self._log.error if each.probes else self._log.warning  # without a probe: it asked to wait
                    tell("connection_paused", connection=name, **when, reason=each.reason)
                elif told.until != each.until:
                    self._log.info("connection_still_paused", connection=name, **when, probes=each.probes)
            for name in self._told.keys() - pauses.keys():
                self._log.info("connection_resumed", connection=name)
            self._told = pauses


def exit_code(results: Sequence[ObjectResult]) -> Exit:
    """Give the exit code of several results: the first that applies, by engine/cli/README.md."""
    return worst(exit_of(result) for result in results)


def worst(codes: Iterable[Exit]) -> Exit:
    """Pick the exit code that stands for several."""
    asked = frozenset(codes)
    return next((code for code in PRECEDENCE if code in asked), Exit.DONE)


def overall(results: Sequence[ObjectResult]) -> Status:
    """Give the status of several results: the worst one."""
    found = {result.status for result in results}
    return next((status for status in WORST_FIRST if status in found), Status.SUCCESS)


# --- by schedule ----------------------------------------------------------------------------------------------


class Service:
    """All objects of a project, run by their schedules."""

    def __init__(self, app: App, log: log.Log) -> None:
        """Check what all objects need. Raises ConfigError where a variable is missing."""
        self._app, self._log = app, log
        self._mappings = {mapping.object: mapping for mapping in app.loaded.select()}
        for name, problems in app.loaded.held_up.items():
            log.error("object_blocked", object=name, error=blocked_reason(problems))
        require_variables(app, self._mappings.values())
        self._pauses = _Pauses(app, self._mappings)
        self._alerts = Alerts(app, log)
        self._follower = Follower(app, log_request(log))

    def serve(self) -> None:
        """Run what is due until the app's `stop` is set; the runs in the air end, and nothing new begins.

        Raises BusyError when another process does that for this state already.
        """
        with sole_scheduler(self._app.state):
            self._serve()

    def _serve(self) -> None:
        self._alerts.look()
        last_started = self._last_started()
        scheduler = Scheduler(
            mappings=self._mappings,
            timezone=self._app.timezone,
            clock=self._app.clock,
            run=self._run,
            last_started=last_started,
            once_done=self._once_done,
            paused_until=self._pauses.until,
            log=self._log,
        )
        with self._follower:
            scheduler.serve(self._app.stop)

    def _last_started(self) -> dict[Pair, datetime]:
        """Read when operations last started; from here on also a first fire that is missed is caught up."""
        now = self._app.clock()
        with self._app.journal_to_write() as journal, journal.transaction():
            known = journal.fires.all()
            for name, operation in schedules_of(self._mappings).keys() - known.keys():
                journal.fires.serve(name, (operation,), now)
        return known

    def _run(self, name: str, operations: frozenset[int] | None) -> ObjectResult:
        mapping, begun = self._mappings[name], self._app.clock()
        due = self._app.program(mapping).all_operations if operations is None else operations
        order = Order(run_id=new_run_id(begun), due=due)
        self._follower.follow(order.run_id)
        self._pauses.probe(name)
        try:
            result = run_object(self._app, mapping, order, self._log)
        finally:
            self._pauses.forget()
        if result.failure and result.failure.code == "E_BUSY":
            self._pauses.hold(name, self._app.clock() + BUSY_PAUSE)
        self._alerts.look()
        _log_result(result, self._log)
        if is_served(result):  # a run that is killed leaves no note, so that its fire is caught up
            with self._app.journal_to_write() as journal:
                journal.fires.serve(name, due, begun)
        return result

    def _once_done(self, name: str) -> bool:
        with self._app.journal() as journal:
            return journal.runs.standing(name).once_done


class _Pauses:
    """Until when objects may not start: pauses that the journal keeps, and breakers that are open."""

    def __init__(self, app: App, mappings: Mapping[str, MappingSpec]) -> None:
        project = app.loaded.project
        self._app = app
        self._connections = {name: connections_of(project, mapping) for name, mapping in mappings.items()}
        used = {each for names in self._connections.values() for each in names}
        self._http = {name: app.http(name) for name in used if isinstance(project.connections[name], HttpConnection)}
        self._held: dict[str, datetime] = {}  # objects that another process runs
        self._known: dict[str, datetime] = {}
        self._known_at = float("-inf")

    def until(self, name: str, now: datetime) -> datetime | None:
        """Tell until when an object may not start; None: it may."""
        held_until = self._held.get(name, now)
        if timedelta(0) < held_until - now <= BUSY_PAUSE:  # longer: the clock was set back
            return held_until
        if time.monotonic() - self._known_at > PAUSES_SECONDS:
            self._read()
        pauses = [self._known[each] for each in self._connections[name] if each in self._known]
        breakers = [self._http[each].open_until() for each in self._connections[name] if each in self._http]
        return max([*pauses, *(until for until in breakers if until)], default=None)

    def hold(self, name: str, until: datetime) -> None:
        """Do not start an object before."""
        self._held[name] = until

    def probe(self, name: str) -> None:
        """Let one request alone find out whether a paused connection takes them again, however many objects begin."""
        self._held.pop(name, None)
        for each in self._connections[name]:
            is_shut = each in self._http and self._http[each].shut is not None
            if each in self._known or is_shut:
                with suppress(ConfigError):  # half a key is on disk, say: the old one is asked with once more
                    self._app.renew(each)
            if each in self._http and (each in self._known or is_shut):
                self._http[each].half_open()

    def forget(self) -> None:
        """Read the journal again at the next question: a run may have paused its connection, or ended a pause."""
        self._known_at = float("-inf")

    def _read(self) -> None:
        self._known_at = time.monotonic()
        try:
            with self._app.journal() as journal:
                self._known = {name: pause.until for name, pause in journal.pauses.all().items()}
        except StateError:
            return  # what was known goes on to hold; the runs themselves report the fault
