"""The order service: the feed, shipments, what the ERP writes to them, offline orders (one-api.md 2.15 to 2.17)."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import date

from engine.sandbox.api import body_checks
from engine.sandbox.api.replies import Call, Refused, Reply, problem, required_text, whole_number, words
from engine.sandbox.store.feeds import Document, OrderEvent

# --- reading -------------------------------------------------------------------------------------


def synchronize_orders(call: Call) -> Reply:
    """Give events of shipments (one-api.md 2.15: known; all three parameters required, no eventTypes means all).

    Assumed: nextId is startId when there is nothing new; every numberOfEvents is allowed; no event is ever forgotten.
    """
    if "eventTypes" not in call.query:
        raise Refused(400, "bad query", problems=[problem("?eventTypes", "is required, and may be empty")])
    kinds = words(call, "eventTypes", OrderEvent.__members__)
    start, limit = whole_number(call, "startId"), whole_number(call, "numberOfEvents")
    return Reply(body=call.store.orders.feed.read(start, kinds=kinds, limit=limit))


def get_shipment(call: Call) -> Reply:
    """Give one shipment whole (2.15: known; 404 for one that is unknown or was removed is assumed)."""
    return Reply(body=_shipment(call, required_text(call, "shipmentId")))


def _shipment(call: Call, shipment_id: str) -> Document:
    shipment = call.store.orders.shipments.get(shipment_id)
    if shipment is None:
        raise Refused(404, f"shipment not found: {shipment_id}")
    return shipment


# --- writing -------------------------------------------------------------------------------------


def put_status(call: Call) -> Reply:
    """Set the status of a shipment (2.16: known, no body; 422 for a code that the tenant does not have is assumed)."""
    shipment_id, status = required_text(call, "shipmentId"), required_text(call, "shipmentStatus")
    _shipment(call, shipment_id)
    known = call.settings.order_statuses
    if known is not None and status not in known:
        raise Refused(422, "bad query", problems=[problem("?shipmentStatus", f"status {status} is unknown")])
    call.store.orders.set_status(shipment_id, status)
    return _written(call, shipment_id, OrderEvent.CHANGED)


def put_payment_status(call: Call) -> Reply:
    """Set the payment status of a shipment (2.16: known)."""
    shipment_id = required_text(call, "shipmentId")
    _shipment(call, shipment_id)
    body_checks.check("payment-status", call.body)
    call.store.orders.set_payment_status(shipment_id, call.body["newPaymentStatus"])
    return _written(call, shipment_id, OrderEvent.CHANGED_PAYMENT)


def put_confirmed_delivery_date(call: Call) -> Reply:
    """Confirm the date of delivery of a shipment (2.16: known, no body)."""
    shipment_id, text = required_text(call, "shipmentId"), required_text(call, "date")
    _shipment(call, shipment_id)
    if not _is_date(text):
        raise Refused(400, "bad query", problems=[problem("?date", f"{text} is no date of the form yyyy-MM-dd")])
    call.store.orders.set_delivery_date(shipment_id, text)
    return _written(call, shipment_id, OrderEvent.CHANGED)


def put_shipped_quantities(call: Call) -> Reply:
    """Set how much of a shipment's products was shipped, in content units (2.16: known).

    Assumed: the quantity replaces the one before; 422 for a product that is not in the shipment; a product stands
    once, because two lines with one SKU cannot be told apart.
    """
    body_checks.check("shipped-quantities", call.body)
    changes = call.body["quantityChanges"]
    shipment = _shipment(call, call.body["shipmentId"])
    skus = Counter(change["sku"] for change in changes)
    if repeated := [sku for sku, count in skus.items() if count > 1]:
        raise Refused(400, "bad body", problems=[problem("$", f"SKU {sku} stands twice") for sku in repeated])
    if strange := skus.keys() - {line["sku"] for line in shipment["productLines"]}:
        problems = [problem("$", f"SKU {sku} is not in shipment {shipment['id']}") for sku in sorted(strange)]
        raise Refused(422, "bad body", problems=problems)
    call.store.orders.set_shipped(shipment["id"], changes)
    return _written(call, shipment["id"], OrderEvent.CHANGED)


def add_waybills(call: Call) -> Reply:
    """Add waybills to a shipment (2.16: known; assumed: they are appended, and one that is there is added again)."""
    body_checks.check("waybills", call.body)
    shipment_id, waybills = _shipment(call, call.body["shipmentId"])["id"], call.body["waybills"]
    for waybill in waybills:
        call.store.count_creation("waybill", f"{shipment_id} {waybill['number']}")
    call.store.orders.add_waybills(shipment_id, waybills)
    return _written(call, shipment_id, OrderEvent.CHANGED)


def _written(call: Call, shipment_id: str, event: OrderEvent) -> Reply:
    """Answer without a body, and tell the feed if the tenant is set so; neither is documented."""
    if call.settings.echo_orders:
        call.store.orders.tell(call.store.orders.shipments[shipment_id]["orderId"], shipment_id, event)
    return Reply()


def _is_date(text: str) -> bool:
    with suppress(ValueError):
        return date.fromisoformat(text).isoformat() == text
    return False


# --- offline orders ------------------------------------------------------------------------------


def put_offline_order(call: Call) -> Reply:
    """Add an offline order, or replace the one with the same id (2.17: known; 404 for an unknown client is assumed)."""
    body_checks.check("offline-order", call.body)
    client_id = call.body["organization"]["id"]
    if client_id not in call.store.clients:
        raise Refused(404, f"client not found: {client_id}")
    if call.body["id"] not in call.store.orders.offline:
        call.store.count_creation("offline_order", call.body["id"])
    call.store.orders.offline[call.body["id"]] = call.body
    return Reply(body={"id": call.body["id"]})
