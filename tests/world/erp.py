"""An ERP in a SQLite file: its tables, what it holds, and statements by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

TABLES = """
CREATE TABLE item (grp, id, value);
CREATE TABLE price (sku, price);
CREATE TABLE client (id, name);
CREATE TABLE contact (id, client, name);
CREATE TABLE note (id, text);
CREATE TABLE paper (number, note, file);
CREATE TABLE paper_line (paper, line_no, text);
CREATE TABLE doc (number, file);
CREATE TABLE team (id, name);
CREATE TABLE member (id, team);
CREATE TABLE orders (id, buyer);
CREATE TABLE order_line (order_id, number, sku);
CREATE TABLE entry (id, value, at);
CREATE TABLE letter (id PRIMARY KEY, subject TEXT NOT NULL CHECK (subject <> 'BAD'), gone INTEGER DEFAULT 0);
CREATE TABLE letter_line (letter_id, number INTEGER, text, PRIMARY KEY (letter_id, number));
"""


def create(file: Path) -> None:
    """Make the empty ERP of the small project."""
    with closing(sqlite3.connect(file)) as erp:
        erp.executescript(TABLES)


def sql(file: Path, *statements: str) -> list[tuple[Any, ...]]:
    """Execute statements; give the rows of the last one."""
    with closing(sqlite3.connect(file, isolation_level=None)) as erp:
        return [erp.execute(statement).fetchall() for statement in statements][-1]


def put(file: Path, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Let a table hold these rows and no others."""
    with closing(sqlite3.connect(file)) as erp, erp:
        erp.execute(f"DELETE FROM {table}")
        for row in rows:
            erp.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
