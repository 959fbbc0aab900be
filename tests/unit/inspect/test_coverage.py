"""What no sample exercises is named with its place: fields, ways of a template, operations, rules, writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.inspect.coverage import gaps
from engine.templates import compile
from engine.templates.jinja import Environment
from world.samples import project
from world.shipped import shipped

ITEMS = """
source:
  connection: erp
  query: SELECT * FROM item
  key: [w, id]
  children:
    lines: {query: SELECT * FROM line, parent: [w, id]}
fields:
  id: "{{ id }}"
  kind: "{{ 'A' if kind == 'a' else 'B' if kind == 'b' else 'C' }}"
  name: {$value: "{{ name }}", $on_null: omit}
  label: "{{ label or name or vars.root }}"
  colour: "{{ colour | mapped('colours') }}"
  note: "{% if note %}{{ note }}{% else %}none{% endif %}"
  unit: "{{ unit | default('pcs') }}"
  lines: {$each: lines, $on_empty: omit, text: {$value: "{{ text }}", $on_null: omit}}
send:
  - on: [added, changed]
    group_by: [w]
    request: {method: PUT, path: "/w/{{ w | path }}", body: "{{ lines }}"}
    on_status: {409: reject}
  - on: [removed]
    request: {method: DELETE, path: "/w/{{ w | path }}/{{ id | path }}"}
samples:
  - name: a
    row: {w: 1, id: 1, kind: a, name: null, label: L, colour: R, note: null, unit: null}
    children: {lines: [{text: T}]}
"""

MISSING = {
    "fields.kind: condition 1 of 2 is never false: {{ 'A' if kind == 'a' else 'B' if kind == 'b' else 'C' }}",
    "fields.kind: condition 2 of 2 is never reached: {{ 'A' if kind == 'a' else 'B' if kind == 'b' else 'C' }}",
    "fields.name.$value: it is null in every sample: {{ name }}",
    "fields.label: `or` 1 of 2 is always true on its left: {{ label or name or vars.root }}",
    "fields.label: `or` 2 of 2 is always true on its left: {{ label or name or vars.root }}",
    "fields.colour: no sample has G of maps.colours: {{ colour | mapped('colours') }}",
    "fields.note: the condition is never true: {% if note %}{{ note }}{% else %}none{% endif %}",
    "fields.unit: the `default` always stands in: {{ unit | default('pcs') }}",
    "fields.lines.text.$value: no sample has null here ($on_null: omit): {{ text }}",
    "fields.lines.$on_empty: no sample has an empty list of lines",
    "send[0].on: no sample is changed",
    "send[0].group_by: all samples are in one group: add one of another",
    "send[0].on_status.409: no sample is answered 409",
    "send[1]: no sample goes by this operation",
}

REST = """
  - name: b
    change: changed
    row: {w: 2, id: 2, kind: b, name: N, label: null, colour: G, note: X, unit: kg}
    children: {lines: [{text: null}, {}]}
    answers: [{status: 409}]
  - name: c
    row: {w: 1, id: 3, kind: c, name: null, label: null, colour: G, note: X, unit: kg}
  - name: gone
    change: removed
    row: {w: 1, id: 4, kind: c}
"""


def missing(folder: Path, text: str) -> set[str]:
    loaded = project(folder, items=text)
    return {f"{gap.path}: {gap.missing}" for gap in gaps(loaded, loaded.mappings["items"])}


def test_every_way_that_no_sample_goes_is_named_and_none_when_all_are_gone(tmp_path: Path) -> None:
    assert missing(tmp_path, ITEMS) == MISSING
    assert missing(tmp_path, ITEMS + REST.lstrip("\n")) == set()


def test_a_gap_has_its_place_and_a_mapping_without_samples_is_one(tmp_path: Path) -> None:
    loaded = project(tmp_path, items=ITEMS)

    found = gaps(loaded, loaded.mappings["items"])
    bare = gaps(loaded, loaded.mappings["parents"])

    assert str(found[0]).startswith(f"{tmp_path}/items.yaml:11:3: fields.kind: condition 1 of 2 is never false: ")
    assert [gap.place.line for gap in found] == sorted(gap.place.line for gap in found)
    assert [(gap.path, gap.missing) for gap in bare] == [("object", "it has no samples: add `samples`")]


CREATES = """
source: {connection: erp, query: SELECT * FROM item, key: [id]}
fields: {id: "{{ id }}"}
send:
  - on: [added]
    requests:
      - {method: POST, path: /items, body: "{{ line }}", save: {item: "{{ body.id }}"}}
      - {method: PUT, path: "/items/{{ saved.item | path }}"}
    lookup:
      request: {method: GET, path: /items, query: {id: "{{ id }}"}}
      found: "{{ body | length == 1 }}"
      save: {item: "{{ body[0].id }}"}
