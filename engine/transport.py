"""HTTP ends: one exchange a call, behind limits that all objects of a connection share, and exact about what was sent.

What httpx does, and what is chosen here:

* The unit is `httpx.HTTPTransport`, not `httpx.Client`: a client keeps cookies, reads redirects even where it does
  not follow them (and turns a broken `Location` into an error), tidies paths, and takes credentials from URLs and
  `.netrc`. The transport does none of it, and knows no proxy variables, which could carry keys elsewhere.
* Certificates are verified, against `SSL_CERT_FILE` or `SSL_CERT_DIR` where they are set (a company's own
  authority), else against certifi. Those variables can name only certificates, so they leak nothing.
* Whether bytes may have left is not guessed from the kind of error: httpcore reports when it begins to write
  (`SENT`), and what fails before that is `NotSent`, what fails after it `Lost`.
* httpcore never repeats a request that it began to write. It drops an idle connection which the server has closed
  already; one that is closed while the request travels is `Lost`, as nobody can tell whether the request was read.
  So connections are reused only for `KEEPALIVE_SECONDS`, less than the idle time-outs common among servers
  (gunicorn 2 s, uvicorn, Node and Apache 5 s), at the price of a handshake after each longer silence.
* A time-out of httpx bounds one read or write; a peer that moves a byte a second would hold a worker for ever.
  `_BoundedStream` lets reads and writes end by the deadline of the whole exchange.
* An answer that names no length ends with its connection; cut short by an orderly close it looks whole (HTTP/1.0).
"""

from __future__ import annotations

import math
import os
import re
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any
from urllib.parse import quote, urlencode

import httpcore
import httpx

from engine.errors import ConfigError
from engine.mapping import HttpConnection
from engine.records import Answer, Answered, Lost, NotSent, Outgoing
from engine.retry import Breaker, RateLimit, healthy, retry_after

DEFAULT_HEADERS = {"User-Agent": f"one-sync/{version('one-sync')}", "Accept": "*/*", "Accept-Encoding": "gzip"}
JSON_HEADERS = {"Content-Type": "application/json"}  # where there is a body
STOPPED = "stopped"  # the reason of a NotSent that is nobody's fault
KEEPALIVE_SECONDS = 1.5
CONNECT_SECONDS = 10.0  # at most: nothing was sent yet, so giving up early costs nothing
POLL_SECONDS = 0.04  # how often a waiting request looks at its `stop`
PIECE_BYTES = 16 * 1024  # written at once, so that the deadline is looked at in between

SENT = "http11.send_request_headers.started"
TLS = "connection.start_tls.started"
ANSWERING = "http11.receive_response_headers.complete"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = frozenset({"content-length", "transfer-encoding"})  # ours: they follow from the body
_VISIBLE = "".join(map(chr, range(0x21, 0x7F))).replace("#", "")


