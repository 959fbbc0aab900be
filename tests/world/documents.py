# ruff: noqa: E501 (documents stand whole, as a user writes them)
"""Good project folders that tests make bad: small documents that use every key; and how to load what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.mapping.load.project_folder import load
from engine.values.errors import ConfigError, Problem

PROJECT = """\
timezone: Europe/Warsaw
state: ${ONE_SYNC_STATE:-.one-sync}
defaults:
  chunk_size: 10000
  on_null: send
connections:
  erp:
    type: sql
    url: ${ERP_URL}
  one:
    type: http
    base_url: ${ONE_BASE_URL}
    headers:
      ApiAuth: ${ONE_API_KEY}
      one-tenant: ${ONE_TENANT}
    timeout_seconds: 60
    concurrency: 4
    rate_limit: {requests: 20, per_seconds: 1}
    retry: {attempts: 6, first_delay_seconds: 1, max_delay_seconds: 60}
    breaker: {failures: 5, pause_seconds: 60}
    allow_hosts: [files.example.com:8443]
    public_headers: [X-Company]
vars:
  orders_service: orders
"""

STOCKS = """\
object: stocks
stage: 1
description: Quantities of flagged products, per warehouse.
schedule: "0 */2 * * * *"

source:
  connection: erp
  query: |
    SELECT s.warehouse_id, s.sku, s.quantity
    FROM stock s
    WHERE s.changed_at::date > '12:30' -- :not_a_parameter
  key: [warehouse_id, sku]

fields:
  id: "{{ sku }}"
  quantity: "{{ quantity | number }}"

send:
  - on: [added, changed, removed]
    group_by: [warehouse_id]
    chunk_size: 5000
    request:
      method: POST
      path: /stock/warehouses/{{ warehouse_id | path }}/stocks
      idempotent: true
      body:
        stocks: "{{ lines }}"
        stocksToRemove: "{{ removed | map(attribute='sku') | list }}"
    on_status: {404: confirm}

limits: [{per: [sku], distinct: [warehouse_id], max: 2000}]
guards: {max_removed: 20%, min_rows: 10}
"""

SEGMENTS = """\
object: segments
schedule: {before: clients}
source: {connection: erp, query: "SELECT segment_code, parent FROM segment", key: [segment_code]}
refs:
  parent_segment: {object: segments, on: {segment_code: parent}}
fields: {name: "{{ segment_code }}", parentId: "{{ parent_segment.segment_id }}"}
send:
  - on: [added]
    request: {method: POST, path: /segments, body: "{{ line }}"}
    save: {segment_id: "{{ body.id }}"}
"""

CLIENTS = """\
object: clients
source:
  connection: erp
  query: SELECT customer_id, name, phone, segment_code FROM customer
  key: [customer_id]
refs:
  segment: {object: segments, on: {segment_code: segment_code}}
fields:
  externalId: "{{ customer_id }}"
  name: "{{ name }}"
  segmentId: "{{ segment.segment_id }}"
  phone: {$value: "{{ phone }}", $on_null: omit}
send:
  - on: [added]
    schedule: "0 */10 * * * *"
    request: {method: POST, path: /clients, body: "{{ line }}"}
    save: {client_id: "{{ body.clientId or body.id }}"}
    lookup:
      request: {method: GET, path: /clients, query: {externalId: "{{ customer_id }}"}}
      found: "{{ body | length == 1 }}"
      save: {client_id: "{{ body[0].clientId }}"}
  - on: [changed]
    schedule: "50 */10 * * * *"
    request: {method: PUT, path: "/clients/{{ saved.client_id | path }}", body: "{{ line }}"}
"""

ORDERS = """\
object: orders
schedule: "0 * * * * *"
source:
  connection: one
  feed:
    request: {path: "/api/v1/{{ vars.orders_service }}/synchronization", query: {numberOfEvents: 100, startId: "{{ cursor }}"}}
    items: "{{ body.events }}"
    next: "{{ body.nextId }}"
    start: 1
    removed: "{{ item.eventType == 'REMOVED' }}"
    key: {id: "{{ item.shipmentId }}"}
  fetch:
    when: "{{ item.eventType != 'IGNORED' }}"
    request: {path: /order/shipment, query: {shipmentId: "{{ item.shipmentId }}"}}
  key: [id]
write:
  connection: erp
  tables:
    - table: one_order
      key: {shipment_id: "{{ id }}"}
      fields: {order_id: "{{ orderId }}", gone: 0}
    - table: one_order_line
      $each: productLines
      key: {shipment_id: "{{ parent.id }}", line_number: "{{ lineNumber }}"}
      fields: {sku: "{{ sku }}", quantity: "{{ quantity | decimal(3) }}"}
      orphans: delete
  removed:
    statements:
      - {sql: "UPDATE one_order SET gone = 1 WHERE shipment_id = :id", params: {id: "{{ id }}"}}
