"""`$each`: lists made of the children of a row, of lists inside of them, and of the lists of documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from engine.templates import (
    NULLS,
    Fields,
    RenderFault,
    TemplateFault,
    TemplateFaults,
    Value,
    compile_fields,
    compile_value,
)
from engine.templates.nulls import OnNull
from engine.values.json_text import encode, raw
from engine.values.records import Refusal, Stage

COLUMNS = ["invoice_id", "odd name", "lines", "segment"]
VARS = {"vars": {"vat": 23}}


def fields(spec: Mapping[str, Any], on_null: OnNull = "send") -> Fields:
    return compile_fields(spec, on_null=on_null, timezone=UTC, outside=["segment"])


def line(spec: Mapping[str, Any], *children: Any, on_null: OnNull = "send", segment: Any = NULLS) -> str | Refusal:
    (result,) = fields(spec, on_null).render([(7, "odd", list(children), segment)], COLUMNS, VARS)
    return result if isinstance(result, Refusal) else result.decode()


def refusal(field: str, expression: str, reason: str) -> Refusal:
    return Refusal(stage=Stage.RENDER, reason=reason, field=field, expression=expression)


def value(spec: Any, *, lenient: bool = False) -> Value:
    return compile_value(spec, timezone=UTC, lenient=lenient)


def faults(spec: Any) -> list[TemplateFault]:
    with pytest.raises(TemplateFaults) as raised:
        compile_fields(spec, on_null="send", timezone=UTC)
    return list(raised.value.faults)


A = {"line_no": 1, "sku": "A", "quantity": "2,50"}
B = {"line_no": 2, "sku": "B", "quantity": None}


# --- what elements see -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"n": "{{ line_no }}", "q": "{{ quantity | number }}"}, '[{"n":1,"q":2.5},{"n":2,"q":null}]'),
        ({"a": {"b": ["{{ sku }}", {"c": "{{ line_no }}"}]}}, '[{"a":{"b":["A",{"c":1}]}},{"a":{"b":["B",{"c":2}]}}]'),
        ({"$value": "{{ line_no }}"}, "[1,2]"),
        ({"$value": "{{ line_no }}/{{ sku }}"}, '["1/A","2/B"]'),
        ({"$value": 5}, "[5,5]"),
        ({"k": "constant"}, '[{"k":"constant"},{"k":"constant"}]'),
        ({"t": "{% if quantity %}{{ quantity }}{% else %}none{% endif %}"}, '[{"t":"2,50"},{"t":"none"}]'),
        ({"t": "{% for x in sku %}{{ loop.index }}{{ x }}{% endfor %}"}, '[{"t":"1A"},{"t":"1B"}]'),
        ({"p": "{{ parent.invoice_id }}"}, '[{"p":7},{"p":7}]'),
        ({"p": "{{ parent['odd name'] }}-{{ line_no }}"}, '[{"p":"odd-1"},{"p":"odd-2"}]'),
        ({"p": "{{ parent.lines | length }}"}, '[{"p":2},{"p":2}]'),
        ({"p": "{{ parent.get('invoice_id') }}"}, '[{"p":7},{"p":7}]'),
        ({"r": "{{ row.line_no }}{{ row['sku'] }}"}, '[{"r":"1A"},{"r":"2B"}]'),
        ({"v": "{{ vars.vat }}"}, '[{"v":23},{"v":23}]'),
        ({"s": "{{ segment.id }}", "p": "{{ parent.segment.id }}"}, '[{"s":5,"p":5},{"s":5,"p":5}]'),
        ({"d": "{{ nowhere | default(sku) }}", "e": "{{ nowhere is defined }}"}, None),
    ],
)
def test_an_element_sees_its_own_columns_the_row_as_parent_vars_and_refs(
    element: dict[str, Any], expected: str | None
) -> None:
    actual = line({"l": {"$each": "lines", **element}}, A, B, segment={"id": 5})

    assert actual == '{"l":' + (expected or '[{"d":"A","e":false},{"d":"B","e":false}]') + "}"


def test_a_null_reference_is_null_in_elements_too() -> None:
    assert line({"l": {"$each": "lines", "s": "{{ segment.id }}"}}, A) == '{"l":[{"s":null}]}'


def test_a_column_of_a_child_hides_no_column_of_the_row_outside_of_the_list() -> None:
    spec = {
        "before": "{{ invoice_id }}",
        "l": {"$each": "lines", "own": "{{ invoice_id }}", "lines": "{{ lines }}", "theirs": "{{ parent.invoice_id }}"},
        "behind": "{{ invoice_id }}",
        "again": {"$each": "lines", "$value": "{{ invoice_id }}"},
    }

    assert line(spec, {"invoice_id": 1, "lines": 2}) == (
        '{"before":7,"l":[{"own":1,"lines":2,"theirs":7}],"behind":7,"again":[1]}'
    )


def test_what_a_template_sets_is_gone_for_the_next_element() -> None:
    spec = {"l": {"$each": "lines", "$value": "{% if quantity %}{% set y = 1 %}{% endif %}{{ y | default('-') }}"}}

    assert line(spec, A, B, A) == '{"l":["1","-","1"]}'


def test_columns_with_odd_names_are_reached_through_row() -> None:
    child = {"odd name": 1, "row": 2, "parent": 3, "vars": 4, "segment": 5}
    spec = {"l": {"$each": "lines", **{name: "{{ row['%s'] }}" % name for name in child}}}  # noqa: UP031

    assert line(spec, child) == '{"l":[{"odd name":1,"row":2,"parent":3,"vars":4,"segment":5}]}'


# --- lists in lists ----------------------------------------------------------------------------------------

NESTED = {
    "l": {
        "$each": "lines",
        "no": "{{ line_no }}",
        "in": {
            "w": {
                "$each": "waybills",
                "n": "{{ n }}",
                "line": "{{ parent.line_no }}",
                "invoice": "{{ parent.parent.invoice_id }}",
                "all": "{{ parent.parent.lines | length }}",
                "up": {"$each": "up", "$value": "{{ parent.parent.parent.invoice_id }}{{ parent.n }}{{ item }}"},
            }
        },
    }
}


def test_a_list_in_an_element_is_walked_as_well() -> None:
    first = {"line_no": 1, "waybills": [{"n": "X", "up": ["a", "b"]}, {"n": "Y", "up": []}]}
    second = {"line_no": 2, "waybills": []}

    assert line(NESTED, first, second) == (
        '{"l":[{"no":1,"in":{"w":['
        '{"n":"X","line":1,"invoice":7,"all":2,"up":["7Xa","7Xb"]},{"n":"Y","line":1,"invoice":7,"all":2,"up":[]}'
        ']}},{"no":2,"in":{"w":[]}}]}'
    )


def test_a_parent_column_of_an_element_is_no_parent() -> None:
    spec = {"l": {"$each": "lines", "a": "{{ parent.parent }}", "m": {"$each": "m", "b": "{{ parent['parent'] }}"}}}
    compiled = fields(spec)

    (result,) = compiled.render([([{"parent": "own", "m": [{}]}], "theirs")], ["lines", "parent"], {})

    assert result == b'{"l":[{"a":"theirs","m":[{"b":"own"}]}]}'


# --- empty lists and null ------------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [[], None, (), NULLS])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, b'{"a":1,"l":[]}'),
        ({"$on_empty": "send"}, b'{"a":1,"l":[]}'),
        ({"$on_empty": "omit"}, b'{"a":1}'),
        ({"$on_empty": "reject"}, refusal("l", "lines", "is empty")),
    ],
)
def test_a_list_without_elements_is_empty_unless_its_policy_says_otherwise(
    policy: dict[str, str], expected: Any, empty: Any
) -> None:
    compiled = fields({"a": 1, "l": {"$each": "lines", **policy, "n": "{{ line_no }}"}}, "omit")

    assert list(compiled.render([(empty,)], ["lines"], {})) == [expected]


@pytest.mark.parametrize("policy", ["omit", "reject"])
def test_a_list_with_elements_is_sent_whatever_the_policy_of_empty_ones(policy: str) -> None:
    assert line({"l": {"$each": "lines", "$on_empty": policy, "$value": "{{ line_no }}"}}, A) == '{"l":[1]}'


@pytest.mark.parametrize(
    ("on_null", "element", "expected"),
    [
        ("omit", {"n": "{{ line_no }}", "q": "{{ quantity }}"}, '{"l":[{"n":1,"q":"2,50"},{"n":2}]}'),
        ("omit", {"$value": "{{ quantity }}"}, '{"l":["2,50",null]}'),
        ("send", {"$value": "{{ quantity }}", "$on_null": "omit"}, '{"l":["2,50"]}'),
        ("send", {"q": {"$value": "{{ quantity }}", "$on_null": "omit"}}, '{"l":[{"q":"2,50"},{}]}'),
        ("reject", {"q": "{{ quantity }}"}, refusal("l[1].q", "{{ quantity }}", "is null")),
        ("send", {"$value": "{{ quantity }}", "$on_null": "reject"}, refusal("l[1]", "{{ quantity }}", "is null")),
    ],
)
def test_null_policies_work_inside_of_elements(on_null: OnNull, element: dict[str, Any], expected: Any) -> None:
    assert line({"l": {"$each": "lines", **element}}, A, B, on_null=on_null) == expected


# --- faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "field", "expression", "reason"),
    [
        ({"q": "{{ qantity }}"}, "l[0].q", "{{ qantity }}", "unknown name 'qantity'; did you mean 'quantity'?"),
        ({"$value": "{{ skku }}"}, "l[0]", "{{ skku }}", "unknown name 'skku'; did you mean 'sku'?"),
        ({"v": "{{ vras.vat }}"}, "l[0].v", "{{ vras.vat }}", "unknown name 'vras'; did you mean 'vars'?"),
        (
            {"i": "{{ invoice_id }}"},
            "l[0].i",
            "{{ invoice_id }}",
            "unknown name 'invoice_id' in this element; write parent.invoice_id",
        ),
        (
            {"i": "{{ parent.invoce_id }}"},
            "l[0].i",
            "{{ parent.invoce_id }}",
            "'invoce_id' is not in this map; did you mean 'invoice_id'?",
        ),
        ({"n": {"m": ["{{ 1 / (2 - line_no) }}"]}}, "l[1].n.m[0]", "{{ 1 / (2 - line_no) }}", "division of 1 by zero"),
        (
            {"t": "{% if true %}{{ quantity.strip() }}{% endif %}"},
            "l[1].t",
            "{% if true %}{{ quantity.strip() }}{% endif %}",
            "'strip' of null: what should have it is null",
        ),
        ({"m": {"$each": "sku", "a": 1}}, "l[0].m", "sku", "'A' is not a list, so $each cannot go through it"),
        ({"m": {"$each": "skus", "a": 1}}, "l[0].m", "skus", "unknown name 'skus'; did you mean 'sku'?"),
        (
            {"m": {"$each": "lines", "a": 1}},
            "l[0].m",
            "lines",
            "unknown name 'lines' in this element; write parent.lines",
        ),
    ],
)
def test_a_failing_element_is_named_with_its_index(
    element: dict[str, Any], field: str, expression: str, reason: str
) -> None:
    assert line({"l": {"$each": "lines", **element}}, A, B) == refusal(field, expression, reason)


def test_a_failing_element_of_an_element_is_named_with_both_indexes() -> None:
    inner = {"l": {"$each": "lines", "w": {"$each": "w", "n": "{{ n | number }}", "i": "{{ line_no or invoice_id }}"}}}
    good, bad = {"line_no": 1, "w": []}, {"line_no": 2, "w": [{"n": 1, "line_no": 1}, {"n": "x", "line_no": 1}]}

    assert line(inner, good, bad) == refusal(
        "l[1].w[1].n", "{{ n | number }}", "'x' is not a number; correct it, or let the query return a number"
    )
    assert line(inner, {"line_no": 3, "w": [{"n": 1}]}) == refusal(
        "l[0].w[0].i", "{{ line_no or invoice_id }}", "unknown name 'line_no' in this element; write parent.line_no"
    )
    assert line(inner, {"line_no": 3, "w": [{"n": 1, "line_no": None}]}) == refusal(
        "l[0].w[0].i",
        "{{ line_no or invoice_id }}",
        "unknown name 'invoice_id' in this element; write parent.parent.invoice_id",
    )


def test_a_value_that_json_cannot_hold_is_named_with_its_index() -> None:
    spec = {"x": "{{ invoice_id }}", "l": {"$each": "lines", "m": [{"$each": "m", "at": "{{ at }}"}]}}
    good, bad = {"m": [{"at": 1}]}, {"m": [{"at": 1}, {"at": datetime(2024, 3, 1)}]}

    assert line(spec, good, bad) == refusal(
        "l[1].m[0][1].at",
        "{{ at }}",
        "is the time 2024-03-01T00:00:00 without a zone; use the `instant` or `date` filter",
    )


def test_an_unknown_list_is_named_and_a_failing_row_leaves_the_next_alone() -> None:
    spec = {"l": {"$each": "lines", "$value": "{{ line_no | number }}"}}
    rows = [([{"line_no": "x"}],), ([A, B],), (5,), ([],)]

    results = list(fields(spec).render(rows, ["lines"], {}))

    assert results[1::2] == [b'{"l":[1,2]}', b'{"l":[]}']
    assert [each.field for each in results[::2] if isinstance(each, Refusal)] == ["l[0]", "l"]
    assert list(fields({"l": {"$each": "linez", "a": 1}}).render([([],)], ["lines"], {})) == [
        refusal("l", "linez", "unknown name 'linez'; did you mean 'lines'?")
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"$each": "lines"}, [((), "$each needs the fields of one element beside it, or $value")]),
        (
            {"$each": "{{ lines }}", "a": 1},
            [(("$each",), "$each takes the name of a list, without braces, such as $each: lines")],
        ),
        (
            {"$each": ["lines"], "a": 1},
            [(("$each",), "$each takes the name of a list, without braces, such as $each: lines")],
        ),
        (
            {"$each": "odd name", "a": 1},
            [
                (
                    ("$each",),
                    "a name stands where `}}` is expected;"
                    " a column whose name is not a plain word is reached as row['its name']",
                )
            ],
        ),
        (
            {"$each": "lines", "$on_empty": "drop", "a": 1},
            [(("$on_empty",), "'drop' is not a policy of $on_empty: send, omit or reject")],
        ),
        (
            {"$each": "lines", "$on_null": "omit", "a": 1},
            [(("$on_null",), "$on_null goes with $value; a list without elements has $on_empty")],
        ),
        (
            {"$each": "lines", "a": "{{ x | nubmer }}", "b": {"$each": "m", "$value": "{{ y | nubmer }}"}},
            [
                (("a",), "unknown filter 'nubmer'; did you mean 'number'?"),
                (("b", "$value"), "unknown filter 'nubmer'; did you mean 'number'?"),
            ],
        ),
    ],
)
def test_a_list_that_can_never_work_is_a_fault_where_it_stands(spec: dict[str, Any], expected: list[Any]) -> None:
    assert faults({"x": spec}) == [TemplateFault(path=("x", *path), message=message) for path, message in expected]


# --- what is known before ------------------------------------------------------------------------------------


def test_the_columns_of_children_are_known_apart_from_those_of_the_row() -> None:
    compiled = fields(
        {
            "number": "{{ number }}",
            "l": {
                "$each": "lines",
                "n": "{{ line_no }}{{ row['odd one'] }}{{ vars.vat }}{{ segment.id }}",
                "p": "{{ parent.invoice_id }}{{ parent['odd name'] }}{{ parent.name.strip() }}",
                "w": {"$each": "waybills", "n": "{{ no }}{{ parent.sku }}{{ parent.parent.payer }}"},
            },
            "again": {"$each": "lines", "$value": "{{ price }}"},
            "costs": {"$each": "costs", "k": "constant"},
        }
    )

    row = {"number", "lines", "costs", "vars", "segment", "invoice_id", "odd name", "name", "payer"}
    assert (compiled.names, compiled.row_names, compiled.whole_row) == (row, frozenset(), False)
    assert compiled.children == {"lines": {"line_no", "odd one", "waybills", "sku", "price"}, "costs": set()}


@pytest.mark.parametrize("template", ["{{ parent }}", "{{ parent[sku] }}", "{{ parent.get('x') }}"])
def test_other_uses_of_parent_are_uses_of_the_whole_row(template: str) -> None:
    spec = {"l": {"$each": "lines", "a": template}}

    assert fields(spec).whole_row is True
    assert value(spec).names >= {"row", "lines"}


def test_parent_is_a_column_like_any_other_outside_of_lists() -> None:
    compiled = fields({"a": "{{ parent }}", "b": "{{ parent.x }}"})

    assert (compiled.names, compiled.whole_row) == ({"parent"}, False)
    assert list(compiled.render([({"x": 1},)], ["parent"], {})) == [b'{"a":{"x":1},"b":1}']


# --- requests and documents ----------------------------------------------------------------------------------


def test_a_request_makes_lists_of_what_it_has_by_name() -> None:
    compiled = value(
        {
            "removed": {"$each": "removed", "sku": "{{ sku }}", "warehouse": "{{ parent.warehouse_id }}"},
            "stocks": "{{ lines }}",
        }
    )
    removed = [{"sku": "A", "warehouse_id": "W9"}, MappingProxyType({"sku": "B"})]

    body = compiled.render({"removed": removed, "lines": [raw("{}")], "warehouse_id": "W1"})

    assert encode(body) == b'{"removed":[{"sku":"A","warehouse":"W1"},{"sku":"B","warehouse":"W1"}],"stocks":[{}]}'
    assert (compiled.names, compiled.bare) == ({"removed", "lines", "warehouse_id"}, {"lines"})
    assert compiled.children == {"removed": {"sku"}}


def test_a_request_names_the_element_that_fails() -> None:
    with pytest.raises(RenderFault) as raised:
        value({"a": {"$each": "removed", "b": "{{ skku }}"}}).render({"removed": [{"skku": 1}, {"sku": 1}]})

    assert (raised.value.path, raised.value.expression) == (("a", 1, "b"), "{{ skku }}")
    assert raised.value.reason == "unknown name 'skku'; did you mean 'sku'?"


@pytest.mark.parametrize(
    ("spec", "document", "expected"),
    [
        ({"$each": "lines", "s": "{{ sku }}"}, {}, []),
        ({"$each": "lines", "s": "{{ sku }}"}, {"lines": None}, []),
        ({"$each": "lines", "s": "{{ sku }}", "t": "{{ a.b }}"}, {"lines": [{}]}, [{"s": None, "t": None}]),
        ({"$each": "delivery.people", "n": "{{ name }}"}, {"delivery": {"people": [{"name": "A"}]}}, [{"n": "A"}]),
        ({"$each": "delivery.people", "n": "{{ name }}"}, {"delivery": None}, []),
        ({"$each": "tags", "$value": "{{ item | upper }}"}, {"tags": ["a", "b"]}, ["A", "B"]),
        ({"$each": "lines", "s": "{{ parent.nowhere.x }}{{ nowhere }}"}, {"lines": [{}]}, [{"s": ""}]),
        ({"$each": "lines | selectattr('s')", "$value": "{{ s }}"}, {"lines": [{"s": 0}, {"s": 1}]}, [1]),
    ],
)
def test_in_documents_what_is_missing_is_null_and_lists_too(
    spec: dict[str, Any], document: dict[str, Any], expected: Sequence[Any]
) -> None:
    assert value(spec, lenient=True).render(document) == expected
