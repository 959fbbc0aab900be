"""The canonical form: tables of values and their texts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from engine.values.arrow import column
from engine.values.canonical import Kind, Unheld, canonical, kind_of, merge, restorer

WARSAW = timezone(timedelta(hours=1))
END = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))  # in UTC it would be in the year 10000

VALUES = [
    (None, None, Kind.NULL),
    (True, "true", Kind.BOOLEAN),
    (False, "false", Kind.BOOLEAN),
    (0, "0", Kind.NUMBER),
    (-7, "-7", Kind.NUMBER),
    (10**30, "1" + "0" * 30, Kind.NUMBER),
    (0.1, "0.1", Kind.NUMBER),
    (5.0, "5", Kind.NUMBER),
    (-0.0, "0", Kind.NUMBER),
    (1e22, "1" + "0" * 22, Kind.NUMBER),
    (1e-7, "0.0000001", Kind.NUMBER),
    (float("nan"), "NaN", Kind.NUMBER),
    (float("inf"), "Infinity", Kind.NUMBER),
    (float("-inf"), "-Infinity", Kind.NUMBER),
    (Decimal("5.000"), "5", Kind.NUMBER),
    (Decimal("500"), "500", Kind.NUMBER),
    (Decimal("1E+3"), "1000", Kind.NUMBER),
    (Decimal("1.20E-8"), "0.000000012", Kind.NUMBER),
    (Decimal("-0.00"), "0", Kind.NUMBER),
    (Decimal("0E-10"), "0", Kind.NUMBER),
    (Decimal("1234567890123456789012345678.9012345678"), "1234567890123456789012345678.9012345678", Kind.NUMBER),
    (Decimal("1E+999999999"), "1E+999999999", Kind.NUMBER),
    (Decimal("-1.50E-999999999"), "-1.5E-999999999", Kind.NUMBER),
    (Decimal("0E+999999999"), "0", Kind.NUMBER),
    (Decimal("sNaN"), "NaN", Kind.NUMBER),
    (Decimal("-Infinity"), "-Infinity", Kind.NUMBER),
    ("", "", Kind.TEXT),
    ("  Zażółć 🦊\0 ", "  Zażółć 🦊\0 ", Kind.TEXT),
    (date(33, 4, 3), "0033-04-03", Kind.DATE),
    (datetime(2026, 11, 21, 10), "2026-11-21T10:00:00", Kind.DATETIME),
    (datetime(1899, 12, 31, 23, 59, 59, 500), "1899-12-31T23:59:59.0005", Kind.DATETIME),
    (datetime(2026, 11, 21, 10, tzinfo=UTC), "2026-11-21T10:00:00Z", Kind.INSTANT),
    (datetime(2026, 11, 21, 10, 0, 0, 120000, tzinfo=WARSAW), "2026-11-21T09:00:00.12Z", Kind.INSTANT),
    (END, "9999-12-31T23:59:59.999999-01:00", Kind.INSTANT),
    (time(7, 5), "07:05:00", Kind.TIME),
    (time(7, 5, 0, 250000), "07:05:00.25", Kind.TIME),
    (time(7, 5, 0, 250000, tzinfo=WARSAW), "07:05:00.25+01:00", Kind.TIME),
    (timedelta(hours=8, minutes=5), "08:05:00", Kind.TEXT),
    (timedelta(hours=-100, microseconds=500000), "-99:59:59.5", Kind.TEXT),
    (b"\x00\xff", "AP8=", Kind.BYTES),
    (memoryview(b"\x00\xff"), "AP8=", Kind.BYTES),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001", Kind.TEXT),
    ([1, "ż", None, Decimal("1.50")], '[1,"ż",null,"1.5"]', Kind.TEXT),
    ({"b": 1, "a": [True]}, '{"b":1,"a":[true]}', Kind.TEXT),
]


@pytest.mark.parametrize(("value", "text", "kind"), VALUES)
def test_a_value_has_one_text_and_one_kind(value: Any, text: str | None, kind: Kind) -> None:
    assert (canonical(value), kind_of(value)) == (text, kind)


@pytest.mark.parametrize(("value", "text", "kind"), VALUES)
def test_a_column_writes_as_single_values_do(value: Any, text: str | None, kind: Kind) -> None:
    data, whole, faults, _ = column([None, value, value])

    assert (data.to_pylist(), whole, faults) == ([None, text, text], kind, ())


MIXED = [
    ([], [], Kind.NULL),
    ([None, None], [None, None], Kind.NULL),
    ([1, 2.5, Decimal("2.50"), None], ["1", "2.5", "2.5", None], Kind.NUMBER),
    ([1, True], ["1", "true"], Kind.TEXT),
    ([1, "1"], ["1", "1"], Kind.TEXT),
    ([1, 2**63], ["1", "9223372036854775808"], Kind.NUMBER),
    ([b"a", "a"], ["YQ==", "a"], Kind.TEXT),
    ([date(2026, 1, 1), datetime(2026, 1, 1)], ["2026-01-01", "2026-01-01T00:00:00"], Kind.TEXT),
    ([datetime(2026, 1, 1), END], ["2026-01-01T00:00:00", "9999-12-31T23:59:59.999999-01:00"], Kind.TEXT),
    ([datetime(2026, 1, 1, tzinfo=UTC), None], ["2026-01-01T00:00:00Z", None], Kind.INSTANT),
]


@pytest.mark.parametrize(("values", "texts", "kind"), MIXED)
def test_a_column_of_several_types_has_the_merged_kind(values: list[Any], texts: list[str], kind: Kind) -> None:
    data, whole, faults, _ = column(values)

    assert (data.to_pylist(), whole, faults) == (texts, kind, ())


@pytest.mark.parametrize(
    ("values", "texts", "kind"),
    [
        (["a", None, "b\udc9cc\ud800"], ["a", None, "b\ufffdc\ufffd"], Kind.TEXT),
        ([1, None, "b\udc9cc\ud800"], ["1", None, "b\ufffdc\ufffd"], Kind.NUMBER),  # it says nothing of the kind
    ],
)
def test_a_text_that_utf8_cannot_hold_is_named_and_the_others_stand(
    values: list[Any], texts: list[str], kind: Kind
) -> None:
    data, whole, faults, _ = column(values)

    reason = r"text that UTF-8 cannot hold: 'b\udc9cc\ud800'"
    assert (data.to_pylist(), whole, faults) == (texts, kind, ((2, reason),))


@pytest.mark.parametrize(
    ("a", "b", "joined"),
    [
        (Kind.NULL, Kind.NULL, Kind.NULL),
        (Kind.NULL, Kind.DATE, Kind.DATE),
        (Kind.DATE, Kind.NULL, Kind.DATE),
        (Kind.DATE, Kind.DATE, Kind.DATE),
        (Kind.DATE, Kind.DATETIME, Kind.TEXT),
        (Kind.NUMBER, Kind.BOOLEAN, Kind.TEXT),
        (Kind.TEXT, Kind.NUMBER, Kind.TEXT),
    ],
)
def test_null_is_neutral_and_different_kinds_are_text(a: Kind, b: Kind, joined: Kind) -> None:
    assert merge(a, b) is joined


RESTORED = [
    (Kind.NUMBER, "-1.5E-999999999", Decimal("-1.5E-999999999")),
    (Kind.BOOLEAN, "true", True),
    (Kind.BOOLEAN, "false", False),
    (Kind.NUMBER, "5", 5),
    (Kind.NUMBER, "-5.25", Decimal("-5.25")),
    (Kind.NUMBER, "-Infinity", Decimal("-Infinity")),
    (Kind.NUMBER, "9" * 5000, Decimal("9" * 5000)),
    (Kind.DATE, "0033-04-03", date(33, 4, 3)),
    (Kind.DATETIME, "2026-11-21T10:00:00.5", datetime(2026, 11, 21, 10, 0, 0, 500000)),
    (Kind.INSTANT, "2026-11-21T09:00:00.12Z", datetime(2026, 11, 21, 9, 0, 0, 120000, tzinfo=UTC)),
    (Kind.TIME, "07:05:00.25", time(7, 5, 0, 250000)),
    (Kind.BYTES, "AP8=", b"\x00\xff"),
]


@pytest.mark.parametrize(("kind", "text", "value"), RESTORED)
def test_a_text_is_restored_to_a_value_of_its_kind(kind: Kind, text: str, value: Any) -> None:
    restore = restorer(kind)

    assert restore is not None
    restored = restore(text)
    assert (restored, type(restored)) == (value, type(value))


def test_a_value_that_cannot_be_held_costs_its_row_and_says_nothing_of_the_kind() -> None:
    data, kind, faults, _ = column([date(2026, 1, 1), None, Unheld("infinity", "which is no day")])

    assert (data.to_pylist(), kind) == (["2026-01-01", None, "infinity"], Kind.DATE)
    assert faults == ((2, "infinity, which is no day"),)


def test_a_text_and_a_null_need_no_restoring() -> None:
    assert (restorer(Kind.TEXT), restorer(Kind.NULL)) == (None, None)


def test_an_integer_may_have_more_digits_than_python_likes_to_write() -> None:
    text = canonical(10**5000)

    assert text == "1" + "0" * 5000
    assert restorer(Kind.NUMBER)(text) == 10**5000
