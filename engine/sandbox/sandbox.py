"""The stand-in itself: what it holds, and the way of one request through checks, faults and rooms."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

from engine.sandbox.api import account, body_checks, placing, uploads
from engine.sandbox.api.placing import Placed
from engine.sandbox.api.replies import Call, Refused, Reply, Settings, problem
from engine.sandbox.api.routes import Body, find
from engine.sandbox.injected_faults import CLIENT_NAMES, SKU_NAMES, Action, Faults, Seen, Verdict, named
from engine.sandbox.received import Entry, Received
from engine.sandbox.store.feeds import Context
from engine.sandbox.store.store import Store
from engine.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A request as read from the wire."""

    method: str
    path: str  # percent-encoded, without query
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(slots=True, kw_only=True)
class Admitted:
    """A request that was logged and judged, and is not yet answered."""

    arrived: Arrived
    entry: Entry
    verdict: Verdict
    document: Json | Refused  # the body, or why it cannot be read


class Sandbox:
    """The stand-in of one tenant; all its methods are safe for threads.

    `store` may be read or changed directly while `lock` is held.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.lock = threading.RLock()
        self.faults = Faults()
        self.store = Store(seed=self.settings.seed)
        self.received = Received()
        self.url = ""  # where it is served, without a slash at the end

    # --- control

    def reset(self) -> None:
        """Forget everything: what is held, what was received, and the faults."""
        with self.lock:
            self.faults.clear()
            self.store = Store(seed=self.settings.seed)
            self.received = Received()

    def state(self) -> Json:
        """Give all that is held, a copy."""
        with self.lock:
            return self.store.as_json()

    def requests(self, since: int = 0) -> list[Json]:
        """Give the requests received after number `since`, oldest first."""
        with self.lock:
            return self.received.since(since)

    def edit_client(self, fields: Mapping[str, Any], *, context: Context = Context.BACKOFFICE) -> str:
        """Create a client, or with `clientId` change some of its fields, as another than the ERP; return its id.

        Raises:
            Refused: the client is unknown, or has no name; nothing was changed.
        """
        wrong = [name for name in ("clientId", "externalId", "name") if not isinstance(fields.get(name, ""), str)]
        if wrong:
            raise Refused(400, "bad body", problems=[problem(f"$.{name}", "is not a text") for name in wrong])
        values = {name: value for name, value in fields.items() if name != "clientId"}
        client_id: str | None = fields.get("clientId")
        with self.lock:
            if client_id is not None and client_id not in self.store.clients:
                raise Refused(404, f"client not found: {client_id}")
            merged = (self.store.clients[client_id] if client_id else {}) | values
            if not merged.get("name"):
                raise Refused(400, "bad body", problems=[problem("$.name", "is required")])
            if (holder := self.store.client_ids.get(merged.get("externalId", ""), client_id)) != client_id:
                raise Refused(409, f"client with externalId {merged['externalId']} exists: {holder}")
            if client_id:
                self.store.replace_client(client_id, merged, context=context)
                return client_id
            return self.store.create_client(merged, individual=account.is_individual(merged), context=context)

    def place_orders(self, count: int = 6, *, later: bool = True) -> Placed:
        """Place orders of the clients that are held, as the shop; the same state gives the same orders.

        The second order is split in two shipments, and one event names a shipment that is not there. With `later`, the
        third one is changed (CHANGED, CHANGED_PAYMENT) and the fourth one removed (REMOVED), after all were added.

        Raises:
            Refused: there is no client; nothing was placed.
        """
        with self.lock:
            return placing.place(self.store, count, later=later)

    def change_order(self, shipment_id: str) -> None:
        """Change the lines of a shipment and have it paid, as the shop: CHANGED and CHANGED_PAYMENT.

        Raises:
            Refused: there is no such shipment.
        """
        with self.lock:
            placing.change(self.store, shipment_id)

    def remove_order(self, shipment_id: str) -> None:
        """Remove a shipment, as the shop: REMOVED.

        Raises:
            Refused: there is no such shipment.
        """
        with self.lock:
            placing.remove(self.store, shipment_id)

    # --- one request

    def admit(self, arrived: Arrived) -> Admitted:
        """Log a request and let the faults judge it."""
        with self.lock:
            document = _document(arrived.body)
            entry = self.received.open(
                method=arrived.method,
                path=arrived.path,
                query=arrived.query,
                body=arrived.body,
                lines=0 if isinstance(document, Refused) else body_checks.count_lines(document),
                at=datetime.now(UTC),
            )
            verdict = self.faults.judge(self._seen(arrived, document)) if self.faults else Verdict()
            entry.faults = verdict.described
            return Admitted(arrived=arrived, entry=entry, verdict=verdict, document=document)

    def answer(self, admitted: Admitted) -> Reply:
        """Do what the request asks for, unless a scripted status stands in its way, and give the answer."""
        with self.lock:
            reply = self._scripted(admitted.verdict.incident) or self._done(admitted)
            admitted.entry.status = reply.status
            return reply

    def _seen(self, arrived: Arrived, document: Json | Refused) -> Seen:
        readable = None if isinstance(document, Refused) else document
        segments = frozenset(unquote(part) for part in arrived.path.split("/") if part)
        asked = frozenset(text for _, text in parse_qsl(arrived.query))
        clients = named(readable, CLIENT_NAMES) | _organization(readable) | segments | asked
        return Seen(
            method=arrived.method,
            path=arrived.path,
            query=unquote(arrived.query),
            body=arrived.body,
            skus=named(readable, SKU_NAMES),
            clients=clients.union(*map(self.store.names_of_client, clients)),
        )

    def _scripted(self, incident: Action | None) -> Reply | None:
        if incident is None or incident.status is None:
            return None
        headers = {} if incident.retry_after is None else {"Retry-After": str(incident.retry_after)}
        body = incident.body if incident.body is not None else {"status": incident.status, "message": "scripted fault"}
        return Reply(status=incident.status, body=body, headers=headers)

    def _done(self, admitted: Admitted) -> Reply:
        try:
            reply = self._room_reply(admitted)
        except Refused as refused:
            admitted.entry.message = "; ".join([str(refused), *(one["message"] for one in refused.problems[:3])])
            return refused.reply
        admitted.entry.effect = admitted.arrived.method != "GET"
        return reply

    def _room_reply(self, admitted: Admitted) -> Reply:
        arrived, verdict = admitted.arrived, admitted.verdict
        if not arrived.path.startswith(f"{uploads.FOLDER}/"):  # a signed URL speaks for itself
            self._check_headers(arrived.headers)
        found = find(arrived.method, arrived.path, orders_service=self.settings.orders_service)
        if arrived.method in ("POST", "PUT") and found.route.body is Body.JSON:
            _check_content_type(arrived.headers.get("content-type", ""))
            if isinstance(admitted.document, Refused):
                raise admitted.document
        self._check_refusals(admitted)
        call = Call(
            store=self.store,
            settings=self.settings,
            parameters=found.parameters,
            query={name: tuple(texts) for name, texts in parse_qs(arrived.query, keep_blank_values=True).items()},
            headers=arrived.headers,
            body=None if isinstance(admitted.document, Refused) else admitted.document,
            content=arrived.body,
            refused_skus=verdict.refused_skus,
            per_line=verdict.per_line,
        )
        return found.route.room(call)

    def _check_headers(self, headers: Mapping[str, str]) -> None:
        """Check key and tenant (one-api.md 1: the headers are known, the codes are assumed)."""
        for name, right in (("ApiAuth", self.settings.api_key), ("one-tenant", self.settings.tenant)):
            given = headers.get(name.lower(), "")
            if not given:
                raise Refused(401, f"header {name} is missing")
            if right is not None and given != right:
                raise Refused(403, f"header {name} is wrong")

    def _check_refusals(self, admitted: Admitted) -> None:
        """Refuse a whole request that names a refused SKU or client; a room refuses single SKUs where it answers so."""
        verdict = admitted.verdict
        if not (verdict.refused_skus or verdict.refused_clients):
            return
        seen = self._seen(admitted.arrived, admitted.document)
        skus = frozenset() if verdict.per_line else verdict.refused_skus & seen.skus
        refused = [f"SKU {name} is refused" for name in sorted(skus)]
        refused += [f"client {name} is refused" for name in sorted(verdict.refused_clients & seen.clients)]
        if refused:
            raise Refused(422, "refused", problems=[problem("$", message) for message in refused])


def _document(body: bytes) -> Json | Refused:
    try:
        return body_checks.decoded(body) if body else None
    except Refused as refused:
        return refused


def _organization(document: Json) -> frozenset[str]:
    """Find the client of an offline order, whose id has no name of its own."""
    match document:
        case {"organization": {"id": str(client_id)}}:
            return frozenset({client_id})
    return frozenset()


def _check_content_type(text: str) -> None:
    if text.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, f"Content-Type is {text or 'missing'}: send application/json (assumed)")
