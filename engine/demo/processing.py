"""What happens in the demonstration's ERP after it was seeded: orders of ONe are processed, and a day passes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from engine.demo import pdf
from engine.demo.erp import documents_folder
from engine.demo.planted import Planted
from engine.demo.rows import script

UNLISTED_STATUS = "35-ZAWIESZ"
STATUSES = ("10-NOWE", "20-POTW", "30-KOMPL", "40-WYSL", "50-ZREAL", "90-ANUL")  # those that a dictionary lists
PAYMENT_STATUSES = {"OCZEK": "PENDING", "ZAPL": "PAID", "ODRZ": "FAILED", "ANUL": "CANCELLED", "PRZETERM": "TIMEOUT"}


def process_orders(path: Path) -> tuple[Planted, ...]:
    """Give each order that arrived from ONe its statuses, date, shipped quantities, waybills and goods issued note.

    New orders are taken in the order of their ids, and what becomes of one follows from its place alone: the first two
    are shipped whole and by half. An order keeps its place; a change of its lines changes what is shipped; a removed
    order is left as it was. Returns the records that must be refused now.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as erp:
        erp.executescript(script("processing"))
        suspended = erp.execute(
            "SELECT p.shipment_id FROM order_processing p JOIN one_order o ON o.shipment_id = p.shipment_id"
            " WHERE p.status_code = ? AND o.removed = 0",
            (UNLISTED_STATUS,),
        ).fetchall()
    why = f"no dictionary lists its status {UNLISTED_STATUS}"
    return tuple(Planted(object="order_statuses", key=key, stage="render", why=why) for key in suspended)


def pass_a_day(path: Path) -> None:
    """Change the ERP as a day of business does: something leaves, something is new, something differs.

    A price list leaves and another loses its only customer, prices rise, an invoice is paid, the missing PDF of
    another is found and a third is printed again, an offline order is sent. A second time it changes nothing.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as erp:
        erp.executescript(script("day"))
    invoices = documents_folder(path) / "faktury"
    invoices.mkdir(parents=True, exist_ok=True)
    for number, mark in ((1, "Duplikat"), (2, "Odnaleziona")):
        (invoices / f"FV-{number}-2031.pdf").write_bytes(pdf.page([f"Faktura FV/{number}/2031", mark]))
