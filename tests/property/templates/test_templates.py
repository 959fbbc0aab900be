"""What holds for any data: nothing is lost on the way to JSON, and no row disturbs another."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.templates import Fields, TemplateFaults, compile_fields, compile_value, names_in
from engine.templates.filters import filter_table as filters
from engine.templates.offered import FILTERS
from engine.values.json_text import NotJson, decode, encode
from engine.values.records import Refusal
from world.effort import examples

TEXTS = st.text()  # any Unicode but surrogates
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | DECIMALS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
FOREIGN = st.floats() | st.binary() | st.datetimes() | st.sets(st.integers()) | st.characters(categories=["Cs"])
CELLS = JSON | FOREIGN

COLUMNS = ["sku", "quantity", "odd name"]
SPEC = {
    "sku": "{{ sku }}",
    "quantity": {"$value": "{{ quantity | number }}", "$on_null": "omit"},
    "nested": {
        "text": "<{{ sku }}>",
        "list": ["{{ row['odd name'] }}", {"$value": "{{ sku }}", "$on_null": "omit"}],
    },
    "statement": "{% for part in row['odd name'] %}{{ loop.index }}{{ part }}{% endfor %}",
}
FIELDS: Fields = compile_fields(SPEC, on_null="send", timezone=UTC)
LISTS: Fields = compile_fields(
    {"outer": {"$each": "groups", "inner": {"$each": "members", **SPEC}}}, on_null="send", timezone=UTC
)
ROWS = st.tuples(CELLS, CELLS, CELLS)
GOOD_ROWS = st.tuples(TEXTS, st.integers() | st.none(), TEXTS)


def rendered(rows: list[tuple[Any, ...]]) -> list[bytes | Refusal]:
    return list(FIELDS.render(iter(rows), COLUMNS, {}))


def shape(value: Any) -> Any:
    """Give a value with the types and digits of its parts, for exact comparison."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    return [shape(item) for item in value] if isinstance(value, list) else (type(value), str(value))


@given(JSON)
def test_what_is_encoded_is_decoded_exactly(value: Any) -> None:
    assert decode(encode(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False).filter(lambda number: not str(number).lstrip("-").isdigit()))
def test_a_decimal_keeps_every_digit(number: Decimal) -> None:
    assert shape(decode(encode({"a": [number]}))) == shape({"a": [number]})


@given(CELLS | st.lists(CELLS) | st.dictionaries(st.text() | st.integers(), CELLS))
def test_a_value_is_encoded_as_json_or_refused(value: Any) -> None:
    try:
        data = encode(value)
    except NotJson:
        return
    read = decode(data)
    assert decode(encode(read)) == read


@given(TEXTS)
def test_a_text_comes_out_as_it_went_in(text: str) -> None:
    spec = {
        "alone": "{{ x }}",
        "inside": "a{{ x }}b",
        "joined": "{{ 'a' ~ x ~ 'b' }}",
        "statement": "{% if true %}a{{ x }}b{% endif %}",
        "filtered": "{{ x | text }}",
    }
    fields = compile_fields(spec, on_null="send", timezone=UTC)

    (line,) = fields.render([(text,)], ["x"], {})

    around = f"a{text}b"
    assert isinstance(line, bytes)
    assert decode(line) == {
        "alone": text,
        "inside": around,
        "joined": around,
        "statement": around,
        "filtered": text,
    }


@given(st.lists(ROWS | GOOD_ROWS, max_size=12))
def test_a_batch_is_rendered_as_its_rows_one_by_one(rows: list[tuple[Any, ...]]) -> None:
    assert rendered(rows) == [result for row in rows for result in rendered([row])]


@given(st.lists(GOOD_ROWS, max_size=5), ROWS, st.lists(GOOD_ROWS, max_size=5))
def test_no_row_disturbs_its_neighbours(
    before: list[tuple[Any, ...]], odd: tuple[Any, ...], behind: list[tuple[Any, ...]]
) -> None:
    results = rendered([*before, odd, *behind])

    neighbours = results[: len(before)] + results[len(before) + 1 :]
    assert neighbours == rendered([*before, *behind])
    assert all(isinstance(result, bytes) for result in neighbours)


