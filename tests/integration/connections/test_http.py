"""The HTTP end over real sockets: what each failure is called, what is sent, and what all threads share."""

from __future__ import annotations

import gzip
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from engine.connections import settings as connection_settings
from engine.connections.http.client import HttpEnd
from engine.values.errors import ConfigError
from engine.values.exchanges import Answer, Answered, Lost, NotSent, Outgoing
from world.wire import Reply, Seen, Wire, closed_port, deaf_port, drop_read, drop_unread, garbage, silent_port

SECRET = "hunter2-hunter2"
GET = Outgoing(method="GET", path="/a")
POST = Outgoing(method="POST", path="/a", body=b'{"a":1}')
NOON = datetime(2031, 3, 2, 12, 0, 0, tzinfo=UTC)
SETTINGS = connection_settings.HttpConnection(
    name="one", base_url="", timeout_seconds=5, breaker=connection_settings.Breaker(failures=1000, pause_seconds=60)
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with a key and a certificate for 127.0.0.1 that nobody else signed."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    what = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    where = ["-keyout", str(file), "-out", str(file.with_suffix(".crt"))]
    subprocess.run(["openssl", *what.split(), *where], check=True, capture_output=True)
    with file.open("a") as both:
        both.write(file.with_suffix(".crt").read_text())
    return file


def allow(*hosts: str) -> connection_settings.HttpConnection:
    return replace(SETTINGS, allow_hosts=hosts)


@contextmanager
def end_at(url: str, settings: connection_settings.HttpConnection = SETTINGS, **options: Any) -> Iterator[HttpEnd]:
    end = HttpEnd(settings, base_url=url, headers={"ApiAuth": SECRET}, **options)
    try:
        yield end
    finally:
        end.close()


def exact(answer: Answer) -> Answer:
    """Drop what differs each time."""
    return replace(answer, duration_seconds=0.0)


# --- the classification: nothing left -------------------------------------------------------------------


def test_a_name_that_does_not_exist_is_not_sent() -> None:
    for host in ("no-such-host.invalid", f"{'a' * 70}.invalid"):
        with end_at(f"http://{host}") as end:
            assert exact(end.exchange(POST)) == NotSent(reason=f"the name {host} cannot be resolved")


def test_a_refused_connection_is_not_sent() -> None:
    with closed_port() as port, end_at(f"http://127.0.0.1:{port}") as end:
        answer = end.exchange(POST)

    assert exact(answer) == NotSent(reason=f"no connection to 127.0.0.1:{port}: connection refused")


def test_a_connection_that_takes_too_long_is_not_sent() -> None:
    with deaf_port() as port, end_at(f"http://127.0.0.1:{port}", replace(SETTINGS, timeout_seconds=0.2)) as end:
        answer = end.exchange(POST)

    assert exact(answer) == NotSent(reason=f"no connection to 127.0.0.1:{port} in time")


def test_a_tls_handshake_that_takes_too_long_is_not_sent() -> None:
    with silent_port() as port, end_at(f"https://127.0.0.1:{port}", replace(SETTINGS, timeout_seconds=0.2)) as end:
        answer = end.exchange(POST)

    assert exact(answer) == NotSent(reason=f"no TLS connection to 127.0.0.1:{port} in time")


def test_a_server_without_tls_behind_https_is_not_sent() -> None:
    with Wire([Reply(status=400, early=True)]) as wire, end_at(f"https://127.0.0.1:{wire.port}") as end:
        answer = end.exchange(POST)

    assert exact(answer) == NotSent(reason=f"no TLS connection to 127.0.0.1:{wire.port}: wrong version number")


def test_a_connection_reset_during_the_handshake_is_not_sent() -> None:
    with Wire([drop_unread()]) as wire, end_at(f"https://127.0.0.1:{wire.port}") as end:
        answer = end.exchange(POST)

    assert exact(answer) == NotSent(reason=f"no TLS connection to 127.0.0.1:{wire.port}: connection reset by peer")


def test_a_certificate_is_verified_and_an_authority_of_ones_own_can_be_named(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)

    with Wire(tls=server) as wire:
        with end_at(wire.url) as end:
            unknown = end.exchange(POST)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with end_at(wire.url) as end:
            known = end.exchange(POST)

    assert isinstance(unknown, NotSent)
    assert unknown.reason == (
        f"no TLS connection to 127.0.0.1:{wire.port}: certificate refused, self-signed certificate"
    )
    assert exact(known) == Answered(status=200)
    assert [seen.body for seen in wire.seen] == [POST.body]


# --- the classification: may have left --------------------------------------------------------------------

CLOSED = "the connection was closed before an answer came"
RESET = "the connection broke: connection reset by peer"
RESET_OR_CLOSED = {RESET, CLOSED}  # as the reset meets us writing or reading
CUT = "the answer was cut short"
SILENT = "the target sent nothing for 0.3 s"
TOO_LONG = "the answer is longer than 1000 bytes"
LENGTH_9 = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
UNPACKED = "the answer cannot be decompressed"
GZIP = {"Content-Encoding": "gzip"}
GZIP_GZIP = {"Content-Encoding": "gzip, gzip"}

LOST = {
    "reset before the request was read": (drop_unread(), RESET_OR_CLOSED),
    "reset after the request was read": (drop_read(), RESET),
    "closed without an answer": (Reply(raw=b"", close=True), CLOSED),
    "closed in the headers": (Reply(raw=b"HTTP/1.1 200 OK\r\nA: ", close=True), CLOSED),
    "closed in the body": (Reply(raw=LENGTH_9 + b"123", close=True), CUT),
    "closed in a chunk": (Reply(raw=CHUNKED + b"9\r\n123", close=True), CUT),
    "closed between chunks": (Reply(raw=CHUNKED + b"3\r\n123\r\n", close=True), CUT),
    "reset in the body": (Reply(body=b"123456789", cut=45, reset=True), RESET),
    "silent": (Reply(delay_seconds=9), SILENT),
    "silent in the body": (Reply(raw=LENGTH_9 + b"123"), SILENT),
    "not HTTP": (garbage(), "the answer is not HTTP"),
    "not a chunk": (Reply(raw=CHUNKED + b"zz\r\n", close=True), CUT),
    "not gzip": (Reply(body=b"plain", headers=GZIP), UNPACKED),
    "another protocol": (Reply(raw=SWITCH, close=True), "the answer is not HTTP"),
    "too long": (Reply(body=b"x" * 2000), TOO_LONG),
    "too long when unpacked": (Reply(body=gzip.compress(b"x" * 2000), headers=GZIP), TOO_LONG),
    "too long when unpacked a thousandfold": (Reply(body=gzip.compress(bytes(50_000_000)), headers=GZIP), TOO_LONG),
    "packed twice": (Reply(body=gzip.compress(gzip.compress(b"x")), headers=GZIP_GZIP), UNPACKED),
    "packed as was not asked for": (Reply(body=b"x", headers={"Content-Encoding": "br"}), UNPACKED),
    "gzip without its end": (Reply(body=gzip.compress(b"{}")[:-3], headers=GZIP), UNPACKED),
    "gzip and more": (Reply(body=gzip.compress(b"{}") + b"{}", headers=GZIP), UNPACKED),
    "headers of a megabyte": (Reply(headers={"X-Long": "y" * 1_000_000}), "the answer is not HTTP"),
}


@pytest.mark.parametrize(("reply", "reason"), LOST.values(), ids=LOST.keys())
@pytest.mark.parametrize("reused", [False, True], ids=["fresh connection", "reused connection"])
def test_whatever_breaks_after_the_first_byte_is_lost_and_never_repeated(
    reply: Reply, reason: str | set[str], *, reused: bool
) -> None:
    script = [Reply()] * reused + [reply]
    with (
        Wire(script) as wire,
        end_at(wire.url, replace(SETTINGS, timeout_seconds=0.3), whole_seconds=2, max_body_bytes=1000) as end,
    ):
        first = [exact(end.exchange(POST)) for _ in range(reused)]
        answer = end.exchange(POST)
        afterwards = end.exchange(GET)

    assert first == [Answered(status=200)] * reused
    reasons = {reason} if isinstance(reason, str) else reason
    assert exact(answer) in [Lost(reason=text, too_long=text == TOO_LONG) for text in reasons]
    assert exact(afterwards) == Answered(status=200)
    assert [seen.method for seen in wire.seen] == ["POST"] * reused + ["POST"] * (reply.drop != "unread") + ["GET"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=200, body=b"x" * 500, pace_seconds=0.1),
        Reply(raw=b"HTTP/1.1 200 OK\r\n" + b"X-Slow: y\r\n" * 500, pace_seconds=0.1),
        Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"z" * 500, pace_seconds=0.1),
    ],
    ids=["body", "headers", "chunk extension"],
)
def test_a_target_that_trickles_cannot_hold_a_worker(reply: Reply) -> None:
    with Wire([reply]) as wire, end_at(wire.url, whole_seconds=0.5) as end:
        begun = time.monotonic()
        answer = end.exchange(POST)
        took = time.monotonic() - begun

    assert exact(answer) == Lost(reason="the exchange was not over after 0.5 s")
    assert 0.5 <= took < 2


