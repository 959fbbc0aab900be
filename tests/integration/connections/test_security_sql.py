"""Names from YAML and from databases, and values from hostile rows and documents, on their way into SQL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.connections.sql.database import RowWrite, SqlEnd, StatementCall, TableRows
from engine.connections.sql.write import write_record
from engine.state.staging import Staging
from world.project import world
from world.wire import Reply

NUMBERS = count(1)
HOSTILE = '1\'; DROP TABLE "t"; -- :x %s %(x)s ? \\\' \\" ` ] ]] \\'
NAMES = [
    'a"b', "a`b", "a'b", "a]b", "[a", "a;b", "t; DROP TABLE t", "a:b", ":b", "a::b", "a%b", "%(x)s", "%s", "?",
    "select",
    "ORDER", "MiXeD", "mixed", "łódź", "a\\b", "a--", "/*", "*/", "a\nb", " a", "key", "row_hash", "x" * 60, "$1", "@v",
]  # fmt: skip


def quoted(name: str, mark: str = '"') -> str:
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[tuple[SqlEnd, sa.Engine, str]]:
    """An empty database: as an end, as an engine, and how it quotes."""
    url = request.getfixturevalue(f"{request.param}_url").replace("mysql://", "mysql+pymysql://")
    place = f"hostile{next(NUMBERS)}"
    if request.param == "mariadb":
        _do(sa.create_engine(url), f"CREATE DATABASE {place} CHARACTER SET utf8mb4")
        url = f"{url.removesuffix('mysql')}{place}"
    if request.param == "postgres":
        _do(sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://")), f"CREATE SCHEMA {place}")
        url = f"{url}&options=-csearch_path={place}"
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    end = SqlEnd(url, name="erp")
    yield end, engine, "`" if request.param == "mariadb" else '"'
    end.close()
    engine.dispose()


def _do(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%") if "sqlite" not in engine.name else statement)


def _rows(engine: sa.Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query.replace("%", "%%") if "sqlite" not in engine.name else query)
        return [tuple(row) for row in found]


def test_tables_and_columns_of_any_name_are_written_and_values_stay_values(
    database: tuple[SqlEnd, sa.Engine, str],
) -> None:
    end, engine, mark = database
    _do(engine, "CREATE TABLE t (k VARCHAR(99))", "INSERT INTO t VALUES ('here')")
    distinct = list({name.casefold(): name for name in NAMES}.values())  # what some databases take for the same
    for name in distinct:
        table, column = quoted(name, mark), quoted(f"{name}.", mark)
        _do(engine, f"CREATE TABLE {table} (k VARCHAR(99) PRIMARY KEY, {column} VARCHAR(99))")
        other = RowWrite(key={"k": "other"}, fields={f"{name}.": "1"})
        row = RowWrite(key={"k": HOSTILE}, fields={f"{name}.": HOSTILE})
        end.write([TableRows(table=name, rows=(other, row))])
        end.write([TableRows(table=name, rows=(row,), scope={"k": HOSTILE}, delete_orphans=True)])
        end.write([TableRows(table=name, scope={"k": "other"}, delete_orphans=True)])

        assert _rows(engine, f"SELECT k, {column} FROM {table}") == [(HOSTILE, HOSTILE)]
    assert _rows(engine, "SELECT k FROM t") == [("here",)]


def test_a_value_never_becomes_part_of_a_statement(database: tuple[SqlEnd, sa.Engine, str]) -> None:
    end, engine, _ = database
    _do(engine, "CREATE TABLE t (k VARCHAR(99), v VARCHAR(99))")
    sql = "INSERT INTO t /* :no */ VALUES (:k, '\\:x %s %(x)s ?') -- :neither"
    end.write([StatementCall(sql=sql.replace(":no", "\\:no").replace(":neither", "\\:neither"), params={"k": HOSTILE})])

    query = "SELECT k, v, '%s %(x)s ? \\:x' AS w FROM t /* % ? */ WHERE k = :k -- %"
    ((columns, rows), *_) = [*end.rows(query, {"k": HOSTILE})]

    assert (columns, rows) == (("k", "v", "w"), [(HOSTILE, ":x %s %(x)s ?", "%s %(x)s ? :x")])


@pytest.mark.parametrize(
    ("dialect", "opening", "closing_"), [("mssql+pyodbc", "[", "]"), ("oracle+oracledb", '"', '"')]
)
def test_databases_that_are_not_here_get_quoted_names_and_bound_values(
    dialect: str, opening: str, closing_: str
) -> None:
    said: list[str] = []

    def take(statement: Any, *_: Any) -> list[Any]:
        said.append(str(statement.compile(dialect=engine.dialect)))
        return []

    engine: Any = sa.create_mock_engine(f"{dialect}://", take)
    for name in NAMES:
        part = TableRows(table=name, rows=(RowWrite(key={name: HOSTILE}, fields={f"{name}.": HOSTILE}),))
        write_record(engine, [part])
        inside = name.replace(closing_, closing_ * 2)
        whole = f"{opening}{inside}{closing_}"
        plain = name.isidentifier() and name.islower() and name.isascii() and name != "select"

        select, insert = said[-2:]
        assert HOSTILE not in select + insert
        if not plain:
            assert whole in insert.replace("%%", "%")


ODD = ["n", "key", "gone", "missing", "row_hash", "c:n", 'a"b', "a'b", "a b", "a;b", "x" * 300, "'; DROP TABLE staged;"]


def test_columns_of_any_name_go_through_staging_and_come_back_as_they_were(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        with closing(sqlite3.connect(it.erp)) as erp, erp:
            erp.execute(f"CREATE TABLE odd (id, {', '.join(map(quoted, ODD))})")
            erp.execute(f"INSERT INTO odd VALUES ({', '.join('?' * (len(ODD) + 1))})", ["1", *(f"v {n}" for n in ODD)])
        fields = {f"f{at}": "{{ row[" + json.dumps(name) + "] }}" for at, name in enumerate(ODD)}
        mapping = {
            "object": "odd",
            "source": {"connection": "erp", "query": "SELECT * FROM odd", "key": [ODD[6], "id"]},
            "fields": fields,
            "send": [
                {
                    "on": ["added", "changed", "removed"],
                    "group_by": [ODD[6]],
                    "request": {
                        "method": "POST",
                        "path": "/odd",
                        "idempotent": True,
                        "body": {"lines": "{{ lines }}", "removed": "{{ removed | list }}"},
                    },
                }
            ],
            "guards": {"max_removed": "100%", "min_rows": 0},
        }
        it.add("odd", json.dumps(mapping))
        bodies: list[Any] = []
        it.platform.rule = lambda seen: bodies.append(json.loads(seen.body)) or Reply(body=b"{}")

        assert it.run("odd") == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}
        it.sql(f"UPDATE odd SET {quoted(ODD[11])} = {quoted('other')}".replace('"other"', "'other'"))
        assert it.run("odd") == {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 1}
        it.sql("DELETE FROM odd")
        assert it.run("odd") == {"removed": 1, "confirmed": 1, "requests": 1}

    first = {f"f{at}": f"v {name}" for at, name in enumerate(ODD)}
    assert bodies[0]["lines"] == [first]
    assert bodies[1]["lines"] == [{**first, "f11": "other"}]
    assert bodies[2]["removed"] == [{"id": "1", **{name: f"v {name}" for name in ODD[:11]}, ODD[11]: "other"}]


@pytest.mark.parametrize("name", ["it's", 'a "b"', "a;b", "a$b", "łódź {x}"])
def test_a_state_folder_of_any_name_is_a_path_and_no_sql(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for _ in range(2):
        staging = Staging.open(folder / "x.duckdb", scratch=folder, wait_seconds=0)
        staging.run("create or replace temp table big as select range as n from range(1000)")
        staging.close()

    assert [path.name for path in folder.iterdir()] == ["x.duckdb"]
