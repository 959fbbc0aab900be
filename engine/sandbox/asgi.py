"""The doors of the stand-in: one ASGI application for the platform's calls and for `/_sandbox/`."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.sandbox.api import body_checks
from engine.sandbox.api.replies import Reply
from engine.sandbox.control import control
from engine.sandbox.injected_faults import Action
from engine.sandbox.same_origin import same_origin
from engine.sandbox.sandbox import Admitted, Arrived, Sandbox

NO_INCIDENT = Action()
GARBAGE = b"<html><body>502 Bad Gateway \xff"


def application(sandbox: Sandbox) -> ASGIApp:
    """Wire the control pages and the platform to one stand-in."""
    routes = [Mount("/_sandbox", routes=control(sandbox)), Mount("/", app=platform(sandbox))]
    return same_origin(Starlette(routes=routes))


def platform(sandbox: Sandbox) -> ASGIApp:
    """Serve the platform's calls; faults that concern the connection are played here."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        admitted = sandbox.admit(await _arrived(Request(scope, receive)))
        incident = admitted.verdict.incident or NO_INCIDENT
        if incident.drop == "before":
            await _cut(scope, receive, flush=False)
            return
        reply = await _answered(sandbox, admitted, incident)
        if incident.drop == "after":
            admitted.entry.status = None
            await _cut(scope, receive, flush=False)
            return
        if incident.truncate:
            await _truncated(reply, scope, receive, send)
            return
        await _response(reply, garbage=incident.garbage)(scope, receive, send)

    return serve


async def _arrived(request: Request) -> Arrived:
    return Arrived(
        method=request.method,
        path=request.scope["raw_path"].decode("ascii"),
        query=request.scope["query_string"].decode("ascii"),
        headers=dict(request.headers),
        body=await request.body(),
    )


async def _answered(sandbox: Sandbox, admitted: Admitted, incident: Action) -> Reply:
    """Answer, late if so scripted: the effect first, or the delay first."""
    if incident.delay == "effect":
        await asyncio.sleep(incident.delay_seconds)
        return sandbox.answer(admitted)
    reply = sandbox.answer(admitted)
    await asyncio.sleep(incident.delay_seconds)
    return reply


def _response(reply: Reply, *, garbage: bool = False) -> Response:
    if garbage:
        return Response(GARBAGE, reply.status if reply.status != 204 else 200, media_type="application/json")
    headers = dict(reply.headers)
    if reply.body is None:
        return Response(status_code=reply.status, headers=headers)
    return Response(body_checks.encoded(reply.body), reply.status, headers, media_type="application/json")


async def _truncated(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the head and half of the body, then close the connection."""
    body = body_checks.encoded(reply.body if reply.body is not None else {"truncated": True})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    status = reply.status if reply.status != 204 else 200
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await _cut(scope, receive, flush=True)


async def _cut(scope: Scope, receive: Receive, *, flush: bool) -> None:
    """Close the socket under the request, and wait until uvicorn knows; `server.CuttableProtocol` puts it there."""
    transport: asyncio.Transport = scope["state"]["transport"]
    (transport.close if flush else transport.abort)()
    while (await receive())["type"] != "http.disconnect":
        pass
