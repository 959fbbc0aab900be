"""Samples become the requests and writes of a run: kinds, chunks, steps, look-ups, files, feeds, refusals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.inspect.snapshots import Difference, as_text, compare, document_of
from world.samples import project

ITEMS = """
source:
  connection: erp
  query: SELECT w, id, quantity FROM item
  key: [w, id]
fields:
  id: "{{ id }}"
  quantity: {$value: "{{ quantity }}", $on_null: reject}
send:
  - on: [added, changed, removed]
    group_by: [w]
    chunk_size: 2
    request:
      method: POST
      path: /w/{{ w | path }}
      idempotent: true
      body: {lines: "{{ lines }}", gone: "{{ removed | map(attribute='id') | list }}"}
samples:
"""

NOTES = """
source:
  connection: erp
  query: SELECT id, name, parent FROM note
  key: [id]
refs:
  up: {object: parents, on: {id: parent}}
fields:
  name: "{{ name }}"
  up: "{{ up.parent_id }}"
send:
  - on: [added]
    request: {method: POST, path: /notes, body: "{{ line }}", headers: {X-Note: "{{ id }}"}}
    save: {note_id: "{{ body.id }}"}
    lookup:
      request: {method: GET, path: /notes, query: {id: "{{ id }}", tag: [a, b]}}
      found: "{{ body | length == 1 }}"
      save: {note_id: "{{ body[0].id }}"}
  - on: [changed]
    request: {method: PUT, path: "/notes/{{ saved.note_id | path }}", body: "{{ line }}"}
    on_status: {423: wait}
