"""Connections that keep the deadline of a whole exchange and lead to no forbidden address, below httpx's transport.

A time-out of httpx bounds one read or write; a peer that moves a byte a second would hold a worker for ever.
A name is judged by the address that it led to, before a byte is sent: what it resolves to may change at any time.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from typing import Any

import httpcore
import httpx

from engine.connections.http.behind import Doubt, Framing

_PIECE_BYTES = 16 * 1024  # written at once, so that the deadline is looked at in between


class Deadline(threading.local):
    """The moment by which the exchange of the current thread has to be over."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.at = math.inf

    def left(self) -> float:
        return self.at - self._monotonic()

    def clip(self, timeout: float | None, late: type[Exception]) -> float:
        """Shorten a time-out to what is left; raise `late` when nothing is."""
        left = self.left()
        if left <= 0:
            raise late("the exchange took too long")
        return min(left, math.inf if timeout is None else timeout)


class LocalAddressError(Exception):
    """A name led to this machine or its link, where only the connection itself may lead; nothing was sent."""


class Transport(httpx.HTTPTransport):
    """httpx's transport over connections that keep the deadline; httpx has no public way to pass a network backend."""

    def __init__(
        self, deadline: Deadline, *, connections: int, keepalive_seconds: float, own_host: str, meant: Collection[str]
    ) -> None:
        """`own_host` is the connection's; `meant` are addresses that may be local.

        Raises OSError when the certificates that SSL_CERT_FILE or SSL_CERT_DIR name cannot be read.
        """
        certificates = httpx.create_ssl_context()
        certificates.keylog_filename = None  # type: ignore[assignment]  # SSLKEYLOGFILE would write the keys of every session, headers and all
        super().__init__(verify=certificates)
        self._pool = httpcore.ConnectionPool(
            ssl_context=certificates,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=keepalive_seconds,
            network_backend=_BoundedBackend(deadline, own_host, meant),
        )


class _BoundedBackend(httpcore.NetworkBackend):
    """Opens TCP connections whose streams keep the deadline."""

    def __init__(self, deadline: Deadline, own_host: str, meant: Collection[str]) -> None:
        self._tcp = httpcore.SyncBackend()
        self._deadline = deadline
        self._own_host = own_host
        self._meant = frozenset({own_host, *meant})

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.clip(timeout, httpcore.ConnectTimeout)
        stream = self._tcp.connect_tcp(host, port, timeout, local_address, socket_options)
        if host not in self._meant and _is_local(stream.get_extra_info("server_addr")[0]) and not self._is_own_local():
            stream.close()
            raise LocalAddressError(f"the name {host} leads to this machine or its link; a url may not")
        return BoundedStream(stream, self._deadline)

    def _is_own_local(self) -> bool:
        """Tell whether the connection itself leads to this machine."""
        try:
            found = socket.getaddrinfo(self._own_host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return False
        return all(_is_local(str(each[4][0])) for each in found)


def _is_local(address: str) -> bool:
    """Tell whether an address is of this machine (loopback) or of its link, such as 169.254.169.254."""
    found = ip_address(address.partition("%")[0])  # behind % the zone of an IPv6 address
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    plain = mapped or found
    return plain.is_loopback or plain.is_link_local or plain.is_unspecified


class BoundedStream(httpcore.NetworkStream):
    """A stream whose reads and writes end by the deadline, and which is of no more use once bytes came unasked."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._framing: Framing | None = None  # of the latest exchange
        self._spoilt = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._deadline.clip(timeout, httpcore.ReadTimeout))
        if self._framing:
            self._framing.came(data)
        return data

    def doubt(self) -> Doubt:
        """Judge the answer that was read to its end by what came behind it, as far as that is here already."""
        if self._framing is None:
            return Doubt.NONE
        if self.get_extra_info("is_readable"):
            with suppress(httpcore.ReadError, httpcore.ReadTimeout):  # nothing that TLS did not keep to itself
                self._framing.came(self._stream.read(_PIECE_BYTES, 0.0))
        self._spoilt = bool(self._framing.behind)
        return self._framing.doubt

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._framing is None or self._framing.is_over:  # the head of a request
            self._framing = Framing(buffer.partition(b" ")[0], first=self._framing is None)
        pieces = memoryview(buffer)
        for start in range(0, len(pieces), _PIECE_BYTES):
            piece = bytes(pieces[start : start + _PIECE_BYTES])
            self._stream.write(piece, self._deadline.clip(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.clip(timeout, httpcore.ConnectTimeout)
        return BoundedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def close(self) -> None:
        self._stream.close()

    def _has_unpacked(self) -> bool:
        """Tell whether TLS has taken more from the socket than was read of it."""
        secured = self._stream.get_extra_info("ssl_object")
        return secured is not None and secured.pending() > 0

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and (self._spoilt or self._has_unpacked()):
            return True  # httpcore never uses an idle connection again on which something is to be read
        return self._stream.get_extra_info(info)
