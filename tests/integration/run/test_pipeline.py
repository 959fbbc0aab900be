"""Whole runs against a real ERP file and real HTTP: what is sent, what is remembered, what is never done."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.inspect.plan import plan
from engine.operate.retry_rejected import retry_rejected
from engine.run.one_run import exit_of
from engine.state.journal.sqlite_file import FILE_NAME
from engine.values.errors import Exit, StateError
from engine.values.results import ObjectResult, Status
from world.project import World, mapping, world
from world.wire import Reply


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def result(it: World) -> ObjectResult:
    assert it.last is not None
    return it.last


# --- what was not learnt -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["after", "before", 500, 503, 408])
def test_a_value_that_returned_while_an_answer_was_lost_is_sent(it: World, fault: Any) -> None:
    it.put("item", ("W1", "A", "a"))
    it.run("items")
    it.put("item", ("W1", "A", "b"))
    it.platform.plan(fault)
    lost = it.run("items")
    it.put("item", ("W1", "A", "a"))

    sent = it.run("items")

    assert lost == {"extracted": 1, "changed": 1, "failed": 1, "requests": 1}
    assert sent == {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": "a"}}


def test_a_removal_that_was_undone_while_its_answer_was_lost_is_sent_again(it: World) -> None:
    it.put("item", ("W1", "A", "a"), ("W1", "B", "b"))
    it.run("items")
    it.put("item", ("W1", "B", "b"))
    it.platform.plan("after")
    lost = it.run("items")
    it.put("item", ("W1", "A", "a"), ("W1", "B", "b"))

    sent = it.run("items")

    assert lost == {"extracted": 1, "unchanged": 1, "removed": 1, "failed": 1, "requests": 1}
    assert sent == {"extracted": 2, "unchanged": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": "a", "B": "b"}}


def test_a_record_that_was_added_unlearnt_and_left_is_removed(it: World) -> None:
    it.put("item", ("W1", "A", "a"))
    it.platform.plan("after")
    it.run("items")
    it.put("item")

    removed = it.run("items")

    assert removed == {"removed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items == {"W1": {}}
    assert it.run("items") == {}


def test_a_refusal_of_a_line_alone_leaves_what_was_confirmed(it: World) -> None:
    it.put("item", ("W1", "A", "a"))
    it.run("items")
    it.platform.refused = {"bad"}
    it.put("item", ("W1", "A", "bad"))
    it.run("items")
    it.put("item", ("W1", "A", "a"))

    assert it.run("items") == {"extracted": 1, "unchanged": 1}
    assert it.rejected("items") == {}


def test_a_refusal_after_a_lost_answer_leaves_it_uncertain(it: World) -> None:
    it.edit("project", ("attempts: 1", "attempts: 2"))
    it.put("item", ("W1", "A", "a"))
    it.run("items")
    it.put("item", ("W1", "A", "b"))
    it.platform.plan("after", 422)
    assert it.run("items") == {"extracted": 1, "changed": 1, "rejected": 1, "requests": 2, "retries": 1}
    it.put("item", ("W1", "A", "a"))

    assert it.run("items") == {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": "a"}}


def test_what_waits_by_the_mappings_word_stays_uncertain_where_it_may_have_been_done(it: World) -> None:
    it.edit("items", ("    group_by: [grp]\n", "    group_by: [grp]\n    on_status: {500: wait}\n"))
    it.put("item", ("W1", "A", "a"))
    it.run("items")
    it.put("item", ("W1", "A", "b"))
    it.platform.plan(500)
    waiting = it.run("items")
    it.platform.items = {"W1": {"A": "b"}}  # so it was done
    it.put("item", ("W1", "A", "a"))

    assert waiting == {"extracted": 1, "changed": 1, "waiting": 1, "requests": 1}
    assert it.run("items") == {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": "a"}}


# --- refusals ------------------------------------------------------------------------------------------------


def test_seven_bad_lines_of_thirty_thousand_cost_200_requests_and_no_other_line(it: World) -> None:
    it.edit("items", ("chunk_size: 100", "chunk_size: 10000"))
    it.edit("project", ("concurrency: 1", "concurrency: 4"))
    rows = [("W1", f"{number:05}", number) for number in range(30_000)]
    bad = set(range(1234, 30_000, 4321))
    it.platform.refused = set(bad)
    it.put("item", *rows)

    counts = it.run("items")
    again = it.run("items")

    assert len(bad) == 7
    assert counts.pop("requests") <= 200
    assert counts.pop("splits") <= 100
    assert counts == {"extracted": 30_000, "added": 30_000, "confirmed": 29_993, "rejected": 7}
    assert it.platform.items == {"W1": {id_: value for _, id_, value in rows if value not in bad}}
    assert it.rejected("items") == {("W1", f"{number:05}"): "target" for number in bad}
    assert again == {"extracted": 30_000, "unchanged": 29_993, "added": 7, "rejected": 7}
    assert exit_of(result(it)) == Exit.PARTIAL


def test_of_rows_so_heavy_that_three_go_at_once_none_is_left_out(it: World) -> None:
    it.put("item", *[(f"W{number % 4}", f"{number:02}", 1) for number in range(41)])
    it.run("items")
    with it.staging("items") as staging:
        staging.set_meta("heaviest_bytes", "20000000000")
    it.platform.refused = {99}
    changed = [(f"W{number % 4}", f"{number:02}", 99 if number == 7 else 2) for number in range(3, 50)]
    it.put("item", *changed)

    counts = it.run("items")

    assert counts == {
        "extracted": 47,
        "added": 9,
        "changed": 38,
        "removed": 3,
        "confirmed": 49,
        "rejected": 1,
        "requests": counts["requests"],
        "splits": counts["splits"],
    }
    held = {(group, id_): value for group, lines in it.platform.items.items() for id_, value in lines.items()}
    assert held == {(group, id_): 1 if value == 99 else value for group, id_, value in changed}
    assert it.run("items") == {"extracted": 47, "unchanged": 46, "changed": 1, "rejected": 1}


def test_a_remembered_rejection_ends_when_its_payload_changes(it: World) -> None:
    it.platform.refused = {"bad", "worse"}
    it.put("item", ("W1", "A", "bad"))
    refused = {"extracted": 1, "added": 1, "rejected": 1}

    found = [it.run("items"), it.run("items")]
    it.put("item", ("W1", "A", "worse"))
    found += [it.run("items"), it.run("items")]
    it.put("item", ("W1", "A", "good"))
    found += [it.run("items"), it.run("items")]

    assert found == [
        {**refused, "requests": 1},
        refused,
        {**refused, "requests": 1},
        refused,
        {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1},
        {"extracted": 1, "unchanged": 1},
    ]
    assert it.rejected("items") == {}


def test_a_remembered_rejection_ends_when_the_mapping_changes(it: World) -> None:
    it.platform.refused = {"bad"}
    it.put("item", ("W1", "A", "bad"))
    it.run("items")
    it.edit("items", ("chunk_size: 100", "chunk_size: 99"))

    assert it.run("items") == {"extracted": 1, "added": 1, "rejected": 1, "requests": 1}


def test_a_remembered_rejection_ends_when_an_operator_says_so(it: World) -> None:
    it.platform.refused = {"bad"}
    it.put("item", ("W1", "A", "bad"))
    it.run("items")
    with it.journal() as journal:
        assert journal.rejections.retry("items", [("W1", "A"), ("W1", "unknown")]) == 1
    it.platform.refused = set()

    assert it.run("items") == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}
    assert it.rejected("items") == {}


def test_an_operators_retry_outlives_a_run_that_could_not_send_it(it: World) -> None:
    it.platform.refused = {"bad"}
    it.put("item", ("W1", "A", "bad"))
    it.run("items")
    with it.journal() as journal:
        journal.rejections.retry("items", [("W1", "A")])
    it.platform.refused = set()
    it.platform.plan("before")
    it.run("items")

    assert it.run("items") == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}


def test_a_rejection_is_forgotten_when_its_key_left_the_source(it: World) -> None:
    it.platform.refused = {"bad"}
    it.put("item", ("W1", "A", "bad"), ("W1", "B", "good"))
    it.run("items")
    it.put("item", ("W1", "B", "good"))

    it.run("items")

    assert it.rejected("items") == {}


def test_missing_and_doubled_keys_are_refused_with_all_their_rows_and_remove_nothing(it: World) -> None:
    it.put("item", ("W1", "A", 1), ("W1", "B", 2), ("W1", "C", 3))
    it.run("items")
    it.put("item", ("W1", "A", 1), ("W1", "A", 2), ("W1", "B", 2), (None, "C", 3), ("W1", None, 4), ("W1", "C", 4))

    counts = it.run("items")

    assert counts == {
        "extracted": 6,
        "unchanged": 1,
        "added": 4,
        "changed": 1,
        "confirmed": 1,
        "rejected": 4,
        "requests": 1,
    }
    assert it.rejected("items") == {("W1", "A"): "key", (None, "C"): "key", ("W1", None): "key"}
    assert it.platform.items == {"W1": {"A": 1, "B": 2, "C": 4}}


def test_a_row_that_cannot_be_rendered_is_refused_alone(it: World) -> None:
    it.edit("items", ('value: "{{ value }}"', 'value: "{{ value | number }}"'))
    it.put("item", ("W1", "A", "1"), ("W1", "B", "brak"), ("W1", "C", "3"))

    counts = it.run("items")

    assert counts == {"extracted": 3, "added": 3, "confirmed": 2, "rejected": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": 1, "C": 3}}
    assert it.rejected("items") == {("W1", "B"): "render"}


def test_requests_that_cannot_be_made_are_refused_within_the_run(it: World) -> None:
    it.edit("items", ("/items/{{ grp | path }}", "/items/{{ grp.split('-')[1] | path }}"))
    it.put("item", *[(f"{number}", "A", 1) for number in range(300)], ("a-W1", "A", 1))

    counts = it.run("items")

    assert counts == {"extracted": 301, "added": 301, "confirmed": 1, "rejected": 300, "requests": 1}
    assert result(it).duration_seconds < 100  # not a pause for each of them


def test_a_platform_that_refuses_whatever_is_sent_ends_the_operation(it: World) -> None:
    it.platform.rule = lambda seen: 422
    it.put("item", *[(f"W{group}", f"{number}", 1) for group in range(6) for number in range(20)])

    counts = it.run("items")

    assert counts["failed"] == 120
    assert it.code == "E_REFUSED_GROUPS"
    assert 45 <= counts["requests"] <= 60  # three groups of 15, and what was under way
    assert it.rejected("items") == {}


# --- guards and limits ---------------------------------------------------------------------------------------

GUARDED = ("guards: {max_removed: 100%, min_rows: 0}\n", "")


def test_an_empty_source_removes_nothing(it: World) -> None:
    it.edit("items", GUARDED)
    it.put("item", ("W1", "A", 1), ("W1", "B", 2))
    it.run("items")
    it.put("item")

    assert it.run("items") == {"removed": 2, "withheld": 2}
    assert exit_of(result(it)) == Exit.GUARD
    assert [note.partition(";")[0] for note in result(it).notes] == [
        "items: 2 removals are withheld: the source gave 0 rows, guards.min_rows is 1"
    ]
    assert it.platform.items == {"W1": {"A": 1, "B": 2}}


def test_a_query_that_the_database_refuses_is_told_with_its_place(it: World) -> None:
    it.put("item", ("W1", "A", 1))
    it.edit("items", ("FROM item", "FROM itme"))

    assert it.run("items") == {}
    assert it.code == "E_QUERY"
    assert it.last is not None and it.last.failure is not None
    assert re.search(r"items\.yaml:\d+:\d+: items: connection erp: no such table: itme$", it.last.failure.message)


def test_more_removals_than_the_guard_lets_go_are_withheld_and_may_be_allowed_once(it: World) -> None:
    it.edit("items", GUARDED)
    rows = [("W1", f"{number}", number) for number in range(10)]
    it.put("item", *rows)
    it.run("items")
    it.put("item", *rows[3:])

    withheld = it.run("items")
    too_few = it.run("items", allowed_removed=2)
    allowed = it.run("items", allowed_removed=3)
    it.put("item", *rows[6:])
    later = it.run("items")

    assert withheld == too_few == {"extracted": 7, "unchanged": 7, "removed": 3, "withheld": 3}
    assert allowed == {"extracted": 7, "unchanged": 7, "removed": 3, "confirmed": 3, "requests": 1}
    assert later == {"extracted": 4, "unchanged": 4, "removed": 3, "withheld": 3}
    assert it.platform.items["W1"].keys() == {f"{number}" for number in range(3, 10)}


def test_a_source_that_breaks_off_removes_nothing(it: World) -> None:
    it.put("item", ("W1", "A", 1), ("W1", "B", 2))
    it.run("items")
    it.edit("items", ("SELECT grp, id, value FROM item", "SELECT grp, id, value, json(id) AS x FROM item"))

    assert it.run("items") == {}
    assert it.code in ("E_QUERY", "E_DATA", "E_LOST")
    assert it.platform.items == {"W1": {"A": 1, "B": 2}}


def test_rows_over_a_limit_are_refused_and_the_same_ones_each_time(it: World) -> None:
    it.edit("items", GUARDED)
    limits = "limits:\n  - {per: [grp], distinct: [id], max: 2}\nguards:"
    it.add("items", mapping("items").replace("guards:", limits))
    it.put("item", ("W1", "B", 1), ("W1", "C", 2), ("W1", "D", 3))
    first = it.run("items")
    it.put("item", ("W1", "A", 0), ("W1", "B", 1), ("W1", "C", 2), ("W1", "D", 3))
    second = it.run("items")
    it.put("item", ("W1", "A", 0), ("W1", "C", 2), ("W1", "D", 3))
    third = it.run("items")

    assert first == {"extracted": 3, "added": 3, "confirmed": 2, "rejected": 1, "requests": 1}
    assert second == {"extracted": 4, "unchanged": 2, "added": 2, "rejected": 2}
    assert third == {
        "extracted": 3,
        "unchanged": 1,
        "added": 2,
        "removed": 1,
        "confirmed": 2,
        "rejected": 1,
        "requests": 1,
    }
    assert it.platform.items == {"W1": {"A": 0, "C": 2}}
    assert it.rejected("items") == {("W1", "D"): "limit"}


# --- references ----------------------------------------------------------------------------------------------

CREDITS = """
object: credits
source: {connection: erp, query: "SELECT id, grp AS client, value FROM item", key: [id]}
refs:
  client_ref: {object: clients, on: {id: client}}
