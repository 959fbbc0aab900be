"""Requests: the history of attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.state.journal.sqlite_file import JournalFile
from engine.state.stored_texts import stamp

_SELECT = (
    "select id, run_id, object, at, method, target, lines, status, outcome, reason, duration_seconds from requests"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One attempt of one request, for the history."""

    method: str
    target: str
    lines: int
    status: int | None
    outcome: str
    reason: str | None
    duration_seconds: float


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


@dataclass(frozen=True, slots=True)
class Requests:
    """The attempts of requests, in the order of their notes."""

    _file: JournalFile

    def add(self, object_: str, run_id: str, exchange: Exchange) -> None:
        """Keep one attempt for the history."""
        self._file.write(
            "insert into requests"
            " (run_id, object, at, method, target, lines, status, outcome, reason, duration_seconds)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            run_id,
            object_,
            stamp(self._file.now()),
            exchange.method,
            self._file.hidden(exchange.target),
            exchange.lines,
            exchange.status,
            exchange.outcome,
            self._file.hidden(exchange.reason),
            exchange.duration_seconds,
        )

    def latest(self, object_: str | None, limit: int) -> list[Request]:
        """List the latest requests, of one object or of all, the latest first."""
        sql = f"{_SELECT} where ?1 is null or object = ?1 order by id desc limit ?2"
        return [_request(row) for row in self._file.rows(sql, object_, limit)]

    def after(self, id_: int, limit: int = 1000) -> list[Request]:
        """List the requests that were kept after one of them, the earliest first."""
        return [_request(row) for row in self._file.rows(f"{_SELECT} where id > ? order by id limit ?", id_, limit)]

    def last_id(self) -> int:
        """Give the id of the latest request; 0 where there is none."""
        return int(self._file.rows("select coalesce(max(id), 0) from requests")[0][0])

    def drop_before(self, moment: datetime, most: int) -> bool:
        """Forget some of what is older; answers whether there may be more."""
        sql = "delete from requests where id in (select id from requests where at < ? order by at limit ?)"
        return self._file.write(sql, stamp(moment), most) == most


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
