"""The shipped mappings are valid, fit the demonstration's ERP, and say what they assume."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.demo import erp, processing
from engine.mapping.checks.names import template_texts
from engine.mapping.checks.validate import validate
from engine.mapping.fires import plan, schedules_of
from engine.mapping.spec import Cron, HttpSource, Manual, MappingSpec, Once, SqlSource, TableWrite, Tied
from engine.templates import compile_value
from world.shipped import MAPPINGS as FOLDER
from world.shipped import shipped

MAPPINGS: Mapping[str, MappingSpec] = shipped().mappings
FROM_ERP = sorted(name for name, mapping in MAPPINGS.items() if isinstance(mapping.source, SqlSource))
GIVEN = {"line", "lines", "removed", "saved", "row", "body", "vars", "status"}  # what a template sees beside columns

ASSUMED = [
    ("project", "rate_limit:", "1"),
    ("project", "warehouse_service:", "4"),
    ("project", "root_segment:", "2.1"),
    ("segments", "externalId:", "2.1"),
    ("segments", "parentSegmentId:", "2.1"),
    ("segments", 'segment_id: "{{ body.id', "2.1"),
    ("segments", "pageNumber:", "1"),
    ("segments", "body: ", "2.1"),
    ("warehouses", "address:", "2.2"),
    ("warehouses", "method:", "2.2"),
    ("warehouses", "path:", "2.2"),
    ("warehouses", "body:", "2.2"),
    ("stocks", 'sku: "{{', "2.3"),
    ("stocks", 'quantity: "{{', "2.3"),
    ("stocks", "idempotent:", "2.3"),
    ("stocks", 'stocks: "{{', "2.3"),
    ("stocks", "stocksToRemove:", "2.3"),
    ("clients", "type:", "2.4"),
    ("clients", 'externalId: "{{ customer_id }}"', "2.4"),
    ("clients", "name: {$value", "2.4"),
    ("clients", "tin:", "2.4"),
    ("clients", "taxPayer:", "2.4"),
    ("clients", 'phone: {$value: "{{ phone', "2.4"),
    ("clients", "segmentId:", "2.4"),
    ("clients", 'client_id: "{{ body.clientId', "2.4"),
    ("clients", 'client_id: "{{ body[0]', "2.4"),
    ("clients", "found:", "2.4"),
    ("clients", "path: /api/v1/account/integrations/auth-required/clients/{{ saved", "2.4"),
    ("clients_inbound", "path: /api/v1/account/integrations/auth-required/clients/synchronization", "2.5"),
    ("clients_inbound", "contexts:", "1"),
    ("clients_inbound", "startId:", "2.5"),
    ("clients_inbound", "items:", "2.5"),
    ("clients_inbound", "next:", "2.5"),
    ("clients_inbound", "start:", "1"),
    ("clients_inbound", 'removed: "{{', "2.5"),
    ("clients_inbound", "key: [", "2.5"),
    ("trade_credits", "creditValue:", "2.6"),
    ("trade_credits", "creditValueUsed:", "2.6"),
    ("client_blockades", "externalId:", "2.7"),
    ("client_blockades", "body:", "2.7"),
    ("project", "orders_service:", "4"),
    ("project", "order_statuses:", "2.16"),
    ("retail_prices", "body:", "2.8"),
    ("price_lists", "global:", "2.9"),
    ("price_lists", "priority:", "2.9"),
    ("price_lists", "conditions:", "2.9"),
    ("price_lists", "type: PERCENT", "2.9"),
    ("price_lists", "path: /api/v1/pricing/integrations/auth-required/pricing/discount", "2.9"),
    ("price_lists", 'pricing_id: "{{ body.pricingId', "2.9"),
    ("price_lists", 'name: "{{ price_list_code }} {{ name }}"   #', "2.9"),
    ("price_lists", "found:", "2.9"),
    ("price_lists", 'pricing_id: "{{ body[0]', "2.9"),
    ("price_lists", "path: /api/v1/pricing/integrations/auth-required/pricing/discount/{{ saved", "2.9"),
    ("prices", "body:", "2.9"),
    ("price_list_assignments", "method: DELETE", "2.9"),
    ("price_list_assignments", "body:", "2.9"),
    ("invoices", "issueDate:", "2.10"),
    ("invoices", "customerPurchaseNumbers:", "2.10"),
    ("invoices", "paymentMethod:", "2.10"),
    ("invoices", "productLines:", "2.10"),
    ("invoices", "method: POST", "2.10"),
    ("invoices", "method: GET", "2.10"),
    ("invoices", "found:", "2.10"),
    ("invoice_files", "method: POST", "2.11"),
    ("invoice_files", "method: PUT", "2.11"),
    ("invoice_files", "idempotent:", "2.11"),
    ("invoice_files", "body:", "2.11"),
    ("invoice_files", "upload_url:", "2.11"),
    ("invoice_statuses", "fields:", "2.12"),
    ("invoice_statuses", "method:", "2.12"),
    ("invoice_statuses", "body:", "2.12"),
    ("goods_issued_notes", "prices:", "2.13"),
    ("goods_issued_notes", "body:", "2.13"),
    ("goods_issued_note_files", "method: PUT", "2.14"),
    ("goods_issued_note_files", "idempotent:", "2.14"),
    ("goods_issued_note_files", "body:", "2.14"),
    ("goods_issued_note_files", "upload_url:", "2.14"),
    ("orders", "next:", "1"),
    ("orders", 'removed: "{{', "2.15"),
    ("payment_statuses", "schedule:", "1.1"),
    ("confirmed_delivery_dates", "schedule:", "1.1"),
    ("shipped_quantities", "schedule:", "1.1"),
    ("shipped_quantities", "quantityChanges:", "2.16"),
    ("waybills", "schedule:", "1.1"),
    ("waybills", "idempotent:", "2.16"),
    ("waybills", "found:", "2.15"),
    ("offline_orders", "type: \"{{ 'COURIER", "2.17"),
]
EVERY_MINUTE = ("orders", "offline_orders")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("demo") / "erp.db"
    erp.create(path)
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def columns(demo: sqlite3.Connection, query: str) -> set[str]:
    return {column[0] for column in demo.execute(query).description}


def source(name: str) -> SqlSource:
    found = MAPPINGS[name].source
    assert isinstance(found, SqlSource)
    return found


def extract(demo: sqlite3.Connection, name: str) -> list[dict[str, Any]]:
    cursor = demo.execute(source(name).query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def texts(value: Any) -> Iterator[str]:
    """Give every text inside a value made of mappings, lists and dataclasses."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from texts(getattr(value, name))