def test_a_target_that_takes_the_body_too_slowly_is_lost() -> None:
    large = replace(POST, body=b"x" * 30_000_000)
    with silent_port() as port, end_at(f"http://127.0.0.1:{port}", replace(SETTINGS, timeout_seconds=0.3)) as end:
        answer = end.exchange(large)

    assert exact(answer) == Lost(reason="the target took nothing of the request for 0.3 s")


def test_an_answer_that_comes_before_the_whole_body_was_taken_counts() -> None:
    with Wire([Reply(status=413, early=True)]) as wire, end_at(wire.url) as end:
        answer = end.exchange(replace(POST, body=b"x" * 3_000_000))

    assert exact(answer) == Answered(status=413)


# --- the classification: answered ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (Reply(body=b'{"a":1}'), Answered(status=200, body=b'{"a":1}')),
        (Reply(body=b"a" * 100_000), Answered(status=200, body=b"a" * 100_000)),
        (Reply(body=b'{"a":1}', chunked=True), Answered(status=200, body=b'{"a":1}')),
        (Reply(body=gzip.compress(b"{}", mtime=0), headers=GZIP), Answered(status=200, body=b"{}")),
        (Reply(raw=b"HTTP/1.1 204 No Content\r\n\r\n"), Answered(status=204)),
        (Reply(raw=b"HTTP/1.0 200 OK\r\n\r\nuntil the end", close=True), Answered(status=200, body=b"until the end")),
        (Reply(raw=b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", close=True), Answered(status=200)),
        (Reply(status=302, headers={"Location": "/elsewhere"}), Answered(status=302)),
        (Reply(status=301, headers={"Location": "http://[broken"}), Answered(status=301)),
        (Reply(status=422, body=b"no such sku"), Answered(status=422, body=b"no such sku")),
        (Reply(status=500), Answered(status=500)),
        (Reply(status=429, headers={"Retry-After": "7"}), Answered(status=429, retry_after_seconds=7)),
        (
            Reply(status=503, headers={"Retry-After": "Sun, 02 Mar 2031 12:00:30 GMT"}),
            Answered(status=503, retry_after_seconds=30),
        ),
        (
            Reply(
                status=503,
                headers={"Retry-After": "Sun, 02 Mar 2031 15:00:45 GMT", "Date": "Sun, 02 Mar 2031 15:00:00 GMT"},
            ),
            Answered(status=503, retry_after_seconds=45),
        ),
        (Reply(status=503, headers={"Retry-After": "later"}), Answered(status=503)),
    ],
    ids=lambda each: repr(each)[:60],
)
def test_a_whole_answer_is_answered_whatever_its_status(reply: Reply, answer: Answered) -> None:
    with Wire([reply]) as wire, end_at(wire.url, clock=lambda: NOON) as end:
        assert exact(end.exchange(GET)) == answer
        assert len(wire.seen) == 1