samples:
  - name: a
    row: {id: 1}
"""


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        (
            "",
            {
                "send[0].requests[0].save.item: no sample gets as far as this: {{ body.id }}",
                "send[0].requests[1].path: no sample gets as far as this: /items/{{ saved.item | path }}",
                "send[0].lookup: no sample's look-up finds the record",
                "send[0].lookup.absent: no sample's look-up finds none",
            },
        ),
        (
            "    answers: [{status: 500}, {status: 200, body: []}, {status: 201, body: {id: 7}}]\n",
            {"send[0].lookup: no sample's look-up finds the record"},
        ),
        (
            "    answers: [{status: 409}, {status: 200, body: [{id: 7}]}]\n",
            {
                "send[0].requests[0].save.item: no sample gets as far as this: {{ body.id }}",
                "send[0].requests[1].path: no sample gets as far as this: /items/{{ saved.item | path }}",
                "send[0].lookup.absent: no sample's look-up finds none",
            },
        ),
    ],
)
def test_answers_exercise_saves_steps_and_look_ups(tmp_path: Path, answers: str, left: set[str]) -> None:
    assert missing(tmp_path, CREATES + answers) == left


ORDERS = """
source:
  connection: one
  feed:
    request: {path: /events, query: {startId: "{{ cursor }}"}}
    items: "{{ body.events }}"
    next: "{{ body.nextId }}"
    removed: "{{ item.type == 'GONE' }}"
    key: {id: "{{ item.id }}"}
  fetch:
    when: "{{ item.type != 'NOISE' }}"
    request: {path: "/orders/{{ item.id | path }}"}
  key: [id]
write:
  connection: erp
  tables:
    - table: orders
      key: {id: "{{ id }}"}
      fields: {total: "{{ total }}"}
    - {table: order_lines, $each: lines, key: {id: "{{ parent.id }}", no: "{{ no }}"}}
  removed:
    statements:
      - {sql: UPDATE orders SET gone = 1 WHERE id = :id, params: {id: "{{ id }}"}}
samples:
  - name: whole
    row: {id: 1, type: NEW}
    document: {id: 1, total: null, lines: []}
"""


def test_feeds_and_writes_are_covered_by_items_documents_and_rows(tmp_path: Path) -> None:
    assert missing(tmp_path, ORDERS) == {
        "source.feed.removed: no sample is a removal",
        "source.fetch.when: no sample is skipped",
        "write.tables[0].fields.total: it is null in every sample: {{ total }}",
        "write.tables[1]: no sample writes a row of order_lines",
        "write.removed.statements[0]: no sample calls this statement",
    }
    more = """\
  - {name: lines, row: {id: 2, type: NEW}, document: {id: 2, total: 1, lines: [{no: 1}]}}
  - {name: noise, row: {id: 3, type: NOISE}}
  - {name: gone, change: removed, row: {id: 4, type: GONE}}
"""
    assert missing(tmp_path, ORDERS + more) == set()


def test_the_samples_of_stage_one_exercise_everything() -> None:
    loaded = shipped()

    stage_one = [mapping for mapping in loaded.mappings.values() if mapping.stage == 1]

    assert [str(gap) for mapping in stage_one for gap in gaps(loaded, mapping)] == []


def test_templates_compiled_after_the_coverage_are_not_watched(tmp_path: Path) -> None:
    loaded = project(tmp_path, items=ITEMS)

    gaps(loaded, loaded.mappings["items"])

    assert compile.Environment is Environment