def names_used(*values: Any) -> set[str]:
    return {name for text in texts(values) for name in compile_value(text, timezone=UTC).names}


def lines(name: str) -> list[str]:
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()


def rendered(template: Any, *, lenient: bool = False, **context: Any) -> Any:
    return compile_value(template, timezone=UTC, lenient=lenient).render(context)


def answered(template: Any, body: Any, **context: Any) -> Any:
    """Evaluate a template that reads an answer: missing names in it are null (ledger.md 9)."""
    return rendered(template, lenient=True, body=body, **context)


def test_the_shipped_project_is_valid() -> None:
    loaded = shipped()

    assert validate(loaded.project, loaded.mappings) == []


def test_the_objects_of_stage_one_are_there() -> None:
    assert {name: mapping.direction for name, mapping in MAPPINGS.items() if mapping.stage == 1} == {
        "segments": "outbound",
        "warehouses": "outbound",
        "stocks": "outbound",
        "clients": "outbound",
        "clients_inbound": "inbound",
        "trade_credits": "outbound",
        "client_blockades": "outbound",
    }


def test_the_objects_of_the_later_stages_are_there() -> None:
    stages = {stage: {name for name, each in MAPPINGS.items() if each.stage == stage} for stage in (2, 3)}

    assert stages == {
        2: {"retail_prices", "main_catalog", "price_lists", "price_list_assignments", "prices"},
        3: {
            *("invoices", "invoice_files", "invoice_statuses", "goods_issued_notes", "goods_issued_note_files"),
            *("orders", "order_statuses", "payment_statuses", "confirmed_delivery_dates", "shipped_quantities"),
            *("waybills", "offline_orders"),
        },
    }
    assert {name for name, each in MAPPINGS.items() if each.direction == "inbound"} == {"clients_inbound", "orders"}