def test_the_duration_is_of_the_exchange() -> None:
    with Wire([Reply(delay_seconds=0.2)]) as wire, end_at(wire.url) as end:
        assert 0.2 <= end.exchange(GET).duration_seconds < 1


def test_a_connection_is_reused_while_it_is_fresh_and_not_once_the_server_closed_it() -> None:
    with Wire([Reply(), Reply(), Reply(close=True), Reply()]) as wire, end_at(wire.url) as end:
        for _ in range(3):
            end.exchange(POST)
        time.sleep(0.1)  # until the server's close has arrived
        last = end.exchange(POST)

    assert exact(last) == Answered(status=200)
    assert [seen.connection for seen in wire.seen] == [0, 0, 0, 1]


TWO = Reply(body=b"one").text() + Reply(body=b"stray").text()
BEHIND: dict[str, tuple[bytes, Answer, list[int]]] = {  # what is sent; the answer, the connections of three requests
    "another answer": (TWO, Lost(reason="more than one answer came"), [0, 1, 1]),
    "another answer behind no content": (
        b"HTTP/1.1 204 No\r\n\r\n" + TWO,
        Lost(reason="more than one answer came"),
        [0, 1, 1],
    ),
    "a body behind no content": (
        b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\n{}",
        Answered(status=204, doubtful=True),
        [0, 1, 1],
    ),
    "a body behind not modified": (b"HTTP/1.1 304 Same\r\n\r\n{}", Answered(status=304, doubtful=True), [0, 1, 1]),
    "more than its length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{}",
        Answered(status=200, body=b"{}", doubtful=True),
        [0, 1, 1],
    ),
    "more than its chunks": (
        Reply(body=b"{}", chunked=True).text() + b"{}",
        Answered(status=200, body=b"{}", doubtful=True),
        [0, 1, 1],
    ),
    "a line break": (Reply(body=b"{}").text() + b"\r\n", Answered(status=200, body=b"{}"), [0, 1, 1]),
    "nothing, behind three early hints": (
        3 * b"HTTP/1.1 103 Hint\r\n\r\n" + Reply(body=b"{}").text(),
        Answered(status=200, body=b"{}"),
        [0, 0, 0],
    ),
}


