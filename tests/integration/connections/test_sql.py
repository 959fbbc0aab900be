"""SQL ends against real databases: reading, writing, and errors told apart."""

from __future__ import annotations

import gc
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from engine.connections.sql.database import RecordRefused, RowWrite, SqlEnd, StatementCall, TableRows
from engine.source.query import extract
from engine.templates.filters.times import instant
from engine.values.arrow import Batch
from engine.values.canonical import Kind
from engine.values.errors import ConfigError, RunError, SourceError, TargetError

NUMBERS = count(1)
WARSAW = ZoneInfo("Europe/Warsaw")
FOX = "Zażółć gęślą jaźń 🦊"


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[SqlEnd]:
    yield from opened(sqlite_url)


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[SqlEnd]:
    """A schema of its own."""
    schema = f"s{next(NUMBERS)}"
    run(SqlEnd(postgres_url, name="erp", zone=WARSAW), f"CREATE SCHEMA {schema}")
    yield from opened(f"{postgres_url}&options=-csearch_path={schema}")


@pytest.fixture
def mariadb(mariadb_url: str) -> Iterator[SqlEnd]:
    """A database of its own."""
    database = f"d{next(NUMBERS)}"
    run(SqlEnd(mariadb_url, name="erp", zone=WARSAW), f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
    yield from opened(f"{mariadb_url.removesuffix('mysql')}{database}")


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def end(request: pytest.FixtureRequest) -> SqlEnd:
    """Each database in turn."""
    return request.getfixturevalue(request.param)


def opened(url: str) -> Iterator[SqlEnd]:
    end = SqlEnd(url, name="erp", zone=WARSAW)
    yield end
    end.close()


def run(end: SqlEnd, *statements: str, **params: Any) -> None:
    end.write([StatementCall(sql=sql, params=params) for sql in statements])


def read(end: SqlEnd, query: str, **params: Any) -> list[tuple[Any, ...]]:
    return [row for _, rows in end.rows(query, params) for row in rows]


def whole(end: SqlEnd, query: str) -> Batch:
    (batch,) = extract(end, query, {})
    return batch


def columns_of(batch: Batch) -> dict[str, tuple[Kind, list[str | None]]]:
    return {
        name: (kind, values.to_pylist())
        for name, kind, values in zip(batch.columns, batch.kinds, batch.data, strict=True)
    }


# --- reading ---------------------------------------------------------------------------------------


def test_a_read_without_rows_tells_its_columns(end: SqlEnd) -> None:
    run(end, "CREATE TABLE stock (sku VARCHAR(20), quantity DECIMAL(12, 3))")

    batch = whole(end, "SELECT sku, quantity FROM stock")

    assert (batch.columns, batch.data.num_rows, batch.kinds) == (("sku", "quantity"), 0, (Kind.NULL, Kind.NULL))


def test_parameters_are_bound_and_other_colons_and_percents_survive(end: SqlEnd) -> None:
    run(end, "CREATE TABLE t (sku VARCHAR(20), quantity INTEGER)")
    run(end, "INSERT INTO t VALUES ('100%-12:30', 1), ('x', 2), ('y', 3)")

    query = r"""SELECT sku, '12:30' AS at, ' \:noon' AS word FROM t
        WHERE sku LIKE '%' AND (sku = '100%-12:30' OR quantity > :least)"""
    assert sorted(read(end, query, least=2, unused=0)) == [("100%-12:30", "12:30", " :noon"), ("y", "12:30", " :noon")]


def test_postgres_casts_survive(postgres: SqlEnd) -> None:
    assert read(postgres, "SELECT '5'::int + :more AS sum, now()::text IS NOT NULL AS text", more=2) == [(7, True)]


def test_a_read_comes_in_batches_and_stops_when_nobody_wants_more(end: SqlEnd) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i FROM n"

    batches = [rows for _, rows in end.rows(numbers, {}, batch_rows=400)]
    assert [len(rows) for rows in batches] == [100, 400, 400]
    assert [row for rows in batches for row in rows] == [(number,) for number in range(1, 901)]

    stopped = end.rows(numbers, {})
    next(stopped)
    stopped.close()
    assert read(end, "SELECT 1") == [(1,)]


def test_heavy_rows_come_in_small_batches(sqlite: SqlEnd) -> None:
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT zeroblob(500000) FROM n"
    )

    assert [len(rows) for _, rows in sqlite.rows(numbers, {})] == [100, 67, 67, 66]


def test_the_columns_of_a_query_are_known_without_running_it(end: SqlEnd) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > :least) "

    query = endless + "SELECT i AS first, i AS second FROM n ORDER BY i DESC;\n"
    assert end.columns(query, {"least": 0}) == ("first", "second")


