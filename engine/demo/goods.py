"""Warehouses, products and stock of the demonstration's ERP."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from engine.demo import names
from engine.demo.planted import ODD_SKU, REFUSED_SKU
from engine.demo.rows import Row, insert


class Product(NamedTuple):
    """A row of `product`, in the order of its columns."""

    sku: str
    name: str
    unit: str
    price: float | None
    send_to_one: int


def seed(erp: sqlite3.Connection, products: Sequence[Product], *, warehouses: int, rng: Random) -> None:
    """Fill the tables of goods."""
    insert(erp, "product", products)
    insert(erp, "stock", _stock(products, warehouses, rng))
    insert(erp, "product_detail", map(_detail, range(1, len(products) + 1)))
    insert(erp, "vat_rate", ((product.sku, vat_rate(number)) for number, product in enumerate(products, start=1)))
    erp.execute("CREATE INDEX stock_by_warehouse ON stock (warehouse_id, sku)")


def sku(number: int) -> str:
    """Name the product of this number, counted from 1."""
    return {2: ODD_SKU, 5: REFUSED_SKU}.get(number, f"A-{number:06d}")


def vat_rate(number: int) -> int | None:
    """Give the VAT of a product in percent, None if it is exempt."""
    return None if number % 50 == 13 else {8: 8, 16: 5, 17: 0}.get(number % 20, 23)


def draw(number: int, rng: Random) -> Product:
    """Draw a product; every tenth lacks the flag, every 33rd a price."""
    unit, _ = rng.choice(names.UNITS)
    name = f"{rng.choice(names.GOODS)} {rng.randrange(2, 90)} x {rng.randrange(5, 500)} mm"
    price = None if number % 33 == 0 else rng.randrange(1, 100_000) / 100
    return Product(sku(number), name, unit, None if number == 5 else price, int(number % 10 != 0))


def draw_warehouses(count: int, rng: Random) -> Iterator[Row]:
    """Draw warehouses; the first is the central one, the others are its branches."""
    for number in range(1, count + 1):
        zip_code, city = names.CITIES[(number - 1) % len(names.CITIES)]
        central = number == 1
        yield (
            f"W{number}",
            f"Magazyn {city}" if central else f"Oddział {city} {number}",
            None if number % 3 == 0 else city,
            int(central),
            None if central else "W1",
            int(number % 2 == 1),
            None if number % 3 == 0 else 6,
            24 * number,
            rng.choice(names.STREETS),
            str(rng.randrange(1, 200)),
            zip_code,
            city,
            "PL",
        )


def _stock(products: Sequence[Product], warehouses: int, rng: Random) -> Iterator[Row]:
    places = dict(names.UNITS)
    for warehouse in range(1, warehouses + 1):
        warehouse_id = f"W{warehouse}"
        for number, (sku, _, unit, *_) in enumerate(products, start=1):
            if sku == REFUSED_SKU and warehouse > 1:
                continue
            if warehouse == 1 and number == 3:
                yield (warehouse_id, sku, "brak")
                continue
            empty = (number + warehouse) % 40 == 0
            yield (warehouse_id, sku, None if empty else _quantity(places[unit], rng))
            if warehouse == 1 and number == 4:
                yield (warehouse_id, sku, _quantity(places[unit], rng))


def _quantity(places: int, rng: Random) -> float:
    """Draw up to 1,000 units, exact in the places that the unit has."""
    scale = int(10**places)
    drawn = int(rng.random() * 1_000 * scale)
    return drawn if places == 0 else drawn / scale


def _detail(number: int) -> Row:
    """Describe a product; every sixth has no GTIN, every eighth no manufacturer."""
    made_by = names.MANUFACTURERS[number % len(names.MANUFACTURERS)]
    return (
        sku(number),
        None if number % 6 == 0 else _gtin(number),
        None if number % 8 == 0 else made_by,
        None if number % 8 == 0 else f"{made_by[:2].upper()}-{number}",
        "25.94.11.0" if number % 4 == 1 else None,
    )


def _gtin(number: int) -> str:
    """Make an EAN-13 of the range for use inside a company, with its check digit."""
    digits = f"20{number:010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"