@pytest.mark.parametrize("name", BEHIND)
def test_bytes_behind_an_answer_are_nobodys_answer_and_end_their_connection(name: str) -> None:
    raw, answer, connections = BEHIND[name]
    with Wire([Reply(raw=raw)], then=Reply(body=b"own")) as wire, end_at(wire.url) as end:
        answers = [exact(end.exchange(POST)) for _ in range(3)]

    assert answers == [answer, *2 * [Answered(status=200, body=b"own")]]
    assert [seen.connection for seen in wire.seen] == connections


def test_a_body_behind_the_answer_to_a_head_ends_its_connection() -> None:
    with Wire([Reply(body=b"{}")]) as wire, end_at(wire.url) as end:
        answers = [exact(end.exchange(replace(GET, method="HEAD"))), exact(end.exchange(GET))]

    assert answers == [Answered(status=200, doubtful=True), Answered(status=200)]
    assert [seen.connection for seen in wire.seen] == [0, 1]


def test_an_answer_with_bytes_behind_it_may_be_that_of_the_request_before() -> None:
    late = Reply(raw=Reply(body=b"{}").text() + b"{}")
    with Wire([Reply(), late]) as wire, end_at(wire.url) as end:
        answers = [exact(end.exchange(POST)) for _ in range(3)]

    assert answers == [Answered(status=200), Lost(reason="more than one answer came"), Answered(status=200)]
    assert [seen.connection for seen in wire.seen] == [0, 0, 1]


