"""Dates and times of PostgreSQL that Python has no value for: they cost their row, not the read."""

from __future__ import annotations

from typing import Any

from engine.values import Unheld

_TYPES = ("date", "time", "timetz", "timestamp", "timestamptz")
_WHAT = "which is no time of the years 1 to 9999; let the query give null or a text in its place"


def keep_odd_times(connection: Any) -> None:
    """Let a connection of psycopg give `infinity`, 44 BC and 24:00 as Unheld, and an interval of months as its text."""
    if not hasattr(connection, "adapters"):  # psycopg2
        return
    import psycopg  # noqa: PLC0415  an extra
    from psycopg.adapt import Loader  # noqa: PLC0415

    class Odd(Loader):
        """The type's own loader, and what it cannot load."""

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self._load = own[oid](oid, context).load

        def load(self, data: Any) -> Any:
            try:
                return self._load(data)
            except psycopg.DataError:
                return Unheld(bytes(data).decode(), _WHAT)

    class Interval(Odd):
        """Days and hours as a duration; a month is no number of days."""

        def load(self, data: Any) -> Any:
            text = bytes(data).decode()
            return text if "mon" in text or "year" in text else super().load(data)

    own: dict[int, Any] = {}
    adapters = connection.adapters
    for name, loader in {**dict.fromkeys(_TYPES, Odd), "interval": Interval}.items():
        oid = adapters.types[name].oid
        own[oid] = adapters.get_loader(oid, psycopg.pq.Format.TEXT)
        adapters.register_loader(oid, loader)
