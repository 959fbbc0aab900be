"""What the stand-in holds: plain dictionaries, changed by named transitions, and its event feeds."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.sandbox.store.feeds import Context, Document, Feed
from engine.sandbox.store.held_documents import Documents
from engine.sandbox.store.held_orders import Orders
from engine.sandbox.store.held_prices import Prices
from engine.values import Json

Stock: TypeAlias = tuple[str, Any]  # SKU and quantity (int or Decimal)

ROOT_SEGMENT = "segment"  # id and name of the root in the documented sample (one-api.md 2.1)
NAMESPACE = uuid.UUID("6f6e6520-7361-6e64-626f-780000000000")


def new_segments() -> dict[str, Document]:
    """Give the segments of a fresh tenant: the root alone."""
    return {ROOT_SEGMENT: {"id": ROOT_SEGMENT, "name": ROOT_SEGMENT, "externalId": None, "parentSegmentId": None}}


@dataclass(slots=True)
class Store:
    """The state of the tenant; not safe for threads by itself: `Sandbox.lock` guards it."""

    seed: int = 0
    segments: dict[str, Document] = field(default_factory=new_segments)  # by id
    warehouses: dict[str, Document] = field(default_factory=dict)  # by id
    stocks: dict[str, dict[str, Stock]] = field(default_factory=dict)  # by warehouse, then by stock id
    clients: dict[str, Document] = field(default_factory=dict)  # by clientId, with prefix
    client_ids: dict[str, str] = field(default_factory=dict)  # by externalId
    trade_credits: dict[str, Document] = field(default_factory=dict)  # by clientId
    blockades: dict[str, Document] = field(default_factory=dict)  # by clientId
    client_feed: Feed = field(default_factory=Feed)
    credit_feed: Feed = field(default_factory=Feed)
    prices: Prices = field(default_factory=Prices)
    documents: Documents = field(default_factory=Documents)
    orders: Orders = field(default_factory=Orders)
    creations: Counter[str] = field(default_factory=Counter)  # how often each "kind:business key" was created

    def fixed_id(self, kind: str, name: str) -> str:
        """Make an id that depends on seed, kind and name alone."""
        return str(uuid.uuid5(NAMESPACE, f"{self.seed}:{kind}:{name}"))

    def new_id(self, kind: str, name: str) -> str:
        """Make an id that depends on seed, kind, name and how often that name was created before."""
        return self.fixed_id(kind, f"{name}:{self.count_creation(kind, name)}")

    def count_creation(self, kind: str, name: str) -> int:
        """Note that something was created, and tell how often that was so by now."""
        self.creations[f"{kind}:{name}"] += 1
        return self.creations[f"{kind}:{name}"]

    # --- segments

    def remove_segment(self, segment_id: str) -> None:
        """Remove a segment; its children lose their parent (assumed, one-api.md 2.1)."""
        del self.segments[segment_id]
        for segment in self.segments.values():
            if segment["parentSegmentId"] == segment_id:
                segment["parentSegmentId"] = None

    # --- warehouses

    def put_warehouse(self, warehouse: Document) -> None:
        """Add or replace a warehouse; its stocks stay."""
        self.warehouses[warehouse["id"]] = warehouse
        self.stocks.setdefault(warehouse["id"], {})

    # --- clients

    def create_client(self, fields: Document, *, individual: bool, context: Context) -> str:
        """Add a client and return its new id."""
        name = fields.get("externalId") or f"{context} {fields['name']}"
        client_id = f"{'ind' if individual else 'org'}:{self.new_id('client', name)}"
        self._keep_client(client_id, fields, event="CREATE", context=context)
        return client_id

    def replace_client(self, client_id: str, fields: Document, *, context: Context) -> None:
        """Replace the fields of a known client."""
        self.client_ids.pop(self.clients[client_id].get("externalId") or "", None)
        self._keep_client(client_id, fields, event="UPDATE", context=context)

    def _keep_client(self, client_id: str, fields: Document, *, event: str, context: Context) -> None:
        self.clients[client_id] = fields
        if fields.get("externalId"):
            self.client_ids[fields["externalId"]] = client_id
        self.client_feed.add({"clientId": client_id, "type": event}, context)

    def remove_client(self, client_id: str, *, context: Context) -> None:
        """Remove a client with its trade credit, its blockade and its price lists; documents and orders stay."""
        self.client_ids.pop(self.clients.pop(client_id).get("externalId") or "", None)
        self.trade_credits.pop(client_id, None)
        self.blockades.pop(client_id, None)
        self.prices.assigned.pop(("clientId", client_id), None)
        self.client_feed.add({"clientId": client_id, "type": "DELETE"}, context)

    # --- trade credits

    def put_trade_credit(self, client_id: str, credit: Document, *, context: Context) -> None:
        """Set the trade credit of a client."""
        event = "UPDATE" if client_id in self.trade_credits else "CREATE"
        self.trade_credits[client_id] = credit
        self.credit_feed.add({"clientId": client_id, "type": event}, context)

    # --- all of it

    def names_of_client(self, name: str) -> frozenset[str]:
        """Give every name of the client that `name` (clientId, the same without prefix, or externalId) means."""
        ids = (name, f"org:{name}", f"ind:{name}", self.client_ids.get(name, ""))
        known = next((client_id for client_id in ids if client_id in self.clients), None)
        if known is None:
            return frozenset({name})
        external_id = self.clients[known].get("externalId")
        return frozenset({name, known, known.partition(":")[2]} | ({external_id} if external_id else set()))

    def counts(self) -> dict[str, int]:
        """Count what is held, by object, under the names of the shipped mappings."""
        return {
            "segments": len(self.segments),
            "warehouses": len(self.warehouses),
            "stocks": sum(map(len, self.stocks.values())),
            "clients": len(self.clients),
            "trade_credits": len(self.trade_credits),
            "client_blockades": len(self.blockades),
            **self.prices.counts(),
            **self.documents.counts(),
            **self.orders.counts(),
        }

    def as_json(self) -> Json:
        """Give all that is held as one document, a copy."""
        return {
            "counts": self.counts(),
            "segments": list(map(dict, self.segments.values())),
            "warehouses": list(map(dict, self.warehouses.values())),
            "stocks": {
                warehouse: {stock_id: {"sku": sku, "quantity": quantity} for stock_id, (sku, quantity) in held.items()}
                for warehouse, held in self.stocks.items()
            },
            "clients": [{"clientId": client_id} | fields for client_id, fields in self.clients.items()],
            "trade_credits": [{"clientId": client_id} | credit for client_id, credit in self.trade_credits.items()],
            "client_blockades": [{"clientId": client_id} | held for client_id, held in self.blockades.items()],
            **self.prices.as_json(),
            **self.documents.as_json(),
            **self.orders.as_json(),
            "creations": dict(self.creations),
        }