@pytest.mark.parametrize("second", ["b AS a", "b AS A"])
def test_a_column_name_may_stand_only_once(end: SqlEnd, second: str) -> None:
    query = f"SELECT a, {second} FROM (SELECT 1 AS a, 2 AS b) t"

    assert code(RunError, lambda: read(end, query)) == "E_DUPLICATE_COLUMN"
    assert code(RunError, lambda: end.columns(query, {})) == "E_DUPLICATE_COLUMN"


def test_every_postgres_type_has_its_canonical_form(postgres: SqlEnd) -> None:
    run(
        postgres,
        """CREATE TABLE every (
            number INTEGER, yes BOOLEAN, big BIGINT, exact NUMERIC(38, 10), loose NUMERIC, real DOUBLE PRECISION,
            day DATE, moment TIMESTAMP, instant TIMESTAMPTZ, clock TIME, word TEXT, padded CHAR(4), bytes BYTEA,
            id UUID, document JSONB, raw JSON, list TEXT[])""",
        r"""INSERT INTO every VALUES (1, true, 9223372036854775807, 1234567890123456789012345678.1234567890,
            'NaN', 0.1, '1812-06-24', '1899-12-31 23:59:59.5', '2026-11-21 10:00+01', '07:05', 'Zażółć gęślą jaźń 🦊',
            'x', '\x00ff', '00000000-0000-0000-0000-000000000001', '{"a": 0.10}', '{"b" \:0.10}', '{ż,NULL}')""",
        "INSERT INTO every (number) VALUES (2)",
    )

    batch = columns_of(whole(postgres, "SELECT * FROM every ORDER BY number"))

    assert batch == {
        "number": (Kind.NUMBER, ["1", "2"]),
        "yes": (Kind.BOOLEAN, ["true", None]),
        "big": (Kind.NUMBER, ["9223372036854775807", None]),
        "exact": (Kind.NUMBER, ["1234567890123456789012345678.123456789", None]),
        "loose": (Kind.NUMBER, ["NaN", None]),
        "real": (Kind.NUMBER, ["0.1", None]),
        "day": (Kind.DATE, ["1812-06-24", None]),
        "moment": (Kind.DATETIME, ["1899-12-31T23:59:59.5", None]),
        "instant": (Kind.INSTANT, ["2026-11-21T09:00:00Z", None]),
        "clock": (Kind.TIME, ["07:05:00", None]),
        "word": (Kind.TEXT, [FOX, None]),
        "padded": (Kind.TEXT, ["x", None]),
        "bytes": (Kind.BYTES, ["AP8=", None]),
        "id": (Kind.TEXT, ["00000000-0000-0000-0000-000000000001", None]),
        "document": (Kind.TEXT, ['{"a": 0.10}', None]),
        "raw": (Kind.TEXT, ['{"b" :0.10}', None]),
        "list": (Kind.TEXT, ['["ż",null]', None]),
    }


def test_a_time_of_postgres_that_python_has_not_costs_its_row_alone(postgres: SqlEnd) -> None:
    run(
        postgres,
        "CREATE TABLE odd (id INTEGER, day DATE, moment TIMESTAMP, instant TIMESTAMPTZ, clock TIME, days DATE[])",
        r"""INSERT INTO odd VALUES (1, '9999-12-31', '0001-01-01', '0001-01-02 00\:00+00', '23\:59', '{0044-03-15}'),
            (2, 'infinity', NULL, NULL, NULL, NULL), (3, NULL, '0044-03-15 BC', NULL, NULL, NULL),
            (4, NULL, NULL, '-infinity', NULL, NULL), (5, NULL, NULL, NULL, '24\:00', NULL),
            (6, NULL, NULL, NULL, NULL, '{infinity}'), (7, '10000-01-01', 'infinity', NULL, NULL, NULL)""",
    )

    batch = whole(postgres, "SELECT * FROM odd ORDER BY id")

    assert batch.kinds == (Kind.NUMBER, Kind.DATE, Kind.DATETIME, Kind.INSTANT, Kind.TIME, Kind.TEXT)
    assert [value[0].as_py() for value in batch.data] == [
        *("1", "9999-12-31", "0001-01-01T00:00:00", "0001-01-02T00:00:00Z", "23:59:00", '["0044-03-15"]')
    ]
    assert batch.data.column(5)[5].as_py() == '["infinity"]'
    held = [(index, reason.partition(",")[0]) for index, reason in batch.faults]
    assert held == [
        (1, "column day holds infinity"),
        (2, "column moment holds 0044-03-15 00:00:00 BC"),
        (3, "column instant holds -infinity"),
        (4, "column clock holds 24:00:00"),
        (6, "column day holds 10000-01-01"),
        (6, "column moment holds infinity"),
    ]


def test_an_interval_of_months_is_not_one_of_days(postgres: SqlEnd) -> None:
    query = r"""SELECT '1 month'\:\:interval AS m, '30 days'\:\:interval AS d, '-1 year 2 days 03\:04'\:\:interval AS y,
        '26\:03\:04.5'\:\:interval AS h"""

    assert [value[0].as_py() for value in whole(postgres, query).data] == [
        *("1 mon", "720:00:00", "-1 years +2 days 03:04:00", "26:03:04.5")
    ]


