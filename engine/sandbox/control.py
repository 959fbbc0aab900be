"""What testers and the demo ask of the stand-in under `/_sandbox/`; ONe has nothing of this.

GET    /                    the page
GET    /state               all that is held
GET    /requests?since=N    the requests after number N
POST   /reset               forget everything
POST   /faults              {"match": {...}, "times": 2, "skip": 0, "action": {...}}, see `faults.py`
GET    /faults              the faults, and how often each was met and applied
DELETE /faults              remove all faults
POST   /clients             create a client, or with clientId edit one, as the back office
POST   /orders              {"count": 6, "later": true}, both may be missing: place orders, see `Sandbox.place_orders`
POST   /orders/change       {"shipmentId": ...}: change a shipment and have it paid, as the shop
POST   /orders/remove       {"shipmentId": ...}: remove a shipment, as the shop
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.sandbox import page
from engine.sandbox.api import body_checks
from engine.sandbox.api.replies import Refused, problem
from engine.sandbox.injected_faults import Fault
from engine.sandbox.sandbox import Sandbox
from engine.values import Json

Answer: TypeAlias = Callable[[Request, bytes], Response]


def control(sandbox: Sandbox) -> list[Route]:
    """Give the routes of the control API and the page."""

    def show(_: Request, __: bytes) -> Response:
        return HTMLResponse(page.rendered(sandbox))

    def state(_: Request, __: bytes) -> Response:
        return _json(sandbox.state())

    def requests(request: Request, _: bytes) -> Response:
        since = request.query_params.get("since", "0")
        if not (since.isascii() and since.isdigit()):
            raise Refused(400, "bad query", problems=[problem("?since", "is a whole number")])
        return _json({"requests": sandbox.requests(int(since))})

    def reset(request: Request, _: bytes) -> Response:
        sandbox.reset()
        return _back(request) or Response(status_code=204)

    def list_faults(_: Request, __: bytes) -> Response:
        return _json({"faults": sandbox.faults.listed()})

    def add_fault(_: Request, body: bytes) -> Response:
        return _json({"number": sandbox.faults.put(_fault(body))}, status=201)

    def clear_faults(_: Request, __: bytes) -> Response:
        sandbox.faults.clear()
        return Response(status_code=204)

    def edit_client(request: Request, body: bytes) -> Response:
        fields = _fields(request, body)
        client_id = sandbox.edit_client(fields)
        return _back(request) or _json({"clientId": client_id}, status=200 if "clientId" in fields else 201)

    def place_orders(request: Request, body: bytes) -> Response:
        fields = _fields(request, body or b"{}")
        placed = sandbox.place_orders(_count(fields.get("count", 6)), later=bool(fields.get("later", True)))
        return _back(request) or _json(placed.as_json(), status=201)

    def change_order(request: Request, body: bytes) -> Response:
        sandbox.change_order(_shipment_id(_fields(request, body)))
        return _back(request) or Response(status_code=204)

    def remove_order(request: Request, body: bytes) -> Response:
        sandbox.remove_order(_shipment_id(_fields(request, body)))
        return _back(request) or Response(status_code=204)

    return [
        _route("GET", "/", show),
        _route("GET", "/state", state),
        _route("GET", "/requests", requests),
        _route("POST", "/reset", reset),
        _route("GET", "/faults", list_faults),
        _route("POST", "/faults", add_fault),
        _route("DELETE", "/faults", clear_faults),
        _route("POST", "/clients", edit_client),
        _route("POST", "/orders", place_orders),
        _route("POST", "/orders/change", change_order),
        _route("POST", "/orders/remove", remove_order),
    ]


def _route(method: str, path: str, answer: Answer) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return answer(request, await request.body())
        except Refused as refused:
            return _json(refused.reply.body, status=refused.reply.status)

    return Route(path, endpoint, methods=[method])


def _json(document: Json, *, status: int = 200) -> Response:
    return Response(body_checks.encoded(document), status, media_type="application/json")


def _fault(body: bytes) -> Fault:
    try:
        return msgspec.json.decode(body, type=Fault)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, "bad fault", problems=[problem("$", str(error))]) from error


def _fields(request: Request, body: bytes) -> dict[str, Json]:
    """Read the fields of a body: JSON, or what the page's form sends, where an empty field says nothing."""
    if _is_form(request):
        return {name: text.strip() for name, text in parse_qsl(body.decode(errors="replace")) if text.strip()}
    document = body_checks.decoded(body)
    if not isinstance(document, dict):
        raise Refused(400, "bad body", problems=[problem("$", "is not an object")])
    return document


def _count(value: Json) -> int:
    """Read a number of JSON, or the digits of a form."""
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        raise Refused(400, "bad body", problems=[problem("$.count", "is a whole number")])
    return int(text)


def _shipment_id(fields: dict[str, Json]) -> str:
    shipment_id = fields.get("shipmentId")
    if not isinstance(shipment_id, str):
        raise Refused(400, "bad body", problems=[problem("$.shipmentId", "is a text, and required")])
    return shipment_id


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def _back(request: Request) -> Response | None:
    """Send a browser that used the page's form back to the page."""
    return RedirectResponse("/_sandbox/", status_code=303) if _is_form(request) else None
