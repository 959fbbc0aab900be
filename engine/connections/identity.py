"""Which platform or database a connection names: told from others without keeping its secrets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An end, as what was confirmed there remembers it."""

    place: str  # as people know it, such as https://one.example.com/api; without secrets
    print: str  # a hash of all that makes it another end; also of the tenant


def identity(place: str, *more: str) -> Identity:
    """Make an identity of a place, and of what distinguishes it besides."""
    return Identity(place=place, print=hashlib.sha256(json.dumps([place, *more]).encode()).hexdigest())


def http_identity(base_url: str, headers: Mapping[str, str]) -> Identity:
    """Identify an HTTP end by its address and by its tenant, which is in headers with `tenant` in their name.

    Other headers may be keys, and keys rotate. On this machine the port is left out, which stand-ins change with
    each start.
    """
    url = urlsplit(base_url)
    host = plain_host(url.hostname or "")
    port = None if host == "localhost" or url.port == _PORTS.get(url.scheme) else url.port
    place = f"{url.scheme}://{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"
    return identity(
        place, *(f"{name.lower()}: {text}" for name, text in sorted(headers.items()) if _names_tenant(name))
    )


def _names_tenant(header: str) -> bool:
    return "tenant" in header.lower()


def plain_host(host: str) -> str:
    """Write a host in one way: in small letters, and this machine as localhost."""
    try:
        return "localhost" if ip_address(host).is_loopback else host.lower()
    except ValueError:
        return host.lower().rstrip(".")


def differing(noted: Mapping[str, Identity], now: Mapping[str, Identity]) -> tuple[str, Identity, Identity] | None:
    """Give role, noted and present identity of the first end that is another one now; None: all are the same."""
    for role, before in noted.items():
        if role in now and now[role].print != before.print:
            return role, before, now[role]
    return None
