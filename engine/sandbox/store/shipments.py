"""Writes the documents of shipments, with all the names of one-api.md 2.15, out of invented people and goods.

What a shipment is like (delivery, payment, people, waybills, ...) follows from the number of its order, so that a few
orders show every case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engine.sandbox.store.feeds import Document

FIRST = datetime(2031, 3, 2, 8, 0, tzinfo=UTC)  # the moment of order number 0; each next one comes seven minutes later
CHANGE_AFTER = timedelta(hours=2)
TAX_RATE = 23  # percent
CENT = Decimal("0.01")
FEE = Decimal("0.12")  # for each unit, beside the price

PEOPLE = ("Grażyna Żółkiewska", "Łukasz Śliwa", "Józef Dąbek", "Małgorzata Ćwik", "Sławomir Zając")
STREETS = ("Świętej Anny 7/3", "Łąkowa 12", "Żeromskiego 101", "Długa 5A")
CITIES = (("31-008", "Kraków"), ("90-562", "Łódź"), ("50-001", "Wrocław"), ("80-750", "Gdańsk"))
GOODS = (  # name, unit, quantity of a first order
    ("Śruba ocynkowana 8 × 40 mm", "C62", Decimal(40)),
    ("Kabel YDYżo 3 × 2,5 mm²", "MTR", Decimal("12.5")),
    ("Bęben na kabel", "C62", Decimal(1)),
    ("Klej „Źródło” do płytek", "KGM", Decimal("7.375")),
    ('Złączka gięta ½"', "C62", Decimal(3)),
)
DELIVERIES = (  # type, externalId, net cost
    ("COURIER", "KURIER", Decimal("14.99")),
    ("PARCEL_LOCKER", "PACZKOMAT", Decimal("11.37")),
    ("CLICK_AND_COLLECT", "ODBIOR", Decimal(0)),
    ("CROSS_DOCKING", "PRZELADUNEK", Decimal("49.50")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """A product as it is ordered."""

    sku: str
    net_price: Decimal | int  # of one content unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a shipment is made from."""

    number: int  # from 1
    part: int  # of the order, from 1
    parts: int
    client_id: str
    client: Document
    goods: Sequence[Good]
    fixed_id: Callable[[str, str], str]  # of a kind and a name
    warehouse_id: str | None

    @property
    def order_id(self) -> str:
        """Give the id of the order, with slashes as in the documentation's samples."""
        return f"OF/{self.number}/3/2031"

    @property
    def shipment_id(self) -> str:
        """Give the id of the shipment."""
        return f"{self.order_id}/{self.part:02}"

    @property
    def at(self) -> datetime:
        """Tell when it was placed."""
        return FIRST + timedelta(minutes=7 * self.number)