class HttpEnd:
    """A connection's way out: its pool, its limits and its breaker, shared by all threads and objects that use it."""

    def __init__(
        self,
        settings: HttpConnection,
        *,
        base_url: str,
        headers: Mapping[str, str],
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        whole_seconds: float | None = None,
        max_body_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        """Take `base_url` and `headers` with their `${...}` resolved; opens nothing yet.

        `whole_seconds` bounds an exchange from connecting to the last byte; None is twice the time-out.

        Raises:
            ConfigError: the base URL or a header cannot be used; a value of a header is never shown.
        """
        self._settings = settings
        self._base = _base(settings.name, base_url)
        self._headers = _own_headers(settings.name, headers)
        self._monotonic = monotonic
        self._clock = clock
        self._whole_seconds = 2 * settings.timeout_seconds if whole_seconds is None else whole_seconds
        self._max_body_bytes = max_body_bytes
        self._deadline = _Deadline(monotonic)
        self._transport = _Transport(self._deadline, connections=settings.concurrency)
        self._rate = RateLimit(settings.rate_limit)
        self._breaker = Breaker(settings.breaker)
        self._in_flight = 0
        self._line: deque[object] = deque()  # who waits to be let through, first come first
        self._changed = threading.Condition()  # guards the five above

    def exchange(self, request: Outgoing, *, stop: threading.Event | None = None, counts: bool = True) -> Answer:
        """Send a request once, after waiting for the connection's concurrency, rate limit and breaker.

        A `stop` that is set ends the waiting, not what is already under way. With `counts` false a 500 is no
        failure for the breaker. Durations of answers are without the waiting.
        """
        try:
            outgoing = self._build(request)
        except _UnsendableError as error:
            return NotSent(reason=str(error))
        turn = self._enter(stop)
        if turn is None:
            return NotSent(reason=STOPPED)
        answer: Answer | None = None
        try:
            answer = self._attempt(outgoing)
            return answer
        finally:
            self._leave(answer, turn, counts=counts)

    def fault(self, request: Outgoing) -> str | None:
        """Say why a request can never be sent (an address, a header), or None; trying it again would not help."""
        try:
            self._build(request)
        except _UnsendableError as error:
            return str(error)
        return None

    def open_until(self) -> datetime | None:
        """Tell until when the breaker lets nothing pass; None when a request may go now, if only as the probe."""
        with self._changed:
            until = self._breaker.open_until
        left = 0.0 if until is None else until - self._monotonic()
        return self._clock() + timedelta(seconds=left) if left > 0 else None

    def close(self) -> None:
        """Close the pooled connections; only when no exchange is under way."""
        self._transport.close()

    # --- waiting -----------------------------------------------------------------------------------

    def _enter(self, stop: threading.Event | None) -> int | None:
        """Wait for everything that a request needs, and take it; give the breaker's turn, or None when stopped."""
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            try:
                while not (stop and stop.is_set()):
                    wait = self._wait() if self._line[0] is ticket else math.inf
                    if wait == 0:
                        self._in_flight += 1
                        return self._breaker.turn
                    self._changed.wait(min(wait, POLL_SECONDS if stop else threading.TIMEOUT_MAX))
                return None
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()

    def _wait(self) -> float:
        """Take a place and give 0, or take nothing and give the seconds to wait; the caller holds the lock.

        The rate is asked before the gate, which would else send a probe on its way that then has to wait.
        """
        now = self._monotonic()
        if self._in_flight >= self._settings.concurrency:
            return math.inf
        return self._rate.wait(now) or self._breaker.gate(now) or self._rate.reserve(now)

    def _leave(self, answer: Answer | None, turn: int, *, counts: bool) -> None:
        with self._changed:
            now = self._monotonic()
            self._in_flight -= 1
            self._breaker.record(healthy(answer, counts=counts) if answer else None, now, turn=turn)
            if isinstance(answer, Answered) and answer.status in {429, 503}:
                asked = answer.retry_after_seconds or 0.0
                self._rate.hold(now + min(asked, self._settings.retry.max_wait_seconds))
            self._changed.notify_all()

    # --- one attempt -------------------------------------------------------------------------------

    def _attempt(self, request: httpx.Request) -> Answer:
        begun = self._monotonic()
        self._deadline.at = begun + self._whole_seconds
        events: set[str] = set()
        request.extensions["trace"] = lambda event, _info: events.add(event)
        try:
            status, headers, body = self._read(request)
        except (httpx.HTTPError, OSError, UnicodeError, _TooLongError) as error:
            reason = self._reason(error, request.url, events)
            kind = Lost if SENT in events else NotSent
            return kind(reason=reason, duration_seconds=self._monotonic() - begun)
        return Answered(
            status=status,
            body=body,
            retry_after_seconds=retry_after(headers.get("Retry-After"), self._clock()),
            duration_seconds=self._monotonic() - begun,
        )

    def _read(self, request: httpx.Request) -> tuple[int, httpx.Headers, bytes]:
        response = self._transport.handle_request(request)
        body = bytearray()
        try:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > self._max_body_bytes:
                    raise _TooLongError(f"the answer is longer than {self._max_body_bytes} bytes")
        finally:
            response.close()
        return response.status_code, response.headers, bytes(body)

    def _reason(self, error: Exception, url: httpx.URL, events: set[str]) -> str:
        if SENT not in events:
            return _why_not_sent(error, url, tls=TLS in events)
        if self._deadline.left() <= 0:
            return f"the exchange was not over after {self._whole_seconds:g} s"
        return _why_lost(error, answering=ANSWERING in events, seconds=self._settings.timeout_seconds)

    # --- building ----------------------------------------------------------------------------------

    def _build(self, request: Outgoing) -> httpx.Request:
        if not _TOKEN.fullmatch(request.method) or (request.path is None) == (request.url is None):
            raise _UnsendableError("a request needs a method and either a path or a url")
        origin, target = self._address(request)
        headers = httpx.Headers(DEFAULT_HEADERS if request.body is None else {**DEFAULT_HEADERS, **JSON_HEADERS})
        if request.url is None:
            headers.update(self._headers)
        headers.update(_checked(request.headers))
        seconds = self._settings.timeout_seconds
        timeouts = httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        return httpx.Request(
            request.method,
            origin,
            headers=headers,
            content=request.body,
            extensions={"target": target, "timeout": timeouts.as_dict()},
        )

    def _address(self, request: Outgoing) -> tuple[httpx.URL, bytes]:
        """Give where to connect, and the target of the request line with its percent-encoding as it was given."""
        if request.url is None:
            origin, text = self._base, self._base.raw_path.decode().rstrip("/") + _rooted(request.path or "")
        else:
            origin = self._foreign(request.url)
            text = _rooted(re.sub(r"^[^/?#]*//[^/?#]*", "", request.url).partition("#")[0])
        query = urlencode(request.query, quote_via=quote, safe="")
        if query:
            text += ("&" if "?" in text else "?") + query
        return origin, quote(text, safe=_VISIBLE).encode()

    def _foreign(self, url: str) -> httpx.URL:
        try:
            origin = httpx.URL(re.split(r"[?#]", url, maxsplit=1)[0])
        except httpx.InvalidURL:
            raise _UnsendableError("the url cannot be read") from None
        if origin.scheme not in {"http", "https"} or not origin.host or origin.userinfo:
            raise _UnsendableError("a url begins with http:// or https:// and a host, without credentials")
        place = f"{origin.host}:{_port(origin)}"
        if origin.host == self._base.host or {origin.host, place} & set(map(str.lower, self._settings.allow_hosts)):
            return origin
        raise _UnsendableError(f"the url leads to {place}; add it to allow_hosts of the connection if that is meant")


class _UnsendableError(Exception):
    """The request can never be sent; the text says why."""


class _TooLongError(Exception):
    """The answer is longer than what is kept in memory; the text says so."""


# --- headers and addresses ---------------------------------------------------------------------------


def _checked(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Give headers as the bytes that are sent; values are UTF-8, without blanks around them."""
    checked = []
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING:
            raise _UnsendableError(f"a header cannot be named {name[:50]!r}")
        if _CONTROLS.search(value.strip()):
            raise _UnsendableError(
                f"the value of the header {name[:50]} holds a line break or another control character"
            )
        checked.append((name.encode(), value.strip().encode()))
    return checked


def _own_headers(connection: str, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    try:
        return _checked(headers.items())
    except _UnsendableError as error:
        raise ConfigError(f"connection {connection}: {error}; correct its headers", code="E_HEADER") from None


def _base(connection: str, text: str) -> httpx.URL:
    try:
        base = httpx.URL(text)
    except httpx.InvalidURL:
        base = httpx.URL()
    if base.scheme in {"http", "https"} and base.host and not (base.userinfo or base.query or base.fragment):
        return base
    raise ConfigError(
        f"connection {connection}: base_url has to be http(s)://host[:port][/path], without credentials, query or "
        "fragment; put credentials into headers",
        code="E_BASE_URL",
    )


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _rooted(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


# --- reasons -------------------------------------------------------------------------------------------


def _why_not_sent(error: Exception, url: httpx.URL, *, tls: bool) -> str:
    where = f"{'TLS ' if tls else ''}connection to {url.host}:{_port(url)}"
    if isinstance(error, httpx.TimeoutException):
        return f"no {where} in time"
    if isinstance(error, UnicodeError) or isinstance(_system_error(error), socket.gaierror):
        return f"the name {url.host} cannot be resolved"
    return f"no {where}: {_system_text(error)}"


def _why_lost(error: Exception, *, answering: bool, seconds: float) -> str:
    """Say what broke, without a word of the other side: it may repeat our headers."""
    if isinstance(error, httpx.TimeoutException):
        took = "took nothing of the request" if isinstance(error, httpx.WriteTimeout) else "sent nothing"
        return f"the target {took} for {seconds:g} s"
    if isinstance(error, httpx.ProtocolError) and not answering:
        silent = str(error).startswith("Server disconnected")
        return "the connection was closed before an answer came" if silent else "the answer is not HTTP"
    if isinstance(error, httpx.ProtocolError):
        return "the answer was cut short"
    if isinstance(error, httpx.DecodingError):
        return "the answer cannot be decompressed"
    return str(error) if isinstance(error, _TooLongError) else f"the connection broke: {_system_text(error)}"


def _system_error(error: BaseException | None) -> OSError | None:
    """Find the operating system's or OpenSSL's error that httpcore and httpx wrapped."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def _system_text(error: Exception) -> str:
    system = _system_error(error)
    if isinstance(system, ssl.SSLCertVerificationError):
        return f"certificate refused, {system.verify_message}"
    if isinstance(system, ssl.SSLError):
        return (system.reason or "TLS error").lower().replace("_", " ")
    return os.strerror(system.errno).lower() if system and system.errno else "network error"


# --- the way to the wire ---------------------------------------------------------------------------------


class _Deadline(threading.local):
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


class _Transport(httpx.HTTPTransport):
    """httpx's transport over connections that keep the deadline; httpx has no public way to pass a network backend."""

    def __init__(self, deadline: _Deadline, *, connections: int) -> None:
        certificates = httpx.create_ssl_context()
        super().__init__(verify=certificates)
        self._pool = httpcore.ConnectionPool(
            ssl_context=certificates,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=_BoundedBackend(deadline),
        )


class _BoundedBackend(httpcore.NetworkBackend):
    """Opens TCP connections whose streams keep the deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._tcp = httpcore.SyncBackend()
        self._deadline = deadline

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
        return _BoundedStream(stream, self._deadline)


class _BoundedStream(httpcore.NetworkStream):
    """A stream whose reads and writes end by the deadline, however slowly the other side moves."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.clip(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pieces = memoryview(buffer)
        for start in range(0, len(pieces), PIECE_BYTES):
            piece = bytes(pieces[start : start + PIECE_BYTES])
            self._stream.write(piece, self._deadline.clip(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._deadline.clip(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
