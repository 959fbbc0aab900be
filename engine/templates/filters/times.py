"""Filters that give days and moments."""

from __future__ import annotations

import datetime as dt
from typing import Any

from engine.values import preview


def date(value: Any, timezone: dt.tzinfo = dt.UTC) -> str | None:
    """Give the day as yyyy-MM-dd; a time with a zone is first taken into the project's time zone.

    A date, a datetime or ISO text: 2024-03-01 10:30 -> "2024-03-01"; with Europe/Warsaw "2024-02-29T23:30:00Z" ->
    "2024-03-01"; null -> null.
    """
    if value is None:
        return None
    moment = _moment(value)
    return (moment if moment.tzinfo is None else _in_zone(moment, timezone)).date().isoformat()


def instant(value: Any, timezone: dt.tzinfo = dt.UTC) -> str | None:
    """Give the moment in UTC with `Z`; a value without zone is in the project's time zone, a date is its midnight.

    With Europe/Warsaw: 2024-03-01 10:30 -> "2024-03-01T09:30:00Z"; "2024-03-01T10:30:00+02:00" ->
    "2024-03-01T08:30:00Z"; null -> null. An hour that the clock shows twice is the first of the two (summer time),
    one that it skips is counted on from the hour before (02:30 is 03:30).
    """
    if value is None:
        return None
    moment = _moment(value)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone)
    return _in_zone(aware, dt.UTC).isoformat().replace("+00:00", "Z")


def local_datetime(value: Any, timezone: dt.tzinfo = dt.UTC) -> str | None:
    """Give the project's date and time without zone, as databases read it; a value without zone stays as it is.

    With Europe/Warsaw: "2024-03-01T09:30:00Z" -> "2024-03-01 10:30:00"; null -> null.
    """
    if value is None:
        return None
    moment = _moment(value)
    local = moment if moment.tzinfo is None else _in_zone(moment, timezone)
    return local.replace(tzinfo=None).isoformat(sep=" ")


def _moment(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"{preview(value)} is not a date or time in ISO form, such as 2024-03-01") from None
    raise ValueError(f"{preview(value)} is not a date or time; let the query return one, or ISO text")


def _in_zone(moment: dt.datetime, timezone: dt.tzinfo) -> dt.datetime:
    try:
        return moment.astimezone(timezone)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is too near the end of the calendar; send null instead") from None
