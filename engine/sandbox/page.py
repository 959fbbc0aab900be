"""Renders the page `/_sandbox/`: counts, requests, faults, and the beginning of every table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.records import Json
from engine.sandbox import payloads
from engine.sandbox.sandbox import Sandbox
from engine.sandbox.store import Store

MAX_ROWS = 50
MAX_REQUESTS = 50

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True, slots=True)
class Table:
    """The beginning of what is held of one object."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    total: int


def rendered(sandbox: Sandbox) -> str:
    """Render the page as of now."""
    with sandbox.lock:
        last = sandbox.received.since(max(0, sandbox.received.total - MAX_REQUESTS))
        return _environment.get_template("page.html").render(
            tables=_tables(sandbox.store),
            requests=list(reversed(last)),
            total=sandbox.received.total,
            faults=[_fault_row(standing) for standing in sandbox.faults.listed()],
            url=sandbox.url,
        )


def _fault_row(standing: Json) -> dict[str, Any]:
    fault = standing["fault"]
    match = {name: value for name, value in fault["match"].items() if value is not None}
    return {
        "number": standing["number"],
        "match": _text(match) if match else "every request",
        "action": _text(fault["action"]),
        "applied": standing["applied"],
        "times": "always" if fault["times"] is None else fault["times"],
    }


def _tables(store: Store) -> list[Table]:
    counts = store.counts()
    stocks = (
        (warehouse, stock_id, sku, quantity)
        for warehouse, held in store.stocks.items()
        for stock_id, (sku, quantity) in held.items()
    )
    clients = ({"clientId": client_id} | fields for client_id, fields in store.clients.items())
    credits = ({"clientId": client_id} | credit for client_id, credit in store.trade_credits.items())
    blockades = ({"clientId": client_id} | held for client_id, held in store.blockades.items())
    credit_columns = ("clientId", "creditValue", "creditValueUsed", "availableCreditValue")
    return [
        _table("clients", ("clientId", "externalId", "name", "tin", "phone"), clients, counts),
        Table("stocks", ("warehouse", "id", "sku", "quantity"), list(islice(stocks, MAX_ROWS)), counts["stocks"]),
        _table("warehouses", ("id", "type", "name", "parent"), store.warehouses.values(), counts),
        _table("segments", ("id", "name", "externalId", "parentSegmentId"), store.segments.values(), counts),
        _table("trade_credits", credit_columns, credits, counts),
        _table("client_blockades", ("clientId", "externalId", "type", "label"), blockades, counts),
    ]


def _table(name: str, columns: tuple[str, ...], documents: Iterable[Json], counts: dict[str, int]) -> Table:
    rows = [tuple(document.get(column) for column in columns) for document in islice(documents, MAX_ROWS)]
    return Table(name, columns, rows, counts[name])


def _text(document: Json) -> str:
    return payloads.encoded(document).decode()
