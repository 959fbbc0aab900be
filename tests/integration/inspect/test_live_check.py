"""What `validate --live` finds by asking databases: columns, tables, procedures, keys and rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from engine.connections.sql.database import SqlEnd, StatementCall
from engine.inspect.live_check import ask
from engine.run.app import App

NUMBERS = count(1)
PROJECT = """
connections:
  erp: {type: sql, url: "${ERP}"}
  one: {type: http, base_url: "http://127.0.0.1:9"}
"""
LETTERS = """
object: letters
schedule: manual
source:
  connection: one
  key: [id]
  feed:
    request: {method: GET, path: /events}
    items: "{{ body.events }}"
    next: "{{ body.next }}"
    start: 0
write:
  connection: erp
"""
ITEMS = """
object: items
schedule: manual
source:
  connection: erp
  key: [sku]
  query: SELECT sku, quantity FROM item
fields: {sku: "{{ sku }}", quantity: "{{ quantity | number }}"}
send:
  - on: [added, changed]
    request: {method: PUT, path: "/items/{{ sku | path }}", body: "{{ line }}"}
"""
PROCEDURES = {
    "postgres": "CREATE PROCEDURE save_letter(id text, subject text DEFAULT '') LANGUAGE sql AS 'SELECT 1'",
    "mariadb": "CREATE PROCEDURE save_letter(id VARCHAR(20), subject VARCHAR(20)) SELECT 1",
}


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def url(request: pytest.FixtureRequest, server: str) -> str:
    """An empty database of each kind in turn."""
    found: str = request.getfixturevalue(f"{server}_url")
    name = f"l{next(NUMBERS)}"
    if server == "postgres":
        run(found, f"CREATE SCHEMA {name}")
        return f"{found}&options=-csearch_path={name}"
    if server == "mariadb":
        run(found, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return f"{found.removesuffix('mysql')}{name}"
    return found


def run(url: str, *statements: str) -> None:
    with closing(SqlEnd(url, name="erp")) as end:
        end.write([StatementCall(sql=sql) for sql in statements])


def found(folder: Path, url: str, mapping: str) -> list[tuple[int, str, str]]:
    """Give line, code and message of each problem."""
    name = mapping.split()[1]
    (folder / "project.yaml").write_text(PROJECT)
    (folder / f"{name}.yaml").write_text(mapping.lstrip("\n"))
    with closing(App(folder, {"ERP": url})) as app:
        answers = ask(app, app.loaded.select([name]))
    return [(each.place.line if each.place else 0, each.code, each.message) for each in answers.problems]


def shown(problems: Sequence[tuple[int, str, str]]) -> list[tuple[int, str]]:
    return [(line, code) for line, code, _ in problems]


# --- write -----------------------------------------------------------------------------------------------


def test_tables_and_columns_that_are_not_there_are_named(tmp_path: Path, url: str) -> None:
    run(url, "CREATE TABLE letter (id VARCHAR(20), subject VARCHAR(20))", "CREATE TABLE page (letter VARCHAR(20))")
    write = """  tables:
    - table: letter
      key: {id: "{{ id }}"}
      fields:
        subjekt: "{{ subject }}"
    - table: letters
      key: {id: "{{ id }}"}
    - $each: pages
      table: page
      key: {letter: "{{ parent.id }}", number: "{{ number }}"}
      orphans: delete
  removed:
    tables: [{table: gone, key: {id: "{{ id }}"}}]
"""
    removals = '    removed: "{{ item.gone }}"\n    key: {id: "{{ item.id }}"}\n'

    problems = found(tmp_path, url, LETTERS.replace("write:", f"{removals}write:", 1) + write)

    assert shown(problems) == [(19, "E_UNKNOWN_COLUMN"), (20, "E_QUERY"), (24, "E_UNKNOWN_COLUMN"), (27, "E_QUERY")]
    assert problems[0][2] == "the table letter has no column `subjekt`; did you mean `subject`?"
    assert "letters" in problems[1][2]
    assert problems[2][2] == "the table page has no column `number`; known here: letter"


def test_statements_that_name_what_is_not_there_are_found_and_not_run(tmp_path: Path, url: str) -> None:
    run(url, "CREATE TABLE letter (id VARCHAR(20), subject VARCHAR(20))")
    write = """  statements:
    - {sql: "INSERT INTO letter (id, subject) VALUES (:id, :subject)", params: {id: "{{ id }}", subject: x}}
    - {sql: "INSERT INTO nosuch (id) VALUES (:id)", params: {id: "{{ id }}"}}
    - {sql: "UPDATE letter SET nosuch = 1 WHERE id = :id", params: {id: "{{ id }}"}}
    - {sql: "DELETE FROM letter WHERE id = :id", params: {id: "{{ id }}"}}
    - {sql: "UPDATE letter SET id = :id WHER 1", params: {id: "{{ id }}"}}
