"""How rows reach the demonstration's ERP: tables from the `.sql` file of a topic, rows by position."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = tuple[Any, ...]


def script(name: str) -> str:
    """Read the SQL file of that name."""
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


def insert(erp: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    """Insert rows that have a value for each column of the table, in its order."""
    width = len(erp.execute(f"SELECT * FROM {table} LIMIT 0").description)  # noqa: S608 - our own names
    erp.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)  # noqa: S608 - as above


def plain(row: Row) -> Row:
    """Turn the row's decimals and dates into what SQLite stores, exact in the places of money and quantities."""
    return tuple(_plain(value) for value in row)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