fields: {value: "{{ value }}"}
send:
  - on: [added, changed]
    request:
      method: PUT
      path: /clients/{{ client_ref.client_id | path }}
      body: {externalId: "{{ id }}", name: "{{ line.value }}"}
"""


def test_a_record_waits_for_what_it_refers_to_and_goes_by_itself(it: World) -> None:
    it.add("credits", CREDITS)
    it.put("item", ("k1", "A", "100"), (None, "B", "200"))

    waiting = it.run("credits")
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    going = it.run("credits")

    assert waiting == {"extracted": 2, "added": 2, "waiting": 1, "rejected": 1}
    assert it.rejected("credits") == {("B",): "render"}
    assert going == {"extracted": 2, "added": 2, "confirmed": 1, "rejected": 1, "requests": 1}
    assert it.platform.clients == {"c-k1-1": {"externalId": "A", "name": "100"}}


def test_a_reference_that_gets_another_value_is_a_change(it: World) -> None:
    it.add("credits", CREDITS)
    it.put("item", ("k1", "A", "100"))
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    it.run("credits")
    with it.journal() as journal:
        journal.bindings.add("clients", [(("k1",), {"client_id": "moved"})])
    it.platform.clients["moved"] = {}
    it.platform.take()

    counts = it.run("credits")

    assert counts == {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.take() == ["PUT /clients/moved"]


# --- creates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "creates"), [("after", 1), ("before", 2), (500, 2)])
def test_a_create_that_was_not_learnt_is_looked_up_and_never_doubled(it: World, fault: Any, creates: int) -> None:
    it.put("client", ("k1", "Ala"))
    it.platform.plan(fault)

    counts = it.run("clients")
    requests = it.platform.take()

    assert counts == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 3}
    assert requests == ["POST /clients", "GET /clients", "POST /clients" if creates == 2 else "PUT /clients/c-k1-1"]
    assert it.platform.names() == {"k1": "Ala"}
    assert it.run("clients") == {"extracted": 1, "unchanged": 1}


def test_a_create_whose_look_up_fails_is_unknown_and_asked_for_again_in_the_next_run(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.platform.plan("after", 500)
    unknown = it.run("clients")
    it.put("client", ("k1", "Ola"))

    counts = it.run("clients")

    assert unknown == {"extracted": 1, "added": 1, "unknown": 1, "requests": 2}
    assert counts == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 2}
    assert it.platform.names() == {"k1": "Ola"}
    assert it.platform.take() == ["POST /clients", "GET /clients", "GET /clients", "PUT /clients/c-k1-1"]
    assert it.run("clients") == {"extracted": 1, "unchanged": 1}


def test_a_create_that_was_not_done_is_made_again_after_a_later_look_up(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.platform.plan("before", 500)
    it.run("clients")

    counts = it.run("clients")

    assert counts == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 2}
    assert it.platform.names() == {"k1": "Ala"}


def test_a_create_that_was_found_without_an_update_is_held_for_what_was_claimed(it: World) -> None:
    it.edit("clients", ("  - on: [changed]\n", "  - on: [changed]\n    schedule: manual\n"))
    it.put("client", ("k1", "Ala"))
    it.platform.plan("after")
    first = it.run("clients", due=frozenset({0}))
    it.put("client", ("k1", "Ola"))
    second = it.run("clients", due=frozenset({0}))
    third = it.run("clients", due=frozenset({1}))

    assert first == {"extracted": 1, "added": 1, "not_due": 1, "requests": 2}
    assert second == {"extracted": 1, "changed": 1, "not_due": 1}
    assert third == {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.names() == {"k1": "Ola"}


def only_creates(it: World, *, lookup: bool) -> None:
    text = (it.folder / "clients.yaml").read_text()
    head, _, rest = text.partition("  - on: [changed]")
    if not lookup:
        head = head.partition("    lookup:")[0]
    it.add("clients", head + "guards:" + rest.partition("guards:")[2])


def test_without_an_update_a_found_create_is_confirmed_with_what_was_claimed(it: World) -> None:
    only_creates(it, lookup=True)
    it.put("client", ("k1", "Ala"))
    it.platform.plan("after", 500)
    it.run("clients")
    it.put("client", ("k1", "Ola"))

    counts = [it.run("clients"), it.run("clients"), it.run("clients")]

    changed = {"extracted": 1, "changed": 1, "unhandled_changed": 1}
    assert counts == [{"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}, changed, changed]
    assert it.platform.names() == {"k1": "Ala"}
    it.put("client", ("k1", "Ala"))
    assert it.run("clients") == {"extracted": 1, "unchanged": 1}


def test_a_create_without_look_up_stays_unknown_and_is_not_sent_again(it: World) -> None:
    only_creates(it, lookup=False)
    it.put("client", ("k1", "Ala"), ("k2", "Ola"))
    it.platform.plan("after")

    first = it.run("clients")
    it.put("client", ("k1", "Ala changed"), ("k2", "Ola"))
    second = it.run("clients")
    requests = it.platform.take()
    it.put("client", ("k2", "Ola"))
    third = it.run("clients")

    assert first == {"extracted": 2, "added": 2, "confirmed": 1, "unknown": 1, "requests": 2}
    assert second == {"extracted": 2, "unchanged": 1, "added": 1, "unknown": 1}
    assert requests == ["POST /clients", "POST /clients"]
    assert third == {"extracted": 1, "unchanged": 1, "removed": 1, "unknown": 1}
    assert exit_of(result(it)) == Exit.PARTIAL


@pytest.mark.parametrize("on", ["[added, changed]", "[added, changed, removed]"])
def test_what_must_not_be_repeated_is_not_repeated_for_a_change_either(it: World, on: str) -> None:
    it.edit("items", ("      idempotent: true\n", ""), ("on: [added, changed, removed]", f"on: {on}"))
    it.put("item", ("W1", "A", 1), ("W1", "B", 2))
    it.run("items")
    it.put("item", ("W1", "A", 10), ("W1", "B", 20))
    it.platform.plan("after")

    first = it.run("items")
    it.platform.take()
    again = [it.run("items"), it.run("items")]

    assert first == {"extracted": 2, "changed": 2, "unknown": 2, "requests": 1}
    assert again == [{"extracted": 2, "changed": 2, "unknown": 2}] * 2
    assert it.platform.take() == []


STEPS = """
  - on: [added]
    requests:
      - {method: POST, path: /clients, body: "{{ line }}", save: {client_id: "{{ body.clientId }}"}}
      - method: PUT
        path: /clients/{{ saved.client_id | path }}
        body: {externalId: "{{ id }}", name: "{{ name }}!"}
    lookup:
      before_create: never
      settle_seconds: 0.01
      request: {method: GET, path: /clients, query: {externalId: "{{ id }}"}}
      found: "{{ body | length == 1 }}"
      save: {client_id: "{{ body[0].clientId }}"}