def test_each_object_runs_when_the_platform_proposes() -> None:
    schedules = {
        name: [mapping.schedule, *(entry.schedule for entry in mapping.send if entry.schedule)]
        for name, mapping in MAPPINGS.items()
    }

    assert schedules == {  # one-api.md 1.1
        "segments": [Tied(order="before", object="clients")],
        "warehouses": [Once()],
        "stocks": [Cron(text="0 */2 * * * *")],
        "clients": [Manual(), Cron(text="0 */10 * * * *"), Cron(text="50 */10 * * * *")],
        "clients_inbound": [Cron(text="0 */2 * * * *")],
        "trade_credits": [Tied(order="after", object="clients")],
        "client_blockades": [Tied(order="after", object="clients")],
        "retail_prices": [Cron(text="0 5,15,25,35,45,55 * * * *")],
        "main_catalog": [Tied(order="before", object="prices")],
        "price_lists": [Tied(order="before", object="prices")],
        "prices": [Cron(text="0 15 0 * * *")],
        "price_list_assignments": [Tied(order="after", object="prices")],
        "invoices": [Cron(text="0 0,30 8-20 * * *")],
        "invoice_files": [Tied(order="after", object="invoices")],
        "invoice_statuses": [Cron(text="0 5,35 8-20 * * *")],
        "goods_issued_notes": [Cron(text="0 0,30 8-20 * * *")],
        "goods_issued_note_files": [Tied(order="after", object="goods_issued_notes")],
        "orders": [Cron(text="0 * * * * *")],
        "order_statuses": [Cron(text="40 */10 * * * *")],
        "payment_statuses": [Tied(order="after", object="order_statuses")],
        "confirmed_delivery_dates": [Tied(order="after", object="order_statuses")],
        "shipped_quantities": [Tied(order="after", object="order_statuses")],
        "waybills": [Tied(order="after", object="order_statuses")],
        "offline_orders": [Cron(text="0 * * * * *")],
    }


WARSAW = ZoneInfo("Europe/Warsaw")
MIDNIGHT = datetime(2026, 3, 29, tzinfo=WARSAW)  # the hour from two to three is skipped
HOURS = [hour for hour in range(24) if hour != 2]
BY_DAY = [f"{hour:02}:{minute}:00" for hour in range(8, 21) for minute in ("00", "30")]
BACK = [f"{hour:02}:{ten}0:40" for hour in HOURS for ten in range(6)]


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("retail_prices", [f"{hour:02}:{ten}5:00" for hour in HOURS for ten in range(6)]),
        *((name, ["00:15:00"]) for name in ("main_catalog", "price_lists", "prices", "price_list_assignments")),
        *((name, BY_DAY) for name in ("invoices", "invoice_files", "goods_issued_notes", "goods_issued_note_files")),
        ("invoice_statuses", [f"{hour:02}:{minute}:00" for hour in range(8, 21) for minute in ("05", "35")]),
        *((name, [f"{hour:02}:{minute:02}:00" for hour in HOURS for minute in range(60)]) for name in EVERY_MINUTE),
        *((name, BACK) for name in ("order_statuses", "payment_statuses", "confirmed_delivery_dates")),
        *((name, BACK) for name in ("shipped_quantities", "waybills")),
    ],
)
def test_the_day_on_which_the_clocks_go_forward_has_its_fires_but_for_the_skipped_hour(
    name: str, times: list[str]
) -> None:
    found = plan(schedules_of(MAPPINGS), list(MAPPINGS), WARSAW, MIDNIGHT, MIDNIGHT + timedelta(days=1))
    mine = [fire.at for fire in found if fire.object == name]

    assert [f"{at:%H:%M:%S}" for at in mine] == times
    assert {f"{at:%z}" for at in mine if at.hour >= 3} <= {"+0200"}
    assert {f"{at:%z}" for at in mine if at.hour < 2} <= {"+0100"}


