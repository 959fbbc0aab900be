"""What the journal tells of the past and of this moment: runs, requests, standing counts; nothing is written."""

from __future__ import annotations

import fcntl
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from engine.connections.http.status import is_unlearnt
from engine.state.journal import Journal, counts_from, unstamp
from engine.values.results import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one object, as kept."""

    run_id: str
    object: str
    started_at: datetime
    ended_at: datetime | None  # None: it runs, or was killed
    status: str | None
    counts: Counts | None  # None: it did not end
    duration_seconds: float | None
    exit: int | None  # None: no failure
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One attempt of one request, as kept."""

    id: int  # ascending
    run_id: str
    object: str
    at: datetime
    method: str
    target: str
    lines: int
    status: int | None  # None: no answer
    outcome: str
    reason: str | None
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """What stands open, by object."""

    rejected: dict[str, int]
    unknown: dict[str, int]
    unconfirmed_since: dict[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """The latest attempts at a connection, none of which had the answer of a target that is well."""

    since: datetime
    attempts: int  # of the latest requests that are looked at
    last: Request


LOOKED_AT = 10_000  # requests, the latest ones, of which it is told how many failed in a row
NOT_HTTP = frozenset({"WRITE", "ADOPT"})  # what stands for a method where nothing was asked over HTTP

_RUNS = (
    "select run_id, object, started_at, ended_at, status, counts, duration_seconds, exit, error from runs"
    " where ?1 is null or object = ?1 order by started_at desc, object limit ?2"
)
_LAST_RUNS = (
    "select run_id, object, max(started_at), ended_at, status, counts, duration_seconds, exit, error from runs"
    " group by object"
)
_REQUEST = (
    "select id, run_id, object, at, method, target, lines, status, outcome, reason, duration_seconds from requests"
)


def runs(journal: Journal, object_: str | None, limit: int) -> list[Run]:
    """List the latest runs, of one object or of all, the latest first."""
    return [_run(row) for row in journal.rows(_RUNS, object_, limit)]


def last_runs(journal: Journal) -> dict[str, Run]:
    """Give every object's latest run."""
    return {row[1]: _run(row) for row in journal.rows(_LAST_RUNS)}  # beside max() SQLite gives that row's columns


def requests(journal: Journal, object_: str | None, limit: int) -> list[Request]:
    """List the latest requests, of one object or of all, the latest first."""
    sql = f"{_REQUEST} where ?1 is null or object = ?1 order by id desc limit ?2"
    return [_request(row) for row in journal.rows(sql, object_, limit)]


def requests_after(journal: Journal, id_: int, limit: int = 1000) -> list[Request]:
    """List the requests that were kept after one of them, the earliest first."""
    return [_request(row) for row in journal.rows(f"{_REQUEST} where id > ? order by id limit ?", id_, limit)]


def failing(journal: Journal, objects: Collection[str], at_least: int) -> Failing | None:
    """Tell since when all attempts at the connection of some objects fail; None: fewer than `at_least` did in a row.

    Found in the history: so it is true whichever process asked, and over with the first good answer.
    """
    asked = (each for each in requests(journal, None, LOOKED_AT) if each.object in objects)
    over_http = (each for each in asked if each.method not in NOT_HTTP)
    failed = list(takewhile(lambda each: each.status is None or is_unlearnt(each.status), over_http))
    if len(failed) < max(1, at_least):
        return None
    return Failing(since=failed[-1].at, attempts=len(failed), last=failed[0])


def last_request(journal: Journal) -> int:
    """Give the id of the latest request; 0 where there is none."""
    return int(journal.rows("select coalesce(max(id), 0) from requests")[0][0])


def tallies(journal: Journal, running: Collection[str]) -> Tallies:
    """Count what stands open; a create that is under way in a run is not unknown yet."""
    claims = journal.rows("select object, ended_at from claims")
    unknown: dict[str, int] = {}
    for object_, ended_at in claims:
        if ended_at or object_ not in running:
            unknown[object_] = unknown.get(object_, 0) + 1
    since = journal.rows("select object, unconfirmed_since from objects where unconfirmed_since is not null")
    return Tallies(
        rejected=dict(journal.rows("select object, count(*) from rejections group by object")),
        unknown=unknown,
        unconfirmed_since={object_: datetime.fromisoformat(at) for object_, at in since},
    )


def is_running(state: Path, object_: str) -> bool:
    """Tell whether another process holds the object's file, which it does as long as it runs the object.

    Not for a process that runs objects itself: closing the file here would give back its own lock.
    """
    try:
        with (state / f"{object_}.duckdb").open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back when the file closes
    except BlockingIOError:
        return True
    except (FileNotFoundError, PermissionError):  # of a folder that cannot be read the journal says so
        return False
    return False


def _run(row: tuple[Any, ...]) -> Run:
    run_id, object_, started_at, ended_at, status, counts, seconds, exit_, error = row
    return Run(
        run_id=run_id,
        object=object_,
        started_at=datetime.fromisoformat(started_at),
        ended_at=unstamp(ended_at),
        status=status,
        counts=counts_from(counts) if counts else None,
        duration_seconds=seconds,
        exit=exit_,
        error=error,
    )


def _request(row: tuple[Any, ...]) -> Request:
    id_, run_id, object_, at, *rest = row
    method, target, lines, status, outcome, reason, seconds = rest
    return Request(
        id=id_,
        run_id=run_id,
        object=object_,
        at=datetime.fromisoformat(at),
        method=method,
        target=target,
        lines=lines,
        status=status,
        outcome=outcome,
        reason=reason,
        duration_seconds=seconds,
    )
