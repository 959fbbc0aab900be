"""A project folder becomes values: the examples of the format, the schemas, the choice of objects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.connections import settings as connection_settings
from engine.connections.settings import Breaker, HttpConnection, RateLimit, Retry, SqlConnection
from engine.mapping import project_spec, spec
from engine.mapping.load.project_folder import Loaded, load
from engine.mapping.project_spec import Defaults, Project
from engine.mapping.spec import (
    Ceiling,
    Children,
    Cron,
    Cursor,
    Feed,
    Fetch,
    FileSpec,
    Guards,
    HttpSource,
    Items,
    Limit,
    Lookup,
    Manual,
    MappingSpec,
    Once,
    Operation,
    Pages,
    Ref,
    Request,
    Sample,
    SqlSource,
    Statement,
    TableWrite,
    Tied,
    Write,
)
from engine.values import shipped
from engine.values.errors import ConfigError
from engine.values.records import Change

PROJECT = """\
# yaml-language-server: $schema=../schemas/project.schema.json
timezone: Europe/Warsaw
state: ${ONE_SYNC_STATE:-.one-sync}        # folder for DuckDB and journal, relative to this file
defaults:
  chunk_size: 10000
  on_null: send
connections:
  erp:
    type: sql
    url: ${ERP_URL}                        # a SQLAlchemy URL
  one:
    type: http
    base_url: ${ONE_BASE_URL}
    headers:
      ApiAuth: ${ONE_API_KEY}
      one-tenant: ${ONE_TENANT}
    timeout_seconds: 60
    concurrency: 4                         # requests in flight
    rate_limit: {requests: 20, per_seconds: 0.5}
    retry: {attempts: 6, first_delay_seconds: 1, max_delay_seconds: 60}
    breaker: {failures: 5, pause_seconds: 60}
vars:
  orders_service: orders                   # {{ vars.orders_service }} in paths
"""

STOCKS = """\
# yaml-language-server: $schema=../schemas/mapping.schema.json
object: stocks
stage: 1
description: Quantities of flagged products, per warehouse.
schedule: "0 */2 * * * *"                  # six fields, seconds first

source:
  connection: erp
  query: |
    SELECT s.warehouse_id, s.sku, s.quantity
    FROM stock s
    JOIN product p ON p.sku = s.sku
    WHERE p.send_to_one = 1
  key: [warehouse_id, sku]

fields:
  id: "{{ sku }}"
  sku: "{{ sku }}"
  quantity: "{{ quantity | number }}"

send:
  - on: [added, changed, removed]
    group_by: [warehouse_id]               # one request never mixes groups
    chunk_size: 10000
    request:
      method: POST
      path: /api/v1/stock/integrations/auth-required/warehouses/{{ warehouse_id | path }}/stocks/incremental
      idempotent: true
      body:
        stocks: "{{ lines }}"
        stocksToRemove: "{{ removed | map(attribute='sku') | list }}"

guards: {max_removed: 20%}
"""

CLIENTS = """\
object: clients
source:
  connection: erp
  query: SELECT ... FROM customer WHERE send_to_one = 1
  key: [customer_id]
refs:
  segment: {object: segments, on: {segment_code: segment_code}}   # their key column: our column
fields:
  externalId: "{{ customer_id }}"
  name: "{{ name }}"
  segmentId: "{{ segment.segment_id }}"
  address:
    street: "{{ street }}"
    city: "{{ city }}"
  phone: {$value: "{{ phone }}", $on_null: omit}
send:
  - on: [added]
    schedule: "0 */10 * * * *"
    request: {method: POST, path: /api/v1/account/integrations/auth-required/clients, body: "{{ line }}"}
    save: {client_id: "{{ body.clientId or body.id }}"}
    lookup:                                  # asked when a create's outcome is unknown or the answer is 409
      request: {method: GET, path: /api/v1/account/integrations/auth-required/clients, query: {externalId: "{{ customer_id }}"}}
      found: "{{ body | length == 1 }}"     # absent: 404 or an empty answer; anything else stays unknown
      save: {client_id: "{{ body[0].clientId }}"}
  - on: [changed]
    schedule: "50 */10 * * * *"
    request: {method: PUT, path: "/api/v1/account/integrations/auth-required/clients/{{ saved.client_id | path }}", body: "{{ line }}"}
"""  # noqa: E501

SEGMENTS = """\
object: segments
schedule: {before: clients}
source: {connection: erp, query: SELECT * FROM segment, key: [segment_code]}
fields: {name: "{{ name }}"}
send:
  - on: [added]
    request: {method: POST, path: /segments, body: "{{ line }}", save: {segment_id: "{{ body.id }}"}}