@pytest.mark.parametrize("secured", [False, True])
def test_bytes_that_come_while_a_connection_rests_are_nobodys_answer(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, *, secured: bool
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    first = Reply(late=Reply(body=b"stray").text())
    with Wire([first], then=Reply(body=b"own"), tls=tls if secured else None) as wire, end_at(wire.url) as end:
        end.exchange(POST)
        time.sleep(0.05)
        answer = exact(end.exchange(POST))

    assert answer == Answered(status=200, body=b"own")
    assert [seen.connection for seen in wire.seen] == [0, 1]


def test_a_connection_that_was_idle_for_long_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.connections.http.client.KEEPALIVE_SECONDS", 0.1)
    with Wire() as wire, end_at(wire.url) as end:
        end.exchange(POST)
        time.sleep(0.15)
        end.exchange(POST)

    assert [seen.connection for seen in wire.seen] == [0, 1]


# --- what is sent --------------------------------------------------------------------------------------------


def test_a_path_request_carries_the_connections_headers_and_json() -> None:
    with Wire() as wire, end_at(wire.url) as end:
        end.exchange(Outgoing(method="POST", path="/a", headers=(("X-Own", "zażółć"),), body=b"{}"))

    assert wire.seen == [
        Seen(
            method="POST",
            target="/a",
            headers=(
                ("host", f"127.0.0.1:{wire.port}"),
                ("user-agent", f"one-sync/{version('one-sync')}"),
                ("accept", "*/*"),
                ("accept-encoding", "gzip"),
                ("content-type", "application/json"),
                ("apiauth", SECRET),
                ("x-own", "zażółć".encode().decode("latin-1")),
                ("content-length", "2"),
            ),
            body=b"{}",
            at=0,
            connection=0,
        )
    ]


def test_a_request_without_body_has_no_content_type_and_its_own_headers_win() -> None:
    with Wire() as wire, end_at(wire.url) as end:
        end.exchange(GET)
        end.exchange(replace(POST, headers=(("content-type", "text/csv"), ("APIAUTH", "other"))))

    assert [(seen.header("Content-Type"), seen.header("ApiAuth")) for seen in wire.seen] == [
        (None, SECRET),
        ("text/csv", "other"),
    ]


def test_a_url_request_never_carries_the_connections_headers() -> None:
    with Wire() as wire, Wire() as store, end_at(wire.url, allow(f"127.0.0.1:{store.port}")) as end:
        end.exchange(Outgoing(method="PUT", url=f"{wire.url}/up", body=b"x"))
        end.exchange(Outgoing(method="PUT", url=f"{store.url}/up?sig=a%2Fb%3D#part", body=b"x"))

    assert [(seen.target, seen.header("ApiAuth")) for seen in wire.seen + store.seen] == [
        ("/up", None),
        ("/up?sig=a%2Fb%3D", None),
    ]


def test_nothing_that_an_answer_sets_comes_back_with_the_next_request() -> None:
    with Wire([Reply(headers={"Set-Cookie": "session=1; Path=/"})]) as wire, end_at(wire.url) as end:
        end.exchange(GET)
        end.exchange(GET)

    assert wire.seen[1].header("Cookie") is None


def test_proxy_variables_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire() as proxy, Wire() as wire:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        with end_at(wire.url) as end:
            end.exchange(GET)

    assert (len(proxy.seen), len(wire.seen)) == (0, 1)


@pytest.mark.parametrize(
    ("prefix", "request_", "target"),
    [
        ("", Outgoing(method="GET", path="/a/b"), "/a/b"),
        ("/", Outgoing(method="GET", path="/a/b"), "/a/b"),
        ("/api/v1", Outgoing(method="GET", path="/a"), "/api/v1/a"),
        ("/api/v1/", Outgoing(method="GET", path="/a"), "/api/v1/a"),
        ("", Outgoing(method="GET", path="a"), "/a"),
        ("", Outgoing(method="GET", path="/W%2F1/%20/%c5%81/%25"), "/W%2F1/%20/%c5%81/%25"),
        ("", Outgoing(method="GET", path="/a+b/~x/(1)'!*;:@&=$,/[2]{3}|\\^`\""), "/a+b/~x/(1)'!*;:@&=$,/[2]{3}|\\^`\""),
        ("", Outgoing(method="GET", path="/Ł ó#\r\nX: 1"), "/%C5%81%20%C3%B3%23%0D%0AX:%201"),
        ("", Outgoing(method="GET", path="/a/../b/./c//d/"), "/a/../b/./c//d/"),
        ("", Outgoing(method="GET", path="/a%2E%2E/%2e"), "/a%2E%2E/%2e"),
        ("", Outgoing(method="GET", path="/a", query=(("number", "FV/1 ł+&"), ("eventTypes", ""), ("number", "2"))),
         "/a?number=FV%2F1%20%C5%82%2B%26&eventTypes=&number=2"),
        ("", Outgoing(method="GET", path="/a?x=1", query=(("y", "2"),)), "/a?x=1&y=2"),
    ],
)  # fmt: skip
def test_the_target_keeps_its_percent_encoding(prefix: str, request_: Outgoing, target: str) -> None:
    with Wire() as wire, end_at(wire.url + prefix) as end:
        end.exchange(request_)

    assert [(seen.target, seen.header("X")) for seen in wire.seen] == [(target, None)]


NO_TARGET = "a request needs a method and either a path or a url"
NO_URL = "a url begins with http:// or https:// and a host, without credentials"


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (Outgoing(method="GET"), NO_TARGET),
        (Outgoing(method="GET", path="/a", url="http://x/"), NO_TARGET),
        (Outgoing(method="GET /\r\n", path="/a"), NO_TARGET),
        (Outgoing(method="GET", url="ftp://x/"), NO_URL),
        (Outgoing(method="GET", url="/a"), NO_URL),
        (Outgoing(method="GET", url="http://u:p@x/"), NO_URL),
        (Outgoing(method="GET", url="http://x:y/"), "the url cannot be read"),
        (
            Outgoing(method="GET", url="https://evil.example/a?b=c"),
            "the url leads to evil.example:443; add it to allow_hosts of the connection if that is meant",
        ),
        (
            Outgoing(method="GET", path="/a", headers=(("X-A", "1\r\nX-B: 2"),)),
            "the value of the header X-A holds a line break or another control character",
        ),
        (replace(GET, headers=(("X A", "1"),)), "a header cannot be named 'X A'"),
        (replace(GET, headers=(("Content-Length", "1"),)), "a header cannot be named 'Content-Length'"),
    ],
)
def test_a_request_that_can_never_be_sent_says_so_and_is_no_failure_of_the_target(
    request_: Outgoing, fault: str
) -> None:
    with Wire() as wire, end_at(wire.url, replace(SETTINGS, breaker=connection_settings.Breaker(failures=1))) as end:
        answers = (end.fault(request_), end.exchange(request_), end.open_until(), end.fault(GET))

    assert answers == (fault, NotSent(reason=fault), None, None)
    assert wire.seen == []


@pytest.mark.parametrize(
    ("allowed", "port_matches"), [("127.0.0.1", True), ("127.0.0.1:{port}", True), ("127.0.0.1:1", False)]
)
def test_a_url_may_lead_to_a_listed_host_or_host_and_port(allowed: str, *, port_matches: bool) -> None:
    with Wire() as store, end_at("http://one.invalid", allow(allowed.format(port=store.port))) as end:
        end.exchange(Outgoing(method="PUT", url=f"{store.url}/up", body=b"x"))

    assert len(store.seen) == port_matches


