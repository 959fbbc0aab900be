"""What holds for the canonical form of any value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from itertools import chain
from typing import Any

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from engine.state.sql_names import json_array
from engine.values.arrow import column
from engine.values.canonical import Kind, canonical, kind_of, merge, restorer
from engine.values.records import key_text, text_key

DUCKDB = duckdb.connect()

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31), timezones=ZONES)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.decimals(allow_nan=False)
VALUES = (
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text()  # without lone surrogates
    | st.binary()
    | st.dates()
    | st.datetimes()
    | MOMENTS
    | st.times()
)
KINDS = st.sampled_from(Kind)


def exact(value: Any) -> Any:
    """Make numbers comparable across types, infinities aside."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    return Fraction(repr(value) if isinstance(value, float) else value) if Decimal(value).is_finite() else str(value)


@given(VALUES)
def test_a_value_survives_its_text(value: Any) -> None:
    text = canonical(value)
    restore = restorer(kind_of(value))

    assert exact(restore(text) if restore and text is not None else text) == exact(value)


@given(NUMBERS, NUMBERS)
def test_numbers_have_the_same_text_exactly_when_they_are_equal(a: Any, b: Any) -> None:
    assert (canonical(a) == canonical(b)) == (exact(a) == exact(b))


@given(st.integers(-(2**53), 2**53))
def test_the_type_of_a_number_does_not_matter(value: int) -> None:
    assert {canonical(value), canonical(float(value)), canonical(Decimal(value).scaleb(3).scaleb(-3))} == {str(value)}


@given(MOMENTS, ZONES)
def test_a_moment_has_one_text_in_every_zone(moment: datetime, zone: timezone) -> None:
    assert canonical(moment) == canonical(moment.astimezone(zone)) == canonical(moment.astimezone(UTC))


@given(st.lists(VALUES, max_size=30))
def test_a_column_is_its_values_one_by_one(values: list[Any]) -> None:
    data, kind, faults, *_ = column(values)

    kinds = reduce(merge, map(kind_of, values), Kind.NULL)
    assert (data.to_pylist(), kind, faults) == (list(map(canonical, values)), kinds, ())


@given(st.lists(st.lists(VALUES, max_size=6), max_size=6))
def test_batches_have_together_the_kind_of_the_whole(batches: list[list[Any]]) -> None:
    joined = reduce(merge, (column(batch).kind for batch in batches), Kind.NULL)

    assert joined is column(list(chain.from_iterable(batches))).kind


@given(KINDS, KINDS, KINDS)
def test_kinds_may_be_merged_in_any_order(a: Kind, b: Kind, c: Kind) -> None:
    assert merge(a, merge(b, c)) is merge(merge(a, b), c) is merge(merge(c, a), b)


@given(st.lists(st.none() | st.text(st.characters())))
def test_any_text_of_python_keeps_its_row(texts: list[str | None]) -> None:
    data, _, faults, *_ = column(texts)

    held = [text is None or text.encode("utf-8", "ignore").decode() == text for text in texts]
    assert [index for index, _ in faults] == [index for index, fine in enumerate(held) if not fine]
    assert len(data) == len(texts)
    assert all(data[index].as_py() == text for index, text in enumerate(texts) if held[index])


@given(
    st.lists(
        st.none() | st.text(st.characters(codec="utf-8")) | st.text('\0\x01\x08\t\n\x0b\f\r\x1f"\\/\x7f'), max_size=5
    )
)
def test_a_key_has_the_same_text_here_and_in_duckdb(parts: list[str | None]) -> None:
    made = DUCKDB.execute(f"select {json_array(['?'] * len(parts))}", parts).fetchall()

    assert made == [(key_text(tuple(parts)),)]
    assert text_key(key_text(tuple(parts))) == tuple(parts)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**30))
def test_numbers_of_any_size_have_one_text(exponent: int, digits: int) -> None:
    texts = {canonical(Decimal(f"{digits}E{exponent}")), canonical(Decimal(f"{digits}0E{exponent - 1}"))}

    assert len(texts) == 1
    assert len(texts.pop() or "") < 200_100
