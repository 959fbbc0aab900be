"""Which columns are of a fixed length, as each driver tells it, and what they hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.connections.sql.char_columns import char_columns, without_padding


def result(*types: Any, **more: Any) -> Any:
    return SimpleNamespace(description=[(f"c{index}", type_) for index, type_ in enumerate(types)], **more)


ORACLE = [SimpleNamespace(name=f"DB_TYPE_{name}") for name in ("VARCHAR", "CHAR", "NCHAR", "NUMBER")]
FIREBIRD = SimpleNamespace(_out_desc=[SimpleNamespace(datatype=each) for each in (448, 452, 496)])
RESULTS = {
    "psycopg": (result(25, 1042, 1043), (1,)),
    "pymysql": (result(253, 254, 3), (1,)),
    "oracledb": (result(*ORACLE), (1, 2)),
    "firebird-driver": (result(str, str, int, _stmt=FIREBIRD), (1,)),
    "mssqlpython": (result(str, str, str, str, _column_sql_types=[12, 1, -8, -9]), (1, 2)),
    "pysqlite": (result(None, None), ()),
}


@pytest.mark.parametrize("driver", RESULTS)
def test_each_driver_tells_which_columns_are_of_a_fixed_length(driver: str) -> None:
    cursor, expected = RESULTS[driver]

    assert char_columns(cursor, driver) == expected


def test_only_trailing_blanks_of_texts_are_padding() -> None:
    rows = [("W0  ", " a\t ", None), ("    ", "b ", b"x "), ("W0", "", 5)]

    assert without_padding(rows, (0, 2)) == [("W0", " a\t ", None), ("", "b ", b"x "), ("W0", "", 5)]
    assert without_padding(rows, (1,))[0] == ("W0  ", " a\t", None)
    assert without_padding([], (0,)) == []
