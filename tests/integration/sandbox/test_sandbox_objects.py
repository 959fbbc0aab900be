"""The stand-in for ONe over real HTTP: prices, invoices, goods issued notes, files, orders, offline orders."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import httpx
import pytest

from engine.sandbox.api.replies import Settings
from engine.sandbox.sandbox import Sandbox

ACCOUNT = "/api/v1/account/integrations/auth-required"
PRICING = "/api/v1/pricing/integrations/auth-required"
RETAIL, PRICES, LISTS = f"{PRICING}/retail-prices", f"{PRICING}/prices", f"{PRICING}/pricing/discount"
ASSIGNED = f"{PRICING}/clients-to-pricings"
INVOICES = "/api/v1/invoices/integrations/auth-required/invoices"
NOTES = "/api/v1/goods-issued-notes/integrations/auth-required/goods-issued-notes"
ORDERS = "/api/v1/orders/integrations/auth-required"
FEED, ORDER, SHIPMENT = f"{ORDERS}/synchronization/order", f"{ORDERS}/order", f"{ORDERS}/order/shipment"
SHIPPED = f"{SHIPMENT}/number-of-shipped-products-content-unit"
OFFLINE = f"{ORDERS}/offline-order/shipment"
HEADERS = {"ApiAuth": "key", "one-tenant": "acme"}
NOBODY = "org:11111111-2222-3333-4444-555555555555"
UNKNOWN = "11111111-2222-3333-4444-555555555555"
PDF = b"%PDF-1.7 \xff\x00 " + "zażółć".encode()


@pytest.fixture
def client_id(sandbox: Sandbox) -> str:
    return sandbox.edit_client({"name": "Żabka Narzędzia", "tin": "1", "externalId": "K-1"})


@pytest.fixture
def shipment_id(sandbox: Sandbox, client_id: str) -> str:
    return sandbox.place_orders(1).shipments[0]


def messages(answer: httpx.Response) -> list[str]:
    return [problem["message"] for problem in answer.json()["problems"]]


def statuses(*answers: httpx.Response) -> list[int]:
    return [answer.status_code for answer in answers]


def new_list(one: httpx.Client, name: str) -> str:
    return str(one.post(LISTS, json={"name": name}).json()["pricingId"])


def assignments(client_id: str, pricing_ids: list[str]) -> list[dict[str, str]]:
    return [{"clientId": client_id, "pricingId": pricing_id} for pricing_id in pricing_ids]


# --- retail prices and prices --------------------------------------------------------------------


def test_retail_prices_are_set_and_those_not_named_stay(sandbox: Sandbox, one: httpx.Client) -> None:
    first = one.put(RETAIL, json=[{"productId": "A", "price": 19.9}, {"productId": "Ł/2", "price": 0}])
    one.put(RETAIL, json=[{"productId": "A", "price": 4}])

    assert (first.status_code, first.json()) == (200, {"stored": 2})
    assert sandbox.store.prices.retail == {"A": 4, "Ł/2": 0}


def test_prices_belong_to_a_list_or_to_the_main_catalogue(sandbox: Sandbox, one: httpx.Client) -> None:
    main = one.get(f"{PRICING}/pricing/main-catalog-id").json()["mainCatalogId"]
    hurt = new_list(one, "Hurt")
    body = f'[{{"pricingId":"{hurt}","productId":"A","price":17.350000000000000001}},'
    body += f'{{"pricingId":"{main}","productId":"A","price":20}}]'

    answer = one.put(PRICES, content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()) == (200, {"stored": 2})
    assert sandbox.store.prices.prices == {hurt: {"A": Decimal("17.350000000000000001")}, main: {"A": 20}}


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        (RETAIL, [{"productId": "A", "price": 1}, {"productId": "A", "price": 2}], 400, "A stands twice"),
        (RETAIL, [{"productId": "A", "price": 1}, {"productId": "X", "price": 2}], 422, "SKU X is unknown"),
        (RETAIL, {"productId": "A", "price": 1}, 400, "{'productId': 'A', 'price': 1} is not of type 'array'"),
        (
            PRICES,
            [{"pricingId": UNKNOWN, "productId": "A", "price": 1}],
            404,
            f"pricing not found: {UNKNOWN}",
        ),
    ],
)
def test_refused_prices_change_nothing(
    sandbox: Sandbox,
    one: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: Any,
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr(sandbox, "settings", Settings(known_skus=frozenset({"A"})))

    answer = one.put(path, json=body)

    assert (answer.status_code, messages(answer)) == (status, [message])
    assert (sandbox.store.prices.retail, sandbox.store.prices.prices) == ({}, {})


def test_refused_lines_are_named_with_their_places_and_the_first_gives_the_status(
    sandbox: Sandbox, one: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "settings", Settings(known_skus=frozenset({"A"})))
    hurt = new_list(one, "Hurt")
    lines = [
        {"pricingId": pricing_id, "productId": sku, "price": 1}
        for pricing_id, sku in ((hurt, "A"), (UNKNOWN, "A"), (hurt, "X"))
    ]

    answers = [one.put(PRICES, json=lines[::step]) for step in (1, -1)]

    missing, unknown = f"pricing not found: {UNKNOWN}", "SKU X is unknown"
    assert [(answer.status_code, answer.json()["problems"]) for answer in answers] == [
        (404, [{"path": "$[1]", "message": missing}, {"path": "$[2]", "message": unknown}]),
        (422, [{"path": "$[0]", "message": unknown}, {"path": "$[1]", "message": missing}]),
    ]


def test_ten_thousand_prices_are_taken_and_one_more_is_413(sandbox: Sandbox, one: httpx.Client) -> None:
    hurt = new_list(one, "Hurt")
    lines = [{"pricingId": hurt, "productId": f"A-{number}", "price": number + 0.25} for number in range(10_001)]

    most = one.put(PRICES, json=lines[:-1])
    more = one.put(PRICES, json=lines)

    assert (most.status_code, most.json(), more.status_code) == (200, {"stored": 10_000}, 413)
    assert sandbox.store.counts()["prices"] == 10_000


@pytest.mark.parametrize("path", [RETAIL, PRICES, ASSIGNED])
def test_every_array_is_limited(one: httpx.Client, path: str) -> None:
    assert one.put(path, json=[{}] * 10_001).status_code == 413


def test_results_per_line_take_the_rest(sandbox: Sandbox, one: httpx.Client) -> None:
    hurt = new_list(one, "Hurt")
    sandbox.faults.add({"per_line": True, "refuse_sku": ["B"]})

    retail = one.put(RETAIL, json=[{"productId": name, "price": 1} for name in "AB"]).json()
    listed = one.put(PRICES, json=[{"pricingId": hurt, "productId": name, "price": 1} for name in "BC"]).json()

    refused = {"ok": False, "error": "SKU B is refused"}
    taken = {"ok": True, "error": None}
    assert retail == {"results": [{"productId": "A"} | taken, {"productId": "B"} | refused]}
    assert listed == {
        "results": [
            {"pricingId": hurt, "productId": "B"} | refused,
            {"pricingId": hurt, "productId": "C"} | taken,
        ]
    }
    assert (sandbox.store.prices.retail, sandbox.store.prices.prices) == ({"A": 1}, {hurt: {"C": 1}})


# --- price lists and assignments -----------------------------------------------------------------


def test_price_lists_are_created_listed_looked_up_and_removed(
    sandbox: Sandbox, one: httpx.Client, client_id: str
) -> None:
    created = one.post(LISTS, json={"name": "Hurt Łódź", "global": False})
    hurt, other = created.json()["pricingId"], new_list(one, "Detal")
    one.put(PRICES, json=[{"pricingId": hurt, "productId": "A", "price": 1}])
    one.put(ASSIGNED, json=[*assignments(client_id, [hurt, other]), {"clientGroupId": "g", "pricingId": hurt}])
    paged = one.get(LISTS, params={"pageNumber": 1, "pageSize": 9}).json()
    found, none = (one.get(LISTS, params={"name": name}).json() for name in ("Hurt Łódź", "x"))
    read = one.get(f"{LISTS}/{hurt}").json()
    removed = [one.delete(f"{LISTS}/{hurt}").status_code for _ in range(2)]

    row = {"pricingId": hurt, "name": "Hurt Łódź", "global": False}
    assert (created.status_code, found, none, read) == (201, [row], [], row)
    assert paged == [row, {"pricingId": other, "name": "Detal"}]
    assert (removed, one.get(f"{LISTS}/{hurt}").status_code) == ([204, 404], 404)
    assert sandbox.store.prices.prices == {}
    assert list(sandbox.store.prices.assignments()) == assignments(client_id, [other])


def test_a_price_list_that_is_created_twice_is_seen(sandbox: Sandbox, one: httpx.Client) -> None:
    ids = {new_list(one, "Hurt") for _ in range(2)}

    assert (len(ids), sandbox.store.creations) == (2, {"price_list:Hurt": 2})


def test_the_main_catalogue_is_never_removed(one: httpx.Client) -> None:
    main = one.get(f"{PRICING}/pricing/main-catalog-id").json()["mainCatalogId"]

    assert one.delete(f"{LISTS}/{main}").status_code == 404


def test_assignments_add_up_are_listed_and_taken_away(one: httpx.Client, client_id: str) -> None:
    first, second = new_list(one, "A"), new_list(one, "B")
    put = [one.put(ASSIGNED, json=assignments(client_id, [name])).json() for name in (first, second, second)]
    one.put(ASSIGNED, json=[{"clientGroupId": "g", "pricingId": first}])
    of_client = one.get(ASSIGNED, params={"clientId": client_id}).json()
    gone = {"clientId": client_id, "pricingId": first}
    group = {"clientGroupId": "g", "pricingId": first}
    removed = [one.delete(ASSIGNED, params=params).status_code for params in (gone, gone, group, {"pricingId": first})]
    left = one.get(ASSIGNED, params={"pageNumber": 1, "pageSize": 9}).json()

    assert (put, of_client) == ([{"stored": 1}] * 3, assignments(client_id, [first, second]))
    assert (removed, left) == ([204, 404, 204, 400], assignments(client_id, [second]))


def test_a_client_has_at_most_two_thousand_price_lists(sandbox: Sandbox, one: httpx.Client, client_id: str) -> None:
    other = sandbox.edit_client({"name": "Inny", "tin": "2"})
    lists = [new_list(one, f"L-{number}") for number in range(2_001)]
    most = one.put(ASSIGNED, json=assignments(client_id, lists[:2_000]))
    again = one.put(ASSIGNED, json=assignments(client_id, lists[:3]))
    more = one.put(ASSIGNED, json=assignments(other, lists[:1]) + assignments(client_id, lists[2_000:]))
    at_once = one.put(ASSIGNED, json=assignments(other, lists))
    group = one.put(ASSIGNED, json=[{"clientGroupId": "g", "pricingId": pricing_id} for pricing_id in lists])

    reason = "client {} would have more than 2000 price lists"
    assert statuses(most, again, more, at_once, group) == [200, 200, 422, 422, 200]
    assert more.json()["problems"] == [{"path": "$[1]", "message": reason.format(client_id)}]
    assert at_once.json()["problems"] == [{"path": "$[2000]", "message": reason.format(other)}]
    assert sandbox.store.counts()["price_list_assignments"] == 2_000 + 2_001


@pytest.mark.parametrize(
    ("client", "pricing", "message"),
    [
        (NOBODY, None, f"client not found: {NOBODY}"),
        (None, UNKNOWN, f"pricing not found: {UNKNOWN}"),
        (NOBODY, UNKNOWN, f"client not found: {NOBODY}"),
    ],
)
def test_an_assignment_needs_its_client_and_its_list(
    one: httpx.Client, client_id: str, client: str | None, pricing: str | None, message: str
) -> None:
    body = assignments(client or client_id, [pricing or new_list(one, "A")])

    answer = one.put(ASSIGNED, json=body)

    assert (answer.status_code, messages(answer)) == (404, [message])


def test_price_lists_of_a_removed_client_are_free(sandbox: Sandbox, one: httpx.Client, client_id: str) -> None:
    one.put(ASSIGNED, json=assignments(client_id, [new_list(one, "A")]))

    one.delete(f"{ACCOUNT}/clients/{client_id}")

    assert (sandbox.store.prices.assigned, len(sandbox.store.prices.lists)) == ({}, 1)


# --- invoices ------------------------------------------------------------------------------------


def invoice(client_id: str, number: str = "FV/17/2031") -> dict[str, Any]:
    return {
        "number": number,
        "clientData": {"clientId": client_id},
        "totalPrices": {"netPrice": 100, "taxValue": 23, "grossPrice": 123},
        "amountPaid": 0,
        "isPaid": False,
        "currencyCode": "PLN",
        "productLines": [{"lineNumber": 1, "product": {"sku": "A", "name": "Śruba"}, "quantity": 1.5}],
    }


def test_invoices_are_added_once_read_paid_and_removed(sandbox: Sandbox, one: httpx.Client, client_id: str) -> None:
    body, path = invoice(client_id), f"{INVOICES}/FV%2F17%2F2031"
    created, again = (one.post(INVOICES, json=body) for _ in range(2))
    before = one.get(path).json()
    status = {"number": "FV/17/2031", "isPaid": True, "amountPaid": 123}
    paid = one.put(f"{INVOICES}/status", json=status)
    after = one.get(path).json()
    removed = statuses(one.delete(path), one.delete(path), one.put(f"{INVOICES}/status", json=status))

    assert (created.status_code, created.json(), again.status_code) == (201, {"number": "FV/17/2031"}, 409)
    assert (before, after) == (body, body | {"isPaid": True, "amountPaid": 123})
    assert (paid.status_code, removed) == (200, [204, 404, 404])
    assert sandbox.store.creations == {"client:K-1": 1, "invoice:FV/17/2031": 1}
    assert sandbox.store.counts()["invoice_statuses"] == 0


@pytest.mark.parametrize(
    "parts", [{"clientData": {"clientId": NOBODY}}, {"payerData": {"clientId": NOBODY}}], ids=["buyer", "payer"]
)
def test_an_invoice_needs_its_clients(sandbox: Sandbox, one: httpx.Client, client_id: str, parts: Any) -> None:
    answer = one.post(INVOICES, json=invoice(client_id) | parts)

    assert (answer.status_code, answer.json()["message"]) == (404, f"client not found: {NOBODY}")
    assert sandbox.store.documents.invoices == {}


# --- goods issued notes --------------------------------------------------------------------------


def note(client_id: str, *lines: int) -> dict[str, Any]:
    product = {"sku": "A", "name": "Śruba"}
    refers = {"salesOrderReferenceNumber": "OF/1/3/2031/01"}
    rows = [{"lineNumber": number, "product": product, "quantity": 2} | refers for number in lines]
    return {"number": "WZ/8/2031", "clientId": client_id, "documentDate": "2031-03-02", "productLines": rows}


def test_a_goods_issued_note_is_added_replaced_and_read(sandbox: Sandbox, one: httpx.Client, client_id: str) -> None:
    put = [one.put(NOTES, json=note(client_id, *lines)).json() for lines in ((1,), (1, 2))]
    found = [one.get(NOTES, params={name: "WZ/8/2031"}).json() for name in ("number", "id")]
    wrong = statuses(one.get(NOTES), one.get(NOTES, params={"number": "WZ/9"}))

    assert put == [{"number": "WZ/8/2031"}] * 2
    assert found == [note(client_id, 1, 2)] * 2
    assert wrong == [400, 404]
    assert sandbox.store.creations["goods_issued_note:WZ/8/2031"] == 1


@pytest.mark.parametrize(
    ("client", "lines", "status", "message"),
    [
        (NOBODY, (1,), 404, f"client not found: {NOBODY}"),
        (None, (0, 1), 400, "0 is less than the minimum of 1"),
        (None, (1, 2, 1), 400, "1 stands twice"),
    ],
)
def test_a_goods_issued_note_is_checked(
    sandbox: Sandbox,
    one: httpx.Client,
    client_id: str,
    client: str | None,
    lines: tuple[int, ...],
    status: int,
    message: str,
) -> None:
    answer = one.put(NOTES, json=note(client or client_id, *lines))

    assert (answer.status_code, [answer.json()["message"], *messages(answer)][-1]) == (status, message)
    assert sandbox.store.documents.notes == {}


# --- files ---------------------------------------------------------------------------------------

FILES = [
    pytest.param(f"{INVOICES}/file-upload-begin", f"{INVOICES}/file-upload-complete", "FV/17/2031", id="invoice"),
    pytest.param(f"{NOTES}/file-upload-initialize", f"{NOTES}/file-upload-finalize", "WZ/8/2031", id="note"),
]


@pytest.fixture
def documents(one: httpx.Client, client_id: str) -> None:
    one.post(INVOICES, json=invoice(client_id))
    one.put(NOTES, json=note(client_id, 1))


def begun(one: httpx.Client, path: str, number: str) -> dict[str, str]:
    answer: dict[str, str] = one.post(path, json={"number": number, "fileExtension": "pdf"}).json()
    return answer


@pytest.mark.usefixtures("documents")
@pytest.mark.parametrize(("begin", "complete", "number"), FILES)
def test_a_file_is_begun_sent_and_completed(
    sandbox: Sandbox, one: httpx.Client, begin: str, complete: str, number: str
) -> None:
    upload = begun(one, begin, number)
    sent = httpx.put(upload["uploadUrl"], content=PDF, headers={"Content-Type": "application/pdf"})
    completed = [one.post(complete, json={"uploadId": upload["uploadId"]}) for _ in range(2)]
    late = httpx.put(upload["uploadUrl"], content=PDF)

    kind = "invoice" if begin.startswith(INVOICES) else "goods_issued_note"
    expected = {
        "number": number,
        "uploadId": upload["uploadId"],
        "kind": kind,
        "fileExtension": "pdf",
        "contentType": "application/pdf",
        "size": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "completed": True,
    }
    assert upload["uploadUrl"].startswith(f"{sandbox.url}/storage/")
    assert statuses(sent, *completed, late) == [200, 200, 200, 409]
    assert sandbox.state()[f"{kind}_files"] == [expected]
    assert sandbox.store.documents.uploads[upload["uploadId"]].content == PDF
    assert sandbox.store.creations[f"{kind}_file:{number}"] == 1


@pytest.mark.usefixtures("documents")
@pytest.mark.parametrize(("begin", "complete", "number"), FILES)
def test_an_upload_is_checked_at_each_step(one: httpx.Client, begin: str, complete: str, number: str) -> None:
    upload = begun(one, begin, number)
    unknown = one.post(begin, json={"number": "X/1", "fileExtension": "pdf"})
    early = one.post(complete, json={"uploadId": upload["uploadId"]})
    httpx.put(upload["uploadUrl"], content=PDF)
    other = one.post(complete, json={"uploadId": upload["uploadId"], "number": "X/1"})
    strange = one.post(complete, json={"uploadId": "x"})

    assert statuses(unknown, early, other, strange) == [404, 409, 422, 404]


@pytest.mark.usefixtures("documents")
@pytest.mark.parametrize(("begin", "complete", "number"), FILES)
def test_what_was_announced_as_a_pdf_has_to_be_one(one: httpx.Client, begin: str, complete: str, number: str) -> None:
    upload = begun(one, begin, number)
    httpx.put(upload["uploadUrl"], content=b"<html></html>")
    refused = one.post(complete, json={"uploadId": upload["uploadId"]})
    httpx.put(upload["uploadUrl"], content=PDF)

    assert statuses(refused, one.post(complete, json={"uploadId": upload["uploadId"]})) == [422, 200]


@pytest.mark.usefixtures("documents")
def test_an_upload_of_an_invoice_is_none_of_a_note_of_the_same_number(one: httpx.Client, client_id: str) -> None:
    one.put(NOTES, json=note(client_id, 1) | {"number": "FV/17/2031"})
    upload = begun(one, f"{INVOICES}/file-upload-begin", "FV/17/2031")
    httpx.put(upload["uploadUrl"], content=PDF)

    assert one.post(f"{NOTES}/file-upload-finalize", json={"uploadId": upload["uploadId"]}).status_code == 404


@pytest.mark.usefixtures("documents")
def test_an_upload_url_takes_neither_the_key_nor_another_signature(sandbox: Sandbox, one: httpx.Client) -> None:
    url = begun(one, f"{INVOICES}/file-upload-begin", "FV/17/2031")["uploadUrl"]
    tried = [
        httpx.put(url, content=PDF, headers=HEADERS),
        httpx.put(url.replace("%2B", "+"), content=PDF),
        httpx.put(url.partition("?")[0], content=PDF),
        httpx.put(f"{sandbox.url}/storage/x?signature=y", content=PDF),
    ]

    (upload,) = sandbox.store.documents.uploads.values()
    assert (statuses(*tried), upload.size_bytes) == ([400, 403, 403, 403], None)


@pytest.mark.usefixtures("documents")
def test_of_a_large_file_only_size_and_digest_are_kept(sandbox: Sandbox, one: httpx.Client) -> None:
    url = begun(one, f"{INVOICES}/file-upload-begin", "FV/17/2031")["uploadUrl"]
    content = bytes(range(256)) * 8_192

    httpx.put(url, content=content)

    (upload,) = sandbox.store.documents.uploads.values()
    assert (upload.content, upload.size_bytes, upload.sha256) == (None, 2**21, hashlib.sha256(content).hexdigest())


@pytest.mark.usefixtures("documents")
def test_faults_happen_to_uploads_too(sandbox: Sandbox, one: httpx.Client) -> None:
    url = begun(one, f"{INVOICES}/file-upload-begin", "FV/17/2031")["uploadUrl"]
    sandbox.faults.add({"drop": "after"}, {"path": "/storage/*"}, times=1)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        httpx.put(url, content=PDF)

    (upload,) = sandbox.store.documents.uploads.values()
    assert upload.size_bytes == len(PDF)


@pytest.mark.usefixtures("documents")
def test_a_removed_invoice_takes_its_file_with_it(sandbox: Sandbox, one: httpx.Client) -> None:
    upload = begun(one, f"{INVOICES}/file-upload-begin", "FV/17/2031")
    httpx.put(upload["uploadUrl"], content=PDF)
    one.post(f"{INVOICES}/file-upload-complete", json={"uploadId": upload["uploadId"]})

    unfinished = begun(one, f"{INVOICES}/file-upload-begin", "FV/17/2031")
    httpx.put(unfinished["uploadUrl"], content=PDF)

    one.delete(f"{INVOICES}/FV%2F17%2F2031")
    late = one.post(f"{INVOICES}/file-upload-complete", json={"uploadId": unfinished["uploadId"]})

    assert (late.status_code, sandbox.store.counts()["invoice_files"]) == (404, 0)


# --- writes to shipments -------------------------------------------------------------------------


def test_what_is_written_to_a_shipment_is_kept_and_seen_in_it(
    sandbox: Sandbox, one: httpx.Client, shipment_id: str
) -> None:
    query = {"shipmentId": shipment_id}
    before = one.get(SHIPMENT, params=query).json()
    sku = before["productLines"][0]["sku"]
    answers = [
        one.put(f"{ORDER}/status", params=query | {"shipmentStatus": "SPAKOWANE"}),
        one.put(f"{ORDER}/payment-status", params=query, json={"newPaymentStatus": "CANCELLED"}),
        one.put(f"{SHIPMENT}/confirmed-delivery-date", params=query | {"date": "2031-03-09"}),
        one.put(SHIPPED, json=query | {"quantityChanges": [{"sku": sku, "quantityShipped": 2.5}]}),
        one.post(f"{SHIPMENT}/waybills", json=query | {"waybills": [{"number": "TRK1"}]}),
    ]
    after = one.get(SHIPMENT, params=query).json()

    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b"")] * 5
    assert after == before | {
        "status": "SPAKOWANE",
        "paymentStatus": "PENDING",
        "paymentStatusV2": "CANCELLED",
        "deliveryMethod": before["deliveryMethod"] | {"deliveryDateConfirmed": "2031-03-09"},
        "waybills": [*before["waybills"], {"url": None, "number": "TRK1"}],
    }
    state = sandbox.state()
    names = ["order_statuses", "payment_statuses", "confirmed_delivery_dates", "shipped_quantities", "waybills"]
    assert [state[name][shipment_id] for name in names] == [
        "SPAKOWANE",
        "CANCELLED",
        "2031-03-09",
        {sku: Decimal("2.5")},
        [{"number": "TRK1"}],
    ]
    assert [state["counts"][name] for name in names] == [1, 1, 1, 1, 1]


def test_a_waybill_that_is_posted_twice_is_seen_twice(sandbox: Sandbox, one: httpx.Client, shipment_id: str) -> None:
    body = {"shipmentId": shipment_id, "waybills": [{"number": "TRK1", "url": "https://carrier.invalid/TRK1"}]}
    sandbox.faults.add({"drop": "after"}, {"path": "*/waybills"}, times=1)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        one.post(f"{SHIPMENT}/waybills", json=body)
    one.post(f"{SHIPMENT}/waybills", json=body)

    assert sandbox.store.orders.waybills == {shipment_id: body["waybills"] * 2}
    assert sandbox.store.creations[f"waybill:{shipment_id} TRK1"] == 2


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "status", "message"),
    [
        ("GET", SHIPMENT, {}, None, 400, "is required once, and not empty"),
        ("GET", SHIPMENT, {"shipmentId": ""}, None, 400, "is required once, and not empty"),
        ("GET", SHIPMENT, {"shipmentId": "x"}, None, 404, "shipment not found: x"),
        ("PUT", f"{ORDER}/status", {"shipmentId": "*"}, None, 400, "is required once, and not empty"),
        ("PUT", f"{ORDER}/status", {"shipmentStatus": "NEW"}, None, 400, "is required once, and not empty"),
        ("PUT", f"{ORDER}/status", {"shipmentId": "x", "shipmentStatus": "NEW"}, None, 404, "shipment not found: x"),
        ("PUT", f"{ORDER}/status", {"shipmentId": "*", "shipmentStatus": "?"}, None, 422, "status ? is unknown"),
        ("PUT", f"{ORDER}/payment-status", {"shipmentId": "*"}, {"newPaymentStatus": "NO"}, 400, "'NO' is not one of"),
        ("PUT", f"{ORDER}/payment-status", {"shipmentId": "x"}, {}, 404, "shipment not found: x"),
        (
            "PUT",
            f"{SHIPMENT}/confirmed-delivery-date",
            {"shipmentId": "*", "date": "2031-02-30"},
            None,
            400,
            "2031-02-30 is no date",
        ),
        (
            "PUT",
            f"{SHIPMENT}/confirmed-delivery-date",
            {"shipmentId": "*", "date": "20310302"},
            None,
            400,
            "20310302 is no date",
        ),
        (
            "PUT",
            SHIPPED,
            {},
            {"shipmentId": "*", "quantityChanges": [{"sku": "Ż", "quantityShipped": 1}]},
            422,
            "SKU Ż is not in shipment OF/1/3/2031/01",
        ),
        (
            "PUT",
            SHIPPED,
            {},
            {"shipmentId": "*", "quantityChanges": [{"sku": "Ż", "quantityShipped": 1}] * 2},
            400,
            "SKU Ż stands twice",
        ),
        ("PUT", SHIPPED, {}, {"shipmentId": "x", "quantityChanges": []}, 404, "shipment not found: x"),
        ("POST", f"{SHIPMENT}/waybills", {}, {"shipmentId": "x", "waybills": []}, 404, "shipment not found: x"),
        ("POST", f"{SHIPMENT}/waybills", {}, {"shipmentId": "*", "waybills": [{}]}, 400, "'number' is a required"),
        ("GET", FEED, {"startId": "1", "numberOfEvents": "9"}, None, 400, "is required, and may be empty"),
        ("GET", FEED, {"startId": "1", "eventTypes": ""}, None, 400, "a whole number from 1 on"),
        ("GET", FEED, {"startId": "0", "eventTypes": "", "numberOfEvents": "9"}, None, 400, "a whole number from 1"),
        ("GET", FEED, {"startId": "1", "eventTypes": "X", "numberOfEvents": "9"}, None, 400, "X is none of ADDED, "),
    ],
)
def test_calls_for_orders_are_checked_and_refused_ones_change_nothing(
    sandbox: Sandbox,
    one: httpx.Client,
    shipment_id: str,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    query: dict[str, str],
    body: Any,
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr(sandbox, "settings", Settings(order_statuses=frozenset({"NEW"})))
    before = sandbox.state()

    answer = one.request(
        method,
        path,
        params={k: v.replace("*", shipment_id) for k, v in query.items()},
        json=placed_in(body, shipment_id),
    )

    assert answer.status_code == status
    assert message in [answer.json()["message"], *messages(answer)][-1]
    assert sandbox.state() == before


def placed_in(body: Any, shipment_id: str) -> Any:
    return body | {"shipmentId": shipment_id} if body and body.get("shipmentId") == "*" else body


@pytest.mark.parametrize(("service", "other"), [("orders", "account"), ("account", "orders")])
def test_order_calls_live_under_the_service_that_is_set_and_no_other(
    sandbox: Sandbox, one: httpx.Client, shipment_id: str, monkeypatch: pytest.MonkeyPatch, service: str, other: str
) -> None:
    monkeypatch.setattr(sandbox, "settings", Settings(orders_service=service))
    paths = [FEED, SHIPMENT, f"{ORDER}/status", f"{ORDER}/payment-status", SHIPPED, f"{SHIPMENT}/waybills", OFFLINE]

    def found(prefix: str) -> list[bool]:
        asked = [one.patch(path.replace("/orders/", f"/{prefix}/", 1)).status_code for path in paths]
        return [status == 405 for status in asked]

    assert (found(service), found(other)) == ([True] * 7, [False] * 7)
    assert one.get(f"{ACCOUNT}/clients", params={"externalId": "K-1"}).status_code == 200


# --- the feed of orders --------------------------------------------------------------------------


def feed(one: httpx.Client, start: int, *, number: int = 100, types: str = "") -> Any:
    return one.get(FEED, params={"eventTypes": types, "numberOfEvents": number, "startId": start}).json()


def test_the_feed_of_orders_is_read_in_pages_and_by_type(sandbox: Sandbox, one: httpx.Client, client_id: str) -> None:
    sandbox.place_orders(4)
    whole = feed(one, 1)
    pages, start = [], 1
    while (page := feed(one, start, number=3))["events"]:
        pages.append(page["events"])
        start = page["nextId"]
    of_types = feed(one, 1, types="CHANGED,REMOVED")
    of_payment = feed(one, 1, types="CHANGED_PAYMENT")["events"]

    kinds = [event["eventType"] for event in whole["events"]]
    assert kinds == ["ADDED"] * 6 + ["CHANGED", "CHANGED_PAYMENT", "REMOVED"]
    assert whole["events"][0] == {
        "orderId": "OF/1/3/2031",
        "shipmentId": "OF/1/3/2031/01",
        "eventType": "ADDED",
    }
    assert pages == [whole["events"][place : place + 3] for place in (0, 3, 6)]
    assert (whole["nextId"], start, feed(one, 10)) == (10, 10, {"nextId": 10, "events": []})
    assert (of_types["events"], of_payment) == ([whole["events"][6], whole["events"][8]], [whole["events"][7]])


@pytest.mark.parametrize(("echo", "told"), [(False, []), (True, ["CHANGED", "CHANGED_PAYMENT"])])
def test_what_the_erp_writes_comes_back_only_where_the_tenant_is_set_so(
    sandbox: Sandbox,
    one: httpx.Client,
    shipment_id: str,
    monkeypatch: pytest.MonkeyPatch,
    echo: bool,
    told: list[str],
) -> None:
    monkeypatch.setattr(sandbox, "settings", Settings(echo_orders=echo))
    start = feed(one, 1)["nextId"]

    one.put(f"{ORDER}/status", params={"shipmentId": shipment_id, "shipmentStatus": "X"})
    one.put(f"{ORDER}/payment-status", params={"shipmentId": shipment_id}, json={"newPaymentStatus": "PAID"})

    events = feed(one, start)["events"]
    assert [(event["shipmentId"], event["eventType"]) for event in events] == [(shipment_id, kind) for kind in told]


# --- offline orders ------------------------------------------------------------------------------


def offline(client_id: str, **fields: Any) -> dict[str, Any]:
    price = {"deliveryNet": 10, "productsNet": 100, "totalNet": 110, "totalTax": 25.3, "totalGross": 135.3}
    return {
        "id": "ERP-77/1",
        "orderId": "ERP-77",
        "orderDate": "2031-03-02",
        "organization": {"id": client_id},
        "price": price,
        "paymentMethod": {"name": "Przelew"},
        "deliveryMethod": {},
        "productLines": [],
        "user": {},
    } | fields


def test_an_offline_order_is_replaced_by_its_id(sandbox: Sandbox, one: httpx.Client, client_id: str) -> None:
    put = [one.put(OFFLINE, json=offline(client_id, status=status)).json() for status in ("nowe", "wysłane")]

    assert put == [{"id": "ERP-77/1"}] * 2
    assert [order["status"] for order in sandbox.store.orders.offline.values()] == ["wysłane"]
    assert sandbox.store.creations["offline_order:ERP-77/1"] == 1


def test_an_offline_order_needs_its_client_and_its_lines_are_limited(one: httpx.Client, client_id: str) -> None:
    unknown = one.put(OFFLINE, json=offline(NOBODY))
    long = one.put(OFFLINE, json=offline(client_id, productLines=[{}] * 10_001))
    bare = one.put(OFFLINE, json=offline(client_id, user=None))

    assert statuses(unknown, long, bare) == [404, 413, 400]


@pytest.mark.parametrize("name", ["K-1", "id", "bare id"])
def test_a_refused_client_is_refused_in_every_document(
    sandbox: Sandbox, one: httpx.Client, client_id: str, name: str
) -> None:
    pricing_id = new_list(one, "A")
    one.put(ASSIGNED, json=assignments(client_id, [pricing_id]))
    names = {"id": client_id, "bare id": client_id.partition(":")[2]}
    sandbox.faults.add({"refuse_client": [names.get(name, name)]})

    answers = [
        one.put(OFFLINE, json=offline(client_id)),
        one.post(INVOICES, json=invoice(client_id)),
        one.put(NOTES, json=note(client_id, 1)),
        one.put(ASSIGNED, json=assignments(client_id, [pricing_id])),
        one.delete(ASSIGNED, params={"clientId": client_id, "pricingId": pricing_id}),
    ]

    assert statuses(*answers) == [422] * 5


def test_a_fault_may_meet_one_shipment_by_its_query(sandbox: Sandbox, one: httpx.Client, client_id: str) -> None:
    first, second, *_ = sandbox.place_orders(2).shipments
    sandbox.faults.add({"status": 404}, {"query_contains": f"shipmentId={second}"})

    assert statuses(*(one.get(SHIPMENT, params={"shipmentId": name}) for name in (first, second))) == [200, 404]
