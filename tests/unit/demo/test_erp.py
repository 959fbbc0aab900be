"""The demonstration's ERP holds what its documents promise, in every size."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.demo import erp, pdf, price_lists, processing
from engine.mapping.spec import SqlSource
from world.shipped import shipped


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "erp.db"
    erp.create(path)
    return path


def select(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def everything(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def files(path: Path) -> dict[str, bytes]:
    folder = erp.documents_folder(path)
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.pdf")}


def test_the_same_arguments_give_the_same_rows_and_files(demo: Path, tmp_path: Path) -> None:
    erp.create(tmp_path / "again.db")

    assert everything(tmp_path / "again.db") == everything(demo)
    assert files(tmp_path / "again.db") == files(demo) != {}


def test_another_seed_gives_other_names_and_amounts_but_the_same_keys(demo: Path, tmp_path: Path) -> None:
    erp.create(tmp_path / "other.db", seed=8)

    keys = "SELECT customer_id, send_to_one FROM customer UNION ALL SELECT sku, send_to_one FROM product"
    values = "SELECT name FROM customer UNION ALL SELECT quantity FROM stock"
    assert select(tmp_path / "other.db", keys) == select(demo, keys)
    assert select(tmp_path / "other.db", values) != select(demo, values)


@pytest.mark.parametrize(
    ("products", "customers", "warehouses", "stock_rows"),
    [
        (1000, 200, 3, 2999),  # 3,000, less the refused SKU in two warehouses, and one row twice
        (10, 9, 1, 11),
        (1, 0, 2, 2),
        (0, 1, 0, 0),
    ],
)
def test_sizes_are_as_asked(tmp_path: Path, products: int, customers: int, warehouses: int, stock_rows: int) -> None:
    erp.create(tmp_path / "erp.db", products=products, customers=customers, warehouses=warehouses)

    tables = ("product", "customer", "warehouse", "stock")
    counted = [select(tmp_path / "erp.db", f"SELECT COUNT(*) FROM {table}")[0][0] for table in tables]
    assert counted == [products, customers, warehouses, stock_rows]


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("clients", "SELECT customer_id FROM customer WHERE name IS NULL AND send_to_one = 1"),
        ("stocks", "SELECT warehouse_id, sku FROM {stocks} WHERE quantity = 'brak'"),
        ("stocks", "SELECT warehouse_id, sku FROM {stocks} GROUP BY 1, 2 HAVING COUNT(*) > 1"),
        ("stocks", "SELECT warehouse_id, sku FROM {stocks} WHERE sku LIKE 'UNKNOWN%'"),
        ("retail_prices", "SELECT sku FROM ({query}) WHERE typeof(price) = 'text'"),
        ("price_lists", "SELECT price_list_code FROM ({query}) WHERE valid_to <> date(valid_to, '0 days')"),
        ("prices", "SELECT price_list_code, sku FROM ({query}) WHERE price <= 0"),
        ("invoices", "SELECT number FROM ({query}) WHERE currency NOT GLOB '[A-Z][A-Z][A-Z]'"),
        ("invoice_files", "SELECT number FROM ({query}) WHERE pdf_path = 'faktury/FV-2-2031.pdf'"),
        ("invoice_files", "SELECT number FROM ({query}) WHERE pdf_path LIKE '../%'"),
        ("goods_issued_notes",
         "SELECT DISTINCT number FROM ({query}) JOIN goods_issued_note_line ON note_number = number WHERE line_no < 1"),
        ("goods_issued_note_files",
         "SELECT number FROM ({query}) WHERE substr(CAST(content AS TEXT), 1, 5) <> '%PDF-'"),
        ("offline_orders",
         "SELECT shipment_id FROM ({query}) JOIN offline_order_line USING (shipment_id) WHERE tax IS NULL"),
        ("confirmed_delivery_dates", "SELECT shipment_id FROM ({query}) WHERE shipment_id LIKE '%/2019/%'"),
    ],
)  # fmt: skip
def test_each_planted_record_is_flagged_and_alone_in_being_wrong_in_its_way(demo: Path, name: str, sql: str) -> None:
    stocks = "(SELECT s.* FROM stock s JOIN product p ON p.sku = s.sku WHERE p.send_to_one = 1)"
    query = SOURCES[name].query if name in SOURCES else ""

    [found] = select(demo, sql.format(stocks=stocks, query=query))
    assert found in [planted.key for planted in erp.PLANTED if planted.object == name]


def test_every_planted_record_has_a_key_and_a_reason_of_its_own() -> None:
    assert len({(planted.object, planted.key) for planted in erp.PLANTED}) == len(erp.PLANTED) == 14
    assert len({planted.why for planted in erp.PLANTED}) == 14


@pytest.mark.parametrize(
    ("what", "sql"),
    [
        ("a Polish customer", "SELECT 1 FROM customer WHERE name LIKE '%ł%' OR name LIKE '%Ż%'"),
        ("an unflagged customer with a limit and a blockade",
         "SELECT 1 FROM customer JOIN credit_limit USING (customer_id) JOIN blockade USING (customer_id)"
         " WHERE send_to_one = 0"),
        ("a flagged person with a limit",
         "SELECT 1 FROM customer JOIN credit_limit USING (customer_id) WHERE kind = 'person' AND send_to_one = 1"),
        ("a flagged customer with two blockades",
         "SELECT 1 FROM customer JOIN blockade USING (customer_id) WHERE send_to_one = 1"
         " GROUP BY customer_id HAVING COUNT(*) = 2"),
        ("a customer without a segment", "SELECT 1 FROM customer WHERE segment_code IS NULL AND send_to_one = 1"),
        ("a customer without a phone", "SELECT 1 FROM customer WHERE phone IS NULL AND send_to_one = 1"),
        ("a limit of which nothing is used", "SELECT 1 FROM credit_limit WHERE used IS NULL"),
        ("a stock row of an unflagged product",
         "SELECT 1 FROM stock JOIN product USING (sku) WHERE send_to_one = 0"),
        ("a stock row never counted", "SELECT 1 FROM stock WHERE quantity IS NULL"),
        ("a quantity without decimals", "SELECT 1 FROM stock WHERE typeof(quantity) = 'integer'"),
        ("a quantity with one decimal", "SELECT 1 FROM stock WHERE CAST(quantity AS TEXT) LIKE '%._'"),
        ("a quantity with three decimals", "SELECT 1 FROM stock WHERE CAST(quantity AS TEXT) LIKE '%.___'"),
        ("a branch of a central warehouse",
         "SELECT 1 FROM warehouse w JOIN warehouse c ON c.warehouse_id = w.parent_id AND c.central = 1"),
        ("a retail price with two decimals", "SELECT 1 FROM retail_price WHERE CAST(price AS TEXT) LIKE '%.__'"),
        ("a retail price with four decimals", "SELECT 1 FROM retail_price WHERE CAST(price AS TEXT) LIKE '%.____'"),
        ("a product not sold to consumers", "SELECT 1 FROM retail_price WHERE price IS NULL"),
        ("a list price with three decimals", "SELECT 1 FROM price_list_item WHERE CAST(price AS TEXT) LIKE '%.___'"),
        ("a price list without discount",
         "SELECT 1 FROM price_list WHERE kind = 'client' AND discount_percent IS NULL"),
        ("a price list until revoked", "SELECT 1 FROM price_list WHERE kind = 'client' AND valid_to IS NULL"),
        ("a product exempt from VAT", "SELECT 1 FROM vat_rate WHERE rate IS NULL"),
        ("a product with VAT of 0 percent", "SELECT 1 FROM vat_rate WHERE rate = 0"),
        ("a product without a GTIN", "SELECT 1 FROM product_detail WHERE gtin IS NULL"),
        ("a GTIN with its check digit", "SELECT 1 FROM product_detail WHERE gtin = '2000000001234'"),
        ("an invoice of a person", "SELECT 1 FROM invoice JOIN customer USING (customer_id) WHERE kind = 'person'"),
        ("an invoice of an unflagged customer",
         "SELECT 1 FROM invoice JOIN customer USING (customer_id) WHERE send_to_one = 0"),
        ("an invoice in euro", "SELECT 1 FROM invoice WHERE currency = 'EUR'"),
        ("an invoice paid in part", "SELECT 1 FROM invoice WHERE paid > 0 AND paid < gross"),
        ("an invoice of the second seller", "SELECT 1 FROM invoice WHERE seller_code = 'PN'"),
        ("an invoice with split payment", "SELECT 1 FROM invoice WHERE split_payment = 'T'"),
        ("an invoice to a receipt", "SELECT 1 FROM invoice WHERE receipt_number IS NOT NULL AND due_date IS NULL"),
        ("an invoice not printed yet", "SELECT 1 FROM invoice WHERE pdf_path IS NULL"),
        ("an invoice for two orders of the customer",
         "SELECT 1 FROM invoice_purchase GROUP BY invoice_number HAVING COUNT(*) = 2"),
        ("a note from the counter", "SELECT 1 FROM goods_issued_note WHERE order_id IS NULL"),
        ("a note without an address", "SELECT 1 FROM goods_issued_note WHERE delivery_street IS NULL"),
        ("an order in two shipments", "SELECT 1 FROM offline_order GROUP BY order_id HAVING COUNT(*) = 2"),
        ("an offline order to be collected", "SELECT 1 FROM offline_order WHERE pickup_point IS NOT NULL"),
        ("an offline order without a status", "SELECT 1 FROM offline_order WHERE status IS NULL"),
        ("an offline order with two costs",
         "SELECT 1 FROM offline_order_cost GROUP BY shipment_id HAVING COUNT(*) = 2"),
        ("an offline order with two waybills",
         "SELECT 1 FROM offline_order_waybill GROUP BY shipment_id HAVING COUNT(*) = 2"),
        ("a waybill without a link", "SELECT 1 FROM offline_order_waybill WHERE url IS NULL"),
        ("a line with a fee", "SELECT 1 FROM offline_order_line WHERE fee_kind IS NOT NULL"),
        ("a line that is not in the catalogue", "SELECT 1 FROM offline_order_line WHERE catalog_price IS NULL"),
        ("a person without e-mail", "SELECT 1 FROM offline_order_person WHERE email IS NULL"),
    ],
)  # fmt: skip
def test_the_erp_holds(demo: Path, what: str, sql: str) -> None:
    assert select(demo, f"{sql} LIMIT 1") == [(1,)], what


def test_no_quantity_has_more_than_three_decimals(demo: Path) -> None:
    assert select(demo, "SELECT quantity FROM stock WHERE CAST(quantity AS TEXT) LIKE '%.____%'") == []


def test_the_tables_for_what_comes_from_one_are_empty(demo: Path) -> None:
    names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'one_*'"
    tables = [name for (name,) in select(demo, names)]

    assert len(tables) == 10
    assert [table for table in tables if select(demo, f"SELECT 1 FROM {table} LIMIT 1")] == []


def test_an_old_erp_is_replaced_with_its_leftovers(tmp_path: Path) -> None:
    erp.create(tmp_path / "erp.db", products=9, customers=9, documents=5)
    for name in ("erp.db", "erp.db-wal", "erp.db-shm"):
        (tmp_path / name).write_bytes(b"old")

    erp.create(tmp_path / "erp.db", products=1, customers=1, documents=1)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["erp-documents", "erp.db"]
    assert select(tmp_path / "erp.db", "SELECT COUNT(*) FROM product") == [(1,)]
    assert files(tmp_path / "erp.db").keys() == {"faktury/FV-1-2031.pdf"}


def test_a_failure_leaves_the_old_erp_and_nothing_else(tmp_path: Path, demo: Path) -> None:
    erp.create(tmp_path / "erp.db", products=1, customers=1, documents=3)
    before = files(tmp_path / "erp.db")

    with pytest.raises(TypeError):
        erp.create(tmp_path / "erp.db", products=9, customers=1, documents="three")  # type: ignore[arg-type]

    assert sorted(path.name for path in tmp_path.iterdir()) == ["erp-documents", "erp.db"]
    assert select(tmp_path / "erp.db", "SELECT COUNT(*) FROM product") == [(1,)]
    assert files(tmp_path / "erp.db") == before


def test_a_reader_does_not_hold_up_a_writer(tmp_path: Path) -> None:
    erp.create(tmp_path / "erp.db", products=10, customers=1)

    with (
        closing(sqlite3.connect(tmp_path / "erp.db")) as reader,
        closing(sqlite3.connect(tmp_path / "erp.db")) as writer,
    ):
        reading = reader.execute("SELECT sku FROM stock")
        reading.fetchone()
        writer.execute("UPDATE stock SET quantity = 1 WHERE sku = 'A-000001'")
        writer.commit()

        assert len(reading.fetchall()) == 28


# --- what the shipped mappings read ------------------------------------------------------------------------


def sources() -> Iterator[tuple[str, SqlSource]]:
    for name, mapping in shipped().mappings.items():
        if isinstance(mapping.source, SqlSource) and (mapping.stage or 0) > 1:
            yield name, mapping.source


SOURCES = {
    **dict(sources()),
    "vat_rates": SqlSource(  # no mapping reads them yet
        connection="erp",
        query="SELECT v.sku, v.rate FROM vat_rate v JOIN product p ON p.sku = v.sku WHERE p.send_to_one = 1",
        key=("sku",),
    ),
}
EMPTY_AT_FIRST = ("order_statuses", "payment_statuses", "shipped_quantities", "waybills")


def extract(path: Path, name: str) -> list[dict[str, Any]]:
    """Read the rows of a query, each with its children, as the engine does."""
    source = SOURCES[name]
    records = rows(path, source.query)
    by_key: dict[tuple[Any, ...], dict[str, Any]] = {key_of(row, source): row for row in records}
    for name, child in source.children.items():
        for row in records:
            row[name] = []
        for row in rows(path, f"SELECT * FROM ({child.query}) ORDER BY {', '.join(child.order_by)}"):
            if (key := tuple(row[column] for column in child.parent)) in by_key:
                by_key[key][name].append(row)
    return records


def rows(path: Path, query: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return list(map(dict, connection.execute(query)))


def key_of(row: Mapping[str, Any], source: SqlSource) -> tuple[Any, ...]:
    return tuple(row[column] for column in source.key)


def record(path: Path, name: str, *key: str) -> dict[str, Any]:
    [found] = [row for row in extract(path, name) if key_of(row, SOURCES[name]) == key]
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("retail_prices", 879),  # 900 flagged; the refused SKU has none, and 20 are not sold to consumers
        ("main_catalog", 1),
        ("price_lists", 15),
        ("price_list_assignments", 90),
        ("prices", 1392),
        ("vat_rates", 900),
        ("invoices", 70),
        ("invoice_files", 64),
        ("invoice_statuses", 70),
        ("goods_issued_notes", 70),
        ("goods_issued_note_files", 64),
        ("offline_orders", 78),  # the same 70 sales, eight in two shipments
        ("confirmed_delivery_dates", 1),
        *((name, 0) for name in EMPTY_AT_FIRST),
    ],
)
def test_a_query_gives_the_expected_number_of_records(demo: Path, name: str, expected: int) -> None:
    assert len(extract(demo, name)) == expected


@pytest.mark.parametrize("name", SOURCES)
def test_no_query_gives_a_key_twice_or_a_null_in_it(demo: Path, name: str) -> None:
    keys = [key_of(row, SOURCES[name]) for row in extract(demo, name)]

    assert (len(keys), [key for key in keys if None in key]) == (len(set(keys)), [])


def test_every_document_has_lines_and_some_have_each_other_child(demo: Path) -> None:
    childless = {
        (name, child): sum(not row[child] for row in extract(demo, name))
        for name, source in SOURCES.items()
        for child in source.children
    }

    assert {child for child, count in childless.items() if count == 0} == {
        ("invoices", "lines"),
        ("goods_issued_notes", "lines"),
        ("offline_orders", "lines"),
    }
    assert all(count < 70 for count in childless.values())


@pytest.mark.parametrize("customers", [10, 16, 20, 27])
def test_in_a_small_erp_too_the_planted_documents_are_those_of_customers_that_one_has(
    tmp_path: Path, customers: int
) -> None:
    erp.create(tmp_path / "erp.db", products=10, customers=customers, documents=12)
    owners = {
        (name, *key_of(row, SOURCES[name])): row["customer_id"]
        for name in ("invoices", "goods_issued_notes", "offline_orders")
        for row in extract(tmp_path / "erp.db", name)
    }
    planted = [(each.object, *each.key) for each in erp.PLANTED if (each.object, *each.key) in owners]

    assert len(planted) == 3
    assert "K-0003" not in {owners[each] for each in planted}  # without a name it is refused itself


@pytest.mark.parametrize("name", ["price_list_assignments", "invoices", "goods_issued_notes", "offline_orders"])
def test_no_query_reads_an_unflagged_customer(demo: Path, name: str) -> None:
    unflagged = {row["customer_id"] for row in rows(demo, "SELECT customer_id FROM customer WHERE send_to_one = 0")}

    assert {row["customer_id"] for row in extract(demo, name)} & unflagged == set()


@pytest.mark.parametrize("name", ["retail_prices", "prices", "vat_rates"])
def test_no_query_reads_an_unflagged_product_or_a_null_price(demo: Path, name: str) -> None:
    unflagged = {row["sku"] for row in rows(demo, "SELECT sku FROM product WHERE send_to_one = 0")}

    assert {row["sku"] for row in extract(demo, name)} & unflagged == set()
    assert [row for row in extract(demo, name) if row.get("price", 0) is None] == []


def test_an_invoice_names_as_payer_only_a_client_that_one_knows(demo: Path) -> None:
    payers = {
        number: (found["customer_id"], found["payer_id"], found["payer_tin"])
        for number in (1, 4, 17)
        if (found := record(demo, "invoices", f"FV/{number}/2031"))
    }

    assert payers == {
        1: ("K-0001", "K-0001", "0000000001"),
        4: ("K-0010", "K-0001", "0000000001"),
        17: ("K-0049", None, "0000000008"),
    }


# --- prices ----------------------------------------------------------------------------------------


def test_only_lists_that_a_client_uses_are_read(demo: Path) -> None:
    lists = {row["code"] for row in rows(demo, "SELECT code FROM price_list")}

    assert lists - {row["price_list_code"] for row in extract(demo, "price_lists")} == {
        price_lists.CATALOG,
        price_lists.UNUSED,
        price_lists.UNFLAGGED,
    }


def test_a_price_belongs_to_the_catalogue_or_to_a_list_that_is_read(demo: Path) -> None:
    lists = {row["price_list_code"] for row in extract(demo, "price_lists")}
    prices = extract(demo, "prices")

    assert {row["catalog_code"] for row in prices} == {price_lists.CATALOG, None}
    assert {row["client_list_code"] for row in prices} == {None, *lists} - {price_lists.IMPOSSIBLE}
    assert all((row["catalog_code"] is None) != (row["client_list_code"] is None) for row in prices)


def test_a_client_has_more_than_2000_lists_only_by_option(tmp_path: Path, demo: Path) -> None:
    erp.create(tmp_path / "erp.db", price_lists=2100, documents=0)

    counts = "SELECT COUNT(*) FROM customer_price_list WHERE customer_id = 'K-0001'"
    assert (select(demo, counts), select(tmp_path / "erp.db", counts)) == ([(12,)], [(2100,)])
    assert len(extract(tmp_path / "erp.db", "price_lists")) == 2103
    assert select(tmp_path / "erp.db", "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM customer_price_list"
                  " WHERE customer_id <> 'K-0001' GROUP BY customer_id)") == [(3,)]  # fmt: skip


# --- documents -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "lines", "key"),
    [
        ("SELECT number, net, tax, gross FROM invoice", "invoice_line", "invoice_number"),
        ("SELECT number, net, tax, gross FROM goods_issued_note", "goods_issued_note_line", "note_number"),
    ],
)
def test_the_totals_of_a_document_are_those_of_its_lines(demo: Path, header: str, lines: str, key: str) -> None:
    sums = f"SELECT {key}, ROUND(SUM(net), 2), ROUND(SUM(tax), 2), ROUND(SUM(gross), 2) FROM {lines} GROUP BY {key}"

    assert sorted(select(demo, header)) == sorted(select(demo, sums))


def test_the_totals_of_an_offline_order_are_those_of_lines_costs_and_delivery(demo: Path) -> None:
    wrong = [
        order["shipment_id"]
        for order in extract(demo, "offline_orders")
        if cents(order["total_gross"])
        != cents(order["delivery_gross"]) + sum(cents(part["gross"]) for part in (*order["lines"], *order["costs"]))
        or cents(order["total_gross"]) != cents(order["total_net"]) + cents(order["total_tax"])
    ]

    assert wrong == []


def cents(amount: float) -> int:
    return round(amount * 100)


def test_a_line_of_a_note_names_a_line_of_a_sales_order(demo: Path) -> None:
    dangling = (
        "SELECT l.note_number FROM goods_issued_note_line l"
        " LEFT JOIN offline_order_line o"
        "   ON o.shipment_id = l.shipment_id AND CAST(o.line_no AS TEXT) = l.order_line AND o.sku = l.sku"
        " WHERE l.shipment_id IS NOT NULL AND o.sku IS NULL"
    )

    assert select(demo, dangling) == []
    assert [line["shipment_id"] for line in record(demo, "goods_issued_notes", "WZ/9/2031")["lines"]] == [
        *("ERP-9/1", "ERP-9/2") * 2,
        "ERP-9/1",
    ]


def test_every_pdf_is_valid_but_the_planted_ones(demo: Path) -> None:
    folder = erp.documents_folder(demo)
    on_disk = {path for (path,) in select(demo, "SELECT pdf_path FROM invoice") if path and (folder / path).is_file()}
    archived = {number for number, content in select(demo, "SELECT * FROM goods_issued_note_pdf") if valid_pdf(content)}

    assert {path for (path,) in select(demo, "SELECT pdf_path FROM invoice") if path} - on_disk == {
        "faktury/FV-2-2031.pdf",
        "../poufne/umowa.pdf",
    }
    assert all(valid_pdf((folder / path).read_bytes()) for path in on_disk)
    assert {f"faktury/{path.name}" for path in (folder / "faktury").iterdir()} == on_disk
    assert {number for (number,) in select(demo, "SELECT note_number FROM goods_issued_note_pdf")} - archived == {
        "WZ/7/2031"
    }


def valid_pdf(content: bytes) -> bool:
    """Follow a PDF from its end: table of places, objects, the stream's length."""
    tail = re.fullmatch(rb"%PDF-1\.4\n.*startxref\n(\d+)\n%%EOF\n", content, re.DOTALL)
    if not tail:
        return False
    table = content[int(tail[1]) :]
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n \n", table)]
    stream = re.search(rb"/Length (\d+) >>\nstream\n(.*)\nendstream", content, re.DOTALL)
    return (
        table.startswith(b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1))
        and all(content.startswith(b"%d 0 obj\n" % number, place) for number, place in enumerate(places, start=1))
        and stream is not None
        and int(stream[1]) == len(stream[2])
    )


