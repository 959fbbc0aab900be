"""Customers of the demonstration's ERP, with their segments, credit limits and blockades."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from engine.demo import names
from engine.demo.rows import Row, insert


class Customer(NamedTuple):
    """A row of `customer`, in the order of its columns."""

    customer_id: str
    kind: str
    name: str | None
    tin: str | None
    regon: str | None
    vat_payer: str
    phone: str | None
    bank_account: str | None
    contact_name: str
    contact_email: str
    contact_phone: str | None
    street: str
    zip_code: str
    city: str
    country: str
    segment_code: str | None
    send_to_one: int


def seed(erp: sqlite3.Connection, customers: Sequence[Customer], rng: Random) -> None:
    """Fill the tables of customers."""
    insert(erp, "segment", names.SEGMENTS)
    insert(erp, "blockade_kind", names.BLOCKADES)
    insert(erp, "customer", customers)
    insert(erp, "credit_limit", _credit_limits(len(customers), rng))
    insert(erp, "blockade", _blockades(len(customers)))


def customer_id(number: int) -> str:
    """Name the customer of this number, counted from 1."""
    return f"K-{number:04d}"


def draw(number: int, rng: Random) -> Customer:
    """Draw a customer; every fifth is a person, every eighth lacks the flag, the third lacks its name."""
    person = number % 5 == 0
    contact = f"{rng.choice(names.FIRST_NAMES)} {rng.choice(names.LAST_NAMES)}"
    company = f"{rng.choice(names.TRADES)} {rng.choice(names.LAST_NAMES)} {rng.choice(names.LEGAL_FORMS)}"
    zip_code, city = rng.choice(names.CITIES)
    return Customer(
        customer_id=customer_id(number),
        kind="person" if person else "organization",
        name=None if number == 3 else contact if person else company,
        tin=None if person else f"{number:010d}",
        regon=None if person or number % 6 == 0 else f"{number:09d}",
        vat_payer="N" if person or number % 11 == 0 else "T",
        phone=None if number % 4 == 0 else f"+48 000 {number // 1000 % 1000:03d} {number % 1000:03d}",
        bank_account=f"00 0000 0000 {number:016d}" if number % 3 == 1 else None,
        contact_name=contact,
        contact_email=f"klient{number}@example.invalid",
        contact_phone=None if number % 2 == 0 else f"+48 001 {number // 1000 % 1000:03d} {number % 1000:03d}",
        street=f"{rng.choice(names.STREETS)} {rng.randrange(1, 200)}",
        zip_code=zip_code,
        city=city,
        country="PL",
        segment_code=None if number % 7 == 0 else rng.choice(names.SEGMENTS)[0],
        send_to_one=int(number % 8 != 0),
    )


def _credit_limits(customers: int, rng: Random) -> Iterator[Row]:
    """Give half of the customers a limit, some persons among them."""
    for number in range(1, customers + 1):
        if number % 2 == 1 or number % 16 == 0:
            granted = rng.randrange(1_000, 100_000)
            used = None if number % 12 == 1 else rng.randrange(granted * 100) / 100
            yield (customer_id(number), granted, used)


def _blockades(customers: int) -> Iterator[Row]:
    """Block one customer in nine, and one in 27 of them for a second reason."""
    codes = [code for code, *_ in names.BLOCKADES]
    for number in range(1, customers + 1):
        if number % 9 == 1:
            first = number // 9 % 2
            yield (customer_id(number), codes[first])
            if number % 27 == 1:
                yield (customer_id(number), codes[first + 1])
