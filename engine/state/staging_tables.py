"""The tables of an object's file, kept and temporary, as staging.sql lays them out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_SCRIPT = Path(__file__).with_name("staging.sql").read_text(encoding="utf-8")
_TABLE = re.compile(r"(?ms)^create (?P<kind>table|temp table) (?P<name>\w+) \(\n(?P<columns>.*?)^\);$")
_TABLES = {each["name"]: each for each in _TABLE.finditer(_SCRIPT)}


def empty(table: str, *, named: str | None = None, columns: Iterable[str] = ()) -> str:
    """Give SQL that makes a table anew, without rows: with another name where it is `named`, and `columns` of texts."""
    found = _TABLES[table]
    laid_out = [found["columns"]] if found["columns"] else []
    listed = ", ".join([*laid_out, *(f"{each} varchar" for each in columns)])
    return f"create or replace {found['kind']} {named or table} ({listed})"


def where_missing(table: str) -> str:
    """Give SQL that makes a table where there is none."""
    return f"create table if not exists {table} ({_TABLES[table]['columns']})"
