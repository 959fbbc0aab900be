# ruff: noqa: E501 (documents and messages stand whole, as a user sees them)
"""What files may not say of children, steps, files, pages, dictionaries and samples: exact messages, exact places."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.errors import ConfigError, Problem
from engine.load import load

PROJECT = """\
connections:
  erp: {type: sql, url: "${ERP_URL}"}
  one: {type: http, base_url: "${ONE_BASE_URL}"}
  archive: {type: http, base_url: https://archive.example.com}
maps:
  statuses: {1: NEW, 02: PAID, closed: null}
files_root: ${ERP_FILES:-files}
"""

CLIENTS = """\
object: clients
target: one
source: {connection: erp, query: SELECT id FROM customer, key: [id]}
fields: {externalId: "{{ id }}"}
send:
  - on: [added]
    request: {method: POST, path: /clients, body: "{{ line }}"}
    save: {client_id: "{{ body.id }}"}
"""

INVOICES = """\
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

PRODUCTS = """\
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

ORDERS = """\
object: orders
source:
  connection: one
  feed:
    request: {path: /events, query: {startId: "{{ cursor }}"}}
    items: "{{ body.events }}"
    next: "{{ body.next }}"
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

FILES = {"project": PROJECT, "clients": CLIENTS, "invoices": INVOICES, "products": PRODUCTS, "orders": ORDERS}

# One edit of one good file, and all that is then said: (sentence, file, old, new, messages).
# fmt: off
BAD = [
    ("a dictionary of lists", "project",
     "1: NEW,", "1: [NEW],",
     ["project.yaml:6:14: `1` must be text, a number, true or false or empty, not a list"]),
    ("an empty dictionary", "project",
     "{1: NEW, 02: PAID, closed: null}", "{}",
     ["project.yaml:6:3: `statuses`: list at least one code"]),
    ("a dictionary with a name of no word", "project",
     "  statuses:", "  order statuses:",
     ["project.yaml:6:3: the key `order statuses`: begin with a letter and use letters, digits and _ only"]),
    ("a code given twice", "project",
     "02: PAID", "1: PAID",
     ["project.yaml:6:22: `1` stands here twice, first on line 6: keep one"]),
    ("a misspelt reference in the folder of files", "project",
     "${ERP_FILES:-files}", "${ERP FILES}",
     ["project.yaml:7:1: `${ERP FILES}` is no reference: write ${NAME}, ${NAME:-default} or ${file:PATH}, or $${ for a plain ${"]),

    ("no choice among several targets", "clients",
     "target: one\n", "",
     ["clients.yaml:4:1: project.yaml has several http connections (one, archive): choose one with `target`"]),
    ("a target that is unknown", "clients",
     "target: one", "target: on",
     ["clients.yaml:2:1: unknown connection `on`; did you mean `one`?"]),
    ("a target that is a database", "clients",
     "target: one", "target: erp",
     ["clients.yaml:2:1: connection `erp` is of type sql, but type http is needed here; known here: archive, one"]),
    ("a target of what is written", "products",
     "object: products\n", "object: products\ntarget: one\n",
     ["products.yaml:2:1: `target` is for `send`: with `write`, its own `connection` says where to"]),
    ("files of what is written", "products",
     "object: products\n", "object: products\nfiles: {pdf: x}\n",
     ["products.yaml:2:1: `files` is for `send`: with `write`, remove it"]),
    ("a payload schema of what is written", "products",
     "object: products\n", "object: products\npayload_schema: nothing\n",
     ["products.yaml:2:1: `payload_schema` is for `send`: with `write`, remove it"]),

    ("a child without a parent", "invoices",
     "parent: [number], ", "",
     ["invoices.yaml:8:5: `parent` is missing in `lines`"]),
    ("a child with an unknown key", "invoices",
     "order_by:", "orderby:",
     ["invoices.yaml:8:66: unknown key `orderby`; did you mean `order_by`?"]),
    ("a child with a name of no word", "invoices",
     "    lines: {query", "    invoice-lines: {query",
     ["invoices.yaml:8:5: the key `invoice-lines`: begin with a letter and use letters, digits and _ only"]),
    ("a child with too few columns of its parent", "invoices",
     "key: [number]", "key: [number, total]",
     ["invoices.yaml:8:48: `parent` has to name the columns that equal `number`, `total`, in this order"]),
    ("a child with the name of a key column", "invoices",
     "    lines: {query", "    number: {query",
     ["invoices.yaml:8:5: `number` is a column of `source.key`: choose another name",
      "invoices.yaml:17:5: unknown child `lines`; known here: number",
      "invoices.yaml:35:16: unknown child `lines`; known here: number"]),
    ("a child with the name of a reference", "invoices",
     "    lines: {query", "    buyer: {query: SELECT 1, parent: [a]}\n    lines: {query",
     ["invoices.yaml:8:5: `buyer` is a reference under `refs`: choose another name"]),
    ("a child with a reserved name", "invoices",
     "    lines: {query", "    parent: {query: SELECT 1, parent: [a]}\n    lines: {query",
     ["invoices.yaml:8:5: `parent` is a name with a meaning of its own in `fields`: choose another name"]),
    ("a child that nothing uses", "invoices",
     "    lines: {query", "    payments: {query: SELECT 1, parent: [a]}\n    lines: {query",
     ["invoices.yaml:8:5: `payments` is read and never used: add `$each: payments` to `fields`, or remove it"]),
    ("a child that is read by cursor", "invoices",
     "SELECT * FROM invoice_line", '"SELECT * FROM invoice_line WHERE x > :cursor"',
     ["invoices.yaml:8:13: `:cursor` would lose children that did not change: remove it here"]),
    ("an each of no child", "invoices",
     "$each: lines", "$each: line",
     ["invoices.yaml:8:5: `lines` is read and never used: add `$each: lines` to `fields`, or remove it",
      "invoices.yaml:17:5: unknown child `line`; did you mean `lines`?"]),
    ("an each without fields", "invoices",
     '{$each: parts, name: "{{ part }}"}', "{$each: parts}",
     ["invoices.yaml:20:5: `parts`: name the fields of one element beside $each, or $value"]),
    ("an each of a list", "invoices",
     "{$each: parts,", "{$each: [parts],",
     ["invoices.yaml:20:13: `$each` must be text, not a list"]),
    ("an each in braces", "invoices",
     "$each: lines", '$each: "{{ lines }}"',
     ["invoices.yaml:17:5: `$each` is the text `{{ lines }}`: write the name of the list without braces, such as lines"]),
    ("an each that only says what becomes of an empty list", "invoices",
     '{$each: parts, name: "{{ part }}"}', "{$each: parts, $on_empty: omit}",
     ["invoices.yaml:20:5: `parts`: name the fields of one element beside $each, or $value"]),
    ("an each with an unknown policy", "invoices",
     "$each: parts,", "$each: parts, $on_empty: drop,",
     ["invoices.yaml:20:27: `$on_empty` must be send, omit or reject, not the text `drop`"]),
    ("an each with value and fields", "invoices",
     '{$each: parts, name: "{{ part }}"}', '{$each: parts, $value: "{{ part }}", name: x}',
     ["invoices.yaml:20:49: unknown key `name`; known here: $on_empty, $on_null"]),
    ("an each with a key that means nothing", "invoices",
     "{$each: parts, name:", "{$each: parts, $name:",
     ['invoices.yaml:20:27: the key `$name`: beside $each and $on_empty stand the fields of one element, or $value: {$each: lines, sku: "{{ sku }}"}']),
    ("a dictionary that the project has not", "invoices",
     "mapped('statuses')", "mapped('status')",
     ["invoices.yaml:13:3: `sku`: 'status' is not among the `maps` of project.yaml; did you mean 'statuses'?"]),
    ("a dictionary that the project has not, in a request", "invoices",
     "path: /begin,", "path: \"/begin/{{ state | mapped('stati') | path }}\",",
     ["invoices.yaml:28:24: `path`: 'stati' is not among the `maps` of project.yaml; did you mean 'statuses'?"]),
    ("a parent outside each", "invoices",
     'id: "{{ number }}"', 'id: "{{ parent.number }}"',
     ["invoices.yaml:12:3: `id`: `parent` is for the fields inside `$each`: write `number` alone"]),
    ("saved inside each", "invoices",
     "{{ parent.number }}", "{{ saved.upload }}",
     ["invoices.yaml:19:5: `invoice`: `saved` is for requests: a field may use columns, `row`, `vars` and the names under `refs`"]),

    ("a file of nothing known", "invoices",
     "{$bytes:", "{bytes:",
     ["invoices.yaml:23:3: `$bytes` is missing in `scan`",
      "invoices.yaml:23:10: unknown key `bytes`; did you mean `$bytes`?"]),
    ("a file that is a number", "invoices",
     'pdf: "{{ pdf_path }}"', "pdf: 7",
     ["invoices.yaml:22:3: `pdf` must be text or a map, not the number 7: quote it"]),
    ("a request for a file that is unknown", "invoices",
     "file: pdf}", "file: pfd}",
     ["invoices.yaml:22:3: `pdf` is never sent: name it as `file` of a request, or remove it",
      "invoices.yaml:29:49: unknown file `pfd`; did you mean `pdf`?"]),
    ("a request for a file where there are none", "clients",
     'body: "{{ line }}"', "file: pdf",
     ['clients.yaml:7:45: unknown file `pdf`: add `files: {pdf: "{{ path }}"}`']),
    ("a file beside a body", "invoices",
     "file: pdf}", "file: pdf, body: x}",
     ["invoices.yaml:29:9: `requests[1]`: give either `body` (JSON) or `file` (the bytes of a file)"]),
    ("a file of many records", "invoices",
     "file: scan}", "file: scan, query: {n: \"{{ lines | length }}\"}}",
     ["invoices.yaml:27:5: `requests` are the steps of one record, but one of them names `lines` or `removed`: use `request`",
      "invoices.yaml:28:56: `body`: unknown name `line`; did you mean `lines`?",
      "invoices.yaml:29:23: `url`: unknown name `saved`; known here: lines, removed, vars",
      "invoices.yaml:29:49: `file` needs one record a request, but the request names `lines` or `removed`",
      "invoices.yaml:30:23: `path`: unknown name `saved`; known here: lines, removed, vars",
      "invoices.yaml:30:65: `file` needs one record a request, but the request names `lines` or `removed`"]),
    ("a file of a removed record", "invoices",
     "limits:", "  - {on: [removed], request: {method: DELETE, path: /x, file: pdf}}\nlimits:",
     ["invoices.yaml:31:57: a removed record has no file: remove `file`"]),
    ("a file in a request that reads", "orders",
     '| path }}"}}', '| path }}", file: pdf}}',
     ["orders.yaml:8:67: unknown key `file`; known here: body, headers, method, query, url"]),

    ("a step that needs what a later one saves", "invoices",
     "path: /begin,", 'path: "/begin/{{ saved.upload }}",',
     ["invoices.yaml:28:24: `path`: `saved.upload` has no value yet for an added record: an earlier step has to save it"]),
    ("a look-up behind a first step that creates nothing", "invoices",
     "limits:", '    lookup: {request: {path: /x}, found: "{{ body }}"}\nlimits:',
     ["invoices.yaml:31:5: `lookup` is for creates, but sending these requests twice does no harm (`idempotent`): remove it"]),
    ("a look-up for a second step", "invoices",
     "limits:", '      - {method: POST, path: /end}\n    lookup: {request: {path: /x}, found: "{{ body }}"}\nlimits:',
     ["invoices.yaml:32:5: `lookup` is for a first step that creates, but the first step may be sent twice: put the create first"]),

    ("a payload schema that is not there", "invoices",
     "payload_schema: stock-line", "payload_schema: stock-lines",
     ["invoices.yaml:24:1: there is no schemas/payloads/stock-lines.schema.json; did you mean `stock-line`?"]),
    ("a payload schema by its file name", "invoices",
     "payload_schema: stock-line", "payload_schema: stock-line.schema.json",
     ["invoices.yaml:24:1: `payload_schema` is the text `stock-line.schema.json`: write the file's name without .schema.json, such as stock-line"]),
    ("a payload schema of no line", "clients",
     'fields: {externalId: "{{ id }}"}\n', "payload_schema: stock-line\n",
     ["clients.yaml:4:1: `payload_schema` has no line to check: add `fields`",
      "clients.yaml:7:5: `line` has nothing to hold: add `fields`"]),

    ("feed and pages", "products",
     "  pages:\n", '  feed: {request: {path: /x}, items: "{{ body }}", next: "{{ body.next }}"}\n  pages:\n',
     ["products.yaml:2:1: `source`: give one of `query` (a database), `feed` and `pages` (an HTTP API)"]),
    ("pages without items", "products",
     '    items: "{{ body.products }}"\n', "",
     ["products.yaml:4:3: `items` is missing in `pages`"]),
    ("pages of nothing", "products",
     "size: 50\n", "size: 0\n",
     ["products.yaml:7:5: `size` must be at least 1, not the number 0"]),
    ("pages that are all the first", "products",
     'pageNumber: "{{ page }}", ', "",
     ["products.yaml:5:5: it names neither `page` nor `offset`, so every page would be the same: use one, or `next` and `link`"]),
    ("pages that do not follow their link", "products",
     'query: {pageNumber: "{{ page }}", pageSize: 50}}\n    items: "{{ body.products }}"\n',
     'query: {}}\n    items: "{{ body.products }}"\n    next: "{{ body.next }}"\n',
     ["products.yaml:5:5: it names neither `page`, `offset` nor `link`, so every page would be the same: use one"]),
    ("pages that see no cursor", "products",
     "{{ page }}", "{{ page }}{{ cursor }}",
     ["products.yaml:5:40: `pageNumber`: unknown name `cursor`; known here: link, offset, page, vars"]),
    ("pages that are sent", "products",
     PRODUCTS[PRODUCTS.index("write:"):],
     'target: one\nfields: {a: b}\nsend:\n  - {on: [added], request: {method: PUT, path: /x, body: "{{ line }}"}}\n',
     ["products.yaml:4:3: `send` needs a database as its source (`query`); what `pages` read is for `write`"]),
    ("a removal that names more than the key", "products",
     'params: {sku: "{{ sku }}"}', 'params: {sku: "{{ name }}"}',
     ["products.yaml:14:71: `sku`: unknown name `name`; known here: sku, vars"]),

    ("a sample without a name", "clients",
     "send:\n", "samples: [{row: {id: 1}}]\nsend:\n",
     ["clients.yaml:5:11: `name` is missing in `samples[0]`"]),
    ("a sample without a row", "clients",
     "send:\n", "samples: [{name: x}]\nsend:\n",
     ["clients.yaml:5:11: `samples[0]`: give `row` (its columns), or with `write` the `document`"]),
    ("no sample", "clients",
     "send:\n", "samples: []\nsend:\n",
     ["clients.yaml:5:1: `samples` must not be empty"]),
    ("a sample with an answer of no status", "invoices",
     "{status: 200,", "{status: 700,",
     ["invoices.yaml:38:16: `status` must be at most 599, not the number 700"]),
    ("a sample with an unknown change", "invoices",
     "    change: changed", "    change: change",
     ["invoices.yaml:40:5: `change` must be added, changed or removed, not the text `change`; did you mean `changed`?"]),
    ("two samples of one name", "invoices",
     "name: changed", "name: new",
     ["invoices.yaml:39:5: sample 1 has the name `new` too: names tell samples apart"]),
    ("a sample with an unknown child", "invoices",
     "children: {lines:", "children: {line:",
     ["invoices.yaml:35:16: unknown child `line`; did you mean `lines`?"]),
    ("a sample with an unknown reference", "invoices",
     "{buyer: null}", "{client: null}",
     ["invoices.yaml:42:12: unknown reference `client`; known here: buyer"]),
    ("a sample with an unknown file", "invoices",
     "files: {pdf: content}", "files: {pfd: content}",
     ["invoices.yaml:37:13: unknown file `pfd`; did you mean `pdf`?"]),
    ("a sample with a value that nobody saves", "invoices",
     "saved: {upload:", "saved: {uploads:",
     ["invoices.yaml:43:13: unknown saved value `uploads`; did you mean `upload`?"]),
    ("a sample of files where there are none", "clients",
     "send:\n", "samples: [{name: x, row: {id: 1}, files: {pdf: x}}]\nsend:\n",
     ["clients.yaml:5:43: unknown file `pdf`: remove it"]),
    ("a document of what is sent", "invoices",
     "    change: changed\n", "    change: changed\n    document: {}\n",
     ["invoices.yaml:41:5: `document` is for `write`: give the columns as `row`"]),
    ("a document that nothing fetches", "products",
     "row: {sku: A, name: null}", "document: {sku: A}",
     ["products.yaml:16:23: `document` is what `fetch` answers, and there is no `fetch`: give the item as `row`"]),
    ("saved values of what is written", "products",
     "row: {sku: A, name: null}", "row: {sku: A, name: null}, saved: {a: 1}",
     ["products.yaml:16:50: `saved` is for `send`: remove it"]),

    ("a column that no sample has", "invoices",
     '"{{ total | number }}"', '"{{ totl | number }}"',
     ["invoices.yaml:14:3: `quantity`: no sample has `totl`; did you mean `total`?"]),
    ("a column of a file that no sample has", "invoices",
     '"{{ pdf_path }}"', '"{{ pdfpath }}"',
     ["invoices.yaml:22:3: `pdf`: no sample has `pdfpath`; did you mean `pdf_path`?"]),
    ("a column of a request that no sample has", "invoices",
     "path: /begin,", 'path: "/begin/{{ numbers | path }}",',
     ["invoices.yaml:28:24: `path`: no sample has `numbers`; did you mean `number`?"]),
    ("a key column that no sample has", "clients",
     "send:\n", "samples: [{name: x, row: {ID: 1}}]\nsend:\n",
     ["clients.yaml:3:59: `key`: no sample has `id`; known here: ID",
      "clients.yaml:4:10: `externalId`: no sample has `id`; known here: ID"]),
    ("a column of a reference that no sample has", "invoices",
     "on: {id: client}", "on: {id: clint}",
     ["invoices.yaml:10:33: `id`: no sample has `clint`; did you mean `client`?"]),
    ("a column of a limit that no sample has", "invoices",
     "per: [client]", "per: [cliant]",
     ["invoices.yaml:31:11: `per`: no sample has `cliant`; did you mean `client`?"]),
    ("a column of a child that no sample has", "invoices",
     '"{{ line_no }}"', '"{{ lineno }}"',
     ["invoices.yaml:18:5: `number`: no `lines` of a sample has `lineno`; did you mean `line_no`?"]),
    ("a list of a child that no sample has", "invoices",
     "$each: parts,", "$each: part,",
     ["invoices.yaml:20:13: `$each`: no `lines` of a sample has `part`; did you mean `parts`?"]),
    ("a column of a sorted child that no sample has", "invoices",
     '$each: lines\n    number: "{{ line_no }}"', '$each: lines | sort(attribute=\'line_no\')\n    number: "{{ line }}"',
     ["invoices.yaml:18:5: `number`: no `lines` of a sample has `line`; did you mean `line_no`?"]),
    ("a column of removed rows that no sample has", "clients",
     "send:\n", "samples: [{name: x, row: {id: 1}}]\nsend:\n  - {on: [removed], request: {method: PUT, path: /x, body: {$each: removed, id: \"{{ ide }}\"}}}\n",
     ["clients.yaml:7:77: `id`: no sample has `ide`; did you mean `id`?"]),
    ("a column of the parent that no sample has", "invoices",
     "{{ parent.number }}", "{{ parent.numbr }}",
     ["invoices.yaml:19:5: `invoice`: no sample has `numbr`; did you mean `number`?"]),
    ("a column that one sample misspells", "invoices",
     "state: 02, total: 0,", "state: 02, totall: 0,",
     ["invoices.yaml:41:35: no template names `totall`; did you mean `total`?"]),
    ("a column of a child that one sample misspells", "invoices",
     "parts: [{part: a}]}]}", "parts: [{part: a}]}, {lineno: 2}]}",
     ["invoices.yaml:35:59: no template names `lineno`; did you mean `line_no`?"]),
    ("a name that no document has", "orders",
     "{{ price.total |", "{{ prices.total |",
     ["orders.yaml:15:16: `total`: no sample has `prices`; did you mean `price`?"]),
    ("a name that no element has", "orders",
     "{{ lineNumber }}", "{{ lineNo }}",
     ["orders.yaml:18:36: `line`: no `productLines` of a sample has `lineNo`; did you mean `lineNumber`?"]),
    ("a name that no element of a deeper list has", "orders",
     "$each: productLines\n      key: {id: \"{{ parent.id }}\", line: \"{{ lineNumber }}\"}",
     "$each: price.costs\n      key: {id: \"{{ parent.ids }}\", line: \"{{ vatt }}\"}",
     ["orders.yaml:18:13: `id`: no sample has `ids`; did you mean `id`?",
      "orders.yaml:18:37: `line`: no `price.costs` of a sample has `vatt`; did you mean `vat`?"]),
    ("a name that no item has", "orders",
     "item.shipmentId", "item.shipmentID",
     ["orders.yaml:8:21: `path`: no item of a sample has `shipmentID`; did you mean `shipmentId`?"]),
    ("a name that no page has", "products",
     'name: "{{ name }}"', 'name: "{{ title }}"',
     ["products.yaml:12:58: `name`: no sample has `title`; known here: name, sku"]),
]
# fmt: on


@pytest.fixture(autouse=True)
def _inside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(files: Mapping[str, str]) -> Path:
    for stem, text in files.items():
        Path(f"{stem}.yaml").write_text(text, encoding="utf-8")
    return Path()


def problems(files: Mapping[str, str]) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load(written(files))
    return caught.value.problems


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("invoices", "$each: lines\n", "$each: lines | sort(attribute='line_no')\n"),
        ("invoices", "$each: lines\n", "$each: lines + lines\n"),
        ("invoices", "$each: lines\n", "$each: lines\n    $on_empty: omit\n"),
        ("invoices", '"{{ line_no }}"', "\"{{ line_no }}{{ note | default('') }}\""),
        ("invoices", "path: /begin,", "path: \"/begin/{{ saved.upload | default('new') | path }}\","),
        ("invoices", "on: [added, changed]", "on: [changed]"),
        ("products", "    items:", '    next: "{{ body.more }}"\n    items:'),
        ("products", 'query: {pageNumber: "{{ page }}"', 'query: {after: "{{ link }}"'),
        ("products", 'query: {pageNumber: "{{ page }}"', 'query: {skip: "{{ offset }}"'),
        ("products", '{pageNumber: "{{ page }}", pageSize: 50}}\n', '{}}\n    next: "{{ none }}"\n'),
        ("orders", '"{{ price.total | decimal(2) }}"', '"{{ price.total | decimal(2) }}{{ note is defined }}"'),
        ("orders", "row: {shipmentId: S-1}\n", "row: {shipmentId: S-1, eventType: REMOVED}\n    change: removed\n"),
    ],
)
def test_what_is_unusual_but_right_is_accepted(file: str, old: str, new: str) -> None:
    assert old in FILES[file]
    text = FILES[file].replace(old, new, 1)
    text = text.replace("    size: 50\n", '    size: 50\n    next: "{{ body.next }}"\n') if "link" in new else text

    assert file in load(written({**FILES, file: text})).mappings


def test_the_files_that_the_table_edits_are_good() -> None:
    assert list(load(written(FILES)).mappings) == ["clients", "invoices", "orders", "products"]


@pytest.mark.parametrize(("sentence", "file", "old", "new", "messages"), BAD)
def test_each_bad_document_says_exactly(sentence: str, file: str, old: str, new: str, messages: list[str]) -> None:
    assert old in FILES[file]

    found = problems({**FILES, file: FILES[file].replace(old, new, 1)})

    assert list(map(str, found)) == messages


def test_columns_of_two_children_in_one_list_are_not_looked_for() -> None:
    child = "    lines: {query: SELECT * FROM invoice_line, parent: [number], order_by: [line_no]}\n"
    invoices = (
        INVOICES.replace(child, child + "    costs: {query: SELECT * FROM invoice_cost, parent: [number]}\n")
        .replace("$each: lines", "$each: lines + costs")
        .replace("{{ line_no }}", "{{ cost_no }}")
        .replace("children: {lines:", "children: {costs: [{cost_no: 1}], lines:")
    )

    assert "invoices" in load(written({**FILES, "invoices": invoices})).mappings