samples:
"""


def document(folder: Path, mapping: str, *samples: str) -> Any:
    loaded = project(folder, object=mapping + "".join(f"  - {each}\n" for each in samples))
    return document_of(loaded, loaded.mappings["object"])


def stories(folder: Path, mapping: str, *samples: str) -> list[Any]:
    """Give what is told of the samples, but for their names."""
    told = document(folder, mapping, *(f"{{name: s{number}, {each}}}" for number, each in enumerate(samples)))
    return [{name: value for name, value in story.items() if name != "name"} for story in told["samples"]]


# --- many records a request ----------------------------------------------------------------------------


def test_samples_go_together_by_group_and_size_in_the_order_of_their_keys(tmp_path: Path) -> None:
    found = document(
        tmp_path,
        ITEMS,
        "{name: second, row: {w: B, id: i2, quantity: 2}}",
        "{name: gone, change: removed, row: {w: B, id: i3, quantity: 3}}",
        "{name: first, change: changed, row: {w: B, id: i1, quantity: 1.50}}",
        "{name: elsewhere, row: {w: A/1, id: i9, quantity: 9}}",
    )

    on = ["added", "changed", "removed"]
    assert [(each["samples"], each["path"], each["body"]) for each in found["requests"]] == [
        (["elsewhere"], "/w/A%2F1", {"lines": [{"id": "i9", "quantity": 9}], "gone": []}),
        (
            ["first", "second"],
            "/w/B",
            {"lines": [{"id": "i1", "quantity": Decimal("1.5")}, {"id": "i2", "quantity": 2}], "gone": []},
        ),
        (["gone"], "/w/B", {"lines": [], "gone": ["i3"]}),
    ]
    assert all(each["on"] == on for each in found["requests"])


def test_a_column_has_one_kind_over_all_samples_as_over_a_read(tmp_path: Path) -> None:
    found = document(
        tmp_path,
        ITEMS,
        "{name: number, row: {w: A, id: 7, quantity: 2}}",
        '{name: text, row: {w: A, id: 8, quantity: "2.50"}}',
    )

    assert found["requests"][0]["body"]["lines"] == [{"id": 7, "quantity": "2"}, {"id": 8, "quantity": "2.50"}]


@pytest.mark.parametrize(
    ("samples", "refused"),
    [
        (
            ["row: {w: A, id: null, quantity: 1}"],
            {
                "stage": "key",
                "field": "w, id",
                "reason": "a part of the key (w, id) is null; give every row its key, or leave the row out of the "
                "query",
            },
        ),
        (
            ["row: {w: A, id: i, quantity: 1}", "row: {w: A, id: i, quantity: 2}"],
            {
                "stage": "key",
                "field": "w, id",
                "reason": "the key stands 2 times in the source; make the query give one row a key",
            },
        ),
        (
            ["row: {w: A, id: i}", "row: {w: A, id: j, quantity: 1}"],
            {"stage": "render", "field": "quantity", "reason": "is null"},
        ),
        (
            ["row: {w: A, id: i, quantity: 1}, answers: [{status: 422, body: no}]"],
            {"stage": "target", "status": 422, "reason": 'status 422: "no"'},
        ),
    ],
)
def test_a_refused_sample_says_at_which_stage_and_why(tmp_path: Path, samples: list[str], refused: Any) -> None:
    assert stories(tmp_path, ITEMS, *samples)[0]["refused"] == refused


def test_a_refused_chunk_is_split_with_the_answers_that_its_samples_have(tmp_path: Path) -> None:
    found = document(
        tmp_path,
        ITEMS,
        "{name: bad, row: {w: A, id: i1, quantity: 1}, answers: [{status: 400}, {status: 422}]}",
        "{name: good, row: {w: A, id: i2, quantity: 2}}",
    )

    assert [(each["samples"], each.get("answered")) for each in found["requests"]] == [
        (["bad", "good"], 400),
        (["bad"], 422),
        (["good"], None),
    ]
    assert [each.get("refused") for each in found["samples"]] == [
        {"stage": "target", "status": 422, "reason": "status 422"},
        None,
    ]


def test_rows_over_a_limit_are_refused_confirmed_ones_last(tmp_path: Path) -> None:
    limited = ITEMS.replace("samples:", "limits: [{per: [w], distinct: [id], max: 1}]\nsamples:")

    found = stories(
        tmp_path, limited, "row: {w: A, id: i1, quantity: 1}", "change: changed, row: {w: A, id: i2, quantity: 2}"
    )

    assert [each.get("refused") for each in found] == [
        {"stage": "limit", "field": "id", "reason": "over the limit of 1 id for one w"},
        None,
    ]


# --- one record a request ------------------------------------------------------------------------------


CREATE = {"method": "POST", "path": "/notes", "headers": {"X-Note": "n1"}, "body": {"name": "N", "up": None}}
LOOK_UP = {"look_up": True, "method": "GET", "path": "/notes", "query": {"id": "n1", "tag": ["a", "b"]}}
UPDATE = {"method": "PUT", "path": "/notes/7", "body": {"name": "N", "up": None}}
ADDED = {"change": "added", "key": ["n1"]}


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        ("row: {id: n1, name: N}", {**ADDED, "requests": [CREATE]}),
        (
            "row: {id: n1, name: N}, answers: [{status: 201, body: {id: 7}}]",
            {**ADDED, "requests": [{**CREATE, "answered": 201}], "confirmed": {"note_id": 7}},
        ),
        (
            "row: {id: n1, name: N}, answers: [{status: 409}, {status: 200, body: [{id: 7}]}]",
            {
                **ADDED,
                "requests": [{**CREATE, "answered": 409}, {**LOOK_UP, "answered": 200}, UPDATE],
                "exists": {"note_id": 7},
            },
        ),
        (
            "row: {id: n1, name: N}, answers: [{status: 500}, {status: 200, body: []}, {status: 201, body: {id: 7}}]",
            {
                **ADDED,
                "requests": [
                    {**CREATE, "answered": 500},
                    {**LOOK_UP, "answered": 200},
                    {**CREATE, "answered": 201},
                ],
                "confirmed": {"note_id": 7},
            },
        ),
        (
            "row: {id: n1, name: N}, answers: [{status: 500}, {status: 200, body: [{id: 7}, {id: 8}]}]",
            {
                **ADDED,
                "requests": [{**CREATE, "answered": 500}, {**LOOK_UP, "answered": 200}],
                "unknown": 'the look-up is unclear: status 200: [{"id":7},{"id":8}]',
            },
        ),
        (
            "change: changed, row: {id: n1, name: N}, saved: {note_id: 7}",
            {"change": "changed", "key": ["n1"], "requests": [UPDATE]},
        ),
        (
            "change: changed, row: {id: n1, name: N}, saved: {note_id: 7}, answers: [{status: 423}]",
            {"change": "changed", "key": ["n1"], "requests": [{**UPDATE, "answered": 423}], "waiting": "status 423"},
        ),
        (
            "change: changed, row: {id: n1, name: N}",
            {
                "change": "changed",
                "key": ["n1"],
                "refused": {
                    "stage": "render",
                    "field": "request",
                    "reason": "'note_id' is not in this map",
                },
            },
        ),
        ("change: removed, row: {id: n1}", {"change": "removed", "key": ["n1"], "unhandled": True}),
        ("row: {id: n1, name: N, parent: p1}", {**ADDED, "waiting": ["up"]}),
        (
            "row: {id: n1, name: N, parent: p1}, refs: {up: {parent_id: 5}}",
            {**ADDED, "requests": [{**CREATE, "body": {"name": "N", "up": 5}}]},
        ),
    ],
)
def test_one_record_goes_as_far_as_its_answers_lead(tmp_path: Path, sample: str, told: Any) -> None:
    columns = "row: {id: other, name: O, parent: p9}"  # so that the read has every column

    assert stories(tmp_path, NOTES, sample, columns)[0] == told


UPLOADS = """
source:
  connection: erp
  query: SELECT number, path FROM document
  key: [number]
