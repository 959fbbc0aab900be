"""HTTP ends: one exchange a call, behind limits that all objects of a connection share, and exact about what was sent.

What httpx does, and what is chosen here:

* The unit is `httpx.HTTPTransport`, not `httpx.Client`: a client keeps cookies, reads redirects even where it does
  not follow them (and turns a broken `Location` into an error), tidies paths, and takes credentials from URLs and
  `.netrc`. The transport does none of it, and knows no proxy variables, which could carry keys elsewhere.
* Certificates are verified, against `SSL_CERT_FILE` or `SSL_CERT_DIR` where they are set (a company's own
  authority), else against certifi. Those variables can name only certificates, so they leak nothing.
* Whether bytes may have left is not guessed from the kind of error: httpcore reports when it begins to write
  (`watch.py`), and what fails before that is `NotSent`, what fails after it `Lost`.
* httpcore never repeats a request that it began to write. It drops an idle connection which the server has closed
  already; one that is closed while the request travels is `Lost`, as nobody can tell whether the request was read.
  So connections are reused only for `KEEPALIVE_SECONDS`, less than the idle time-outs common among servers
  (gunicorn 2 s, uvicorn, Node and Apache 5 s), at the price of a handshake after each longer silence.
* What comes behind a complete answer spoils its connection and casts doubt on the answer (`behind.py`).
* A whole exchange has a deadline, beside httpx's time-out of each read and write (`transport_stream.py`).
* An answer that names no length ends with its connection; cut short by an orderly close it looks whole (HTTP/1.0).
"""

from __future__ import annotations

import ipaddress
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from urllib.parse import quote, urlencode

import httpx

from engine.connections.files.stream import FileChangedError, file_length, streamed
from engine.connections.http.backoff import retry_after
from engine.connections.http.behind import Doubt
from engine.connections.http.body import TooLongError, read_body
from engine.connections.http.deadline import Deadline, LocalAddressError, Transport
from engine.connections.http.gate import Gate, Place
from engine.connections.http.reasons import why_lost, why_not_sent
from engine.connections.http.watch import Watch
from engine.connections.settings import HttpConnection
from engine.values import Answer, Answered, ConfigError, FileBody, Lost, NotSent, Outgoing