def used_columns(name: str) -> dict[str | None, set[str]]:
    """Give what the templates of a mapping use: of its rows (None), and of each of its children."""
    mapping = MAPPINGS[name]
    children = source(name).children
    used: dict[str | None, set[str]] = {None: names_used(mapping.files, mapping.send) - GIVEN}
    for text in template_texts.texts(("fields",), mapping.fields):
        inmost = text.each[-1] if text.each else None
        used.setdefault(inmost, set()).update(text.names - {"vars", "row"} - children.keys())
    return {each: found - set(mapping.refs) for each, found in used.items()}


@pytest.mark.parametrize("name", FROM_ERP)
def test_every_name_in_a_template_is_a_column_of_its_query(demo: sqlite3.Connection, name: str) -> None:
    used = used_columns(name)
    children = source(name).children

    assert used.keys() - {None} == children.keys()
    assert used.pop(None) - columns(demo, source(name).query) == set()
    for child, found in used.items():
        assert found - columns(demo, children[str(child)].query) == set(), child


@pytest.mark.parametrize("name", FROM_ERP)
def test_every_column_of_a_query_is_used(demo: sqlite3.Connection, name: str) -> None:
    used = used_columns(name)
    referring = {ours for ref in MAPPINGS[name].refs.values() for ours in ref.on.values()}

    assert columns(demo, source(name).query) - used[None] - referring - set(source(name).key) == set()
    for child, spec in source(name).children.items():
        assert columns(demo, spec.query) - used[child] - {*spec.parent, *spec.order_by} == set(), child


@pytest.mark.parametrize("name", FROM_ERP)
def test_a_reference_joins_the_whole_key_of_the_other_object(demo: sqlite3.Connection, name: str) -> None:
    for ref in MAPPINGS[name].refs.values():
        assert (set(ref.on), set(ref.on.values()) - columns(demo, source(name).query)) == (
            set(source(ref.object).key),
            set(),
        )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("segments", 5),
        ("warehouses", 3),
        ("stocks", 2699),  # 900 of 1,000 products in three warehouses, the refused one in one, one row twice
        ("clients", 175),
        ("trade_credits", 80),
        ("client_blockades", 21),
        ("retail_prices", 879),
        ("main_catalog", 1),
        ("price_lists", 15),
        ("price_list_assignments", 90),
        ("prices", 1392),
        ("invoices", 70),
        ("goods_issued_notes", 70),
        ("offline_orders", 78),
    ],
)
def test_a_query_gives_the_expected_number_of_rows(demo: sqlite3.Connection, name: str, expected: int) -> None:
    assert len(extract(demo, name)) == expected


@pytest.mark.parametrize(
    ("name", "column", "table"),
    [
        ("stocks", "sku", "product"),
        ("clients", "customer_id", "customer"),
        ("trade_credits", "customer_id", "customer"),
        ("client_blockades", "customer_id", "customer"),
    ],
)
def test_nothing_without_the_flag_is_read(demo: sqlite3.Connection, name: str, column: str, table: str) -> None:
    unflagged = {row[0] for row in demo.execute(f"SELECT {column} FROM {table} WHERE send_to_one = 0")}

    assert unflagged
    assert {row[column] for row in extract(demo, name)} & unflagged == set()