files: {pdf: "{{ path }}"}
send:
  - on: [added]
    requests:
      - {method: POST, path: /begin, idempotent: true, body: {number: "{{ number }}"}, save: {url: "{{ body.url }}"}}
      - {method: PUT, url: "{{ saved.url }}", file: pdf}
      - {method: POST, path: /complete, idempotent: true}
samples:
"""


def test_steps_go_on_by_what_the_answers_save_and_show_the_file_by_its_text(tmp_path: Path) -> None:
    begun = "answers: [{status: 200, body: {url: 'http://up.invalid/1'}}]"

    whole, unanswered, without_file, without_path = stories(
        tmp_path,
        UPLOADS,
        f"row: {{number: 1, path: a/1.pdf}}, files: {{pdf: content of 1}}, {begun}",
        "row: {number: 2, path: a/2.pdf}, files: {pdf: content of 2}",
        "row: {number: 3, path: a/3.pdf}",
        "row: {number: 4, path: null}, files: {pdf: content of 4}",
    )

    begin = {"method": "POST", "path": "/begin", "body": {"number": 1}}
    assert whole == {
        "change": "added",
        "key": ["1"],
        "requests": [
            {**begin, "answered": 200},
            {
                "method": "PUT",
                "url": "http://up.invalid/1",
                "file": {"name": "pdf", "path": "a/1.pdf", "content": "content of 1"},
            },
            {"method": "POST", "path": "/complete"},
        ],
        "confirmed": {"url": "http://up.invalid/1"},
    }
    assert unanswered["requests"] == [{**begin, "body": {"number": 2}}]
    assert without_file["refused"] == {
        "stage": "render",
        "field": "files.pdf",
        "reason": "the file a/3.pdf cannot be read: the sample has no text for it under `files`",
    }
    assert without_path["refused"]["reason"] == "there is no file: its path or content is null"


DOCUMENTS = """
source:
  connection: erp
  query: SELECT id FROM document
  key: [id]
  children:
    lines: {query: SELECT * FROM line, parent: [doc], order_by: [no]}
fields:
  lines:
    $each: lines
    doc: "{{ doc }}"
    no: "{{ no }}"
    text: "{{ text }}"
send:
  - on: [added]
    request: {method: PUT, path: "/documents/{{ id | path }}", body: "{{ line }}"}
samples:
"""


def test_children_come_in_their_order_with_the_columns_of_their_parent(tmp_path: Path) -> None:
    [story] = stories(
        tmp_path,
        DOCUMENTS,
        "row: {id: d1}, children: {lines: [{doc: d1, no: 10, text: ten}, {no: 9}, {no: 100.0, text: hundred}]}",
    )

    assert story["requests"][0]["body"]["lines"] == [
        {"doc": "d1", "no": 9, "text": None},
        {"doc": "d1", "no": 10, "text": "ten"},
        {"doc": "d1", "no": 100, "text": "hundred"},
    ]


# --- inbound -------------------------------------------------------------------------------------------


ORDERS = """
source:
  connection: one
  feed:
    request: {path: /events, query: {startId: "{{ cursor }}"}}
    items: "{{ body.events }}"
    next: "{{ body.nextId }}"
    start: 5
    removed: "{{ item.type == 'GONE' }}"
    key: {id: "{{ item.order }}"}
  fetch:
    when: "{{ item.type != 'NOISE' }}"
    request: {path: "/orders/{{ item.order | path }}"}
  key: [id]
write:
  connection: erp
  tables:
    - table: orders
      key: {id: "{{ id }}"}
      fields: {total: "{{ total | decimal(2) }}"}
    - table: order_lines
      $each: lines
      key: {id: "{{ parent.id }}", no: "{{ no }}"}
      orphans: delete
  removed:
    statements:
      - sql: UPDATE orders SET gone = 1 WHERE id = :id
        params: {id: "{{ id }}"}
