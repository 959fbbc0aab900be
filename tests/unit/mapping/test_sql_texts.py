# ruff: noqa: E501 (documents and messages stand whole, as a user sees them)
"""Queries and statements that are not what they look like in their file."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.mapping.load import load
from engine.values import ConfigError, sql_text
from world.documents import PROJECT, written

ITEMS = """object: items
source:
  connection: erp
  key: [sku]
  query: QUERY
fields: {sku: "{{ sku }}"}
send:
  - {on: [added], request: {method: PUT, path: "/items/{{ sku | path }}", body: "{{ line }}"}}
"""


@pytest.fixture(autouse=True)
def _inside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(query: str, document: str = ITEMS) -> list[str]:
    try:
        load(written({"project": PROJECT, "items": document.replace("QUERY", query)}))
    except ConfigError as error:
        return [f"{each.place}: {each.message}" for each in error.problems]
    return []


TAKES = "this comment takes the lines below it along, as YAML writes them all in one: `{}`; begin the text with `query: |`, which keeps lines, or write /* ... */"


@pytest.mark.parametrize(
    ("query", "place", "comment"),
    [
        (">\n    SELECT sku FROM p -- only flagged\n    WHERE flag = 1", "6:23", "-- only flagged"),
        (">-\n    -- only flagged\n    SELECT sku FROM p", "6:5", "-- only flagged"),
        ("SELECT sku FROM p -- it's flagged\n    WHERE flag = 1", "5:28", "-- it's flagged"),
        ('"SELECT sku FROM p -- only flagged\n    WHERE flag = 1"', "5:29", "-- only flagged"),
        (">\n    SELECT sku FROM p\n    --\n    WHERE flag = 1", "7:5", "--"),
        (">\n    SELECT '--' AS sku FROM p\n    WHERE x = 1 --x\n    AND y = 1", "7:17", "--x"),
    ],
)
def test_a_comment_that_yaml_draws_over_the_next_lines_is_refused_with_its_line(
    query: str, place: str, comment: str
) -> None:
    assert said(query) == [f"items.yaml:{place}: {TAKES.format(comment)}"]


@pytest.mark.parametrize(
    "query",
    [
        "|\n    SELECT sku FROM p -- only flagged\n    WHERE flag = 1",
        ">\n    SELECT sku FROM p\n    WHERE flag = 1 -- only flagged",
        ">\n    SELECT sku FROM p /* only flagged */\n    WHERE flag = 1",
        ">\n    SELECT '--' AS sku FROM p\n    WHERE flag = 1",
        ">\n    SELECT sku FROM p -- only flagged\n\n    WHERE flag = 1",
        "SELECT sku FROM p -- only flagged",
        "|\n    SELECT sku, ':word' AS w, \"a:b\", t::date FROM p -- :word, it's (\n    /* :word; */ WHERE a = 'x''y;' ",
        "|\n    # :word, it's MySQL\n    SELECT sku, data #> '{a,b}' FROM p",
        "|\n    SELECT sku, $$it's; :word$$, arr[1:2] FROM p",
        "|\n    EXECUTE BLOCK RETURNS (sku INT) AS BEGIN sku = 1; SUSPEND; END",
        "|\n    SELECT sku FROM p -- {{ sku }}",
    ],
)
def test_what_is_what_it_looks_like_is_accepted(query: str) -> None:
    assert said(query) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("|\n    SELECT sku FROM p WHERE a = '{{ vars.a }}'", "a query is no template, `{{ vars.a }}` would go"),
        ("|\n    SELECT sku FROM p WHERE {% if x %}1{% endif %} = 1", "a query is no template, `{% if x %}`"),
        ("|\n    SELECT sku FROM p WHERE a = 'it", "the quote ' is never closed"),
        ('|\n    SELECT "sku FROM p', 'the quote " is never closed'),
        ("|\n    SELECT sku FROM p /* all", "the comment `/*` is never closed"),
        ("|\n    SELECT sku FROM p WHERE (a = 1 OR (b = 2)", "2 opening and 1 closing brackets"),
        ("|\n    SELECT sku FROM p; DELETE FROM p", "a query is one statement, and 2 stand here"),
        ("|\n    SELECT sku FROM p;\n    -- the end", "not every database takes the `;` behind it"),
        ("|\n    SELECT sku FROM p WHERE a > :from", "`:from` has no value, `:cursor` alone has one"),
    ],
)
def test_what_the_database_would_read_otherwise_is_refused(query: str, message: str) -> None:
    [found] = said(query)

    assert found.startswith(f"items.yaml:5:3: {message}") or message in found


def test_children_and_statements_are_looked_at_as_well() -> None:
    inbound = """object: items
source: {connection: one, pages: {request: {path: /items, query: {page: "{{ page }}"}}, items: "{{ body }}"}, key: [id]}
write:
  connection: erp
  statements:
    - sql: >
        UPDATE item SET name = :name -- of one
        WHERE id = :id
      params: {id: "{{ id }}", name: "{{ name }}"}
    - {sql: "DELETE FROM item WHERE id = '{{ id }}'"}
"""
    children = ITEMS.replace(
        "fields:",
        '  children:\n    parts: {query: "SELECT a FROM b;", parent: [a]}\nfields:\n  p: {$each: parts, $value: "{{ a }}"}\nfieldz:',
    ).replace('\nfieldz: {sku: "{{ sku }}"}', "")

    assert [each.partition(": ")[0] for each in said("", inbound)] == ["items.yaml:7:38", "items.yaml:10:8"]
    assert len(said("SELECT sku FROM p", children)) == 1


def test_a_colon_in_a_literal_or_a_comment_is_no_parameter() -> None:
    sql = "SELECT ':a', \"b:c\", :d -- :e\n/* :f */ FROM p WHERE t = '\\:g'"

    assert sql_text.parameters(sql) == {"d"}
    assert sql_text.literal_colons(sql) == ("SELECT '\\:a', \"b\\:c\", :d -- \\:e\n/* \\:f */ FROM p WHERE t = '\\:g'")
