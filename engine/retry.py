"""When to try again: back-off, Retry-After, the rate limit and the breaker, as decisions without a clock.

`now` is a reading of a monotonic clock in seconds, except where a datetime is asked for.
Nothing here locks or sleeps: the transport owns the lock, the clock and the waiting.
"""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from engine import mapping
from engine.values.exchanges import Answer, Answered, Lost

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_LATER = frozenset({425, 429})  # the target is well and asks for patience
_LONGEST_SECONDS = 1e9  # some 30 years: what is longer says no more

REFUSING = frozenset({401, 403})  # our credentials
PAUSING = {  # codes of errors that concern all objects of a connection, and what ends its pause
    "E_CREDENTIALS": "correct them, then `one-sync connections` ends the pause",
    "E_ASKED_TO_WAIT": "it goes on by itself then",
}
LONGEST_PROBE_MINUTES = 15
LONGEST_PAUSE = timedelta(days=1)  # whatever a target asks for, it is asked again then


def backoff(attempt: int, policy: mapping.Retry, random: float) -> float:
    """Give the seconds to wait after `attempt` (from 1) failed; `random` is in [0, 1).

    Exponential with equal jitter: half of the step is certain, so that a target in trouble gets a pause from
    everyone, and the other half is drawn, so that clients which failed together do not come back together.
    """
    step = min(policy.max_delay_seconds, policy.first_delay_seconds * 2.0 ** min(attempt - 1, 64))
    return step / 2 + step / 2 * random


def retry_after(header: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds from `now`; 0.0 for a past date; None when absent or unreadable."""
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_SECONDS)
    try:
        at = parsedate_to_datetime(text)
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)  # HTTP's oldest form of a date names no zone
        return min(max(0.0, (aware - now).total_seconds()), _LONGEST_SECONDS)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def is_unlearnt(status: int) -> bool:
    """Tell whether a request that was answered so may have had its effect all the same (ledger.md 2)."""
    return status == 408 or status >= 500


def is_not_now(status: int) -> bool:
    """Tell whether an answer speaks of this moment, and not of what was asked: it may be asked again."""
    return status in _LATER or is_unlearnt(status)


def healthy(answer: Answer, *, counts: bool = True) -> bool | None:
    """Tell what an answer says about the target's health; None: nothing.

    With `counts` false a 500 is suspected to be a fault of the data that was sent, and says nothing.
    """
    if not isinstance(answer, Answered):
        return isinstance(answer, Lost) and answer.too_long
    if answer.status in _LATER or (answer.status == 500 and not counts):
        return None
    if asked_to_wait(answer):
        return None  # it says in good order when it is back
    return not is_unlearnt(answer.status)


def accepted(answer: Answer) -> bool:
    """Tell whether the target took our credentials and looked at the request, whatever it said of the data."""
    if not isinstance(answer, Answered) or answer.status in REFUSING or is_not_now(answer.status):
        return False
    return 200 <= answer.status < 300 or 400 <= answer.status < 500


def asked_to_wait(answer: Answer) -> float:
    """Give the seconds that an answer asks us to stay away, in good order; else 0."""
    if isinstance(answer, Answered) and is_not_now(answer.status):
        return answer.retry_after_seconds or 0.0
    return 0.0


def shuts(answer: Answer, max_wait_seconds: float) -> str | None:
    """Give the code of the error for which no object of the connection sends anything after this answer, or None."""
    if isinstance(answer, Answered) and answer.status in REFUSING:
        return "E_CREDENTIALS"
    return "E_ASKED_TO_WAIT" if asked_to_wait(answer) > max_wait_seconds else None


def pause_until(now: datetime, probes: int, asked_seconds: float | None) -> datetime:
    """Say until when a connection pauses: as long as it asked for, else 1, 2, 4, ... minutes by the probes before."""
    if asked_seconds is not None:
        return now + min(timedelta(seconds=asked_seconds), LONGEST_PAUSE)
    return now + timedelta(minutes=min(2 ** min(probes, 10), LONGEST_PROBE_MINUTES))


class RateLimit:
    """At most `requests` starts within any `per_seconds`, and none while a hold lasts."""

    def __init__(self, limit: mapping.RateLimit | None) -> None:
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


class Breaker:
    """Stops asking a target that fails, and finds out with one request at a time whether it is back.

        closed --(failures in a row)--> open --(pause is over, one request goes: the probe)--> half-open
        half-open --(probe succeeded)--> closed
        half-open --(probe failed)--> open
        half-open --(probe said nothing)--> half-open, and the next request is the probe

    Whoever passed the gate keeps the `turn` of that moment and hands it back with the result: a result of an
    earlier turn (a request that was under way when the breaker opened) changes nothing.
    """

    def __init__(self, policy: mapping.Breaker) -> None:
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