@pytest.mark.parametrize(
    ("base_url", "headers", "code"),
    [
        ("", {}, "E_BASE_URL"),
        ("one.example", {}, "E_BASE_URL"),
        ("ftp://one.example", {}, "E_BASE_URL"),
        (f"http://user:{SECRET}@one.example", {}, "E_BASE_URL"),
        (f"http://one.example?key={SECRET}", {}, "E_BASE_URL"),
        ("http://one.example", {"ApiAuth": f"{SECRET}\r\nX: 1"}, "E_HEADER"),
        ("http://one.example", {"Api Auth": SECRET}, "E_HEADER"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_showing_them(
    base_url: str, headers: dict[str, str], code: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        HttpEnd(SETTINGS, base_url=base_url, headers=headers)

    assert (caught.value.code, SECRET in str(caught.value)) == (code, False)


def test_blanks_and_line_ends_around_a_secret_from_a_file_do_no_harm() -> None:
    with Wire() as wire:
        HttpEnd(SETTINGS, base_url=wire.url, headers={"ApiAuth": f" {SECRET}\n"}).exchange(GET)

    assert wire.seen[0].header("ApiAuth") == SECRET


def test_a_target_that_repeats_our_headers_brings_no_secret_into_a_reason() -> None:
    echoes = [
        f"ApiAuth: {SECRET}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nApiAuth {SECRET}\r\n\r\n".encode(),
        f"HTTP/1.1 {SECRET}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {SECRET}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode(),
    ]
    with Wire([garbage(echo) for echo in echoes]) as wire, end_at(wire.url) as end:
        answers = [end.exchange(POST) for _ in echoes]

    assert [type(answer) for answer in answers] == [Lost] * len(echoes)
    assert SECRET not in repr(answers)
    assert all(seen.header("ApiAuth") == SECRET for seen in wire.seen)


# --- what all share --------------------------------------------------------------------------------------------


def together(count: int, work: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(count)]]


def test_no_more_requests_than_the_concurrency_are_under_way_whoever_sends_them() -> None:
    with Wire(then=Reply(delay_seconds=0.05)) as wire, end_at(wire.url, replace(SETTINGS, concurrency=3)) as end:
        answers = together(12, lambda: exact(end.exchange(POST)))

    assert answers == [Answered(status=200)] * 12
    assert (wire.most_at_once, wire.connections) == (3, 3)


def test_a_place_is_given_back_whatever_happened() -> None:
    script = [drop_unread(), drop_read(), garbage(), Reply(status=500), Reply(delay_seconds=9)]
    settings = replace(SETTINGS, concurrency=1, timeout_seconds=0.2)
    with Wire(script) as wire, end_at(wire.url, settings) as end:
        answers = [exact(end.exchange(POST)) for _ in range(6)]

    assert [type(answer) for answer in answers] == [Lost, Lost, Lost, Answered, Lost, Answered]


def test_waiting_requests_go_in_the_order_in_which_they_came() -> None:
    settings = replace(SETTINGS, concurrency=1)
    with (
        Wire(then=Reply(delay_seconds=0.03)) as wire,
        end_at(wire.url, settings) as end,
        ThreadPoolExecutor(8) as pool,
    ):
        for number in range(8):
            pool.submit(end.exchange, Outgoing(method="GET", path=f"/{number}"))
            time.sleep(0.01)

    assert [seen.target for seen in wire.seen] == [f"/{number}" for number in range(8)]


def test_the_rate_limit_holds_for_all_threads_together() -> None:
    settings = replace(SETTINGS, concurrency=8, rate_limit=connection_settings.RateLimit(requests=4, per_seconds=0.4))
    with Wire() as wire, end_at(wire.url, settings) as end:
        together(12, lambda: end.exchange(POST))

    times = sorted(seen.at for seen in wire.seen)
    gaps = [last - first for first, last in zip(times, times[4:], strict=False)]
    assert len(times) == 12
    assert min(gaps) > 0.3  # 0.4 less what a journey may take longer than another
    assert times[-1] - times[0] < 3


@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_holds_the_whole_connection(status: int) -> None:
    script = [Reply(status=status, headers={"Retry-After": "0.3"})]
    with Wire(script) as wire, end_at(wire.url) as end:
        first = end.exchange(POST)
        together(3, lambda: end.exchange(GET))

    assert exact(first) == Answered(status=status, retry_after_seconds=0.3)
    assert 0.3 <= wire.seen[1].at - wire.seen[0].at < 3
    assert len(wire.seen) == 4


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=401), "E_CREDENTIALS"),
        (Reply(status=403), "E_CREDENTIALS"),
        (Reply(status=429, headers={"Retry-After": "3600"}), "E_ASKED_TO_WAIT"),
        (Reply(status=503, headers={"Retry-After": "99999999999999"}), "E_ASKED_TO_WAIT"),
        (Reply(status=503, headers={"Retry-After": "Sun, 02 Mar 2031 12:01:30 GMT"}), "E_ASKED_TO_WAIT"),
    ],
    ids=lambda each: repr(each)[:80],
)
def test_an_answer_that_shuts_the_connection_ends_all_that_wait_and_half_open_sends_one_probe(
    reply: Reply, code: str
) -> None:
    settings = replace(SETTINGS, concurrency=2)
    with Wire(lambda _: replies.pop(0) if replies else Reply()) as wire, end_at(wire.url, settings) as end:
        before = 2 if code == "E_CREDENTIALS" else 0  # a refusal alone may be of the request
        replies = [reply] * before
        for _ in range(before):
            end.exchange(POST)
        replies = [replace(reply, delay_seconds=0.2), Reply(delay_seconds=0.5)]
        first = together(8, lambda: end.exchange(POST))  # two are under way, six wait in line
        later = end.exchange(GET)
        at_first = len(wire.seen)
        replies = [replace(reply, delay_seconds=0.2)]
        end.half_open()
        probed = together(8, lambda: end.exchange(POST))
        at_second = len(wire.seen)
        replies = [Reply(delay_seconds=0.3)]
        end.half_open()
        good = together(8, lambda: exact(end.exchange(POST)))

    told = [each.shut for each in (*first, later) if isinstance(each, NotSent)]
    waits = {each.wait_seconds is not None for each in (*first, later) if isinstance(each, NotSent)}
    assert waits == {code == "E_ASKED_TO_WAIT"}  # whoever hears of it first can say for how long
    assert (at_first, told) == (before + 2, [code] * 7)
    assert at_second == before + 3  # the probe alone
    assert [each.shut for each in probed if isinstance(each, NotSent)] == [code] * 7
    assert good == [Answered(status=200)] * 8
    assert wire.seen[before + 4].at - wire.seen[before + 3].at >= 0.3