def test_every_mariadb_type_has_its_canonical_form(mariadb: SqlEnd) -> None:
    run(
        mariadb,
        """CREATE TABLE every (
            number INTEGER, yes BOOLEAN, big BIGINT UNSIGNED, exact DECIMAL(38, 10), loose DOUBLE,
            day DATE, moment DATETIME(6), clock TIME, word VARCHAR(50), bytes BLOB, document JSON)""",
        """INSERT INTO every VALUES (1, true, 18446744073709551615, 1234567890123456789012345678.1234567890, 0.1,
            '1812-06-24', '1899-12-31 23:59:59.5', '-100:05:00', 'Zażółć gęślą jaźń 🦊', x'00ff', '{"a": 0.10}')""",
        "INSERT INTO every (number, word) VALUES (2, CONCAT('a', CHAR(0), 'b'))",
    )

    batch = columns_of(whole(mariadb, "SELECT * FROM every ORDER BY number"))

    assert batch == {
        "number": (Kind.NUMBER, ["1", "2"]),
        "yes": (Kind.NUMBER, ["1", None]),
        "big": (Kind.NUMBER, ["18446744073709551615", None]),
        "exact": (Kind.NUMBER, ["1234567890123456789012345678.123456789", None]),
        "loose": (Kind.NUMBER, ["0.1", None]),
        "day": (Kind.DATE, ["1812-06-24", None]),
        "moment": (Kind.DATETIME, ["1899-12-31T23:59:59.5", None]),
        "clock": (Kind.TEXT, ["-100:05:00", None]),
        "word": (Kind.TEXT, [FOX, "a\0b"]),
        "bytes": (Kind.BYTES, ["AP8=", None]),
        "document": (Kind.TEXT, ['{"a": 0.10}', None]),
    }


@pytest.mark.parametrize("database", ["postgres", "mariadb", "mariadb that pads"])
def test_a_key_of_a_fixed_length_is_without_the_blanks_that_fill_it_up(
    request: pytest.FixtureRequest, database: str, mariadb_url: str
) -> None:
    end: SqlEnd = request.getfixturevalue(database.partition(" ")[0])
    run(
        end,
        "CREATE TABLE depot (code CHAR(4) PRIMARY KEY, name CHAR(6), other VARCHAR(6))",
        "INSERT INTO depot VALUES ('W0', ' a', 'b  '), ('Wą', NULL, NULL)",
    )
    query = "SELECT code, name, other, COALESCE(code, name) AS first FROM depot ORDER BY code"
    if database.endswith("pads"):
        [(name,)] = read(end, "SELECT DATABASE() AS name")
        padding = quote("SET sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'")
        end = SqlEnd(f"{mariadb_url.removesuffix('mysql')}{name}?init_command={padding}", name="erp", zone=WARSAW)

    assert read(end, query) == [("W0", " a", "b  ", "W0"), ("Wą", None, None, "Wą")]


def test_sqlite_may_change_the_type_of_a_column_between_batches(sqlite: SqlEnd) -> None:
    run(sqlite, "CREATE TABLE t (number INTEGER PRIMARY KEY, value)")
    run(sqlite, *(f"INSERT INTO t VALUES ({number}, NULL)" for number in range(1, 100)))
    run(sqlite, "INSERT INTO t VALUES (100, 1), (101, 2.50), (102, 'Gdańsk'), (103, x'00ff'), (104, 'a' || char(0))")

    batches = list(extract(sqlite, "SELECT value FROM t ORDER BY number", {}))

    assert [batch.kinds for batch in batches] == [(Kind.NUMBER,), (Kind.TEXT,)]
    assert batches[0].data.to_pydict() == {"value": [None] * 99 + ["1"]}
    assert batches[1].data.to_pydict() == {"value": ["2.5", "Gdańsk", "AP8=", "a\0"]}


def test_a_text_that_is_not_utf8_breaks_no_read(sqlite: SqlEnd) -> None:
    batch = whole(sqlite, "SELECT 1 AS id, 'fine' AS name UNION ALL SELECT 2, CAST(x'4764619c736b' AS TEXT)")

    assert batch.data.to_pydict() == {"id": ["1", "2"], "name": ["fine", "Gda\ufffdsk"]}
    assert batch.faults == ((1, r"column name holds text that UTF-8 cannot hold: 'Gda\udc9csk'"),)


def test_a_query_cannot_change_a_sqlite_source(sqlite: SqlEnd) -> None:
    run(sqlite, "CREATE TABLE t (a)")

    with pytest.raises(RunError, match="readonly"):
        read(sqlite, "INSERT INTO t VALUES (1) RETURNING a")
    assert read(sqlite, "SELECT * FROM t") == []


