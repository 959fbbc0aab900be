"""How long to wait before the next try: back-off, Retry-After, and the pause of a connection."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from engine.connections.settings import Retry

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)


_LONGEST_SECONDS = 1e9  # some 30 years: what is longer says no more


LONGEST_PROBE_MINUTES = 15


LONGEST_PAUSE = timedelta(days=1)  # whatever a target asks for, it is asked again then


def backoff(attempt: int, policy: Retry, random: float) -> float:
    """Give the seconds to wait after `attempt` (from 1) failed; `random` is in [0, 1).

    Exponential with equal jitter: half of the step is certain, so that a target in trouble gets a pause from
    everyone, and the other half is drawn, so that clients which failed together do not come back together.
    """
    step = min(policy.max_delay_seconds, policy.first_delay_seconds * 2.0 ** min(attempt - 1, 64))
    return step / 2 + step / 2 * random


def retry_after(header: str | None, now: datetime, date: str | None = None) -> float | None:
    """Read a Retry-After header: seconds to wait; 0.0 for a past date; None when absent or unreadable.

    A date is measured from `date`, the answer's own, as the target's clock may differ from ours; without it from `now`.
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_SECONDS)
    at = _moment(text)
    if at is None:
        return None
    return min(max(0.0, (at - (_moment(date or "") or now)).total_seconds()), _LONGEST_SECONDS)


def _moment(text: str) -> datetime | None:
    """Read a date of HTTP; None when it is none."""
    try:
        at = parsedate_to_datetime(text)
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)  # HTTP's oldest form of a date names no zone
        return aware.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def pause_until(now: datetime, probes: int, asked_seconds: float | None) -> datetime:
    """Say until when a connection pauses: as long as it asked for, else 1, 2, 4, ... minutes by the probes before."""
    if asked_seconds is not None:
        return now + min(timedelta(seconds=asked_seconds), LONGEST_PAUSE)
    return now + timedelta(minutes=min(2 ** min(probes, 10), LONGEST_PROBE_MINUTES))