def test_orderly_requests_to_wait_never_open_the_breaker() -> None:
    asks = [Reply(status=503, headers={"Retry-After": "0.01"})] * 3
    with Wire(asks) as wire, end_at(wire.url, breaking(1, 60)) as end:
        statuses = [end.exchange(GET) for _ in range(4)]

        assert end.open_until() is None
    assert [each.status for each in statuses if isinstance(each, Answered)] == [503, 503, 503, 200]


def test_a_retry_after_of_another_answer_holds_nothing() -> None:
    with Wire([Reply(status=404, headers={"Retry-After": "60"})]) as wire, end_at(wire.url) as end:
        end.exchange(GET)
        end.exchange(GET, stop=after(1))

    assert len(wire.seen) == 2


# --- the breaker -------------------------------------------------------------------------------------------------

BROKEN = Reply(status=502)


def breaking(failures: int, pause_seconds: float, **others: Any) -> connection_settings.HttpConnection:
    return replace(
        SETTINGS, breaker=connection_settings.Breaker(failures=failures, pause_seconds=pause_seconds), **others
    )


def test_an_open_breaker_is_announced_and_lets_nothing_pass() -> None:
    with Wire([BROKEN] * 2) as wire, end_at(wire.url, breaking(2, 60), clock=lambda: NOON) as end:
        before = [end.open_until(), end.exchange(GET), end.open_until(), end.exchange(GET)][::2]
        open_until = end.open_until()
        held = end.exchange(GET, stop=after(0.1))

    assert before == [None, None]
    assert open_until is not None
    assert timedelta(seconds=59) < open_until - NOON <= timedelta(seconds=60)
    assert held == NotSent(reason="stopped")
    assert len(wire.seen) == 2


def test_one_probe_goes_while_the_others_wait_and_its_success_lets_them_go() -> None:
    script = [BROKEN, Reply(delay_seconds=0.3)]
    with Wire(script) as wire, end_at(wire.url, breaking(1, 0.3, concurrency=8)) as end:
        end.exchange(GET)
        answers = together(6, lambda: exact(end.exchange(POST)))

    broken, probe, *others = (seen.at for seen in wire.seen)
    assert answers == [Answered(status=200)] * 6
    assert probe - broken >= 0.29
    assert min(others) - probe >= 0.29


def test_a_probe_that_fails_starts_another_pause_and_another_single_probe() -> None:
    script = [BROKEN, replace(BROKEN, delay_seconds=0.1)]
    with Wire(script) as wire, end_at(wire.url, breaking(1, 0.2, concurrency=8)) as end:
        end.exchange(GET)
        answers = together(4, lambda: exact(end.exchange(POST)))

    times = [seen.at for seen in wire.seen]
    assert sorted(answer.status for answer in answers if isinstance(answer, Answered)) == [200, 200, 200, 502]
    assert times[1] - times[0] >= 0.19
    assert times[2] - times[1] >= 0.29


