"""The services of invoices and of goods issued notes, their files aside (one-api.md 2.10, 2.12, 2.13)."""

from __future__ import annotations

from engine.sandbox.api import body_checks
from engine.sandbox.api.replies import Call, Refused, Reply, problem
from engine.sandbox.store.feeds import Document
from engine.sandbox.store.held_documents import Kind

# --- invoices ------------------------------------------------------------------------------------


def create_invoice(call: Call) -> Reply:
    """Add an invoice (one-api.md 2.10: path and header known).

    Assumed: POST; the lines; the answer {number}; 409 for a known number; 404 for an unknown client or payer.
    """
    body_checks.check("invoice", call.body)
    number = call.body["number"]
    for part in (call.body["clientData"], call.body.get("payerData") or {}):
        _check_client(call, part.get("clientId"))
    if number in call.store.documents.invoices:
        raise Refused(409, f"invoice {number} exists")
    call.store.count_creation(Kind.INVOICE, number)
    call.store.documents.invoices[number] = call.body
    return Reply(status=201, body={"number": number})


def get_invoice(call: Call) -> Reply:
    """Give one invoice, with the payment that was told last (2.10: assumed, by analogy with corrections)."""
    number = _invoice_number(call, call.parameters["number"])
    documents = call.store.documents
    return Reply(body=documents.invoices[number] | documents.invoice_statuses.get(number, {}))


def remove_invoice(call: Call) -> Reply:
    """Remove one invoice, with its status and file (2.10: assumed, by analogy with corrections)."""
    call.store.documents.remove_invoice(_invoice_number(call, call.parameters["number"]))
    return Reply(status=204)


def put_invoice_status(call: Call) -> Reply:
    """Set the payment of an invoice (2.12: the path is known; method, body and 404 are assumed)."""
    body_checks.check("invoice-status", call.body)
    number = _invoice_number(call, call.body["number"])
    call.store.documents.invoice_statuses[number] = call.body
    return Reply(body=call.body)


def _invoice_number(call: Call, number: str) -> str:
    if number not in call.store.documents.invoices:
        raise Refused(404, f"invoice not found: {number}")
    return number


def _check_client(call: Call, client_id: str | None) -> None:
    if client_id is not None and client_id not in call.store.clients:
        raise Refused(404, f"client not found: {client_id}")


# --- goods issued notes --------------------------------------------------------------------------


def put_note(call: Call) -> Reply:
    """Add a goods issued note (2.13: path, method and names known).

    Documented: the numbers of lines that refer to sales orders start from 1. Assumed: the same number replaces;
    the answer {number}; 404 for an unknown client; a line number stands once.
    """
    body_checks.check("goods-issued-note", call.body)
    number = call.body["number"]
    _check_client(call, call.body["clientId"])
    _check_line_numbers(call.body["productLines"])
    if number not in call.store.documents.notes:
        call.store.count_creation(Kind.NOTE, number)
    call.store.documents.notes[number] = call.body
    return Reply(body={"number": number})


def get_note(call: Call) -> Reply:
    """Give one goods issued note, by `number` or `id` in the query (2.13: the name of the parameter is assumed)."""
    names = [name for name in ("number", "id") if name in call.query]
    if len(names) != 1 or len(call.query[names[0]]) != 1:
        raise Refused(400, "bad query", problems=[problem("?number", "is required once, or ?id in its place")])
    note = call.store.documents.notes.get(call.query[names[0]][0])
    if note is None:
        raise Refused(404, f"goods issued note not found: {call.query[names[0]][0]}")
    return Reply(body=note)


def _check_line_numbers(lines: list[Document]) -> None:
    seen: set[int] = set()
    for place, line in enumerate(lines):
        if line["lineNumber"] in seen:
            where = f"$.productLines[{place}].lineNumber"
            raise Refused(400, "bad body", problems=[problem(where, f"{line['lineNumber']} stands twice")])
        seen.add(line["lineNumber"])
