"""The account service: segments, clients, trade credits and blockades (one-api.md 2.1, 2.4 to 2.7)."""

from __future__ import annotations

from engine.sandbox.api import body_checks
from engine.sandbox.api.replies import Call, Refused, Reply, page, problem, whole_number, words
from engine.sandbox.store.feeds import Context, Document, Feed
from engine.sandbox.store.store import ROOT_SEGMENT
from engine.values import Json

# --- segments ------------------------------------------------------------------------------------


def list_segments(call: Call) -> Reply:
    """Give a page of segments as a bare array (one-api.md 2.1, known)."""
    return Reply(body=page(call, call.store.segments.values()))


def create_segment(call: Call) -> Reply:
    """Create a segment (2.1); the answer, the created object, and 409 for a known externalId are assumed."""
    fields = _segment_fields(call)
    if fields["externalId"] and any(
        held["externalId"] == fields["externalId"] for held in call.store.segments.values()
    ):
        raise Refused(409, f"segment with externalId {fields['externalId']} exists")
    segment_id = call.store.new_id("segment", fields["externalId"] or fields["name"])
    call.store.segments[segment_id] = {"id": segment_id} | fields
    return Reply(status=201, body=call.store.segments[segment_id])


def get_segment(call: Call) -> Reply:
    """Give one segment by its internal id (2.1; that the path takes no externalId is assumed)."""
    return Reply(body=_segment(call))


def replace_segment(call: Call) -> Reply:
    """Replace a segment; the body is assumed to be that of POST (2.1)."""
    segment = _segment(call)
    segment.update(_segment_fields(call))
    return Reply(body=segment)


def remove_segment(call: Call) -> Reply:
    """Remove a segment (2.1); that the root stays, and what becomes of children, is assumed."""
    segment = _segment(call)
    if segment["id"] == ROOT_SEGMENT:
        raise Refused(409, "the root segment cannot be removed")
    call.store.remove_segment(segment["id"])
    return Reply(status=204)


def _segment(call: Call) -> Document:
    segment = call.store.segments.get(call.parameters["segmentId"])
    if segment is None:
        raise Refused(404, f"segment not found: {call.parameters['segmentId']}")
    return segment


def _segment_fields(call: Call) -> Document:
    body_checks.check("segment", call.body)
    parent = call.body.get("parentSegmentId")
    if parent is not None and parent not in call.store.segments:
        raise Refused(404, f"parent segment not found: {parent}")
    return {"name": call.body["name"], "externalId": call.body.get("externalId"), "parentSegmentId": parent}


# --- clients -------------------------------------------------------------------------------------


def create_client(call: Call) -> Reply:
    """Create a client (one-api.md 2.4).

    Assumed: the answer {clientId}; 409 for a known externalId; which clients are individuals (`is_individual`).
    """
    body_checks.check("client", call.body)
    _check_external_id(call, None)
    client_id = call.store.create_client(call.body, individual=is_individual(call.body), context=Context.INTEGRATIONS)
    return Reply(status=201, body={"clientId": client_id})


def list_clients(call: Call) -> Reply:
    """Give the clients with an externalId, none or one, or a page of all (2.4: a list exists, the rest is assumed)."""
    store = call.store
    if "externalId" not in call.query:
        return Reply(body=page(call, (_client_document(call, client_id) for client_id in store.clients)))
    found = (store.client_ids.get(external_id) for external_id in call.query["externalId"])
    return Reply(body=[_client_document(call, client_id) for client_id in found if client_id])


def get_client(call: Call) -> Reply:
    """Give one client (2.5); the body is assumed: what was written, with clientId, type and blockades."""
    return Reply(body=_client_document(call, _client_id(call)))


def replace_client(call: Call) -> Reply:
    """Replace a client (2.4: the path, and a body like that of POST that stands for all fields, are assumed)."""
    client_id = _client_id(call)
    body_checks.check("client", call.body)
    _check_external_id(call, client_id)
    call.store.replace_client(client_id, call.body, context=Context.INTEGRATIONS)
    return Reply(body={"clientId": client_id})


def remove_client(call: Call) -> Reply:
    """Remove a client (2.4); that its trade credit and blockade go with it is assumed."""
    call.store.remove_client(_client_id(call), context=Context.INTEGRATIONS)
    return Reply(status=204)


def synchronize_clients(call: Call) -> Reply:
    """Give events of clients (2.5: path, and types CREATE, UPDATE, DELETE, assumed by analogy with 2.6)."""
    return _events(call, call.store.client_feed)


def is_individual(fields: Document) -> bool:
    """Tell a person from a company: by `type`, else by a missing tin (assumed, one-api.md 2.4)."""
    return fields["type"] == "INDIVIDUAL" if fields.get("type") else not fields.get("tin")