def shipment(order: Order) -> Document:
    """Write a shipment whole."""
    number, is_paid = order.number, order.number % 3 == 0
    document: Document = {
        "id": order.shipment_id,
        "orderId": order.order_id,
        "orderCouponCode": "WIOSNA-10" if number % 4 == 1 else None,
        "customerPurchaseNumber": f"ZAM/{number}/2031" if number % 2 else None,
        "productLines": [_line(order, place, good) for place, good in enumerate(order.goods, start=1)],
        "deliveryMethod": _delivery(order),
        "paymentMethod": _payment(order, is_paid=is_paid),
        "paymentStatus": "PAID" if is_paid else "PENDING",
        "paymentStatusV2": "PAID" if is_paid else ("PENDING", "FAILED", "TIMEOUT")[number // 2 % 3],
        "user": _user(order),
        "creator": _creator(order),
        "organization": {
            "id": order.client_id.partition(":")[2],
            "clientId": order.client_id,
            "externalId": order.client.get("externalId"),
        },
        "notes": "Proszę zadzwonić przed dostawą – wjazd od Źródlanej" if number % 2 else None,
        "systemComments": None,
        "orderChannel": "POINT_OF_SALE" if number % 5 == 4 else "ONLINE",
        "status": "NEW",
        "lastChange": instant(order.at),
        "supplyWarehouseId": order.warehouse_id,
        "supplyWarehouseSupported": order.warehouse_id is not None,
        "authorizedPeople": _authorized(order),
        "orderType": "RFQ" if number % 6 == 5 else "ORDER",
        "productAvailability": "SOME_AVAILABLE" if order.parts > 1 else "ALL_AVAILABLE",
        "waybills": [_waybill(order, piece) for piece in range(1, number % 3 + 1)],
        "orderAppliedCampaigns": [{"campaignId": "wiosna-2031", "name": "Wiosna"}] if number % 4 == 1 else [],
        "createDate": instant(order.at),
    }
    return document | {"price": _sums(document)}


def changed(document: Document) -> Document:
    """Give a shipment as its buyer changed it: one unit more of the first line, and without the last of several."""
    first, *others = document["productLines"]
    quantity = first["quantityOrderedInContentUnit"] + 1
    at = instant(datetime.fromisoformat(document["createDate"]) + CHANGE_AFTER)
    first = first | {
        "quantityOrdered": quantity,
        "quantityOrderedInContentUnit": quantity,
        "lastChange": at,
        "price": _line_price(first["price"]["netContentUnitPrice"], quantity),
    }
    after = document | {"productLines": [first, *others[:-1]], "lastChange": at, "notes": "Zmiana: o jedną więcej"}
    return after | {"price": _sums(after)}


def paid(document: Document) -> Document:
    """Give a shipment as it is when its payment has arrived."""
    method = document["paymentMethod"] | {"transactionId": f"TR-{document['orderId']}"}
    return document | {"paymentMethod": method, "paymentStatus": "PAID", "paymentStatusV2": "PAID"}


def instant(at: datetime) -> str:
    """Write a moment in UTC, with Z."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


# --- lines ---------------------------------------------------------------------------------------


def _line(order: Order, place: int, good: Good) -> Document:
    index = (order.number + place) % len(GOODS)
    name, unit, quantity = GOODS[index]
    line_id = order.fixed_id("line", f"{order.shipment_id} {place}")
    before = order.fixed_id("line", f"{order.shipment_id} {place - 1}")
    return {
        "sku": good.sku,
        "name": name,
        "lineNumber": f"{order.shipment_id}/{place:02}",
        "quantityOrdered": quantity,
        "quantityOrderedInContentUnit": quantity,
        "contentUnitCode": unit,
        "notes": "ciąć na odcinki po 2,5 m" if unit == "MTR" else None,
        "lastChange": instant(order.at),
        "pkwiu": "25.94.11.0" if index == 0 else None,
        "splitPayment": index == 3,
        "cableType": "ODCINEK" if unit == "MTR" else None,
        "gtu": "GTU_05" if index == 4 else None,
        "manufacturerId": "ŁĄCZ-POL",
        "productLineId": line_id,
        "parentProductLineId": before if index == 2 and place > 1 else None,  # the drum of the cable before it
        "price": _line_price(good.net_price, quantity),
        "appliedCampaigns": [{"campaignId": "wiosna-2031", "name": "Wiosna"}] if order.number % 4 == 1 else [],
        "currentInfo": {"slug": good.sku.lower(), "name": name, "url": f"https://shop.invalid/{place}"},
        "categories": [{"id": "zlacza", "name": "Złącza i śruby"}],
        "brand": {"id": "lacz-pol", "name": "Łącz-Pol", "description": None},
    }


def _line_price(unit_net: Decimal | int, quantity: Decimal) -> Document:
    net = cents(unit_net * quantity)
    fee = cents(quantity * FEE)
    return {
        "netUnitPrice": unit_net,
        "netContentUnitPrice": unit_net,
        "grossContentUnitPrice": unit_net + _tax(unit_net),
        "basePriceNet": unit_net,
        "basePriceDiscount": 0,
        "basePriceType": "CATALOG",
        "netValue": net,
        "taxValue": _tax(net),
        "taxRate": TAX_RATE,
        "grossValue": net + _tax(net),
        "netCatalogPrice": unit_net,
        "catalogPriceDiscount": 0,
        "additionalCosts": [
            {
                "type": "KGO",
                "contentUnitNet": FEE,
                "contentUnitTax": _tax(FEE),
                "contentUnitGross": FEE + _tax(FEE),
                "totalNet": fee,
                "totalTax": _tax(fee),
                "totalGross": fee + _tax(fee),
                "alreadyIncludedInPrice": False,
            }
        ],
    }


# --- delivery, payment, people -------------------------------------------------------------------


def _delivery(order: Order) -> Document:
    kind, external_id, net = DELIVERIES[order.number % len(DELIVERIES)]
    zip_code, city = CITIES[order.number % len(CITIES)]
    pickup = {"COURIER": None, "CLICK_AND_COLLECT": order.warehouse_id}.get(kind, f"PKT-{order.number:03}")
    return {
        "id": order.fixed_id("delivery", external_id),
        "externalId": external_id,
        "deliveryDateRequired": f"{order.at + timedelta(days=3):%Y-%m-%d}" if order.number % 2 else None,
        "deliveryDateConfirmed": None,
        "type": kind,
        "cost": amounts(net),
        "address": {
            "type": "SYSTEM",
            "id": order.fixed_id("address", f"{order.client_id} {city}"),
            "name": order.client["name"],
            "street": STREETS[order.number % len(STREETS)],
            "zipCode": zip_code,
            "city": city,
            "country": "PL",
            "phone": order.client.get("phone"),
        },
        "pickupPointId": pickup,
    }


def _payment(order: Order, *, is_paid: bool) -> Document:
    online = order.number % 2 == 0
    return {
        "id": order.fixed_id("payment", "ONLINE" if online else "PRZELEW"),
        "externalId": "ONLINE" if online else "PRZELEW",
        "transactionId": f"TR-{order.order_id}" if is_paid else None,
        "price": amounts(Decimal("1.50") if online else Decimal(0)),
    }


def _user(order: Order) -> Document:
    name = PEOPLE[order.number % len(PEOPLE)]
    email = f"osoba{order.number}@example.invalid"
    return {"id": order.fixed_id("user", name), "name": name, "email": email, "phone": None}


def _creator(order: Order) -> Document:
    user, operator = _user(order), order.number % 5 == 4
    return {
        "id": user["id"],
        "externalId": "H-07" if operator else None,
        "type": "OPERATOR" if operator else "USER",
        "name": user["name"],
        "email": user["email"],
        "phoneNumber": "+48 000 000 007" if operator else None,
        "branch": "Łódź" if operator else None,
    }


def _authorized(order: Order) -> list[Document]:
    names = [PEOPLE[(order.number + step) % len(PEOPLE)] for step in range(order.number % 3)]
    return [
        {
            "userId": order.fixed_id("user", name) if place else None,
            "email": f"odbior{place}@example.invalid" if place else None,
            "name": name,
            "phone": f"+48 000 000 {place:03}",
        }
        for place, name in enumerate(names)
    ]


def _waybill(order: Order, piece: int) -> Document:
    number = f"LP{order.number:05}{order.part:02}{piece}PL"
    return {"number": number, "url": f"https://carrier.invalid/{number}" if piece == 1 else None}


# --- sums ----------------------------------------------------------------------------------------


def cents(value: Decimal | int) -> Decimal:
    """Round half up to two places."""
    return Decimal(value).quantize(CENT, ROUND_HALF_UP)


def amounts(net: Decimal) -> Document:
    """Give net, tax and gross."""
    return {"net": net, "tax": _tax(net), "gross": net + _tax(net)}


def _tax(net: Decimal | int) -> Decimal:
    return cents(Decimal(net) * TAX_RATE / 100)


def _sums(document: Document) -> Document:
    prices = [line["price"] for line in document["productLines"]]
    costs = [cost for price in prices for cost in price["additionalCosts"]]
    delivery, payment = document["deliveryMethod"]["cost"], document["paymentMethod"]["price"]
    fee = {part: _total(costs, f"total{part.capitalize()}") for part in ("net", "tax", "gross")}
    sums = {part: _total(prices, f"{part}Value") + delivery[part] + fee[part] for part in ("net", "tax", "gross")}
    return {
        "deliveryNet": delivery["net"],
        "productsNet": _total(prices, "netValue"),
        "additionalCosts": [{"type": "KGO"} | fee],
        **{f"total{part.capitalize()}": value for part, value in sums.items()},
        **{f"totalWithPaymentMethod{part.capitalize()}": value + payment[part] for part, value in sums.items()},
    }


def _total(rows: Iterable[Document], name: str) -> Any:
    return sum((row[name] for row in rows), Decimal(0))
