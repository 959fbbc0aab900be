"""The payload schemas, and the fast predicates that are compiled from them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.sandbox import payloads
from engine.sandbox.answers import Refused
from engine.sandbox.predicates import compiled

NAMES = sorted(path.name.removesuffix(payloads.SUFFIX) for path in payloads.FOLDER.glob("*.json"))
LINE = {"id": "A-1", "sku": "A-1", "quantity": 12.5}
CLIENT = {
    "externalId": "K-1",
    "name": "Łąka sp. z o.o.",
    "address": {"street": "Polna 1", "zipCode": "00-001", "city": "Warszawa"},
}
# One valid body of each schema; those of one-api.md with all their fields.
BODIES: dict[str, Any] = {
    "stock-line": LINE,
    "stock-increment": {"stocks": [LINE, {"id": "A-200@R3", "sku": "A-200", "quantity": 0}], "stocksToRemove": ["A-3"]},
    "stock-replacement": {"stocks": [LINE]},
    "segment": {"name": "Installers", "externalId": "SEG-04", "parentSegmentId": "segment"},
    "warehouse": {
        "id": "KRK1",
        "type": "LOCAL",
        "name": "Krakow",
        "label": "Krakow branch",
        "parent": "MAIN",
        "pickupPoint": True,
        "reservation": True,
        "reservationTime": 6,
        "shippingTime": 48,
        "supported": True,
        "address": {"companyName": "Example", "zip": "30-001", "city": "Krakow", "street": "Dluga", "country": "PL"},
    },
    "warehouses": [{"id": "MAIN", "type": "CENTRAL", "name": "Main", "parent": None}],
    "client": CLIENT
    | {
        "accountType": "CLIENT",
        "tin": "0000000000",
        "businessRegistrationNumber": "000000000",
        "phone": None,
        "segmentId": "segment",
        "admin": {"name": "Jan Przyklad", "email": "jan@example.invalid", "phone": "+48 000 000 001"},
        "additionalFields": {"branch": "7"},
        "notYetDocumented": 1,
    },
    "trade-credit": {"creditValue": Decimal("50000.00"), "creditValueUsed": Decimal("12250.40")},
    "client-blockade": {"externalId": "OVERDUE-30"},
}


def test_every_schema_has_a_valid_body_here() -> None:
    assert sorted(BODIES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_json_schema_and_describes_all_its_fields(name: str) -> None:
    schema: Any = payloads.validator(name).schema
    Draft202012Validator.check_schema(schema)

    undescribed = [field for field, part in schema.get("properties", {}).items() if not part.get("description")]

    assert (undescribed, bool(schema["description"])) == ([], True)


@pytest.mark.parametrize("name", NAMES)
def test_the_documented_body_is_valid(name: str) -> None:
    assert payloads.problems_of(name, BODIES[name]) == []


@pytest.mark.parametrize(
    ("name", "document", "problems"),
    [
        (
            "stock-line",
            {"id": "A-1", "quantity": "1"},
            {"$": "'sku' is a required", "$.quantity": "'1' is not of type"},
        ),
        ("stock-increment", {"stocks": [LINE, LINE | {"sku": ""}]}, {"$.stocks[1].sku": "'' should be non-empty"}),
        ("stock-increment", {"stocks": LINE}, {"$.stocks": "is not of type 'array'"}),
        ("segment", {"name": "x", "externalID": "y"}, {"$": "'externalID' was unexpected"}),
        ("warehouse", {"id": "W", "type": "LOCAL", "name": "x"}, {"$": "'parent' is a required"}),
        ("warehouse", {"id": "W", "type": "CENTRAL", "name": "x", "parent": "V"}, {"$.parent": "not of type 'null'"}),
        (
            "warehouse",
            {"id": "W", "type": "CENTRAL", "name": "x", "reservation": True},
            {"$": "'reservationTime' is a required"},
        ),
        ("client", CLIENT | {"address": {"street": "x"}}, {"$.address": "'city' is a required"}),
        ("client", CLIENT | {"accountType": "FRIEND"}, {"$.accountType": "'FRIEND' is not one of"}),
        ("trade-credit", {"creditValue": -1}, {"$.creditValue": "-1 is less than the minimum of 0"}),
        ("client-blockade", {"type": "SALE"}, {"$": "'externalId' is a required"}),
    ],
)
def test_a_wrong_body_is_refused_with_the_place(name: str, document: Any, problems: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        payloads.check(name, document)

    found = {one["path"]: one["message"] for one in refused.value.problems}
    assert found.keys() == problems.keys()
    assert [path for path, part in problems.items() if part not in found[path]] == []


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-2, max_value=2),
    st.sampled_from(["", "A", "CLIENT"]),
    st.lists(st.integers(), max_size=1),
)
FIELDS = ["id", "sku", "quantity", "name", "externalId", "address", "accountType", "creditValue", "other"]
LINES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4)
DOCUMENTS = st.one_of(VALUES, LINES, st.builds(lambda lines: {"stocks": lines}, st.lists(LINES, max_size=2)))
MUTATIONS = st.tuples(st.sampled_from(NAMES), st.sampled_from(FIELDS), VALUES)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(NAMES), document=DOCUMENTS)
def test_a_predicate_never_allows_what_the_schema_forbids(name: str, document: Any) -> None:
    predicate = payloads.predicate(name)

    assert predicate is None or not predicate(document) or payloads.problems_of(name, document) == []


@settings(max_examples=300, deadline=None)
@given(mutation=MUTATIONS)
def test_nor_does_it_for_a_good_body_with_one_field_changed(mutation: tuple[str, str, Any]) -> None:
    name, field, value = mutation
    predicate = payloads.predicate(name)
    document = BODIES[name] | {field: value} if isinstance(BODIES[name], dict) else [BODIES[name][0] | {field: value}]

    assert predicate is None or not predicate(document) or payloads.problems_of(name, document) == []


@pytest.mark.parametrize("name", ["stock-line", "stock-increment", "stock-replacement", "segment", "client-blockade"])
def test_schemas_of_many_lines_have_a_predicate_that_knows_their_bodies(name: str) -> None:
    predicate = payloads.predicate(name)

    assert predicate is not None
    assert predicate(BODIES[name])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "a"},
        {"type": "object", "patternProperties": {}},
        {"enum": [1]},
        {"type": ["array"]},
    ],
)
def test_a_schema_beyond_the_plain_part_has_no_predicate(schema: dict[str, Any]) -> None:
    assert compiled(schema, BODIES.__getitem__) is None


def test_decimals_pass_through_json_exactly() -> None:
    text = b'{"quantity":12345678901234567890.123456789,"other":0.1}'

    assert payloads.encoded(payloads.decoded(text)) == text
