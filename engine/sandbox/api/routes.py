"""The calls that the stand-in serves, and the way from a request line to its room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TypeAlias
from urllib.parse import unquote

from engine.sandbox.api import account, issued_documents, orders, pricing, stock, uploads
from engine.sandbox.api.replies import Call, Refused, Reply

Room: TypeAlias = Callable[[Call], Reply]

ACCOUNT = "/api/v1/account/integrations/auth-required"
STOCK = "/api/v1/stock/integrations/auth-required"
PRICING = "/api/v1/pricing/integrations/auth-required"
INVOICES = "/api/v1/invoices/integrations/auth-required/invoices"
NOTES = "/api/v1/goods-issued-notes/integrations/auth-required/goods-issued-notes"


class Body(Enum):
    """What a POST or PUT carries."""

    JSON = "json"
    NONE = "none"  # all is said in the query
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Route:
    """One call; a segment in braces is a parameter."""

    method: str
    path: str
    room: Room
    body: Body = Body.JSON


@dataclass(frozen=True, slots=True)
class Found:
    """The call that a request means, and the parameters of its path."""

    route: Route
    parameters: dict[str, str]


def _warehouse_routes(service: str) -> tuple[Route, ...]:
    return (
        Route("GET", f"{service}/warehouses", stock.list_warehouses),
        Route("POST", f"{service}/warehouses", stock.create_warehouse),
        Route("PUT", f"{service}/warehouses", stock.put_warehouses),
        Route("GET", f"{service}/warehouses/{{warehouse}}", stock.get_warehouse),
    )


def _order_routes(service: str) -> tuple[Route, ...]:
    order, shipment = f"{service}/order", f"{service}/order/shipment"
    shipped = f"{shipment}/number-of-shipped-products-content-unit"
    return (
        Route("GET", f"{service}/synchronization/order", orders.synchronize_orders),
        Route("GET", shipment, orders.get_shipment),
        Route("PUT", f"{order}/status", orders.put_status, Body.NONE),
        Route("PUT", f"{order}/payment-status", orders.put_payment_status),
        Route("PUT", f"{shipment}/confirmed-delivery-date", orders.put_confirmed_delivery_date, Body.NONE),
        Route("PUT", shipped, orders.put_shipped_quantities),
        Route("POST", f"{shipment}/waybills", orders.add_waybills),
        Route("PUT", f"{service}/offline-order/shipment", orders.put_offline_order),
    )


# Where two paths fit, the first one is taken: a fixed word stands before a parameter.
ROUTES: tuple[Route, ...] = (
    Route("GET", f"{ACCOUNT}/segments", account.list_segments),
    Route("POST", f"{ACCOUNT}/segments", account.create_segment),
    Route("GET", f"{ACCOUNT}/segments/{{segmentId}}", account.get_segment),
    Route("PUT", f"{ACCOUNT}/segments/{{segmentId}}", account.replace_segment),
    Route("DELETE", f"{ACCOUNT}/segments/{{segmentId}}", account.remove_segment),
    Route("GET", f"{ACCOUNT}/clients", account.list_clients),
    Route("POST", f"{ACCOUNT}/clients", account.create_client),
    Route("GET", f"{ACCOUNT}/clients/synchronization", account.synchronize_clients),
    Route("GET", f"{ACCOUNT}/clients/{{clientId}}", account.get_client),
    Route("PUT", f"{ACCOUNT}/clients/{{clientId}}", account.replace_client),
    Route("DELETE", f"{ACCOUNT}/clients/{{clientId}}", account.remove_client),
    Route("GET", f"{ACCOUNT}/trade-credits/synchronization", account.synchronize_trade_credits),
    Route("GET", f"{ACCOUNT}/trade-credits/{{organizationId}}", account.get_trade_credit),
    Route("PUT", f"{ACCOUNT}/trade-credits/{{organizationId}}", account.put_trade_credit),
    Route("DELETE", f"{ACCOUNT}/trade-credits/{{organizationId}}", account.remove_trade_credit),
    Route("GET", f"{ACCOUNT}/client-blockades/{{clientId}}", account.get_blockade),
    Route("PUT", f"{ACCOUNT}/client-blockades/{{clientId}}", account.put_blockade),
    Route("DELETE", f"{ACCOUNT}/client-blockades/{{clientId}}", account.remove_blockade),
    *_warehouse_routes(STOCK),
    *_warehouse_routes(ACCOUNT),  # the documentation has both services (one-api.md 4, C2)
    Route("GET", f"{STOCK}/warehouses/{{warehouse}}/stocks", stock.list_stocks),
    Route("PUT", f"{STOCK}/warehouses/{{warehouse}}/stocks", stock.replace_stocks),
    Route("POST", f"{STOCK}/warehouses/{{warehouse}}/stocks/incremental", stock.add_stocks),
    Route("PUT", f"{PRICING}/retail-prices", pricing.put_retail_prices),
    Route("GET", f"{PRICING}/pricing/main-catalog-id", pricing.get_main_catalog_id),
    Route("GET", f"{PRICING}/pricing/discount", pricing.list_price_lists),
    Route("POST", f"{PRICING}/pricing/discount", pricing.create_price_list),
    Route("GET", f"{PRICING}/pricing/discount/{{pricingId}}", pricing.get_price_list),
    Route("DELETE", f"{PRICING}/pricing/discount/{{pricingId}}", pricing.remove_price_list),
    Route("PUT", f"{PRICING}/prices", pricing.put_prices),
    Route("GET", f"{PRICING}/clients-to-pricings", pricing.list_assignments),
    Route("PUT", f"{PRICING}/clients-to-pricings", pricing.put_assignments),
    Route("DELETE", f"{PRICING}/clients-to-pricings", pricing.remove_assignment),
    Route("POST", INVOICES, issued_documents.create_invoice),
    Route("PUT", f"{INVOICES}/status", issued_documents.put_invoice_status),
    Route("POST", f"{INVOICES}/file-upload-begin", uploads.begin_invoice_file),
    Route("POST", f"{INVOICES}/file-upload-complete", uploads.complete_invoice_file),
    Route("GET", f"{INVOICES}/{{number}}", issued_documents.get_invoice),
    Route("DELETE", f"{INVOICES}/{{number}}", issued_documents.remove_invoice),
    Route("GET", NOTES, issued_documents.get_note),
    Route("PUT", NOTES, issued_documents.put_note),
    Route("POST", f"{NOTES}/file-upload-initialize", uploads.initialize_note_file),
    Route("POST", f"{NOTES}/file-upload-finalize", uploads.finalize_note_file),
    Route("PUT", f"{uploads.FOLDER}/{{uploadId}}", uploads.receive, Body.BYTES),
)


def find(method: str, path: str, *, orders_service: str = "orders") -> Found:
    """Find the call of a percent-encoded path; an encoded slash stays inside its segment.

    Raises:
        Refused: 404, no such path; 405, another method is meant.
    """
    parts = path.split("/")
    fitting = [(route, names) for route, names in _split(orders_service) if _fits(names, parts)]
    if not fitting:
        raise Refused(404, f"no such path: {path}")
    names = fitting[0][1]
    methods = {route.method: route for route, found in fitting if found == names}
    if method not in methods:
        raise Refused(405, f"method {method} is not for {path}", headers={"Allow": ", ".join(sorted(methods))})
    values = {name[1:-1]: unquote(part) for name, part in zip(names, parts, strict=True) if name.startswith("{")}
    return Found(methods[method], values)


@cache
def _split(orders_service: str) -> tuple[tuple[Route, list[str]], ...]:
    """Give all calls with the segments of their paths; order calls have a service of their own."""
    of_orders = _order_routes(f"/api/v1/{orders_service}/integrations/auth-required")
    return tuple((route, route.path.split("/")) for route in (*ROUTES, *of_orders))


def _fits(names: list[str], parts: list[str]) -> bool:
    return len(names) == len(parts) and all(
        part != "" if name.startswith("{") else name == part for name, part in zip(names, parts, strict=True)
    )
