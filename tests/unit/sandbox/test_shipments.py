"""The shipments that the stand-in writes: whole, with every case, and with sums that add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.sandbox.api.placing import Placed, place
from engine.sandbox.api.replies import Refused
from engine.sandbox.store.feeds import Context
from engine.sandbox.store.shipments import changed, paid
from engine.sandbox.store.store import Store

# All names of one-api.md 2.15, as places; [] is a list.
HEADER = "id orderId orderCouponCode customerPurchaseNumber productLines[] deliveryMethod paymentMethod paymentStatus"
HEADER += " paymentStatusV2 user creator organization notes systemComments orderChannel status lastChange"
HEADER += " supplyWarehouseId supplyWarehouseSupported authorizedPeople[] price orderType productAvailability"
HEADER += " waybills[] orderAppliedCampaigns[] createDate"
PARTS = {
    "": HEADER,
    "productLines[].": "sku name lineNumber quantityOrdered quantityOrderedInContentUnit contentUnitCode notes"
    " lastChange pkwiu splitPayment cableType gtu manufacturerId productLineId parentProductLineId price"
    " appliedCampaigns[] currentInfo categories[] brand",
    "productLines[].price.": "netUnitPrice netContentUnitPrice grossContentUnitPrice basePriceNet basePriceDiscount"
    " basePriceType netValue taxValue taxRate grossValue netCatalogPrice catalogPriceDiscount additionalCosts[]",
    "productLines[].price.additionalCosts[].": "type contentUnitNet contentUnitTax contentUnitGross totalNet totalTax"
    " totalGross alreadyIncludedInPrice",
    "productLines[].appliedCampaigns[].": "campaignId name",
    "productLines[].currentInfo.": "slug name url",
    "productLines[].categories[].": "id name",
    "productLines[].brand.": "id name description",
    "deliveryMethod.": "id externalId deliveryDateRequired deliveryDateConfirmed type cost address pickupPointId",
    "deliveryMethod.cost.": "net tax gross",
    "deliveryMethod.address.": "type id name street zipCode city country phone",
    "paymentMethod.": "id externalId transactionId price",
    "paymentMethod.price.": "net tax gross",
    "user.": "id name email phone",
    "creator.": "id externalId type name email phoneNumber branch",
    "organization.": "id clientId externalId",
    "authorizedPeople[].": "userId email name phone",
    "price.": "deliveryNet productsNet additionalCosts[] totalNet totalTax totalGross totalWithPaymentMethodNet"
    " totalWithPaymentMethodTax totalWithPaymentMethodGross",
    "price.additionalCosts[].": "type net tax gross",
    "waybills[].": "number url",
    "orderAppliedCampaigns[].": "campaignId name",
}
NAMES = {f"{place}{name}".removesuffix("[]") for place, names in PARTS.items() for name in names.split()}


def store_with_client() -> Store:
    store = Store()
    fields = {"name": "Łąka", "externalId": "K-1"}
    store.create_client(fields, individual=False, context=Context.BACKOFFICE)
    return store


def placed(count: int) -> list[dict[str, Any]]:
    store = store_with_client()
    place(store, count, later=False)
    return list(store.orders.shipments.values())


def names(document: Any, place: str = "") -> set[str]:
    if isinstance(document, list):
        return set().union(*(names(one, f"{place.removesuffix('.')}[].") for one in document))
    if not isinstance(document, dict):
        return set()
    inner = (names(value, f"{place}{name}.") for name, value in document.items())
    return {f"{place}{name}" for name in document}.union(*inner)


def test_a_dozen_orders_have_all_the_documented_names_and_no_other() -> None:
    assert set().union(*map(names, placed(12))) == NAMES


def test_a_dozen_orders_show_every_case_that_is_documented() -> None:
    shipments = placed(12)
    lines = [line for one in shipments for line in one["productLines"]]

    assert {one["deliveryMethod"]["type"] for one in shipments} == {
        "COURIER",
        "CLICK_AND_COLLECT",
        "CROSS_DOCKING",
        "PARCEL_LOCKER",
    }
    assert {one["paymentStatus"] for one in shipments} == {"PAID", "PENDING"}
    assert {one["orderChannel"] for one in shipments} == {"ONLINE", "POINT_OF_SALE"}
    assert {one["orderType"] for one in shipments} == {"ORDER", "RFQ"}
    assert {one["creator"]["type"] for one in shipments} == {"USER", "OPERATOR"}
    assert {len(one["waybills"]) for one in shipments} == {0, 1, 2}
    assert {len(one["authorizedPeople"]) for one in shipments} == {0, 1, 2}
    assert {len(one["productLines"]) for one in shipments} == {1, 2, 3, 4}
    assert {line["quantityOrderedInContentUnit"] % 1 > 0 for line in lines} == {False, True}
    assert {line["parentProductLineId"] is None for line in lines} == {False, True}


@pytest.mark.parametrize("after", [dict, changed, paid])
def test_the_sums_of_a_shipment_add_up(after: Any) -> None:
    for shipment in map(after, placed(12)):
        price, lines = shipment["price"], [line["price"] for line in shipment["productLines"]]
        parts = [shipment["deliveryMethod"]["cost"]["gross"], price["additionalCosts"][0]["gross"]]

        assert price["productsNet"] == sum(line["netValue"] for line in lines)
        assert price["totalGross"] == sum(line["grossValue"] for line in lines) + sum(parts)
        assert price["totalGross"] == price["totalNet"] + price["totalTax"]
        assert price["totalWithPaymentMethodGross"] == price["totalGross"] + shipment["paymentMethod"]["price"]["gross"]
        assert [line["grossValue"] for line in lines] == [line["netValue"] + line["taxValue"] for line in lines]


def test_a_changed_shipment_has_one_unit_more_and_loses_its_last_line() -> None:
    before = next(one for one in placed(3) if len(one["productLines"]) == 4)

    after = changed(before)

    (first, *others), (new, *left) = before["productLines"], after["productLines"]
    assert new["quantityOrderedInContentUnit"] == first["quantityOrderedInContentUnit"] + 1
    assert left == others[:-1]
    assert (after["createDate"], after["lastChange"] > before["lastChange"]) == (before["createDate"], True)
    assert after["price"]["totalGross"] != before["price"]["totalGross"]


def test_the_same_state_gives_the_same_orders() -> None:
    first, second = store_with_client(), store_with_client()

    assert [place(store, 6, later=True) for store in (first, second)] == [
        Placed(
            shipments=tuple(
                f"OF/{name}" for name in ("1/3/2031/01", *SPLIT, *(f"{n}/3/2031/01" for n in (3, 4, 5, 6)))
            ),
            split=tuple(f"OF/{name}" for name in SPLIT),
            missing="OF/1/3/2031/99",
            changed="OF/3/3/2031/01",
            removed="OF/4/3/2031/01",
        )
    ] * 2
    assert first == second


SPLIT = ("2/3/2031/01", "2/3/2031/02")


@pytest.mark.parametrize(
    ("count", "split", "third", "fourth"),
    [(1, 0, False, False), (2, 2, False, False), (3, 2, True, False), (4, 2, True, True)],
)
def test_a_few_orders_have_the_cases_that_they_suffice_for(count: int, split: int, third: bool, fourth: bool) -> None:
    found = place(store_with_client(), count, later=True)

    assert (len(found.split), found.changed is not None, found.removed is not None) == (split, third, fourth)


def test_products_that_are_held_are_ordered_at_their_retail_price_and_none_twice_in_a_shipment() -> None:
    store = store_with_client()
    store.prices.retail = {"Ż-1": Decimal("7.35"), "Ż-2": 4}
    store.stocks = {"W1": {"X": ("Ż-2", 1), "Y": ("Ż-3", 1)}}

    place(store, 6, later=False)

    lines = [[line["sku"] for line in one["productLines"]] for one in store.orders.shipments.values()]
    prices = {
        (line["sku"], line["price"]["netUnitPrice"])
        for one in store.orders.shipments.values()
        for line in one["productLines"]
    }
    assert {sku for skus in lines for sku in skus} == {"Ż-1", "Ż-2", "Ż-3"}
    assert [skus for skus in lines if len(set(skus)) < len(skus)] == []
    assert prices >= {("Ż-1", Decimal("7.35")), ("Ż-2", 4)}


@pytest.mark.parametrize("count", [0, 10_001])
def test_too_few_or_too_many_orders_are_refused(count: int) -> None:
    store = store_with_client()

    with pytest.raises(Refused, match="count is from 1 to 10000"):
        place(store, count, later=True)

    assert store.orders.shipments == {}


def test_without_clients_nobody_orders() -> None:
    with pytest.raises(Refused, match="there are no clients"):
        place(Store(), 6, later=True)
