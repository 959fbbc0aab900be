"""The stand-in for ONe over real HTTP: each call, each check, each fault."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import httpx
import pytest

from engine.sandbox.api.replies import Settings
from engine.sandbox.sandbox import Sandbox
from engine.sandbox.server import running
from engine.values.errors import ConfigError

ACCOUNT = "/api/v1/account/integrations/auth-required"
STOCK = "/api/v1/stock/integrations/auth-required"
SEGMENTS, CLIENTS = f"{ACCOUNT}/segments", f"{ACCOUNT}/clients"
CREDITS, BLOCKADES = f"{ACCOUNT}/trade-credits", f"{ACCOUNT}/client-blockades"
WAREHOUSES = f"{STOCK}/warehouses"
W1 = f"{WAREHOUSES}/W1/stocks"
HEADERS = {"ApiAuth": "key", "one-tenant": "acme"}
ADDRESS = {"street": "Polna 1", "zipCode": "00-001", "city": "Łódź"}
COMPANY = {"externalId": "K-1", "name": "Żabka Narzędzia", "tin": "0000000000", "address": ADDRESS}
PERSON = {"externalId": "K-2", "name": "Jan Przykład", "address": ADDRESS}
CENTRAL = {"id": "W1", "type": "CENTRAL", "name": "Główny"}


def line(sku: str, quantity: Any) -> dict[str, Any]:
    return {"id": sku, "sku": sku, "quantity": quantity}


def messages(answer: httpx.Response) -> list[str]:
    return [problem["message"] for problem in answer.json()["problems"]]


def new_client(one: httpx.Client, fields: dict[str, Any]) -> str:
    return str(one.post(CLIENTS, json=fields).json()["clientId"])


# --- checks at the door --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"one-tenant": "acme"}, 401, "header ApiAuth is missing"),
        ({"ApiAuth": "", "one-tenant": "acme"}, 401, "header ApiAuth is missing"),
        ({"ApiAuth": "right"}, 401, "header one-tenant is missing"),
        ({"ApiAuth": "wrong", "one-tenant": "acme"}, 403, "header ApiAuth is wrong"),
        ({"ApiAuth": "right", "one-tenant": "other"}, 403, "header one-tenant is wrong"),
    ],
)
def test_key_and_tenant_are_checked(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], status: int, message: str
) -> None:
    monkeypatch.setattr(sandbox, "settings", Settings(api_key="right", tenant="acme"))

    answer = httpx.get(sandbox.url + WAREHOUSES, headers=headers)

    assert (answer.status_code, answer.json()["message"]) == (status, message)


@pytest.mark.parametrize("path", ["/", "/api/v1/account", f"{ACCOUNT}/unknown", f"{CLIENTS}/a/b", f"{SEGMENTS}/"])
def test_an_unknown_path_is_404(one: httpx.Client, path: str) -> None:
    answer = one.get(path)

    assert (answer.status_code, answer.json()["message"]) == (404, f"no such path: {path}")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", CLIENTS, "GET, POST"),
        ("POST", f"{CLIENTS}/synchronization", "GET"),
        ("PUT", f"{W1}/incremental", "POST"),
        ("POST", f"{CREDITS}/x", "DELETE, GET, PUT"),
    ],
)
def test_a_wrong_method_is_405_and_says_which_are_right(
    one: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = one.request(method, path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"name":"x"}', "application/json", 201),
        (b'{"name":"y"}', "application/json; charset=utf-8", 201),
        (b'{"name":"x"}', "text/plain", 415),
        (b'{"name":', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
    ],
)
def test_a_body_is_json_and_says_so(one: httpx.Client, content: bytes, kind: str, status: int) -> None:
    assert one.post(SEGMENTS, content=content, headers={"Content-Type": kind}).status_code == status


def test_all_problems_of_a_body_are_named_with_their_places(one: httpx.Client) -> None:
    one.put(WAREHOUSES, json=CENTRAL)
    lines = [line("A", 1), {"id": "B", "quantity": "2"}]

    answer = one.post(f"{W1}/incremental", json={"stocks": lines, "extra": 1})

    assert answer.status_code == 400
    assert {problem["path"] for problem in answer.json()["problems"]} == {
        "$",
        "$.stocks[1]",
        "$.stocks[1].quantity",
    }


def test_ten_thousand_lines_are_taken_and_one_more_is_413(sandbox: Sandbox, one: httpx.Client) -> None:
    one.put(WAREHOUSES, json=CENTRAL)
    lines = [line(f"A-{number}", number) for number in range(10_000)]

    most = one.post(f"{W1}/incremental", json={"stocks": lines})
    more = one.post(f"{W1}/incremental", json={"stocks": lines, "stocksToRemove": ["A-1x"]})

    assert (most.status_code, most.json()) == (200, {"stored": 10_000, "removed": 0})
    assert more.status_code == 413
    assert sandbox.store.counts()["stocks"] == 10_000


# --- segments ------------------------------------------------------------------------------------


def test_segments_are_created_read_replaced_and_removed(one: httpx.Client) -> None:
    created = one.post(SEGMENTS, json={"name": "Hurt", "externalId": "S-1", "parentSegmentId": "segment"})
    path = f"{SEGMENTS}/{created.json()['id']}"
    replaced = one.put(path, json={"name": "Hurtownie"})
    read = one.get(path)
    removed = one.delete(path)

    expected = {"id": created.json()["id"], "name": "Hurtownie", "externalId": None, "parentSegmentId": None}
    assert (created.status_code, created.json()["name"]) == (201, "Hurt")
    assert (replaced.json(), read.json()) == (expected, expected)
    assert (removed.status_code, removed.content, one.get(path).status_code) == (204, b"", 404)


def test_segments_are_listed_in_pages_counted_from_one(one: httpx.Client) -> None:
    for number in range(4):
        one.post(SEGMENTS, json={"name": f"S{number}"})

    pages = [one.get(SEGMENTS, params={"pageNumber": number, "pageSize": 2}).json() for number in (1, 2, 3, 4)]

    assert [[row["name"] for row in rows] for rows in pages] == [["segment", "S0"], ["S1", "S2"], ["S3"], []]


@pytest.mark.parametrize("query", ["", "pageNumber=1", "pageNumber=0&pageSize=1", "pageNumber=1&pageSize=x"])
def test_a_page_needs_its_number_and_size(one: httpx.Client, query: str) -> None:
    assert one.get(f"{SEGMENTS}?{query}").status_code == 400


def test_a_segment_with_a_known_external_id_or_an_unknown_parent_is_refused(one: httpx.Client) -> None:
    one.post(SEGMENTS, json={"name": "A", "externalId": "S-1"})

    twice = one.post(SEGMENTS, json={"name": "B", "externalId": "S-1"})
    orphan = one.post(SEGMENTS, json={"name": "C", "parentSegmentId": "none"})

    assert (twice.status_code, orphan.status_code) == (409, 404)


def test_the_root_segment_stays_and_children_of_a_removed_one_lose_their_parent(one: httpx.Client) -> None:
    parent = one.post(SEGMENTS, json={"name": "A"}).json()["id"]
    child = one.post(SEGMENTS, json={"name": "B", "parentSegmentId": parent}).json()["id"]

    removed = [one.delete(f"{SEGMENTS}/{name}").status_code for name in ("segment", parent)]

    assert (removed, one.get(f"{SEGMENTS}/{child}").json()["parentSegmentId"]) == ([409, 204], None)


# --- warehouses and stocks -----------------------------------------------------------------------


def test_warehouses_are_put_alone_or_together_and_under_both_services(one: httpx.Client) -> None:
    local = {"id": "W2", "type": "LOCAL", "name": "Kraków", "parent": "W1"}
    one.put(WAREHOUSES, json=CENTRAL)
    one.put(f"{ACCOUNT}/warehouses", json=[CENTRAL | {"label": "main"}, local])
    created = one.post(WAREHOUSES, json=CENTRAL | {"id": "W/3"})
    again = one.post(WAREHOUSES, json=CENTRAL)

    assert (created.status_code, again.status_code) == (201, 409)
    assert one.get(WAREHOUSES).json() == [CENTRAL | {"label": "main"}, local, CENTRAL | {"id": "W/3"}]
    assert one.get(f"{WAREHOUSES}/W%2F3").json() == CENTRAL | {"id": "W/3"}
    assert one.get(f"{WAREHOUSES}/W4").status_code == 404


def test_one_bad_warehouse_of_several_keeps_all_out(sandbox: Sandbox, one: httpx.Client) -> None:
    answer = one.put(WAREHOUSES, json=[CENTRAL, {"id": "W2", "type": "LOCAL", "name": "x"}])

    assert (answer.status_code, sandbox.store.warehouses) == (400, {})


def test_stocks_are_set_removed_and_replaced(one: httpx.Client) -> None:
    one.put(WAREHOUSES, json=CENTRAL)
    first = one.post(f"{W1}/incremental", json={"stocks": [line("A", 1), line("B", 2.5), line("C", 0)]})
    second = one.post(f"{W1}/incremental", json={"stocks": [line("A", 7)], "stocksToRemove": ["B", "never"]})
    after_increments = one.get(W1).json()
    chosen = one.get(W1, params={"skus": "C,X"}).json()
    one.put(W1, json={"stocks": [line("D", 4)]})

    assert (first.json(), second.json()) == ({"stored": 3, "removed": 0}, {"stored": 1, "removed": 2})
    assert (after_increments, chosen) == ([line("A", 7), line("C", 0)], [line("C", 0)])
    assert one.get(W1).json() == [line("D", 4)]


def test_quantities_keep_every_digit(one: httpx.Client) -> None:
    one.put(WAREHOUSES, json=CENTRAL)
    body = b'{"stocks":[{"id":"A","sku":"A","quantity":12345678901234567890.123456789}]}'
    one.post(f"{W1}/incremental", content=body, headers={"Content-Type": "application/json"})

    assert one.get(W1).content == b'[{"id":"A","sku":"A","quantity":12345678901234567890.123456789}]'


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("W9/stocks/incremental", {"stocks": []}, 404, "warehouse not found: W9"),
        ("W1/stocks/incremental", {"stocks": [line("A", 1), line("A", 2)]}, 400, "stock A stands twice"),
        ("W1/stocks/incremental", {"stocks": [line("A", 1)], "stocksToRemove": ["A"]}, 400, "stock A stands twice"),
        ("W1/stocks/incremental", {"stocks": [line("A", 1), line("B", -1)]}, 400, "-1 is less than the minimum of 0"),
        ("W1/stocks/incremental", {"stocks": [line("A", 1), line("X", 1)]}, 422, "SKU X is unknown"),
    ],
)
def test_refused_stocks_change_nothing(
    sandbox: Sandbox,
    one: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, Any],
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr(sandbox, "settings", Settings(known_skus=frozenset({"A", "B"})))
    one.put(WAREHOUSES, json=CENTRAL)

    answer = one.post(f"{WAREHOUSES}/{path}", json=body)

    assert (answer.status_code, [answer.json()["message"], *messages(answer)][-1]) == (status, message)
    assert sandbox.store.stocks == {"W1": {}}


# --- clients -------------------------------------------------------------------------------------


def test_clients_are_created_looked_up_read_replaced_and_removed(sandbox: Sandbox, one: httpx.Client) -> None:
    created = one.post(CLIENTS, json=COMPANY)
    client_id = created.json()["clientId"]
    found = one.get(CLIENTS, params={"externalId": "K-1"}).json()
    replaced = one.put(f"{CLIENTS}/{client_id}", json=COMPANY | {"name": "Nowa nazwa", "externalId": "K-1b"})
    read = one.get(f"{CLIENTS}/{client_id.replace(':', '%3A')}").json()
    gone = one.get(CLIENTS, params={"externalId": "K-1"}).json()
    one.put(f"{CREDITS}/{client_id[4:]}", json={"creditValue": 1})
    one.put(f"{BLOCKADES}/{client_id}", json={"externalId": "CLOSED"})
    removed = one.delete(f"{CLIENTS}/{client_id}")

    assert created.status_code == 201
    assert found == [{"clientId": client_id} | COMPANY | {"type": "COMPANY", "blockades": []}]
    assert (replaced.status_code, read["name"], read["externalId"], gone) == (200, "Nowa nazwa", "K-1b", [])
    assert (removed.status_code, one.get(f"{CLIENTS}/{client_id}").status_code) == (204, 404)
    assert (sandbox.store.trade_credits, sandbox.store.blockades) == ({}, {})


def test_a_second_client_with_the_same_external_id_is_409(sandbox: Sandbox, one: httpx.Client) -> None:
    company, person = new_client(one, COMPANY), new_client(one, PERSON)

    created = one.post(CLIENTS, json=COMPANY | {"name": "Drugi"})
    moved = one.put(f"{CLIENTS}/{person}", json=PERSON | {"externalId": "K-1"})

    assert (created.status_code, moved.status_code) == (409, 409)
    assert sandbox.store.client_ids == {"K-1": company, "K-2": person}
    assert sandbox.store.creations == {"client:K-1": 1, "client:K-2": 1}


def test_ids_tell_companies_from_persons_and_are_the_same_in_every_run(sandbox: Sandbox, one: httpx.Client) -> None:
    bodies = [COMPANY, PERSON, PERSON | {"type": "COMPANY", "externalId": "K-3"}]
    first = [new_client(one, body) for body in bodies]
    sandbox.reset()
    second = [new_client(one, body) for body in reversed(bodies)]
    one.delete(f"{CLIENTS}/{first[0]}")

    assert [client_id[:4] for client_id in first] == ["org:", "ind:", "org:"]
    assert second == first[::-1]
    assert new_client(one, COMPANY) != first[0]


def test_the_feed_tells_who_made_each_change(sandbox: Sandbox, one: httpx.Client) -> None:
    company = new_client(one, COMPANY)
    one.put(f"{CLIENTS}/{company}", json=COMPANY)
    sandbox.edit_client({"clientId": company, "phone": "+48 1"})
    office = sandbox.edit_client({"name": "Z biura", "tin": "1"})
    one.delete(f"{CLIENTS}/{company}")

    def feed(query: str) -> Any:
        return one.get(f"{CLIENTS}/synchronization?{query}").json()

    events = [(company, "CREATE"), (company, "UPDATE"), (company, "UPDATE"), (office, "CREATE"), (company, "DELETE")]
    rows = [{"clientId": client_id, "type": kind} for client_id, kind in events]
    assert feed("startId=1") == {"nextId": 6, "events": rows}
    assert feed("startId=4") == {"nextId": 6, "events": rows[3:]}
    assert feed("startId=6") == {"nextId": 6, "events": []}
    assert feed("startId=1&contexts=BACKOFFICE") == {"nextId": 6, "events": rows[2:4]}
    assert feed("startId=1&contexts=BACKOFFICE,INTEGRATIONS") == {"nextId": 6, "events": rows}
    assert feed("startId=1&contexts=APPLICATION&contexts=INTERNAL") == {"nextId": 6, "events": []}


def test_the_feed_comes_in_pages_that_miss_and_repeat_nothing(
    sandbox: Sandbox, one: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "settings", Settings(feed_page=2))
    made = [sandbox.edit_client({"name": f"B{number}"}) for number in range(5)]
    new_client(one, COMPANY)

    pages, start = [], 1
    while (page := one.get(f"{CLIENTS}/synchronization?startId={start}&contexts=BACKOFFICE").json())["events"]:
        pages.append([event["clientId"] for event in page["events"]])
        start = page["nextId"]

    assert pages == [made[:2], made[2:4], made[4:]]


@pytest.mark.parametrize("query", ["", "startId=0", "startId=x", "startId=1&contexts=ME"])
def test_a_feed_refuses_a_query_that_it_does_not_understand(one: httpx.Client, query: str) -> None:
    assert one.get(f"{CLIENTS}/synchronization?{query}").status_code == 400


def test_all_clients_are_listed_in_pages(one: httpx.Client) -> None:
    made = [new_client(one, body) for body in (COMPANY, PERSON)]

    rows = one.get(CLIENTS, params={"pageNumber": 1, "pageSize": 9}).json()

    assert [row["clientId"] for row in rows] == made


# --- trade credits and blockades -----------------------------------------------------------------


def test_a_trade_credit_belongs_to_an_organization_and_has_its_feed(one: httpx.Client) -> None:
    company = new_client(one, COMPANY)
    path = f"{CREDITS}/{company.removeprefix('org:')}"
    missing = one.get(path)
    one.put(path, json={"creditValue": 50000, "creditValueUsed": 12250.5})
    one.put(path, json={"creditValue": 100})
    read = one.get(path)
    feed = one.get(f"{CREDITS}/synchronization?startId=1").json()
    removed = [one.delete(path).status_code for _ in range(2)]

    assert (missing.status_code, removed) == (404, [204, 404])
    assert read.json() == {"creditValue": 100, "creditValueUsed": 0, "availableCreditValue": 100}
    events = [{"clientId": company, "type": "CREATE"}, {"clientId": company, "type": "UPDATE"}]
    assert feed == {"nextId": 3, "events": events}


def test_no_other_id_has_a_trade_credit(one: httpx.Client) -> None:
    company, person = new_client(one, COMPANY), new_client(one, PERSON)
    wrong = [company, person, person.removeprefix("ind:"), "unknown"]

    answers = [one.put(f"{CREDITS}/{name}", json={"creditValue": 1}).status_code for name in wrong]

    assert answers == [404, 404, 404, 404]


def test_a_blockade_takes_its_type_from_what_is_configured(one: httpx.Client) -> None:
    company = new_client(one, COMPANY)
    path = f"{BLOCKADES}/{company}"
    put = one.put(path, json={"externalId": "OVERDUE-30", "message": "po terminie"})
    inside = one.get(f"{CLIENTS}/{company}").json()["blockades"]
    read = one.get(path).json()
    removed = [one.delete(path).status_code for _ in range(2)]

    expected = {"externalId": "OVERDUE-30", "type": "TRADE_CREDIT", "label": "OVERDUE-30", "message": "po terminie"}
    assert put.status_code == 200
    assert {name: value for name, value in read.items() if name != "id"} == expected
    assert (inside, removed, one.get(path).status_code) == ([read], [204, 404], 404)


@pytest.mark.parametrize(
    ("client", "body", "status"),
    [
        (None, {"externalId": "NO-SUCH"}, 422),
        (None, {"externalId": "CLOSED", "type": "SALE"}, 422),
        (None, {"externalId": "CLOSED", "type": "CLIENT"}, 200),
        (None, {"type": "SALE"}, 400),
        ("org:unknown", {"externalId": "CLOSED"}, 404),
    ],
)
def test_a_blockade_is_checked(one: httpx.Client, client: str | None, body: dict[str, str], status: int) -> None:
    company = new_client(one, COMPANY)

    assert one.put(f"{BLOCKADES}/{client or company}", json=body).status_code == status


# --- faults --------------------------------------------------------------------------------------


def test_a_scripted_status_has_no_effect(sandbox: Sandbox, one: httpx.Client) -> None:
    sandbox.faults.add({"status": 429, "retry_after": 3}, {"method": "POST", "path": "*/clients"}, times=1)

    refused, taken = one.post(CLIENTS, json=COMPANY), one.post(CLIENTS, json=COMPANY)

    assert (refused.status_code, refused.headers["Retry-After"], taken.status_code) == (429, "3", 201)
    assert sandbox.store.creations == {"client:K-1": 1}


def test_a_scripted_status_may_say_its_body_and_a_date(sandbox: Sandbox, one: httpx.Client) -> None:
    date = "Wed, 21 Oct 2031 07:28:00 GMT"
    sandbox.faults.add({"status": 503, "retry_after": date, "body": {"oh": ["no"]}})

    answer = one.get(WAREHOUSES)

    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (503, date, {"oh": ["no"]})


@pytest.mark.parametrize(("when", "created"), [("before", {}), ("after", {"client:K-1": 1})])
def test_a_cut_connection_gives_no_answer(
    sandbox: Sandbox, one: httpx.Client, when: str, created: dict[str, int]
) -> None:
    one.get(WAREHOUSES)  # the connection is open and kept
    sandbox.faults.add({"drop": when}, times=1)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        one.post(CLIENTS, json=COMPANY)

    assert sandbox.store.creations == created
    assert sandbox.requests(since=1)[0]["status"] is None
    assert one.get(WAREHOUSES).status_code == 200


@pytest.mark.parametrize(("delay", "created"), [("answer", {"client:K-1": 1}), ("effect", {})])
def test_a_delay_lasts_longer_than_the_client_waits(
    sandbox: Sandbox, one: httpx.Client, delay: str, created: dict[str, int]
) -> None:
    sandbox.faults.add({"delay_seconds": 0.4, "delay": delay}, times=1)

    with pytest.raises(httpx.ReadTimeout):
        one.post(CLIENTS, json=COMPANY, timeout=0.1)
    at_once = dict(sandbox.store.creations)
    time.sleep(0.5)

    assert (at_once, sandbox.store.creations) == (created, {"client:K-1": 1})


def test_garbage_is_no_json_and_the_effect_took_place(sandbox: Sandbox, one: httpx.Client) -> None:
    sandbox.faults.add({"garbage": True})

    answer = one.post(CLIENTS, json=COMPANY)

    assert (answer.status_code, sandbox.store.creations) == (201, {"client:K-1": 1})
    with pytest.raises(ValueError, match=r"codec|Expecting"):
        answer.json()


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_truncated_answer_breaks_off_and_the_effect_took_place(
    sandbox: Sandbox, one: httpx.Client, method: str
) -> None:
    segment = one.post(SEGMENTS, json={"name": "A"}).json()["id"]
    sandbox.faults.add({"truncate": True}, times=1)

    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        if method == "POST":
            one.post(SEGMENTS, json={"name": "B"})
        else:
            one.delete(f"{SEGMENTS}/{segment}")

    assert len(sandbox.store.segments) == (3 if method == "POST" else 1)


def test_a_refused_sku_refuses_the_whole_request_and_is_named(sandbox: Sandbox, one: httpx.Client) -> None:
    one.put(WAREHOUSES, json=CENTRAL)
    sandbox.faults.add({"refuse_sku": ["B", "Z"]})

    together = one.post(f"{W1}/incremental", json={"stocks": [line("A", 1), line("B", 1)]})
    removal = one.post(f"{W1}/incremental", json={"stocksToRemove": ["Z"]})
    alone = one.post(f"{W1}/incremental", json={"stocks": [line("A", 1)]})

    assert [together.status_code, removal.status_code, alone.status_code] == [422, 422, 200]
    assert (messages(together), messages(removal)) == (["SKU B is refused"], ["SKU Z is refused"])
    assert list(sandbox.store.stocks["W1"]) == ["A"]


@pytest.mark.parametrize("name", ["external", "id", "bare id"])
def test_a_client_is_refused_under_all_its_names(sandbox: Sandbox, one: httpx.Client, name: str) -> None:
    company = new_client(one, COMPANY)
    bare = company.removeprefix("org:")
    sandbox.faults.add({"refuse_client": [{"external": "K-1", "id": company, "bare id": bare}[name]]})

    answers = [
        one.put(f"{CLIENTS}/{company}", json=COMPANY),
        one.put(f"{CREDITS}/{bare}", json={"creditValue": 1}),
        one.put(f"{BLOCKADES}/{company}", json={"externalId": "CLOSED"}),
        one.post(CLIENTS, json=PERSON),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 201]


def test_results_per_line_report_what_is_refused_and_take_the_rest(sandbox: Sandbox, one: httpx.Client) -> None:
    one.put(WAREHOUSES, json=CENTRAL)
    one.post(f"{W1}/incremental", json={"stocks": [line("C", 1), line("D", 1)]})
    sandbox.faults.add({"per_line": True, "refuse_sku": ["B", "D"]})

    answer = one.post(f"{W1}/incremental", json={"stocks": [line("A", 1), line("B", 1)], "stocksToRemove": ["C", "D"]})

    results = [
        {"id": "A", "ok": True, "error": None},
        {"id": "B", "ok": False, "error": "SKU B is refused"},
        {"id": "C", "ok": True, "error": None},
        {"id": "D", "ok": False, "error": "SKU D is refused"},
    ]
    assert (answer.status_code, answer.json()) == (200, {"results": results})
    assert sandbox.store.stocks == {"W1": {"D": ("D", 1), "A": ("A", 1)}}


def test_a_refused_client_is_refused_where_results_are_per_line_too(sandbox: Sandbox, one: httpx.Client) -> None:
    sandbox.faults.add({"per_line": True, "refuse_client": ["K-1"]})

    assert [one.post(CLIENTS, json=body).status_code for body in (COMPANY, PERSON)] == [422, 201]


# --- control -------------------------------------------------------------------------------------


def test_faults_are_added_listed_and_removed_over_http(one: httpx.Client) -> None:
    fault = {"match": {"path": "*/warehouses"}, "times": 1, "action": {"status": 500}}
    added = one.post("/_sandbox/faults", json=fault)
    statuses = [one.get(WAREHOUSES).status_code for _ in range(2)]
    (listed,) = one.get("/_sandbox/faults").json()["faults"]
    removed = one.delete("/_sandbox/faults")

    assert (added.status_code, added.json(), statuses) == (201, {"number": listed["number"]}, [500, 200])
    assert (listed["met"], listed["applied"], listed["fault"]["action"]) == (2, 1, {"status": 500})
    assert (removed.status_code, one.get("/_sandbox/faults").json()) == (204, {"faults": []})


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/faults", b'{"action":{"statsu":1}}', 400),
        ("POST", "/faults", b"{", 400),
        ("POST", "/clients", b"[]", 400),
        ("POST", "/clients", b'{"tin":"1"}', 400),
        ("POST", "/clients", b'{"name":"x","externalId":[]}', 400),
        ("POST", "/clients", b'{"clientId":"org:x","name":"x"}', 404),
        ("GET", "/requests?since=x", b"", 400),
        ("PUT", "/state", b"", 405),
        ("GET", "/unknown", b"", 404),
    ],
)
def test_the_control_refuses_what_it_does_not_understand(
    one: httpx.Client, method: str, path: str, body: bytes, status: int
) -> None:
    assert one.request(method, f"/_sandbox{path}", content=body).status_code == status


def test_every_request_is_logged_with_what_became_of_it(sandbox: Sandbox, one: httpx.Client) -> None:
    one.put(WAREHOUSES, json=CENTRAL)
    sandbox.faults.add({"status": 503}, times=1)
    one.post(f"{W1}/incremental", json={"stocks": [line("A", 1), line("B", 2)]})
    one.get(f"{CLIENTS}?externalId=K%2F1")
    one.post(SEGMENTS, json={"nme": "x"})

    logged = one.get("/_sandbox/requests?since=1").json()["requests"]

    shown = [(row["number"], row["method"], row["query"], row["lines"], row["status"], row["effect"]) for row in logged]
    assert shown == [
        (2, "POST", "", 2, 503, False),
        (3, "GET", "externalId=K%2F1", 0, 200, False),
        (4, "POST", "", 1, 400, False),
    ]
    assert json.loads(logged[0]["body"]) == {"stocks": [line("A", 1), line("B", 2)]}
    assert (logged[0]["faults"], len(logged[0]["digest"])) == (['{"status":503}'], 16)
    assert logged[2]["message"].startswith("bad body; ")


def test_a_long_body_is_not_kept_but_its_digest_is(sandbox: Sandbox, one: httpx.Client) -> None:
    one.put(WAREHOUSES, json=CENTRAL)
    one.post(f"{W1}/incremental", json={"stocks": [line(f"A-{number}", 1) for number in range(5_000)]})

    (entry,) = sandbox.requests(since=1)

    assert (entry["body"], entry["lines"], len(entry["digest"])) == (None, 5_000, 16)


def test_the_state_is_one_document_and_reset_forgets_it(sandbox: Sandbox, one: httpx.Client) -> None:
    company = new_client(one, COMPANY)
    one.put(WAREHOUSES, json=CENTRAL)
    one.post(f"{W1}/incremental", json={"stocks": [line("A", 1.5)]})
    one.put(f"{CREDITS}/{company[4:]}", json={"creditValue": 1})
    state = one.get("/_sandbox/state").json()
    sandbox.faults.add({"status": 500})
    reset = one.post("/_sandbox/reset")

    counted = {"segments": 1, "warehouses": 1, "stocks": 1, "clients": 1, "trade_credits": 1}
    assert state["counts"] == dict.fromkeys(state["counts"], 0) | counted
    assert state["stocks"] == {"W1": {"A": {"sku": "A", "quantity": 1.5}}}
    assert state["clients"] == [{"clientId": company} | COMPANY]
    assert reset.status_code == 204
    assert one.get("/_sandbox/state").json()["counts"]["clients"] == 0
    assert one.get("/_sandbox/requests").json() == {"requests": []}
    assert len(sandbox.faults) == 0


def test_the_back_office_creates_and_edits_clients(sandbox: Sandbox, one: httpx.Client) -> None:
    created = one.post("/_sandbox/clients", json={"name": "Biuro", "tin": "1", "externalId": "K-7"})
    client_id = created.json()["clientId"]
    edited = one.post("/_sandbox/clients", json={"clientId": client_id, "phone": "+48 7"})
    again = one.post("/_sandbox/clients", json={"name": "Drugi", "externalId": "K-7"})

    expected = {"name": "Biuro", "tin": "1", "externalId": "K-7", "phone": "+48 7"}
    assert [created.status_code, edited.status_code, again.status_code] == [201, 200, 409]
    assert sandbox.store.clients == {client_id: expected}
    feed = one.get(f"{CLIENTS}/synchronization?startId=1&contexts=BACKOFFICE").json()["events"]
    assert [event["type"] for event in feed] == ["CREATE", "UPDATE"]


def test_the_page_shows_what_is_held_and_escapes_it(sandbox: Sandbox, one: httpx.Client) -> None:
    form = one.post("/_sandbox/clients", data={"clientId": "", "name": "<script>alert(1)</script>", "tin": "1"})
    sandbox.faults.add({"refuse_sku": ["<b>"]}, {"method": "PUT"})
    one.put(WAREHOUSES, json={"id": "<i>"})

    page = one.get("/_sandbox/")

    assert (form.status_code, form.headers["location"]) == (303, "/_sandbox/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert [tag for tag in ("<script", "<b>", "<i>") if tag in page.text] == []


# --- serving -------------------------------------------------------------------------------------


def test_requests_of_many_threads_are_all_counted(sandbox: Sandbox, one: httpx.Client) -> None:
    def create(first: int) -> None:
        with httpx.Client(base_url=sandbox.url, headers=HEADERS) as client:
            for number in range(first, first + 20):
                client.post(CLIENTS, json=COMPANY | {"externalId": f"K-{number}"})

    threads = [threading.Thread(target=create, args=(first,)) for first in range(0, 80, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sandbox.store.creations == {f"client:K-{number}": 1 for number in range(80)}
    assert [entry["number"] for entry in sandbox.requests()] == list(range(1, 81))


def test_a_taken_port_is_said_so(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])

    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {port}"), running(port):
        pass


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_a_signal_ends_it_in_peace(how: signal.Signals) -> None:
    code = (
        "from engine.sandbox.server import serve; serve(port=0, started=lambda sandbox: print(sandbox.url, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as ran:
        assert ran.stdout
        url = ran.stdout.readline().strip()
        status = httpx.get(url + WAREHOUSES, headers=HEADERS).status_code
        ran.send_signal(how)
        _, errors = ran.communicate(timeout=10)

    assert (status, ran.returncode, errors) == (200, 0, "")


def test_the_end_waits_for_no_scripted_delay() -> None:
    with running() as sandbox:
        sandbox.faults.add({"delay_seconds": 60})
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(sandbox.url + WAREHOUSES, headers=HEADERS, timeout=0.1)
        begun = time.monotonic()

    assert time.monotonic() - begun < 5
