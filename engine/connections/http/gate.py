"""The gate before a connection: requests pass in order, so many at once, at a rate, and while the target is well."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.connections.http.limits import CircuitBreaker, RateLimiter
from engine.connections.http.status import MAX_REFUSED, accepted, asked_to_wait, healthy, shuts
from engine.connections.pausing import PAUSING
from engine.connections.settings import HttpConnection
from engine.values import STOPPED, Answer, Answered, NotSent

POLL_SECONDS = 0.04  # how often a waiting request looks at its `stop`


@dataclass(frozen=True, slots=True)
class Place:
    """What a request has taken of a gate."""

    turn: int  # of the breaker
    at: float  # when it was let through


class Gate:
    """The limits of a connection, shared by all threads and objects that use it."""

    def __init__(self, settings: HttpConnection, monotonic: Callable[[], float]) -> None:
        self._concurrency = settings.concurrency
        self._max_wait_seconds = settings.retry.max_wait_seconds
        self._monotonic = monotonic
        self._rate = RateLimiter(settings.rate_limit)
        self._breaker = CircuitBreaker(settings.breaker)
        self._shut: NotSent | None = None  # what everybody is told until somebody half-opens the gate
        self._shut_until: float | None = None  # None: nobody knows when it will be taken again
        self._refused = 0  # requests in a row
        self._trusted = False  # a request was accepted, and since then fewer were refused than shut the gate
        self._in_flight = 0
        self._line: deque[object] = deque()  # who waits to be let through, first come first
        self._changed = threading.Condition()  # guards the eight above

    def enter(self, stop: threading.Event | None) -> Place | NotSent:
        """Wait for everything that a request needs, and take it; or say why nothing may leave."""
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            try:
                while not (self._shut or (stop and stop.is_set())):
                    now = self._monotonic()
                    wait = self._wait(now) if self._line[0] is ticket else math.inf
                    if wait == 0:
                        self._in_flight += 1
                        return Place(turn=self._breaker.turn, at=now)
                    self._changed.wait(min(wait, POLL_SECONDS if stop else threading.TIMEOUT_MAX))
                return self._told(self._monotonic()) or NotSent(reason=STOPPED)
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()

    def sent(self, place: Place) -> None:
        """Take note that the request leaves only now: a target counts what arrives, not what begins to connect."""
        with self._changed:
            self._rate.move(place.at, self._monotonic())

    def leave(self, answer: Answer | None, place: Place, *, counts: bool, speaks: bool, asked: str) -> None:
        """Give back what `enter` took, and learn from the answer; None: there was an error of our own.

        `speaks`: a refusal in it may be one of our credentials. Where it shuts the gate, everybody is
        told what was `asked` of whom.
        """
        with self._changed:
            now = self._monotonic()
            self._in_flight -= 1
            self._breaker.record(healthy(answer, counts=counts) if answer else None, now, turn=place.turn)
            wait = asked_to_wait(answer) if answer else 0.0
            if isinstance(answer, Answered) and (code := self._shuts(answer, speaks=speaks)):
                said = f"asks to wait {wait:g} s" if wait else "refused our credentials"
                reason = f"{asked}: the target {said} (status {answer.status}): {PAUSING[code]}"
                self._shut = NotSent(reason=reason, shut=code)
                self._shut_until = now + wait if wait else None
            elif wait:
                self._rate.hold(now + wait)
            self._changed.notify_all()

    @property
    def shut(self) -> NotSent | None:
        """What requests are told while the target wants none of them, or None."""
        with self._changed:
            return self._told(self._monotonic())

    def refuse(self, reason: str) -> None:
        """Let nobody pass, as the target takes none of our requests; everybody is told the reason."""
        with self._changed:
            self._shut, self._shut_until = NotSent(reason=reason, shut="E_CREDENTIALS"), None
            self._trusted = False
            self._changed.notify_all()

    def half_open(self) -> None:
        """Let one request find out whether the target takes them again, while the others wait for its answer."""
        with self._changed:
            self._shut = None
            self._refused = MAX_REFUSED - 1  # one refusal more says it all
            self._breaker.half_open(self._monotonic())
            self._changed.notify_all()

    def shut_seconds(self) -> float:
        """Tell for how long the breaker lets nothing pass; 0 when a request may go now, if only as the probe."""
        with self._changed:
            until = self._breaker.open_until
        return 0.0 if until is None else max(0.0, until - self._monotonic())

    def openings(self) -> int:
        """Count how often the breaker has opened."""
        with self._changed:
            return self._breaker.openings

    @property
    def trusted(self) -> bool:
        """Whether the target took our credentials lately."""
        with self._changed:
            return self._trusted

    def _shuts(self, answer: Answered, *, speaks: bool) -> str | None:
        """Learn from an answer whether the target takes our credentials; give the code of what shuts the gate."""
        code = shuts(answer, self._max_wait_seconds)
        if speaks and accepted(answer):
            self._refused, self._trusted = 0, True
        if code != "E_CREDENTIALS":
            return code
        self._refused += speaks
        if self._refused < MAX_REFUSED:
            return None
        self._trusted = False
        return code if speaks else None

    def _told(self, now: float) -> NotSent | None:
        """Say why nothing may leave, with what is left of a wait by now."""
        if self._shut is None or self._shut_until is None:
            return self._shut
        return replace(self._shut, wait_seconds=max(0.0, self._shut_until - now))

    def _wait(self, now: float) -> float:
        """Take a place and give 0, or take nothing and give the seconds to wait; the caller holds the lock.

        The rate is asked before the breaker, which would else send a probe on its way that then has to wait.
        """
        if self._in_flight >= self._concurrency:
            return math.inf
        return self._rate.wait(now) or self._breaker.gate(now) or self._rate.reserve(now)
