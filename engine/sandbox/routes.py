"""The calls that the stand-in serves, and the way from a request line to its room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

from engine.sandbox import account, stock
from engine.sandbox.answers import Call, Refused, Reply

Room: TypeAlias = Callable[[Call], Reply]

ACCOUNT = "/api/v1/account/integrations/auth-required"
STOCK = "/api/v1/stock/integrations/auth-required"


@dataclass(frozen=True, slots=True)
class Route:
    """One call; a segment in braces is a parameter."""

    method: str
    path: str
    room: Room


@dataclass(frozen=True, slots=True)
class Found:
    """The room of a request, and the parameters of its path."""

    room: Room
    parameters: dict[str, str]


def _warehouse_routes(service: str) -> tuple[Route, ...]:
    return (
        Route("GET", f"{service}/warehouses", stock.list_warehouses),
        Route("POST", f"{service}/warehouses", stock.create_warehouse),
        Route("PUT", f"{service}/warehouses", stock.put_warehouses),
        Route("GET", f"{service}/warehouses/{{warehouse}}", stock.get_warehouse),
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
)
_SPLIT = tuple((route, route.path.split("/")) for route in ROUTES)


def find(method: str, path: str) -> Found:
    """Find the room of a percent-encoded path; an encoded slash stays inside its segment.

    Raises:
        Refused: 404, no such path; 405, another method is meant.
    """
    parts = path.split("/")
    fitting = [(route, names) for route, names in _SPLIT if _fits(names, parts)]
    if not fitting:
        raise Refused(404, f"no such path: {path}")
    names = fitting[0][1]
    methods = {route.method: route.room for route, found in fitting if found == names}
    if method not in methods:
        raise Refused(405, f"method {method} is not for {path}", headers={"Allow": ", ".join(sorted(methods))})
    values = {name[1:-1]: unquote(part) for name, part in zip(names, parts, strict=True) if name.startswith("{")}
    return Found(methods[method], values)


def _fits(names: list[str], parts: list[str]) -> bool:
    return len(names) == len(parts) and all(
        part != "" if name.startswith("{") else name == part for name, part in zip(names, parts, strict=True)
    )