"""

    problems = found(tmp_path, url, LETTERS + write)

    assert shown(problems) == [(15, "E_QUERY"), (16, "E_QUERY"), (18, "E_QUERY")]
    assert all("nosuch" in message for _, _, message in problems[:2])
    with closing(SqlEnd(url, name="erp")) as end:
        assert [rows for _, rows in end.rows("SELECT id FROM letter", {})] == [[]]


@pytest.mark.parametrize("server", ["postgres", "mariadb"])
def test_procedures_that_are_not_there_or_take_other_values_are_found(tmp_path: Path, url: str, server: str) -> None:
    run(url, PROCEDURES[server])
    write = """  statements:
    - {sql: "CALL save_letter(:id, COALESCE(:subject, 'a,b'))", params: {id: "{{ id }}", subject: "{{ subject }}"}}
    - {sql: "CALL save_leter(:id, :subject)", params: {id: "{{ id }}", subject: "{{ subject }}"}}
    - {sql: "CALL save_letter(:id, :subject, 1)", params: {id: "{{ id }}", subject: "{{ subject }}"}}
"""

    problems = found(tmp_path, url, LETTERS + write)

    assert [(line, message) for line, _, message in problems] == [
        (15, "the database has no procedure save_leter that this login may call"),
        (16, "the procedure save_letter takes 2 values, and 3 are given"),
    ]


# --- rows --------------------------------------------------------------------------------------------------


def test_keys_that_stand_twice_are_found_as_we_compare_them(tmp_path: Path, url: str) -> None:
    run(url, "CREATE TABLE item (sku VARCHAR(20), quantity INTEGER)")
    run(url, "INSERT INTO item VALUES ('A-1', 1), ('a-1', 2), ('B-2', 3), ('B-2', 4), ('C-3', 5), (NULL, 1), (NULL, 2)")

    problems = found(tmp_path, url, ITEMS)

    assert shown(problems) == [(5, "E_REPEATED_KEY")]
    assert "'B-2' 2 times" in problems[0][2]
    assert "null 2 times" in problems[0][2]
    assert "A-1" not in problems[0][2]


def test_a_column_that_the_server_rounds_is_named_with_what_gives_it_whole(tmp_path: Path, mariadb_url: str) -> None:
    database = f"{mariadb_url.removesuffix('mysql')}rounded"
    run(mariadb_url, "CREATE DATABASE rounded")
    run(database, "CREATE TABLE item (sku VARCHAR(20), quantity FLOAT, unused FLOAT)")
    run(database, "INSERT INTO item VALUES ('A', 1234567.75, 1)")
    exact = SqlEnd(database, name="erp").rows("SELECT quantity, quantity + 0e0 AS whole FROM item", {})

    problems = found(tmp_path, database, ITEMS)

    assert [code for _, code, _ in problems] == ["E_ROUNDED_COLUMN"]
    assert "write `quantity + 0e0 AS quantity` in the query" in problems[0][2]
    assert [row for _, rows in exact for row in rows] == [(1234570.0, 1234567.75)]
    whole = ITEMS.replace("quantity FROM", "quantity + 0e0 AS quantity FROM")
    assert whole != ITEMS
    assert shown(found(tmp_path, database, whole)) == []


def test_rows_and_samples_of_which_none_comes_through_are_found(tmp_path: Path, url: str) -> None:
    run(url, "CREATE TABLE item (sku VARCHAR(20), quantity VARCHAR(20))")
    run(url, "INSERT INTO item VALUES ('A', 'many'), ('B', 'few')")
    samples = """samples:
  - {name: a, row: {sku: A, quantity: many}}
  - {name: b, row: {sku: B, quantity: none}}
"""

    problems = found(tmp_path, url, ITEMS + samples)
    run(url, "INSERT INTO item VALUES ('C', '3')")
    some = found(tmp_path, url, ITEMS + samples.replace("quantity: none", "quantity: 4"))

    assert shown(problems) == [(11, "E_ALL_REFUSED"), (7, "E_ALL_REFUSED")]
    assert problems[0][2].startswith("all 2 samples are refused, the first one because ")
    assert problems[1][2].startswith("the first 2 rows of the source are all refused, the first one because ")
    assert some == []


def test_the_columns_of_children_are_asked_for_too(tmp_path: Path, url: str) -> None:
    run(url, "CREATE TABLE item (sku VARCHAR(20), quantity INTEGER)", "CREATE TABLE price (sku VARCHAR(20))")
    children = """  children:
    prices: {parent: [sku], query: "SELECT sku FROM price"}
    stocks: {parent: [sku], query: "SELECT sku FROM stock"}
"""
    fields = '{sku: "{{ sku }}", p: [{$each: prices, net: "{{ net }}"}], s: [{$each: stocks, a: "{{ sku }}"}]}'
    head, tail = ITEMS.split("fields: ")
    mapping = f"{head}{children}fields: {fields}\n{tail.split(chr(10), 1)[1]}"

    problems = found(tmp_path, url, mapping)

    assert sorted(code for _, code, _ in problems) == ["E_QUERY", "E_UNKNOWN_COLUMN"]
    assert any("the children prices have no column `net`" in message for _, _, message in problems)
    assert any("stock" in message for _, code, message in problems if code == "E_QUERY")
