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
