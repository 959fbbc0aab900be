"""A small HTTP server on raw sockets that does what a script says, also break and lie, and remembers all it got.

    with Wire([Reply(status=503), drop_read(), Reply(body=b"{}")]) as wire:
        ...requests to wire.url...
    assert [seen.target for seen in wire.seen] == ["/a", "/a", "/a"]

Each request takes the next step of the script; after the last one every request gets `then`. A function instead of a
list answers by request; it cannot say what happens before the request was read (`early`, `drop_unread`).
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

MOST = 64  # connections, so that a client gone wild is noticed
SOCKET_SECONDS = 20.0  # no read or write of the server lasts longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str  # path and query as on the request line
    headers: tuple[tuple[str, str], ...]  # names in lower case
    body: bytes
    at: float = field(compare=False)  # time.monotonic() when it was complete
    connection: int = field(compare=False)  # counts from 0; equal numbers: the same TCP connection

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What happens to one request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0  # before the first byte of the answer
    pace_seconds: float = 0.0  # before each further byte
    chunked: bool = False
    raw: bytes | None = None  # sent instead of an HTTP answer
    cut: int | None = None  # send only so many bytes of the answer
    late: bytes = b""  # sent a moment after the answer
    close: bool = False  # close the connection after the answer, without announcing it
    reset: bool = False  # the same, with a reset in place of an orderly end
    early: bool = False  # answer when a request begins to arrive, and close without reading it
    drop: Literal["unread", "read"] | None = None  # reset the connection without an answer

    def text(self) -> bytes:
        """Write the answer as it goes over the wire, uncut."""
        if self.raw is not None:
            return self.raw
        framing = {"Transfer-Encoding": "chunked"} if self.chunked else {"Content-Length": str(len(self.body))}
        lines = [f"HTTP/1.1 {self.status} Whatever", *(f"{k}: {v}" for k, v in {**framing, **self.headers}.items())]
        body = b"".join(_chunks(self.body)) if self.chunked else self.body
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def drop_unread() -> Reply:
    """Reset the connection when a request begins to arrive, without reading it."""
    return Reply(drop="unread")


def drop_read() -> Reply:
    """Read the whole request, then reset the connection."""
    return Reply(drop="read")


def garbage(raw: bytes = b"220 mail.example ESMTP\r\n\r\n") -> Reply:
    """Answer with something that is not HTTP, and close."""
    return Reply(raw=raw, close=True)


Script = Iterable[Reply] | Callable[[Seen], Reply]


class Held:
    """A platform that answers when it is told to; until then its requests are in flight."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.reply: Callable[[Seen], Reply] = lambda seen: Reply()
        self.target = "/"  # only requests whose target begins so are held

    def __call__(self, seen: Seen) -> Reply:
        if seen.target.startswith(self.target):
            self.free.wait(60)
        return self.reply(seen)


class Wire:
    """The server; `seen` holds the requests in the order in which they were complete."""

    def __init__(
        self, script: Script = (), *, then: Reply | None = None, tls: ssl.SSLContext | None = None, most: int = MOST
    ) -> None:
        self.seen: list[Seen] = []
        self.most_at_once = 0  # requests that were being answered at the same time
        self.connections = 0  # accepted so far
        self._at_once = 0
        self._answer = script if callable(script) else None
        self._script: Iterator[Reply] = iter(()) if callable(script) else iter(list(script))
        self._then = then or Reply()
        self._tls, self._most = tls, most
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(0.01)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Wire:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        for thread in list(self._threads):
            thread.join(SOCKET_SECONDS)
        self._listener.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closed.is_set() and self.connections < self._most:
            with contextlib.suppress(TimeoutError):
                peer, _ = self._listener.accept()
                self._start(self._serve, peer, self.connections)
                self.connections += 1

    def _serve(self, peer: socket.socket, number: int) -> None:
        peer.settimeout(SOCKET_SECONDS)
        try:
            if self._tls:
                peer = self._tls.wrap_socket(peer, server_side=True)
            while self._arrives(peer) and self._exchange(peer, number):
                pass
        except OSError:
            pass  # the client went away, which is its right
        finally:
            peer.close()

    def _arrives(self, peer: socket.socket) -> bool:
        """Wait until a request begins; false at the end of the connection or of the server."""
        while not self._closed.is_set():
            if select.select([peer], [], [], 0.01)[0]:
                return self._tls is not None or peer.recv(1, socket.MSG_PEEK) != b""
        return False

    def _exchange(self, peer: socket.socket, number: int) -> bool:
        """Serve one request; true when the connection stays open."""
        reply = None if self._answer else self._next()
        if reply and reply.drop == "unread":
            return _reset(peer)
        if reply and reply.early:
            self._send(peer, reply)
            return False
        seen = _read(peer, number)
        if seen is None:
            return False
        with self._lock:
            self.seen.append(seen)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            reply = reply or (self._answer or (lambda _: self._then))(seen)
            return self._send(peer, reply)
        finally:
            with self._lock:
                self._at_once -= 1

    def _next(self) -> Reply:
        with self._lock:
            return next(self._script, self._then)

    def _send(self, peer: socket.socket, reply: Reply) -> bool:
        self._closed.wait(reply.delay_seconds)
        if reply.drop:
            return _reset(peer)
        text = reply.text()[: reply.cut]
        if reply.pace_seconds:
            for byte in text:
                peer.sendall(bytes([byte]))
                if self._closed.wait(reply.pace_seconds):
                    return False
        else:
            peer.sendall(text)
        if reply.late:
            self._closed.wait(0.02)
            peer.sendall(reply.late)
        if reply.reset:
            self._closed.wait(0.05)  # a reset that overtakes the bytes would wipe them out
            return _reset(peer)
        return not reply.close


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 7):
        piece = body[start : start + 7]
        yield f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
    yield b"0\r\n\r\n"


def _reset(peer: socket.socket) -> bool:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    return False


def _read(peer: socket.socket, number: int) -> Seen | None:
    """Read a whole request; None when the client closed before one began."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        more = peer.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in rest))
    length = int(dict(headers).get("content-length", "0"))
    while len(body) < length:
        more = peer.recv(65536)
        if not more:
            return None
        body += more
    method, target, _ = first.split(" ")
    return Seen(method=method, target=target, headers=headers, body=bytes(body), at=time.monotonic(), connection=number)


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """Give a port of 127.0.0.1 where nobody listens: connecting is refused."""
    with socket.socket() as held:  # bound and not listening, so nobody else gets it meanwhile
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """Give a port of 127.0.0.1 whose queue is full: connecting times out (Linux)."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """Give a port of 127.0.0.1 that connects and then neither reads nor writes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])