def test_a_server_describes_itself(sqlite: SqlEnd, postgres: SqlEnd) -> None:
    assert sqlite.check() == f"sqlite {sqlite3.sqlite_version}"
    assert postgres.check().startswith("postgresql 18.")


# --- errors told apart -------------------------------------------------------------------------------


def code(kind: type[Any], action: Any) -> str:
    with pytest.raises(kind) as caught:
        action()
    assert type(caught.value) is kind
    return str(caught.value.code)


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("SELECT nope FROM t", "nope"),
        ("SELECT a FROM nope", "nope"),
        ("SELEC a FROM t", "SELEC"),
        ("SELECT a FROM t WHERE a = :missing", "missing"),
    ],
)
def test_a_faulty_query_is_told_in_the_words_of_the_database(end: SqlEnd, query: str, hint: str) -> None:
    run(end, "CREATE TABLE t (a INTEGER)")

    with pytest.raises(RunError, match=hint) as caught:
        read(end, query, secret="geheim")
    assert caught.value.code == "E_QUERY"
    assert "geheim" not in str(caught.value)
    assert code(RunError, lambda: end.columns(query, {})) == "E_QUERY"


def test_a_statement_without_rows_is_no_source(sqlite: SqlEnd) -> None:
    assert code(RunError, lambda: read(sqlite, "PRAGMA case_sensitive_like = 1")) == "E_QUERY"


def test_data_that_cannot_be_read_is_told_from_a_lost_connection(postgres: SqlEnd) -> None:
    assert code(RunError, lambda: read(postgres, "SELECT 1 / (5 - i) AS x FROM generate_series(1, 9) i")) == "E_DATA"


def test_a_read_that_breaks_in_the_middle_says_so(postgres: SqlEnd) -> None:
    batches = postgres.rows("SELECT i, pg_backend_pid() AS pid FROM generate_series(1, 5000) i", {}, batch_rows=500)
    _, rows = next(batches)
    read(postgres, "SELECT pg_terminate_backend(:pid)", pid=rows[0][1])

    with pytest.raises(SourceError, match="connection erp failed after 100 rows: ") as caught:
        list(batches)
    assert caught.value.code == "E_LOST"
    assert read(postgres, "SELECT 1") == [(1,)]


def test_a_read_that_mariadb_kills_says_so(mariadb: SqlEnd) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)"
    batches = mariadb.rows(f"{numbers} SELECT a.i, connection_id() AS id FROM n a, n b, n c", {})
    _, rows = next(batches)
    run(mariadb, f"KILL {rows[0][1]}")

    assert code(SourceError, lambda: list(batches)) == "E_LOST"
    assert read(mariadb, "SELECT 1") == [(1,)]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_an_abandoned_read_of_mariadb_is_not_read_to_its_end(mariadb: SqlEnd) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)"
    batches = mariadb.rows(f"{numbers} SELECT a.i FROM n a, n b, n c", {})
    next(batches)
    started = time.monotonic()
    batches.close()
    gc.collect()  # nor when the driver's objects go

    assert time.monotonic() - started < 5


@pytest.mark.parametrize("driver", ["postgresql", "mysql"])
def test_a_closed_port_is_unreachable_at_once(driver: str, closed_port: int) -> None:
    end = SqlEnd(f"{driver}://erp:geheim@127.0.0.1:{closed_port}/erp", name="erp")

    started = time.monotonic()
    assert code(SourceError, lambda: read(end, "SELECT 1")) == "E_UNREACHABLE"
    assert code(SourceError, lambda: end.columns("SELECT 1", {})) == "E_UNREACHABLE"
    assert code(TargetError, lambda: run(end, "SELECT 1")) == "E_UNREACHABLE"
    assert code(SourceError, end.check) == "E_UNREACHABLE"
    assert time.monotonic() - started < 5


def test_a_wrong_password_is_refused_and_not_shown(postgres_url: str) -> None:
    def url(password: str) -> str:
        return postgres_url.replace("postgres:@", f"stranger:{quote(password, safe='')}@")

    assert read(SqlEnd(url("geheim@1"), name="erp"), "SELECT current_user") == [("stranger",)]
    with pytest.raises(
        SourceError, match=r"connection erp: the database refuses our login \(.*password authentication"
    ) as caught:
        read(SqlEnd(url("stranger"), name="erp"), "SELECT 1")
    assert "stranger" not in str(caught.value)
    assert "***" in str(caught.value)


def test_a_missing_sqlite_file_is_named_and_not_created(tmp_path: Path) -> None:
    file = tmp_path / "missing.sqlite"
    end = SqlEnd(f"sqlite:///{file}", name="erp")

    with pytest.raises(SourceError, match=f"there is no SQLite file {file}"):
        read(end, "SELECT 1")
    with pytest.raises(TargetError, match="there is no SQLite file"):
        run(end, "SELECT 1")
    assert not file.exists()


