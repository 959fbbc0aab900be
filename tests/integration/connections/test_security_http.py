"""What a hostile platform, a hostile answer and a careless environment cannot make of our requests."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from engine.connections import settings as connection_settings
from engine.connections.http.client import HttpEnd
from engine.connections.http.deadline import _is_local
from engine.inspect.probe import probe
from engine.values.errors import ConfigError
from engine.values.exchanges import Answered, NotSent, Outgoing
from world.project import World, world
from world.wire import Reply, Wire

SECRET = "hunter2-hunter2"
SETTINGS = connection_settings.HttpConnection(
    name="one", base_url="", timeout_seconds=5, breaker=connection_settings.Breaker(failures=1, pause_seconds=60)
)
GET = Outgoing(method="GET", path="/a")


@contextmanager
def end_at(url: str, *allowed: str) -> Iterator[HttpEnd]:
    end = HttpEnd(replace(SETTINGS, allow_hosts=allowed), base_url=url, headers={"ApiAuth": SECRET})
    try:
        yield end
    finally:
        end.close()


# --- url: where it may lead ----------------------------------------------------------------------------------

ELSEWHERE = [
    "https://evil.example/",
    "https://one.example.evil.example/",
    "https://evilone.example/",
    "https://sub.files.example/",
    "https://one.example@evil.example/",
    "https://one.example:443@evil.example/",
    "https://user:password@files.example/",
    "https://evil.example\\@one.example/",
    "https://one.example\\@evil.example/",
    "https://one.example\\.evil.example/",
    "https://one.example%2eevil.example/",
    "https://one.example%00.evil.example/",
    "https://one.example%40evil.example/",
    "https://one.example\t.evil.example/",
    "https://one.example\r\n.evil.example/",
    "https://one.example\0.evil.example/",
    "https://one.example\u3002evil.example/",
    "https://\uff4fne.example/",
    "https://xn--one-.example/",
    "https://one.example./",
    "https://one.example.:443/",
    "https://one.example:0/",
    "https://one.example:65536/",
    "https://other.example/",
    "https://other.example:8444/",
    "http://one.example/",
    "http://files.example/",
    "https:evil.example",
    "https:/evil.example/",
    "https:///evil.example/",
    "//evil.example/",
    "\thttps://evil.example/",
    " https://files.example/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://0.0.0.0/",
    "https://0/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1%25eth0]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://localhost/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:1",
    "gopher://one.example/",
    "https://",
    "https://?x",
    "",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_url_leads_nowhere_but_to_the_hosts_that_are_allowed(url: str) -> None:
    with end_at("https://one.example/api", "files.example", "other.example:8443") as end:
        fault = end.fault(Outgoing(method="PUT", url=url))
        answer = end.exchange(Outgoing(method="PUT", url=url))

        assert fault
        assert answer == NotSent(reason=fault)
        assert end.openings() == 0


def test_a_name_is_judged_by_the_address_that_it_leads_to() -> None:
    with Wire() as wire:
        request = Outgoing(method="PUT", url=f"http://localhost:{wire.port}/", body=b"{}")
        with end_at("http://one.invalid", f"localhost:{wire.port}") as end:
            answer = end.exchange(request)
            assert (answer, end.openings()) == (
                NotSent(reason="the name localhost leads to this machine or its link; a url may not"),
                0,
            )
        assert wire.seen == []
        with end_at(wire.url, f"localhost:{wire.port}") as end:  # here the connection itself leads to this machine
            assert isinstance(end.exchange(request), Answered)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("0.0.0.0", True),
        ("169.254.169.254", True),
        ("::1", True),
        ("::", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:169.254.169.254", True),
        ("fe80::1", True),
        ("fe80::1%eth0", True),
        ("10.0.0.1", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
    ],
)
def test_loopback_and_link_local_addresses_are_known_in_every_form(address: str, *, local: bool) -> None:
    assert _is_local(address) is local


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "http://evil.example/", "\\\\evil.example", "@evil.example/", ":1/"]
)
def test_a_path_stays_at_the_connection_whatever_it_looks_like(path: str) -> None:
    with Wire() as wire, end_at(wire.url) as end:
        end.exchange(Outgoing(method="GET", path=path))

    assert [(seen.header("Host"), seen.header("ApiAuth")) for seen in wire.seen] == [(f"127.0.0.1:{wire.port}", SECRET)]


@pytest.mark.parametrize(
    "request_",
    [
        Outgoing(method="GET", path="/\ud800"),
        Outgoing(method="GET", path="/a", query=(("q", "\ud800"),)),
        Outgoing(method="GET", path="/a", headers=(("X-A", "\ud800"),)),
        Outgoing(method="GET", url="http://127.0.0.1/\ud800"),
    ],
)
def test_half_a_character_is_a_request_that_can_never_be_sent(request_: Outgoing) -> None:
    with Wire() as wire, end_at(wire.url) as end:
        assert end.fault(request_) in {
            "its address or a header holds half a character, or no host name",
            "the value of the header X-A is not UTF-8 text",
        }
        assert isinstance(end.exchange(request_), NotSent)
    assert wire.connections == 0


# --- redirects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [302, 308])
def test_no_kind_of_request_follows_a_redirect(tmp_path: Path, status: int) -> None:
    with Wire() as evil, world(tmp_path) as it:
        away = Reply(status=status, headers={"Location": f"{evil.url}/taken", "Refresh": f"0; url={evil.url}"})

        outcomes: dict[str, str | None] = {}
        for name, kind in KINDS.items():
            it.close()  # a program that is started anew has not seen the platform accept anything
            outcomes[name] = kind(it, away)

        own = {"update", "fetch"}  # another request was accepted in the same run: the redirect is the record's
        assert outcomes == {name: None if name in own else "E_REDIRECT" for name in KINDS}
        assert evil.connections == 0


def _answering(it: World, part: str, away: Reply, *, method: str = "") -> None:
    it.platform.rule = lambda seen: (
        away if urlsplit(seen.target).path.startswith(part) and seen.method.startswith(method) else None
    )


def _many(it: World, away: Reply) -> str | None:
    it.put("item", ("W1", "A", 5))
    _answering(it, "/items", away)
    it.run("items")
    return it.code


def _create(it: World, away: Reply) -> str | None:
    it.put("client", ("C1", "Anna"))
    _answering(it, "/clients", away, method="POST")
    it.run("clients")
    return it.code


def _look_up(it: World, away: Reply) -> str | None:
    it.put("client", ("C2", "Ewa"))
    _answering(it, "/clients", away, method="GET")
    it.platform.plan("after")
    it.run("clients")
    return it.code or str(it.last)


def _update(it: World, away: Reply) -> str | None:
    _answering(it, "/nowhere", away)
    it.put("client", ("C3", "Jan"))
    it.run("clients")
    it.put("client", ("C3", "Janusz"))
    _answering(it, "/clients", away, method="PUT")
    it.run("clients")
    return it.code


def _remove(it: World, away: Reply) -> str | None:
    it.put("client")
    _answering(it, "/clients", away, method="DELETE")
    it.run("clients")
    return it.code


def _feed(it: World, away: Reply) -> str | None:
    _answering(it, "/feed", away)
    it.run("letters")
    return it.code


def _fetch(it: World, away: Reply) -> str | None:
    it.platform.write("L1", {"id": "L1", "subject": "s", "lines": []})
    _answering(it, "/letters", away)
    it.run("letters")
    return it.code


def _probe(it: World, away: Reply) -> str | None:
    _answering(it, "/", away)
    error = probe(it.app, "one").error
    return error and error.code


KINDS: dict[str, Callable[[World, Reply], str | None]] = {
    "many": _many,
    "create": _create,
    "look-up": _look_up,
    "update": _update,
    "remove": _remove,
    "feed": _feed,
    "fetch": _fetch,
    "connections": _probe,
}


# --- TLS and the environment -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give files with a key and a certificate that signed itself: a good one, one of another host, an expired one."""
    folder = tmp_path_factory.mktemp("tls")
    return {
        "good": _certificate(folder / "good.pem", name="IP:127.0.0.1", until="20490101000000Z"),
        "other": _certificate(folder / "other.pem", name="DNS:other.example", until="20490101000000Z"),
        "expired": _certificate(folder / "expired.pem", name="IP:127.0.0.1", until="20200102000000Z"),
    }


