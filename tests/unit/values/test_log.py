"""Events on stderr: their form, and that no secret is in them."""

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from urllib.parse import quote, quote_plus

import pytest

from engine.values.log import Form, form_of, open_log
from engine.values.redact import redact

SECRET = 'k"3y-ż\\1'  # JSON and people's form write each of these characters in another way


def logged(capsys: pytest.CaptureFixture[str], form: Form = "json", **facts: object) -> str:
    log = open_log(verbose=True, form=form, secrets=lambda: frozenset({SECRET, "5678"}))
    log.info("run_ended", **facts)
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f"key {SECRET} is bad", "key *** is bad"),
        ([SECRET, {"deep": (SECRET,)}], ["***", {"deep": ["***"]}]),
        ({SECRET: 1}, {"***": 1}),
        ({SECRET, "a"}, ["***", "a"]),
        (Path("/x") / "5678", "/x/***"),
        (ValueError(SECRET), "***"),
        (15678, 15678),
        (5678, "***"),
        (Decimal("5678.10"), "***.10"),
        (3, 3),
        (0.5, 0.5),
        (None, None),
        (True, True),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
    ],
)
def test_a_fact_is_written_as_json_has_it_and_without_secrets(
    capsys: pytest.CaptureFixture[str], value: object, shown: object
) -> None:
    event = json.loads(logged(capsys, fact=value))

    assert event.pop("timestamp").endswith("Z")
    assert event == {"level": "info", "event": "run_ended", "fact": shown}


@pytest.mark.parametrize("form", ["human", "json"])
def test_an_exception_s_text_and_traceback_hold_no_secret(capsys: pytest.CaptureFixture[str], form: Form) -> None:
    try:
        raise ValueError(f"cannot use {SECRET}")
    except ValueError as error:
        text = logged(capsys, form, exc_info=error)

    assert "ValueError: cannot use ***" in text
    assert "Traceback (most recent call last)" in text
    assert SECRET not in text
    assert json.dumps(SECRET)[1:-1] not in text


def test_an_event_of_people_is_one_line_without_colours_where_nobody_looks_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = logged(capsys, "human", object="stocks", confirmed=3)

    assert re.fullmatch(r"\S+ \[info {5}\] run_ended object=stocks confirmed=3\n", text)


@pytest.mark.parametrize(
    ("verbose", "quiet", "form", "levels"),
    [
        (False, False, "human", ["info", "warning", "error"]),
        (True, False, "human", ["debug", "info", "warning", "error"]),
        (False, True, "human", ["warning", "error"]),
        (True, True, "human", ["debug", "info", "warning", "error"]),
        (False, True, "json", ["debug", "info", "warning", "error"]),
    ],
)
def test_people_hear_less_than_programs(
    capsys: pytest.CaptureFixture[str], verbose: bool, quiet: bool, form: Form, levels: list[str]
) -> None:
    log = open_log(verbose=verbose, form=form, secrets=frozenset, quiet=quiet)
    for level in ("debug", "info", "warning", "error"):
        getattr(log, level)(f"was_{level}")

    found = re.findall(r"was_(\w+)", capsys.readouterr().err)

    assert found == levels


def test_without_a_terminal_the_log_is_json_unless_asked_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    assert (form_of(None), form_of("human"), form_of("json")) == ("json", "human", "json")


@pytest.mark.parametrize(
    ("text", "secrets", "shown"),
    [
        ("abc", {"abc"}, "abc"),  # too short to be told from harmless text
        ("abcd", {"abcd"}, "***"),
        ("abcdef", {"abcd", "abcdef"}, "***"),  # the longest first
        ("a+b.c*d", {"a+b.c*d"}, "***"),  # no pattern, a value
        ("aXbYcZd", {"a.b.c.d"}, "aXbYcZd"),
        ("one two", set(), "one two"),
        ("keykey", {"", "key", "keyk"}, "keykey"),  # a short word inside another one
        ("KEYK, /keyk/x?a=keyk", {"keyk"}, "***, /***/x?a=***"),
        ("one-tenant of tenants", {"tenant"}, "one-tenant of tenants"),
        ("x1234567", {"1234567"}, "x1234567"),
        (r"\nabcd and \u0061bcd and %61bcd", {"abcd"}, r"\n*** and *** and ***"),
        ("x12345678y", {"12345678"}, "x***y"),
        ("postgresql is down", {"postgresql://u:p@h/d"}, "postgresql is down"),  # many URLs begin alike
    ],
)
def test_secrets_are_replaced_by_value_from_four_characters_on(text: str, secrets: set[str], shown: str) -> None:
    assert redact(text, secrets) == shown


