"""What the journal tells of the past and of this moment, over its stores; nothing is written."""

from __future__ import annotations

import fcntl
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from engine.connections.http import is_unlearnt
from engine.state.journal.journal import Journal
from engine.state.journal.requests import Request

LOOKED_AT = 10_000  # requests, the latest ones, of which it is told how many failed in a row
NOT_HTTP = frozenset({"WRITE", "ADOPT"})  # what stands for a method where nothing was asked over HTTP


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


def failing(journal: Journal, objects: Collection[str], at_least: int) -> Failing | None:
    """Tell since when all attempts at the connection of some objects fail; None: fewer than `at_least` did in a row.

    Found in the history: so it is true whichever process asked, and over with the first good answer.
    """
    asked = (each for each in journal.requests.latest(None, LOOKED_AT) if each.object in objects)
    over_http = (each for each in asked if each.method not in NOT_HTTP)
    failed = list(takewhile(lambda each: each.status is None or is_unlearnt(each.status), over_http))
    if len(failed) < max(1, at_least):
        return None
    return Failing(since=failed[-1].at, attempts=len(failed), last=failed[0])


def tallies(journal: Journal, running: Collection[str]) -> Tallies:
    """Count what stands open; a create that is under way in a run is not unknown yet."""
    return Tallies(
        rejected=journal.rejections.count(),
        unknown=journal.claims.count(running),
        unconfirmed_since=journal.runs.unconfirmed_since(),
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
