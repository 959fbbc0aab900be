"""What happens in the stand-in's shop: orders are placed, split, changed, paid and removed, always in the same way."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import islice

from engine.sandbox.api.replies import Refused
from engine.sandbox.store.feeds import Document, OrderEvent
from engine.sandbox.store.shipments import GOODS, Good, Order, cents, changed, paid, shipment
from engine.sandbox.store.store import Store
from engine.values import Json

MAX_ORDERS = 10_000  # at once
LINES = (3, 1, 4, 2)  # of a shipment, by the number of its order


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What one call placed; the ids are those of shipments."""

    shipments: tuple[str, ...]  # all that were added, also the one removed later
    split: tuple[str, ...]  # the two of one order; empty for a single order
    missing: str  # has an event, and is not there
    changed: str | None  # None: not asked for, or too few orders
    removed: str | None

    def as_json(self) -> Json:
        """Give it as a document."""
        return asdict(self)


def place(store: Store, count: int, *, later: bool) -> Placed:
    """Place orders of the clients in turn, see `Sandbox.place_orders`."""
    if not store.clients:
        raise Refused(409, "there are no clients who could order: create one first")
    if not 1 <= count <= MAX_ORDERS:
        raise Refused(400, f"count is from 1 to {MAX_ORDERS}, not {count}")
    goods = _goods(store)
    placed = [_order(store, goods, parts=2 if place == 2 else 1) for place in range(1, count + 1)]
    first, split = placed[0], placed[1] if count > 1 else ()
    order_id = store.orders.shipments[first[0]]["orderId"]
    store.orders.tell(order_id, missing := f"{order_id}/99", OrderEvent.ADDED)
    third = placed[2][0] if later and count > 2 else None
    fourth = placed[3][0] if later and count > 3 else None
    if third:
        change(store, third)
    if fourth:
        remove(store, fourth)
    added = tuple(shipment_id for ids in placed for shipment_id in ids)
    return Placed(shipments=added, split=split, missing=missing, changed=third, removed=fourth)


def change(store: Store, shipment_id: str) -> None:
    """Change a shipment, then have it paid."""
    store.orders.change(changed(_held(store, shipment_id)))
    store.orders.change(paid(store.orders.shipments[shipment_id]), event=OrderEvent.CHANGED_PAYMENT)


def remove(store: Store, shipment_id: str) -> None:
    """Remove a shipment."""
    _held(store, shipment_id)
    store.orders.remove(shipment_id)


def _held(store: Store, shipment_id: str) -> Document:
    if shipment_id not in store.orders.shipments:
        raise Refused(404, f"shipment not found: {shipment_id}")
    return store.orders.shipments[shipment_id]


def _order(store: Store, goods: list[Good], *, parts: int) -> tuple[str, ...]:
    """Place one order and give the ids of its shipments."""
    store.orders.placed += 1
    number = store.orders.placed
    client_id, client = next(islice(store.clients.items(), (number - 1) % len(store.clients), None))
    lines = min(LINES[number % len(LINES)], len(goods))  # no product twice
    ids = []
    for part in range(1, parts + 1):
        order = Order(
            number=number,
            part=part,
            parts=parts,
            client_id=client_id,
            client=client,
            goods=[goods[(number + part + step) % len(goods)] for step in range(lines)],
            fixed_id=store.fixed_id,
            warehouse_id=next(iter(store.warehouses), None),
        )
        store.orders.add(shipment(order))
        ids.append(order.shipment_id)
    return tuple(ids)


def _goods(store: Store) -> list[Good]:
    """Take products that are held, with their retail prices; invent some where none are."""
    stocks = (sku for held in store.stocks.values() for sku, _ in held.values())
    skus = list(dict.fromkeys([*islice(store.prices.retail, 2 * len(GOODS)), *islice(stocks, 2 * len(GOODS))]))
    named = skus or [f"A-{number:06}" for number in range(1, len(GOODS) + 1)]
    invented = {sku: cents(Decimal("3.70") * place * place) for place, sku in enumerate(named, start=1)}
    return [Good(sku=sku, net_price=store.prices.retail.get(sku, price)) for sku, price in invented.items()]