samples:
"""


def test_items_are_fetched_skipped_or_removed_and_documents_become_rows(tmp_path: Path) -> None:
    found = document(
        tmp_path,
        ORDERS,
        "{name: whole, row: {order: 7, type: NEW}, document: {id: 7, total: 1.005, lines: [{no: 1}, {no: 2}]}}",
        "{name: noise, row: {order: 7, type: NOISE}}",
        "{name: gone, change: removed, row: {order: 8, type: GONE}}",
        "{name: not found, row: {order: 9, type: NEW}, answers: [{status: 404}]}",
        "{name: no total, row: {order: 6, type: NEW}, document: {id: 6, total: much}}",
        "{name: unanswered, row: {order: 5, type: NEW}}",
    )

    fetch = {"method": "GET", "path": "/orders/7"}
    lines = {
        "table": "order_lines",
        "rows": [{"key": {"id": 7, "no": 1}, "fields": {}}, {"key": {"id": 7, "no": 2}, "fields": {}}],
        "delete_orphans_of": {"id": 7},
    }
    assert found == {
        "object": "object",
        "reads": {"method": "GET", "path": "/events", "query": {"startId": "5"}},
        "samples": [
            {
                "name": "whole",
                "change": "added",
                "key": ["7"],
                "fetch": fetch,
                "writes": [
                    {"table": "orders", "rows": [{"key": {"id": 7}, "fields": {"total": Decimal("1.01")}}]},
                    lines,
                ],
            },
            {"name": "noise", "change": "added", "skipped": True},
            {
                "name": "gone",
                "change": "removed",
                "key": ["8"],
                "writes": [{"sql": "UPDATE orders SET gone = 1 WHERE id = :id", "params": {"id": 8}}],
            },
            {
                "name": "not found",
                "change": "added",
                "fetch": {"method": "GET", "path": "/orders/9", "answered": 404},
                "refused": {"stage": "target", "status": 404, "reason": "status 404"},
            },
            {
                "name": "no total",
                "change": "added",
                "key": ["6"],
                "fetch": {"method": "GET", "path": "/orders/6"},
                "refused": {
                    "stage": "render",
                    "field": "total",
                    "reason": "'much' is not a number; correct it, or let the query return a number",
                },
            },
            {"name": "unanswered", "change": "added", "fetch": {"method": "GET", "path": "/orders/5"}},
        ],
    }


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            "[{no: 1}, {no: 2}, {no: '1'}]",
            "two rows of order_lines have the same key (id 7, no 1), so one would overwrite the other;"
            " add a column to `key` that tells them apart",
        ),
        ("[{no: 1}, {text: x}]", "a row of order_lines has no value for `no`, which is part of its key"),
    ],
)
def test_rows_that_their_table_could_not_tell_apart_refuse_their_record(
    tmp_path: Path, lines: str, reason: str
) -> None:
    sample = f"{{name: one, row: {{order: 7, type: NEW}}, document: {{id: 7, total: 1, lines: {lines}}}}}"

    [story] = document(tmp_path, ORDERS, sample)["samples"]

    assert story["refused"] == {"stage": "render", "reason": reason}


LONG = "Ż" * 60


# --- files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}\n"),
        ({"a": [], "b": {}}, '{\n  "a": [],\n  "b": {}\n}\n'),
        ({"z": 1, "a": Decimal("1.50")}, '{\n  "z": 1,\n  "a": 1.50\n}\n'),
        ({"a": ["x", None, True]}, '{\n  "a": ["x", null, true]\n}\n'),
        ({"a": [LONG, LONG]}, f'{{\n  "a": [\n    "{LONG}",\n    "{LONG}"\n  ]\n}}\n'),
        ([{"a": "\n\u2028"}], '[\n  {\n    "a": "\\n\u2028"\n  }\n]\n'),
    ],
)
def test_a_snapshot_is_json_with_one_field_a_line(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_a_changed_mapping_is_a_difference_field_by_field_until_it_is_written(tmp_path: Path) -> None:
    sample = "  - {name: one, row: {w: A, id: i1, quantity: 1.50}}\n"
    kept = tmp_path / "kept"
    before = project(tmp_path, items=ITEMS + sample)
    [new] = compare(before, kept)
    new.update()
    changed = ITEMS.replace('id: "{{ id }}"', 'id: "{{ id }}!"\n  kind: new').replace("  quantity:", "  amount:")
    after = project(tmp_path, items=changed + sample + sample.replace("one", "two").replace("i1", "i2"))

    [found] = compare(after, kept)

    line = "requests[0].body.lines[0]"
    assert (new.old, new.is_equal, compare(before, kept)[0].is_equal, found.is_equal) == (None, False, True, False)
    assert found.differences() == [
        Difference("samples 'two'", None, '{"change":"added","key":["A","i2"]}'),
        Difference("requests[0].samples[1]", None, '"two"'),
        Difference(f"{line}.id", '"i1"', '"i1!"'),
        Difference(f"{line}.kind", None, '"new"'),
        Difference(f"{line}.amount", None, "1.5"),
        Difference(f"{line}.quantity", "1.5", None),
        Difference("requests[0].body.lines[1]", None, '{"id":"i2!","kind":"new","amount":1.5}'),
    ]


def test_a_snapshot_of_no_object_is_a_difference_and_goes_with_the_update(tmp_path: Path) -> None:
    loaded, kept = project(tmp_path), tmp_path / "kept"
    kept.mkdir()
    (kept / "former.json").write_text("{}\n", encoding="utf-8")

    [former] = compare(loaded, kept)
    former.update()

    assert (former.object, former.old, former.new) == ("former", "{}\n", None)
    assert compare(loaded, kept) == []
