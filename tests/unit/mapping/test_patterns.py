"""Patterns that a hostile row could make search for ever, and texts too long for any."""

import json
from pathlib import Path

import pytest

from engine.mapping.payloads.patterns import MAX_LENGTH, fault, patterns_of
from engine.mapping.payloads.payload_schemas import PayloadSchemas

SCHEMAS = Path(__file__).parents[3] / "schemas"


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*",
        "(a*)*b",
        "^(\\w+\\s?)*$",
        "((a+))+",
        "(?:a+b?)+",
        "(?P<x>a+)*",
        "(x[)]+)*",
        "(a+){20}",
        "(a{2,}){3,}",
        "(a|b|ab)*c",
    ],
)
def test_a_pattern_that_could_search_for_ever_is_told(pattern: str) -> None:
    assert str(fault(pattern)).endswith("write it out")


@pytest.mark.parametrize(
    "pattern",
    [
        "^([A-Z]{2}-)+$",
        "^[0-9]{4}(-[0-9]{2}){2}$",
        "([.][0-9]+)?",
        "^(a|b)$",
        "[(a+)+]",
        r"\(a+\)+",
        "^(?!\\$)",
        "a+b+",
    ],
)
def test_other_patterns_are_left_alone(pattern: str) -> None:
    assert fault(pattern) is None


def test_no_schema_of_ours_has_such_a_pattern() -> None:
    found = [each for path in SCHEMAS.rglob("*.json") for each in patterns_of(json.loads(path.read_text()))]

    assert found
    assert [pattern for pattern in found if fault(pattern)] == []


@pytest.mark.parametrize("quick", [True, False])
def test_a_text_too_long_for_a_pattern_is_refused_unread(tmp_path: Path, *, quick: bool) -> None:
    more = {} if quick else {"format": "email"}  # which only jsonschema knows
    schema = {"type": "string", "pattern": "^ *a* *$", **more}
    (tmp_path / "text.schema.json").write_text(json.dumps(schema))
    schemas = PayloadSchemas([tmp_path])

    assert schemas.is_valid("text", "a" * MAX_LENGTH)
    assert [fault.message for fault in schemas.faults("text", "a" * (MAX_LENGTH + 1))] == [
        "has 10,001 characters; a text with a pattern has at most 10,000"
    ]
    assert not schemas.is_valid("text", " " * 10_000_000 + "b")