guards: {max_removed: 100%, min_rows: 0}
"""


@pytest.mark.parametrize(
    ("faults", "requests"),
    [
        ((), ["POST /clients", "PUT /clients/c-k1-1"]),
        (("after",), ["POST /clients", "GET /clients", "PUT /clients/c-k1-1"]),
        (("before",), ["POST /clients", "GET /clients", "POST /clients", "PUT /clients/c-k1-1"]),
        (("after", 500), ["POST /clients", "GET /clients", "GET /clients", "PUT /clients/c-k1-1"]),
        (("ok", "before"), ["POST /clients", "PUT /clients/c-k1-1", "PUT /clients/c-k1-1"]),
        (("ok", 429), ["POST /clients", "PUT /clients/c-k1-1", "PUT /clients/c-k1-1"]),
    ],
)
def test_a_create_of_several_steps_ends_with_its_last_and_creates_once(
    it: World, faults: tuple[Any, ...], requests: list[str]
) -> None:
    text = (it.folder / "clients.yaml").read_text()
    it.add("clients", text.partition("  - on: [added]")[0].rstrip() + STEPS)
    it.put("client", ("k1", "Ala"))
    it.platform.plan(*faults)

    it.quiet("clients")

    assert it.platform.names() == {"k1": "Ala!"}
    assert it.platform.take() == requests


def test_a_409_is_looked_up_and_the_record_that_exists_is_updated(it: World) -> None:
    it.platform.clients["old"] = {"externalId": "k1", "name": "before us"}
    it.platform.plan(409)
    it.put("client", ("k1", "Ala"))

    counts = it.run("clients")

    assert counts == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 3}
    assert it.platform.take() == ["POST /clients", "GET /clients", "PUT /clients/old"]
    assert it.platform.names() == {"k1": "Ala"}


def test_a_look_up_that_cannot_be_made_keeps_the_claim(it: World) -> None:
    it.edit("clients", ('query: {externalId: "{{ id }}"}', 'query: {externalId: "{{ id }}", n: "{{ name.strip() }}"}'))
    it.edit("clients", ("$on_null: reject", "$on_null: send"))
    it.put("client", ("k1", None))
    it.platform.plan("after")
    first = it.run("clients")
    second = it.run("clients")
    it.put("client", ("k1", "Ala"))
    third = it.run("clients")

    assert first == {"extracted": 1, "added": 1, "unknown": 1, "requests": 1}
    assert second == {"extracted": 1, "added": 1, "unknown": 1}
    assert third == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 2}
    assert it.platform.names() == {"k1": "Ala"}


def test_a_create_of_unknown_outcome_whose_record_left_is_found_and_removed(it: World) -> None:
    it.put("client", ("k1", "Ala"), ("k2", "Ola"))
    it.platform.plan("after", "ok", 500)
    it.run("clients")
    it.put("client", ("k2", "Ola"))

    counts = it.run("clients")

    assert counts == {"extracted": 1, "unchanged": 1, "removed": 1, "confirmed": 1, "requests": 2}
    assert it.platform.names() == {"k2": "Ola"}
    assert it.run("clients") == {"extracted": 1, "unchanged": 1}


def test_a_create_of_unknown_outcome_that_was_not_done_and_left_is_let_go(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.platform.plan("before", 500)
    it.run("clients")
    it.put("client")

    counts = it.run("clients")

    assert counts == {"removed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.created == {}
    assert it.run("clients") == {}


def test_what_an_update_marks_ahead_hides_no_lost_removal(it: World) -> None:
    it.put("client", ("k1", "Ala"), ("k2", "Ola"))
    it.run("clients")
    it.put("client", ("k1", "Ela"), ("k3", "Iza"))
    it.platform.plan("after", "ok", "ok", "ok", "after")
    it.platform.take()
    lost = it.run("clients")
    requests = it.platform.take()
    it.put("client", ("k1", "Ela"), ("k2", "Ola"), ("k3", "Iza"))
    later = it.run("clients")

    assert requests == [
        "POST /clients",
        "GET /clients",
        "PUT /clients/c-k1-1",
        "PUT /clients/c-k3-1",
        "DELETE /clients/c-k2-1",
    ]
    assert lost == {
        "extracted": 2,
        "added": 1,
        "changed": 1,
        "removed": 1,
        "confirmed": 2,
        "failed": 1,
        "requests": 5,
    }
    assert later == {"extracted": 3, "unchanged": 2, "changed": 1, "confirmed": 1, "requests": 3}
    assert it.run("clients") == {"extracted": 3, "unchanged": 3}
    assert it.platform.take() == ["PUT /clients/c-k2-1", "GET /clients", "POST /clients"]  # asked for, then created
    assert it.platform.created == {"k1": 1, "k2": 2, "k3": 1}


# --- edits of the mapping ------------------------------------------------------------------------------------


def test_an_edit_of_the_fields_sends_only_what_differs(it: World) -> None:
    it.put("item", ("W1", "A", 1), ("W1", "B", 100), ("W1", "C", 200))
    it.run("items")
    it.edit("items", ('value: "{{ value }}"', 'value: "{{ value if value < 150 else 150 }}"'))

    first = it.run("items")

    assert first == {"extracted": 3, "unchanged": 2, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": 1, "B": 100, "C": 150}}
    assert it.run("items") == {"extracted": 3, "unchanged": 3}


def test_an_edit_of_path_or_envelope_sends_nothing(it: World) -> None:
    it.put("item", ("W1", "A", 1))
    it.run("items")
    it.edit("items", ("/items/{{ grp | path }}", "/other/{{ grp | path }}"))

    assert it.run("items") == {"extracted": 1, "unchanged": 1}


def test_a_column_that_no_template_uses_changes_nothing(it: World) -> None:
    it.edit("items", ("SELECT grp, id, value FROM item", "SELECT grp, id, value, random() AS noise FROM item"))
    it.put("item", ("W1", "A", 1))
    it.run("items")

    assert it.run("items") == {"extracted": 1, "unchanged": 1}


def test_a_record_that_moved_to_another_group_is_sent_there(it: World) -> None:
    it.edit("items", ("key: [grp, id]", "key: [id]"), ("on: [added, changed, removed]", "on: [added, changed]"))
    it.edit("items", ("{{ removed | map(attribute='id') | list }}", "{{ [] }}"))
    it.put("item", ("W1", "A", 1))
    it.run("items")
    it.put("item", ("W2", "A", 1))

    counts = it.run("items")

    assert counts == {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items["W2"] == {"A": 1}


def test_a_column_that_changes_its_kind_loses_nothing(it: World) -> None:
    it.put("item", ("W1", "A", "1"), ("W1", "B", "brak"), ("W1", "C", "3"))
    it.run("items")
    text = dict(it.platform.items["W1"])
    it.put("item", ("W1", "A", 1), ("W1", "C", 3))
    removed = it.run("items")
    numbers = dict(it.platform.items["W1"])

    assert text == {"A": "1", "B": "brak", "C": "3"}
    assert removed == {"extracted": 2, "changed": 2, "removed": 1, "confirmed": 3, "requests": 1}
    assert numbers == {"A": 1, "C": 3}
    assert it.run("items") == {"extracted": 2, "unchanged": 2}


def test_a_key_that_looked_like_a_number_is_removed_as_the_text_it_was(it: World) -> None:
    it.put("item", ("W1", "007", 1), ("W1", "x", 2))
    it.run("items")
    it.put("item", ("W1", 8, 3))
    it.run("items")

    assert it.platform.items == {"W1": {8: 3}}


def test_equal_numbers_of_other_types_are_no_change(it: World) -> None:
    it.put("item", ("W1", "A", 5), ("W1", "B", 2.5))
    it.run("items")
    it.put("item", ("W1", "A", 5.0), ("W1", "B", 2.50))

    assert it.run("items") == {"extracted": 2, "unchanged": 2}


# --- lost and stale files ------------------------------------------------------------------------------------


def test_a_lost_duckdb_file_is_rebuilt_by_sending_again_and_creates_nothing(it: World) -> None:
    it.put("client", ("k1", "Ala"), ("k2", "Ola"))
    it.run("clients")
    it.platform.take()
    (it.state / "clients.duckdb").unlink()

    counts = it.run("clients")

    assert counts == {"extracted": 2, "changed": 2, "confirmed": 2, "requests": 2}
    assert it.platform.take() == ["PUT /clients/c-k1-1", "PUT /clients/c-k2-1"]
    assert len(result(it).notes) == 1
    assert "rebuilt" in result(it).notes[0]
    assert it.run("clients") == {"extracted": 2, "unchanged": 2}
    assert result(it).notes == ()


def test_a_lost_duckdb_file_of_an_object_without_update_is_adopted_and_changes_are_told(it: World) -> None:
    only_creates(it, lookup=True)
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    (it.state / "clients.duckdb").unlink()

    adopted = it.run("clients")
    it.put("client", ("k1", "Ola"))
    changed = [it.run("clients"), it.run("clients")]

    assert adopted == {"extracted": 1, "unchanged": 1}
    assert changed == [{"extracted": 1, "changed": 1, "unhandled_changed": 1}] * 2


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty"])
def test_a_damaged_duckdb_file_is_set_aside_and_rebuilt(it: World, damage: str) -> None:
    it.put("item", ("W1", "A", 1))
    it.run("items")
    path = it.state / "items.duckdb"
    whole = path.read_bytes()
    path.write_bytes({"garbage": b"nothing of DuckDB" * 1000, "truncated": whole[:5000], "empty": b""}[damage])

    counts = it.run("items")

    assert counts == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}
    assert it.code is None
    assert result(it).notes
    assert it.run("items") == {"extracted": 1, "unchanged": 1}


@pytest.mark.parametrize("place", [0.0, 0.13, 0.5, 0.9])
def test_a_duckdb_file_with_a_bad_spot_is_rebuilt_at_the_latest_by_the_next_run(it: World, place: float) -> None:
    it.edit("items", ("chunk_size: 100", "chunk_size: 10000"))
    it.put("item", *[("W1", f"{number:05}", f"value {number * 7919 % 100003}") for number in range(20_000)])
    it.run("items")
    path = it.state / "items.duckdb"
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * place) // 4096 * 4096)
        file.write(bytes(range(256)) * 16)

    counts, code = it.run("items"), it.code
    if code:
        counts = it.run("items")

    assert code in (None, "E_STATE_DAMAGED")
    assert it.code is None
    assert counts in (
        {"extracted": 20_000, "added": 20_000, "confirmed": 20_000, "requests": 2},
        {"extracted": 20_000, "unchanged": 20_000},  # the spot held nothing
    )


def test_an_old_duckdb_file_is_not_believed(it: World) -> None:
    it.put("item", ("W1", "A", "a"))
    it.run("items")
    old = (it.state / "items.duckdb").read_bytes()
    it.put("item", ("W1", "A", "b"))
    it.run("items")
    (it.state / "items.duckdb").write_bytes(old)
    it.put("item", ("W1", "A", "a"))

    assert it.run("items") == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}
    assert it.platform.items == {"W1": {"A": "a"}}


@pytest.mark.parametrize("loss", ["gone", "behind"])
def test_without_its_journal_nothing_is_sent(it: World, loss: str) -> None:
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    shutil.copytree(it.state, it.folder / "backup")
    it.put("client", ("k1", "Ala"), ("k2", "Ola"))
    it.run("clients")
    for path in it.state.glob(f"{FILE_NAME}*"):
        path.unlink()
    if loss == "behind":
        shutil.copy(it.folder / "backup" / FILE_NAME, it.state)
    it.platform.take()

    counts = [it.run("clients"), it.run("clients")]

    assert counts == [{}, {}]
    assert it.code == "E_JOURNAL_BEHIND"
    assert it.platform.take() == []


def test_a_damaged_journal_sends_nothing(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    it.platform.take()
    for path in it.state.glob(f"{FILE_NAME}*"):
        path.unlink()
    (it.state / FILE_NAME).write_bytes(b"nothing of SQLite" * 1000)

    with pytest.raises(StateError):
        it.run("clients")

    assert it.platform.take() == []


# --- ends ----------------------------------------------------------------------------------------------------


def test_refused_credentials_stop_everything_and_pause_the_connection_until_a_request_is_accepted(it: World) -> None:
    it.platform.rule = lambda seen: 401
    it.put("item", *[("W1", f"{number}", number) for number in range(500)])

    refused = it.run("items")
    with it.journal() as journal:
        paused = journal.pauses.all()
    it.platform.rule = lambda seen: None
    it.close()  # another `run --once`: it ignores the pause
    accepted = it.run("items")

    assert refused["requests"] <= 4  # three refusals in a row are of the connection; one may be under way
    assert {**refused, "requests": 1} == {"extracted": 500, "added": 500, "failed": 500, "requests": 1}
    assert (it.code, exit_of(result(it))) == (None, Exit.DONE)
    assert paused.keys() == {"one"}
    assert accepted == {"extracted": 500, "added": 500, "confirmed": 500, "requests": 5}
    with it.journal() as journal:
        assert journal.pauses.all() == {}


def test_credentials_refused_to_a_reader_pause_the_connection_that_is_read(it: World) -> None:
    it.platform.rule = lambda seen: 401
    it.platform.write("l1", {"id": "l1", "subject": "s", "lines": []})

    it.run("letters")
    with it.journal() as journal:
        paused = journal.pauses.all()
    it.platform.rule = lambda seen: None
    it.close()
    it.run("letters")

    assert paused.keys() == {"one"}
    with it.journal() as journal:
        assert journal.pauses.all() == {}


def test_a_redirect_is_an_error_and_not_followed(it: World) -> None:
    it.platform.plan(Reply(status=302, headers={"Location": "/elsewhere"}))
    it.put("item", ("W1", "A", 1))

    assert it.run("items") == {"extracted": 1, "added": 1, "failed": 1, "requests": 1}
    assert (it.code, exit_of(result(it))) == ("E_REDIRECT", Exit.UNAVAILABLE)
    assert it.platform.take() == ["POST /items/W1 1+0"]


def test_a_source_that_is_not_there_changes_nothing(it: World) -> None:
    it.put("item", ("W1", "A", 1))
    it.run("items")
    it.erp.rename(it.erp.with_suffix(".away"))

    assert it.run("items") == {}
    assert exit_of(result(it)) == Exit.UNAVAILABLE
    it.erp.with_suffix(".away").rename(it.erp)
    assert it.run("items") == {"extracted": 1, "unchanged": 1}


# --- stops ---------------------------------------------------------------------------------------------------

PACKED = """
object: packed
source:
  connection: erp
  query: SELECT id, name FROM client
  key: [id]
  children:
    lines: {query: "SELECT grp AS id, id AS number FROM item", parent: [id], order_by: [number]}
