"""The sales from which the demonstration's invoices, goods issued notes and offline orders are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from engine.demo import names
from engine.demo.customers import Customer
from engine.demo.goods import Product, vat_rate
from engine.demo.planted import REFUSED_SKU

_DISCOUNTS = (None, Decimal(0), Decimal(5), Decimal("12.5"))
_FIRST_DAY = date(2031, 1, 2)
_PLANTED = 10  # sales up to this number are among the records of `PLANTED`


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with its tax, two decimals each."""

    net: Decimal = Decimal("0.00")
    tax: Decimal = Decimal("0.00")

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax

    def __add__(self, other: Money) -> Money:
        return Money(self.net + other.net, self.tax + other.tax)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One product of a sale."""

    shipment: int  # from 1
    line_no: int  # within the shipment, from 1
    product: Product
    quantity: Decimal
    catalog_price: Decimal | None  # net, of one unit
    discount: Decimal | None  # percent
    net_price: Decimal  # of one unit, after the discount, four decimals
    tax_rate: int | None  # percent; None: exempt
    total: Money

    @property
    def unit_tax(self) -> Decimal:
        return rounded(self.net_price * (self.tax_rate or 0) / 100, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One sale: an offline order of one or two shipments, a goods issued note, an invoice."""

    number: int  # from 1
    customer: Customer
    day: date
    items: tuple[Item, ...]

    @property
    def total(self) -> Money:
        return add_up(self.items)

    @property
    def shipments(self) -> tuple[int, ...]:
        return tuple(sorted({item.shipment for item in self.items}))

    @property
    def collected(self) -> bool:
        """Tell whether the customer collects the goods; else a courier brings them."""
        return self.number % 5 == 3

    @property
    def order_id(self) -> str:
        return f"ERP-{self.number}"

    def shipment_id(self, shipment: int) -> str:
        """Name one shipment of the sale."""
        return f"{self.order_id}/{shipment}"


def add_up(items: Sequence[Item]) -> Money:
    """Add up the totals of items."""
    return sum((item.total for item in items), Money())


def taxed(net: Decimal, rate: int | None) -> Money:
    """Round a net amount and put its tax beside it."""
    net = rounded(net)
    return Money(net, rounded(net * (rate or 0) / 100))


def rounded(value: Decimal, places: int = 2) -> Decimal:
    """Round half away from zero."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def draw(count: int, *, products: Sequence[Product], customers: Sequence[Customer], rng: Random) -> Iterator[Sale]:
    """Draw sales of one to five products; every eighth is sent in two shipments. Without goods there are none."""
    goods = [(vat_rate(number), product) for number, product in enumerate(products, start=1)]
    goods = [(rate, product) for rate, product in goods if product.sku != REFUSED_SKU]
    for number in range(1, count + 1 if goods and customers else 0):
        chosen = rng.sample(goods, min(len(goods), 1 + number % 5))
        parts = 2 if number % 8 == 1 and len(chosen) > 1 else 1
        yield Sale(
            number=number,
            customer=_buyer(number, customers),
            day=_FIRST_DAY + timedelta(days=number * 2 // 3),
            items=tuple(
                _item(place % parts + 1, place // parts + 1, rate, product, rng)
                for place, (rate, product) in enumerate(chosen)
            ),
        )


def _buyer(number: int, customers: Sequence[Customer]) -> Customer:
    """Take customers by threes; a small ERP's first one, who is in ONe, stands in for those it lacks in `PLANTED`."""
    place = 3 * (number - 1)
    return customers[0] if number <= _PLANTED and place >= len(customers) else customers[place % len(customers)]


def _item(shipment: int, line_no: int, rate: int | None, product: Product, rng: Random) -> Item:
    scale = 10 ** dict(names.UNITS)[product.unit]
    quantity = Decimal(rng.randrange(1, 40 * scale)) / scale
    catalog_price = None if product.price is None else Decimal(str(product.price))
    discount = rng.choice(_DISCOUNTS)
    asked = Decimal(rng.randrange(1, 900_000)) / 10_000 if catalog_price is None else catalog_price
    net_price = rounded(asked * (100 - (discount or 0)) / 100, 4)
    return Item(
        shipment=shipment,
        line_no=line_no,
        product=product,
        quantity=quantity,
        catalog_price=catalog_price,
        discount=discount,
        net_price=net_price,
        tax_rate=rate,
        total=taxed(quantity * net_price, rate),
    )
