"""Keeps pages of other sites from changing the stand-in through a browser that looks at both."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

READING = frozenset({"GET", "HEAD", "OPTIONS"})


def same_origin(app: ASGIApp) -> ASGIApp:
    """Refuse what a page of another origin would write; programs say no origin and pass."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in READING and is_foreign(Headers(scope=scope)):
            refused = JSONResponse({"message": "a page of another site may not write here"}, status_code=403)
            await refused(scope, receive, send)
            return
        await app(scope, receive, send)

    return serve


def is_foreign(headers: Headers) -> bool:
    """Tell whether a browser sends this for a page of another origin, or of a name that leads here by a trick."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    host = headers.get("host", "")
    return urlsplit(origin).netloc.lower() != host.lower() or not _is_plain(urlsplit(f"//{host}").hostname or "")


def _is_plain(host: str) -> bool:
    """Tell whether a host is an address or a name of the local network: a name with dots may be anybody's."""
    try:
        return bool(ip_address(host))
    except ValueError:
        return "." not in host
