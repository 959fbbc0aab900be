"""The tables of the page `/_sandbox/`: the beginning of what is held of each object, grouped by service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, TypeAlias

from engine.sandbox.store.feeds import Document
from engine.sandbox.store.held_documents import Kind, Upload
from engine.sandbox.store.store import Store

MAX_ROWS = 50

Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The beginning of what is held of one object."""

    name: str
    columns: tuple[str, ...]
    rows: list[Row]
    total: int

    def is_number(self, place: int) -> bool:
        """Tell whether a column holds numbers, which stand to the right."""
        values = [row[place] for row in self.rows if row[place] is not None]
        return bool(values) and all(type(value) in (int, Decimal) for value in values)


@dataclass(frozen=True, slots=True)
class Group:
    """The tables of one service."""

    name: str
    tables: tuple[Table, ...]


class Tables:
    """Makes tables of a store, each with its count."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._counts = store.counts() | {"order_events": len(store.orders.feed.events)}

    def of_rows(self, name: str, columns: str, rows: Iterable[Row]) -> Table:
        """Make a table of rows; `columns` are words."""
        return Table(name, tuple(columns.split()), list(islice(rows, MAX_ROWS)), self._counts[name])

    def of_documents(self, name: str, columns: str, documents: Iterable[Document]) -> Table:
        """Make a table of documents; a column is a name, or names with points that lead into the document."""
        return self.of_rows(name, columns, (tuple(_at(one, path) for path in columns.split()) for one in documents))


def tables(store: Store) -> tuple[Group, ...]:
    """Give all tables, in the order of the stages."""
    made = Tables(store)
    return (
        Group("Clients", _clients(made)),
        Group("Stock", _stock(made)),
        Group("Prices", _prices(made)),
        Group("Documents", _documents(made)),
        Group("Orders", _orders(made)),
    )


def _clients(made: Tables) -> tuple[Table, ...]:
    store = made.store
    clients = ({"clientId": client_id} | fields for client_id, fields in store.clients.items())
    credits = ({"clientId": client_id} | credit for client_id, credit in store.trade_credits.items())
    blockades = ({"clientId": client_id} | held for client_id, held in store.blockades.items())
    credit_columns = "clientId creditValue creditValueUsed availableCreditValue"
    return (
        made.of_documents("clients", "clientId externalId name tin phone", clients),
        made.of_documents("segments", "id name externalId parentSegmentId", store.segments.values()),
        made.of_documents("trade_credits", credit_columns, credits),
        made.of_documents("client_blockades", "clientId externalId type label", blockades),
    )


def _stock(made: Tables) -> tuple[Table, ...]:
    stocks = (
        (warehouse, stock_id, sku, quantity)
        for warehouse, held in made.store.stocks.items()
        for stock_id, (sku, quantity) in held.items()
    )
    return (
        made.of_documents("warehouses", "id type name parent", made.store.warehouses.values()),
        made.of_rows("stocks", "warehouse id sku quantity", stocks),
    )


def _prices(made: Tables) -> tuple[Table, ...]:
    held = made.store.prices
    assignments = ((one.get("clientId"), one.get("clientGroupId"), one["pricingId"]) for one in held.assignments())
    lists = (
        (pricing_id, fields["name"], len(held.prices.get(pricing_id, ()))) for pricing_id, fields in held.lists.items()
    )
    prices = ((pricing_id, sku, price) for pricing_id, priced in held.prices.items() for sku, price in priced.items())
    return (
        made.of_rows("retail_prices", "productId price", iter(held.retail.items())),
        made.of_rows("price_lists", "pricingId name prices", lists),
        made.of_rows("price_list_assignments", "clientId clientGroupId pricingId", assignments),
        made.of_rows("prices", "pricingId productId price", prices),
    )


def _documents(made: Tables) -> tuple[Table, ...]:
    held = made.store.documents
    invoice_columns = "number clientData.clientId saleDate totalPrices.grossPrice currencyCode productLines"
    note_columns = "number clientId documentDate purchaseOrderNumber prices.total.gross productLines"
    file_columns = "number uploadId size sha256 contentType"
    return (
        made.of_documents("invoices", invoice_columns, held.invoices.values()),
        made.of_documents("invoice_statuses", "number isPaid amountPaid", held.invoice_statuses.values()),
        made.of_documents("invoice_files", file_columns, _files(held.files(Kind.INVOICE))),
        made.of_documents("goods_issued_notes", note_columns, held.notes.values()),
        made.of_documents("goods_issued_note_files", file_columns, _files(held.files(Kind.NOTE))),
    )


def _files(uploads: Iterable[Upload]) -> Iterator[Document]:
    return (upload.as_json() for upload in uploads)


def _orders(made: Tables) -> tuple[Table, ...]:
    held = made.store.orders
    order_columns = "id organization.clientId status paymentStatusV2 deliveryMethod.type price.totalGross productLines"
    offline_columns = "id organization.id orderDate status price.totalGross productLines"
    shipped = (
        (shipment, sku, quantity) for shipment, by_sku in held.shipped.items() for sku, quantity in by_sku.items()
    )
    waybills = (
        (shipment, one["number"], one.get("url")) for shipment, posted in held.waybills.items() for one in posted
    )
    events = (event.document for event in held.feed.events)
    return (
        made.of_documents("orders", order_columns, held.shipments.values()),
        made.of_documents("order_events", "eventType orderId shipmentId", events),
        made.of_rows("order_statuses", "shipmentId status", iter(held.statuses.items())),
        made.of_rows("payment_statuses", "shipmentId newPaymentStatus", iter(held.payment_statuses.items())),
        made.of_rows("confirmed_delivery_dates", "shipmentId date", iter(held.delivery_dates.items())),
        made.of_rows("shipped_quantities", "shipmentId sku quantityShipped", shipped),
        made.of_rows("waybills", "shipmentId number url", waybills),
        made.of_documents("offline_orders", offline_columns, held.offline.values()),
    )


def _at(document: Document, path: str) -> Any:
    """Follow the names of a path; None where it ends early, and the length in place of a list."""
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return len(value) if isinstance(value, list) else value