"""

ORDERS = """\
object: orders
schedule: "0 * * * * *"
source:
  connection: one
  feed:                                      # an event feed with a cursor
    request: {path: "/api/v1/{{ vars.orders_service }}/integrations/auth-required/synchronization/order",
              query: {eventTypes: "", numberOfEvents: 100, startId: "{{ cursor }}"}}
    items: "{{ body.events }}"
    next: "{{ body.nextId }}"
    start: 1
  fetch:                                     # one per distinct item of a page
    when: "{{ item.eventType != 'REMOVED' }}"
    request: {path: "/api/v1/{{ vars.orders_service }}/integrations/auth-required/order/shipment", query: {shipmentId: "{{ item.shipmentId }}"}}
  key: [id]
write:
  connection: erp
  tables:
    - table: one_order
      key: {shipment_id: "{{ id }}"}
      fields: {order_id: "{{ orderId }}", client_id: "{{ organization.clientId }}", total_gross: "{{ price.totalGross | decimal(2) }}"}
    - table: one_order_line
      $each: productLines
      key: {shipment_id: "{{ parent.id }}", line_number: "{{ lineNumber }}"}
      fields: {sku: "{{ sku }}", quantity: "{{ quantityOrderedInContentUnit | decimal(3) }}"}
      orphans: delete                        # lines that the order no longer has
"""  # noqa: E501

INVOICES = """\
object: invoices
target: one
source:
  connection: erp
  query: SELECT * FROM invoice
  key: [invoice_id]
  children:
    lines: {query: "SELECT * FROM invoice_line", parent: [invoice_id], order_by: [line_no]}
    costs: {query: "SELECT * FROM invoice_cost", parent: [invoice_id]}
fields:
  number: "{{ number }}"
  productLines:
    $each: lines                             # columns of the child are variables, the header's are in `parent`
    lineNumber: "{{ line_no }}"
    quantity: "{{ quantity | number }}"
  costs: {$each: costs, $on_empty: omit, $value: "{{ amount | number }}", $on_null: omit}
payload_schema: invoice-of-ours
send:
  - on: [added, changed]
    request: {method: PUT, path: /invoices, body: "{{ line }}"}
samples:
  - name: two lines
    row: {invoice_id: 1, number: F/1}
    children: {lines: [{line_no: 1, quantity: 2.50}, {line_no: 2, quantity: null}]}
    refs: {}
  - name: paid
    change: changed
    row: {invoice_id: 1, number: F/1}
    saved: {}
    answers: [{status: 404}]
"""

INVOICE_FILES = """\
object: invoice_files
target: one
schedule: {after: invoices}
source: {connection: erp, query: "SELECT number, pdf_path FROM invoice WHERE pdf_path IS NOT NULL", key: [number]}
files: {pdf: "{{ pdf_path }}", scan: {$bytes: "{{ scan }}"}}   # content hash takes part in the diff
send:
  - on: [added, changed]
    requests:
      - {method: POST, path: /invoices/file-upload-begin, idempotent: true, body: {number: "{{ number }}", fileExtension: pdf}, save: {upload_id: "{{ body.uploadId }}", upload_url: "{{ body.uploadUrl }}"}}
      - {method: PUT, url: "{{ saved.upload_url }}", file: pdf, headers: {Content-Type: application/pdf}}
      - {method: POST, path: /invoices/file-upload-complete, idempotent: true, body: {uploadId: "{{ saved.upload_id }}"}}
      - {method: PUT, path: "/scans/{{ number | path }}", file: scan}
samples:
  - {name: a file, row: {number: F/1, pdf_path: a.pdf, scan: null}, files: {pdf: content}, saved: {upload_id: u-1}}
"""  # noqa: E501

PRODUCTS = """\
object: products
source:
  connection: one
  pages:
    request: {path: /products, query: {offset: "{{ offset }}"}}
    items: "{{ body.products }}"
    size: 50
  fetch: {request: {path: "/products/{{ item.sku | path }}"}}
  key: [sku]
write:
  connection: erp
  tables: [{table: product, key: {sku: "{{ sku }}"}}]
samples:
  - {name: a product, row: {sku: A}, document: {sku: A, prices: [1.5]}}
"""

WIDER_PROJECT = """\
connections:
  erp: {type: sql, url: "${ERP_URL}"}
  one: {type: http, base_url: "${ONE_BASE_URL}"}
  archive: {type: http, base_url: "https://archive.example.com"}
maps:
  order_statuses: {1: NEW, 02: 2, 1.0: true, on: null, "no": "no"}
files_root: ${ERP_FILES:-files}
"""

PAYLOAD_SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}

PRICES = """\
object: prices
title: Prices
tags: [prices, nightly]
status: draft
schedule: once
lane: bulk
source:
  connection: erp
  query: SELECT sku, price FROM price WHERE changed_at >= :cursor
  key: [sku]
  cursor: {column: changed_at, overlap_seconds: 0.5}
