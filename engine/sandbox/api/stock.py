"""The stock service: warehouses and their stocks (one-api.md 2.2, 2.3)."""

from __future__ import annotations

from collections import Counter

from engine.sandbox.api import body_checks
from engine.sandbox.api.replies import Call, Refused, Reply, problem, texts
from engine.sandbox.store.feeds import Document
from engine.sandbox.store.store import Stock

# --- warehouses ----------------------------------------------------------------------------------


def list_warehouses(call: Call) -> Reply:
    """Give all warehouses as a bare array (one-api.md 2.2: assumed)."""
    return Reply(body=list(call.store.warehouses.values()))


def get_warehouse(call: Call) -> Reply:
    """Give one warehouse (2.2: assumed)."""
    return Reply(body=call.store.warehouses[_warehouse_id(call)])


def put_warehouses(call: Call) -> Reply:
    """Add or replace one warehouse or an array of them, all or none (2.2: method and body assumed)."""
    body_checks.check("warehouses" if isinstance(call.body, list) else "warehouse", call.body)
    for warehouse in call.body if isinstance(call.body, list) else [call.body]:
        call.store.put_warehouse(warehouse)
    return Reply(body=call.body)


def create_warehouse(call: Call) -> Reply:
    """Add one warehouse; 409 when its id exists (2.2: assumed)."""
    body_checks.check("warehouse", call.body)
    if call.body["id"] in call.store.warehouses:
        raise Refused(409, f"warehouse {call.body['id']} exists")
    call.store.put_warehouse(call.body)
    return Reply(status=201, body=call.body)


def _warehouse_id(call: Call) -> str:
    warehouse_id = call.parameters["warehouse"]
    if warehouse_id not in call.store.warehouses:
        raise Refused(404, f"warehouse not found: {warehouse_id}")
    return warehouse_id


# --- stocks --------------------------------------------------------------------------------------


def list_stocks(call: Call) -> Reply:
    """Give the stocks of a warehouse, of the products in `skus` or all (one-api.md 2.3: assumed)."""
    wanted = frozenset(texts(call, "skus"))
    held = call.store.stocks[_warehouse_id(call)]
    rows = ({"id": stock_id, "sku": sku, "quantity": quantity} for stock_id, (sku, quantity) in held.items())
    return Reply(body=[row for row in rows if not wanted or row["sku"] in wanted])


def add_stocks(call: Call) -> Reply:
    """Set the quantities of the stocks that are named, and remove others (2.3: path and method known).

    Assumed: the nesting of the body; a quantity replaces the one held; a stock to remove may be unknown;
    an id may stand once only; all or nothing; the answer.
    """
    warehouse_id = _warehouse_id(call)
    body_checks.check("stock-increment", call.body)
    lines, removed = call.body.get("stocks") or [], call.body.get("stocksToRemove") or []
    refused = _refusals(call, lines, removed)
    held = call.store.stocks[warehouse_id]
    held.update(_stocks(lines, refused))
    for stock_id in removed:
        if stock_id not in refused:
            held.pop(stock_id, None)
    return _stored(call, lines, removed, refused)


def replace_stocks(call: Call) -> Reply:
    """Replace all stocks of a warehouse (2.3: the call is known, path and body are assumed)."""
    warehouse_id = _warehouse_id(call)
    body_checks.check("stock-replacement", call.body)
    lines = call.body["stocks"]
    refused = _refusals(call, lines, [])
    kept = {stock_id: stock for stock_id, stock in call.store.stocks[warehouse_id].items() if stock_id in refused}
    call.store.stocks[warehouse_id] = kept | _stocks(lines, refused)
    return _stored(call, lines, [], refused)


def _refusals(call: Call, lines: list[Document], removed: list[str]) -> dict[str, str]:
    """Give the reason for each stock id that is refused; whole requests are refused unless a fault says per line."""
    ids = [line["id"] for line in lines] + removed
    if len(set(ids)) < len(ids):
        repeated = [stock_id for stock_id, count in Counter(ids).items() if count > 1]
        raise Refused(400, "bad body", problems=[problem("$", f"stock {name} stands twice") for name in repeated])
    known, by_fault = call.settings.known_skus, call.refused_skus
    refused = {name: f"SKU {name} is refused" for name in removed if name in by_fault}
    for line in lines if known is not None or by_fault else ():
        if line["sku"] in by_fault:
            refused[line["id"]] = f"SKU {line['sku']} is refused"
        elif known is not None and line["sku"] not in known:
            refused[line["id"]] = f"SKU {line['sku']} is unknown"
    if refused and not call.per_line:
        raise Refused(422, "stocks refused", problems=[problem("$", reason) for reason in refused.values()])
    return refused


def _stocks(lines: list[Document], refused: dict[str, str]) -> dict[str, Stock]:
    """Take the accepted lines; a SKU equal to its id is kept as the same text, which halves the memory."""
    stocks = {}
    for line in lines:
        stock_id, sku = line["id"], line["sku"]
        if stock_id not in refused:
            stocks[stock_id] = (stock_id if sku == stock_id else sku, line["quantity"])
    return stocks


def _stored(call: Call, lines: list[Document], removed: list[str], refused: dict[str, str]) -> Reply:
    if not call.per_line:
        return Reply(body={"stored": len(lines), "removed": len(removed)})
    ids = [line["id"] for line in lines] + removed
    return Reply(
        body={"results": [{"id": name, "ok": name not in refused, "error": refused.get(name)} for name in ids]}
    )