fields: {id: "{{ id }}", lines: [{$each: lines, number: "{{ number }}"}]}
files: {paper: "{{ name }}"}
send:
  - on: [added, changed]
    requests:
      - {method: PUT, path: "/packed/{{ id | path }}", body: "{{ line }}"}
      - {method: PUT, path: "/packed/{{ id | path }}/paper", file: paper}
"""


class Stop(threading.Event):
    """Is set when it is looked at once more than so many times."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def is_set(self) -> bool:
        if self.looks == 0:
            self.set()
        self.looks -= 1
        return super().is_set()


@pytest.mark.parametrize("looks", [0, 1, 2, 3], ids=["reading", "children", "files", "rendering"])
def test_a_stop_ends_a_run_or_a_plan_before_anything_is_sent_and_nothing_of_the_read_is_kept(
    it: World, looks: int
) -> None:
    it.add("packed", PACKED)
    (it.folder / "paper.json").write_text("{}")
    it.put("client", ("A", "paper.json"))
    it.put("item", ("A", "1", "x"))
    it.platform.rule = lambda seen: Reply()

    it.app.stop = Stop(looks)
    planned = plan(it.app, it.app.loaded.mappings["packed"])
    it.app.stop = Stop(looks)
    counts = it.run("packed")
    stopped = result(it).failure
    sent = it.platform.take()
    it.close()
    after = it.run("packed")

    assert planned.failure
    assert stopped
    assert (planned.failure.code, stopped.code, counts, sent) == ("E_STOPPED", "E_STOPPED", {}, [])
    assert after == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 2}


