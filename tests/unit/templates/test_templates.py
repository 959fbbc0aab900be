"""The template language: what a template gives, what is refused when, and what a failing row leaves alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.templates import (
    NULLS,
    Fields,
    RenderFault,
    TemplateFault,
    TemplateFaults,
    compile_fields,
    compile_value,
    names_in,
)
from engine.templates.filters import filter_table as filters
from engine.templates.nulls import OnNull
from engine.templates.offered import FILTERS
from engine.values.json_text import encode, raw
from engine.values.records import Refusal, Stage

WARSAW = ZoneInfo("Europe/Warsaw")


def value(spec: Any, /, *, lenient: bool = False, **context: Any) -> Any:
    return compile_value(spec, timezone=WARSAW, lenient=lenient).render(context)


def fault(spec: Any, /, **context: Any) -> str:
    with pytest.raises(RenderFault) as raised:
        value(spec, **context)
    return raised.value.reason


def faults(spec: Any) -> tuple[TemplateFault, ...]:
    with pytest.raises(TemplateFaults) as raised:
        compile_value(spec, timezone=WARSAW)
    return raised.value.faults


def fields(spec: Mapping[str, Any], on_null: OnNull = "send") -> Fields:
    return compile_fields(spec, on_null=on_null, timezone=WARSAW)


def lines(
    spec: Mapping[str, Any],
    columns: Sequence[str],
    *rows: Sequence[Any],
    on_null: OnNull = "send",
    **shared: Any,
) -> list[str | Refusal]:
    results = fields(spec, on_null).render(rows, columns, shared)
    return [result if isinstance(result, Refusal) else result.decode() for result in results]


def refusal(field: str | None, expression: str | None, reason: str) -> Refusal:
    return Refusal(stage=Stage.RENDER, reason=reason, field=field, expression=expression)


# --- values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "text",
        "a } b",
        "{# not a template #}",
        "no",
        5,
        1.5,
        True,
        None,
        [],
        {},
        [1, {"a": [None]}],
        Decimal("1.50"),
    ],
)
def test_without_a_template_a_value_is_a_constant(spec: Any) -> None:
    assert value(spec) == spec


@pytest.mark.parametrize(
    "given",
    [None, True, 5, Decimal("1.50"), 0.1, "", " text ", "1", "[1]", "{{ x }}", date(2024, 3, 1), [1, None], {"a": 1}],
)
@pytest.mark.parametrize("template", ["{{ x }}", "{{x}}", "{{- x -}}", "{{ x }}{# a remark #}", "{{ x }}\n"])
def test_one_expression_keeps_its_type(template: str, given: Any) -> None:
    actual = value(template, x=given)

    assert actual is given or (actual, type(actual)) == (given, type(given))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "<>"),
        (True, "<true>"),
        (7, "<7>"),
        (Decimal("1.50"), "<1.50>"),
        (Decimal("1E+3"), "<1000>"),
        (1e-7, "<0.0000001>"),
        ("a\r\nb", "<a\r\nb>"),
        (date(2024, 3, 1), "<2024-03-01>"),
        (datetime(2024, 3, 1, 10, 30), "<2024-03-01T10:30:00>"),
        (NULLS, "<>"),
    ],
)
@pytest.mark.parametrize(
    "template",
    ["<{{ x }}>", "{{ '<' ~ x ~ '>' }}", "{% if true %}<{{ x }}>{% endif %}", "{% set y = x %}<{{ y }}>"],
)
def test_inside_of_text_a_value_is_written_plainly(template: str, given: Any, expected: str) -> None:
    assert value(template, x=given) == expected


@pytest.mark.parametrize(
    ("template", "context", "expected"),
    [
        ("{{ a + 0.2 }}", {"a": 0.1}, Decimal("0.3")),
        ("{{ 1.10 * 3 }}", {}, Decimal("3.3")),
        ("{{ 'a' ~ none ~ 1.50 ~ true }}", {}, "a1.5true"),
        ("{{ x ~ ('a' ~ none) }}", {"x": 1}, "1a"),
        ("{{ range ~ dict }}", {"range": 1, "dict": 2}, "12"),
        ("{{ a / 4 }}", {"a": 1}, Decimal("0.25")),
        ("{{ -a }}", {"a": Decimal("1.5")}, Decimal("-1.5")),
        ("{{ a[-1] }}", {"a": [1, 2]}, 2),
        ("{{ a[1:3] }}", {"a": "abcd"}, "bc"),
        ("{{ a if b }}", {"a": 1, "b": False}, None),
        ("{{ a if b else c }}", {"a": 1, "b": False, "c": 2}, 2),
        ("{{ a or b }}", {"a": None, "b": 2}, 2),
        ("{{ a == 1.5 }}", {"a": Decimal("1.50")}, True),
        ("{{ 'b' in a }}", {"a": ["b"]}, True),
        ("{{ {'a': [x, 1.5]} }}", {"x": None}, {"a": [None, Decimal("1.5")]}),
        ("{{ a.items }}", {"a": {"items": [1]}}, [1]),
        ("{{ a.items() }}", {"a": {"items": [1]}}, [("items", [1])]),
        ("{{ a.get('x', 5) }}", {"a": {}}, 5),
        ("{{ a.b['c'][0].d }}", {"a": MappingProxyType({"b": {"c": [{"d": 1}]}})}, 1),
        ("{{ a.strip().upper() }}", {"a": " x "}, "X"),
        ("{{ d.year }}", {"d": date(2024, 3, 1)}, 2024),
        ("{{ a | map(attribute='sku') | list }}", {"a": [{"sku": 1}, {"sku": 2}]}, [1, 2]),
        ("{{ a | map(attribute='sku') }}", {"a": [{"sku": 1}]}, [1]),
        ("{{ a | map('decimal', 1) | list }}", {"a": [1]}, [Decimal("1.0")]),
        ("{{ a | selectattr('b') | map(attribute='b') | join(',') }}", {"a": [{"b": 1}, {"b": None}]}, "1"),
        ("{{ a | sort(attribute='b') | first }}", {"a": [{"b": 2}, {"b": 1}]}, {"b": 1}),
        ("{{ a | reverse }}", {"a": [1, 2]}, [2, 1]),
        ("{{ a | instant }}", {"a": datetime(2024, 3, 1, 10)}, "2024-03-01T09:00:00Z"),
        ("{{ a | date }}", {"a": datetime(2024, 2, 29, 23, 30, tzinfo=UTC)}, "2024-03-01"),
        ("{{ a | map('date') | list }}", {"a": ["2024-03-01"]}, ["2024-03-01"]),
        ("{{ a | default('-') }}", {"a": None}, "-"),
        ("{{ a.b.c | default('-') }}", {"a": {}}, "-"),
        ("{{ nowhere is defined }}", {}, False),
        ("{{ a is defined }}", {"a": None}, False),
        ("{% for x in a %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}", {"a": "bc"}, "1b,2c"),
        ("{% for k, v in a.items() %}{{ k }}={{ v }};{% endfor %}", {"a": {"b": 1, "c": None}}, "b=1;c=;"),
        ("{% raw %}{{ x }}{% endraw %}", {}, "{{ x }}"),
    ],
)
def test_an_expression_gives_its_value(template: str, context: dict[str, Any], expected: Any) -> None:
    actual = value(template, **context)

    assert (actual, type(actual)) == (expected, type(expected))


def test_a_null_reference_is_null_with_all_its_attributes() -> None:
    spec = {
        "whole": "{{ ref }}",
        "attribute": "{{ ref.id }}",
        "item": "{{ ref['id'] }}",
        "none": "{{ ref is none }}",
        "equal": "{{ ref == none }}",
        "or": "{{ ref.id or 5 }}",
        "default": "{{ ref | default(6) }}",
    }

    expected = {"whole": None, "attribute": None, "item": None, "none": True, "equal": True, "or": 5, "default": 6}
    assert value(spec, ref=NULLS) == expected


def test_encoded_json_goes_through_a_bare_name_untouched() -> None:
    compiled = compile_value({"stocks": "{{ lines }}"}, timezone=UTC)

    body = encode(compiled.render({"lines": [raw('{"price": 1.50}'), raw("{}")]}))

    assert body == b'{"stocks":[{"price": 1.50},{}]}'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("text", set()),
        ("{{ a.b }}{{ row['x'] }}{% for own in c %}{{ own }}{% endfor %}{{ 5 | default(d) }}", {"a", "row", "c", "d"}),
        ("{{ code | mapped('no_such_dictionary') }}", {"code"}),
        ("{{ a", set()),
        ("{{ a | nubmer }}", set()),
    ],
)
def test_the_names_of_a_text_are_known_without_compiling_it(text: str, names: set[str]) -> None:
    assert names_in(text) == names


def test_names_and_bare_names_are_known() -> None:
    spec = {
        "a": "{{ lines }}",
        "b": ["{{ removed | map(attribute='sku') | list }}", "{{ both }}"],
        "c": "x{{ both }}{% for own in list %}{{ own.x }}{% endfor %}{{ range }}",
        "d": "{{ row['odd name'] }}",
    }
    compiled = compile_value(spec, timezone=UTC)

    assert compiled.names == {"lines", "removed", "both", "list", "range", "row"}
    assert compiled.bare == {"lines"}


# --- null policies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_null", "expected"),
    [
        ("send", '{"a":null,"b":{"c":null,"t":"-"},"d":[null,1],"k":null}'),
        ("omit", '{"b":{"t":"-"},"d":[null,1],"k":null}'),
        ("reject", refusal("a", "{{ x }}", "is null")),
    ],
)
def test_the_null_policy_of_a_mapping_covers_its_fields(on_null: OnNull, expected: str | Refusal) -> None:
    spec = {"a": "{{ x }}", "b": {"c": "{{ x }}", "t": "-{{ x }}"}, "d": ["{{ x }}", 1], "k": None}

    assert lines(spec, ["x"], (None,), on_null=on_null) == [expected]


@pytest.mark.parametrize(
    ("on_null", "given", "expected"),
    [
        ("send", None, '{"a":null,"l":[null]}'),
        ("omit", None, '{"l":[]}'),
        ("reject", None, refusal("a", "{{ x }}", "is null")),
        ("omit", False, '{"a":false,"l":[false]}'),
        ("omit", "", '{"a":"","l":[""]}'),
        ("reject", 0, '{"a":0,"l":[0]}'),
    ],
)
def test_a_field_may_have_a_null_policy_of_its_own(on_null: OnNull, given: Any, expected: str | Refusal) -> None:
    own = {"$value": "{{ x }}", "$on_null": on_null}

    assert lines({"a": own, "l": [own]}, ["x"], (given,), on_null="reject") == [expected]


def test_a_null_policy_of_its_own_is_checked() -> None:
    spec = {"a": {"$value": "{{ x }}", "$on_null": "drop"}, "b": {"$echo": "x"}, "c": {"$value": {"d": 1}}}

    assert [each.path for each in faults(spec)] == [
        ("a", "$on_null"),
        ("b", "$echo"),
        ("b", "$value"),
        ("c", "$value"),
    ]


# --- faults found at load ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ a | nubmer }}", "unknown filter 'nubmer'; did you mean 'number'?"),
        ("{{ a | map('nubmer') | list }}", "unknown filter 'nubmer'; did you mean 'number'?"),
        ("{{ a | round(2) }}", "unknown filter 'round'; use decimal(places)"),
        ("{{ a | float }}", "unknown filter 'float'; use number"),
        ("{{ a | decimal }}", "the filter 'decimal' does not take these arguments: write `decimal(places)`"),
        ("{{ a | date('UTC') }}", "the filter 'date' does not take these arguments: write `date` alone"),
        ("{{ a | instant(timezone=a) }}", "the filter 'instant' does not take these arguments: write `instant` alone"),
        ("{{ a is divisble }}", "unknown test 'divisble'; did you mean 'divisibleby'?"),
        ("{{ range(9) }}", "'range' is not a function; templates call only methods of values, such as x.strip()"),
        ("{{ number(a) }}", "'number' is not a function; write `value | number`"),
        ("{{ a.stripe() }}", "the method 'stripe' is not offered; did you mean 'strip'?"),
        ("{{ a.format(b) }}", "the method 'format' is not offered; did you mean 'isoformat'?"),
        ("{{ a.pop() }}", "the method 'pop' is not offered"),
        ("{{ a.__class__ }}", "the attribute '__class__' is private; an item of that name is reached as ['__class__']"),
        ("{{ _a }}", "the name '_a' is reserved; a column of that name is reached as row['_a']"),
        ("{{ self }}", "the name 'self' is reserved; a column of that name is reached as row['self']"),
        ("{{ loop }}", "'loop' exists only inside of {% for %}; a column of that name is reached as row['loop']"),
        ("{% set row = 1 %}", "the name 'row' cannot be set; choose another"),
        ("{% for parent in a %}{% endfor %}", "the name 'parent' cannot be set; choose another"),
        ("{{ a ** 2 }}", "`**` is not offered in templates"),
        ("{{ a.get(*b) }}", "`*`, `**` and repeated names are not offered in arguments"),
        ("{{ a | replace(old=b, old=c, new=d) }}", "`*`, `**` and repeated names are not offered in arguments"),
        ("{% include 'a' %}", "`include` is not offered in templates"),
        ("{% for x in a recursive %}{% endfor %}", "`recursive` is not offered in loops"),
        (
            "{{ odd name }}",
            "a name stands where `}}` is expected;"
            " a column whose name is not a plain word is reached as row['its name']",
        ),
    ],
)
def test_a_template_that_can_never_work_is_a_fault_with_its_remedy(template: str, message: str) -> None:
    assert faults({"a": [template]})[0] == TemplateFault(path=("a", 0), message=message)


@pytest.mark.parametrize(
    "template",
    ["{{ lipsum() }}", "{{ cycler(1) }}", "{{ dict(a=1) }}", "{{ namespace() }}", "{{ joiner() }}", "{{ a() }}"]
    + ["{{ a | %s }}" % name for name in ("random", "pprint", "xmlattr", "urlize", "format", "tojson", "attr('b')")]  # noqa: UP031
    + ["{{ a | %s }}" % name for name in ("int", "filesizeformat", "wordwrap", "center", "indent", "groupby('b')")]  # noqa: UP031
    + ["{% extends 'a' %}", "{% import 'a' as b %}", "{% from 'a' import b %}", "{% block a %}{% endblock %}"]
    + ["{% macro a() %}{% endmacro %}", "{% call a() %}{% endcall %}", "{% filter upper %}{% endfilter %}"]
    + ["{% autoescape true %}{% endautoescape %}", "{% with a = 1 %}{% endwith %}", "{% set ns.a = 1 %}", "{% do a %}"]
    + ["{{ a", "{% if a %}", "{{ }}", "{{ a.strip( }}", "{{ " + "(" * 5_000 + " }}"],
)
def test_what_is_not_offered_is_a_fault(template: str) -> None:
    assert faults(template)


@pytest.mark.parametrize("template", ["{% for x in a %}" * 25 + "{% endfor %}" * 25, "{{ a" + ".b" * 220 + " }}"])
def test_what_python_cannot_compile_is_a_fault(template: str) -> None:
    (found,) = faults(template)

    assert found.message.startswith("is nested too deeply: too many")


def test_all_faults_of_a_spec_are_found_at_once() -> None:
    spec = {
        "a": "{{ x | one | two }}",
        "b": {"c": ["ok {{ x }}", "{{ x | three }}"]},
        "d": {"$value": "{{ x.four() }}", "$on_null": "omit"},
        "{{ e }}": 1,
        5: 2,
    }

    found = [(each.path, each.message.split(";")[0]) for each in faults(spec)]

    assert found == [
        (("a",), "unknown filter 'two'"),
        (("a",), "unknown filter 'one'"),
        (("b", "c", 1), "unknown filter 'three'"),
        (("d", "$value"), "the method 'four' is not offered"),
        (("{{ e }}",), "a key must be plain text"),
        ((5,), "a key must be plain text"),
    ]


# --- dictionaries --------------------------------------------------------------------------------------------

MAPS = {"order_statuses": {"NEW": 10, "5": "five", "null": None}, "orders": {"A": 1}}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ 'NEW' | mapped('order_statuses') }}", 10),
        ("{{ 5.00 | mapped(name='order_statuses') }}", "five"),
        ("{{ none | mapped('order_statuses') }}", None),
        ("<{{ 'A' | mapped('orders') }}>", "<1>"),
        ("{{ ['NEW', none, 5] | map('mapped', 'order_statuses') | list }}", [10, None, "five"]),
    ],
)
def test_a_code_is_looked_up_in_a_dictionary_of_the_project(template: str, expected: Any) -> None:
    assert compile_value(template, timezone=UTC, maps=MAPS).render({}) == expected


def test_a_dictionary_that_is_not_there_yet_is_no_fault_but_refuses_what_is_looked_up() -> None:
    compiled = compile_value("{{ a | mapped('orders') }}", timezone=UTC)

    assert compiled.render({"a": None}) is None
    with pytest.raises(RenderFault, match="'orders' is not among the `maps`"):
        compiled.render({"a": "A"})


def test_a_code_that_is_not_listed_refuses_its_row_and_is_named() -> None:
    compiled = compile_fields(
        {"status": "{{ code | mapped('order_statuses') }}"}, on_null="send", timezone=UTC, maps=MAPS
    )

    assert list(compiled.render([("X9",), ("NEW",)], ["code"], {})) == [
        refusal(
            "status",
            "{{ code | mapped('order_statuses') }}",
            "'X9' is not listed in maps.order_statuses of project.yaml",
        ),
        b'{"status":10}',
    ]


PLAIN_NAME = "`mapped` takes the name of one dictionary as a plain text, such as mapped('order_statuses')"


@pytest.mark.parametrize(
    ("template", "messages"),
    [
        (
            "{{ a | mapped('order_status') }}",
            ["'order_status' is not among the `maps` of project.yaml; did you mean 'order_statuses'?"],
        ),
        ("{{ a | mapped(name='x') }}", ["'x' is not among the `maps` of project.yaml"]),
        ("{{ a | map('mapped', 'x') | list }}", ["'x' is not among the `maps` of project.yaml"]),
        ("{{ a | mapped(b) }}", [PLAIN_NAME]),
        ("{{ a | mapped('or' ~ 'ders') }}", [PLAIN_NAME]),
        ("{{ a | map('mapped') | list }}", [PLAIN_NAME]),
        ("{{ a | mapped }}", ["the filter 'mapped' does not take these arguments: write `mapped(name)`", PLAIN_NAME]),
    ],
)
def test_a_dictionary_that_cannot_be_known_is_a_fault(template: str, messages: list[str]) -> None:
    with pytest.raises(TemplateFaults) as raised:
        compile_value(template, timezone=UTC, maps=MAPS)

    assert [each.message for each in raised.value.faults] == messages


# --- faults found with the data ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "context", "reason"),
    [
        ("{{ skuu }}", {"sku": 1}, "unknown name 'skuu'; did you mean 'sku'?"),
        ("x{{ skuu }}", {"sku": 1}, "unknown name 'skuu'; did you mean 'sku'?"),
        ("{{ [skuu] }}", {"sku": 1}, "unknown name 'skuu'; did you mean 'sku'?"),
        ("{{ range }}", {}, "unknown name 'range'"),
        ("{{ vars.servce }}", {"vars": {"service": 1}}, "'servce' is not in this map; did you mean 'service'?"),
        ("{{ a['b'] }}", {"a": {}}, "'b' is not in this map"),
        ("{{ a.b }}", {"a": None}, "'b' of null: what should have it is null"),
        ("{{ a.strip() }}", {"a": None}, "'strip' of null: what should have it is null"),
        ("{{ a.strip }}", {"a": "x"}, "'strip' is a method: write strip()"),
        ("{{ a[5] }}", {"a": [1]}, "5 is not in a list"),
        ("{{ a['__class__'] }}", {"a": "x"}, "'__class__' is not in a text"),
        ("{{ a | map(attribute='__class__') | list }}", {"a": [1]}, "'__class__' is not in a number"),
        ("{{ a | map(attribute='b') }}", {"a": [{}]}, "'b' is not in this map"),
        ("{{ a | first }}", {"a": []}, "No first item, sequence was empty."),
        ("{{ a * 3 }}", {"a": "x"}, "the text 'x' cannot be calculated with; put `| number` behind it"),
        ("{{ '%s' % a }}", {"a": 1}, "the text '%s' cannot be calculated with; put `| number` behind it"),
        ("{{ a.ljust(100000) }}", {"a": "x"}, "ljust() takes numbers up to 10000"),
        ("{{ a < 1 }}", {"a": None}, "null and a number cannot be compared by `<`"),
        ("x{{ a }}", {"a": [1]}, "a value of type list cannot be written as text; name one of its parts"),
    ],
)
def test_a_template_that_fails_with_its_data_says_why(template: str, context: dict[str, Any], reason: str) -> None:
    assert fault(template, **context) == reason


def test_a_fault_tells_where_it_is_and_shows_little_data() -> None:
    template = "{{ name | number }}" + " " * 500 + "{{ name }}"
    with pytest.raises(RenderFault) as raised:
        value({"a": [1, {"b": template}]}, name="x" * 5_000)

    assert (raised.value.path, len(raised.value.expression)) == (("a", 1, "b"), 200)
    assert raised.value.reason.count("x") <= 200


@pytest.mark.parametrize(
    ("template", "context", "expected"),
    [
        ("{{ organization.clientId }}", {}, None),
        ("{{ organization.clientId }}", {"organization": None}, None),
        ("{{ a.b[0]['c'].d }}", {"a": {"b": []}}, None),
        ("{{ a.strip() }}", {}, None),
        ("{{ a[0:2] }}", {}, None),
        ("{{ a.items }}", {"a": {}}, None),
        ("{{ a | first }}", {"a": []}, None),
        ("{{ price.total | decimal(2) }}", {"price": {}}, None),
        ("x{{ a.b }}", {}, "x"),
        ("{{ a | default(3) }}", {}, 3),
        ("{{ a is defined }}", {}, False),
        ("{{ body.clientId or body.id }}", {"body": {"id": 5}}, 5),
        ("{{ body | length == 1 }}", {"body": None}, False),
        ("{{ item.eventType != 'REMOVED' }}", {"item": {}}, True),
    ],
)
def test_in_answers_and_documents_what_is_missing_is_null(
    template: str, context: dict[str, Any], expected: Any
) -> None:
    assert value(template, lenient=True, **context) == expected


# --- rows ----------------------------------------------------------------------------------------------------


def test_a_line_has_the_fields_in_their_order() -> None:
    spec = {
        "id": "{{ sku }}",
        "q": {"n": "{{ quantity | number }}"},
        "to": "/{{ vars.to }}/{{ sku }}",
        "k": [1, "{{ sku }}"],
    }

    assert lines(spec, ["w", "sku", "quantity"], ("W", "A", "5,50"), ("W", None, None), vars={"to": "x"}) == [
        '{"id":"A","q":{"n":5.5},"to":"/x/A","k":[1,"A"]}',
        '{"id":null,"q":{"n":null},"to":"/x/","k":[1,null]}',
    ]


def test_a_failing_row_is_refused_alone_with_field_and_expression() -> None:
    spec = {
        "text": "{% if q %}{{ q.strip() }}{% endif %}",
        "address": {"lines": ["{{ sku }}", "{{ q | number }}"]},
        "raw": "{{ sku }}",
    }
    nan = float("nan")
    rows = [("A", "1"), ("B", "x"), ("C", "y"), (nan, "2"), ("D", 5), ("E", "3"), (datetime(2024, 3, 1), "4")]

    assert lines(spec, ["sku", "q"], *rows) == [
        '{"text":"1","address":{"lines":["A",1]},"raw":"A"}',
        refusal("address.lines[1]", "{{ q | number }}", refused_number("x")),
        refusal("address.lines[1]", "{{ q | number }}", refused_number("y")),
        refusal("address.lines[0]", "{{ sku }}", "is nan, which JSON cannot hold; let the query return null instead"),
        refusal("text", "{% if q %}{{ q.strip() }}{% endif %}", "'strip' is not in a number"),
        '{"text":"3","address":{"lines":["E",3]},"raw":"E"}',
        refusal(
            "address.lines[0]",
            "{{ sku }}",
            "is the time 2024-03-01T00:00:00 without a zone; use the `instant` or `date` filter",
        ),
    ]


def refused_number(text: str) -> str:
    with pytest.raises(ValueError) as refused:
        filters.number(text)
    return str(refused.value)


def test_rows_are_taken_one_by_one() -> None:
    taken: list[int] = []

    def rows() -> Iterator[tuple[int]]:
        for number in range(3):
            taken.append(number)
            yield (number,)

    results = fields({"a": "{% for x in [1] %}{{ loop.index }}{% endfor %}", "b": "{{ 1 / x }}"}).render(
        rows(), ["x"], {}
    )
    next(results)
    next(results)

    assert taken == [0, 1]


@pytest.mark.parametrize("error", [ValueError("source"), TypeError("source"), KeyError("source")])
def test_an_error_of_the_rows_themselves_passes_through(error: Exception) -> None:
    def rows() -> Iterator[tuple[str]]:
        yield ("x",)
        yield ("1",)
        raise error

    results = fields({"a": "{{ x | number }}"}).render(rows(), ["x"], {})

    assert [next(results), next(results)] == [refusal("a", "{{ x | number }}", refused_number("x")), b'{"a":1}']
    with pytest.raises(type(error), match="source"):
        next(results)


def test_rows_that_do_not_fit_the_columns_are_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="unpack"):
        lines({"a": "{{ x }}"}, ["x", "y"], (1,))


def test_columns_with_odd_names_are_reached_through_row() -> None:
    columns = ["odd name", "loop", "_x", "true", "row", "parent", "sku", "class"]
    spec = {name: "{{ row['%s'] }}" % name for name in columns} | {"plain": "{{ sku }}{{ class }}"}  # noqa: UP031
    compiled = fields(spec)

    assert lines(spec, columns, tuple("abcdefgh")) == [
        '{"odd name":"a","loop":"b","_x":"c","true":"d","row":"e","parent":"f","sku":"g","class":"h","plain":"gh"}'
    ]
    assert (compiled.names, compiled.row_names, compiled.whole_row) == ({"sku", "class"}, set(columns), False)


@pytest.mark.parametrize("template", ["{{ row }}", "{{ row[sku] }}", "{{ row.get('sku') }}", "{{ row | length }}"])
def test_other_uses_of_row_are_uses_of_the_whole_row(template: str) -> None:
    assert fields({"a": template, "b": "{{ row['x'] }}"}).whole_row is True


def test_an_attribute_of_row_is_a_column() -> None:
    compiled = fields({"a": "{{ row.sku }}{{ row.name.strip() }}"})

    assert (compiled.row_names, compiled.whole_row) == ({"sku", "name"}, False)


def test_the_whole_row_is_a_map_of_all_columns() -> None:
    assert lines({"a": "{{ row }}"}, ["x", "odd name"], (1, None)) == ['{"a":{"x":1,"odd name":null}}']


def test_an_unknown_column_refuses_every_row_and_suggests_the_nearest() -> None:
    spec = {"a": "{{ skku }}"}
    expected = refusal("a", "{{ skku }}", "unknown name 'skku'; did you mean 'sku'?")

    assert lines(spec, ["sku"], (1,), (2,)) == [expected, expected]
    assert lines({"a": "{{ row['skku'] }}"}, ["sku"], (1,)) == [
        refusal("a", "{{ row['skku'] }}", "'skku' is not in this map; did you mean 'sku'?")
    ]


def test_references_are_columns_too() -> None:
    spec = {"segmentId": "{{ segment.segment_id }}", "name": "{{ name }}"}

    assert lines(spec, ["name", "segment"], ("A", {"segment_id": 7}), ("B", NULLS), ("C", {})) == [
        '{"segmentId":7,"name":"A"}',
        '{"segmentId":null,"name":"B"}',
        refusal("segmentId", "{{ segment.segment_id }}", "'segment_id' is not in this map"),
    ]


def test_a_column_hides_a_shared_name() -> None:
    assert lines({"a": "{{ x }}{{ y }}"}, ["x"], ("column",), x="shared", y="!") == ['{"a":"column!"}']


def test_what_a_template_sets_is_gone_for_the_next_field_and_row() -> None:
    spec = {"a": "{% if x %}{% set y = x %}{% endif %}{{ y | default('-') }}", "b": "{{ y | default('none') }}"}

    assert lines(spec, ["x"], (1,), (None,)) == ['{"a":"1","b":"none"}', '{"a":"-","b":"none"}']


def test_the_same_fields_render_other_columns() -> None:
    compiled = fields({"a": "{{ x }}"})

    results = [*compiled.render([(1, 2)], ["x", "y"], {}), *compiled.render([(1, 2)], ["y", "x"], {})]

    assert results == [b'{"a":1}', b'{"a":2}']


def test_every_filter_offered_is_documented() -> None:
    assert [name for name, function in FILTERS.items() if not function.__doc__] == []