@pytest.mark.parametrize(
    ("url", "expected", "hint"),
    [
        ("firebird://u:geheim@h/d", "E_NO_DRIVER", r"ONE_SYNC_EXTRAS=firebird"),
        ("oracle://u:geheim@h/d", "E_NO_DRIVER", r"ONE_SYNC_EXTRAS=oracle"),
        ("postgresq://u:geheim@h/d", "E_NO_DRIVER", "correct the word before ://"),
        ("postgresql://u:ge:heim@h:x/d", "E_URL", "%40"),
        ("postgresql://u:a@geheim@h/d", "E_URL", "%40"),
        ("mysql://u:a@geheim@h/d", "E_URL", "%40"),
        ("postgresql://u:a@geheim/b@h/d", "E_URL", "%2F"),
        ("mysql://u:a@h/geheim@h/d", "E_URL", "%2F"),
        ("mysql://u:a@h?geheim@h/d", "E_URL", "%3F"),
        ("mysql://u:geheim@127.0.0.1:9/d?nosuch=1", "E_URL", "does not know an option of the url"),
        ("geheim", "E_URL", "postgresql://user:password@host/database"),
    ],
)
def test_a_url_that_cannot_serve_is_a_fault_of_configuration(url: str, expected: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint) as caught:
        SqlEnd(url, name="erp").check()
    assert caught.value.code == expected
    assert "geheim" not in str(caught.value)


# --- writing -----------------------------------------------------------------------------------------

ORDERS = (
    "CREATE TABLE one_order (shipment_id VARCHAR(20) PRIMARY KEY, total DECIMAL(38, 10) NOT NULL, note VARCHAR(40))",
    "CREATE TABLE one_order_line (shipment_id VARCHAR(20) NOT NULL, line_number INTEGER NOT NULL, "
    "sku VARCHAR(20), PRIMARY KEY (shipment_id, line_number))",
)


def order(shipment: Any, *, total: Any = Decimal("10.50"), note: Any = None) -> TableRows:
    row = RowWrite(key={"shipment_id": shipment}, fields={"total": total, "note": note})
    return TableRows(table="one_order", rows=(row,))


def lines(shipment: Any, **skus: str) -> TableRows:
    rows = tuple(
        RowWrite(key={"shipment_id": shipment, "line_number": name[1:]}, fields={"sku": sku})
        for name, sku in skus.items()
    )
    return TableRows(table="one_order_line", rows=rows, scope={"shipment_id": shipment}, delete_orphans=True)


def held(end: SqlEnd) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    orders = read(end, "SELECT shipment_id, CAST(total AS CHAR(20)) AS total, note FROM one_order ORDER BY 1")
    return (
        [(shipment, Decimal(total), note) for shipment, total, note in orders],
        read(end, "SELECT shipment_id, line_number, sku FROM one_order_line ORDER BY 1, 2"),
    )


def test_a_record_is_inserted_updated_and_a_repetition_changes_nothing(end: SqlEnd) -> None:
    run(end, *ORDERS)
    end.write([order("S2"), lines("S2", n1="other")])

    first = [order("S1", note=FOX), lines("S1", n1="A", n2="B", n3="C")]
    second = [order("S1", total="12.75"), lines("S1", n1="A", n3="D")]
    for record in (first, first, second, second):
        end.write(record)

    assert held(end) == (
        [("S1", Decimal("12.75"), None), ("S2", Decimal("10.5"), None)],
        [("S1", 1, "A"), ("S1", 3, "D"), ("S2", 1, "other")],
    )


def test_no_rows_in_a_scope_remove_what_is_there(end: SqlEnd) -> None:
    run(end, *ORDERS)
    for shipment in ("S1", "S2"):
        end.write([order(shipment), lines(shipment, n1="A")])

    removal = TableRows(table="one_order", scope={"shipment_id": "S1"}, delete_orphans=True)
    end.write([lines("S1"), removal])
    end.write([lines("S1"), removal])

    assert held(end) == ([("S2", Decimal("10.5"), None)], [("S2", 1, "A")])


@pytest.mark.parametrize("numbers", [1, Decimal(1), "1"])
def test_a_key_may_be_a_number_or_its_text_whatever_the_column_is(end: SqlEnd, numbers: Any) -> None:
    run(end, *ORDERS)
    row = RowWrite(key={"shipment_id": numbers, "line_number": numbers}, fields={"sku": numbers})
    rows = TableRows(table="one_order_line", rows=(row,), scope={"shipment_id": numbers}, delete_orphans=True)
    end.write([rows])
    end.write([rows])

    assert held(end)[1] == [("1", 1, "1")]