AUTHORITY = """
[ca]
default_ca = own
[own]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = {name}
"""


def _certificate(file: Path, *, name: str, until: str) -> Path:
    folder = file.with_suffix("")
    folder.mkdir()
    (folder / "index").touch()
    (folder / "config").write_text(AUTHORITY.format(folder=folder, name=name))
    asked = f"req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout {folder}/key -out {folder}/asked"
    signed = f"ca -batch -selfsign -keyfile {folder}/key -in {folder}/asked -out {folder}/signed -notext"
    dates = f"-config {folder}/config -startdate 20200101000000Z -enddate {until}"
    for words in (asked, f"{signed} {dates}"):
        subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
    file.write_text((folder / "key").read_text() + (folder / "signed").read_text())
    return file


def _served(certificate: Path) -> Wire:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return Wire(tls=context)


@pytest.mark.parametrize(
    ("name", "trusted", "why"),
    [
        ("good", False, "self-signed certificate"),
        ("other", True, "IP address mismatch, certificate is not valid for '127.0.0.1'."),
        ("expired", True, "certificate has expired"),
    ],
)
def test_a_certificate_that_proves_nothing_is_refused_and_nothing_is_sent(
    certificates: dict[str, Path], monkeypatch: pytest.MonkeyPatch, name: str, why: str, *, trusted: bool
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates[name]))
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(certificates[name]))
    for variable in ("PYTHONHTTPSVERIFY", "NODE_TLS_REJECT_UNAUTHORIZED", "HTTPX_VERIFY"):
        monkeypatch.setenv(variable, "0")

    with _served(certificates[name]) as wire, end_at(wire.url) as end:
        answer = end.exchange(GET)

    assert replace(answer, duration_seconds=0) == NotSent(
        reason=f"no TLS connection to 127.0.0.1:{wire.port}: certificate refused, {why}"
    )
    assert wire.seen == []