fields: {sku: "{{ sku }}"}
on_null: omit
send:
  - on: [added, changed]
    requests:
      - {method: PATCH, path: /prices, idempotent: true, headers: {X-Kind: prices}, body: ["{{ lines }}"]}
    ok: "{{ body.ok }}"
    items: {at: "{{ body.results }}", key: "{{ item.sku }}", ok: "{{ item.ok }}"}
    on_status: {404: confirm, 409: retry}
limits: [{per: [client_id], distinct: [pricing_id], max: 2000}]
guards: {max_removed: 5, min_rows: 0}
retry_rejected_after_hours: 1.5
"""

EXAMPLES = {
    "project": PROJECT,
    "stocks": STOCKS,
    "clients": CLIENTS,
    "segments": SEGMENTS,
    "orders": ORDERS,
    "prices": PRICES,
}


def loaded(folder: Path, files: Mapping[str, str] = EXAMPLES) -> Loaded:
    folder.mkdir(exist_ok=True)
    for stem, text in files.items():
        (folder / f"{stem}.yaml").write_text(text, encoding="utf-8")
    return load(folder)


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    monkeypatch.chdir(tmp_path)
    return loaded(tmp_path / "mappings")


@pytest.fixture
def wider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "mappings" / "schemas" / "payloads"
    own.mkdir(parents=True)
    (own / "invoice-of-ours.schema.json").write_text(json.dumps(PAYLOAD_SCHEMA), encoding="utf-8")
    files = {
        "project": WIDER_PROJECT,
        "invoices": INVOICES,
        "invoice_files": INVOICE_FILES,
        "products": PRODUCTS,
    }
    return loaded(tmp_path / "mappings", files)


def test_the_project_of_the_design_is_this_value(examples: Loaded) -> None:
    assert replace(examples.project, places={}) == Project(
        file="mappings/project.yaml",
        timezone="Europe/Warsaw",
        state="${ONE_SYNC_STATE:-.one-sync}",
        defaults=Defaults(chunk_size=10_000, on_null="send"),
        connections={
            "erp": SqlConnection(name="erp", url="${ERP_URL}"),
            "one": HttpConnection(
                name="one",
                base_url="${ONE_BASE_URL}",
                headers={"ApiAuth": "${ONE_API_KEY}", "one-tenant": "${ONE_TENANT}"},
                timeout_seconds=60.0,
                concurrency=4,
                rate_limit=RateLimit(requests=20, per_seconds=0.5),
                retry=Retry(attempts=6, first_delay_seconds=1.0, max_delay_seconds=60.0),
                breaker=Breaker(failures=5, pause_seconds=60.0),
            ),
        },
        vars={"orders_service": "orders"},
    )


def test_the_example_of_many_lines_a_request_is_this_value(examples: Loaded) -> None:
    assert replace(examples.mappings["stocks"], places={}) == MappingSpec(
        object="stocks",
        file="mappings/stocks.yaml",
        stage=1,
        description="Quantities of flagged products, per warehouse.",
        schedule=Cron(text="0 */2 * * * *"),
        source=SqlSource(
            connection="erp",
            query="SELECT s.warehouse_id, s.sku, s.quantity\nFROM stock s\nJOIN product p ON p.sku = s.sku\n"
            "WHERE p.send_to_one = 1\n",
            key=("warehouse_id", "sku"),
        ),
        fields={"id": "{{ sku }}", "sku": "{{ sku }}", "quantity": "{{ quantity | number }}"},
        send=(
            Operation(
                on=frozenset(Change),
                many=True,
                group_by=("warehouse_id",),
                chunk_size=10_000,
                requests=(
                    Request(
                        method="POST",
                        path="/api/v1/stock/integrations/auth-required/warehouses/{{ warehouse_id | path }}"
                        "/stocks/incremental",
                        idempotent=True,
                        body={
                            "stocks": "{{ lines }}",
                            "stocksToRemove": "{{ removed | map(attribute='sku') | list }}",
                        },
                    ),
                ),
            ),
        ),
        guards=Guards(max_removed=Ceiling(percent=20.0)),
    )


def test_the_example_of_one_request_a_record_is_this_value(examples: Loaded) -> None:
    clients = "/api/v1/account/integrations/auth-required/clients"

    assert replace(examples.mappings["clients"], places={}) == MappingSpec(
        object="clients",
        file="mappings/clients.yaml",
        schedule=Manual(),
        source=SqlSource(
            connection="erp", query="SELECT ... FROM customer WHERE send_to_one = 1", key=("customer_id",)
        ),
        refs={"segment": Ref(object="segments", on={"segment_code": "segment_code"})},
        fields={
            "externalId": "{{ customer_id }}",
            "name": "{{ name }}",
            "segmentId": "{{ segment.segment_id }}",
            "address": {"street": "{{ street }}", "city": "{{ city }}"},
            "phone": {"$value": "{{ phone }}", "$on_null": "omit"},
        },
        send=(
            Operation(
                on=frozenset({Change.ADDED}),
                schedule=Cron(text="0 */10 * * * *"),
                requests=(Request(method="POST", path=clients, body="{{ line }}", idempotent=False),),
                save={"client_id": "{{ body.clientId or body.id }}"},
                lookup=Lookup(
                    request=Request(method="GET", path=clients, query={"externalId": "{{ customer_id }}"}),
                    found="{{ body | length == 1 }}",
                    save={"client_id": "{{ body[0].clientId }}"},
                    settle_seconds=5.0,
                ),
            ),
            Operation(
                on=frozenset({Change.CHANGED}),
                schedule=Cron(text="50 */10 * * * *"),
                requests=(Request(method="PUT", path=clients + "/{{ saved.client_id | path }}", body="{{ line }}"),),
            ),
        ),
    )


def test_the_inbound_example_is_this_value(examples: Loaded) -> None:
    service = "/api/v1/{{ vars.orders_service }}/integrations/auth-required"

    assert replace(examples.mappings["orders"], places={}) == MappingSpec(
        object="orders",
        file="mappings/orders.yaml",
        schedule=Cron(text="0 * * * * *"),
        source=HttpSource(
            connection="one",
            key=("id",),
            feed=Feed(
                request=Request(
                    method="GET",
                    path=f"{service}/synchronization/order",
                    query={"eventTypes": "", "numberOfEvents": 100, "startId": "{{ cursor }}"},
                ),
                items="{{ body.events }}",
                next="{{ body.nextId }}",
                start=1,
            ),
            fetch=Fetch(
                when="{{ item.eventType != 'REMOVED' }}",
                request=Request(
                    method="GET", path=f"{service}/order/shipment", query={"shipmentId": "{{ item.shipmentId }}"}
                ),
            ),
        ),
        write=Write(
            connection="erp",
            tables=(
                TableWrite(
                    table="one_order",
                    key={"shipment_id": "{{ id }}"},
                    fields={
                        "order_id": "{{ orderId }}",
                        "client_id": "{{ organization.clientId }}",
                        "total_gross": "{{ price.totalGross | decimal(2) }}",
                    },
                ),
                TableWrite(
                    table="one_order_line",
                    each="productLines",
                    key={"shipment_id": "{{ parent.id }}", "line_number": "{{ lineNumber }}"},
                    fields={"sku": "{{ sku }}", "quantity": "{{ quantityOrderedInContentUnit | decimal(3) }}"},
                    orphans="delete",
                ),
            ),
        ),
    )


def test_the_rest_of_the_keys_are_this_value(examples: Loaded) -> None:
    assert replace(examples.mappings["prices"], places={}) == MappingSpec(
        object="prices",
        file="mappings/prices.yaml",
        title="Prices",
        tags=("prices", "nightly"),
        draft=True,
        schedule=Once(),
        lane="bulk",
        source=SqlSource(
            connection="erp",
            query="SELECT sku, price FROM price WHERE changed_at >= :cursor",
            key=("sku",),
            cursor=Cursor(column="changed_at", overlap_seconds=0.5, full_every_hours=24.0),
        ),
        fields={"sku": "{{ sku }}"},
        on_null="omit",
        send=(
            Operation(
                on=frozenset({Change.ADDED, Change.CHANGED}),
                many=True,
                requests=(
                    Request(
                        method="PATCH",
                        path="/prices",
                        idempotent=True,
                        headers={"X-Kind": "prices"},
                        body=["{{ lines }}"],
                    ),
                ),
                ok="{{ body.ok }}",
                items=Items(at="{{ body.results }}", key="{{ item.sku }}", ok="{{ item.ok }}"),
                on_status={404: "confirm", 409: "retry"},
            ),
        ),
        limits=(Limit(per=("client_id",), distinct=("pricing_id",), max=2000),),
        guards=Guards(max_removed=Ceiling(rows=5), min_rows=0),
        retry_rejected_after_hours=1.5,
    )


def test_the_example_of_children_is_this_value(wider: Loaded) -> None:
    assert replace(wider.mappings["invoices"], places={}) == MappingSpec(
        object="invoices",
        file="mappings/invoices.yaml",
        target="one",
        source=SqlSource(
            connection="erp",
            query="SELECT * FROM invoice",
            key=("invoice_id",),
            children={
                "lines": Children(query="SELECT * FROM invoice_line", parent=("invoice_id",), order_by=("line_no",)),
                "costs": Children(query="SELECT * FROM invoice_cost", parent=("invoice_id",)),
            },
        ),
        fields={
            "number": "{{ number }}",
            "productLines": {
                "$each": "lines",
                "lineNumber": "{{ line_no }}",
                "quantity": "{{ quantity | number }}",
            },
            "costs": {"$each": "costs", "$on_empty": "omit", "$value": "{{ amount | number }}", "$on_null": "omit"},
        },
        payload_schema="invoice-of-ours",
        send=(
            Operation(
                on=frozenset({Change.ADDED, Change.CHANGED}),
                requests=(Request(method="PUT", path="/invoices", body="{{ line }}"),),
            ),
        ),
        samples=(
            Sample(
                name="two lines",
                row={"invoice_id": 1, "number": "F/1"},
                children={"lines": ({"line_no": 1, "quantity": Decimal("2.50")}, {"line_no": 2, "quantity": None})},
            ),
            Sample(
                name="paid",
                change=Change.CHANGED,
                row={"invoice_id": 1, "number": "F/1"},
                answers=({"status": 404},),
            ),
        ),
    )


def test_the_example_of_several_steps_and_files_is_this_value(wider: Loaded) -> None:
    assert replace(wider.mappings["invoice_files"], places={}) == MappingSpec(
        object="invoice_files",
        file="mappings/invoice_files.yaml",
        target="one",
        schedule=Tied(order="after", object="invoices"),
        source=SqlSource(
            connection="erp",
            query="SELECT number, pdf_path FROM invoice WHERE pdf_path IS NOT NULL",
            key=("number",),
        ),
        files={"pdf": FileSpec(path="{{ pdf_path }}"), "scan": FileSpec(bytes="{{ scan }}")},
        send=(
            Operation(
                on=frozenset({Change.ADDED, Change.CHANGED}),
                requests=(
                    Request(
                        method="POST",
                        path="/invoices/file-upload-begin",
                        body={"number": "{{ number }}", "fileExtension": "pdf"},
                        save={"upload_id": "{{ body.uploadId }}", "upload_url": "{{ body.uploadUrl }}"},
                    ),
                    Request(
                        method="PUT",
                        url="{{ saved.upload_url }}",
                        headers={"Content-Type": "application/pdf"},
                        file="pdf",
                    ),
                    Request(
                        method="POST",
                        path="/invoices/file-upload-complete",
                        body={"uploadId": "{{ saved.upload_id }}"},
                    ),
                    Request(method="PUT", path="/scans/{{ number | path }}", file="scan"),
                ),
            ),
        ),
        samples=(
            Sample(
                name="a file",
                row={"number": "F/1", "pdf_path": "a.pdf", "scan": None},
                saved={"upload_id": "u-1"},
                files={"pdf": "content"},
            ),
        ),
    )


def test_a_source_of_pages_is_this_value(wider: Loaded) -> None:
    assert replace(wider.mappings["products"], places={}) == MappingSpec(
        object="products",
        file="mappings/products.yaml",
        source=HttpSource(
            connection="one",
            key=("sku",),
            pages=Pages(
                request=Request(method="GET", path="/products", query={"offset": "{{ offset }}"}),
                items="{{ body.products }}",
                size=50,
            ),
            fetch=Fetch(request=Request(method="GET", path="/products/{{ item.sku | path }}")),
        ),
        write=Write(connection="erp", tables=(TableWrite(table="product", key={"sku": "{{ sku }}"}),)),
        samples=(Sample(name="a product", row={"sku": "A"}, document={"sku": "A", "prices": [Decimal("1.5")]}),),
    )


def test_the_codes_of_a_dictionary_are_the_texts_that_were_written(wider: Loaded) -> None:
    project = wider.project

    assert project.maps == {"order_statuses": {"1": "NEW", "02": 2, "1.0": True, "on": None, "no": "no"}}
    assert project.files_root == "${ERP_FILES:-files}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{\n ]", "2:2: no JSON: Expecting property name enclosed in double quotes"),
        (b'{"title": "\xf3"}', "1:1: no UTF-8: save the file as UTF-8"),
        (
            b'{"type": "objekt"}',
            "1:1: no JSON Schema: $.type: 'objekt' is not valid under any of the given schemas",
        ),
        (
            b'{"items": [{"$ref": "stock-lines.schema.json#/x"}, {"$ref": "#/$defs/y"}]}',
            "1:1: no JSON Schema: $.items: [{'$ref': 'stock-lines.schema.json#/x'}, {'$ref': '#/$defs/y'}]"
            " is not of type 'object', 'boolean'",
        ),
        (
            b'{"anyOf": [{"$ref": "stock-lines.schema.json#/x"}, {"$ref": "#/y"}, {"$ref": "client.schema.json"}]}',
            "1:1: `$ref` names stock-lines.schema.json, which is not there; did you mean `stock-line.schema.json`?",
        ),
    ],
)
def test_a_payload_schema_of_the_project_that_cannot_be_used_is_named(
    wider: Loaded, content: bytes, problem: str
) -> None:
    path = Path("mappings", "schemas", "payloads", "invoice-of-ours.schema.json")
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load(Path("mappings"))

    assert str(caught.value) == f"{path}:{problem}"
    assert caught.value.code == "E_PAYLOAD_SCHEMA"


def test_seconds_are_floats_and_counts_are_integers(examples: Loaded) -> None:
    one = examples.project.connections["one"]

    assert isinstance(one, HttpConnection)
    assert (type(one.timeout_seconds), type(one.retry.max_delay_seconds), type(one.concurrency)) == (float, float, int)
    assert type(examples.mappings["prices"].retry_rejected_after_hours) is float


def test_the_defaults_of_the_project_hold_where_a_mapping_is_silent(tmp_path: Path) -> None:
    project = PROJECT.replace("chunk_size: 10000", "chunk_size: 7\n  retry_rejected_after_hours: 0").replace(
        "on_null: send", "on_null: reject"
    )
    clients = loaded(tmp_path, {**EXAMPLES, "project": project}).mappings["clients"]

    assert (clients.send[0].chunk_size, clients.on_null, clients.retry_rejected_after_hours) == (7, "reject", 0.0)


@pytest.mark.parametrize(
    ("method", "idempotent"), [("GET", True), ("PUT", True), ("DELETE", True), ("POST", False), ("PATCH", False)]
)
def test_a_method_says_whether_it_may_be_repeated(tmp_path: Path, method: str, idempotent: bool) -> None:
    segments = SEGMENTS.replace("method: POST", f"method: {method}")

    [operation] = loaded(tmp_path, {**EXAMPLES, "segments": segments}).mappings["segments"].send

    assert operation.requests[0].idempotent is idempotent


def test_a_removal_is_written_with_the_connection_of_its_write(tmp_path: Path) -> None:
    orders = (
        ORDERS.replace("    start: 1\n", '    removed: "{{ item.gone }}"\n    key: {id: "{{ item.id }}"}\n')
        + "  removed:\n    statements: [{sql: 'CALL drop_order(:id)', params: {id: '{{ id }}'}}]\n"
    )

    write = loaded(tmp_path, {**EXAMPLES, "orders": orders}).mappings["orders"].write

    statement = Statement(sql="CALL drop_order(:id)", params={"id": "{{ id }}"})
    assert write is not None
    assert write.removed == Write(connection="erp", statements=(statement,))


def test_a_mapping_knows_the_places_of_its_keys_and_else_of_their_parents(examples: Loaded) -> None:
    segments = examples.mappings["segments"]

    assert segments.schedule == Tied(order="before", object="clients")
    assert str(segments.place("send", 0, "request", "save", "segment_id")) == "mappings/segments.yaml:7:73"
    assert str(segments.place("send", 0, "requests", 0)) == "mappings/segments.yaml:6:5"


def test_mappings_stand_in_dependency_order(examples: Loaded) -> None:
    timed = [name for name, mapping in examples.mappings.items() if mapping.schedule != Once()]

    assert timed == ["stocks", "orders", "segments", "clients"]


def test_loading_needs_no_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ERP_URL", raising=False)

    assert loaded(tmp_path).project.connections["erp"] == SqlConnection(name="erp", url="${ERP_URL}")


# --- choosing objects --------------------------------------------------------------------------------


def test_without_names_all_but_drafts_are_chosen(examples: Loaded) -> None:
    chosen = [mapping.object for mapping in examples.select()]

    assert chosen == ["stocks", "orders", "segments", "clients"]


def test_named_objects_are_chosen_once_and_in_dependency_order(examples: Loaded) -> None:
    chosen = [mapping.object for mapping in examples.select(["clients", "segments", "clients"])]

    assert chosen == ["segments", "clients"]


def test_a_draft_is_chosen_only_where_drafts_are_wanted(examples: Loaded) -> None:
    with pytest.raises(ConfigError) as caught:
        examples.select(["prices"])

    assert caught.value.code == "E_DRAFT"
    assert str(caught.value) == (
        "mappings/prices.yaml:4:1: `prices` is a draft and never runs: remove `status: draft` when it is ready"
    )
    assert [mapping.object for mapping in examples.select(["prices"], drafts=True)] == ["prices"]


def test_a_tag_chooses_its_objects_and_a_draft_only_where_drafts_are_wanted(examples: Loaded) -> None:
    mappings = {name: replace(each, tags=("all", each.source.connection)) for name, each in examples.mappings.items()}
    tagged = replace(examples, mappings=mappings)

    def chosen(*args: Any, **wanted: bool) -> list[str]:
        return [mapping.object for mapping in tagged.select(*args, **wanted)]

    assert chosen([], ["one"]) == ["orders"]
    assert chosen(["clients"], ["one"]) == ["orders", "clients"]
    assert chosen([], ["all"]) == chosen()
    assert set(chosen([], ["all"], drafts=True)) - set(chosen()) == {"prices"}
    with pytest.raises(ConfigError, match="unknown tag `two`; known tags: all, erp, one"):
        chosen(["stocks"], ["two"])


def test_every_unknown_name_is_told_with_the_nearest(examples: Loaded) -> None:
    with pytest.raises(ConfigError) as caught:
        examples.select(["stock", "client", "stocks"])

    assert caught.value.code == "E_UNKNOWN_OBJECT"
    assert str(caught.value) == (
        "unknown object `stock`; did you mean `stocks`?\nunknown object `client`; did you mean `clients`?"
    )


# --- folders and files ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "lacks"), [("none", "does not exist"), (".", "has no project.yaml")])
def test_a_folder_that_is_no_project_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, lacks: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as caught:
        load(Path(name))

    assert caught.value.code == "E_NO_PROJECT"
    assert str(caught.value) == f"the project folder {name} {lacks}: name another with --project DIR"


def test_a_project_elsewhere_is_named_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    loaded(tmp_path / "there")
    (tmp_path / "there" / "stocks.yaml").write_text("object: 1", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "here")

    with pytest.raises(ConfigError) as caught:
        load(Path("../there"))

    assert {problem.place.file for problem in caught.value.problems if problem.place} == {"../there/stocks.yaml"}


def test_other_files_are_not_read_but_yml_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("notes.txt", ".#stocks.yaml", ".hidden.yml"):
        (tmp_path / name).write_text("[", encoding="utf-8")
    assert loaded(tmp_path)
    (tmp_path / "extra.yml").write_text("[", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    assert str(caught.value) == "extra.yml:1:1: only *.yaml is read: rename the file to extra.yaml, or remove it"
    assert caught.value.code == "E_FILE_NAME"


def test_a_file_that_cannot_be_read_is_one_problem_among_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded(tmp_path)
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "stocks.yaml").write_text("- x\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path)

    assert list(map(str, caught.value.problems)) == [
        "folder.yaml:1:1: cannot be read (it is no file): correct it, or give it another name than *.yaml",
        "stocks.yaml:1:1: the file must be a map, not a list",
    ]


# --- what the schemas promise ------------------------------------------------------------------------------

SCHEMAS = {
    name: json.loads((shipped.schemas() / f"{name}.schema.json").read_text(encoding="utf-8"))
    for name in ("project", "mapping")
}

# Where a schema's map is built into a type: (schema, path of the map's schema, type, keys spelt otherwise).
BUILT: list[tuple[str, str, str, dict[str, tuple[str, ...]]]] = [
    ("project", "", "Project", {}),
    ("project", "properties/defaults", "Defaults", {}),
    ("project", "$defs/sql", "SqlConnection", {"type": ()}),
    ("project", "$defs/sql/properties/time_outs", "TimeOuts", {}),
    ("project", "$defs/http", "HttpConnection", {"type": ()}),
    ("project", "$defs/http/properties/rate_limit", "RateLimit", {}),
    ("project", "$defs/http/properties/retry", "Retry", {}),
    ("project", "$defs/http/properties/breaker", "Breaker", {}),
    ("project", "$defs/connection", "SqlConnection", {"type": ()}),
    ("mapping", "", "MappingSpec", {"status": ("draft",)}),
    ("mapping", "properties/refs/additionalProperties", "Ref", {}),
    ("mapping", "properties/write", "Write", {}),
    ("mapping", "properties/write/properties/removed", "Write", {}),
    ("mapping", "properties/limits/items", "Limit", {}),
    (
        "mapping",
        "properties/guards",
        "Guards",
        {},
    ),
    ("mapping", "$defs/plain_field/then", "", {"$value": (), "$on_null": ()}),  # stays as it is, for templates
    ("mapping", "$defs/each_field/then", "", {"$each": (), "$on_empty": (), "$value": (), "$on_null": ()}),
    ("mapping", "$defs/each_field/else", "", {"$each": (), "$on_empty": ()}),
    ("mapping", "properties/files/additionalProperties/then", "FileSpec", {"$bytes": ("bytes", "path")}),
    ("mapping", "$defs/sample", "Sample", {}),
    ("mapping", "$defs/sample/properties/answers/items", "", {"status": (), "body": ()}),  # stays as it is
    ("mapping", "$defs/schedule/then", "Tied", {"after": ("order", "object"), "before": ("order", "object")}),
    ("mapping", "$defs/request", "Request", {}),
    ("mapping", "$defs/read_request", "Request", {}),
    ("mapping", "$defs/entry", "Operation", {"request": ("requests",)}),
    ("mapping", "$defs/entry/properties/lookup", "Lookup", {}),
    ("mapping", "$defs/entry/properties/items", "Items", {}),
    ("mapping", "$defs/sql_source", "SqlSource", {}),
    ("mapping", "$defs/sql_source/properties/cursor", "Cursor", {}),
    ("mapping", "$defs/sql_source/properties/children/additionalProperties", "Children", {}),
    ("mapping", "$defs/http_source", "HttpSource", {}),
    ("mapping", "$defs/http_source/properties/pages", "Pages", {}),
    ("mapping", "$defs/http_source/properties/feed", "Feed", {}),
    ("mapping", "$defs/http_source/properties/fetch", "Fetch", {}),
    ("mapping", "$defs/tables/items", "TableWrite", {"$each": ("each",), "$absent": ("absent",)}),
    ("mapping", "$defs/statements/items", "Statement", {"$each": ("each",), "$absent": ("absent",)}),
]

# Fields of the types that no key of a file names.
NOT_WRITTEN = {
    "Project": {"file", "places"},
    "SqlConnection": {"name"},
    "HttpConnection": {"name"},
    "MappingSpec": {"file", "places", "folded"},
    "Operation": {"many"},
}


def maps_in(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every part of a schema that lists properties, with its path."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and '"const"' not in json.dumps(schema["properties"]):
            yield path, schema
        for key, inner in schema.items():
            yield from maps_in(inner, f"{path}/{key}".lstrip("/"))
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from maps_in(inner, f"{path}/{index}")


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_has_a_description_with_an_example(name: str) -> None:
    bare = [
        f"{path}/{key}"
        for path, part in maps_in(SCHEMAS[name])
        for key, given in part["properties"].items()
        if "Example: "
        not in {**SCHEMAS[name]["$defs"].get(given.get("$ref", "").split("/")[-1], {}), **given}.get("description", "")
    ]

    assert bare == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_map_of_known_keys_refuses_unknown_ones(name: str) -> None:
    open_maps = [path for path, part in maps_in(SCHEMAS[name]) if part.get("additionalProperties", True) is not False]

    # The type of a connection is read first; the whole is then closed by $defs/sql or $defs/http.
    # Beside $each stand the fields of an element, under names of the target.
    assert open_maps == (["$defs/connection"] if name == "project" else ["$defs/each_field/else"])


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_valid_schemas(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_every_key_ends_in_a_field_and_every_field_comes_from_a_key() -> None:
    found: dict[str, set[str]] = {}
    listed = {(schema, path) for schema in SCHEMAS for path, _ in maps_in(SCHEMAS[schema])}
    for schema, path, type_name, spelt in BUILT:
        part = dict(maps_in(SCHEMAS[schema]))[path]
        names = {field for key in part["properties"] for field in spelt.get(key, (key,))}
        found.setdefault(type_name, set()).update(names)
    homes = (spec, project_spec, connection_settings)
    expected = {
        name: {field.name for field in fields(next(vars(each)[name] for each in homes if name in vars(each)))}
        - NOT_WRITTEN.get(name, set())
        for name in found
        if name
    }

    assert {(schema, path) for schema, path, _, _ in BUILT} == listed
    assert {**found, "": set()} == {**expected, "": set()}


def test_a_wrong_key_does_not_hide_a_wrong_template(tmp_path: Path) -> None:
    wrong = STOCKS.replace("chunk_size:", "chunksize:").replace("| number", "| numbr")

    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, {"project": PROJECT, "stocks": wrong})

    assert [(problem.code, problem.message) for problem in raised.value.problems] == [
        ("E_TEMPLATE", "`quantity`: unknown filter 'numbr'; did you mean 'number'?"),
        ("E_UNKNOWN_KEY", "unknown key `chunksize`; did you mean `chunk_size`?"),
    ]


def test_what_is_no_file_of_a_project_is_told_by_its_name_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project.yaml").write_text(PROJECT)
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "upper.YAML").touch()
    (tmp_path / "short.yml").touch()
    (tmp_path / "large.yaml").write_bytes(b"#" * 10_000_000)
    (tmp_path / "empty.yaml").write_bytes(b"# nothing\n")
    (tmp_path / "Stocks.yaml").write_text(STOCKS.replace("object: stocks", "object: Stocks"))

    with pytest.raises(ConfigError) as caught:
        load(Path())

    rename = "correct it, or give it another name than *.yaml"
    assert list(map(str, caught.value.problems)) == [
        "Stocks.yaml:2:1: `object` is the text `Stocks`: "
        "begin with a small letter and use small letters, digits and _ only",
        "empty.yaml:1:1: the file is empty",
        f"folder.yaml:1:1: cannot be read (it is no file): {rename}",
        "large.yaml:1:1: the file has more than 1,000,000 bytes: split it",
        f"loop.yaml:1:1: cannot be read (Too many levels of symbolic links): {rename}",
        f"pipe.yaml:1:1: cannot be read (it is no file): {rename}",
        "short.yml:1:1: only *.yaml is read: rename the file to short.yaml, or remove it",
        "upper.YAML:1:1: only *.yaml is read: rename the file to upper.yaml, or remove it",
    ]


def test_a_message_shows_what_cannot_be_seen_and_stops_where_it_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    zone = PROJECT.replace("Europe/Warsaw", "x" * 100_000)
    key = STOCKS.replace("stage: 1", "st\u0430ge: 1")

    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, {"project": zone, "stocks": key})

    long, odd = sorted(problem.message for problem in caught.value.problems)
    assert (len(long), long[600:605], long[-13:]) == (905, " ... ", "Europe/Warsaw")
    assert odd == "unknown key `st\u0430ge`, which holds U+0430 (cyrillic small letter a); did you mean `stage`?"
