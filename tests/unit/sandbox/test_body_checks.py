"""The payload schemas, and the fast predicates that are compiled from them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.mapping.payloads.predicates import compiled
from engine.sandbox.api import body_checks
from engine.sandbox.api.replies import Refused

NAMES = list(body_checks.SCHEMAS.names())
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


CLIENT_ID = "org:11111111-2222-3333-4444-555555555555"
UUID = "11111111-2222-3333-4444-555555555555"
# The examples of one-api.md 2.8 to 2.17.
BODIES |= {
    "retail-prices": [{"productId": "A-100", "price": 19.9}, {"productId": "A-200", "price": 4.15}],
    "prices": [{"productId": "A-100", "pricingId": UUID, "price": 17.35}],
    "invoice": {
        "number": "FV/17/2031",
        "clientData": {
            "clientId": CLIENT_ID,
            "clientType": "ORGANIZATION",
            "tin": "0000000000",
            "invoiceEmail": "fv@example.invalid",
            "addressData": {
                "name": "Example Tools",
                "street": "Polna 1",
                "postalCode": "00-001",
                "city": "Warszawa",
                "country": "PL",
            },
        },
        "payerData": {"clientId": CLIENT_ID, "tin": "0000000000"},
        "tenantData": {"tin": "1111111111"},
        "totalPrices": {"netPrice": 100.0, "taxValue": 23.0, "grossPrice": 123.0},
        "amountPaid": 0,
        "isPaid": False,
        "splitPayment": False,
        "saleDate": "2031-03-02",
        "paymentDate": "2031-03-16",
        "currencyCode": "PLN",
        "customerPurchaseNumbers": ["PO-9"],
        "notes": "",
    },
    "goods-issued-note": {
        "number": "WZ/8/2031",
        "clientId": CLIENT_ID,
        "purchaseOrderNumber": "OF/31/3/2031",
        "documentDate": "2031-03-02",
        "saleDate": "2031-03-02",
        "deliveryDate": "2031-03-03",
        "notes": "",
        "productLines": [
            {
                "lineNumber": 1,
                "salesOrderReferenceNumber": "OF/31/3/2031/01",
                "salesOrderLineNumber": "OF/31/3/2031/01/01",
                "quantity": 4,
                "notes": None,
                "product": {
                    "sku": "A-100",
                    "gtin": None,
                    "name": "Screw box",
                    "unit": "C62",
                    "manufacturerIndex": "SB1",
                    "pkwiu": None,
                    "manufacturer": {"name": "Acme"},
                },
                "prices": {
                    "taxRate": 23,
                    "discount": 0,
                    "base": {"net": 25, "tax": 5.75, "gross": 30.75},
                    "additionalCosts": [],
                },
            }
        ],
        "deliveryAddress": {
            "name": "Example Tools",
            "street": "Polna 1",
            "city": "Warszawa",
            "postCode": "00-001",
            "country": "PL",
        },
        "paymentMethod": {"id": "x", "name": "Transfer"},
        "deliveryMethod": {"id": "y", "name": "Courier"},
        "warehouse": {"id": "KRK1", "name": "Krakow"},
        "operator": {"id": "z", "name": "Anna"},
        "prices": {"total": {"net": 100, "tax": 23, "gross": 123}},
    },
    "payment-status": {"newPaymentStatus": "PAID"},
    "shipped-quantities": {
        "shipmentId": "OF/31/3/2031/01",
        "quantityChanges": [{"sku": "A-100", "quantityShipped": 4}],
    },
    "waybills": {
        "shipmentId": "OF/31/3/2031/01",
        "waybills": [{"number": "TRK1", "url": "https://carrier.invalid/TRK1"}],
    },
    "offline-order": {
        "id": "ERP-77/1",
        "orderId": "ERP-77",
        "orderDate": "2031-03-02",
        "lastChange": "2031-03-02T09:00:00Z",
        "status": "packing",
        "organization": {"id": CLIENT_ID, "externalId": "K-0042"},
        "price": {
            "deliveryNet": 10,
            "deliveryGross": 12.3,
            "productsNet": 100,
            "productsGross": 123,
            "additionalCosts": [],
            "totalNet": 110,
            "totalTax": 25.3,
            "totalGross": 135.3,
        },
        "paymentMethod": {"name": "Transfer", "externalId": "TRANSFER"},
        "deliveryMethod": {
            "name": "Courier",
            "externalId": "COURIER",
            "type": "COURIER",
            "cost": {"net": 10, "tax": 2.3, "gross": 12.3},
        },
        "productLines": [
            {
                "lineNumber": "1",
                "sku": "A-100",
                "name": "Screw box",
                "contentUnitName": "piece",
                "contentUnitCode": "C62",
                "quantityOrdered": 4,
                "quantityShipped": 0,
                "price": {"netUnitPrice": 25, "netValue": 100, "taxValue": 23, "grossValue": 123},
            }
        ],
        "user": {"name": "Jan Przyklad"},
    },
}
AMOUNTS = {"net": 25, "tax": Decimal("5.75"), "gross": Decimal("30.75")}
INVOICE_LINE = {
    "lineNumber": 1,
    "product": {"sku": "A-100", "name": 'Wąż "½"', "unit": "MTR", "manufacturer": None},
    "quantity": Decimal("12.5"),
    "prices": {"taxRate": 23, "base": AMOUNTS, "total": AMOUNTS, "additionalCosts": None},
}
BODIES |= {
    "retail-price": BODIES["retail-prices"][0],
    "price": BODIES["prices"][0],
    "price-list": {
        "name": "Hurt Łódź",
        "global": False,
        "priority": 1,
        "conditions": [{"type": "TIME_RANGE", "start": "2031-01-01T00:00:00Z", "end": None}],
        "defaultDiscount": {"type": "PERCENT_ADDITIVE", "value": Decimal("2.5")},
        "notYetDocumented": 1,
    },
    "price-list-assignment": {"clientId": CLIENT_ID, "pricingId": UUID},
    "price-list-assignments": [{"clientGroupId": "g", "pricingId": UUID}],
    "invoice-address": BODIES["invoice"]["clientData"]["addressData"],
    "invoice-line": INVOICE_LINE,
    "invoice-status": {"number": "FV/17/2031", "isPaid": True, "amountPaid": Decimal("123.00")},
    "file-upload-begin": {"number": "FV/17/2031", "fileExtension": "pdf"},
    "file-upload-complete": {"uploadId": UUID, "number": "FV/17/2031", "fileExtension": "pdf"},
    "file-upload-initialize": {"number": "WZ/8/2031", "fileExtension": "pdf"},
    "file-upload-finalize": {"uploadId": UUID},
    "goods-issued-note-line": BODIES["goods-issued-note"]["productLines"][0],
    "document-product": INVOICE_LINE["product"],
    "document-line-prices": INVOICE_LINE["prices"],
    "amounts": AMOUNTS,
    "id-and-name": {"id": "KRK1", "name": None},
    "shipped-quantity": BODIES["shipped-quantities"]["quantityChanges"][0],
    "waybill": {"number": "TRK1"},
    "offline-order-line": BODIES["offline-order"]["productLines"][0],
}
# The offline order with all its optional parts (one-api.md 2.17).
COSTS = ["contentUnitNet", "contentUnitTax", "contentUnitGross", "totalNet", "totalTax", "totalGross"]
WHOLE_LINE = BODIES["offline-order-line"] | {
    "lastChange": "2031-03-02T09:00:00.125Z",
    "manufacturerIndex": "SB1",
    "manufacturerName": "Acme",
    "notes": "pilne",
    "quantityOrderedInContentUnit": Decimal("4.5"),
    "price": BODIES["offline-order-line"]["price"]
    | {"catalogPriceDiscount": 0, "netCatalogPrice": 25, "netCatalogUnitPrice": 25}
    | {"additionalCosts": [{"type": "KGO"} | dict.fromkeys(COSTS, Decimal("0.1"))]},
}
WHOLE_ORDER = BODIES["offline-order"] | {
    "notes": "Zażółć",
    "supplyWarehouseId": "W1",
    "price": BODIES["offline-order"]["price"]
    | {"additionalCosts": [{"type": "KGO", "net": 1, "tax": Decimal("0.23"), "gross": Decimal("1.23")}]},
    "paymentMethod": {"name": "Transfer", "id": UUID, "externalId": "TRANSFER"},
    "deliveryMethod": BODIES["offline-order"]["deliveryMethod"]
    | {"id": None, "pickupPointId": "P-1", "deliveryDateRequired": "2031-03-05", "deliveryDateConfirmed": "2031-03-06"}
    | {
        "address": {
            "type": "SYSTEM",
            "name": "a",
            "street": "b",
            "zipCode": "c",
            "city": "d",
            "country": "PL",
            "phone": "",
        }
    },
    "productLines": [WHOLE_LINE],
    "user": {"email": "jan@example.invalid", "id": UUID, "name": "Jan Przykład", "phone": "+48 000 000 001"},
    "waybills": [{"number": "TRK1", "url": "https://carrier.invalid/TRK1"}],
    "authorizedPeople": [{"email": "ewa@example.invalid", "name": "Ewa", "phone": "+48 000 000 002", "userId": "7"}],
}


def fields(schema: Any, place: str = "$") -> Iterator[tuple[str, Any]]:
    """Give every field that a schema names, at any depth; `$ref` is followed."""
    if "$ref" in schema:
        schema = body_checks.SCHEMAS.validator(schema["$ref"].removesuffix(".schema.json")).schema
    for name, part in schema.get("properties", {}).items():
        yield f"{place}.{name}", part
        yield from fields(part, f"{place}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], f"{place}[0]")


def paths(document: Any, place: str = "$") -> Iterator[str]:
    """Give the place of every field of a document."""
    for name, value in document.items() if isinstance(document, dict) else ():
        yield f"{place}.{name}"
        yield from paths(value, f"{place}.{name}")
    for value in document if isinstance(document, list) else ():
        yield from paths(value, f"{place}[0]")


def test_every_schema_has_a_valid_body_here() -> None:
    assert sorted(BODIES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_schema_is_json_schema_and_describes_all_its_fields(name: str) -> None:
    schema: Any = body_checks.SCHEMAS.validator(name).schema
    Draft202012Validator.check_schema(schema)

    undescribed = [path for path, part in fields(schema) if not part.get("description")]

    assert (undescribed, bool(schema["description"])) == ([], True)


@pytest.mark.parametrize("name", NAMES)
def test_the_documented_body_is_valid(name: str) -> None:
    assert body_checks.problems_of(name, BODIES[name]) == []


def test_the_offline_order_is_valid_with_all_its_optional_parts_and_with_none() -> None:
    order, line = BODIES["offline-order"], BODIES["offline-order-line"]
    kept = ["id", "orderId", "orderDate", "organization", "price", "paymentMethod"]
    price = ["deliveryNet", "productsNet", "totalNet", "totalTax", "totalGross"]
    shortest_line = ["lineNumber", "name", "sku", "quantityOrdered", "contentUnitName", "price"]
    shortest = {name: order[name] for name in kept} | {
        "organization": {"id": CLIENT_ID},
        "price": {name: order["price"][name] for name in price},
        "paymentMethod": {"name": "Transfer"},
        "deliveryMethod": {},
        "productLines": [{name: line[name] for name in shortest_line}],
        "user": {},
    }

    named = {path for path, _ in fields(body_checks.SCHEMAS.validator("offline-order").schema)}

    assert set(paths(WHOLE_ORDER)) == named
    assert [body_checks.problems_of("offline-order", one) for one in (WHOLE_ORDER, shortest)] == [[], []]


@pytest.mark.parametrize("name", ["offline-order", "offline-order-line", "waybill", "retail-price", "price"])
def test_every_field_documented_as_required_is_required_and_no_other(name: str) -> None:
    schema: Any = body_checks.SCHEMAS.validator(name).schema
    documented = [
        field for field, part in schema["properties"].items() if "documented, required" in part["description"]
    ]

    missing = [field for field in schema["properties"] if body_checks.problems_of(name, without(BODIES[name], field))]

    assert (sorted(documented), sorted(missing)) == (sorted(schema["required"]), sorted(schema["required"]))


def without(document: Any, name: str) -> Any:
    return {field: value for field, value in document.items() if field != name}


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
        ("retail-prices", [{"productId": "A", "price": "1.5"}], {"$[0].price": "'1.5' is not of type 'number'"}),
        ("retail-prices", [{"productId": "A", "price": 1, "x": 1}], {"$[0]": "'x' was unexpected"}),
        ("prices", [BODIES["price"] | {"pricingId": "7"}], {"$[0].pricingId": "'7' does not match"}),
        ("price-list", {"global": True}, {"$": "'name' is a required"}),
        (
            "price-list",
            {"name": "x", "defaultDiscount": {"type": "HALF", "value": 1}},
            {"$.defaultDiscount.type": "'HALF' is not one of"},
        ),
        ("price-list-assignments", [{"pricingId": UUID}], {"$[0]": "is not valid under any of the given"}),
        (
            "price-list-assignments",
            [{"clientId": CLIENT_ID, "clientGroupId": "g", "pricingId": UUID}],
            {"$[0]": "is valid under each of"},
        ),
        ("invoice", BODIES["invoice"] | {"currencyCode": "zł"}, {"$.currencyCode": "'zł' does not match"}),
        ("invoice", BODIES["invoice"] | {"saleDate": "2.03.2031"}, {"$.saleDate": "'2.03.2031' does not match"}),
        ("invoice", BODIES["invoice"] | {"totalPrices": {"netPrice": 1}}, {"$.totalPrices": "is a required"}),
        (
            "invoice",
            BODIES["invoice"] | {"productLines": [INVOICE_LINE, INVOICE_LINE | {"lineNumber": 0}]},
            {"$.productLines[1].lineNumber": "0 is less than the minimum of 1"},
        ),
        ("invoice-status", {"number": "FV/1", "isPaid": "T"}, {"$.isPaid": "'T' is not of type 'boolean'"}),
        ("file-upload-complete", {"number": "FV/1"}, {"$": "'uploadId' is a required"}),
        (
            "goods-issued-note",
            BODIES["goods-issued-note"] | {"productLines": [BODIES["goods-issued-note-line"] | {"lineNumber": 0}]},
            {"$.productLines[0].lineNumber": "0 is less than the minimum of 1"},
        ),
        ("goods-issued-note", BODIES["goods-issued-note"] | {"date": "x"}, {"$": "'date' was unexpected"}),
        ("payment-status", {"newPaymentStatus": "SENT"}, {"$.newPaymentStatus": "'SENT' is not one of"}),
        (
            "shipped-quantities",
            {"shipmentId": "s", "quantityChanges": [{"sku": "A", "quantityShipped": -1}]},
            {"$.quantityChanges[0].quantityShipped": "-1 is less than the minimum of 0"},
        ),
        ("waybills", {"shipmentId": "s", "waybills": [{"url": "x"}]}, {"$.waybills[0]": "'number' is a required"}),
        ("offline-order", BODIES["offline-order"] | {"user": None}, {"$.user": "null is not of type 'object'"}),
        (
            "offline-order",
            BODIES["offline-order"] | {"lastChange": "2031-03-02T09:00:00+01:00"},
            {"$.lastChange": "does not match"},
        ),
        (
            "offline-order",
            BODIES["offline-order"] | {"productLines": [without(BODIES["offline-order-line"], "contentUnitName")]},
            {"$.productLines[0]": "'contentUnitName' is a required"},
        ),
    ],
)
def test_a_wrong_body_is_refused_with_the_place(name: str, document: Any, problems: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        body_checks.check(name, document)

    found = {one["path"]: one["message"] for one in refused.value.problems}
    assert found.keys() == problems.keys()
    assert [path for path, part in problems.items() if part not in found[path]] == []


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-2, max_value=2),
    st.sampled_from(["", "A", "CLIENT", UUID, "2031-03-02"]),
    st.lists(st.integers(), max_size=1),
)
FIELDS = ["id", "sku", "quantity", "name", "externalId", "address", "accountType", "creditValue", "other"]
FIELDS += ["productId", "price", "pricingId", "clientId", "clientGroupId", "lineNumber", "productLines", "saleDate"]
FIELDS += ["salesOrderLineNumber", "prices", "product", "waybills", "deliveryMethod", "newPaymentStatus", "notes"]
LINES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4)
DOCUMENTS = st.one_of(VALUES, LINES, st.builds(lambda lines: {"stocks": lines}, st.lists(LINES, max_size=2)))
MUTATIONS = st.tuples(st.sampled_from(NAMES), st.sampled_from(FIELDS), VALUES)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(NAMES), document=DOCUMENTS)
def test_a_predicate_never_allows_what_the_schema_forbids(name: str, document: Any) -> None:
    predicate = body_checks.SCHEMAS.predicate(name)

    assert predicate is None or not predicate(document) or body_checks.problems_of(name, document) == []


@settings(max_examples=300, deadline=None)
@given(mutation=MUTATIONS)
def test_nor_does_it_for_a_good_body_with_one_field_changed(mutation: tuple[str, str, Any]) -> None:
    name, field, value = mutation
    predicate = body_checks.SCHEMAS.predicate(name)
    document = BODIES[name] | {field: value} if isinstance(BODIES[name], dict) else [BODIES[name][0] | {field: value}]

    assert predicate is None or not predicate(document) or body_checks.problems_of(name, document) == []


WITH_PREDICATE = sorted({*NAMES} - {"client", "warehouse", "warehouses", "goods-issued-note", "goods-issued-note-line"})


@pytest.mark.parametrize("name", WITH_PREDICATE)
def test_all_schemas_but_a_few_of_single_records_have_a_predicate_that_knows_their_bodies(name: str) -> None:
    predicate = body_checks.SCHEMAS.predicate(name)

    assert predicate is not None
    assert predicate(BODIES[name])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "date"},
        {"type": "object", "patternProperties": {}},
        {"enum": [1]},
        {"type": ["array", "string"]},
        {"type": "array", "items": {"type": "string"}, "minLength": 1},
        {"type": ["object", "null"], "oneOf": [{"required": ["a"]}]},
        {"type": "object", "oneOf": [{"properties": {}}]},
        {"$ref": "segment.schema.json", "minLength": 1},
    ],
)
def test_a_schema_beyond_the_plain_part_has_no_predicate(schema: dict[str, Any]) -> None:
    assert compiled(schema, BODIES.__getitem__) is None


def test_decimals_pass_through_json_exactly() -> None:
    text = b'{"quantity":12345678901234567890.123456789,"other":0.1}'

    assert body_checks.encoded(body_checks.decoded(text)) == text
