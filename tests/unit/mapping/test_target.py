"""Source and target answer, so that nobody asks which way a mapping goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.mapping.load.project_folder import Loaded, load
from engine.mapping.program.program import Program, compile_mapping
from engine.mapping.project_spec import connections_of, targets_of
from engine.mapping.spec import MappingSpec
from engine.values.records import Change

PROJECT = """\
connections:
  erp: {type: sql, url: 'sqlite://'}
  one: {type: http, base_url: 'https://one.example.com'}
"""
SENT = """\
object: sent
source: {connection: erp, query: "SELECT 1 AS id, 2 AS name", key: [id]}
fields: {name: "{{ name }}"}
send:
  - {on: [added], request: {method: PUT, path: "/{{ id | path }}", body: "{{ line }}"}}
  - {on: [changed, removed], request: {method: PUT, path: "/{{ id | path }}/{{ other | path }}"}}
"""
WRITTEN = """\
object: written
source:
  connection: one
  key: [id]
  feed:
    request: {method: GET, path: /events, query: {from: "{{ cursor }}"}}
    items: "{{ body.items }}"
    next: "{{ body.next }}"
    start: 7
    removed: "{{ item.gone }}"
    key: {id: "{{ item.id }}"}
write:
  connection: erp
  tables: [{table: note, key: {id: "{{ id }}"}}]
  removed: {statements: [{sql: "DELETE FROM note WHERE id = :id", params: {id: "{{ id }}"}}]}
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    for name, text in (("project", PROJECT), ("sent", SENT), ("written", WRITTEN)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load(tmp_path)


def compiled(loaded: Loaded, name: str) -> Program:
    return compile_mapping(loaded.mappings[name], loaded.project, loaded.mappings)


def spoken_of(mapping: MappingSpec) -> tuple[bool, bool, bool]:
    source = mapping.source
    return source.gives_events, source.keeps_documents, source.is_spoken_of


def test_each_change_is_taken_by_the_operation_that_names_it(loaded: Loaded) -> None:
    sent, written = compiled(loaded, "sent"), compiled(loaded, "written")

    assert sent.takes == {Change.ADDED: 0, Change.CHANGED: 1, Change.REMOVED: 1}
    assert written.takes == {Change.ADDED: 0, Change.CHANGED: 0, Change.REMOVED: 1}
    assert (sent.all_operations, written.all_operations) == (frozenset({0, 1}), frozenset({0, 1}))


def test_what_a_schedule_starts_takes_all_changes_of_its_entries(loaded: Loaded) -> None:
    on = {name: [sorted(entry.on) for entry in mapping.entries] for name, mapping in loaded.mappings.items()}

    assert on == {"sent": [["added"], ["changed", "removed"]], "written": [["added", "changed", "removed"]]}


def test_a_query_has_to_have_the_columns_that_are_named_and_a_document_its_key(loaded: Loaded) -> None:
    assert compiled(loaded, "sent").needed_columns() == {"id", "name", "other"}
    assert compiled(loaded, "written").needed_columns() == {"id"}


def test_a_source_says_what_can_be_asked_of_it_and_what_is_kept_of_it(loaded: Loaded) -> None:
    assert spoken_of(loaded.mappings["sent"]) == (False, False, False)
    assert spoken_of(loaded.mappings["written"]) == (True, True, True)


def test_an_object_names_its_connections_source_first(loaded: Loaded) -> None:
    project, mappings = loaded.project, loaded.mappings

    assert [connections_of(project, mappings[name]) for name in ("sent", "written")] == [("erp", "one"), ("one", "erp")]
    assert [targets_of(project, mappings[name]) for name in ("sent", "written")] == [("one",), ("erp",)]


def test_lines_are_shown_as_people_know_them(loaded: Loaded) -> None:
    assert compiled(loaded, "sent").lines.shown('{"name": "x"}') == {"name": "x"}
    [line] = compiled(loaded, "written").lines.render([('{"id": "a"}',)], ("document",))
    assert isinstance(line, bytes)
    assert compiled(loaded, "written").lines.shown(line) == {"note": {"id": "a"}}
