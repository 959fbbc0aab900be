"""How times and values are written in the state's files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any


def stamp(moment: datetime) -> str:
    """Write an instant: ISO in UTC, so that texts sort by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def unstamp(text: str | None) -> datetime | None:
    """Read what `stamp` wrote."""
    return datetime.fromisoformat(text) if text else None


def compact(value: Any) -> str:
    """Write a value as JSON without spaces; what JSON does not know becomes text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
