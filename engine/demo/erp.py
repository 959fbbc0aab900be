"""Seed the demonstration's ERP: the same arguments give the same rows.

What a record is (a person, without the flag, blocked, ...) follows from its number; only names and amounts are drawn.
So every case is there in a small ERP as in a large one, whatever the seed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

from engine.demo import names

Row: TypeAlias = tuple[Any, ...]

ODD_SKU = 'ŁĄCZ 2/"5"'  # an ordinary product with an awkward SKU; it must arrive
REFUSED_SKU = "UNKNOWN-000005"  # the stand-in refuses it when told to


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A flagged record that has to be refused."""

    object: str
    key: tuple[str, ...]
    stage: str  # as in `rejected list`
    why: str


PLANTED = (
    Planted(object="clients", key=("K-0003",), stage="render", why="its name is NULL"),
    Planted(object="stocks", key=("W1", "A-000003"), stage="render", why="its quantity is the text 'brak'"),
    Planted(object="stocks", key=("W1", "A-000004"), stage="key", why="the ERP holds it twice"),
    Planted(object="stocks", key=("W1", REFUSED_SKU), stage="target", why="the platform does not know the SKU"),
)


def create(path: Path, *, products: int = 1000, customers: int = 200, warehouses: int = 3, seed: int = 7) -> None:
    """Write the ERP to `path`, replacing a file that is there; a failure leaves it as it was.

    Every tenth product and every eighth customer lacks the flag; the records of `PLANTED` are among the first five.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as erp:
            _seed(erp, products=products, customers=customers, warehouses=warehouses, rng=Random(seed))  # noqa: S311 - no secret is drawn
        for leftover in ("-wal", "-shm", "-journal"):  # of the old file; SQLite would apply them to the new one
            path.with_name(path.name + leftover).unlink(missing_ok=True)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _seed(erp: sqlite3.Connection, *, products: int, customers: int, warehouses: int, rng: Random) -> None:
    erp.execute("PRAGMA journal_mode = OFF")  # a torn file is never renamed into place
    erp.execute("PRAGMA synchronous = OFF")
    erp.executescript(Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"))
    goods = [_product(number, rng) for number in range(1, products + 1)]
    erp.execute("BEGIN")
    _insert(erp, "segment", iter(names.SEGMENTS))
    _insert(erp, "blockade_kind", iter(names.BLOCKADES))
    _insert(erp, "warehouse", _warehouses(warehouses, rng))
    _insert(erp, "customer", (_customer(number, rng) for number in range(1, customers + 1)))
    _insert(erp, "credit_limit", _credit_limits(customers, rng))
    _insert(erp, "blockade", _blockades(customers))
    _insert(erp, "product", iter(goods))
    _insert(erp, "stock", _stock([(sku, unit) for sku, _, unit, *_ in goods], warehouses, rng))
    erp.execute("COMMIT")
    erp.execute("CREATE INDEX stock_by_warehouse ON stock (warehouse_id, sku)")
    erp.execute("PRAGMA journal_mode = WAL")  # readers and a writer at once, as in a real ERP


def _insert(erp: sqlite3.Connection, table: str, rows: Iterator[Row]) -> None:
    width = len(erp.execute(f"SELECT * FROM {table} LIMIT 0").description)  # noqa: S608 - our own names
    erp.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)  # noqa: S608


def _warehouses(count: int, rng: Random) -> Iterator[Row]:
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


def _customer(number: int, rng: Random) -> Row:
    person = _is_person(number)
    contact = f"{rng.choice(names.FIRST_NAMES)} {rng.choice(names.LAST_NAMES)}"
    company = f"{rng.choice(names.TRADES)} {rng.choice(names.LAST_NAMES)} {rng.choice(names.LEGAL_FORMS)}"
    zip_code, city = rng.choice(names.CITIES)
    return (
        _customer_id(number),
        "person" if person else "organization",
        None if number == 3 else contact if person else company,
        None if person else f"{number:010d}",
        None if person or number % 6 == 0 else f"{number:09d}",
        "N" if person or number % 11 == 0 else "T",
        None if number % 4 == 0 else f"+48 000 {number // 1000 % 1000:03d} {number % 1000:03d}",
        f"00 0000 0000 {number:016d}" if number % 3 == 1 else None,
        contact,
        f"klient{number}@example.invalid",
        None if number % 2 == 0 else f"+48 001 {number // 1000 % 1000:03d} {number % 1000:03d}",
        f"{rng.choice(names.STREETS)} {rng.randrange(1, 200)}",
        zip_code,
        city,
        "PL",
        None if number % 7 == 0 else rng.choice(names.SEGMENTS)[0],
        int(number % 8 != 0),
    )


def _customer_id(number: int) -> str:
    return f"K-{number:04d}"


def _is_person(number: int) -> bool:
    return number % 5 == 0


def _credit_limits(customers: int, rng: Random) -> Iterator[Row]:
    """Give half of the customers a limit, some persons among them."""
    for number in range(1, customers + 1):
        if number % 2 == 1 or number % 16 == 0:
            granted = rng.randrange(1_000, 100_000)
            used = None if number % 12 == 1 else rng.randrange(granted * 100) / 100
            yield (_customer_id(number), granted, used)


def _blockades(customers: int) -> Iterator[Row]:
    """Block one customer in nine, and one in 27 of them for a second reason."""
    codes = [code for code, *_ in names.BLOCKADES]
    for number in range(1, customers + 1):
        if number % 9 == 1:
            first = number // 9 % 2
            yield (_customer_id(number), codes[first])
            if number % 27 == 1:
                yield (_customer_id(number), codes[first + 1])


def _product(number: int, rng: Random) -> Row:
    unit, _ = rng.choice(names.UNITS)
    name = f"{rng.choice(names.GOODS)} {rng.randrange(2, 90)} x {rng.randrange(5, 500)} mm"
    price = None if number % 33 == 0 else rng.randrange(1, 100_000) / 100
    return (_sku(number), name, unit, price, int(number % 10 != 0))


def _sku(number: int) -> str:
    return {2: ODD_SKU, 5: REFUSED_SKU}.get(number, f"A-{number:06d}")


def _stock(goods: list[tuple[str, str]], warehouses: int, rng: Random) -> Iterator[Row]:
    places = dict(names.UNITS)
    for warehouse in range(1, warehouses + 1):
        warehouse_id = f"W{warehouse}"
        for number, (sku, unit) in enumerate(goods, start=1):
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