def test_a_pdf_shows_polish_letters_and_marks() -> None:
    shown = re.findall(rb"\((.*)\) Tj", pdf.page(["Łódź (50%) \\ó", "字"]))

    assert shown == [b"\x83\xf3d\x8e \\(50%\\) \\\\\xf3", b"?"]


# --- orders of ONe -----------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Path:
    erp.create(tmp_path / "erp.db", products=10, customers=10, documents=0)
    return tmp_path / "erp.db"


def arrive(path: Path, *shipments: str, removed: int = 0) -> None:
    """Write what the mapping of orders will write: two lines of one SKU, one of another."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for shipment in shipments:
            connection.execute(
                "INSERT INTO one_order (shipment_id, order_id, external_id, created_at, removed)"
                " VALUES (?, ?, ?, ?, ?)",
                (shipment, shipment[:-3], "K-0001", "2031-03-02T09:00:00Z", removed),
            )
            for line, sku, quantity in (("01", "A-000001", "5.000"), ("02", "A-000001", "2"), ("03", "X", "10.5")):
                connection.execute(
                    "INSERT INTO one_order_line (shipment_id, line_number, sku, quantity) VALUES (?, ?, ?, ?)",
                    (shipment, f"{shipment}/{line}", sku, quantity),
                )


def run(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)


def sent(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    objects = ("order_statuses", "payment_statuses", "confirmed_delivery_dates", "shipped_quantities", "waybills")
    return {name: sorted(tuple(row.values()) for row in extract(path, name)) for name in objects}


def test_orders_are_processed_by_their_place_and_an_unlisted_code_is_named(small: Path) -> None:
    arrive(small, "OF/2/01", "OF/1/01", "OF/1/02")
    arrive(small, "OF/3/01", removed=1)

    assert processing.process_orders(small) == (
        erp.Planted(
            object="order_statuses",
            key=("OF/2/01",),
            stage="render",
            why=f"no dictionary lists its status {processing.UNLISTED_STATUS}",
        ),
    )
    assert sent(small) == {
        "order_statuses": [("OF/1/01", "40-WYSL"), ("OF/1/02", "30-KOMPL"), ("OF/2/01", "35-ZAWIESZ")],
        "payment_statuses": [("OF/1/01", "ZAPL"), ("OF/1/02", "OCZEK"), ("OF/2/01", "PRZETERM")],
        "confirmed_delivery_dates": [
            ("OF/1/01", "2031-03-03"),
            ("OF/1/02", "2031-03-04"),
            ("OF/13/1/2019/01", "2031-03-10"),
        ],
        "shipped_quantities": [
            ("OF/1/01", "A-000001", 7),
            ("OF/1/01", "X", 10.5),
            ("OF/1/02", "A-000001", 3),
            ("OF/1/02", "X", 5),
        ],
        "waybills": [
            ("OF/1/01", "ONE-00001-1", "https://carrier.invalid/ONE-00001-1"),
            ("OF/1/01", "ONE-00001-2", None),
            ("OF/1/02", "ONE-00002-1", "https://carrier.invalid/ONE-00002-1"),
        ],
    }


def test_an_order_shipped_whole_gets_a_note_whose_lines_name_it(small: Path) -> None:
    arrive(small, "OF/1/01", "OF/1/02")
    processing.process_orders(small)

    [note] = extract(small, "goods_issued_notes")
    assert (note["number"], note["customer_id"], note["order_id"]) == ("WZ/ONE/1/2031", "K-0001", "OF/1")
    assert [(line["line_no"], line["shipment_id"], line["order_line"]) for line in note["lines"]] == [
        (number, "OF/1/01", f"OF/1/01/0{number}") for number in (1, 2, 3)
    ]


def test_orders_processed_again_without_news_stay_as_they_are(small: Path) -> None:
    arrive(small, *(f"OF/{number:02d}/01" for number in range(1, 15)))
    processing.process_orders(small)
    before = everything(small)

    processing.process_orders(small)

    assert everything(small) == before


def test_without_orders_nothing_is_processed(small: Path) -> None:
    before = everything(small)

    assert processing.process_orders(small) == ()
    assert everything(small) == before


def test_a_later_order_takes_the_next_place_whatever_its_id(small: Path) -> None:
    arrive(small, "OF/5/01")
    processing.process_orders(small)
    arrive(small, "OF/4/01")
    processing.process_orders(small)

    assert sent(small)["order_statuses"] == [("OF/4/01", "30-KOMPL"), ("OF/5/01", "40-WYSL")]


def test_of_many_orders_only_one_has_the_unlisted_code(small: Path) -> None:
    arrive(small, *(f"OF/{number:02d}/01" for number in range(1, 31)))

    assert len(processing.process_orders(small)) == 1
    statuses = sent(small)
    assert {code for _, code in statuses["order_statuses"]} == {*processing.STATUSES, processing.UNLISTED_STATUS}
    assert {code for _, code in statuses["payment_statuses"]} == {*processing.PAYMENT_STATUSES}


def test_a_changed_order_ships_what_it_has_now(small: Path) -> None:
    arrive(small, "OF/1/01")
    processing.process_orders(small)
    run(small, "UPDATE one_order_line SET quantity = 6 WHERE line_number = 'OF/1/01/01'")
    run(small, "DELETE FROM one_order_line WHERE line_number = 'OF/1/01/03'")
    processing.process_orders(small)

    assert sent(small)["shipped_quantities"] == [("OF/1/01", "A-000001", 8)]


def test_of_a_removed_order_nothing_more_is_sent(small: Path) -> None:
    arrive(small, "OF/1/01")
    processing.process_orders(small)
    run(small, "UPDATE one_order SET removed = 1")
    run(small, "UPDATE one_order_line SET quantity = 6")
    processing.process_orders(small)

    assert sent(small) == {
        **{name: [] for name in EMPTY_AT_FIRST},
        "confirmed_delivery_dates": [("OF/13/1/2019/01", "2031-03-10")],
    }
    assert select(small, "SELECT SUM(quantity) FROM shipped_line") == [(17.5,)]


def test_a_date_that_the_client_requires_is_confirmed_and_then_stays(small: Path) -> None:
    arrive(small, "OF/1/01")
    run(small, "INSERT INTO one_order_delivery (shipment_id, date_required) VALUES ('OF/1/01', '2031-05-20')")
    processing.process_orders(small)
    run(small, "UPDATE one_order_delivery SET date_required = '2031-06-20'")
    processing.process_orders(small)

    assert sent(small)["confirmed_delivery_dates"][0] == ("OF/1/01", "2031-05-20")


# --- a day passes --------------------------------------------------------------------------------------


def test_a_day_changes_what_it_says_and_a_second_one_nothing(tmp_path: Path, demo: Path) -> None:
    erp.create(tmp_path / "erp.db")
    processing.pass_a_day(tmp_path / "erp.db")

    changes = {name: difference(demo, tmp_path / "erp.db", name) for name in SOURCES}
    assert {name: counts for name, counts in changes.items() if counts != (0, 0, 0)} == {  # added, changed, removed
        "retail_prices": (0, 1, 0),
        "price_lists": (0, 0, 2),
        "price_list_assignments": (0, 0, 2),
        "prices": (0, 1, 80),
        "invoice_statuses": (0, 1, 0),
        "offline_orders": (0, 1, 0),
    }
    then, now = files(demo), files(tmp_path / "erp.db")
    assert {name for name in now if then.get(name) != now[name]} == {"faktury/FV-1-2031.pdf", "faktury/FV-2-2031.pdf"}
    assert all(map(valid_pdf, now.values()))

    before = everything(tmp_path / "erp.db")
    processing.pass_a_day(tmp_path / "erp.db")
    assert everything(tmp_path / "erp.db") == before


def difference(old: Path, new: Path, name: str) -> tuple[int, int, int]:
    before, after = ({key_of(row, SOURCES[name]): row for row in extract(path, name)} for path in (old, new))
    changed = sum(before[key] != after[key] for key in before.keys() & after.keys())
    return len(after.keys() - before.keys()), changed, len(before.keys() - after.keys())