@given(st.lists(st.lists(ROWS | GOOD_ROWS, max_size=4), max_size=4) | st.lists(st.lists(GOOD_ROWS, max_size=4)))
def test_an_element_is_rendered_as_a_row_would_be(groups: list[list[tuple[Any, ...]]]) -> None:
    alone = [rendered(rows) for rows in groups]
    expected_refusals = [
        replace(result, field=f"outer[{outer}].inner[{inner}].{result.field}")
        for outer, results in enumerate(alone)
        for inner, result in enumerate(results)
        if isinstance(result, Refusal)
    ]

    members = [[dict(zip(COLUMNS, row, strict=True)) for row in rows] for rows in groups]
    (line,) = LISTS.render([([{"members": each} for each in members],)], ["groups"], {})

    if isinstance(line, Refusal):
        assert line in expected_refusals
    else:
        assert line.decode() == '{"outer":[%s]}' % ",".join(  # noqa: UP031
            '{"inner":[%s]}' % ",".join(result.decode() for result in results if isinstance(result, bytes))  # noqa: UP031
            for results in alone
        )
        assert not expected_refusals


@given(st.text(min_size=1).filter(lambda text: text.strip() not in {"", ".", ".."}))
def test_a_path_is_one_segment_that_reads_back(text: str) -> None:
    segment = filters.path(text)

    assert unquote(segment) == text
    assert set(segment) <= set(string.ascii_letters + string.digits + "-._~%")
    assert segment not in {"", ".", ".."}


@given(DECIMALS.filter(lambda number: abs(number.adjusted()) < 1000), st.integers(0, 12))
def test_numbers_are_never_changed_by_how_they_are_written(number: Decimal, places: int) -> None:
    exact = filters.number(number)
    plain = format(number, "f")

    assert exact == number
    assert shape([filters.number(str(number)), filters.number(plain)]) == shape([exact, exact])
    assert abs(Decimal(filters.decimal(number, places) or 0) - number) <= Decimal((0, (5,), -places - 1))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_goes_by_its_shortest_text(number: float) -> None:
    assert filters.number(number) == Decimal(repr(number))


WORDS = [
    "a",
    "b",
    "row",
    "parent",
    "parent.parent",
    "loop",
    "x.y",
    "'t'",
    "1",
    "1.5",
    "none",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ".",
    "~",
]
WORDS += [
    "|",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "<",
    "and",
    "not",
    "in",
    "is",
    "if",
    "else",
    "defined",
    "strip()",
    "_",
    "=",
]
WORDS += ["{{", "}}", "{%", "%}", "for", "endfor", "endif", "set", "endset", "macro", "include", *FILTERS]
TEMPLATES = st.lists(st.sampled_from(WORDS), max_size=8).map(lambda words: "{{ " + " ".join(words) + " }}")
STATEMENTS = st.lists(st.sampled_from(WORDS), max_size=8).map(lambda words: "{% " + " ".join(words) + " %}{% endif %}")


@pytest.mark.parametrize("lenient", [True, False])
@settings(max_examples=examples(200))
@given(template=TEMPLATES | STATEMENTS)
def test_any_text_compiles_or_is_a_fault(lenient: bool, template: str) -> None:
    try:
        compiled = compile_value(["before", template], timezone=UTC, lenient=lenient)
    except TemplateFaults as found:
        assert {fault.path for fault in found.faults} == {(1,)}
    else:
        assert compiled.bare <= compiled.names == names_in(template)


@settings(max_examples=examples(200))
@given(template=TEMPLATES | STATEMENTS)
def test_any_text_compiles_in_an_element_as_it_does_in_a_row(template: str) -> None:
    def compiles(spec: Any) -> bool:
        try:
            compile_fields({"a": spec}, on_null="send", timezone=UTC)
        except TemplateFaults:
            return False
        return True

    assert compiles({"$each": "l", "b": {"$each": "m", "$value": template}}) == compiles(template)
