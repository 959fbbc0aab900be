"""That staging.sql tells what the tables of an object's file hold, and that only two rooms speak SQL to them."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pytest

from engine.operate.adopt import adopt
from engine.operate.carry import carry_keys
from engine.state import staging, staging_tables
from engine.state.journal.sqlite_file import FILE_NAME
from engine.state.layouts import layout_of
from engine.state.staging import Staging
from world.project import world

ENGINE = Path(__file__).parents[3] / "engine"
SCRIPT = (ENGINE / "state" / "staging.sql").read_text(encoding="utf-8")
NAMES = re.findall(r"(?m)^create (?:temp )?table (\w+) \($", SCRIPT)
MADE = re.compile(r'\s*create (?:or replace )?(?:temp )?(?:table|view) (?:if not exists )?("?[\w:]+"?)')
KEPT = ("meta", "ledger", "changes", "files", "gone_before")

BILLS = """
object: bills
source:
  connection: erp
  query: SELECT grp, id, value FROM item
  key: [grp, id]
  children:
    lines: {query: "SELECT grp, id, value AS sku FROM item", parent: [grp, id]}
refs:
  client: {object: clients, on: {id: value}}
files: {pdf: {$bytes: "{{ value }}"}}
fields:
  id: "{{ id }}"
  client: "{{ client.client_id }}"
  lines: {$each: lines, sku: "{{ sku }}"}
send:
  - on: [added, changed]
    requests:
      - {method: POST, path: /bills, idempotent: true, body: "{{ line }}"}
      - {method: PUT, path: "/bills/{{ id | path }}", file: pdf}
"""

Columns: TypeAlias = dict[str, str]  # name: type


def described(run: Any, name: str) -> Columns:
    """Give the columns of a table but for those of the source and the references."""
    found = {column: type_ for column, type_, *_ in run(f"describe {name}")}
    return {column: type_ for column, type_ in found.items() if column[:2] not in ("c:", "r:")}


def told() -> dict[str, Columns]:
    """Give the tables as staging.sql lays them out."""
    with duckdb.connect() as connection:
        for name in NAMES:
            connection.execute(staging_tables.empty(name, columns=['"c:x"']))
        return {name: described(lambda sql: connection.execute(sql).fetchall(), name) for name in NAMES}


def test_the_tables_of_a_run_are_those_of_staging_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, list[Columns]] = {}

    def note(opened: Staging, name: str) -> None:
        columns = described(opened.rows, name)
        seen.setdefault("bound" if name.startswith('"ref:') else name, []).append(columns)

    run, close = Staging.run, Staging.close

    def run_and_note(self: Staging, sql: str, params: Any = ()) -> None:
        run(self, sql, params)
        if made := MADE.match(sql):
            note(self, made[1])

    def note_and_close(self: Staging) -> None:
        for name in KEPT:
            if self.value("select 1 from duckdb_tables() where table_name = ?", [name]):
                note(self, name)
        close(self)

    monkeypatch.setattr(Staging, "run", run_and_note)
    monkeypatch.setattr(Staging, "close", note_and_close)
    with world(tmp_path) as it:
        it.add("bills", BILLS)
        it.put("client", ("k1", "Ala"), ("k2", "Iza"))
        it.put("item", ("W1", "A", "k1"), ("W1", "B", "k2"))
        it.platform.plan("after")  # the create of k1 is looked up by the next run, and its update numbered once more
        for name in ("clients", "clients", "bills", "items", "letters"):
            it.run(name)
        it.put("item", ("W1", "A", "k2"))
        it.run("items")
        (it.state / FILE_NAME).unlink()
        adopt(it.app, it.app.loaded.mappings["clients"])
        it.edit("clients", ("SELECT id, name", "SELECT 'x' || id AS id, id AS old, name"))
        carry_keys(it.app, it.app.loaded.mappings["clients"], ["old"])

    assert {name: found for name, each in seen.items() for found in each} == told()
    assert all(found == told()[name] for name, each in seen.items() for found in each)


def test_every_table_and_every_step_of_the_layout_is_told() -> None:
    assert re.findall(r"(?m)^-- .*\ncreate (?:temp )?table (\w+) \($", SCRIPT) == NAMES
    assert re.findall(r"layout (\d+)", SCRIPT.splitlines()[0]) == [str(layout_of(staging.STEPS))]


# --- who speaks SQL to them --------------------------------------------------------------------------------------

SPEAKING = {"sql", "table", "into", "weights"}  # parameters that take SQL
WAYS = {
    name
    for name, each in vars(Staging).items()
    if inspect.isfunction(each) and SPEAKING & set(inspect.signature(each).parameters)
}


def nodes_elsewhere() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(ENGINE.rglob("*.py")):
        room, *rest = path.relative_to(ENGINE).parts
        if room != "difference" and not (room == "state" and rest[0] != "journal"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield f"{path.relative_to(ENGINE)}:{getattr(node, 'lineno', 0)}", node


def test_no_room_but_state_and_difference_speaks_sql_to_an_object_s_file() -> None:
    assert {"run", "rows", "value", "lists", "insert"} < WAYS

    asked = [
        place
        for place, node in nodes_elsewhere()
        if isinstance(node, ast.Attribute)
        and node.attr in WAYS
        and re.fullmatch(r"(.*\.)?_?staging", ast.unparse(node.value))
    ]
    own = "|".join(name for name in NAMES if name not in ("meta", "files"))  # the journal has a table `meta`
    written = [
        place
        for place, node in nodes_elsewhere()
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(rf"(?i)\bselect\b.*\bfrom ({own})\b|\b(update|insert into|delete from) ({own})\b", node.value)
    ]

    assert (asked, written) == ([], [])
