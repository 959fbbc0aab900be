"""Answers: documents and tables as they leave on stdout."""

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.cli.output import Output, aligned, visible


class Colour(StrEnum):
    RED = "red"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def output(stream: io.StringIO) -> Output:
    return Output(
        redact=lambda text: text.replace("s3cret", "***"), zone=lambda: ZoneInfo("Europe/Warsaw"), stream=stream
    )


def printed(method: str, *arguments: Any) -> str:
    stream = io.StringIO()
    getattr(output(stream), method)(*arguments)
    return stream.getvalue()


def test_a_piece_goes_as_it_is_but_for_secrets() -> None:
    assert printed("raw", "a;s3cret;\tb") == "a;***;\tb\n"


SUMMER, WINTER = datetime(2026, 7, 1, 10, 0, 5, 999, tzinfo=UTC), datetime(2026, 1, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+3"), "1E+3"),
        (SUMMER, "2026-07-01T12:00:05+02:00"),
        (WINTER, "2026-01-01T11:00:00+01:00"),
        (Colour.RED, "red"),
        (("W1", "A-1", None), ["W1", "A-1", None]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (PurePosixPath("/srv/s3cret"), "/srv/***"),
        ({"s3cret": ["s3cret"]}, {"***": ["***"]}),
        ("Łącka\n\x1b[31m", "Łącka\n\x1b[31m"),
        (12, 12),
        (0.5, 0.5),
        (None, None),
        (False, False),
    ],
)
def test_a_document_is_exact_and_without_secrets(value: object, shown: object) -> None:
    assert json.loads(printed("document", {"value": value})) == {"schema_version": 1, "value": shown}


def test_a_document_is_ascii_safe_for_terminals_and_keeps_letters() -> None:
    text = printed("document", {"name": "Łącka \x1b[31m"})

    assert text == '{\n  "schema_version": 1,\n  "name": "Łącka \\u001b[31m"\n}\n'


def test_a_piped_table_is_aligned_plain_and_never_folded() -> None:
    rows = [
        ("stocks", 12, Decimal("1.50"), True, ("W1", "A 1")),
        ("clients" + "x" * 150, None, Decimal("10"), False, None),
    ]

    lines = printed("table", ("object", "count", "price", "ok", "key"), rows).splitlines()

    pad = " " * 151
    assert lines == [
        f"object{pad}  count  price  ok   key",
        f'stocks{pad}     12   1.50  yes  W1 "A 1"',
        f"clients{'x' * 150}      -     10  no   -",
    ]


def test_an_empty_table_has_its_head() -> None:
    assert printed("table", ("object", "key"), []) == "object  key\n"


def test_data_cannot_break_a_line_or_steer_a_terminal() -> None:
    text = printed("table", ("reason",), [("a\nb\tc\x1b[31m\u202ed\x00",), ("s3cret",)])

    assert text == "reason\na\\nb\\tc\\x1b[31m\\u202ed\\x00\n***\n"


@pytest.mark.parametrize("text", ["Żółć", "日本", "a b", ""])
def test_letters_of_every_kind_stay_as_they_are(text: str) -> None:
    assert visible(text) == text


def test_wide_columns_end_without_blanks() -> None:
    assert aligned(("a", "b"), [("x", "long"), ("y", "s")], (False, False)) == ["a  b", "x  long", "y  s"]


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_a_ruled_table_in_bold_unless_it_refuses_that(
    monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()

    output(stream).table(("object", "count"), [("[red]stocks", 3)])

    text = stream.getvalue()
    assert "[red]stocks" in text  # data is no markup
    assert "─" in text
    assert ("\x1b[" in text) is not no_color


def test_a_narrow_terminal_gets_row_after_row_instead_of_folded_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    columns = ("object", "status", "extracted", "added", "next fire", "error")

    output(stream).table(
        columns, [("price_lists", "success", 15, 0, WINTER, None), ("stocks", "failed", 0, 0, None, "no")]
    )

    assert stream.getvalue().splitlines() == [
        "price_lists",
        "  status success, extracted 15, next",
        "  fire 2026-01-01 11:00:00+01:00",
        "stocks",
        "  status failed, error no",
    ]


def test_a_key_is_shown_in_quotes_where_blanks_would_not_be_seen() -> None:
    shown = output(io.StringIO()).cell

    assert shown(["W0", "A-1", None]) == "W0 A-1 -"
    assert shown(["W0  ", "", " a b", "x\u00a0"]) == '"W0  " "" " a b" "x\u00a0"'
