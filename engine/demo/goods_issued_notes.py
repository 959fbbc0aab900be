"""Goods issued notes (WZ) of the demonstration's ERP, their PDF files inside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import timedelta

from engine.demo import names, pdf
from engine.demo.rows import Row, insert, plain
from engine.demo.sales import Sale

_FROM_ZERO = 5  # the note whose lines are counted from 0
_NO_PDF = 7  # the note in whose place the archive keeps a page of HTML
_HTML = "<html><body>Archiwum niedostępne, spróbuj później</body></html>".encode()


def seed(erp: sqlite3.Connection, sales: Sequence[Sale], *, warehouses: int) -> None:
    """Fill the tables of goods issued notes; every tenth has no PDF yet."""
    insert(erp, "goods_issued_note", (plain(_note(sale, warehouses)) for sale in sales))
    insert(erp, "goods_issued_note_line", (plain(line) for sale in sales for line in _lines(sale)))
    insert(erp, "goods_issued_note_pdf", ((_number(sale), _content(sale)) for sale in sales if sale.number % 10))


def _number(sale: Sale) -> str:
    return f"WZ/{sale.number}/2031"


def _from_counter(sale: Sale) -> bool:
    """Tell whether the goods were taken at the counter, without a sales order."""
    return sale.number % 6 == 0


def _note(sale: Sale, warehouses: int) -> Row:
    number, to = sale.number, sale.customer
    return (
        _number(sale),
        to.customer_id,
        None if _from_counter(sale) else sale.order_id,
        sale.day,
        sale.day,
        None if sale.collected else sale.day + timedelta(days=2),
        f"W{number % warehouses + 1}" if warehouses else None,
        names.EMPLOYEES[number % 2][0] if number % 7 else None,
        names.PAYMENTS[number % 3][0],
        names.DELIVERIES[sale.collected][0],
        *((None,) * 5 if sale.collected else (to.name, to.street, to.zip_code, to.city, to.country)),
        *(sale.total.net, sale.total.tax, sale.total.gross),
        "Uwaga: szkło" if number % 9 == 2 else None,
    )


def _lines(sale: Sale) -> Iterator[Row]:
    for line_no, item in enumerate(sale.items, start=int(sale.number != _FROM_ZERO)):
        ordered = (sale.shipment_id(item.shipment), str(item.line_no))
        yield (
            _number(sale),
            line_no,
            *((None, None) if _from_counter(sale) else ordered),
            *(item.product.sku, item.product.name, item.product.unit),
            *(item.quantity, item.tax_rate, item.discount),
            *(item.net_price, item.unit_tax, item.net_price + item.unit_tax),
            *(item.total.net, item.total.tax, item.total.gross),
            "Odcinek z bębna" if item.product.unit == "m" else None,
        )


def _content(sale: Sale) -> bytes:
    if sale.number == _NO_PDF:
        return _HTML
    items = [f"{item.product.name}: {item.quantity} {item.product.unit}" for item in sale.items]
    return pdf.page([f"Wydanie zewnętrzne {_number(sale)}", f"Data: {sale.day}", *items])
