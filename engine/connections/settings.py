"""What project.yaml says of a connection: its address, limits, retries and breaker; texts may hold `${...}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

_SECRET_NAME = re.compile("auth|key|token|secret|passw|pwd|cookie|credential|session|signature", re.IGNORECASE)
_PUBLIC_NAME = re.compile("tenant|^accept|^content-|agent|language|version|company|client-?id|^host$", re.IGNORECASE)
_KEY_LENGTH = 12

ReadStatus: TypeAlias = Literal["reject", "retry", "stop"]  # of requests that read: there is nothing to be confirmed
OnStatus: TypeAlias = Literal["reject", "split", "retry", "confirm", "wait", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    requests: int
    per_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    attempts: int = 6  # in all, the first included
    first_delay_seconds: float = 1.0
    max_delay_seconds: float = 60.0
    max_wait_seconds: float = 300.0  # the longest wait that Retry-After may ask of one request


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    failures: int = 5  # in a row
    pause_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOuts:
    connect_seconds: float = 10.0  # until the database has let us in
    lock_seconds: float = 30.0  # for what another session holds
    statement_seconds: float = 600.0  # for the first rows, the next rows, or all writes of one record


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlConnection:
    name: str
    url: str  # SQLAlchemy URL, may hold ${...}
    time_outs: TimeOuts = TimeOuts()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConnection:
    name: str
    base_url: str  # may hold ${...}
    headers: Mapping[str, str] = field(default_factory=dict)  # values may hold ${...}
    public_headers: tuple[str, ...] = ()  # whose values are no secrets, in any letters
    timeout_seconds: float = 60.0
    concurrency: int = 4
    rate_limit: RateLimit | None = None
    retry: Retry = Retry()
    breaker: Breaker = Breaker()
    allow_hosts: tuple[str, ...] = ()  # host or host:port that a `url:` may name

    def hides(self, header: str, written: str, value: str = "") -> bool:
        """Tell whether a header's value is a secret: by its name, and where that is public, by a value like a key.

        `written` is the value in the file: a name that says neither keeps a constant in the open, as the file does.
        """
        if header.lower() in {each.lower() for each in self.public_headers}:
            return False
        if _SECRET_NAME.search(header):
            return True
        return "${" in written and (not _PUBLIC_NAME.search(header) or _is_like_a_key(value))


def _is_like_a_key(value: str) -> bool:
    """Tell whether a value is long and mixed as no name is."""
    return len(value) >= _KEY_LENGTH and all(re.search(each, value) for each in ("[a-z]", "[A-Z]", "[0-9]"))


Connection: TypeAlias = SqlConnection | HttpConnection