# --- schedules of operations, cursors ------------------------------------------------------------------------


def test_what_is_not_due_goes_with_its_operation(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    counts = [it.run("clients", due=frozenset({1, 2})), it.run("clients", due=frozenset({0}))]
    it.put("client", ("k1", "Ola"))
    counts += [it.run("clients", due=frozenset({0, 2})), it.run("clients", due=frozenset({1}))]

    assert counts == [
        {"extracted": 1, "added": 1, "not_due": 1},
        {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1},
        {"extracted": 1, "changed": 1, "not_due": 1},
        {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 1},
    ]


def incremental(it: World) -> None:
    it.sql("ALTER TABLE client ADD COLUMN at")
    it.edit(
        "clients",
        ("SELECT id, name FROM client", "SELECT id, name, at FROM client WHERE at >= :cursor"),
        ("  key: [id]\n", "  key: [id]\n  cursor: {column: at}\n"),
    )


def insert(it: World, *rows: tuple[int, str, str]) -> None:
    for day, id_, name in rows:
        it.sql(f"INSERT INTO client VALUES ('{id_}', '{name}', '2026-01-{day}T00:00:00')")


def test_an_incremental_read_goes_on_where_the_last_one_ended_and_removes_nothing(it: World) -> None:
    incremental(it)
    insert(it, (10, "k1", "Ala"), (20, "k2", "Ola"))
    first = it.run("clients")
    it.sql("DELETE FROM client WHERE id = 'k1'")
    insert(it, (30, "k3", "Ela"))
    second = it.run("clients")

    assert first == {"extracted": 2, "added": 2, "confirmed": 2, "requests": 2}
    assert second == {"extracted": 2, "unchanged": 1, "added": 1, "confirmed": 1, "requests": 1}
    assert it.platform.names() == {"k1": "Ala", "k2": "Ola", "k3": "Ela"}


@pytest.mark.parametrize("fault", ["not due", "unknown", "failed"])
def test_what_was_left_is_not_lost_behind_a_cursor(it: World, fault: str) -> None:
    incremental(it)
    insert(it, (10, "k1", "Ala"))
    it.run("clients")
    insert(it, (20, "k2", "Ola"))
    if fault == "not due":
        it.run("clients", due=frozenset({1, 2}))
    else:
        it.platform.plan(*(["before", 500] if fault == "unknown" else [429]))
        it.run("clients")
    insert(it, (30, "k3", "Ela"))
    it.run("clients")
    it.run("clients")

    assert it.platform.names() == {"k1": "Ala", "k2": "Ola", "k3": "Ela"}


@pytest.mark.parametrize("left", ["not due", "failed"])
def test_a_whole_read_is_not_over_before_all_that_it_found_is_done(it: World, left: str) -> None:
    incremental(it)
    it.platform.refused = {"bad"}
    insert(it, (10, "k1", "Ala"), (20, "k2", "bad"), (30, "k3", "Ela"))
    it.run("clients")
    it.sql("DELETE FROM client WHERE id = 'k1'")
    retry_rejected(it.app, "clients", None)  # so that the next read is whole
    it.platform.rule = lambda seen: 500 if seen.method == "DELETE" and left == "failed" else None
    it.run("clients", due=frozenset({0, 1} if left == "not due" else {0, 1, 2}))
    it.platform.rule = lambda seen: None
    it.run("clients")

    assert it.platform.names() == {"k3": "Ela"}


def test_a_refused_record_is_tried_again_after_its_hours_although_the_cursor_is_past_it(it: World) -> None:
    incremental(it)
    it.edit("clients", ("send:", "retry_rejected_after_hours: 1\nsend:"))
    it.platform.refused = {"bad"}
    insert(it, (10, "k1", "bad"), (20, "k2", "Ola"))
    it.run("clients")
    it.platform.refused = set()
    waiting = it.run("clients")
    with closing(sqlite3.connect(it.state / FILE_NAME)) as journal, journal:
        journal.execute("update rejections set last_at = '2026-01-01T00:00:00.000000+00:00'")
    it.run("clients")

    assert waiting == {"extracted": 1, "unchanged": 1}
    assert it.platform.names() == {"k1": "bad", "k2": "Ola"}


def test_a_lost_duckdb_file_is_rebuilt_from_a_whole_read(it: World) -> None:
    incremental(it)
    insert(it, (10, "k1", "Ala"), (20, "k2", "Ola"))
    it.run("clients")
    it.platform.take()
    (it.state / "clients.duckdb").unlink()

    it.run("clients")

    assert it.platform.take() == ["PUT /clients/c-k1-1", "PUT /clients/c-k2-1"]


# --- inbound -------------------------------------------------------------------------------------------------


def letter(id_: str, subject: str = "s", *texts: str) -> dict[str, Any]:
    lines = [{"number": number, "text": text} for number, text in enumerate(texts, 1)]
    return {"id": id_, "subject": subject, "lines": lines}


def letters(it: World) -> dict[str, tuple[str, list[str]]]:
    """Give the letters in the ERP that are not gone: subject and lines."""
    found = it.sql("SELECT id, subject FROM letter WHERE gone = 0 ORDER BY id")
    lines = it.sql("SELECT letter_id, text FROM letter_line ORDER BY letter_id, number")
    return {id_: (subject, [text for owner, text in lines if owner == id_]) for id_, subject in found}


def cursor(it: World) -> Any:
    with it.journal() as journal:
        return journal.runs.standing("letters").cursor


def test_documents_are_written_page_by_page_and_orphans_deleted(it: World) -> None:
    it.platform.write("l1", letter("l1", "one", "a", "b", "c"))
    it.platform.write("l2", letter("l2", "two"))
    it.platform.write("l3", letter("l3", "three", "x"))
    first = it.run("letters")
    it.platform.write("l1", letter("l1", "one", "B"))
    second = it.run("letters")

    assert first == {"extracted": 3, "added": 3, "confirmed": 3, "requests": 7}
    assert second == {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 3}
    assert letters(it) == {"l1": ("one", ["B"]), "l2": ("two", []), "l3": ("three", ["x"])}
    assert cursor(it) == 4


def test_a_document_that_did_not_change_writes_nothing(it: World) -> None:
    it.platform.write("l1", letter("l1", "one", "a"))
    it.run("letters")
    it.sql("UPDATE letter SET subject = 'touched'")
    it.platform.write("l1", letter("l1", "one", "a"))

    assert it.run("letters") == {"extracted": 1, "unchanged": 1, "requests": 2}
    assert letters(it) == {"l1": ("touched", ["a"])}


def test_one_bad_document_is_kept_and_holds_up_nobody(it: World) -> None:
    it.platform.page = 3
    it.platform.write("l1", letter("l1", "one"))
    it.platform.write("l2", letter("l2", "BAD", "text"))
    it.platform.write("l3", letter("l3", "three"))

    counts = it.run("letters")
    with it.journal() as journal:
        [rejection] = journal.rejections.of("letters")

    assert counts == {"extracted": 3, "added": 3, "confirmed": 2, "rejected": 1, "requests": 5}
    assert letters(it) == {"l1": ("one", []), "l3": ("three", [])}
    assert json.loads(rejection.document or "") == {"document": letter("l2", "BAD", "text")}
    assert cursor(it) == 3


def retry(it: World, *key: str) -> None:
    with it.journal() as journal:
        assert journal.rejections.retry("letters", [key]) == 1


def mend_erp(it: World) -> None:
    """Let the ERP take any subject from now on."""
    it.sql(
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, '<> ''BAD''', '<> ''WORSE''') WHERE name = 'letter'",
        "PRAGMA writable_schema = RESET",
    )


