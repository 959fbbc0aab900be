"""The pricing service: retail prices, price lists, their prices, and who has which (one-api.md 2.8, 2.9)."""

from __future__ import annotations

from collections import Counter

from engine.sandbox.api import body_checks
from engine.sandbox.api.line_results import Refusals, accepted, check_once, refused_skus, stored
from engine.sandbox.api.replies import Call, Refused, Reply, page, required_text
from engine.sandbox.store.feeds import Document
from engine.sandbox.store.held_prices import Holder

MAX_PRICE_LISTS = 2_000  # of one client (one-api.md 1)


def main_catalog_id(call: Call) -> str:
    """Give the pricing of catalogue prices, which every tenant has."""
    return call.store.fixed_id("pricing", "main catalogue")


# --- prices --------------------------------------------------------------------------------------


def put_retail_prices(call: Call) -> Reply:
    """Set retail prices (one-api.md 2.8: path, method and body known).

    Assumed: products that are not named keep their price; a product may stand once only; all or nothing; the answer.
    """
    body_checks.check("retail-prices", call.body)
    names = ("productId",)
    check_once(call.body, names)
    refused = refused_skus(call, call.body, "productId")
    for line in accepted(call, call.body, refused):
        call.store.prices.retail[line["productId"]] = line["price"]
    return stored(call, call.body, refused, names)


def get_main_catalog_id(call: Call) -> Reply:
    """Give the id of the pricing of catalogue prices (2.9: known)."""
    return Reply(body={"mainCatalogId": main_catalog_id(call)})


def put_prices(call: Call) -> Reply:
    """Set prices of price lists and of the main catalogue (2.9: path, method and body known).

    Assumed: 404 for an unknown pricingId; products that are not named keep their price; a product may stand once
    in a list; all or nothing; the answer.
    """
    body_checks.check("prices", call.body)
    names = ("pricingId", "productId")
    check_once(call.body, names)
    refused = _unknown_pricings(call) | refused_skus(call, call.body, "productId")
    call.store.prices.set_prices(accepted(call, call.body, refused))
    return stored(call, call.body, refused, names)


def _unknown_pricings(call: Call) -> Refusals:
    known = call.store.prices.lists.keys() | {main_catalog_id(call)}
    return {
        place: (404, f"pricing not found: {line['pricingId']}")
        for place, line in enumerate(call.body)
        if line["pricingId"] not in known
    }


# --- price lists ---------------------------------------------------------------------------------


def create_price_list(call: Call) -> Reply:
    """Create a price list (2.9).

    Documented: POST .../pricing/discount creates a discount pricing. Assumed: that price lists are created by the same
    call, as no other is public; the answer {pricingId}; that a name may stand twice, so that a list that was created
    twice is seen.
    """
    body_checks.check("price-list", call.body)
    pricing_id = call.store.new_id("price_list", call.body["name"])
    call.store.prices.lists[pricing_id] = call.body
    return Reply(status=201, body={"pricingId": pricing_id})


def list_price_lists(call: Call) -> Reply:
    """Give the price lists of a name, or a page of all (2.9: assumed; a look-up for creates of unknown outcome)."""
    rows = ({"pricingId": pricing_id} | fields for pricing_id, fields in call.store.prices.lists.items())
    if "name" not in call.query:
        return Reply(body=page(call, rows))
    return Reply(body=[row for row in rows if row["name"] in call.query["name"]])


def get_price_list(call: Call) -> Reply:
    """Give one price list (2.9: assumed)."""
    pricing_id = _pricing_id(call)
    return Reply(body={"pricingId": pricing_id} | call.store.prices.lists[pricing_id])


def remove_price_list(call: Call) -> Reply:
    """Remove a price list (2.9: assumed, also that its prices and assignments go; the main catalogue is not found)."""
    call.store.prices.remove_list(_pricing_id(call))
    return Reply(status=204)


def _pricing_id(call: Call) -> str:
    pricing_id = call.parameters["pricingId"]
    if pricing_id not in call.store.prices.lists:
        raise Refused(404, f"pricing not found: {pricing_id}")
    return pricing_id


# --- assignments ---------------------------------------------------------------------------------


def put_assignments(call: Call) -> Reply:
    """Give price lists to clients and groups (2.9: path, method and body known; path as in the samples, 4, C3).

    Documented: at most 2,000 price lists a client (one-api.md 1). Assumed: a line adds to what the client has;
    422 that names a client who would have more; 404 for an unknown client or pricing; groups are not checked;
    all or nothing; the answer.
    """
    body_checks.check("price-list-assignments", call.body)
    names = ("clientId", "clientGroupId", "pricingId")
    check_once(call.body, names)
    refused = _refused_assignments(call)
    for line in accepted(call, call.body, refused):
        call.store.prices.assign(_holder(line), line["pricingId"])
    return stored(call, call.body, refused, names)


def list_assignments(call: Call) -> Reply:
    """Give the price lists of a client or group, or a page of all assignments (2.9: assumed)."""
    rows = call.store.prices.assignments()
    asked = [name for name in ("clientId", "clientGroupId") if name in call.query]
    if not asked:
        return Reply(body=page(call, rows))
    return Reply(body=[row for row in rows if any(row.get(name) in call.query[name] for name in asked)])


def remove_assignment(call: Call) -> Reply:
    """Take a price list away: DELETE .../clients-to-pricings?clientId=&pricingId= (2.9: assumed altogether).

    With clientGroupId in place of clientId for a group; 404 for what is not assigned.
    """
    pricing_id = required_text(call, "pricingId")
    name = "clientGroupId" if "clientGroupId" in call.query else "clientId"
    holder = (name, required_text(call, name))
    if pricing_id not in call.store.prices.assigned.get(holder, {}):
        raise Refused(404, f"not assigned: {pricing_id} to {holder[1]}")
    call.store.prices.unassign(holder, pricing_id)
    return Reply(status=204)


def _refused_assignments(call: Call) -> Refusals:
    refused = _unknown_pricings(call)
    assigned = call.store.prices.assigned
    added: Counter[Holder] = Counter()
    for place, line in enumerate(call.body):
        holder = _holder(line)
        if holder[0] == "clientId" and holder[1] not in call.store.clients:
            refused[place] = (404, f"client not found: {holder[1]}")
        elif place not in refused and line["pricingId"] not in assigned.get(holder, {}):
            added[holder] += 1
            if holder[0] == "clientId" and len(assigned.get(holder, {})) + added[holder] > MAX_PRICE_LISTS:
                refused[place] = (422, f"client {holder[1]} would have more than {MAX_PRICE_LISTS} price lists")
    return refused


def _holder(line: Document) -> Holder:
    name = "clientId" if "clientId" in line else "clientGroupId"
    return name, line[name]
