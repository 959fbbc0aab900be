"""Times that a column holds as texts or numbers: what they say, and another moment written in the same way."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

UNITS = (1, 1_000, 1_000_000, 1_000_000_000)  # of unix times: seconds, down to nanoseconds
_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:(?P<between>[T ])\d\d:\d\d(?P<seconds>:\d\d(?:\.(?P<part>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?"
)
_DIGITS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def moment_of(text: str) -> datetime | None:
    """Read a date, or a date with time, as ISO 8601 or as digits alone write it; None: it is none."""
    try:
        if text.isdecimal() and text.isascii():
            return datetime.strptime(text, _DIGITS[len(text)])
        return datetime.fromisoformat(text) if _ISO.fullmatch(text) else None
    except (KeyError, ValueError):
        return None


def earlier(text: str, seconds: float) -> str:
    """Write what lies some seconds before a text of `moment_of`, as that is written; of a day alone by whole days."""
    moment = moment_of(text)
    if moment is None:
        return text
    days_alone = len(text) in (8, 10)
    back = timedelta(days=math.ceil(seconds / 86_400)) if days_alone else timedelta(seconds=seconds)
    try:
        return written_like(text, moment - back)
    except OverflowError:
        return text


def written_like(text: str, moment: datetime) -> str:
    """Write a moment as a text of `moment_of` writes its own; an aware one in that one's zone."""
    pattern = _DIGITS.get(len(text)) if text.isdecimal() else None
    if pattern:
        return moment.strftime(pattern)
    form = _ISO.fullmatch(text)
    own = moment_of(text)
    if not form or not own:
        return text
    if own.tzinfo and moment.tzinfo:
        moment = moment.astimezone(own.tzinfo)
    if not form["between"]:
        return moment.date().isoformat()
    digits = len(form["part"] or "")
    seconds = f":{moment:%S}" if form["seconds"] else ""
    part = f".{moment.microsecond:06}"[: digits + 1].ljust(digits + 1, "0") if digits else ""
    return f"{moment.date().isoformat()}{form['between']}{moment:%H:%M}{seconds}{part}{form['zone'] or ''}"


def unix_number(moment: datetime, unit: int) -> int:
    """Give the unix time of an aware moment in a unit of UNITS."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * unit // 1_000_000