def test_a_probe_that_says_nothing_hands_over_to_the_next_at_once() -> None:
    with Wire([BROKEN, Reply(status=425)]) as wire, end_at(wire.url, breaking(1, 1)) as end:
        answers = [exact(end.exchange(GET)) for _ in range(3)]

    assert answers == [Answered(status=502), Answered(status=425), Answered(status=200)]
    assert wire.seen[2].at - wire.seen[1].at < 0.5


def test_a_probe_that_has_to_wait_for_the_rate_limit_is_not_lost() -> None:
    limited = breaking(1, 0.1, rate_limit=connection_settings.RateLimit(requests=1, per_seconds=0.3))
    with Wire([BROKEN]) as wire, end_at(wire.url, limited) as end:
        answers = [exact(end.exchange(GET, stop=after(2))) for _ in range(2)]

    assert answers == [Answered(status=502), Answered(status=200)]


@pytest.mark.parametrize(
    ("reply", "counts", "opens"),
    [
        (drop_read(), True, True),
        (garbage(), True, True),
        (Reply(status=408), True, True),
        (Reply(status=500), True, True),
        (Reply(status=502), True, True),
        (Reply(status=503), True, True),
        (Reply(status=504), True, True),
        (Reply(status=500), False, False),
        (Reply(status=503), False, True),
        (Reply(status=425), True, False),
        (Reply(status=429), True, False),
        (Reply(status=404), True, False),
        (Reply(status=302), True, False),
    ],
    ids=lambda each: repr(each)[:60],
)
def test_what_counts_as_a_failure_opens_the_breaker(reply: Reply, *, counts: bool, opens: bool) -> None:
    with Wire([reply]) as wire, end_at(wire.url, breaking(1, 60)) as end:
        end.exchange(POST, counts=counts)

        assert (end.open_until() is not None) == opens


def test_a_target_that_is_down_opens_the_breaker() -> None:
    with closed_port() as port, end_at(f"http://127.0.0.1:{port}", breaking(2, 60)) as end:
        reasons = [type(end.exchange(GET)), type(end.exchange(GET))]

        assert (reasons, end.open_until() is not None) == ([NotSent, NotSent], True)


# --- stopping ----------------------------------------------------------------------------------------------------


def after(seconds: float) -> threading.Event:
    """Give an event that is set in so many seconds."""
    event = threading.Event()
    timer = threading.Timer(seconds, event.set)
    timer.daemon = True
    timer.start()
    return event


def occupied(end: HttpEnd) -> None:
    threading.Thread(target=end.exchange, args=[GET], daemon=True).start()
    time.sleep(0.1)


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        (replace(SETTINGS, concurrency=1), Reply(delay_seconds=3)),
        (replace(SETTINGS, rate_limit=connection_settings.RateLimit(requests=1, per_seconds=60)), Reply()),
        (SETTINGS, Reply(status=429, headers={"Retry-After": "60"})),
        (breaking(1, 60), BROKEN),
    ],
    ids=["concurrency", "rate limit", "Retry-After", "breaker"],
)
def test_stop_ends_every_kind_of_waiting_at_once(settings: connection_settings.HttpConnection, first: Reply) -> None:
    with Wire([first]) as wire, end_at(wire.url, settings) as end:
        occupied(end)
        stop = threading.Event()
        with ThreadPoolExecutor(3) as pool:
            waiting = [pool.submit(end.exchange, POST, stop=stop) for _ in range(3)]
            time.sleep(0.1)
            stopped_at = time.monotonic()
            stop.set()
            answers = [future.result() for future in waiting]
            took = time.monotonic() - stopped_at

    assert answers == [NotSent(reason="stopped")] * 3
    assert took < 0.2  # about 0.05 on an idle machine
    assert len(wire.seen) == 1


def test_a_stop_that_was_set_before_sends_nothing() -> None:
    stop = threading.Event()
    stop.set()

    with Wire() as wire, end_at(wire.url) as end:
        assert end.exchange(POST, stop=stop) == NotSent(reason="stopped")
        assert wire.seen == []


def test_a_request_under_way_ends_although_stop_is_set() -> None:
    with Wire([Reply(delay_seconds=0.3)]) as wire, end_at(wire.url) as end:
        assert exact(end.exchange(POST, stop=after(0.1))) == Answered(status=200)


def test_whoever_is_stopped_gives_the_next_in_line_its_turn() -> None:
    with Wire([Reply(delay_seconds=0.4)]) as wire, end_at(wire.url, replace(SETTINGS, concurrency=1)) as end:
        occupied(end)
        with ThreadPoolExecutor(2) as pool:
            impatient = pool.submit(end.exchange, POST, stop=after(0.1))
            time.sleep(0.05)
            patient = pool.submit(end.exchange, POST)

            assert impatient.result() == NotSent(reason="stopped")
            assert exact(patient.result()) == Answered(status=200)
