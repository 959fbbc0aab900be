"""The filters of the template language, by tables of inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from engine.templates.filters import filter_table as filters
from engine.templates.filters.dictionaries import Dictionaries
from engine.templates.filters.numbers import calculate

WARSAW = ZoneInfo("Europe/Warsaw")


def same(actual: Any, expected: Any) -> bool:
    """Compare value, type and digits: 5 is not 5.0, and 3.10 is not 3.1."""
    return (actual, type(actual), str(actual)) == (expected, type(expected), str(expected))


def refusal(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(ValueError) as refused:
        function(*args)
    return str(refused.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (5, 5),
        (-7, -7),
        (0.1, Decimal("0.1")),
        (5.0, 5),
        (-0.0, 0),
        (1e300, 10**300),
        (Decimal("5.000"), 5),
        (Decimal("5.10"), Decimal("5.1")),
        (Decimal("1E+3"), 1000),
        (Decimal("0E-5000"), 0),
        (Decimal("0.12345678901234567890123456789012345"), Decimal("0.12345678901234567890123456789012345")),
        ("12", 12),
        (" 12.50 ", Decimal("12.5")),
        ("12,50", Decimal("12.5")),
        ("-12,5", Decimal("-12.5")),
        ("+5", 5),
        (".5", Decimal("0.5")),
        (",5", Decimal("0.5")),
        ("5.", 5),
        ("1E+3", 1000),
        ("1e-3", Decimal("0.001")),
        ("1.234", Decimal("1.234")),
        ("0,125", Decimal("0.125")),
        ("1234,567", Decimal("1234.567")),
        ("1 234 567", 1234567),
        ("1\u00a0234,5", Decimal("1234.5")),
        ("-1\u202f234.5", Decimal("-1234.5")),
        ("1.234,50", Decimal("1234.5")),
        ("1,234.50", Decimal("1234.5")),
        ("1.234.567", 1234567),
        ("1,234,567", 1234567),
        ("1.234.567,8", Decimal("1234567.8")),
    ],
)
def test_a_number_is_exact_and_in_its_shortest_form(value: Any, expected: Any) -> None:
    assert same(filters.number(value), expected)


NOT_NUMBERS = ["12 kg", "5-", "- 5", "--1", "NaN", "Infinity", "0x10", "١٢", "1_000", "1e", "1e99999", ".", ",", "+"]
BADLY_GROUPED = ["12 34", "1 2345", "1.2.3", "1,2,3", "1,23.4", "1 234.567,8", "1.234 567"]


@pytest.mark.parametrize("value", [*NOT_NUMBERS, *BADLY_GROUPED])
def test_a_text_that_is_no_number_is_refused(value: str) -> None:
    assert "is not a number" in refusal(filters.number, value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "'' is empty; put `| blank_to_null` before the filter"),
        ("\u00a0 ", r"'\xa0 ' is empty; put `| blank_to_null` before the filter"),
        (True, "true is not a number; a flag is read by `flag`, the size of a list by `length`"),
        ([1], "[1] is not a number; a flag is read by `flag`, the size of a list by `length`"),
        (float("nan"), "nan is not a number that can be sent; let the query return null instead"),
        (Decimal("-Infinity"), "-Infinity is not a number that can be sent; let the query return null instead"),
        (Decimal("1E+1001"), "1E+1001 is not a number that can be sent; let the query return null instead"),
        (
            "1,234",
            "'1,234' may be a whole number or one with three decimals;"
            " let the query return a number, or say which: replace(',', '.') or replace(',', '')",
        ),
    ],
)
def test_the_refusal_of_a_number_says_what_to_do(value: Any, reason: str) -> None:
    assert refusal(filters.number, value) == reason


def test_a_refusal_shows_at_most_200_characters_of_data() -> None:
    assert refusal(filters.number, "x" * 10_000).count("x") <= 200


@pytest.mark.parametrize(
    ("value", "places", "expected"),
    [
        (None, 2, None),
        (2.005, 2, Decimal("2.01")),
        (1.005, 2, Decimal("1.01")),
        (Decimal("2.5"), 0, Decimal("3")),
        (Decimal("-2.5"), 0, Decimal("-3")),
        (Decimal("-0.004"), 2, Decimal("0.00")),
        ("3,1", 2, Decimal("3.10")),
        (7, 3, Decimal("7.000")),
        (10**40, 2, Decimal("1" + "0" * 40 + ".00")),
    ],
)
def test_decimal_rounds_half_away_from_zero_and_keeps_the_places(value: Any, places: int, expected: Any) -> None:
    assert same(filters.decimal(value, places), expected)


@pytest.mark.parametrize("places", [-1, 31, True, "2", 1.0, None])
def test_decimal_refuses_odd_numbers_of_places(places: Any) -> None:
    assert refusal(filters.decimal, 1, places).startswith("decimal() needs a number of places from 0 to 30")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("T", "t", "Y", "TAK", "tak", " Tak ", "TRUE", "true", "1", 1, 1.0, Decimal("1.0"), True), True),
        (("F", "f", "N", "NIE", "nie", "FALSE", "0", 0, 0.0, Decimal(0), False), False),
        ((None, "", "  ", "\u00a0"), None),
    ],
)
def test_a_flag_is_read_in_every_spelling(values: tuple[Any, ...], expected: bool | None) -> None:
    assert [filters.flag(value) for value in values] == [expected] * len(values)


@pytest.mark.parametrize("value", ["x", "YES", "2", 2, -1, Decimal("0.5"), "prawda"])
def test_other_flags_are_refused(value: Any) -> None:
    assert "is not a flag; known are T/F, Y/N, TAK/NIE, TRUE/FALSE and 1/0" in refusal(filters.flag, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", ""),
        (" a ", " a "),
        (7, "7"),
        (True, "true"),
        (False, "false"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        (1e-7, "0.0000001"),
        (0.1, "0.1"),
        (date(2024, 3, 1), "2024-03-01"),
        (datetime(2024, 3, 1, 10, 30), "2024-03-01T10:30:00"),
        (time(10, 30), "10:30:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_text_is_plain(value: Any, expected: str | None) -> None:
    assert same(filters.text(value), expected)


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"x", {1}, Decimal("NaN"), float("inf"), Decimal("1E+999999")])
def test_what_has_no_text_is_refused(value: Any) -> None:
    assert refusal(filters.text, value)


@pytest.mark.parametrize(
    ("value", "day", "moment"),
    [
        (None, None, None),
        (date(2024, 3, 1), "2024-03-01", "2024-02-29T23:00:00Z"),
        (datetime(2024, 3, 1, 10, 30), "2024-03-01", "2024-03-01T09:30:00Z"),
        (datetime(2024, 7, 1, 0, 30, 0, 120000), "2024-07-01", "2024-06-30T22:30:00.120000Z"),
        (datetime(2024, 2, 29, 23, 30, tzinfo=UTC), "2024-03-01", "2024-02-29T23:30:00Z"),
        ("2024-03-01", "2024-03-01", "2024-02-29T23:00:00Z"),
        (" 2024-03-01 10:30 ", "2024-03-01", "2024-03-01T09:30:00Z"),
        ("2024-03-01T10:30:00+02:00", "2024-03-01", "2024-03-01T08:30:00Z"),
        ("2024-02-29T23:30:00Z", "2024-03-01", "2024-02-29T23:30:00Z"),
        # The hour that the clock shows twice is the first one, the one that it skips counts on.
        (datetime(2024, 10, 27, 2, 30), "2024-10-27", "2024-10-27T00:30:00Z"),
        (datetime(2024, 10, 27, 2, 30, fold=1), "2024-10-27", "2024-10-27T01:30:00Z"),
        (datetime(2024, 3, 31, 2, 30), "2024-03-31", "2024-03-31T01:30:00Z"),
    ],
)
def test_a_day_and_a_moment_are_of_the_projects_time_zone(value: Any, day: str | None, moment: str | None) -> None:
    assert (filters.date(value, WARSAW), filters.instant(value, WARSAW)) == (day, moment)


@pytest.mark.parametrize("value", ["", "1.03.2024", "2024-13-01", 20240301, True, b"2024-03-01"])
def test_what_is_no_time_is_refused(value: Any) -> None:
    assert "is not a date or time" in refusal(filters.date, value)
    assert "is not a date or time" in refusal(filters.instant, value)


def test_a_moment_beyond_the_calendar_is_refused() -> None:
    assert "too near the end of the calendar" in refusal(filters.instant, datetime(1, 1, 1), WARSAW)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("W1", "W1"),
        (7, "7"),
        ("A/1", "A%2F1"),
        ("50%", "50%25"),
        ("%2F", "%252F"),
        ("a b", "a%20b"),
        ("a?b#c&d=e;f+g\\", "a%3Fb%23c%26d%3De%3Bf%2Bg%5C"),
        ("...", "..."),
        ("zażółć", "za%C5%BC%C3%B3%C5%82%C4%87"),
    ],
)
def test_path_gives_one_segment(value: Any, expected: str) -> None:
    assert filters.path(value) == expected


@pytest.mark.parametrize("value", [None, "", " ", "\u00a0", ".", "..", "\ud800", [1]])
def test_path_refuses_what_would_change_the_path(value: Any) -> None:
    assert refusal(filters.path, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/a/B 1", "/a/B%201"),
        ("a", "a"),
        (7, "7"),
        ("a%2Fb/50%", "a%2Fb/50%25"),
        ("7?force=1#x", "7%3Fforce%3D1%23x"),
        ("a.b/..c", "a.b/..c"),
        ("/ł", "/%C5%82"),
    ],
)
def test_whole_path_keeps_slashes_and_percent_codes_alone(value: Any, expected: str) -> None:
    assert filters.whole_path(value) == expected


@pytest.mark.parametrize(
    "value", [None, "", " ", "/", "//a", "a//b", "a/", "a/../b", "..", "./a", "a/%2e%2E/b", "\ud800"]
)
def test_whole_path_refuses_what_leads_elsewhere(value: Any) -> None:
    assert refusal(filters.whole_path, value)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), ("", None), (" \u00a0\t", None), (" a ", "a"), (0, 0), (False, False)]
)
def test_blanks_become_null(value: Any, expected: Any) -> None:
    assert same(filters.blank_to_null(value), expected)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("default", (None, "-"), "-"),
        ("default", ("", "-"), ""),
        ("default", ("", "-", True), "-"),
        ("default", (0, 5), 0),
        ("trim", (" a ",), "a"),
        ("trim", (Decimal("1.50"),), "1.50"),
        ("upper", ("zażółć",), "ZAŻÓŁĆ"),
        ("lower", ("ZAŻÓŁĆ",), "zażółć"),
        ("replace", ("1-2-3", "-", "/"), "1/2/3"),
        ("join", (["a", None, 2, Decimal("1E+1")], "-"), "a-2-10"),
        ("length", (None,), 0),
        ("length", ([1, 2],), 2),
        ("abs", (Decimal("-1.50"),), Decimal("1.5")),
        ("abs", (3,), 3),
        ("sum", ([0.1, 0.2, 1],), Decimal("1.3")),
        ("sum", ([],), 0),
    ],
)
def test_the_small_filters_are_exact(name: str, args: tuple[Any, ...], expected: Any) -> None:
    assert same(filters.FILTERS[name](*args), expected)


DICTIONARIES = Dictionaries({"codes": {"A": 1, "5": "five", "0.5": "half", "true": "yes", "2024-03-01": "day"}})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("A", 1),
        (5, "five"),
        ("5", "five"),
        (Decimal("5.00"), "five"),
        (5.0, "five"),
        (Decimal("0.50"), "half"),
        (True, "yes"),
        (date(2024, 3, 1), "day"),
        (None, None),
    ],
)
def test_a_dictionary_compares_canonical_texts(value: Any, expected: Any) -> None:
    assert filters.FILTERS["mapped"](value, "codes", DICTIONARIES) == expected


@pytest.mark.parametrize(
    ("value", "name", "reason"),
    [
        ("X9", "codes", "'X9' is not listed in maps.codes of project.yaml"),
        ("a", "codes", "'a' is not listed in maps.codes of project.yaml"),
        ("5.00", "codes", "'5.00' is not listed in maps.codes of project.yaml"),
        (6, "codes", "6 is not listed in maps.codes of project.yaml"),
        ("", "codes", "'' is not listed in maps.codes of project.yaml"),
        ("A", "coeds", "'coeds' is not among the `maps` of project.yaml; add it there"),
    ],
)
def test_a_code_that_is_not_listed_is_refused_by_name(value: Any, name: str, reason: str) -> None:
    assert refusal(filters.FILTERS["mapped"], value, name, DICTIONARIES) == reason


@pytest.mark.parametrize("name", sorted(filters.FILTERS.keys() - {"path", "whole_path", "default", "length"}))
def test_every_filter_passes_null_through(name: str) -> None:
    further = {"decimal": (2,), "replace": ("a", "b"), "mapped": ("codes", Dictionaries({}))}.get(name, ())

    assert filters.FILTERS[name](None, *further) is None


@pytest.mark.parametrize("name", sorted(filters.FILTERS))
def test_every_filter_is_documented_with_an_example(name: str) -> None:
    assert "->" in (filters.FILTERS[name].__doc__ or "")


@pytest.mark.parametrize(
    ("left", "operator", "right", "expected"),
    [
        (0.1, "+", 0.2, Decimal("0.3")),
        (Decimal("0.1"), "-", 0.1, 0),
        (Decimal("1.10"), "*", 3, Decimal("3.3")),
        (10**30, "*", Decimal("0.1"), 10**29),
        (
            Decimal("1.0000000000000000000000000000000000001"),
            "+",
            1,
            Decimal("2.0000000000000000000000000000000000001"),
        ),
        (6, "/", 2, 3),
        (1, "/", 3, Decimal("0.3333333333333333333333333333")),
        (-7, "//", 2, -4),
        (-7, "%", 2, 1),
        (Decimal("7.5"), "//", -2, -4),
        (Decimal("7.5"), "%", -2, Decimal("-0.5")),
        ("a", "+", "b", "ab"),
        ([1], "+", [2], [1, 2]),
    ],
)
def test_arithmetic_is_exact(left: Any, operator: str, right: Any, expected: Any) -> None:
    assert same(calculate(operator, left, right), expected)


@pytest.mark.parametrize(
    ("left", "operator", "right", "reason"),
    [
        ("a", "*", 3, "the text 'a' cannot be calculated with; put `| number` behind it"),
        ([1], "*", 3, "[1] is not a number; a flag is read by `flag`, the size of a list by `length`"),
        ("%s", "%", 3, "the text '%s' cannot be calculated with; put `| number` behind it"),
        (1, "+", None, "null cannot be calculated with; put `| default(0)` behind it if that is meant"),
        (1, "/", 0, "division of 1 by zero"),
        (1, "%", Decimal("0.0"), "division of 1 by zero"),
    ],
)
def test_arithmetic_with_anything_but_numbers_is_refused(left: Any, operator: str, right: Any, reason: str) -> None:
    assert refusal(calculate, operator, left, right) == reason