def test_a_kept_document_is_written_when_an_operator_says_so(it: World) -> None:
    it.platform.write("l1", letter("l1", "BAD", "text"))
    it.run("letters")
    del it.platform.letters["l1"]  # nobody can fetch it any more
    mend_erp(it)
    retry(it, "l1")

    it.run("letters")

    assert letters(it) == {"l1": ("BAD", ["text"])}
    assert it.rejected("letters") == {}


def test_a_kept_document_outlives_a_run_that_could_not_write_it(it: World) -> None:
    it.platform.write("l1", letter("l1", "BAD", "text"))
    it.run("letters")
    del it.platform.letters["l1"]
    mend_erp(it)
    retry(it, "l1")
    it.erp.rename(it.erp.with_suffix(".away"))
    failed = it.run("letters")
    it.erp.with_suffix(".away").rename(it.erp)
    it.run("letters")

    assert failed == {"extracted": 1, "added": 1, "failed": 1, "requests": 1}
    assert letters(it) == {"l1": ("BAD", ["text"])}


def test_of_a_document_refused_twice_the_newer_one_is_kept(it: World) -> None:
    it.edit("letters", ('subject: "{{ subject }}"', 'subject: "{{ subject | number }}"'))
    it.platform.write("l1", letter("l1", "x", "old"))
    it.run("letters")
    it.platform.write("l1", letter("l1", "x", "new"))
    it.run("letters")
    it.edit("letters", ('subject: "{{ subject | number }}"', 'subject: "{{ subject }}"'))
    retry(it, "l1")

    it.run("letters")

    assert letters(it) == {"l1": ("x", ["new"])}


