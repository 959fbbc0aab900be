"""The stand-in's own orders, its page and its state, over real HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.sandbox.sandbox import Sandbox

ORDERS = "/api/v1/orders/integrations/auth-required"
SHIPMENT, FEED = f"{ORDERS}/order/shipment", f"{ORDERS}/synchronization/order"
PRICING = "/api/v1/pricing/integrations/auth-required"
HEADERS = {"ApiAuth": "key", "one-tenant": "acme"}
OBJECTS = [
    "segments",
    "warehouses",
    "stocks",
    "clients",
    "trade_credits",
    "client_blockades",
    "retail_prices",
    "price_lists",
    "price_list_assignments",
    "prices",
    "invoices",
    "invoice_files",
    "invoice_statuses",
    "goods_issued_notes",
    "goods_issued_note_files",
    "orders",
    "order_statuses",
    "payment_statuses",
    "confirmed_delivery_dates",
    "shipped_quantities",
    "waybills",
    "offline_orders",
]


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    served.reset()
    served.edit_client({"name": "Żabka Narzędzia", "tin": "1", "externalId": "K-1"})
    served.edit_client({"name": "Ewa Łącka", "type": "INDIVIDUAL"})
    return served


def shipment(one: httpx.Client, shipment_id: str) -> httpx.Response:
    return one.get(SHIPMENT, params={"shipmentId": shipment_id})


def events(one: httpx.Client) -> list[tuple[str, str]]:
    rows = one.get(FEED, params={"eventTypes": "", "numberOfEvents": 1000, "startId": 1}).json()["events"]
    return [(row["eventType"], row["shipmentId"]) for row in rows]


def test_placed_orders_are_split_changed_paid_removed_and_missing(sandbox: Sandbox, one: httpx.Client) -> None:
    answer = one.post("/_sandbox/orders")
    placed: dict[str, Any] = answer.json()

    held = {name: shipment(one, name) for name in [*placed["shipments"], placed["missing"]]}
    added = [("ADDED", name) for name in [*placed["shipments"], placed["missing"]]]
    later = [("CHANGED", placed["changed"]), ("CHANGED_PAYMENT", placed["changed"]), ("REMOVED", placed["removed"])]
    assert answer.status_code == 201
    assert events(one) == added + later
    assert [name for name, answer in held.items() if answer.status_code == 404] == [
        placed["removed"],
        placed["missing"],
    ]
    assert {held[name].json()["orderId"] for name in placed["split"]} == {"OF/2/3/2031"}
    assert held[placed["changed"]].json()["paymentStatusV2"] == "PAID"
    assert {answer.json()["organization"]["externalId"] for answer in held.values() if answer.is_success} == {
        "K-1",
        None,
    }
    assert sandbox.store.counts()["orders"] == 6


def test_more_orders_go_on_with_new_numbers(one: httpx.Client) -> None:
    first = one.post("/_sandbox/orders", json={"count": 2, "later": False}).json()
    second = one.post("/_sandbox/orders", json={"count": 3, "later": False}).json()

    assert [first["shipments"][0], second["shipments"][0]] == ["OF/1/3/2031/01", "OF/3/3/2031/01"]
    assert (second["changed"], second["removed"]) == (None, None)
    assert not {*first["shipments"]} & {*second["shipments"]}


def test_a_shipment_is_changed_and_removed_when_asked(sandbox: Sandbox, one: httpx.Client) -> None:
    name = one.post("/_sandbox/orders", json={"count": 1}).json()["shipments"][0]
    before = shipment(one, name).json()
    changed = one.post("/_sandbox/orders/change", json={"shipmentId": name})
    after = shipment(one, name).json()
    removed = [one.post("/_sandbox/orders/remove", json={"shipmentId": name}).status_code for _ in range(2)]

    assert (changed.status_code, removed, shipment(one, name).status_code) == (204, [204, 404], 404)
    assert after["lastChange"] > before["lastChange"]
    assert events(one)[-3:] == [("CHANGED", name), ("CHANGED_PAYMENT", name), ("REMOVED", name)]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/orders", b'{"count":0}', 400),
        ("/orders", b'{"count":true}', 400),
        ("/orders", b'{"count":"x"}', 400),
        ("/orders", b"[]", 400),
        ("/orders/change", b"{}", 400),
        ("/orders/change", b'{"shipmentId":"x"}', 404),
        ("/orders/remove", b'{"shipmentId":7}', 400),
    ],
)
def test_the_shop_refuses_what_it_does_not_understand(
    sandbox: Sandbox, one: httpx.Client, path: str, body: bytes, status: int
) -> None:
    assert one.post(f"/_sandbox{path}", content=body).status_code == status
    assert sandbox.store.orders.feed.events == []


def test_without_clients_no_order_is_placed(sandbox: Sandbox, one: httpx.Client) -> None:
    sandbox.reset()

    assert one.post("/_sandbox/orders").status_code == 409


def test_a_copy_of_the_state_is_not_changed_by_later_writes(sandbox: Sandbox, one: httpx.Client) -> None:
    name = sandbox.place_orders(1).shipments[0]
    before = sandbox.state()
    kept = str(before)

    one.put(f"{SHIPMENT}/confirmed-delivery-date", params={"shipmentId": name, "date": "2031-03-09"})
    one.post(f"{SHIPMENT}/waybills", json={"shipmentId": name, "waybills": [{"number": "T"}]})
    sandbox.change_order(name)

    assert (str(before), str(sandbox.state()) == kept) == (kept, False)


def test_the_state_counts_every_object_and_reset_forgets_all(sandbox: Sandbox, one: httpx.Client) -> None:
    sandbox.place_orders()
    state = one.get("/_sandbox/state").json()
    one.post("/_sandbox/reset")
    empty = one.get("/_sandbox/state").json()

    assert list(state["counts"]) == OBJECTS
    assert (state["counts"]["orders"], state["counts"]["clients"]) == (6, 2)
    assert [name for name in (*OBJECTS, "uploads", "order_events", "creations") if name not in state] == []
    assert empty["counts"] == dict.fromkeys(OBJECTS, 0) | {"segments": 1}
    assert (empty["order_events"], empty["creations"]) == ([], {})


def test_the_page_shows_every_object_and_what_was_created_twice(sandbox: Sandbox, one: httpx.Client) -> None:
    sandbox.place_orders()
    for _ in range(2):
        one.post(f"{PRICING}/pricing/discount", json={"name": "<b>Hurt</b>"})
    one.put(f"{PRICING}/retail-prices", json=[{"productId": "<i>", "price": 1.5}])

    page = one.get("/_sandbox/").text

    assert [name for name in OBJECTS if name.replace("_", " ") not in page] == []
    assert [shown for shown in ("CHANGED_PAYMENT", "OF/2/3/2031/02", "price_list:&lt;b&gt;") if shown not in page] == []
    assert [tag for tag in ("<b>", "<i>") if tag in page] == []


def test_the_forms_of_the_page_place_change_and_remove(sandbox: Sandbox, one: httpx.Client) -> None:
    placed = one.post("/_sandbox/orders", data={"count": "2"})
    changed = one.post("/_sandbox/orders/change", data={"shipmentId": " OF/1/3/2031/01 "})
    removed = one.post("/_sandbox/orders/remove", data={"shipmentId": "OF/1/3/2031/01"})

    assert [answer.status_code for answer in (placed, changed, removed)] == [303, 303, 303]
    assert list(sandbox.store.orders.shipments) == ["OF/2/3/2031/01", "OF/2/3/2031/02"]