def test_no_variable_writes_the_keys_of_a_session_or_adds_credentials(
    certificates: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, netrc = tmp_path / "keys", tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login someone password other\n")
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates["good"]))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    with _served(certificates["good"]) as wire, end_at(wire.url) as end:
        answer = end.exchange(GET)

    assert isinstance(answer, Answered)
    assert [seen.header("Authorization") for seen in wire.seen] == [None]
    assert "SECRET" not in (keys.read_text() if keys.exists() else "")


def test_certificates_that_cannot_be_read_are_a_fault_of_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for path in (tmp_path / "nowhere.pem", tmp_path / "empty.pem"):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(ConfigError) as caught, end_at("https://one.example"):
            pass
        assert caught.value.code == "E_CERTIFICATES"


def test_no_key_and_no_word_of_the_program_switches_verification_off() -> None:
    root = Path(__file__).parents[3]
    sources = [path.read_text() for path in (root / "engine").rglob("*.py")]
    schema = (root / "schemas" / "project.schema.json").read_text()

    for word in ("verify=False", "CERT_NONE", "check_hostname = False", "_create_unverified_context"):
        assert not any(word in source for source in sources)
    assert not any(f'"{word}"' in schema for word in ("verify", "insecure", "tls", "ssl", "follow_redirects", "proxy"))