def test_orphans_are_told_by_the_key_as_the_database_holds_it(mariadb: SqlEnd) -> None:
    run(mariadb, "CREATE TABLE t (id INTEGER, code VARCHAR(20) COLLATE utf8mb4_general_ci, PRIMARY KEY (id, code))")

    for code_ in ("Abc", "ABC "):  # the same to this collation
        row = RowWrite(key={"id": 1, "code": code_})
        mariadb.write([TableRows(table="t", rows=(row,), scope={"id": 1}, delete_orphans=True)])

    assert read(mariadb, "SELECT id, code FROM t") == [(1, "Abc")]


@pytest.mark.parametrize("earlier", [(), ("Abc",), ("other",)])
def test_rows_of_a_record_that_are_one_to_the_database_are_refused(sqlite: SqlEnd, earlier: tuple[str, ...]) -> None:
    run(sqlite, "CREATE TABLE t (code TEXT COLLATE NOCASE PRIMARY KEY, n INTEGER)")
    rows = tuple(RowWrite(key={"code": code_}, fields={"n": n}) for n, code_ in enumerate(("x", "Abc", "ABC")))
    for code_ in earlier:
        sqlite.write([TableRows(table="t", rows=(RowWrite(key={"code": code_}, fields={"n": 9}),))])

    with pytest.raises(RecordRefused) as caught:
        sqlite.write([TableRows(table="t", rows=rows)])

    assert caught.value.reason == "two rows of t have the same key to the database (code ABC)"
    assert read(sqlite, "SELECT code, n FROM t") == [(code_, 9) for code_ in earlier]


def test_values_of_every_kind_are_written_without_loss(end: SqlEnd) -> None:
    double = {"sqlite": "REAL", "postgresql": "DOUBLE PRECISION"}.get(end.check().split()[0], "DOUBLE")
    big = "TEXT" if end.check().startswith("sqlite") else "DECIMAL(38, 10)"  # SQLite has no larger number than 64 bits
    run(
        end,
        f"CREATE TABLE v (id INTEGER PRIMARY KEY, big {big}, tiny DECIMAL(20, 10), yes BOOLEAN, number {double}, "
        "day DATE, word VARCHAR(40), document TEXT)",
    )

    fields = {
        "big": Decimal("1234567890123456789012345678.1234567891"),
        "tiny": Decimal("1E-7"),
        "yes": True,
        "number": 0.1,
        "day": "1812-06-24",
        "word": FOX,
        "document": {"a": [Decimal("0.10"), None, "ż"]},
    }
    end.write([TableRows(table="v", rows=(RowWrite(key={"id": 1}, fields=fields), RowWrite(key={"id": 2})))])

    batch = columns_of(whole(end, "SELECT * FROM v ORDER BY id"))
    assert {name: texts for name, (_, texts) in batch.items()} == {
        "id": ["1", "2"],
        "big": ["1234567890123456789012345678.1234567891", None],
        "tiny": ["0.0000001", None],
        "yes": ["true" if batch["yes"][0] is Kind.BOOLEAN else "1", None],
        "number": ["0.1", None],
        "day": ["1812-06-24", None],
        "word": [FOX, None],
        "document": ['{"a":[0.10,null,"ż"]}', None],
    }