LONG = 'Qz7+vK"xw/3&Jm=9Tr <Lp>2é'


@pytest.mark.parametrize(
    "written",
    [
        LONG,
        json.dumps(LONG)[1:-1],
        json.dumps(LONG, ensure_ascii=False)[1:-1],
        html.escape(LONG),
        quote(LONG),
        quote(LONG, safe=""),
        re.sub("%..", lambda found: found[0].lower(), quote(LONG, safe="")),
        quote_plus(LONG),
        f"{LONG[:9]}\n{LONG[9:]}",
        f"{LONG[:3]}\r\n\t {LONG[3:15]}\n{LONG[15:]}",
        f"{LONG[:4]}\\n{LONG[4:]}",
        LONG[:8],
        LONG[:20],
    ],
)
def test_a_long_secret_is_found_encoded_broken_and_cut_short(written: str) -> None:
    assert redact(f"it said {written}, twice: {written} (2 attempts)", {LONG, "other-secret"}) == (
        "it said ***, twice: *** (2 attempts)"
    )


ECHOED = "ab/cd+Ef==9&<z>"


def _hexadecimal(text: str, form: str) -> str:
    return "".join(form.format(ord(each)) for each in text)


@pytest.mark.parametrize(
    "written",
    [
        ECHOED.replace("/", r"\/").replace("+", r"\u002B"),
        json.dumps(json.dumps(ECHOED.replace("/", r"\/")))[3:-3],
        ECHOED.replace("/", "&#47;").replace("+", "&#x2b;").replace("<", "&lt;"),
        html.escape(html.escape(ECHOED)),
        ECHOED.replace("&", "&amp;").replace("=", "&equals;"),
        quote(quote(ECHOED, safe=""), safe=""),
        quote(quote(quote(ECHOED, safe=""), safe=""), safe=""),
        quote(ECHOED.replace("/", r"\/"), safe=""),
        html.escape(json.dumps(ECHOED)[1:-1]),
        _hexadecimal(ECHOED, "%{:02x}"),
        _hexadecimal(ECHOED, "\\u{:04x}"),
        _hexadecimal(ECHOED, "\\x{:02X}"),
        _hexadecimal(ECHOED, "&#{};"),
        _hexadecimal(ECHOED, "&#x{:04X};"),
        ECHOED.encode().hex(),
        ECHOED.encode().hex().upper(),
        ECHOED.encode().hex(" "),
        ECHOED.upper(),
        ECHOED.lower(),
    ],
)
def test_a_secret_is_known_in_every_spelling(written: str) -> None:
    assert redact(f"it said {written}, twice", {ECHOED}) == "it said ***, twice"


@pytest.mark.parametrize("before", ["", "k", "ke", "key="])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_a_secret_is_known_in_base64_that_is_escaped_in_turn(before: str, encode: Callable[[bytes], bytes]) -> None:
    encoded = encode(f"{before}{ECHOED}???".encode()).decode().replace("/", r"\/").replace("+", "%2B")

    assert "***" in redact(f"it said {encoded}", {ECHOED})


def test_what_is_no_secret_stays_as_it_was_written() -> None:
    text = r'{"a":"\u0105\/\n","b":"&lt;%20%C4%85","c":"C:\\new"} ' * 3

    assert redact(text, {ECHOED, "abcd"}) == text


def test_many_long_texts_are_looked_through_quickly() -> None:
    secrets = {f"{number}Qz7+vK-xw/3&Jm=9Tr{number}" for number in range(10)}
    text = r'{"sku":"A\/1","name":"\u0105 &lt;x&gt;","url":"https:\/\/a.b\/c%20d"},' * 100
    redact("once", secrets)

    begun = perf_counter()
    for _ in range(10):
        redact(text, secrets)

    assert perf_counter() - begun < 1


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_a_long_secret_is_found_in_base64_whatever_stands_around_it(
    encode: Callable[[bytes], bytes], before: str
) -> None:
    shown = redact(encode(f"{before}{LONG}".encode()).decode(), {LONG})

    assert "***" in shown
    assert len(shown) <= 3 + len("***") + 4 + 4 * len(before) // 3
