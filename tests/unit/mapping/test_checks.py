# ruff: noqa: E501 (documents and messages stand whole, as a user sees them)
"""What files may not say: each bad document gives exactly these messages, at exactly these places."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.mapping.checks.objects import order
from engine.mapping.checks.validate import validate
from engine.mapping.load.project_folder import load
from engine.mapping.spec import MappingSpec, Ref, SqlSource, Tied
from engine.values.errors import Place, Problem
from world.documents import ORDERS, PROJECT, SEGMENTS, STOCKS, problems, told, written
from world.documents import PLAIN as FILES

# One edit of one good file, and all that is then said: (sentence, file, old, new, messages).
# fmt: off
BAD = [
    ("a tab that indents", "stocks",
     "  connection: erp", "\tconnection: erp",
     ["stocks.yaml:7:1: found character '\\t' that cannot start any token; a tab cannot indent: use spaces"]),
    ("an unquoted template", "stocks",
     'id: "{{ sku }}"', "id: {{ sku }}",
     ['stocks.yaml:15:8: a template has to be quoted, as in "{{ name }}"']),
    ("an unquoted template with a filter and more", "stocks",
     'id: "{{ sku }}"', "id: {{ sku }}-x",
     ['stocks.yaml:15:16: a template has to be quoted, as in "{{ name }}"']),
    ("a bracket that is not closed", "stocks",
     "[warehouse_id, sku]", "[warehouse_id, sku",
     ["stocks.yaml:14:7: expected ',' or ']', but got ':' (while parsing a flow sequence that began on line 12); check indentation and brackets"]),
    ("a key given twice", "stocks",
     "stage: 1", "stage: 1\nstage: 2",
     ["stocks.yaml:3:1: `stage` stands here twice, first on line 2: keep one"]),
    ("a merge key", "stocks",
     "stage: 1", "<<: {stage: 1}",
     ["stocks.yaml:2:1: merge keys (`<<`) are not supported: write the keys out, or alias the whole value"]),
    ("a tag", "stocks",
     "stage: 1", "stage: !!int 1",
     ["stocks.yaml:2:8: tags such as `!!int` are not supported: remove it; quote a text"]),
    ("an alias without anchor", "stocks",
     "stage: 1", "stage: *one",
     ["stocks.yaml:2:8: alias `*one` has no anchor `&one` before it"]),
    ("a second document", "stocks",
     "stage: 1", "stage: 1\n---\ntitle: x",
     ["stocks.yaml:3:1: a second document begins here: one file holds one, remove the `---`"]),
    ("an empty file", "stocks",
     STOCKS, "# nothing\n",
     ["stocks.yaml:1:1: the file is empty"]),
    ("a file that is a list", "stocks",
     STOCKS, "- object: stocks\n",
     ["stocks.yaml:1:1: the file must be a map, not a list"]),
    ("an unknown key near a known one", "stocks",
     "chunk_size: 5000", "chunksize: 5000",
     ["stocks.yaml:21:5: unknown key `chunksize`; did you mean `chunk_size`?"]),
    ("an unknown key near none", "stocks",
     "max: 2000}", "max: 2000, zzz: 1}",
     ["stocks.yaml:31:60: unknown key `zzz`: remove it"]),
    ("an unknown key in an HTTP source", "orders",
     "start: 1", "begin_at: 1",
     ["orders.yaml:9:5: unknown key `begin_at`; known here: on_status, start"]),
    ("an unknown lane", "stocks",
     "stage: 1", "lane: slow",
     ["stocks.yaml:2:1: `lane` must be realtime or bulk, not the text `slow`"]),
    ("a key of a later version", "stocks",
     "stage: 1", "zone: north",
     ["stocks.yaml:2:1: unknown key `zone`; known here: files, lane, on_null, payload_schema, refs, retry_rejected_after_hours, samples, stage, status, tags, target, title, write"]),
    ("children without a name", "stocks",
     "  key: [warehouse_id, sku]", "  key: [warehouse_id, sku]\n  children: {}",
     ["stocks.yaml:13:3: `children`: name at least one child, or leave `children` out"]),
    ("an each where there are no children", "clients",
     '  name: "{{ name }}"', '  lines: {$each: lines, sku: "{{ sku }}"}',
     ["clients.yaml:10:11: unknown child `lines`: add it under `source.children`"]),
    ("a key with a dollar that means nothing", "clients",
     "{$value: ", "{$values: ",
     ["clients.yaml:12:3: `$value` is missing in `phone`",
      "clients.yaml:12:11: unknown key `$values`; did you mean `$value`?"]),
    ("a dollar key of nothing known", "clients",
     '  name: "{{ name }}"', '  name: {$if: "{{ name }}"}',
     ['clients.yaml:10:10: the key `$if`: only $value and $on_null, or $each and $on_empty, begin with $: {$value: "{{ phone }}", $on_null: omit}, {$each: lines, sku: "{{ sku }}"}']),
    ("a null policy without a value", "clients",
     '{$value: "{{ phone }}", $on_null: omit}', "{$on_null: omit}",
     ["clients.yaml:12:3: `$value` is missing in `phone`"]),
    ("a missing object", "stocks",
     "object: stocks", "title: stocks",
     ["stocks.yaml:1:1: `object` is missing"]),
    ("a missing query", "stocks",
     "  query: |\n", "  description: |\n",
     ["stocks.yaml:6:1: `query` is missing in `source`",
      "stocks.yaml:8:3: unknown key `description`; known here: children, cursor, query"]),
    ("a method that is missing", "stocks",
     "      method: POST\n", "",
     ["stocks.yaml:22:5: `method` is missing in `request`"]),
    ("neither send nor write", "segments",
     "send:\n", "tags:\n",
     ["segments.yaml:1:1: give either `send` (requests to an HTTP API) or `write` (tables of a database)",
      "segments.yaml:8:5: `tags[0]` must be text, not a map"]),
    ("both query and feed", "orders",
     "  connection: one\n", "  connection: one\n  query: SELECT 1\n",
     ["orders.yaml:3:1: `source`: give one of `query` (a database), `feed` and `pages` (an HTTP API)"]),
    ("both path and url", "orders",
     "path: /order/shipment,", "path: /order/shipment, url: https://x,",
     ["orders.yaml:14:5: `request`: give either `path` (below the connection's base_url) or `url` (absolute)"]),
    ("both request and requests", "clients",
     '    save: {client_id: "{{ body.clientId or body.id }}"}',
     "    requests: [{method: GET, path: /x}]",
     ["clients.yaml:14:5: `send[0]`: give either `request` (one) or `requests` (steps)"]),
    ("both tables and statements", "orders",
     "  removed:\n    statements:",
     "  removed:\n    tables: [{table: x, key: {id: 1}}]\n    statements:",
     ["orders.yaml:27:3: `removed`: give either `tables` or `statements`"]),
    ("a name that templates could not use", "clients",
     "save: {client_id: \"{{ body.clientId or body.id }}\"}",
     "save: {client-id: \"{{ body.id }}\"}",
     ["clients.yaml:17:12: the key `client-id`: begin with a letter and use letters, digits and _ only"]),
    ("a text for a number", "stocks",
     "chunk_size: 5000", "chunk_size: many",
     ["stocks.yaml:21:5: `chunk_size` must be a whole number, not the text `many`"]),
    ("a fraction for a whole number", "stocks",
     "chunk_size: 5000", "chunk_size: 1e4",
     ["stocks.yaml:21:5: `chunk_size` must be a whole number, not the number 1E+4"]),
    ("a number for a text", "stocks",
     "description: Quantities of flagged products, per warehouse.", "description: 12",
     ["stocks.yaml:3:1: `description` must be text, not the number 12: quote it"]),
    ("a text for a list", "stocks",
     "key: [warehouse_id, sku]", "key: sku",
     ["stocks.yaml:12:3: `key` must be a list, not the text `sku`: write [sku]"]),
    ("nothing for a list", "stocks",
     "key: [warehouse_id, sku]", "key:",
     ["stocks.yaml:12:3: `key` must be a list, not empty"]),
    ("an empty list", "stocks",
     "key: [warehouse_id, sku]", "key: []",
     ["stocks.yaml:12:3: `key` must not be empty"]),
    ("a column twice", "stocks",
     "key: [warehouse_id, sku]", "key: [sku, sku]",
     ["stocks.yaml:12:14: `key` names the text `sku` twice, first as entry 1: keep one"]),
    ("a number among columns", "stocks",
     "key: [warehouse_id, sku]", "key: [warehouse_id, 7]",
     ["stocks.yaml:12:23: `key[1]` must be text, not the number 7: quote it"]),
    ("a chunk of nothing", "stocks",
     "chunk_size: 5000", "chunk_size: 0",
     ["stocks.yaml:21:5: `chunk_size` must be at least 1, not the number 0"]),
    ("a change that is none", "stocks",
     "on: [added, changed, removed]", "on: [added, changd, removed]",
     ["stocks.yaml:19:17: `on[1]` must be added, changed or removed, not the text `changd`; did you mean `changed`?"]),
    ("a method that is none", "stocks",
     "method: POST", "method: FETCH",
     ["stocks.yaml:23:7: `method` must be GET, POST, PUT, PATCH or DELETE, not the text `FETCH`; did you mean `PATCH`?"]),
    ("a status that is not draft", "stocks",
     "stage: 1", "status: drafts",
     ["stocks.yaml:2:1: `status` must be draft, not the text `drafts`; did you mean `draft`?"]),
    ("an HTTP status that is none", "stocks",
     "{404: confirm}", "{4xx: confirm}",
     ["stocks.yaml:29:17: the key `4xx`: write an HTTP status, 200 to 599, as 1xx is no answer yet"]),
    ("a decision that is none", "stocks",
     "{404: confirm}", "{404: ignore}",
     ["stocks.yaml:29:17: `404` must be reject, split, retry, confirm, wait or stop, not the text `ignore`"]),
    ("a percentage without its sign", "stocks",
     "max_removed: 20%", 'max_removed: "20"',
     ["stocks.yaml:32:10: `max_removed` is the text `20`: write a percentage such as 20%, or a number of records"]),
    ("a negative guard", "stocks",
     "max_removed: 20%", "max_removed: -1",
     ["stocks.yaml:32:10: `max_removed` must be at least 0, not the number -1"]),
    ("a path without a slash", "stocks",
     "path: /stock", "path: stock",
     ["stocks.yaml:24:7: `path` is the text `stock/warehouses/{{ warehouse_id | path }}/stocks`: begin with /"]),
    ("a url without a scheme", "orders",
     "path: /order/shipment", "url: example.com",
     ["orders.yaml:14:15: `url` is the text `example.com`: begin with https://, http:// or a template"]),
    ("a schedule with both", "segments",
     "{before: clients}", "{before: clients, after: clients}",
     ["segments.yaml:2:1: `schedule`: give either `after` or `before`"]),
    ("a schedule that is a list", "segments",
     "{before: clients}", "[clients]",
     ["segments.yaml:2:1: `schedule` must be text or a map, not a list"]),
    ("a header that is a number", "stocks",
     "idempotent: true", "headers: {X-Version: 1}",
     ["stocks.yaml:25:17: `X-Version` must be text, not the number 1: quote it"]),
    ("an object name with a capital", "stocks",
     "object: stocks", "object: Stocks",
     ["stocks.yaml:1:1: `object` is `Stocks`, but the file is stocks.yaml: make them the same",
      "stocks.yaml:1:1: `object` is the text `Stocks`: begin with a small letter and use small letters, digits and _ only"]),
    ("an object name unlike its file", "stocks",
     "object: stocks", "object: stock",
     ["stocks.yaml:1:1: `object` is `stock`, but the file is stocks.yaml: make them the same"]),
    ("an unknown type of connection", "project",
     "type: http", "type: https",
     ["project.yaml:11:5: `type` must be sql or http, not the text `https`; did you mean `http`?"]),
    ("a connection without a type", "project",
     "    type: sql\n", "",
     ["project.yaml:7:3: `type` is missing in `erp`"]),
    ("no connection", "project",
     "connections:\n", "connections: {}\nvars:\n",
     ["project.yaml:6:1: `connections`: name at least one connection",
      "project.yaml:24:1: `vars` stands here twice, first on line 7: keep one"]),
    ("a secret of the wrong type, not shown", "project",
     "ApiAuth: ${ONE_API_KEY}", "ApiAuth: 123456",
     ["project.yaml:14:7: `ApiAuth` must be text, not what stands here: quote it"]),
    ("a secret of the wrong form, not shown", "project",
     "url: ${ERP_URL}", "url: hunter2",
     ["project.yaml:9:5: `url`: write a SQLAlchemy URL, such as postgresql+psycopg://user@host/database or ${ERP_URL}"]),
    ("a wait of nothing", "project",
     "timeout_seconds: 60", "timeout_seconds: 0",
     ["project.yaml:16:5: `timeout_seconds` must be more than 0, not the number 0"]),
    ("a host with a path", "project",
     "files.example.com:8443", "https://files.example.com/x",
     ["project.yaml:21:19: `allow_hosts[0]` is the text `https://files.example.com/x`: write host or host:port, without https:// and path"]),
    ("a misspelt reference", "project",
     "${ONE_API_KEY}", "${ONE API KEY}",
     ["project.yaml:14:7: `${ONE API KEY}` is no reference: write ${NAME}, ${NAME:-default} or ${file:PATH}, or $${ for a plain ${"]),
    ("a reference that does not end", "project",
     "base_url: ${ONE_BASE_URL}", "base_url: ${ONE_BASE_URL",
     ["project.yaml:12:5: `${ONE_BASE_URL` is no reference: write ${NAME}, ${NAME:-default} or ${file:PATH}, or $${ for a plain ${"]),
    ("an unknown time zone", "project",
     "Europe/Warsaw", "Europe/Warszawa",
     ["project.yaml:1:1: `timezone` is `Europe/Warszawa`, which is no IANA time zone; did you mean `Europe/Warsaw`?"]),
    ("delays the wrong way round", "project",
     "first_delay_seconds: 1,", "first_delay_seconds: 100,",
     ["project.yaml:19:5: `first_delay_seconds` is longer than `max_delay_seconds`: swap them"]),
    ("no HTTP connection to send to", "project",
     PROJECT[PROJECT.index("  one:"):PROJECT.index("vars:")], "",
     ["clients.yaml:13:1: `send` needs an http connection to go to: add one to project.yaml",
      "orders.yaml:4:3: unknown connection `one`",
      "segments.yaml:7:1: `send` needs an http connection to go to: add one to project.yaml",
      "stocks.yaml:18:1: `send` needs an http connection to go to: add one to project.yaml"]),
    ("two HTTP connections to send to", "project",
     "vars:", "  two: {type: http, base_url: https://x}\nvars:",
     ["clients.yaml:13:1: project.yaml has several http connections (one, two): choose one with `target`",
      "segments.yaml:7:1: project.yaml has several http connections (one, two): choose one with `target`",
      "stocks.yaml:18:1: project.yaml has several http connections (one, two): choose one with `target`"]),
    ("a connection that is unknown", "stocks",
     "connection: erp", "connection: erpp",
     ["stocks.yaml:7:3: unknown connection `erpp`; did you mean `erp`?"]),
    ("a connection of the wrong type", "stocks",
     "connection: erp", "connection: one",
     ["stocks.yaml:7:3: connection `one` is of type http, but type sql is needed here; known here: erp"]),
    ("a written connection of the wrong type", "orders",
     "write:\n  connection: erp", "write:\n  connection: one",
     ["orders.yaml:17:3: connection `one` is of type http, but type sql is needed here; known here: erp"]),
    ("a feed that is sent", "orders",
     ORDERS[ORDERS.index("write:"):],
     "fields: {a: b}\nsend:\n  - {on: [added], request: {method: PUT, path: /x, body: \"{{ line }}\"}}\n",
     ["orders.yaml:5:3: `send` needs a database as its source (`query`); what a `feed` reads is for `write`"]),
    ("a query that is written", "orders",
     ORDERS[ORDERS.index("  connection: one"):ORDERS.index("  key: [id]")],
     "  connection: erp\n  query: SELECT 1\n",
     ["orders.yaml:5:3: `write` needs an HTTP API as its source (`feed` or `pages`); what a `query` reads is for `send`"]),
    ("a reference to an unknown object", "clients",
     "{object: segments,", "{object: segment,",
     ["clients.yaml:7:13: unknown object `segment`; did you mean `segments`?"]),
    ("a reference by a column that is no key", "clients",
     "on: {segment_code: segment_code}", "on: {code: segment_code}",
     ["clients.yaml:7:31: `on` lacks `segment_code`: name every key column of segments",
      "clients.yaml:7:36: `code` is no key column of segments; known here: segment_code"]),
    ("a reference by too few columns", "clients",
     "{object: segments, on: {segment_code: segment_code}}",
     "{object: stocks, on: {sku: segment_code}}",
     ["clients.yaml:7:29: `on` lacks `warehouse_id`: name every key column of stocks",
      "clients.yaml:11:3: `segmentId`: `segment.segment_id` is not among what stocks saves; known here: sku"]),
    ("a reference with a reserved name", "clients",
     '  segment: {object', '  saved: {object',
     ["clients.yaml:7:3: `saved` has a meaning of its own in templates: choose another name"]),
    ("a tie to an unknown object", "segments",
     "{before: clients}", "{before: client}",
     ["segments.yaml:2:12: unknown object `client`; did you mean `clients`?"]),
    ("a tie to itself", "segments",
     "{before: clients}", "{after: segments}",
     ["segments.yaml:2:12: segments cannot run after itself: name another object"]),
    ("a circle of references and ties", "segments",
     "{before: clients}", "{after: clients}",
     ["clients.yaml:1:1: clients -> segments -> clients: `refs`, `after` and `before` go in a circle; remove one of them"]),
    ("a change taken twice", "clients",
     "on: [changed]", "on: [added, changed]",
     ["clients.yaml:22:5: `added` is already taken by entry 1 of `send`: each change goes by one entry",
      "clients.yaml:24:28: `path`: `saved.client_id` has no value yet for an added record: an earlier step has to save it"]),
    ("groups that are not in the key", "stocks",
     "group_by: [warehouse_id]", "group_by: [region]",
     ["stocks.yaml:20:5: `group_by` names `region`, which with `removed` has to be part of `source.key`",
      "stocks.yaml:24:7: `path`: unknown name `warehouse_id`; known here: lines, region, removed, vars"]),
    ("a look-up where nothing is created", "clients",
     "request: {method: POST, path: /clients,", "request: {method: PUT, path: /clients,",
     ["clients.yaml:18:5: `lookup` is for creates, but sending these requests twice does no harm (`idempotent`): remove it"]),
    ("an id that no answer gives", "segments",
     'save: {segment_id: "{{ body.id }}"}', 'save: {segment_id: "{{ body.id }}"}\n    on_status: {409: reject, 422: confirm}',
     ["segments.yaml:11:30: `confirm` does not read the answer, so that `segment_id` of `save` would have no value: give `lookup`, or use another word"]),
    ("added lines that are never sent", "stocks",
     '        stocks: "{{ lines }}"\n', "",
     ["stocks.yaml:22:5: `on` takes added or changed records, but the request does not name `lines`: they would never be sent"]),
    ("removed keys that are never sent", "stocks",
     """        stocksToRemove: "{{ removed | map(attribute='sku') | list }}"\n""", "",
     ["stocks.yaml:22:5: `on` takes removed records, but the request does not name `removed`: they would never be sent"]),
    ("lines without fields", "stocks",
     STOCKS[STOCKS.index("fields:"):STOCKS.index("send:")], "",
     ["stocks.yaml:18:5: `lines` has nothing to hold: add `fields`"]),
    ("a line without fields", "segments",
     """fields: {name: "{{ segment_code }}", parentId: "{{ parent_segment.segment_id }}"}\n""",
     "",
     ["segments.yaml:8:5: `line` has nothing to hold: add `fields`"]),
    ("a line of a removed record", "segments",
     "on: [added]", "on: [removed]",
     ["segments.yaml:9:5: a removed record has no `line`: use its columns"]),
    ("a limit over itself", "stocks",
     "distinct: [warehouse_id]", "distinct: [sku]",
     ["stocks.yaml:31:10: `sku` stands in both `per` and `distinct`"]),
    ("a cursor that the query does not use", "stocks",
     "  key: [warehouse_id, sku]", "  key: [warehouse_id, sku]\n  cursor: {column: changed_at}",
     ["stocks.yaml:13:3: the query does not use `:cursor`: add a condition such as changed_at >= :cursor"]),
    ("a query with an undeclared cursor", "stocks",
     "FROM stock s", "FROM stock s WHERE x > :cursor",
     ["stocks.yaml:8:3: the query uses `:cursor`: add `cursor: {column: ...}` beside it"]),
    ("fields beside write", "orders",
     "write:\n", "fields: {a: b}\nwrite:\n",
     ["orders.yaml:16:1: `fields` is for `send`: with `write`, put values into its tables"]),
    ("a removal without its key", "orders",
     '    key: {id: "{{ item.shipmentId }}"}\n', "",
     ["orders.yaml:10:5: with `removed`, `feed.key` has to give `id`, as `source.key`"]),
    ("a removal with another key", "orders",
     'key: {id: "{{ item', 'key: {shipment: "{{ item',
     ["orders.yaml:11:5: with `removed`, `feed.key` has to give `id`, as `source.key`"]),
    ("a removal that does nothing", "orders",
     ORDERS[ORDERS.index("  removed:\n"):], "",
     ["orders.yaml:10:5: a removal does nothing: add `write.removed`"]),
    ("a write for removals that never come", "orders",
     ORDERS[ORDERS.index("    removed:"):ORDERS.index("  fetch:")], "",
     ["orders.yaml:25:3: no item is ever a removal: add `source.feed.removed`"]),
    ("a column in key and fields", "orders",
     "{order_id:", "{shipment_id:",
     ["orders.yaml:21:16: `shipment_id` stands in both `key` and `fields`"]),
    ("orphans of no list", "orders",
     "      $each: productLines\n", "",
     ["orders.yaml:25:7: `orphans` is for the rows of a list: add `$each`"]),
    ("orphans of all records", "orders",
     "{{ parent.id }}", "{{ id }}",
     ["orders.yaml:26:7: `orphans: delete` would delete the rows of other records: take a key column from `parent`"]),
    ("a parameter without a value", "orders",
     'params: {id:', 'params: {idd:',
     ["orders.yaml:29:10: `:id` has no value: add it to `params`; did you mean `idd`?"]),
    ("a column in a request of many", "stocks",
     "{{ warehouse_id | path }}", "{{ sku | path }}",
     ["stocks.yaml:24:7: `path`: unknown name `sku`; known here: lines, removed, vars, warehouse_id"]),
    ("a misspelt list in a request of many", "stocks",
     '"{{ removed |', '"{{ remove |',
     ["stocks.yaml:22:5: `on` takes removed records, but the request does not name `removed`: they would never be sent",
      "stocks.yaml:28:9: `stocksToRemove`: unknown name `remove`; did you mean `removed`?"]),
    ("a feed that sees no item", "orders",
     'startId: "{{ cursor }}"', 'startId: "{{ item.id }}"',
     ["orders.yaml:6:103: `startId`: unknown name `item`; known here: cursor, vars"]),
    ("a page that sees no cursor", "orders",
     "{{ body.nextId }}", "{{ cursor }}",
     ["orders.yaml:8:5: `next`: unknown name `cursor`; known here: body, vars"]),
    ("a fetch that sees no body", "orders",
     'shipmentId: "{{ item.shipmentId }}"', 'shipmentId: "{{ body.shipmentId }}"',
     ["orders.yaml:14:46: `shipmentId`: unknown name `body`; known here: item, vars"]),
    ("a variable that is not in the project", "orders",
     "vars.orders_service", "vars.order_service",
     ["orders.yaml:6:15: `path`: `vars.order_service` is not among the `vars` of project.yaml; did you mean `orders_service`?"]),
    ("a value that nobody saves", "clients",
     "saved.client_id", "saved.clientid",
     ["clients.yaml:24:28: `path`: `saved.clientid` is not among what this mapping saves; did you mean `client_id`?"]),
    ("a value that the other object does not save", "clients",
     "segment.segment_id", "segment.id",
     ["clients.yaml:11:3: `segmentId`: `segment.id` is not among what segments saves; known here: segment_code, segment_id"]),
    ("a parameter whose name is a key of fields", "clients",
     "query: {externalId:", "query: {$value:",
     ["clients.yaml:19:54: the key `$value`: a name cannot begin with $ here; write a parameter of that name into the path: /orders?$top=5"]),
    ("a column whose name is a key of fields", "orders",
     "fields: {order_id:", "fields: {$each:",
     ["orders.yaml:21:16: the key `$each`: a name cannot begin with $ here; write a parameter of that name into the path: /orders?$top=5"]),
    ("a time and a dictionary that are wrong beside a wrong value", "clients",
     'schedule: "0 */10 * * * *"\n    request: {method: POST', 'schedule: "0 */10 * * *"\n    request: {method: POTS',
     ["clients.yaml:15:5: '0 */10 * * *' has five fields, the seconds are missing in front: write '0 0 */10 * * *'",
      "clients.yaml:16:15: `method` must be GET, POST, PUT, PATCH or DELETE, not the text `POTS`; did you mean `POST`?"]),
    ("saved in fields", "clients",
     '"{{ name }}"', '"{{ saved.client_id }}"',
     ["clients.yaml:10:3: `name`: `saved` is for requests: a field may use columns, `row`, `vars` and the names under `refs`"]),
    ("a reference of another mapping", "stocks",
     "{{ quantity | number }}", "{{ segment.segment_id }}",
     ["stocks.yaml:16:3: `quantity`: `segment` is no reference of this mapping: add it under `refs`, as in clients.yaml"]),
]
# fmt: on

# Their sentences belong to fires.py and templates.py; here only that they are found, and where.
FOUND_ELSEWHERE = [
    ("a schedule of five fields", "stocks", '"0 */2 * * * *"', '"*/2 * * * *"', "E_CRON", "stocks.yaml:4:1"),
    ("a schedule of an entry", "clients", '"50 */10 * * * *"', '"61 */10 * * * *"', "E_CRON", "clients.yaml:23:5"),
    (
        "a template that does not end",
        "stocks",
        "{{ quantity | number }}",
        "{{ quantity | number",
        "E_TEMPLATE",
        "stocks.yaml:16:3",
    ),
    ("an unknown filter", "stocks", "| number }}", "| numbr }}", "E_TEMPLATE", "stocks.yaml:16:3"),
    ("an unknown filter in a request", "stocks", "| path }}", "| pth }}", "E_TEMPLATE", "stocks.yaml:24:7"),
]


@pytest.fixture(autouse=True)
def _inside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_files_that_the_table_edits_are_good() -> None:
    assert list(load(written(FILES)).mappings) == ["stocks", "orders", "segments", "clients"]


@pytest.mark.parametrize(("sentence", "file", "old", "new", "messages"), BAD)
def test_each_bad_document_says_exactly(sentence: str, file: str, old: str, new: str, messages: list[str]) -> None:
    assert told(FILES, file, old, new) == messages


@pytest.mark.parametrize(("sentence", "file", "old", "new", "code", "place"), FOUND_ELSEWHERE)
def test_faults_that_another_module_words_have_a_place(
    sentence: str, file: str, old: str, new: str, code: str, place: str
) -> None:
    assert old in FILES[file]

    found = problems({**FILES, file: FILES[file].replace(old, new, 1)})

    assert [(problem.code, str(problem.place)) for problem in found] == [(code, place)]


def test_every_problem_of_every_file_is_told_at_once_in_the_order_of_places() -> None:
    found = problems(
        {
            "project": PROJECT.replace("concurrency", "concurency").replace("Europe/Warsaw", "[]"),
            "stocks": STOCKS.replace("chunk_size: 5000", "chunksize: many").replace("stage: 1", "stage: one"),
            "orders": ORDERS.replace("cursor }}", "cursor }"),
            "clients": "object: clients\nobject: clients\n\tsource: {}\n",
        }
    )

    assert [f"{problem.code} {problem.place}" for problem in found] == [
        "E_YAML_SYNTAX clients.yaml:3:1",
        "E_VALUE project.yaml:1:1",
        "E_UNKNOWN_KEY project.yaml:17:5",
        "E_VALUE stocks.yaml:2:1",
        "E_UNKNOWN_KEY stocks.yaml:21:5",
    ]


def test_what_names_an_object_whose_file_cannot_be_read_is_not_blamed() -> None:
    found = problems({**FILES, "segments": SEGMENTS.replace("send:", "sent:")})

    assert {problem.place.file for problem in found if problem.place} == {"segments.yaml"}


def test_a_secret_never_stands_in_a_message() -> None:
    project = (
        PROJECT.replace("${ERP_URL}", "hunter2")
        .replace("${ONE_API_KEY}", "424242")
        .replace("${ONE_BASE_URL}", "hunter2.example.com")
    )

    text = "\n".join(map(str, problems({**FILES, "project": project})))

    assert text.count("project.yaml") == 3
    assert "hunter2" not in text
    assert "424242" not in text


def test_the_reference_of_a_record_to_its_parent_is_no_circle() -> None:
    assert "refs" in SEGMENTS

    assert load(written(FILES)).mappings["segments"].refs["parent_segment"].object == "segments"


def test_every_circle_is_told() -> None:
    mappings = {
        name: _mapping(name, refs=refs)
        for name, refs in {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["e"], "e": ["c"], "f": ["a"]}.items()
    }
    project = load(written(FILES)).project

    circles = [problem for problem in validate(project, mappings) if problem.code == "E_CIRCLE"]

    remedy = "`refs`, `after` and `before` go in a circle; remove one of them"
    assert circles == [
        Problem(code="E_CIRCLE", message=f"a -> b -> a: {remedy}", place=Place(file="a.yaml")),
        Problem(code="E_CIRCLE", message=f"c -> e -> d -> c: {remedy}", place=Place(file="c.yaml")),
    ]


def test_objects_stand_behind_what_they_need_then_by_stage_then_by_name() -> None:
    needs = {"clients": ["segments"], "prices": ["clients", "stocks"], "segments": [], "stocks": [], "addresses": []}
    stages = {"clients": 1, "prices": 2, "segments": 3, "stocks": 1}
    mappings = {name: _mapping(name, refs=refs, stage=stages.get(name)) for name, refs in needs.items()}
    mappings["segments"] = replace(mappings["segments"], schedule=Tied(order="before", object="clients"))
    mappings["labels"] = replace(_mapping("labels", stage=0), schedule=Tied(order="after", object="prices"))

    assert order(mappings) == ("stocks", "segments", "clients", "prices", "labels", "addresses")
    assert order(dict(reversed(mappings.items()))) == order(mappings)


def _mapping(name: str, *, refs: list[str] | None = None, stage: int | None = None) -> MappingSpec:
    return MappingSpec(
        object=name,
        file=f"{name}.yaml",
        source=SqlSource(connection="erp", query="SELECT 1 AS id", key=("id",)),
        refs={f"to_{target}": Ref(object=target, on={"id": "id"}) for target in refs or []},
        stage=stage,
        places={(): Place(file=f"{name}.yaml")},
    )
