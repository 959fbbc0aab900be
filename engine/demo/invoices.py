"""Invoices of the demonstration's ERP, their PDF files beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from engine.demo import names, pdf
from engine.demo.rows import Row, insert, plain
from engine.demo.sales import Sale, rounded

_MISSING = 2  # the invoice whose PDF is not on the disk
_BAD_CURRENCY = 3
_OUTSIDE = 4  # the invoice whose PDF would lie outside the folder of documents


def seed(erp: sqlite3.Connection, sales: Sequence[Sale], *, folder: Path) -> None:
    """Fill the tables of invoices and write their PDF files below `folder`."""
    insert(erp, "invoice", (plain(_invoice(sale)) for sale in sales))
    insert(erp, "invoice_line", (plain(line) for sale in sales for line in _lines(sale)))
    insert(erp, "invoice_purchase", (row for sale in sales for row in _purchases(sale)))
    for sale in sales:
        path = _pdf_path(sale)
        if path and sale.number not in (_MISSING, _OUTSIDE):
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(pdf.page(_printed(sale)))


def _number(sale: Sale) -> str:
    return f"FV/{sale.number}/2031"


def _invoice(sale: Sale) -> Row:
    """Make the header; by turns it is paid, unpaid or paid in part, and each ninth has another payer."""
    number, total = sale.number, sale.total
    paid = (total.gross, Decimal(0), rounded(total.gross / 3))[number % 3]
    cash = number % 6 == 0
    euro = number % 7 == 1
    return (
        _number(sale),
        sale.customer.customer_id,
        "K-0001" if number % 9 == 4 else "K-0008" if number % 9 == 8 else None,  # the latter is not in ONe
        names.SELLERS[number % 4 == 2][0],
        None if number % 10 == 0 else names.EMPLOYEES[number % 2][0],
        sale.day + timedelta(days=1),
        sale.day,
        None if cash else sale.day + timedelta(days=15),
        "ZŁ" if number == _BAD_CURRENCY else "EUR" if euro else "PLN",
        total.net,
        total.tax,
        total.gross,
        paid,
        "T" if total.gross > 15_000 and not euro else "N",
        f"PAR/{number}/2031" if cash else None,
        "GOTOWKA" if cash else "PRZELEW",
        "Dostawa częściowa – reszta w przyszłym tygodniu" if number % 8 == 5 else None,
        _pdf_path(sale),
    )


def _pdf_path(sale: Sale) -> str | None:
    if sale.number == _OUTSIDE:
        return "../poufne/umowa.pdf"
    return None if sale.number % 11 == 0 else f"faktury/FV-{sale.number}-2031.pdf"


def _lines(sale: Sale) -> Iterator[Row]:
    for line_no, item in enumerate(sale.items, start=1):
        yield (
            _number(sale),
            line_no,
            *(item.product.sku, item.product.name, item.product.unit),
            *(item.quantity, item.net_price, item.discount, item.tax_rate),
            *(item.total.net, item.total.tax, item.total.gross),
        )


def _purchases(sale: Sale) -> Iterator[Row]:
    """Name none, one or two orders of the customer."""
    for place in range(sale.number % 3):
        yield (_number(sale), f"PO-{sale.number}{'AB'[place]}")


def _printed(sale: Sale) -> list[str]:
    items = [
        f"{item.product.name}: {item.quantity} {item.product.unit} x {item.net_price} = {item.total.net}"
        for item in sale.items
    ]
    buyer = sale.customer.name or sale.customer.customer_id
    return [f"Faktura {_number(sale)}", f"Nabywca: {buyer}", *items, f"Do zapłaty: {sale.total.gross}"]
