"""The records of the demonstration's ERP that have to be refused, each for a reason of its own."""

from __future__ import annotations

from dataclasses import dataclass

ODD_SKU = 'ŁĄCZ 2/"5"'  # an ordinary product with an awkward SKU; it must arrive
REFUSED_SKU = "UNKNOWN-000005"  # the stand-in refuses it when told to; of all tables only `stock` names it
LOST_SHIPMENT = "OF/13/1/2019/01"  # of the system before ONe


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A flagged record that has to be refused."""

    object: str
    key: tuple[str, ...]
    stage: str  # as in `rejected list`
    why: str


PLANTED = (
    Planted(object="clients", key=("K-0003",), stage="render", why="its name is NULL"),
    Planted(object="stocks", key=("W1", "A-000003"), stage="key", why="its quantity is the text 'brak'"),
    Planted(object="stocks", key=("W1", "A-000004"), stage="key", why="the ERP holds it twice"),
    Planted(object="stocks", key=("W1", REFUSED_SKU), stage="target", why="the platform does not know the SKU"),
    Planted(object="retail_prices", key=("A-000006",), stage="key", why="its price names a currency: '19,90 zł'"),
    Planted(object="price_lists", key=("CN-LUTY",), stage="render", why="it is valid until 30 February"),
    Planted(object="prices", key=("CN-0001", "A-000007"), stage="schema", why="its price is negative"),
    Planted(object="invoices", key=("FV/3/2031",), stage="schema", why="its currency is 'ZŁ', not an ISO code"),
    Planted(object="invoice_files", key=("FV/2/2031",), stage="render", why="its PDF is missing on disk"),
    Planted(object="invoice_files", key=("FV/4/2031",), stage="render", why="its path leaves the folder of documents"),
    Planted(object="goods_issued_notes", key=("WZ/5/2031",), stage="schema", why="its lines begin with number 0"),
    Planted(object="goods_issued_note_files", key=("WZ/7/2031",), stage="target", why="its file is HTML, not a PDF"),
    Planted(object="offline_orders", key=("ERP-10/1",), stage="schema", why="the tax of a line is NULL"),
    Planted(
        object="confirmed_delivery_dates",
        key=(LOST_SHIPMENT,),
        stage="target",
        why="the platform does not know the shipment",
    ),
)