def test_only_the_planted_keys_come_twice(demo: sqlite3.Connection) -> None:
    doubled = {}
    for name in FROM_ERP:
        keys = [tuple(row[part] for part in source(name).key) for row in extract(demo, name)]
        doubled[name] = {key for key in keys if keys.count(key) > 1} if len(keys) != len(set(keys)) else set()

    assert {name: keys for name, keys in doubled.items() if keys} == {"stocks": {("W1", "A-000004")}}


def test_persons_have_no_trade_credit(demo: sqlite3.Connection) -> None:
    persons = {row["customer_id"] for row in extract(demo, "clients") if row["kind"] == "person"}

    assert persons
    assert {row["customer_id"] for row in extract(demo, "trade_credits")} & persons == set()


def test_the_gravest_of_two_blockades_is_sent(demo: sqlite3.Connection) -> None:
    assert demo.execute("SELECT code FROM blockade WHERE customer_id = 'K-0001' ORDER BY code").fetchall() == [
        ("OVERDUE-30",),
        ("OVERDUE-60",),
    ]
    assert {"customer_id": "K-0001", "blockade_code": "OVERDUE-60"} in extract(demo, "client_blockades")


def test_a_quantity_never_counted_is_zero(demo: sqlite3.Connection) -> None:
    [(warehouse, sku)] = demo.execute(
        "SELECT s.warehouse_id, s.sku FROM stock s JOIN product p ON p.sku = s.sku"
        " WHERE s.quantity IS NULL AND p.send_to_one = 1 LIMIT 1"
    ).fetchall()

    assert {"warehouse_id": warehouse, "sku": sku, "quantity": 0} in extract(demo, "stocks")


@pytest.mark.parametrize(("kind", "expected"), [("organization", "COMPANY"), ("person", "INDIVIDUAL")])
def test_a_client_says_what_kind_it_is(kind: str, expected: str) -> None:
    assert rendered(MAPPINGS["clients"].fields["type"], kind=kind) == expected


@pytest.mark.parametrize(("segment_id", "expected"), [("s-1", "s-1"), (None, "segment")])
def test_a_client_or_segment_without_a_segment_above_stands_at_the_root(segment_id: str | None, expected: str) -> None:
    known: dict[str, Any] = {"segment": {"segment_id": segment_id}, "above": {"segment_id": segment_id}}
    root = shipped().project.vars

    assert rendered(MAPPINGS["clients"].fields["segmentId"], vars=root, **known) == expected
    assert rendered(MAPPINGS["segments"].fields["parentSegmentId"], vars=root, **known) == expected


def test_a_trade_credit_is_addressed_by_the_id_without_prefix_and_a_blockade_by_the_one_with_it() -> None:
    client = {"client_id": "org:11111111-2222-3333-4444-555555555555"}
    paths = {
        name: {rendered(request.path, client=client) for entry in MAPPINGS[name].send for request in entry.requests}
        for name in ("trade_credits", "client_blockades")
    }

    account = "/api/v1/account/integrations/auth-required"
    assert paths == {
        "trade_credits": {f"{account}/trade-credits/11111111-2222-3333-4444-555555555555"},
        "client_blockades": {f"{account}/client-blockades/org%3A11111111-2222-3333-4444-555555555555"},
    }


@pytest.mark.parametrize(
    ("body", "found", "absent"),
    [
        ([{"id": "segment", "externalId": None}, {"id": "s-1", "externalId": "HURT"}], True, False),
        ([{"id": "segment", "externalId": None}], False, True),
        ([{"id": "segment"}], False, True),
        ([], False, True),
        ([{"id": str(number), "externalId": "HURT"} for number in range(2)], False, False),
        ([{"id": str(number), "externalId": None} for number in range(1000)], False, False),  # there may be more
    ],
)
def test_a_segment_is_looked_up_in_the_list(body: list[Any], found: bool, absent: bool) -> None:
    lookup = MAPPINGS["segments"].send[0].lookup
    assert lookup

    assert answered(lookup.found, body, segment_code="HURT") is found
    assert answered(lookup.absent, body, segment_code="HURT") is absent
    if found:
        assert answered(lookup.save["segment_id"], body, segment_code="HURT") == "s-1"


