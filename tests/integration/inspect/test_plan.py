"""What a plan says is what a run then sends; saying it sends and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from engine.inspect.plan import ObjectPlan, exit_of, plan
from engine.inspect.render_requests import preview
from engine.sandbox.api.replies import Settings
from engine.sandbox.injected_faults import Action, Fault, Match
from engine.values import json_text
from engine.values.results import Counts, Failure
from world.deaths import Crash
from world.merchant import Merchant, held, merchant


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Merchant]:
    with merchant(tmp_path, products=10, customers=12) as it:
        yield it


def samples(it: Merchant, name: str) -> list[dict[str, Any]]:
    return [each.as_json() for each in plan(it.app, it.mapping(name)).samples]


def changed(key: list[str], fields: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"key": key, "change": "changed", "fields": fields, "reason": reason}


# --- counts and samples ------------------------------------------------------------------------------------


def test_one_changed_quantity_of_three_thousand_is_one_change_with_old_and_new_value(tmp_path: Path) -> None:
    with merchant(tmp_path, products=1000) as it:
        first = it.run("warehouses", "stocks")["stocks"]
        it.erp("UPDATE stock SET quantity = 5 WHERE warehouse_id = 'W1' AND sku = 'A-000007'")
        it.run("stocks")
        it.erp("UPDATE stock SET quantity = 7 WHERE warehouse_id = 'W1' AND sku = 'A-000007'")
        before = len(it.received())
        planned = plan(it.app, it.mapping("stocks"))
        sent_by_plan = it.received()[before:]
        ran = it.run("stocks")["stocks"]

        requests = it.one.requests(before)
        assert first.counts.confirmed == first.counts.extracted == 3000
        assert [each.as_json() for each in planned.samples] == [changed(["W1", "A-000007"], {"quantity": ["5", "7"]})]
        assert planned.counts == ran.counts
        assert (planned.counts.changed, planned.counts.unchanged, planned.counts.requests) == (1, 2999, 1)
        assert sent_by_plan == []
        assert [(each["method"], each["lines"]) for each in requests] == [("POST", 1)]


def test_the_counts_of_a_plan_are_those_of_the_run_that_follows(small: Merchant) -> None:
    for _ in range(4):  # from the first load, level after level of the segments, to nothing
        for mapping in small.app.loaded.select():
            planned = plan(small.app, mapping)
            ran = small.run(mapping.object)[mapping.object]

            assert planned.counts == ran.counts


def test_an_added_record_shows_all_its_fields_a_removed_one_its_key(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.erp(
        "INSERT INTO product VALUES ('NEW-1', 'Śruba', 'szt', 1, 1)",
        "INSERT INTO stock VALUES ('W2', 'NEW-1', 2.500)",
        "DELETE FROM stock WHERE warehouse_id = 'W1' AND sku = 'A-000007'",
    )

    assert samples(small, "stocks") == [
        {
            "key": ["W2", "NEW-1"],
            "change": "added",
            "fields": {"id": [None, "NEW-1"], "sku": [None, "NEW-1"], "quantity": [None, "2.5"]},
            "reason": None,
        },
        {"key": ["W1", "A-000007"], "change": "removed", "fields": {}, "reason": None},
    ]


def test_nested_fields_are_dotted_paths_and_flags_stay_flags(small: Merchant) -> None:
    small.settle()
    small.erp("UPDATE customer SET city = 'Łódź', vat_payer = 'N', phone = NULL WHERE customer_id = 'K-0001'")

    (sample,) = samples(small, "clients")
    fields = sample["fields"]
    assert fields.pop("phone")[1] is None
    assert fields.pop("address.phone")[1] is None
    assert fields.pop("address.city")[1] == "Łódź"
    assert fields == {"taxPayer": [True, False]}


def test_an_edit_of_the_mapping_shows_what_differs_nowhere_as_a_reason(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.edit("stocks", 'id: "{{ sku }}"', 'id: "X-{{ sku }}"')
    with small.reopened() as app:
        planned = plan(app, app.loaded.select(["stocks"])[0], samples=1)

    assert (planned.counts.changed, planned.counts.requests, len(planned.samples)) == (30, 3, 1)
    assert planned.samples[0].fields == {}
    assert planned.samples[0].reason == "the mapping, a reference, or a column outside `fields` has changed since"


def test_a_record_whose_answer_was_lost_is_planned_again_though_it_is_as_confirmed(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.erp("UPDATE stock SET quantity = quantity + 1 WHERE warehouse_id = 'W1' AND sku = 'A-000007'")
    small.one.faults.put(Fault(action=Action(drop="after"), match=Match(method="POST")))
    small.run("stocks")
    small.erp("UPDATE stock SET quantity = quantity - 1 WHERE warehouse_id = 'W1' AND sku = 'A-000007'")
    small.one.faults.clear()
    (sample,) = samples(small, "stocks")
    ran = small.run("stocks")["stocks"]

    assert sample["change"] == "changed"
    assert sample["reason"] == "the outcome of an earlier attempt was not learnt, or it was asked for by `resend`"
    assert (ran.counts.changed, ran.counts.confirmed) == (1, 1)


def test_what_a_run_had_confirmed_before_its_death_is_not_planned_again(small: Merchant) -> None:
    def die(*_: Any) -> None:
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.run.one_run.settle_run", die)
        with pytest.raises(Crash):
            small.run("warehouses")
    planned = plan(small.app, small.mapping("warehouses"))

    assert not planned.has_changes
    assert 0 < planned.counts.unchanged == planned.counts.extracted


def test_withheld_removals_and_waiting_records_are_told_in_a_note(small: Merchant) -> None:
    waiting = plan(small.app, small.mapping("trade_credits"))
    small.run("warehouses", "stocks")
    small.erp("DELETE FROM stock")
    withheld = plan(small.app, small.mapping("stocks"))

    assert waiting.notes == (
        f"{waiting.counts.waiting} records wait for clients: they go by themselves once what they name is confirmed",
    )
    assert withheld.counts.withheld == withheld.counts.removed == 30
    assert withheld.notes == ("30 removals are withheld: the source gave 0 rows, guards.min_rows is 1",)
    assert not withheld.has_changes


def test_a_source_that_cannot_be_read_fails_its_plan_alone(small: Merchant) -> None:
    small.erp("DROP TABLE stock")
    plans = [plan(small.app, small.mapping(name)) for name in ("warehouses", "stocks")]

    assert [each.failure.exit if each.failure else 0 for each in plans] == [0, 1]
    assert (exit_of(plans, detailed=False), exit_of(plans, detailed=True)) == (1, 1)


PLANS = {
    "nothing": (ObjectPlan(object="a", counts=Counts(), has_changes=False), 0, 0),
    "changes": (ObjectPlan(object="a", counts=Counts(), has_changes=True), 0, 2),
    "unavailable": (
        ObjectPlan(object="a", counts=Counts(), has_changes=True, failure=Failure(code="E", message="m", exit=6)),
        6,
        1,
    ),
}


@pytest.mark.parametrize("case", PLANS)
def test_the_detailed_exit_code_tells_nothing_error_and_changes_apart(case: str) -> None:
    planned, plain, detailed = PLANS[case]

    assert (exit_of([planned], detailed=False), exit_of([planned], detailed=True)) == (plain, detailed)


# --- an inbound object -----------------------------------------------------------------------------------


def test_an_inbound_plan_reads_the_feed_page_by_page_and_moves_no_cursor(tmp_path: Path) -> None:
    with merchant(tmp_path, customers=0, settings=Settings(feed_page=2)) as it:
        first = it.one.edit_client({"name": "Alfa", "tin": "1"})
        for name in ("Beta", "Gamma", "Delta"):
            it.one.edit_client({"name": name, "tin": "1"})
        it.one.edit_client({"clientId": first, "name": "Alfa II"})
        planned = plan(it.app, it.mapping("clients_inbound"))
        asked = it.received()
        again = plan(it.app, it.mapping("clients_inbound"))
        ran = it.run("clients_inbound")["clients_inbound"]

        assert planned.counts == again.counts == ran.counts
        assert {method for method, _ in asked} == {"GET"}
        names = {sample.key: sample.fields["one_client.name"] for sample in planned.samples}
        assert (len(names), names[(first,)]) == (4, [None, "Alfa II"])
        assert it.erp("SELECT name FROM one_client ORDER BY name") == [("Alfa II",), ("Beta",), ("Delta",), ("Gamma",)]


def test_a_change_of_an_inbound_record_is_shown_by_table_and_column(tmp_path: Path) -> None:
    with merchant(tmp_path) as it:
        client = it.one.edit_client({"name": "Alfa", "tin": "1"})
        it.run("clients_inbound")
        it.one.edit_client({"clientId": client, "name": "Omega"})

        assert samples(it, "clients_inbound") == [changed([client], {"one_client.name": ["Alfa", "Omega"]})]


# --- the requests themselves ---------------------------------------------------------------------------------


def sent(request: dict[str, Any]) -> tuple[str, str, list[tuple[str, str]], Any]:
    body = json.loads(request["body"]) if request["body"] else None
    return request["method"], request["path"], parse_qsl(request["query"]), body


def previewed(request: dict[str, Any]) -> tuple[str, str, list[tuple[str, str]], Any]:
    body = None if request["body"] is None else json.loads(bytes(request["body"]))
    return request["method"], request["path"], list(request["query"].items()), body


@pytest.mark.parametrize("name", ["segments", "warehouses", "stocks", "clients", "trade_credits", "client_blockades"])
def test_the_requests_that_are_rendered_are_those_that_a_run_sends(small: Merchant, name: str) -> None:
    names = list(small.app.loaded.mappings)
    if before_it := names[: names.index(name)]:
        small.run(*before_it)
    before = len(small.received())
    rendered = [previewed(each) for each in preview(small.app, small.mapping(name))]
    sent_by_render = small.received()[before:]
    small.run(name)

    received = [sent(each) for each in small.one.requests(before)]
    assert sorted(map(repr, received)) == sorted(map(repr, rendered))
    assert len(rendered) > 0
    assert sent_by_render == []


def test_changed_and_removed_records_are_rendered_as_they_are_sent(small: Merchant) -> None:
    small.settle()
    small.erp(
        "UPDATE customer SET name = 'Nowa nazwa' WHERE customer_id = 'K-0002'",
        "UPDATE stock SET quantity = 99 WHERE sku = 'A-000007'",
        "DELETE FROM stock WHERE sku = 'A-000008' AND warehouse_id = 'W1'",
        "DELETE FROM blockade",
    )
    before = len(small.received())
    names = ("clients", "stocks", "client_blockades")
    rendered = [previewed(each) for name in names for each in preview(small.app, small.mapping(name))]
    small.run(*names)

    received = [sent(each) for each in small.one.requests(before)]
    assert sorted(map(repr, received)) == sorted(map(repr, rendered))
    assert {method for method, *_ in rendered} == {"PUT", "POST", "DELETE"}


def test_an_inbound_record_is_rendered_as_tables_and_rows(tmp_path: Path) -> None:
    with merchant(tmp_path) as it:
        client = it.one.edit_client({"name": "Alfa", "tin": "1", "address": {"city": "Łódź"}})
        (record,) = preview(it.app, it.mapping("clients_inbound"))

        assert (record["key"], record["change"]) == ([client], "added")
        assert [(write["table"], [row["key"] for row in write["rows"]]) for write in record["writes"]] == [
            ("one_client", [{"client_id": client}]),
            ("one_client_address", [{"client_id": client, "kind": "billing"}]),
        ]
        assert record["writes"][1]["rows"][0]["fields"]["city"] == "Łódź"
        assert it.erp("SELECT count(*) FROM one_client") == [(0,)]


def test_a_removed_inbound_record_is_rendered_as_its_statement(tmp_path: Path) -> None:
    with merchant(tmp_path) as it:
        client = it.one.edit_client({"name": "Alfa", "tin": "1"})
        it.run("clients_inbound")
        with it.one.lock:
            it.one.store.remove_client(client, context="BACKOFFICE")
        (record,) = preview(it.app, it.mapping("clients_inbound"))

        assert record == {
            "key": [client],
            "change": "removed",
            "writes": [
                {
                    "sql": "UPDATE one_client SET deleted = 1 WHERE client_id = :client_id",
                    "params": {"client_id": client},
                }
            ],
        }


def test_a_create_of_unknown_outcome_is_rendered_as_its_look_up(small: Merchant) -> None:
    small.run("segments")
    small.one.faults.put(Fault(action=Action(drop="after"), match=Match(method="POST", client="K-0001")))
    asked = Match(method="GET", query_contains="K-0001")  # for the first time before it is created
    small.one.faults.put(Fault(action=Action(status=500), match=asked, skip=1))
    small.run("clients")
    small.one.faults.clear()
    planned = plan(small.app, small.mapping("clients"))
    looked_up = [each for each in preview(small.app, small.mapping("clients")) if each.get("look_up")]

    assert [(each["key"], each["method"], each["query"]) for each in looked_up] == [
        (["K-0001"], "GET", {"externalId": "K-0001"})
    ]
    assert planned.counts.unknown == 1
    assert planned.has_changes


def test_no_secret_of_the_connection_is_in_a_rendered_request(small: Merchant) -> None:
    rendered = b"".join(json_text.encode(each) for each in preview(small.app, small.mapping("warehouses")))

    assert b"key-of-the-test" not in rendered
    assert b"tenant-of-the-test" not in rendered


# --- dry ------------------------------------------------------------------------------------------------------


def test_without_a_state_folder_none_is_made(small: Merchant) -> None:
    for mapping in small.app.loaded.select():
        plan(small.app, mapping)
        list(preview(small.app, mapping))

    assert not small.state.exists()
    assert {method for method, _ in small.received()} == {"GET"}  # of the feed


def test_a_plan_leaves_every_byte_of_the_state_as_it_was(small: Merchant) -> None:
    small.run()
    small.erp("UPDATE stock SET quantity = 99", "UPDATE customer SET name = 'N'", "DELETE FROM blockade")
    before, requests = small.files(), small.writes()
    for mapping in small.app.loaded.select():
        assert plan(small.app, mapping).failure is None
        list(preview(small.app, mapping))

    assert small.files() == before
    assert small.writes() == requests


def test_a_plan_gives_up_while_a_run_holds_the_object(small: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.inspect.copy.DRY_WAIT_SECONDS", 0.2)
    small.run("warehouses")
    with held(small, "warehouses"):
        planned = plan(small.app, small.mapping("warehouses"))

    assert planned.failure is not None
    assert (planned.failure.code, planned.failure.exit) == ("E_BUSY", 5)