def test_an_item_whose_document_is_refused_is_kept_and_fetched_again(it: World) -> None:
    it.platform.write("l1", letter("l1", "one"))
    it.platform.write("l2", letter("l2", "two"))
    del it.platform.letters["l1"]
    counts = it.run("letters")
    assert it.rejected("letters") == {("l1",): "target"}
    assert exit_of(result(it)) == Exit.PARTIAL
    it.platform.letters["l1"] = letter("l1", "one")
    retry(it, "l1")

    it.run("letters")

    assert counts == {"extracted": 2, "added": 2, "confirmed": 1, "rejected": 1, "requests": 4}
    assert letters(it) == {"l1": ("one", []), "l2": ("two", [])}
    assert it.rejected("letters") == {}


def test_a_refused_item_is_forgotten_when_its_record_comes_by_a_later_one(it: World) -> None:
    it.platform.write("l1", letter("l1", "one"))
    it.platform.write("l2", letter("l2", "two"))
    del it.platform.letters["l1"]
    del it.platform.letters["l2"]
    it.run("letters")
    it.platform.write("l1", letter("l1", "late"), "PAID")
    it.platform.events.append({"id": "l2", "type": "REMOVED"})

    it.run("letters")

    assert letters(it) == {"l1": ("late", [])}
    assert it.rejected("letters") == {}


