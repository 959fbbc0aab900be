"""The rate limit and the breaker of a connection, as decisions without a clock."""

from __future__ import annotations

from collections import deque

from engine.connections.settings import Breaker, RateLimit


class RateLimiter:
    """At most `requests` starts within any `per_seconds`, and none while a hold lasts."""

    def __init__(self, limit: RateLimit | None) -> None:
        self._per_seconds = limit.per_seconds if limit else 0.0
        self._starts: deque[float] = deque(maxlen=limit.requests if limit else 0)  # the latest, oldest first
        self._held_until = float("-inf")

    def wait(self, now: float) -> float:
        """Give the seconds until a start is free, or 0; takes nothing."""
        window_until = now
        if self._starts and len(self._starts) == self._starts.maxlen:
            window_until = self._starts[0] + self._per_seconds
        return max(0.0, window_until - now, self._held_until - now)

    def reserve(self, now: float) -> float:
        """Take a start and give 0; or take nothing and give the seconds after which to ask again.

        What is taken is a real start, not a future one: a hold that comes meanwhile slows everybody who waits.
        """
        wait = self.wait(now)
        if wait == 0:
            self._starts.append(now)
        return wait

    def move(self, start: float, now: float) -> None:
        """Count a start from now on: its request leaves only now, as it had to connect first."""
        if start in self._starts:
            self._starts.remove(start)
        self._starts.append(now)

    def hold(self, until: float) -> None:
        """Let nothing start before `until`; a shorter hold never ends a longer one."""
        self._held_until = max(self._held_until, until)


class CircuitBreaker:
    """Stops asking a target that fails, and finds out with one request at a time whether it is back.

        closed --(failures in a row)--> open --(pause is over, one request goes: the probe)--> half-open
        half-open --(probe succeeded)--> closed
        half-open --(probe failed)--> open
        half-open --(probe said nothing)--> half-open, and the next request is the probe

    Whoever passed the gate keeps the `turn` of that moment and hands it back with the result: a result of an
    earlier turn (a request that was under way when the breaker opened) changes nothing.
    """

    def __init__(self, policy: Breaker) -> None:
        self._policy = policy
        self._failures = 0  # in a row
        self._probing = False
        self.turn = 0
        self.openings = 0  # so far
        self.opened_at: float | None = None  # None: closed
        self.open_until: float | None = None  # after it a probe may go

    def gate(self, now: float) -> float:
        """Let a request pass and give 0, or give the seconds after which to ask again at the latest."""
        if self.open_until is None:
            return 0.0
        if now < self.open_until:
            return self.open_until - now
        if self._probing:
            return self._policy.pause_seconds
        self._probing = True
        self.turn += 1
        return 0.0

    def half_open(self, now: float) -> None:
        """Let the next request be a probe, as if a pause were over; where there is a pause already it stays."""
        if self.open_until is None:
            self._failures = self._policy.failures  # so that its failure opens
            self._probing = False
            self.turn += 1
            self.opened_at = self.open_until = now

    def record(self, ok: bool | None, now: float, *, turn: int) -> None:
        """Take in the result of a request that passed the gate in `turn`; None: it says nothing."""
        if turn != self.turn:
            return
        if ok is None:
            self._probing = False
        elif ok:
            self._close()
        else:
            self._failures += 1
            if self._failures >= self._policy.failures:  # true of a probe: only a success starts the count over
                self._open(now)

    def _open(self, now: float) -> None:
        self.turn += 1
        self.openings += 1
        self._probing = False
        self.opened_at = now
        self.open_until = now + self._policy.pause_seconds

    def _close(self) -> None:
        self._failures = 0
        self._probing = False
        self.opened_at = self.open_until = None
