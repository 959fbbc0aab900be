"""The demonstration's ERP holds what its documents promise, in every size."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.demo import erp


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


def test_the_same_arguments_give_the_same_rows(demo: Path, tmp_path: Path) -> None:
    erp.create(tmp_path / "again.db")

    assert everything(tmp_path / "again.db") == everything(demo)


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


def test_each_planted_record_is_flagged_and_wrong_in_its_own_way(demo: Path) -> None:
    flagged = "JOIN product p ON p.sku = s.sku WHERE p.send_to_one = 1"

    assert select(demo, "SELECT customer_id FROM customer WHERE name IS NULL AND send_to_one = 1") == [("K-0003",)]
    assert select(demo, f"SELECT s.warehouse_id, s.sku, s.quantity FROM stock s {flagged} AND s.quantity = 'brak'") == [
        ("W1", "A-000003", "brak")
    ]
    assert select(demo, f"SELECT s.warehouse_id, s.sku FROM stock s {flagged} GROUP BY 1, 2 HAVING COUNT(*) > 1") == [
        ("W1", "A-000004")
    ]
    assert select(demo, f"SELECT s.warehouse_id, s.sku FROM stock s {flagged} AND s.sku LIKE 'UNKNOWN%'") == [
        ("W1", erp.REFUSED_SKU)
    ]
    assert [(planted.object, planted.key) for planted in erp.PLANTED] == [
        ("clients", ("K-0003",)),
        ("stocks", ("W1", "A-000003")),
        ("stocks", ("W1", "A-000004")),
        ("stocks", ("W1", erp.REFUSED_SKU)),
    ]


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
    ],
)  # fmt: skip
def test_the_erp_holds(demo: Path, what: str, sql: str) -> None:
    assert select(demo, f"{sql} LIMIT 1") == [(1,)], what


def test_no_quantity_has_more_than_three_decimals(demo: Path) -> None:
    assert select(demo, "SELECT quantity FROM stock WHERE CAST(quantity AS TEXT) LIKE '%.____%'") == []


def test_the_tables_for_clients_of_one_are_empty(demo: Path) -> None:
    assert select(demo, "SELECT client_id FROM one_client UNION SELECT client_id FROM one_client_address") == []


def test_an_old_erp_is_replaced_with_its_leftovers(tmp_path: Path) -> None:
    for name in ("erp.db", "erp.db-wal", "erp.db-shm"):
        (tmp_path / name).write_bytes(b"old")

    erp.create(tmp_path / "erp.db", products=1, customers=1)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["erp.db"]
    assert select(tmp_path / "erp.db", "SELECT COUNT(*) FROM product") == [(1,)]


def test_a_failure_leaves_the_old_erp_and_nothing_else(tmp_path: Path, demo: Path) -> None:
    erp.create(tmp_path / "erp.db", products=1, customers=1)

    with pytest.raises(TypeError):
        erp.create(tmp_path / "erp.db", products=1, customers=1, warehouses="three")  # type: ignore[arg-type]

    assert sorted(path.name for path in tmp_path.iterdir()) == ["erp.db"]
    assert select(tmp_path / "erp.db", "SELECT COUNT(*) FROM product") == [(1,)]


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