@pytest.mark.parametrize("body", [{"clientId": "org:1"}, {"id": "org:1"}])
def test_a_new_client_is_bound_by_either_name_of_its_id(body: dict[str, str]) -> None:
    [create, _] = MAPPINGS["clients"].send
    assert create.lookup

    assert answered(create.save["client_id"], body) == "org:1"
    assert answered(create.lookup.found, [body]) is True
    assert answered(create.lookup.save["client_id"], [body]) == "org:1"


@pytest.mark.parametrize(
    ("kind", "removed"), [("CREATE", False), ("UPDATE", False), ("DELETE", True), ("delete", True)]
)
def test_only_a_deletion_in_one_is_a_removal(kind: str, removed: bool) -> None:
    inbound = MAPPINGS["clients_inbound"].source
    assert isinstance(inbound, HttpSource)

    assert rendered(inbound.feed.removed, lenient=True, item={"clientId": "org:1", "type": kind}) is removed


def test_our_own_writes_are_not_asked_for() -> None:
    inbound = MAPPINGS["clients_inbound"].source
    assert isinstance(inbound, HttpSource)

    assert rendered(inbound.feed.request.query, cursor=7) == {
        "contexts": "APPLICATION,BACKOFFICE,INTERNAL",
        "startId": 7,
    }


@pytest.mark.parametrize(("name", "tables"), [("clients_inbound", 2), ("orders", 8)])
def test_the_inbound_tables_have_the_columns_that_are_written(demo: sqlite3.Connection, name: str, tables: int) -> None:
    write = MAPPINGS[name].write
    assert write
    assert write.removed

    assert [missing(demo, table) for table in write.tables] == [set()] * tables
    for statement in write.removed.statements:
        assert demo.execute(statement.sql, dict.fromkeys(statement.params, "org:1")).rowcount == 0


def test_every_column_of_the_tables_of_orders_is_written(demo: sqlite3.Connection) -> None:
    write = MAPPINGS["orders"].write
    assert write

    for table in write.tables:
        assert columns(demo, f"SELECT * FROM {table.table}") - {*table.key, *table.fields} == set(), table.table


def missing(demo: sqlite3.Connection, table: TableWrite) -> set[str]:
    return {*table.key, *table.fields} - columns(demo, f"SELECT * FROM {table.table}")


def test_the_dictionaries_list_the_codes_of_the_erp_and_no_others() -> None:
    maps = shipped().project.maps

    assert maps["payment_statuses"] == processing.PAYMENT_STATUSES
    assert tuple(maps["order_statuses"]) == processing.STATUSES


def test_every_line_is_checked_against_a_schema_where_it_is_a_body_or_part_of_one() -> None:
    unchecked = {name for name, each in MAPPINGS.items() if each.fields and each.payload_schema is None}

    assert unchecked == {"order_statuses", "confirmed_delivery_dates"}  # all is said in the query


@pytest.mark.parametrize(
    ("catalog", "price_list", "expected"), [("main", None, "main"), (None, "p-1", "p-1")], ids=["catalogue", "list"]
)
def test_a_price_belongs_to_the_catalogue_or_to_a_list(
    catalog: str | None, price_list: str | None, expected: str
) -> None:
    known = {"catalog": {"pricing_id": catalog}, "price_list": {"pricing_id": price_list}}

    assert rendered(MAPPINGS["prices"].fields["pricingId"], **known) == expected


