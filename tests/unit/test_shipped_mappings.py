"""The shipped mappings are valid, fit the demonstration's ERP, and say what they assume."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from engine.demo import erp
from engine.load import load
from engine.mapping import Cron, HttpSource, Manual, MappingSpec, Once, SqlSource, TableWrite, Tied
from engine.templates import compile_value
from engine.validate import validate

FOLDER = Path(__file__).parents[2] / "mappings"
MAPPINGS: Mapping[str, MappingSpec] = load(FOLDER).mappings
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
]


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
    loaded = load(FOLDER)

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
    }


@pytest.mark.parametrize("name", FROM_ERP)
def test_every_name_in_a_template_is_a_column_of_its_query(demo: sqlite3.Connection, name: str) -> None:
    mapping = MAPPINGS[name]
    used = names_used(mapping.fields, mapping.send) - GIVEN - set(mapping.refs)

    assert used - columns(demo, source(name).query) == set()


@pytest.mark.parametrize("name", FROM_ERP)
def test_every_column_of_a_query_is_used(demo: sqlite3.Connection, name: str) -> None:
    mapping = MAPPINGS[name]
    referring = {ours for ref in mapping.refs.values() for ours in ref.on.values()}
    used = names_used(mapping.fields, mapping.send) | set(source(name).key) | referring

    assert columns(demo, source(name).query) - used == set()


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
    root = load(FOLDER).project.vars

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


def test_the_inbound_tables_have_the_columns_that_are_written(demo: sqlite3.Connection) -> None:
    write = MAPPINGS["clients_inbound"].write
    assert write
    assert write.removed

    assert [missing(demo, table) for table in write.tables] == [set(), set()]
    for statement in write.removed.statements:
        assert demo.execute(statement.sql, dict.fromkeys(statement.params, "org:1")).rowcount == 0


def missing(demo: sqlite3.Connection, table: TableWrite) -> set[str]:
    return {*table.key, *table.fields} - columns(demo, f"SELECT * FROM {table.table}")


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
    order = ["object", "stage", "description", "schedule", "source", "refs", "fields", "send", "write", "guards"]
    keys = [line.partition(":")[0] for line in lines(name) if re.match(r"[a-z]", line)]

    assert keys == [key for key in order if key in keys]
