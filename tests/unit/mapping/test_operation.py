"""Requests made of changes."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from engine.mapping.program.request import compile_request, outgoing
from engine.mapping.spec import Request
from engine.templates.project_language import Language
from engine.values.exchanges import Outgoing
from engine.values.records import Refusal

CONTEXT = {"a": None, "b": ["x", 1], "c": True, "d": "ł/ą"}


def made(**spec: Any) -> Outgoing | Refusal:
    return outgoing(compile_request(Request(**spec), Language(timezone=UTC)), CONTEXT)


def test_a_query_leaves_null_out_repeats_lists_and_writes_values_as_text() -> None:
    request = made(method="GET", path="/p/{{ d | path }}", query={"a": "{{ a }}", "b": "{{ b }}", "c": "{{ c }}"})

    assert request == Outgoing(method="GET", path="/p/%C5%82%2F%C4%85", query=(("b", "x"), ("b", "1"), ("c", "true")))


def test_a_delete_that_would_lose_a_parameter_is_refused() -> None:
    request = made(method="DELETE", path="/p", query={"clientId": "{{ a }}", "c": "{{ c }}"})

    assert isinstance(request, Refusal)
    assert request.reason == "the parameter clientId is null, and without it the DELETE could remove more than meant"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"path": "/p/{{ a | path }}"}, "request"),
        ({"path": "/p", "body": {"x": {"y": "{{ c | number }}"}}}, "request.x.y"),
    ],
)
def test_a_request_whose_template_fails_is_refused_with_its_place(spec: dict[str, Any], field: str) -> None:
    request = made(method="POST", **spec)

    assert isinstance(request, Refusal)
    assert request.field == field


@pytest.mark.parametrize(
    ("written", "code", "expected"),
    [
        ("/items/{% if code %}{{ code | path }}{% endif %}", "A", "/items/A"),
        ("/items/{% if code %}{{ code | path }}{% endif %}", None, "an empty segment, which leads to another path"),
        ("/items/{% if code %}{{ code | path }}{% endif %}/parts", "", "an empty segment, which leads to another path"),
        (
            "/items/{% if code %}{{ code | path }}{% endif %}?all=1",
            None,
            "an empty segment, which leads to another path",
        ),
        ("/items/{{ code | path }}/", "A", "/items/A/"),
        ("/items//{{ code | path }}", "A", "/items//A"),
        ("/items/.{% if not code %}.{% endif %}/x", None, "the segment `..`, which leads to another path"),
        ("{{ code }}", None, "null or empty"),
        ("{{ code }}", " ", "null or empty"),
        ("{{ code or '/list/' }}", None, "/list/"),
        ("/items/{{ code | path }}", "..", "is '..', and would change the path; filter such rows in the query"),
    ],
)
def test_a_path_that_lost_a_segment_or_climbs_is_never_sent(written: str, code: str | None, expected: str) -> None:
    made = outgoing(compile_request(Request(method="PUT", path=written), Language(timezone=UTC)), {"code": code})

    said = made.reason if isinstance(made, Refusal) else made.path
    assert expected in str(said)


@pytest.mark.parametrize("value", [None, "", " ", [], [None], ["A", ""]])
def test_what_asks_for_one_record_or_removes_must_not_lose_a_parameter(value: Any) -> None:
    request = Request(method="GET", path="/p", query={"id": "{{ id }}"})
    language = Language(timezone=UTC)

    asking = outgoing(compile_request(request, language, chooses=True), {"id": value})
    listing = outgoing(compile_request(request, language), {"id": value})

    assert isinstance(asking, Refusal)
    assert "the GET could concern another record" in asking.reason
    assert isinstance(listing, Outgoing)


def test_a_parameter_of_a_look_up_is_left_out_where_the_mapping_says_so() -> None:
    query = {"id": "{{ id }}", "tag": {"$value": "{{ tag }}", "$on_null": "omit"}}
    request = compile_request(Request(method="GET", path="/p", query=query), Language(timezone=UTC), chooses=True)

    assert outgoing(request, {"id": 1, "tag": None}) == Outgoing(method="GET", path="/p", query=(("id", "1"),))