@pytest.mark.parametrize(("pricing_id", "expected"), [("p-1", "p-1"), (None, "00000000-0000-0000-0000-000000000000")])
def test_an_assignment_is_never_taken_away_without_saying_which(pricing_id: str | None, expected: str) -> None:
    [take_away, _] = MAPPINGS["price_list_assignments"].send

    assert rendered(
        take_away.requests[0].query, client={"client_id": "org:1"}, price_list={"pricing_id": pricing_id}
    ) == {"clientId": "org:1", "pricingId": expected}


@pytest.mark.parametrize(
    ("body", "found", "absent"),
    [
        ({"id": "S/1", "waybills": [{"number": "A"}, {"number": "B", "url": None}]}, True, False),
        ({"id": "S/1", "waybills": [{"number": "A"}]}, False, True),
        ({"id": "S/1", "waybills": []}, False, True),
        ({"id": "S/2", "waybills": []}, False, False),  # another shipment: that proves nothing
        ({"message": "shipment not found"}, False, False),
    ],
)
def test_a_waybill_is_looked_up_in_its_shipment(body: Any, found: bool, absent: bool) -> None:
    lookup = MAPPINGS["waybills"].send[0].lookup
    assert lookup

    assert answered(lookup.found, body, number="B", shipment_id="S/1") is found
    assert answered(lookup.absent, body, number="B", shipment_id="S/1") is absent


@pytest.mark.parametrize(
    ("fee_kind", "expected"),
    [
        (None, []),
        (
            "KGO",
            [
                {
                    "type": "KGO",
                    "contentUnitNet": 1,
                    "contentUnitTax": 1,
                    "contentUnitGross": 1,
                    "totalNet": 1,
                    "totalTax": 1,
                    "totalGross": 1,
                }
            ],
        ),
    ],
)
def test_a_line_of_an_offline_order_has_one_cost_or_none(fee_kind: str | None, expected: list[Any]) -> None:
    template = MAPPINGS["offline_orders"].fields["productLines"]["price"]["additionalCosts"]
    fee = {f"fee_{name}": 1 for name in ("unit_net", "unit_tax", "unit_gross", "net", "tax", "gross")}

    assert rendered(template, fee_kind=fee_kind, **fee) == expected


@pytest.mark.parametrize(("cash", "expected"), [(1, [Decimal("12.30"), True]), (0, [0, False])])
def test_an_invoice_says_what_was_paid_when_it_was_issued(cash: int, expected: list[Any]) -> None:
    fields = MAPPINGS["invoices"].fields

    assert rendered([fields["amountPaid"], fields["isPaid"]], is_cash=cash, gross="12.30") == expected


@pytest.mark.parametrize(("name", "part", "section"), ASSUMED)
def test_an_assumed_part_says_so_beside_it(name: str, part: str, section: str) -> None:
    text = lines(name)
    stand_at = [at for at, line in enumerate(text) if line.lstrip(" -").startswith(part)]
    marked = [at for at in stand_at if f"assumed: one-api.md {section}" in text[at - 1] + text[at]]

    assert marked, f"{name}.yaml: {part} at {stand_at}"


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_a_mapping_begins_with_its_schema_and_its_section_of_the_platform(name: str) -> None:
    modeline, platform, first_key = lines(name)[:3]

    assert modeline == "# yaml-language-server: $schema=../schemas/mapping.schema.json"
    assert re.match(r"# Platform: one-api\.md 2\.\d+.*\(docs\.b2b\.one/", platform)
    assert first_key == f"object: {name}"


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_keys_stand_in_the_order_of_the_flow(name: str) -> None:
    order = ["object", "stage", "title", "tags", "description", "schedule", "lane", "source", "refs", "fields", "files"]
    order += ["payload_schema", "send", "write", "limits", "guards", "samples"]
    keys = [line.partition(":")[0] for line in lines(name) if re.match(r"[a-z]", line)]

    assert keys == [key for key in order if key in keys]
