"""Columns of a fixed length, which databases fill up with blanks: what they hold is without them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

_BPCHAR = 1042  # PostgreSQL's type
_STRING = 254  # of MySQL's protocol: CHAR, which the server pads with PAD_CHAR_TO_FULL_LENGTH
_TEXT = 452  # of Firebird's interface
_ODBC = (1, -8)  # CHAR and NCHAR
_ORACLE = ("DB_TYPE_CHAR", "DB_TYPE_NCHAR")


def char_columns(cursor: Any, driver: str) -> tuple[int, ...]:
    """Tell which columns of a result are of a fixed length; in SQLite none is."""
    return tuple(index for index, is_char in enumerate(_are_char(cursor, driver)) if is_char)


def without_padding(rows: list[tuple[Any, ...]], columns: Collection[int]) -> list[tuple[Any, ...]]:
    """Take the blanks away with which these columns were filled up."""
    if not columns or not rows:
        return rows
    values: list[Any] = list(zip(*rows, strict=True))
    for index in columns:
        values[index] = [each.rstrip(" ") if isinstance(each, str) else each for each in values[index]]
    return list(zip(*values, strict=True))


def _are_char(cursor: Any, driver: str) -> list[bool]:
    types = [column[1] for column in cursor.description]
    match driver:
        case "psycopg" | "psycopg2":
            return [each == _BPCHAR for each in types]
        case "pymysql" | "mysqldb":
            return [each == _STRING for each in types]
        case "oracledb":
            return [getattr(each, "name", "") in _ORACLE for each in types]
        case "firebird-driver":  # tells only Python's types; its statement knows more
            described = getattr(getattr(cursor, "_stmt", None), "_out_desc", None) or ()
            return [each.datatype == _TEXT for each in described]
        case "mssqlpython":  # likewise
            return [each in _ODBC for each in getattr(cursor, "_column_sql_types", None) or ()]
    return []
