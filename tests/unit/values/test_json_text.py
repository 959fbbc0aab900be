"""JSON in and out, exactly."""

from __future__ import annotations

from collections import UserDict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.values.json_text import NotJson, decode, decode_answer, encode, path_text, raw


class Word(StrEnum):
    LONG = "long"


CONTAINS_ITSELF: list[Any] = []
CONTAINS_ITSELF.append(CONTAINS_ITSELF)
ONE_HOUR_AHEAD = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (5, "5"),
        (10**30, "1" + "0" * 30),
        (0.1, "0.1"),
        (5.0, "5.0"),
        (Decimal("5.000"), "5.000"),
        (Decimal("1E+3"), "1E+3"),
        (Decimal("12345678901234567890.12345678901234567890"), "12345678901234567890.12345678901234567890"),
        ("zażółć \u2028 😀", '"zażółć \u2028 😀"'),
        ('a"\\\n', r'"a\"\\\n"'),
        ("NaN", '"NaN"'),
        (["Infinity", Decimal(1)], '["Infinity",1]'),
        (Word.LONG, '"long"'),
        ({"b": 1, "a": {"d": 2, "c": 3}}, '{"b":1,"a":{"d":2,"c":3}}'),
        (UserDict({"b": 1}), '{"b":1}'),
        ({Word.LONG: 1}, '{"long":1}'),
        ((1, [2, ()]), "[1,[2,[]]]"),
        (date(2024, 3, 1), '"2024-03-01"'),
        (datetime(2024, 3, 1, 10, 30, tzinfo=UTC), '"2024-03-01T10:30:00Z"'),
        ([datetime(2024, 3, 1, 10, 30, 0, 120000, tzinfo=ONE_HOUR_AHEAD)], '["2024-03-01T09:30:00.120000Z"]'),
        ({"at": datetime(2024, 7, 1, 0, 30, tzinfo=ZoneInfo("Europe/Warsaw"))}, '{"at":"2024-06-30T22:30:00Z"}'),
        ({"stocks": [raw('{"sku":"A"}'), raw(b'{"sku":"NaN"}')]}, '{"stocks":[{"sku":"A"},{"sku":"NaN"}]}'),
    ],
)
def test_a_value_is_written_compactly_and_exactly(value: Any, expected: str) -> None:
    assert encode(value).decode() == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, float("nan")]}, "a[1]: is nan, which JSON cannot hold; let the query return null instead"),
        ({"a": float("-inf")}, "a: is -inf, which JSON cannot hold; let the query return null instead"),
        ({"a": {"b": Decimal("NaN")}}, "a.b: is NaN, which JSON cannot hold; let the query return null instead"),
        ([Decimal("Infinity")], "[0]: is Infinity, which JSON cannot hold; let the query return null instead"),
        (
            {"at": datetime(2024, 3, 1, 10)},
            "at: is the time 2024-03-01T10:00:00 without a zone; use the `instant` or `date` filter",
        ),
        (
            [datetime(1, 1, 1, tzinfo=ONE_HOUR_AHEAD)],
            "[0]: is the time 0001-01-01T00:00:00+01:00, which UTC cannot hold; correct it or send null",
        ),
        ({"a": {1}}, "a: is a set, which has no order; send a sorted list instead"),
        ({"a": b"x"}, "a: is binary data; let the query return text, for example base64"),
        ({"a": (x for x in "ab")}, "a: is a list not yet made; end the expression with `| list`"),
        ({"a": time(1)}, "a: is of type time, which JSON does not have; use the `text` filter"),
        ({"a": {1: 2}}, "a: has the key 1, but keys must be text; put it in quotes"),
        ({"a": {None: 2}}, "a: has the key None, but keys must be text; put it in quotes"),
        ({"a": ["b", "x\ud800"]}, r"a[1]: holds '\ud800', which is not a character; correct the text"),
        ({"\udfff": 1}, r"holds '\udfff', which is not a character; correct the text"),
        (CONTAINS_ITSELF, "is nested too deeply, or contains itself"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_path_and_a_remedy(value: Any, message: str) -> None:
    with pytest.raises(NotJson) as refused:
        encode(value)

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b" 1 ", 1),
        (b"-0", 0),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        (b"1.50", Decimal("1.50")),
        (b"1E400", Decimal("1E+400")),
        (b"0.1000000000000000000000000001", Decimal("0.1000000000000000000000000001")),
        ('{"b":[true,null],"a":"\\u017c\\ud83d\\ude00"}', {"b": [True, None], "a": "ż😀"}),
    ],
)
def test_numbers_are_read_exactly(data: bytes | str, expected: Any) -> None:
    actual = decode(data)

    assert (actual, type(actual), str(actual)) == (expected, type(expected), str(expected))


NOT_JSON = [b"", b"{", b"01", b"1 2", b"NaN", b"'a'", b"<html>", b'"a\nb"', b"[" * 100_000, b"\xef\xbb\xbf1"]
NOT_NUMBERS = [b"1e99999999999999999999", b"1" * 5_000 + b",NaN"]
NOT_TEXT = [b"\xff", b'"\xff"', b'"\\ud800"', "\ud800"]


@pytest.mark.parametrize("data", [*NOT_JSON, *NOT_NUMBERS, *NOT_TEXT])
def test_what_is_not_json_is_refused(data: bytes | str) -> None:
    with pytest.raises(ValueError, match=r"^is not JSON: "):
        decode(data)


DEEP = b"[" * 200 + b"]" * 200


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"7" * 5_000, Decimal("7" * 5_000)),
        (b'{"a": [-%s, 1.50]}' % (b"7" * 5_000), {"a": [Decimal("-" + "7" * 5_000), Decimal("1.50")]}),
        (b'{"a": "%s"}' % (b"[{" * 500), {"a": "[{" * 500}),
        (b"[" + b"[],{}," * 1_000 + b"1]", [[], {}] * 1_000 + [1]),
    ],
)
def test_what_was_read_of_an_answer_can_be_written_again(data: bytes, value: Any) -> None:
    assert decode_answer(data) == value
    assert decode_answer(encode(value)) == value


def test_an_answer_may_be_nested_200_levels_deep() -> None:
    assert encode(decode_answer(DEEP)) == DEEP
    with pytest.raises(ValueError, match=r"^is nested more than 200 levels deep"):
        decode_answer(b'{"a": %s}' % DEEP)
    with pytest.raises(ValueError, match=r"^is not JSON"):
        decode_answer(b"[" * 100_000)


def test_a_path_is_written_as_people_read_it() -> None:
    paths = [(), ("address", "street"), ("lines", 0, "sku"), (1, 2, "a")]

    assert [path_text(path) for path in paths] == ["", "address.street", "lines[0].sku", "[1][2].a"]
