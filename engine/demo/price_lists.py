"""Retail prices and price lists of the demonstration's ERP."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from random import Random

from engine.demo.customers import customer_id
from engine.demo.goods import Product, sku
from engine.demo.planted import REFUSED_SKU
from engine.demo.rows import Row, insert

CATALOG = "KATALOG"
UNUSED = "CN-DAWNY"  # no customer has it
UNFLAGGED = "CN-OBCY"  # only a customer without the flag has it
LEAVING = "CN-WYPRZ"  # leaves the ERP one day (`later.py`)
ABANDONED = "CN-LATO"  # loses its only customer one day
IMPOSSIBLE = "CN-LUTY"  # valid until 30 February

_PRICES_PER_LIST = 40
_HOLDERS = {UNFLAGGED: 8, LEAVING: 2, ABANDONED: 2, IMPOSSIBLE: 4}  # the number of its only customer


def seed(
    erp: sqlite3.Connection, products: Sequence[Product], *, customers: int, price_lists: int, rng: Random
) -> None:
    """Fill the tables of prices; the first customer has all of the numbered lists."""
    insert(erp, "retail_price", _retail_prices(products, rng))
    insert(erp, "price_list", _price_lists(price_lists))
    insert(erp, "customer_price_list", _assignments(customers, price_lists))
    codes = [*map(code, range(1, price_lists + 1)), UNUSED, UNFLAGGED, LEAVING, ABANDONED]
    for number, list_code in enumerate(codes, start=1):
        insert(erp, "price_list_item", _items(number, list_code, products, rng))


def code(number: int) -> str:
    """Name the price list of this number, counted from 1."""
    return f"CN-{number:04d}"


def _retail_prices(products: Sequence[Product], rng: Random) -> Iterator[Row]:
    """Price products in two to four decimals; every 25th is not sold to consumers."""
    for number, product in enumerate(products, start=1):
        if number == 6:
            yield (product.sku, "19,90 zł")
        elif product.sku != REFUSED_SKU:
            price = rng.randrange(100, 10_000_000) / 10_000
            yield (product.sku, None if number % 25 == 0 else round(price, 2 + number % 3))


def _price_lists(count: int) -> Iterator[Row]:
    yield (CATALOG, "catalog", "Cennik katalogowy", 0, None, None, None)
    for number in range(1, count + 1):
        discount = None if number % 3 == 0 else number % 40 + (0.25 if number % 2 else 0)
        valid_to = "2031-12-31" if number % 4 == 0 else None
        yield (code(number), "client", f"Cennik nr {number} – hurt", number, discount, "2031-01-01", valid_to)
    yield (UNUSED, "client", "Cennik 2019 (nieużywany)", 1, 5, "2019-01-01", None)
    yield (UNFLAGGED, "client", "Cennik dla odbiorców spoza ONe", 1, 7.5, None, None)
    yield (LEAVING, "client", "Wyprzedaż końcówek", 900, None, "2031-02-01", "2031-03-02")
    yield (ABANDONED, "client", "Promocja „Lato”", 901, 12.5, "2031-06-21", "2031-09-22")
    yield (IMPOSSIBLE, "client", "Promocja lutowa", 902, 3, "2031-02-01", "2031-02-30")


def _assignments(customers: int, price_lists: int) -> Iterator[Row]:
    """Give the first customer all numbered lists, every second one of them to the others by turns."""
    for number in range(1, price_lists + 1 if customers else 0):
        yield (customer_id(1), code(number))
    for customer in range(2, customers + 1, 2):
        if price_lists:
            yield (customer_id(customer), code(customer // 2 % price_lists + 1))
    for list_code, customer in _HOLDERS.items():
        if customer <= customers:
            yield (customer_id(customer), list_code)


def _items(number: int, list_code: str, products: Sequence[Product], rng: Random) -> Iterator[Row]:
    """Price some of the products, in two to four decimals; the seventh is negative in the first list."""
    step = max(1, len(products) // _PRICES_PER_LIST)
    chosen = {(number + place * step) % len(products) + 1 for place in range(min(_PRICES_PER_LIST, len(products)))}
    for product in sorted(chosen | {7} if number == 1 and len(products) >= 7 else chosen):
        price = round(rng.randrange(100, 10_000_000) / 10_000, 2 + product % 3)
        if sku(product) != REFUSED_SKU:
            yield (list_code, sku(product), -price if (number, product) == (1, 7) else price)