@pytest.mark.parametrize(
    "moment",
    [
        "2026-07-21T10:00:00.5Z",
        "2026-07-21T12:00:00.5+02:00",
        datetime(2026, 7, 21, 12, 0, 0, 500000, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_an_instant_is_written_as_project_time_where_the_column_has_no_zone(end: SqlEnd, moment: Any) -> None:
    kind = "DATETIME(6)" if end.check().startswith("m") else "TIMESTAMP"
    run(end, f"CREATE TABLE t (id INTEGER PRIMARY KEY, at {kind}, day DATE, word VARCHAR(40))")
    row = RowWrite(key={"id": 1}, fields={"at": moment, "day": moment, "word": str(moment)})
    end.write([TableRows(table="t", rows=(row,))])
    end.write([TableRows(table="t", rows=(row,))])

    ((at, day, word),) = read(end, "SELECT at, day, word FROM t")
    if end.check().startswith("sqlite"):  # has no such type: the text as it came, a value as its canonical text
        expected = moment if isinstance(moment, str) else "2026-07-21T10:00:00.5Z"
        assert (at, day, word) == (expected, expected, str(moment))
    else:
        assert (at, str(day), word) == (datetime(2026, 7, 21, 12, 0, 0, 500000), "2026-07-21", str(moment))


def test_an_instant_in_a_column_with_a_zone_is_that_instant(postgres: SqlEnd) -> None:
    run(postgres, "CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMPTZ)")
    row = RowWrite(key={"id": 1}, fields={"at": "2026-07-21T12:00:00+02:00"})
    postgres.write([TableRows(table="t", rows=(row,))])

    assert read(postgres, "SELECT at FROM t") == [(datetime(2026, 7, 21, 10, tzinfo=UTC),)]


def test_an_instant_in_a_timestamp_of_mariadb_is_that_instant(mariadb_url: str, mariadb: SqlEnd) -> None:
    run(mariadb, "CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMP NULL)")
    row = RowWrite(key={"id": 1}, fields={"at": "2026-07-21T10:00:00Z"})
    mariadb.write([TableRows(table="t", rows=(row,))])

    expected = int(datetime(2026, 7, 21, 10, tzinfo=UTC).timestamp())
    assert read(mariadb, "SELECT CAST(UNIX_TIMESTAMP(at) AS INTEGER) AS at FROM t") == [(expected,)]
    assert read(mariadb, "SELECT at FROM t") == [(datetime(2026, 7, 21, 10, tzinfo=UTC),)]


@pytest.mark.parametrize("unix", [1_720_000_000, 1_735_689_600, 1_792_889_100, 1_792_885_500])  # both hours of a night
def test_a_timestamp_of_mariadb_is_the_moment_that_it_is(mariadb: SqlEnd, unix: int) -> None:
    run(mariadb, "CREATE TABLE t (at TIMESTAMP NULL)", f"INSERT INTO t VALUES (FROM_UNIXTIME({unix}))")

    assert read(mariadb, "SELECT at FROM t") == [(datetime.fromtimestamp(unix, UTC),)]


def test_what_is_written_without_a_zone_reads_back_as_the_same_moment(end: SqlEnd) -> None:
    if end.check().startswith("sqlite"):
        return  # keeps the text as it came
    kind = "DATETIME" if end.check().startswith("m") else "TIMESTAMP"
    run(end, f"CREATE TABLE t (id INTEGER PRIMARY KEY, at {kind})")
    row = RowWrite(key={"id": 1}, fields={"at": "2031-01-05T10:15:30Z"})
    end.write([TableRows(table="t", rows=(row,))])

    ((at,),) = read(end, "SELECT at FROM t")
    assert at == datetime(2031, 1, 5, 11, 15, 30)  # as the clock shows in Warsaw
    assert instant(at, WARSAW) == "2031-01-05T10:15:30Z"


def test_a_day_of_a_moment_is_the_day_in_the_project_s_zone(postgres: SqlEnd) -> None:
    assert str(read(postgres, "SELECT timestamptz '2026-07-20T22:30:00Z'::date AS day")[0][0]) == "2026-07-21"


def test_bits_of_mariadb_are_numbers(mariadb: SqlEnd) -> None:
    run(mariadb, "CREATE TABLE t (b BIT(1), c BIT(10))", "INSERT INTO t VALUES (b'0', b'1000000001'), (b'1', NULL)")

    assert read(mariadb, "SELECT b, c FROM t ORDER BY b") == [(0, 513), (1, None)]


def test_odd_names_and_schemas_are_quoted(end: SqlEnd) -> None:
    run(end, *ORDERS)
    main = {"sqlite": "main"}.get(end.check().split()[0])
    quote_ = "`" if end.check().startswith("m") else '"'
    run(end, f"CREATE TABLE {quote_}Odd Table{quote_} ({quote_}select{quote_} INTEGER, {quote_}a:b %c{quote_} INTEGER)")
    row = RowWrite(key={"select": 1}, fields={"a:b %c": 2})
    for _ in range(2):
        end.write([TableRows(table=f"{main}.Odd Table" if main else "Odd Table", rows=(row,))])

    assert read(end, f"SELECT * FROM {quote_}Odd Table{quote_}") == [(1, 2)]


def test_a_statement_is_called_with_its_parameters(end: SqlEnd) -> None:
    run(end, *ORDERS)
    sql = "INSERT INTO one_order VALUES (:id, :total, :note)"
    params = {"id": "S1", "total": Decimal("0.0000001"), "note": [1, "ż"]}
    end.write([StatementCall(sql=sql, params=params), StatementCall(sql="SELECT shipment_id FROM one_order")])

    assert held(end)[0] == [("S1", Decimal("0.0000001"), '[1,"ż"]')]


def test_the_parameters_of_a_statement_lose_nothing_in_mariadb(mariadb: SqlEnd) -> None:
    run(mariadb, "CREATE TABLE t (total DECIMAL(38), at DATETIME)")
    moment = datetime(2026, 7, 21, 12, tzinfo=timezone(timedelta(hours=2)))
    sql = "INSERT INTO t VALUES (:total, :at)"
    mariadb.write([StatementCall(sql=sql, params={"total": Decimal("1234567890123456789012345E+2"), "at": moment})])

    assert read(mariadb, "SELECT total, at FROM t") == [(123456789012345678901234500, datetime(2026, 7, 21, 12))]


def test_a_procedure_is_called_that_gives_rows(mariadb: SqlEnd) -> None:
    run(mariadb, *ORDERS)
    run(
        mariadb,
        """CREATE PROCEDURE put(id VARCHAR(20))
            BEGIN REPLACE INTO one_order VALUES (id, 1, NULL); SELECT 1; SELECT 2; END""",
    )
    mariadb.write([StatementCall(sql="CALL put(:id)", params={"id": "S1"}), lines("S1", n1="A")])

    assert held(mariadb) == ([("S1", Decimal(1), None)], [("S1", 1, "A")])


@pytest.mark.parametrize(
    ("total", "note"),
    [
        (None, "violates NOT NULL"),
        (Decimal("1"), "has a lone surrogate: \udc9c"),
    ],
)
def test_a_record_refused_for_its_data_leaves_nothing_and_others_go_on(end: SqlEnd, total: Any, note: str) -> None:
    run(end, *ORDERS)

    with pytest.raises(RecordRefused) as caught:
        end.write([lines("S1", n1="A"), order("S1", total=total, note=note)])
    assert caught.value.reason
    end.write([order("S2")])
    assert held(end) == ([("S2", Decimal("10.5"), None)], [])


@pytest.mark.parametrize("fields", [{"total": "abc"}, {"total": 10**40}, {"total": 1, "note": "x" * 41}])
def test_a_value_that_does_not_fit_its_column_refuses_the_record(end: SqlEnd, fields: dict[str, Any]) -> None:
    if end.check().startswith("sqlite"):
        run(end, *(sql.replace("total DECIMAL(38, 10)", "total DECIMAL CHECK (total < 1e39)") for sql in ORDERS))
        run(
            end,
            """CREATE TRIGGER long BEFORE INSERT ON one_order WHEN length(new.note) > 40
                BEGIN SELECT RAISE(ABORT, 'long'); END""",
        )
    else:
        run(end, *ORDERS)

    with pytest.raises(RecordRefused):
        end.write([TableRows(table="one_order", rows=(RowWrite(key={"shipment_id": "S1"}, fields=fields),))])
    assert held(end) == ([], [])


def test_a_trigger_may_refuse_a_record(mariadb: SqlEnd, postgres: SqlEnd) -> None:
    run(mariadb, *ORDERS)
    run(
        mariadb,
        """CREATE TRIGGER no BEFORE INSERT ON one_order
            FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'zamknięty'""",
    )
    run(postgres, *ORDERS)
    run(postgres, "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'zamknięty'; END$$")
    run(postgres, "CREATE TRIGGER no BEFORE INSERT ON one_order FOR EACH ROW EXECUTE FUNCTION no()")

    for end in (mariadb, postgres):
        with pytest.raises(RecordRefused, match=r"^zamknięty$"):
            end.write([order("S1")])


@pytest.mark.parametrize(
    ("part", "hint"),
    [
        (TableRows(table="nope", rows=(RowWrite(key={"id": 1}),)), "nope"),
        (TableRows(table="one_order", rows=(RowWrite(key={"shipment_id": 1}, fields={"nope": 1}),)), "nope"),
        (StatementCall(sql="SELEC 1"), "SELEC"),
        (StatementCall(sql="SELECT :missing"), "missing"),
    ],
)
def test_a_missing_table_or_column_ends_the_run_by_name(end: SqlEnd, part: Any, hint: str) -> None:
    run(end, *ORDERS)

    with pytest.raises(RunError, match=hint) as caught:
        end.write([order("S1"), part])
    assert caught.value.code == "E_QUERY"
    assert held(end) == ([], [])


def test_a_connection_lost_between_two_records_is_opened_again(postgres: SqlEnd) -> None:
    run(postgres, *ORDERS)
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'idle'"
    assert read(postgres, kill) == [(True,)]

    postgres.write([order("S1")])

    assert held(postgres)[0] == [("S1", Decimal("10.5"), None)]


def test_a_connection_lost_in_every_try_makes_the_target_unavailable(postgres: SqlEnd) -> None:
    run(postgres, *ORDERS)

    suicide = StatementCall(sql="SELECT pg_terminate_backend(pg_backend_pid())")
    assert code(TargetError, lambda: postgres.write([order("S1"), suicide])) == "E_LOST"
    postgres.write([order("S2")])
    assert held(postgres)[0] == [("S2", Decimal("10.5"), None)]


def test_a_locked_sqlite_file_makes_the_target_unavailable(sqlite_url: str) -> None:
    end = SqlEnd(f"{sqlite_url}?timeout=0.1", name="erp")
    run(end, *ORDERS)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    other.execute("BEGIN IMMEDIATE")

    assert code(TargetError, lambda: end.write([order("S1")])) == "E_LOCKED"
    other.rollback()
    end.write([order("S1")])
    assert held(end)[0] == [("S1", Decimal("10.5"), None)]


def test_what_would_empty_a_table_is_refused_before_it_is_written() -> None:
    with pytest.raises(ValueError, match="would empty the table"):
        TableRows(table="t", delete_orphans=True)
    with pytest.raises(ValueError, match="must have a column"):
        RowWrite(key={})
