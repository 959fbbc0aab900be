"""Seed the demonstration's ERP: the same arguments give the same rows and files.

What a record is (a person, without the flag, blocked, ...) follows from its number; only names and amounts are drawn.
So every case is there in a small ERP as in a large one, whatever the seed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from engine.demo import customers, goods, goods_issued_notes, invoices, names, offline, price_lists, sales
from engine.demo.planted import LOST_SHIPMENT, ODD_SKU, PLANTED, REFUSED_SKU, Planted
from engine.demo.rows import insert, script

__all__ = ["ODD_SKU", "PLANTED", "REFUSED_SKU", "Planted", "create", "documents_folder"]

_TOPICS = ("customers", "goods", "pricing", "documents", "offline", "orders")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    products: int
    customers: int
    warehouses: int
    price_lists: int
    documents: int


def create(
    path: Path,
    *,
    products: int = 1000,
    customers: int = 200,
    warehouses: int = 3,
    price_lists: int = 12,
    documents: int = 80,
    seed: int = 7,
) -> None:
    """Write the ERP to `path` and its files to `documents_folder(path)`, replacing what is there.

    A failure leaves both as they were. Every tenth product and every eighth customer lacks the flag; the records of
    `PLANTED` are among the first ten. `price_lists`: so many that the first customer has, beside five special ones.
    `documents`: so many invoices and goods issued notes, and as many offline orders or a few more.
    """
    sizes = _Sizes(
        products=products, customers=customers, warehouses=warehouses, price_lists=price_lists, documents=documents
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(path) as (file, folder):
        with closing(sqlite3.connect(file, isolation_level=None)) as erp:
            _seed(erp, sizes, folder=folder, seed=seed)
        for leftover in ("-wal", "-shm", "-journal"):  # of the old file; SQLite would apply them to the new one
            path.with_name(path.name + leftover).unlink(missing_ok=True)
        shutil.rmtree(documents_folder(path), ignore_errors=True)
        folder.rename(documents_folder(path))
        file.replace(path)


def documents_folder(path: Path) -> Path:
    """Tell where the files of the ERP at `path` lie; the paths in its tables start there."""
    return path.with_name(f"{path.stem}-documents")


@contextmanager
def _unfinished(path: Path) -> Iterator[tuple[Path, Path]]:
    """Give a file and a folder to write to; what is left of them at the end is removed."""
    file = path.with_name(f"{path.name}.{os.getpid()}.new")
    folder = path.with_name(f"{path.name}.{os.getpid()}.documents")
    try:
        folder.mkdir()
        yield file, folder
    finally:
        file.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _seed(erp: sqlite3.Connection, sizes: _Sizes, *, folder: Path, seed: int) -> None:
    erp.execute("PRAGMA journal_mode = OFF")  # a torn file is never renamed into place
    erp.execute("PRAGMA synchronous = OFF")
    for topic in _TOPICS:
        erp.executescript(script(topic))
    erp.execute("BEGIN")
    _fill(erp, sizes, folder=folder, seed=seed)
    erp.execute("COMMIT")
    erp.execute("PRAGMA journal_mode = WAL")  # readers and a writer at once, as in a real ERP


def _fill(erp: sqlite3.Connection, sizes: _Sizes, *, folder: Path, seed: int) -> None:
    """Fill all tables; prices and sales are drawn apart, so that more of the ones does not change the others."""
    rng = Random(seed)  # noqa: S311 - no secret is drawn
    products = [goods.draw(number, rng) for number in range(1, sizes.products + 1)]
    insert(erp, "warehouse", goods.draw_warehouses(sizes.warehouses, rng))
    clients = [customers.draw(number, rng) for number in range(1, sizes.customers + 1)]
    customers.seed(erp, clients, rng)
    goods.seed(erp, products, warehouses=sizes.warehouses, rng=rng)

    prices_rng, sales_rng = Random(f"{seed} prices"), Random(f"{seed} sales")  # noqa: S311 - as above
    price_lists.seed(erp, products, customers=len(clients), price_lists=sizes.price_lists, rng=prices_rng)
    sold = list(sales.draw(sizes.documents, products=products, customers=clients, rng=sales_rng))
    for table, rows in (
        ("seller", names.SELLERS),
        ("employee", names.EMPLOYEES),
        ("payment_method", names.PAYMENTS),
        ("delivery_method", names.DELIVERIES),
        ("order_processing", [(LOST_SHIPMENT, None, None, None, "2031-03-10")]),
    ):
        insert(erp, table, rows)
    invoices.seed(erp, sold, folder=folder)
    goods_issued_notes.seed(erp, sold, warehouses=sizes.warehouses)
    offline.seed(erp, sold)