def _client_id(call: Call) -> str:
    client_id = call.parameters["clientId"]
    if client_id not in call.store.clients:
        raise Refused(404, f"client not found: {client_id}")
    return client_id


def _check_external_id(call: Call, client_id: str | None) -> None:
    holder = call.store.client_ids.get(call.body["externalId"])
    if holder is not None and holder != client_id:
        raise Refused(409, f"client with externalId {call.body['externalId']} exists: {holder}")


def _client_document(call: Call, client_id: str) -> Json:
    fields, blockade = call.store.clients[client_id], call.store.blockades.get(client_id)
    kind = fields.get("type") or ("INDIVIDUAL" if client_id.startswith("ind:") else "COMPANY")
    return {"clientId": client_id} | fields | {"type": kind, "blockades": [blockade] if blockade else []}


def _events(call: Call, feed: Feed) -> Reply:
    """Read a feed (one-api.md 1, paging 3); all four contexts when none is named."""
    contexts = words(call, "contexts", Context.__members__)
    start = whole_number(call, "startId")
    return Reply(body=feed.read(start, kinds=contexts, limit=call.settings.feed_page))


# --- trade credits -------------------------------------------------------------------------------


def get_trade_credit(call: Call) -> Reply:
    """Give the trade credit of an organization (one-api.md 2.6: three names known, 404 for none assumed)."""
    return Reply(body=call.store.trade_credits[_credit_holder(call, held=True)])


def put_trade_credit(call: Call) -> Reply:
    """Set the trade credit of an organization (2.6).

    Assumed: the body is creditValue and creditValueUsed (0 when it is missing), the rest is derived.
    """
    client_id = _credit_holder(call, held=False)
    body_checks.check("trade-credit", call.body)
    value, used = call.body["creditValue"], call.body.get("creditValueUsed") or 0
    credit = call.body | {"creditValueUsed": used, "availableCreditValue": value - used}
    call.store.put_trade_credit(client_id, credit, context=Context.INTEGRATIONS)
    return Reply(body=credit)


def remove_trade_credit(call: Call) -> Reply:
    """Remove a trade credit (2.6); no event follows, for only create and update are documented."""
    del call.store.trade_credits[_credit_holder(call, held=True)]
    return Reply(status=204)


def synchronize_trade_credits(call: Call) -> Reply:
    """Give events of trade credits (2.6, known; the spelling CREATE and UPDATE is assumed)."""
    return _events(call, call.store.credit_feed)


def _credit_holder(call: Call, *, held: bool) -> str:
    """Find the organization; the id has no prefix (assumed, 2.6), so that an individual is never found."""
    client_id = f"org:{call.parameters['organizationId']}"
    if client_id not in call.store.clients:
        raise Refused(404, f"organization not found: {call.parameters['organizationId']}")
    if held and client_id not in call.store.trade_credits:
        raise Refused(404, f"no trade credit: {call.parameters['organizationId']}")
    return client_id


# --- blockades -----------------------------------------------------------------------------------


def get_blockade(call: Call) -> Reply:
    """Give the blockade of a client (one-api.md 2.7, known; 404 for none, one for each client: assumed)."""
    return Reply(body=_blockade(call, _client_id(call)))


def put_blockade(call: Call) -> Reply:
    """Set the blockade of a client (2.7).

    Assumed: the body is externalId, `type` may be said too and must then be the configured one;
    422 for an externalId that is not configured.
    """
    client_id = _client_id(call)
    body_checks.check("client-blockade", call.body)
    external_id = call.body["externalId"]
    configured = call.settings.blockades.get(external_id)
    if configured is None:
        raise Refused(422, "bad body", problems=[problem("$.externalId", f"no blockade {external_id} is configured")])
    if call.body.get("type") not in (None, configured):
        raise Refused(422, "bad body", problems=[problem("$.type", f"{external_id} is configured as {configured}")])
    blockade = {
        "id": call.store.fixed_id("blockade", external_id),
        "externalId": external_id,
        "type": configured,
        "label": call.body.get("label") or external_id,
        "message": call.body.get("message"),
    }
    call.store.blockades[client_id] = blockade
    return Reply(body=blockade)


def remove_blockade(call: Call) -> Reply:
    """Lift the blockade of a client (2.7; 404 when there is none is assumed)."""
    client_id = _client_id(call)
    _blockade(call, client_id)
    del call.store.blockades[client_id]
    return Reply(status=204)


def _blockade(call: Call, client_id: str) -> Json:
    blockade = call.store.blockades.get(client_id)
    if blockade is None:
        raise Refused(404, f"no blockade: {client_id}")
    return blockade