DEFAULT_HEADERS = {"User-Agent": f"one-sync/{version('one-sync')}", "Accept": "*/*", "Accept-Encoding": "gzip"}
JSON_HEADERS = {"Content-Type": "application/json"}  # where there is a body
KEEPALIVE_SECONDS = 1.5
CONNECT_SECONDS = 10.0  # at most: nothing was sent yet, so giving up early costs nothing

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
        self._deadline = Deadline(monotonic)
        self._allowed = frozenset(map(str.lower, settings.allow_hosts))
        self._transport = self._open_transport()
        self._gate = Gate(settings, monotonic)

    def _open_transport(self) -> Transport:
        hosts = (allowed.partition(":")[0] for allowed in self._allowed)
        try:
            return Transport(
                self._deadline,
                connections=self._settings.concurrency,
                keepalive_seconds=KEEPALIVE_SECONDS,
                own_host=self._base.raw_host.decode("ascii"),
                meant={host for host in hosts if _is_address(host)},  # a name could come to mean another place
            )
        except OSError as error:
            raise ConfigError(
                f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read ({error}): correct it or"
                " unset it",
                code="E_CERTIFICATES",
            ) from error

    def exchange(
        self,
        request: Outgoing,
        *,
        stop: threading.Event | None = None,
        counts: bool = True,
        expected: Collection[int] = (),
    ) -> Answer:
        """Send a request once, after waiting for the connection's concurrency, rate limit and breaker.

        A `stop` that is set ends the waiting, not what is already under way; so does an answer that shuts the
        connection, and from then on every exchange ends so until `half_open`. With `counts` false a 500 is no
        failure for the breaker; a status that is `expected` says nothing of our credentials. Durations of answers are
        without the waiting.
        """
        try:
            outgoing = self._build(request)
        except _UnsendableError as error:
            return NotSent(reason=str(error))
        place = self._gate.enter(stop)
        if isinstance(place, NotSent):
            return place
        answer: Answer | None = None
        try:
            answer = self._attempt(outgoing, place)
            return answer
        except LocalAddressError as error:  # no fault of the target: its breaker learns nothing
            return NotSent(reason=str(error))
        finally:
            speaks = request.url is None and not (isinstance(answer, Answered) and answer.status in expected)
            self._gate.leave(answer, place, counts=counts, speaks=speaks, asked=self.asked(request))

    def fault(self, request: Outgoing) -> str | None:
        """Say why a request can never be sent (an address, a header), or None; trying it again would not help."""
        try:
            self._build(request)
        except _UnsendableError as error:
            return str(error)
        return None

    def asked(self, request: Outgoing) -> str:
        """Name a request and its connection, for errors."""
        return f"connection {self._settings.name}: {request.asked}"

    def open_until(self) -> datetime | None:
        """Tell until when the breaker lets nothing pass; None when a request may go now, if only as the probe."""
        left = self._gate.shut_seconds()
        return self._clock() + timedelta(seconds=left) if left > 0 else None

    @property
    def shut(self) -> NotSent | None:
        """What every exchange gives since an answer shut the connection; None: it is open."""
        return self._gate.shut

    @property
    def trusted(self) -> bool:
        """Whether the target took our credentials lately."""
        return self._gate.trusted

    def refuse(self, reason: str) -> None:
        """Shut the connection, as its refusals turned out to be of our credentials."""
        self._gate.refuse(reason)

    def renew(self, headers: Mapping[str, str]) -> None:
        """Send other headers from now on. Raises ConfigError where one cannot be used; the old ones stay."""
        self._headers = _own_headers(self._settings.name, headers)

    def half_open(self) -> None:
        """Let one request find out whether a connection that was shut, or is paused, takes them again."""
        self._gate.half_open()

    def openings(self) -> int:
        """Count how often the breaker has opened."""
        return self._gate.openings()

    def close(self) -> None:
        """Close the pooled connections; only when no exchange is under way."""
        self._transport.close()

    # --- one attempt -------------------------------------------------------------------------------

    def _attempt(self, request: httpx.Request, place: Place) -> Answer:
        begun = self._monotonic()
        self._deadline.at = begun + self._whole_seconds
        watch = Watch(lambda: self._gate.sent(place))
        request.extensions["trace"] = watch
        try:
            status, headers, body = self._read(request, watch)
        except (httpx.HTTPError, OSError, UnicodeError, TooLongError, FileChangedError) as error:
            reason, seconds = self._reason(error, request.url, watch), self._monotonic() - begun
            if not watch.sent:
                return NotSent(reason=reason, duration_seconds=seconds)
            return Lost(reason=reason, too_long=isinstance(error, TooLongError), duration_seconds=seconds)
        if watch.doubt is Doubt.GRAVE:
            return Lost(reason="more than one answer came", duration_seconds=self._monotonic() - begun)
        return Answered(
            status=status,
            body=body,
            doubtful=watch.doubt is not Doubt.NONE,
            retry_after_seconds=retry_after(headers.get("Retry-After"), self._clock(), headers.get("Date")),
            duration_seconds=self._monotonic() - begun,
        )

    def _read(self, request: httpx.Request, watch: Watch) -> tuple[int, httpx.Headers, bytes]:
        response = self._transport.handle_request(request)
        watch.stream = response.extensions.get("network_stream")
        try:
            return response.status_code, response.headers, read_body(response, self._max_body_bytes)
        finally:
            response.close()

    def _reason(self, error: Exception, url: httpx.URL, watch: Watch) -> str:
        if isinstance(error, FileChangedError):
            return str(error)
        if not watch.sent:
            return why_not_sent(error, host=url.host, port=_port(url), tls=watch.secures)
        if self._deadline.left() <= 0:
            return f"the exchange was not over after {self._whole_seconds:g} s"
        return why_lost(error, answering=watch.answering, seconds=self._settings.timeout_seconds)

    # --- building ----------------------------------------------------------------------------------

    def _build(self, request: Outgoing) -> httpx.Request:
        try:
            return self._built(request)
        except UnicodeError:
            raise _UnsendableError("its address or a header holds half a character, or no host name") from None

    def _built(self, request: Outgoing) -> httpx.Request:
        if not _TOKEN.fullmatch(request.method) or (request.path is None) == (request.url is None):
            raise _UnsendableError("a request needs a method and either a path or a url")
        origin, target = self._address(request)
        headers = httpx.Headers(DEFAULT_HEADERS if request.body is None else {**DEFAULT_HEADERS, **JSON_HEADERS})
        if request.url is None or (request.with_headers and _place(origin) == _place(self._base)):
            headers.update(self._headers)
        headers.update(_checked(request.headers))
        content: bytes | Iterator[bytes] | None = request.body
        if request.file is not None:
            headers["Content-Length"] = str(_length(request.file))
            content = streamed(request.file)
        seconds = self._settings.timeout_seconds
        timeouts = httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        return httpx.Request(
            request.method,
            origin,
            headers=headers,
            content=content,
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
        if not 0 < _port(origin) < 65536:
            raise _UnsendableError("the url has a port beyond 65535")
        if (origin.scheme, self._base.scheme) == ("http", "https"):
            raise _UnsendableError(f"the url to {place} is http where base_url is https; it would be sent in the clear")
        if origin.host == self._base.host or {origin.host, place} & self._allowed:
            return origin
        raise _UnsendableError(f"the url leads to {place}; add it to allow_hosts of the connection if that is meant")


def _length(file: FileBody) -> int:
    try:
        return file_length(file)
    except OSError as error:
        raise _UnsendableError(f"the file {file.path} cannot be read: {error.strerror}") from error


class _UnsendableError(Exception):
    """The request can never be sent; the text says why."""


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
        if any("\ud800" <= each <= "\udfff" for each in value):  # bytes of a variable that are no UTF-8
            raise _UnsendableError(f"the value of the header {name[:50]} is not UTF-8 text")
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
    foreign = base.userinfo or base.query or base.fragment or re.search(r"\s", text)
    if base.scheme in {"http", "https"} and base.host and not foreign and 0 < _port(base) < 65_536:
        return base
    raise ConfigError(
        f"connection {connection}: base_url has to be http(s)://host[:port][/path], without credentials, query, "
        "fragment or blanks; put credentials into headers",
        code="E_BASE_URL",
    )


def _place(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, _port(url)


def _port(url: httpx.URL) -> int:
    return (443 if url.scheme == "https" else 80) if url.port is None else url.port


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _rooted(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"