"""

PLAIN = {"project": PROJECT, "stocks": STOCKS, "segments": SEGMENTS, "clients": CLIENTS, "orders": ORDERS}

WIDER_PROJECT = """\
connections:
  erp: {type: sql, url: "${ERP_URL}"}
  one: {type: http, base_url: "${ONE_BASE_URL}"}
  archive: {type: http, base_url: https://archive.example.com}
maps:
  statuses: {1: NEW, 02: PAID, closed: null}
files_root: ${ERP_FILES:-files}
"""

WIDER_CLIENTS = """\
object: clients
target: one
source: {connection: erp, query: SELECT id FROM customer, key: [id]}
fields: {externalId: "{{ id }}"}
send:
  - on: [added]
    request: {method: POST, path: /clients, body: "{{ line }}"}
    save: {client_id: "{{ body.id }}"}
"""

WIDER_INVOICES = """\
object: invoices
target: one
source:
  connection: erp
  query: SELECT number, state, total, client, pdf_path, scan FROM invoice
  key: [number]
  children:
    lines: {query: SELECT * FROM invoice_line, parent: [number], order_by: [line_no]}
refs:
  buyer: {object: clients, on: {id: client}}
fields:
  id: "{{ number }}"
  sku: "{{ state | mapped('statuses') }}"
  quantity: "{{ total | number }}"
  buyerId: "{{ buyer.client_id }}"
  productLines:
    $each: lines
    number: "{{ line_no }}"
    invoice: "{{ parent.number }}"
    parts: {$each: parts, name: "{{ part }}"}
files:
  pdf: "{{ pdf_path }}"
  scan: {$bytes: "{{ scan }}"}
payload_schema: stock-line
send:
  - on: [added, changed]
    requests:
      - {method: POST, path: /begin, idempotent: true, body: "{{ line }}", save: {upload: "{{ body.id }}", place: "{{ body.url }}"}}
      - {method: PUT, url: "{{ saved.place }}", file: pdf}
      - {method: PUT, path: "/scans/{{ saved.upload | path }}", file: scan}
limits: [{per: [client], distinct: [number], max: 10}]
samples:
  - name: new
    row: {number: F-1, state: 1, total: 12.50, client: K-1, pdf_path: f-1.pdf, scan: x}
    children: {lines: [{line_no: 1, parts: [{part: a}]}]}
    refs: {buyer: {client_id: c-1}}
    files: {pdf: content}
    answers: [{status: 200, body: {id: u-1, url: https://files.example.com/1}}]
  - name: changed
    change: changed
    row: {number: F-1, state: 02, total: 0, client: null, pdf_path: f-1.pdf, scan: x}
    refs: {buyer: null}
    saved: {upload: u-1}
"""

WIDER_PRODUCTS = """\
object: products
source:
  connection: one
  pages:
    request: {path: /products, query: {pageNumber: "{{ page }}", pageSize: 50}}
    items: "{{ body.products }}"
    size: 50
  key: [sku]
write:
  connection: erp
  tables:
    - {table: product, key: {sku: "{{ sku }}"}, fields: {name: "{{ name }}"}}
  removed:
    statements: [{sql: DELETE FROM product WHERE sku = :sku, params: {sku: "{{ sku }}"}}]
samples:
  - {name: a product, row: {sku: A, name: null}}
"""

WIDER_ORDERS = """\
object: orders
source:
  connection: one
  feed: {on_status: {409: reject},
    request: {path: /events, query: {startId: "{{ cursor }}"}},
    items: "{{ body.events }}",
    next: "{{ body.next }}"}
  fetch: {request: {path: "/orders/{{ item.shipmentId | path }}"}}
  key: [id]
write:
  connection: erp
  tables:
    - table: orders
      key: {id: "{{ id }}"}
      fields: {total: "{{ price.total | decimal(2) }}"}
    - table: order_lines
      $each: productLines
      key: {id: "{{ parent.id }}", line: "{{ lineNumber }}"}
samples:
  - name: one line
    row: {shipmentId: S-1}
    document: {id: S-1, price: {total: 1.5, costs: [{vat: 23}]}, productLines: [{lineNumber: 1}]}
"""

WIDER = {
    "project": WIDER_PROJECT,
    "clients": WIDER_CLIENTS,
    "invoices": WIDER_INVOICES,
    "products": WIDER_PRODUCTS,
    "orders": WIDER_ORDERS,
}

REST_PROJECT = """\
timezone: Europe/Warsaw
state: ${ONE_SYNC_STATE:-.one-sync}
files_root: ${ERP_FILES:-files}
history_days: 90
defaults: {chunk_size: 100, on_null: omit, retry_rejected_after_hours: 1.5}
connections:
  erp:
    type: sql
    url: "sqlite:///erp.db"
    time_outs: {connect_seconds: 5, lock_seconds: 10, statement_seconds: 60}
  one:
    type: http
    base_url: https://one.example.com/base
    retry: {attempts: 2, first_delay_seconds: 0.5, max_delay_seconds: 5, max_wait_seconds: 10}
"""

REST_PRICES = """\
object: prices
title: Prices
stage: 2
tags: [prices, nightly]
description: What a price is.
status: draft
schedule: once
lane: bulk
source:
  connection: erp
  query: SELECT sku, client_id, pricing_id, price, note FROM price WHERE changed_at >= :cursor
  key: [sku]
  cursor: {column: changed_at, start: "2000-01-01", overlap_seconds: 0.5, full_every_hours: 12}
target: one
fields:
  sku: "{{ sku }}"
  price: {$value: "{{ price | decimal(2) }}", $on_null: reject}
  note: "{% if note %}{{ note }}{% else %}-{% endif %}"
on_null: omit
send:
  - on: [added, changed]
    schedule: "0 0 6 * * MON-FRI"
    requests:
      - {method: PATCH, path: /prices, idempotent: true, headers: {X-Kind: prices}, query: {dry: [1, "{{ vars }}"]}, body: ["{{ lines }}"]}
    ok: "{{ body.ok }}"
    items: {at: "{{ body.results }}", key: "{{ item.sku }}", ok: "{{ item.ok }}", error: "{{ item.why }}", line_key: "{{ line.sku }}"}
    on_status: {404: confirm, 409: retry}
limits: [{per: [client_id], distinct: [pricing_id], max: 2000}]
guards: {max_removed: 5, max_added: 50%, max_changed: 100, max_replaced: 20, min_rows: 0}
retry_rejected_after_hours: 1.5
samples:
  - {name: one price, row: {sku: A, client_id: K, pricing_id: P, price: 1.5, note: null}}
"""

REST_CARDS = """\
object: cards
schedule: {after: prices}
source:
  connection: erp
  query: SELECT id, name FROM card
  key: [id]
  children:
    points: {query: "SELECT card_id, given FROM point", parent: [card_id], order_by: [given]}
fields:
  id: "{{ id }}"
  points: {$each: points, $on_empty: omit, $value: "{{ given | date }}", $on_null: reject}
  days: {$each: points, $on_empty: reject, day: "{{ given | date }}"}
send:
  - on: [added]
    request: {method: POST, url: "https://one.example.com/cards", body: {card: "{{ line }}"}}
    save: {card_id: "{{ body.id }}"}
    lookup:
      request: {path: /cards, headers: {X-Id: "{{ id }}"}, query: {id: "{{ id }}"}}
      found: "{{ body.total == 1 }}"
      absent: "{{ body.total == 0 }}"
      save: {card_id: "{{ body.items[0].id }}"}
      before_create: always
      settle_seconds: 7.5
  - on: [removed]
    request: {method: DELETE, path: "/cards/{{ saved.card_id | path }}"}
samples:
  - name: two points
    row: {id: 7, name: x}
    children: {points: [{given: 2026-11-24}, {given: 2026-02-28}]}
    answers: [{status: 201, body: {id: c-1}}]
  - {name: gone, change: removed, row: {id: 7, name: x}, saved: {card_id: c-1}}
"""

REST_VISITS = """\
object: visits
schedule: manual
source:
  connection: one
  pages:
    request: {method: POST, path: /visits, query: {after: "{{ link }}"}, headers: {X-Page: "{{ page }}"}, body: {size: 50}}
    items: "{{ body.visits }}"
    size: 50
    next: "{{ body.next }}"
    on_status: {404: retry}
  fetch:
    when: "{{ item.open }}"
    on_status: {403: reject}
    request: {url: "https://one.example.com/visits/{{ item.id | path }}"}
  key: [id]
write:
  connection: erp
  statements:
    - {sql: "CALL save_visit(:id)", params: {id: "{{ id }}"}}
    - {sql: "CALL save_guest(:id, :name)", params: {id: "{{ parent.id }}", name: "{{ item }}"}, $each: guests, $absent: none}
  removed:
    tables: [{table: visit, key: {id: "{{ id }}"}, fields: {gone: 1}}]
samples:
  - {name: a visit, row: {id: 1, open: true}, document: {id: 1, guests: [Ala, Ola]}}
  - {name: closed, row: {id: 2, open: false}, document: {id: 2}}
"""

REST = {
    "project": REST_PROJECT,
    "prices": REST_PRICES,
    "cards": REST_CARDS,
    "visits": REST_VISITS,
}


def written(files: Mapping[str, str], folder: Path | None = None) -> Path:
    """Write the files of a project folder, without a folder into the current one."""
    into = folder or Path()
    for stem, text in files.items():
        (into / f"{stem}.yaml").write_text(text, encoding="utf-8")
    return into


def problems(files: Mapping[str, str]) -> tuple[Problem, ...]:
    """Load a folder of these files, and give what is wrong with it."""
    with pytest.raises(ConfigError) as caught:
        load(written(files))
    return caught.value.problems


def told(files: Mapping[str, str], file: str, old: str, new: str) -> list[str]:
    """Edit one good file, and give all that is then said."""
    assert old in files[file]

    return list(map(str, problems({**files, file: files[file].replace(old, new, 1)})))