def unwell(it: World, *ids: str, answer: Any = 500) -> None:
    """Let the fetches of these letters have no proper answer."""
    it.platform.rule = lambda seen: answer if seen.target.removeprefix("/letters/") in ids else None


def kept(it: World) -> dict[str, int]:
    with it.journal() as journal:
        return {each.key[0]: each.attempts for each in journal.rejections.of("letters") if each.key[0]}


@pytest.mark.parametrize("answer", [500, 503, 408, "before", Reply(body=b"<html>"), Reply(body=b"[1")])
def test_an_item_that_has_no_answer_holds_up_no_other_and_is_fetched_by_every_run_until_it_has(
    it: World, answer: Any
) -> None:
    for id_ in ("l1", "l2", "l3", "l4"):
        it.platform.write(id_, letter(id_, id_))
    unwell(it, "l2", answer=answer)

    first = it.run("letters")
    exit_code = exit_of(result(it))
    it.run("letters")
    still = kept(it)
    unwell(it)
    it.platform.take()
    healed = it.run("letters")
    asked = it.platform.take()

    assert first == {"extracted": 4, "added": 4, "confirmed": 3, "rejected": 1, "requests": 8}
    assert (exit_code, it.code) == (Exit.PARTIAL, None)
    assert still == {"l2": 2}
    assert healed == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 3}
    assert asked == ["GET /feed", "GET /letters/l2"]
    assert letters(it) == {id_: (id_, []) for id_ in ("l1", "l2", "l3", "l4")}
    assert it.rejected("letters") == {}


def test_a_source_that_answers_no_fetch_holds_its_cursor(it: World) -> None:
    it.platform.page = 10
    for number in range(5):
        it.platform.write(f"l{number}", letter(f"l{number}", "x"))
    unwell(it, *(f"l{number}" for number in range(5)))

    down = it.run("letters")
    told = (it.code, exit_of(result(it)), cursor(it), kept(it))
    unwell(it)
    it.run("letters")

    assert down == {}
    assert told == ("E_SOURCE", Exit.UNAVAILABLE, None, {})
    assert len(letters(it)) == 5


def test_many_items_without_an_answer_are_asked_one_a_run_until_one_has_an_answer_again(it: World) -> None:
    it.platform.page = 20
    ids = [f"l{number}" for number in range(10)]
    for id_ in (*ids, "good"):
        it.platform.write(id_, letter(id_, "x"))
    unwell(it, *ids)
    it.run("letters")
    it.platform.take()

    asked = []
    for _ in range(3):
        it.run("letters")
        asked += it.platform.take()
    unwell(it)
    it.run("letters")

    assert sorted(asked) == sorted(["GET /feed"] * 3 + [f"GET /letters/{id_}" for id_ in ids[:3]])
    assert letters(it).keys() == {*ids, "good"}
    assert kept(it) == {}


def test_an_item_of_no_answer_survives_a_run_in_which_nothing_can_be_sent(it: World) -> None:
    it.platform.write("l1", letter("l1", "one"))
    it.platform.write("l2", letter("l2", "two"))
    unwell(it, "l2")
    it.run("letters")
    url, it.variables["ONE"] = it.variables["ONE"], "http://127.0.0.1:9"
    it.close()

    it.run("letters")
    failed = it.code
    it.variables["ONE"] = url
    it.close()
    unwell(it)
    it.run("letters")

    assert failed == "E_SOURCE"
    assert letters(it) == {"l1": ("one", []), "l2": ("two", [])}


def test_a_removal_is_written_and_a_return_undoes_it(it: World) -> None:
    it.edit("letters", ('fields: {subject: "{{ subject }}"}', 'fields: {subject: "{{ subject }}", gone: 0}'))
    it.platform.write("l1", letter("l1", "one"))
    it.run("letters")
    it.platform.write("l1", None, "REMOVED")
    removed = it.run("letters")
    gone = letters(it)
    it.platform.write("l1", letter("l1", "one"))
    it.run("letters")

    assert removed == {"removed": 1, "confirmed": 1, "requests": 2}
    assert gone == {}
    assert letters(it) == {"l1": ("one", [])}


def test_a_removal_is_written_also_when_the_ledger_was_lost(it: World) -> None:
    it.platform.write("l1", letter("l1", "one"))
    it.run("letters")
    (it.state / "letters.duckdb").unlink()
    it.platform.write("l1", None, "REMOVED")

    it.run("letters")

    assert letters(it) == {}


def test_the_last_word_of_a_page_on_a_record_stands(it: World) -> None:
    it.edit("letters", ('fields: {subject: "{{ subject }}"}', 'fields: {subject: "{{ subject }}", gone: 0}'))
    it.platform.page = 10
    it.platform.write("l1", letter("l1", "one"))
    it.run("letters")
    it.platform.write("l1", None, "REMOVED")
    it.platform.write("l1", letter("l1", "again"), "CREATED")
    it.run("letters")

    assert letters(it) == {"l1": ("again", [])}


def test_the_cursor_moves_only_when_the_erp_has_committed(it: World) -> None:
    it.platform.write("l1", letter("l1", "one"))
    it.platform.write("l2", letter("l2", "two"))
    it.platform.write("l3", letter("l3", "three"))
    it.sql("ALTER TABLE letter_line RENAME TO away")

    failed = it.run("letters")
    held = cursor(it)
    it.sql("ALTER TABLE away RENAME TO letter_line")
    it.run("letters")

    assert failed["failed"] == 2
    assert held is None
    assert letters(it) == {"l1": ("one", []), "l2": ("two", []), "l3": ("three", [])}
    assert cursor(it) == 3


def test_a_feed_that_breaks_off_keeps_the_pages_before(it: World) -> None:
    for number in range(1, 5):
        it.platform.write(f"l{number}", letter(f"l{number}"))
    it.platform.plan("ok", "ok", "ok", "before")

    it.run("letters")

    assert (it.code, cursor(it)) == ("E_SOURCE", 2)
    assert letters(it).keys() == {"l1", "l2"}
    it.run("letters")
    assert letters(it).keys() == {"l1", "l2", "l3", "l4"}


def test_a_run_says_how_it_ended(it: World) -> None:
    it.put("item", ("W1", "A", 1))
    it.platform.plan(503)
    it.run("items")
    failed = result(it)
    it.run("items")

    assert (failed.status, failed.failure and failed.failure.message) == (
        Status.FAILED,
        "1 records were not confirmed: connection one: POST /items/W1: status 503: planned (1 attempts)",
    )
    assert (result(it).status, result(it).failure) == (Status.SUCCESS, None)
