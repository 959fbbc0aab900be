"""Paths of requests: what a row may put into them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.mapping.load import load
from engine.values import ConfigError
from world.documents import PROJECT, written

ITEMS = """object: items
source: {connection: erp, query: "SELECT code, other FROM item", key: [code]}
fields: {code: "{{ code }}"}
send:
  - on: [added, changed]
    request: {method: PUT, path: PATH, body: "{{ line }}"}
  - on: [removed]
    request: {method: DELETE, path: "/items/{{ code | path }}"}
"""
BARE = "null, a `/` or a `?` in a value would lead to another address: write {{{{ {0} | path }}}}"
PURPOSE = "; or `whole_path` where it is several segments on purpose"
BRACKETS = ", with the whole expression in brackets, as a filter takes only what stands next to it"


@pytest.fixture(autouse=True)
def _inside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(text: str) -> list[str]:
    try:
        load(written({"project": PROJECT, "items": text}))
    except ConfigError as error:
        return [each.message for each in error.problems]
    return []


@pytest.mark.parametrize(
    ("path", "expression"),
    [
        ("/items/{{ code }}", "code"),
        ("/items/{{ code | trim }}", "(...)"),
        ("/items/{{ code | path | default('x') }}", "(...)"),
        ("/items/{{ code if other else other | path }}", "(...)"),
        ("/items/{{ code ~ '-' ~ other | path }}", "(...)"),
        ("/items/{% if code %}{{ code }}{% endif %}", "code"),
        ("/items/{% for each in [code] %}{{ each }}{% endfor %}", "each"),
        ("/items/{{ row.code }}", "row.code"),
        ("/items?code={{ code }}", "code"),
        ("{{ code }}", "code"),
    ],
)
def test_an_expression_in_a_path_ends_in_a_filter_for_paths(path: str, expression: str) -> None:
    message = BARE.format(expression) + (BRACKETS if expression == "(...)" else "") + PURPOSE

    assert said(ITEMS.replace("PATH", f'"{path}"')) == [f"`path`: {message}"]


@pytest.mark.parametrize(
    "path",
    [
        "/items/{{ code | path }}",
        "/items/{{ code | whole_path }}",
        "{{ code | whole_path }}",
        "/items/{{ (code ~ other) | path }}",
        "/items/{{ 'A-' ~ code | path }}",
        "/items/{{ code | path if other else 'none' }}",
        "/{{ vars.orders_service }}/items/{{ code.strip() | path }}",
        "/items/a..b/{{ code | path }}",
    ],
)
def test_what_is_written_for_a_path_is_accepted(path: str) -> None:
    assert said(ITEMS.replace("PATH", f'"{path}"')) == []


@pytest.mark.parametrize("path", ["/items/../admin", "/items/{{ code | path }}/.", "/%2e%2E/items", "/items/..?x=1"])
def test_a_path_does_not_climb(path: str) -> None:
    assert len(said(ITEMS.replace("PATH", f'"{path}"'))) == 1


def test_a_url_is_given_whole_or_its_expressions_end_in_a_filter_for_paths() -> None:
    good = [
        'url: "{{ row.address }}"',
        'url: "{{ code }}/x/{{ other | path }}"',
        'url: "https://a.b/{{ code | path }}"',
    ]
    bad = ['url: "https://a.b/{{ code }}"', 'url: "https://a.b?x={{ code }}"', 'url: "{{ code }}/x/{{ other }}"']

    assert [said(ITEMS.replace("path: PATH", each)) for each in good] == [[], [], []]
    assert [len(said(ITEMS.replace("path: PATH", each))) for each in bad] == [1, 1, 1]


def test_removals_look_ups_fetches_and_lists_are_looked_at_as_well() -> None:
    items = ITEMS.replace("PATH", "/items").replace("{{ code | path }}", "{{ code }}")
    looked_up = ITEMS.replace("method: PUT, path: PATH", "method: POST, path: /items").replace(
        "  - on: [removed]",
        '    lookup: {request: {path: "/items/{{ code }}"}, found: "{{ body }}"}\n  - on: [removed]',
    )
    listed = """object: items
source:
  connection: one
  pages: {request: {path: "/lists/{{ page }}"}, items: "{{ body }}"}
  fetch: {request: {path: "/items/{{ item.id }}"}}
  key: [id]
write: {connection: erp, tables: [{table: item, key: {id: "{{ id }}"}}]}
"""

    assert [said(text) for text in (items, looked_up)] == [[f"`path`: {BARE.format('code')}{PURPOSE}"]] * 2
    assert said(listed) == [f"`path`: {BARE.format(each)}{PURPOSE}" for each in ("page", "item.id")]


def test_the_link_that_a_list_gives_is_its_platform_s() -> None:
    listed = """object: items
source:
  connection: one
  pages: {request: {path: "{{ link or '/items' }}"}, items: "{{ body.items }}", next: "{{ body.next }}"}
  key: [id]
write: {connection: erp, tables: [{table: item, key: {id: "{{ id }}"}}]}
"""

    assert said(listed) == []
    assert len(said(listed.replace("{{ link or", "/x{{ link or"))) == 1
