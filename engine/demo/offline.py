"""Offline orders of the demonstration's ERP."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from engine.demo import names
from engine.demo.rows import Row, insert, plain
from engine.demo.sales import Item, Money, Sale, add_up, rounded, taxed

_NO_TAX = 10  # the sale whose first line has no tax
_FEE = Decimal("0.1525")  # net, of one unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """One shipment of a sale."""

    sale: Sale
    number: int  # within the sale, from 1

    @property
    def id(self) -> str:
        return self.sale.shipment_id(self.number)

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for item in self.sale.items if item.shipment == self.number)

    @property
    def delivery(self) -> Money:
        return Money() if self.sale.collected else taxed(Decimal("18.50"), 23)

    @property
    def costs(self) -> tuple[tuple[str, Money], ...]:
        """Give none, one or two additional costs of the whole shipment."""
        known = (("PACKAGING", taxed(Decimal("12.00"), 23)), ("INSURANCE", taxed(Decimal("3.35"), None)))
        return known[: self.sale.number % 3]

    @property
    def total(self) -> Money:
        return sum((cost for _, cost in self.costs), add_up(self.items) + self.delivery)

    @property
    def sent(self) -> bool:
        return self.sale.number % 4 == 2

    @property
    def changed_at(self) -> str:
        """Give the local time of the last change."""
        return f"{self.sale.day} {8 + self.sale.number % 9:02d}:15:00"


def seed(erp: sqlite3.Connection, sales: Sequence[Sale]) -> None:
    """Fill the tables of offline orders."""
    shipments = [Shipment(sale=sale, number=number) for sale in sales for number in sale.shipments]
    for table, rows in (
        ("offline_order", map(_order, shipments)),
        ("offline_order_line", (line for shipment in shipments for line in _lines(shipment))),
        ("offline_order_cost", (cost for shipment in shipments for cost in _costs(shipment))),
        ("offline_order_waybill", (waybill for shipment in shipments for waybill in _waybills(shipment))),
        ("offline_order_person", (person for shipment in shipments for person in _people(shipment))),
    ):
        insert(erp, table, map(plain, rows))


def _order(shipment: Shipment) -> Row:
    sale, to = shipment.sale, shipment.sale.customer
    number, products, total = sale.number, add_up(shipment.items), shipment.total
    address = (to.name, to.street, to.zip_code, to.city, to.country, to.phone)
    return (
        shipment.id,
        sale.order_id,
        to.customer_id,
        sale.day,
        None if number % 12 == 0 else shipment.changed_at,
        names.STATUSES[number % 4],
        "Proszę dzwonić przed dostawą" if number % 5 == 1 else None,
        None if number % 7 == 6 else "W1",
        *(to.contact_name, to.contact_email, to.contact_phone),
        names.PAYMENTS[number % 3][0],
        None if number % 11 == 5 else names.DELIVERIES[sale.collected][0],
        sale.day + timedelta(days=3) if number % 2 else None,
        sale.day + timedelta(days=4) if number % 4 == 1 else None,
        "W1" if sale.collected else None,
        *((None,) * 6 if sale.collected else address),
        *(shipment.delivery.net, shipment.delivery.tax, shipment.delivery.gross),
        *(products.net, products.gross),
        *(total.net, total.tax, total.gross),
    )


def _lines(shipment: Shipment) -> Iterator[Row]:
    for item in shipment.items:
        no_tax = shipment.sale.number == _NO_TAX and item.line_no == 1
        yield (
            shipment.id,
            item.line_no,
            *(item.product.sku, item.product.name, item.product.unit, names.UNIT_CODES[item.product.unit]),
            *(item.quantity, item.quantity if shipment.sent else None),
            *(item.catalog_price, item.discount, item.net_price),
            *(item.total.net, None if no_tax else item.total.tax, item.total.gross),
            *_fee(item),
            shipment.changed_at if shipment.sent else None,
            "Ciąć na odcinki 10 m" if item.product.unit == "m" else None,
        )


def _fee(item: Item) -> Row:
    """Give every third line of a shipment a fee, which its price includes."""
    if item.line_no % 3 != 2:
        return (None,) * 7
    unit_tax = rounded(_FEE * 23 / 100, 4)
    total = taxed(_FEE * item.quantity, 23)
    return (names.FEES[item.line_no % 2], _FEE, unit_tax, _FEE + unit_tax, total.net, total.tax, total.gross)


def _costs(shipment: Shipment) -> Iterator[Row]:
    for kind, cost in shipment.costs:
        yield (shipment.id, kind, cost.net, cost.tax, cost.gross)


def _waybills(shipment: Shipment) -> Iterator[Row]:
    """Give a shipment that was sent one waybill or two, the second without a link."""
    for place in range(1 + shipment.sale.number % 3 % 2 if shipment.sent else 0):
        number = f"KUR-{shipment.sale.number:05d}-{shipment.number}{place}"
        yield (shipment.id, number, None if place else f"https://carrier.invalid/{number}")


def _people(shipment: Shipment) -> Iterator[Row]:
    if shipment.sale.collected:
        yield (shipment.id, "Łucja Przykładowa", "lucja@example.invalid", "+48 003 000 001")
        yield (shipment.id, "Jan Przykładowy", None, None)
