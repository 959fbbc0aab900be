"""The orders that the stand-in holds: shipments with their feed, what was written to them, and offline orders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.sandbox.store.feeds import Document, Feed, OrderEvent
from engine.values import Json


@dataclass(slots=True)
class Orders:
    """The state of the order service; a shipment is one sales order of an order.

    What is inside a shipment is replaced rather than changed, because copies that were given out share it.
    """

    shipments: dict[str, Document] = field(default_factory=dict)  # by id, whole (one-api.md 2.15)
    feed: Feed = field(default_factory=Feed)
    placed: int = 0  # orders so far, of which the next one takes its number
    statuses: dict[str, str] = field(default_factory=dict)  # as written by the ERP, by shipment id; so all below
    payment_statuses: dict[str, str] = field(default_factory=dict)
    delivery_dates: dict[str, str] = field(default_factory=dict)
    shipped: dict[str, dict[str, Any]] = field(default_factory=dict)  # then by SKU, int or Decimal
    waybills: dict[str, list[Document]] = field(default_factory=dict)  # each as often as it was posted
    offline: dict[str, Document] = field(default_factory=dict)  # by id

    # --- what happens in the shop

    def add(self, shipment: Document) -> None:
        """Add a shipment."""
        self.shipments[shipment["id"]] = shipment
        self.tell(shipment["orderId"], shipment["id"], OrderEvent.ADDED)

    def change(self, shipment: Document, *, event: OrderEvent = OrderEvent.CHANGED) -> None:
        """Replace a known shipment."""
        self.shipments[shipment["id"]] = shipment
        self.tell(shipment["orderId"], shipment["id"], event)

    def remove(self, shipment_id: str) -> None:
        """Remove a shipment."""
        shipment = self.shipments.pop(shipment_id)
        self.tell(shipment["orderId"], shipment_id, OrderEvent.REMOVED)

    def tell(self, order_id: str, shipment_id: str, event: OrderEvent) -> None:
        """Put an event into the feed, and nothing else."""
        self.feed.add({"orderId": order_id, "shipmentId": shipment_id, "eventType": str(event)}, event)

    # --- what the ERP writes

    def set_status(self, shipment_id: str, status: str) -> None:
        """Set the status of a shipment."""
        self.statuses[shipment_id] = self.shipments[shipment_id]["status"] = status

    def set_payment_status(self, shipment_id: str, status: str) -> None:
        """Set the payment status, in the new form and in the old one, which knows two values only."""
        self.payment_statuses[shipment_id] = status
        old = "PAID" if status == "PAID" else "PENDING"
        self.shipments[shipment_id].update(paymentStatusV2=status, paymentStatus=old)

    def set_delivery_date(self, shipment_id: str, date: str) -> None:
        """Confirm the date of delivery."""
        self.delivery_dates[shipment_id] = date
        shipment = self.shipments[shipment_id]
        shipment["deliveryMethod"] = shipment["deliveryMethod"] | {"deliveryDateConfirmed": date}

    def set_shipped(self, shipment_id: str, changes: Iterable[Document]) -> None:
        """Set shipped quantities; products that are not named keep theirs."""
        held = self.shipped.setdefault(shipment_id, {})
        held.update((change["sku"], change["quantityShipped"]) for change in changes)

    def add_waybills(self, shipment_id: str, waybills: list[Document]) -> None:
        """Append waybills, also those that are there already."""
        self.waybills.setdefault(shipment_id, []).extend(waybills)
        shipment = self.shipments[shipment_id]
        shipment["waybills"] = shipment["waybills"] + [{"url": None} | waybill for waybill in waybills]

    # --- all of it

    def counts(self) -> dict[str, int]:
        """Count what is held, by object."""
        return {
            "orders": len(self.shipments),
            "order_statuses": len(self.statuses),
            "payment_statuses": len(self.payment_statuses),
            "confirmed_delivery_dates": len(self.delivery_dates),
            "shipped_quantities": sum(map(len, self.shipped.values())),
            "waybills": sum(map(len, self.waybills.values())),
            "offline_orders": len(self.offline),
        }

    def as_json(self) -> Json:
        """Give all that is held, a copy."""
        return {
            "orders": list(map(dict, self.shipments.values())),
            "order_events": [event.document for event in self.feed.events],
            "order_statuses": dict(self.statuses),
            "payment_statuses": dict(self.payment_statuses),
            "confirmed_delivery_dates": dict(self.delivery_dates),
            "shipped_quantities": {shipment_id: dict(held) for shipment_id, held in self.shipped.items()},
            "waybills": {shipment_id: list(map(dict, held)) for shipment_id, held in self.waybills.items()},
            "offline_orders": list(map(dict, self.offline.values())),
        }
