"""The shipped mappings on the demonstration's ERP and the stand-in: everything arrives as the ERP says, and once."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from engine.demo import erp, processing
from engine.demo.planted import Planted
from engine.run.app import App, utc_now
from engine.run.one_run import new_run_id
from engine.sandbox.api.placing import Placed
from engine.sandbox.api.replies import Settings
from engine.sandbox.injected_faults import Action, Match
from engine.sandbox.sandbox import Sandbox
from engine.sandbox.server import running
from engine.values.order import Order
from engine.values.records import Key

MAPPINGS = Path(__file__).parents[3] / "mappings"
OUTCOMES = ("confirmed", "rejected", "waiting", "unknown", "withheld", "failed", "unhandled_changed")
ANSWERS = ("order_statuses", "payment_statuses", "confirmed_delivery_dates", "shipped_quantities", "waybills")


@dataclass
class Shop:
    """The shipped project in a folder of its own, with a seeded ERP and a stand-in that refuses one SKU."""

    folder: Path
    sandbox: Sandbox
    app: App

    @property
    def erp(self) -> Path:
        return self.folder / "erp.sqlite"

    def run(self, *names: str) -> dict[str, dict[str, int]]:
        """Run objects (all of them without names) in their order; give what became of records that were no news."""
        found = {}
        for mapping in self.app.loaded.select(names):
            order = Order(run_id=new_run_id(utc_now()), due=self.app.program(mapping).all_operations)
            result = self.app.run_object(mapping, order)
            assert result.failure is None, (mapping.object, result.failure)
            counts = asdict(result.counts)
            found[mapping.object] = {name: counts[name] for name in OUTCOMES if counts[name]}
        return found

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Execute a statement in the ERP."""
        with closing(sqlite3.connect(self.erp)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    def rejected(self, name: str | None = None) -> dict[tuple[str, Key], tuple[str, str]]:
        """Give stage and reason of what stands refused."""
        with self.app.journal() as journal:
            return {
                (each.object, each.key): (str(each.refusal.stage), each.refusal.reason)
                for each in journal.rejections.of(name)
            }

    def writes(self) -> int:
        """Count the requests that may have changed something."""
        return sum(entry["method"] != "GET" for entry in self.sandbox.requests())

    def clients(self) -> dict[str, str]:
        """Give the platform's ids of clients, by customer."""
        return {
            each["externalId"]: each["clientId"] for each in self.sandbox.state()["clients"] if "externalId" in each
        }


@contextmanager
def shop(
    folder: Path, *, settings: Settings | None = None, edits: Mapping[str, tuple[str, str]] | None = None, **sizes: int
) -> Iterator[Shop]:
    """Set up the shipped project; `edits` replace a text of a mapping."""
    shutil.copytree(MAPPINGS, folder / "project", ignore=lambda _, names: [n for n in names if n.endswith(".md")])
    faster = {
        "project": (
            "    rate_limit: {requests: 20, per_seconds: 1}",
            "    rate_limit: {requests: 9999, per_seconds: 1}",
        )
    }
    for name, (old, new) in {**faster, **(edits or {})}.items():
        path = folder / "project" / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        assert old in text, (name, old)
        path.write_text(text.replace(old, new), encoding="utf-8")
    erp.create(folder / "project" / "erp.sqlite", **{"products": 40, "customers": 30, "documents": 30, **sizes})
    with running(settings=settings) as sandbox:
        sandbox.faults.add(Action(refuse_sku=(erp.REFUSED_SKU,)))
        sandbox.edit_client({"name": "Sklep Bryza", "type": "COMPANY", "tin": "0000000101"})
        variables = {
            "ERP_URL": "sqlite:///erp.sqlite",
            "ONE_BASE_URL": sandbox.url,
            "ONE_API_KEY": "key",
            "ONE_TENANT": "shop",
        }
        app = App(folder / "project", variables)
        try:
            yield Shop(folder=folder / "project", sandbox=sandbox, app=app)
        finally:
            app.close()


# --- the whole story, once -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Story:
    """What is held when everything was sent, orders were placed, read, processed and answered."""

    shop: Shop
    placed: Placed
    planted: tuple[Planted, ...]  # by `process_orders`
    state: Mapping[str, Any]  # of the stand-in
    last: Mapping[str, Mapping[str, int]]  # what a further pass made of it
    sent_last: int  # requests of that pass which may have changed something


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with shop(tmp_path_factory.mktemp("story")) as it:
        it.run()
        placed = it.sandbox.place_orders()
        it.run("orders")
        planted = processing.process_orders(it.erp)
        it.run()
        before = it.writes()
        last = it.run()
        yield Story(
            shop=it,
            placed=placed,
            planted=planted,
            state=it.sandbox.state(),
            last=last,
            sent_last=it.writes() - before,
        )


def test_a_further_pass_sends_nothing_and_leaves_only_what_is_refused_or_waits_for_it(story: Story) -> None:
    assert story.sent_last == 0
    assert {name: counts for name, counts in story.last.items() if counts} == {
        "clients": {"rejected": 1},
        "stocks": {"rejected": 4},  # one key stands twice
        "trade_credits": {"waiting": 1},
        "retail_prices": {"rejected": 1},
        "price_lists": {"rejected": 1},
        "price_list_assignments": {"waiting": 1},
        "prices": {"rejected": 1},
        "invoices": {"rejected": 1},
        "invoice_files": {"rejected": 2, "waiting": 1},
        "invoice_statuses": {"waiting": 1},
        "goods_issued_notes": {"rejected": 1},
        "goods_issued_note_files": {"rejected": 1, "waiting": 1},
        "offline_orders": {"rejected": 1},
        "order_statuses": {"rejected": 1},
        "confirmed_delivery_dates": {"rejected": 1},
    }


def test_refused_is_what_was_planted_and_the_shipment_that_is_not_there(story: Story) -> None:
    missing = ("orders", (story.placed.missing,))

    assert {key: stage for key, (stage, _) in story.shop.rejected().items()} == {
        **{(each.object, each.key): each.stage for each in (*erp.PLANTED, *story.planted)},
        missing: "target",
    }


def test_a_refusal_names_what_is_wrong(story: Story) -> None:
    reasons = {(name, *key): reason for (name, key), (_, reason) in story.shop.rejected().items()}

    assert "FV-2-2031.pdf cannot be read: No such file" in reasons["invoice_files", "FV/2/2031"]
    assert reasons["invoice_files", "FV/4/2031"] == "the path ../poufne/umowa.pdf lies outside files_root"
    assert "the file of WZ/7/2031 is no PDF" in reasons["goods_issued_note_files", "WZ/7/2031"]
    assert "'35-ZAWIESZ' is not listed in maps.order_statuses" in reasons["order_statuses", *story.planted[0].key]


def test_nothing_was_created_twice(story: Story) -> None:
    assert [name for name, times in story.state["creations"].items() if times > 1] == []


# --- prices --------------------------------------------------------------------------------------------------


def exact(value: Any) -> Decimal:
    return Decimal(str(value))


def test_retail_prices_are_those_of_flagged_products(story: Story) -> None:
    expected = story.shop.sql(
        "SELECT sku, r.price FROM retail_price r JOIN product p USING (sku)"
        " WHERE send_to_one = 1 AND r.price IS NOT NULL AND sku <> 'A-000006'"
    )

    assert story.state["retail_prices"] == {sku: exact(price) for sku, price in expected}


def test_prices_are_in_the_main_catalogue_and_in_the_lists_that_are_used(story: Story) -> None:
    expected: dict[str, dict[str, Decimal]] = {"KATALOG": {}}
    for code, sku, price in story.shop.sql(
        "SELECT 'KATALOG', sku, price FROM product WHERE send_to_one = 1 AND price IS NOT NULL"
        " UNION ALL SELECT price_list_code, sku, i.price FROM price_list_item i JOIN product USING (sku)"
        " WHERE send_to_one = 1 AND price_list_code NOT IN ('CN-DAWNY', 'CN-OBCY') AND i.price > 0"
    ):
        expected.setdefault(code, {})[sku] = exact(price)

    assert {codes(story).get(key, "KATALOG"): held for key, held in story.state["prices"].items()} == expected


def codes(story: Story) -> dict[str, str]:
    """Give the ERP's codes of price lists, by the platform's ids."""
    return {each["pricingId"]: each["name"].partition(" ")[0] for each in story.state["price_lists"]}


def test_a_price_list_has_its_name_its_time_and_its_discount(story: Story) -> None:
    lists = {codes(story)[each["pricingId"]]: each for each in story.state["price_lists"]}

    assert sorted(lists) == sorted([*(f"CN-{number:04}" for number in range(1, 13)), "CN-LATO", "CN-WYPRZ"])
    assert {name: value for name, value in lists["CN-LATO"].items() if name != "pricingId"} == {
        "name": "CN-LATO Promocja „Lato”",
        "global": False,
        "priority": 901,
        "conditions": [{"type": "TIME_RANGE", "start": "2031-06-21", "end": "2031-09-22"}],
        "defaultDiscount": {"type": "PERCENT_MULTIPLICATIVE", "value": Decimal("12.5")},
    }
    assert [lists["CN-0003"][name] for name in ("conditions", "defaultDiscount")] == [
        [{"type": "TIME_RANGE", "start": "2031-01-01", "end": None}],
        {"type": "PERCENT_MULTIPLICATIVE", "value": 0},
    ]


def test_each_flagged_customer_has_its_price_lists(story: Story) -> None:
    customers = {client_id: customer for customer, client_id in story.shop.clients().items()}
    held = {
        (customers[each["clientId"]], codes(story)[each["pricingId"]]) for each in story.state["price_list_assignments"]
    }

    assert held == set(
        story.shop.sql(
            "SELECT customer_id, price_list_code FROM customer_price_list JOIN customer USING (customer_id)"
            " WHERE send_to_one = 1 AND price_list_code <> 'CN-LUTY'"
        )
    )


# --- documents -----------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """Write exact numbers as floats, to be compared with literals."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return float(value) if isinstance(value, Decimal) else value


def by(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    return {row[name]: plain(row) for row in rows}


def of_flagged(story: Story, select: str) -> dict[Any, Any]:
    """Give what a query says of documents of customers that ONe has."""
    return dict(
        story.shop.sql(f"{select} JOIN customer USING (customer_id) WHERE send_to_one = 1 AND customer_id <> 'K-0003'")
    )


def test_an_invoice_arrives_whole(story: Story) -> None:
    invoices = by(story.state["invoices"], "number")

    assert {number: len(each["productLines"]) for number, each in invoices.items()} == {
        number: lines
        for number, lines in of_flagged(
            story, "SELECT number, (SELECT COUNT(*) FROM invoice_line WHERE invoice_number = number) FROM invoice"
        ).items()
        if number != "FV/3/2031"
    }
    client = story.shop.clients()["K-0001"]
    assert invoices["FV/11/2031"] == invoice(client)
    assert [invoices["FV/12/2031"][name] for name in ("paymentDate", "isPaid", "receiptReferenceNumber")] == [
        None,
        True,
        "PAR/12/2031",
    ]
    assert invoices["FV/12/2031"]["amountPaid"] == invoices["FV/12/2031"]["totalPrices"]["grossPrice"]
    assert invoices["FV/17/2031"]["payerData"]["clientId"] is None  # K-0008 is not in ONe


def test_an_invoice_is_there_although_its_file_is_missing(story: Story) -> None:
    assert "FV/2/2031" in by(story.state["invoices"], "number")
    assert "FV/2/2031" not in by(story.state["invoice_files"], "number")


def test_the_files_of_invoices_arrive_byte_by_byte(story: Story) -> None:
    paths = of_flagged(story, "SELECT number, pdf_path FROM invoice")
    missing = {"FV/2/2031", "FV/3/2031", "FV/4/2031"}
    folder = erp.documents_folder(story.shop.erp)

    assert {
        number: (each["sha256"], each["completed"])
        for number, each in by(story.state["invoice_files"], "number").items()
    } == {
        number: (hashlib.sha256((folder / path).read_bytes()).hexdigest(), True)
        for number, path in paths.items()
        if path and number not in missing
    }


def test_the_payment_of_every_invoice_is_told(story: Story) -> None:
    told = {each["number"]: (each["amountPaid"], each["isPaid"]) for each in story.state["invoice_statuses"]}
    paid = of_flagged(story, "SELECT number, json_array(paid, paid >= gross) FROM invoice")

    assert {number: f"[{amount},{int(full)}]" for number, (amount, full) in told.items()} == {
        number: text.replace(".0,", ",") for number, text in paid.items() if number != "FV/3/2031"
    }


def test_a_goods_issued_note_arrives_whole(story: Story) -> None:
    notes = by(story.state["goods_issued_notes"], "number")

    assert {number: len(each["productLines"]) for number, each in notes.items()} == {
        number: lines
        for number, lines in of_flagged(
            story,
            "SELECT number, (SELECT COUNT(*) FROM goods_issued_note_line WHERE note_number = number)"
            " FROM goods_issued_note",
        ).items()
        if number != "WZ/5/2031"
    }
    assert notes["WZ/11/2031"] == note(story.shop.clients()["K-0001"])
    assert set(notes["WZ/13/2031"]["deliveryAddress"].values()) == {None}  # collected


def test_the_note_of_an_order_of_one_names_its_lines(story: Story) -> None:
    [issued] = [each for each in story.state["goods_issued_notes"] if each["number"].startswith("WZ/ONE/")]
    shipment = issued["productLines"][0]["salesOrderReferenceNumber"]

    assert shipment in story.placed.shipments
    assert issued["purchaseOrderNumber"] == shipment.rpartition("/")[0]
    assert [(line["lineNumber"], line["salesOrderLineNumber"]) for line in issued["productLines"]] == [
        (number, f"{shipment}/{number:02}") for number in range(1, len(issued["productLines"]) + 1)
    ]


def test_the_files_of_notes_arrive_from_the_archive(story: Story) -> None:
    archive = dict(
        story.shop.sql(
            "SELECT number, content FROM goods_issued_note_pdf JOIN goods_issued_note ON number = note_number"
            " JOIN customer USING (customer_id) WHERE send_to_one = 1 AND number NOT IN ('WZ/5/2031', 'WZ/7/2031')"
        )
    )

    files = by(story.state["goods_issued_note_files"], "number")
    assert {number: each["sha256"] for number, each in files.items()} == {
        number: hashlib.sha256(content).hexdigest() for number, content in archive.items()
    }


def test_an_offline_order_arrives_whole(story: Story) -> None:
    orders = by(story.state["offline_orders"], "id")

    assert {shipment: len(each["productLines"]) for shipment, each in orders.items()} == {
        shipment: lines
        for shipment, lines in of_flagged(
            story,
            "SELECT o.shipment_id, (SELECT COUNT(*) FROM offline_order_line l WHERE l.shipment_id = o.shipment_id)"
            " FROM offline_order o",
        ).items()
        if shipment != "ERP-10/1"
    }
    assert orders["ERP-11/1"] == offline_order(story.shop.clients()["K-0001"])
    assert [orders["ERP-13/1"]["deliveryMethod"][name] for name in ("type", "pickupPointId")] == [
        "CLICK_AND_COLLECT",
        "W1",
    ]
    assert orders["ERP-13/1"]["authorizedPeople"][0] == {"name": "Jan Przykładowy", "email": None, "phone": None}
    assert orders["ERP-2/1"]["waybills"] == [{"number": "KUR-00002-10", "url": "https://carrier.invalid/KUR-00002-10"}]


# --- orders of ONe -------------------------------------------------------------------------------------------

OF_SHIPMENTS = {  # table of the ERP: where its rows stand in a shipment
    "one_order_line": ("productLines",),
    "one_order_cost": ("price", "additionalCosts"),
    "one_order_person": ("authorizedPeople",),
    "one_order_waybill": ("waybills",),
}


def held(shipment: Mapping[str, Any], path: Sequence[str]) -> list[Any]:
    found: Any = shipment
    for name in path:
        found = found[name]
    return list(found)


def test_every_shipment_arrives_with_all_its_parts(story: Story) -> None:
    """The waybills that the ERP posts itself are in the stand-in's shipments, and in the ERP's own table."""
    shipments = {each["id"]: each for each in story.state["orders"]}
    posted = Counter(shipment for (shipment,) in story.shop.sql("SELECT shipment_id FROM waybill"))

    assert {row[0] for row in story.shop.sql("SELECT shipment_id FROM one_order")} == set(shipments)
    for table in ("one_order_delivery", "one_order_payment", "one_order_price"):
        assert story.shop.sql(f"SELECT COUNT(*) FROM {table}") == [(len(shipments),)], table
    for table, path in OF_SHIPMENTS.items():
        found = Counter(shipment for (shipment,) in story.shop.sql(f"SELECT shipment_id FROM {table}"))
        own = posted if table == "one_order_waybill" else Counter()
        assert found == +Counter({name: len(held(each, path)) - own[name] for name, each in shipments.items()}), table


def test_a_line_of_an_order_arrives_exactly(story: Story) -> None:
    [shipment] = [each for each in story.state["orders"] if each["id"] == story.placed.split[1]]
    line = plain(shipment["productLines"][3])
    price = line["price"]

    [row] = story.shop.sql("SELECT * FROM one_order_line WHERE line_number = ?", line["lineNumber"])
    assert row == (
        shipment["id"],
        line["lineNumber"],
        *(line["sku"], "Kabel YDYżo 3 × 2,5 mm²", 12.5, "MTR"),
        *(price["netUnitPrice"], price["netContentUnitPrice"], price["basePriceNet"], 0, 23),
        *(price["netValue"], price["taxValue"], price["grossValue"]),
        *("ŁĄCZ-POL", None, None, 0, line["productLineId"], None, "ciąć na odcinki po 2,5 m"),
    )


def test_what_became_of_orders_is_told(story: Story) -> None:
    processed = story.shop.sql("SELECT shipment_id, status_code, payment_code, date_confirmed FROM order_processing")
    maps = story.shop.app.loaded.project.maps
    statuses, payments = maps["order_statuses"], maps["payment_statuses"]

    assert story.state["order_statuses"] == {row[0]: statuses[row[1]] for row in processed if row[1] in statuses}
    assert story.state["payment_statuses"] == {row[0]: payments[row[2]] for row in processed if row[2]}
    assert story.state["confirmed_delivery_dates"] == {
        row[0]: row[3] for row in processed if row[3] and not row[0].startswith("OF/13/1/2019")
    }
    shipped: dict[str, dict[str, Decimal]] = {}
    for shipment, sku, quantity in story.shop.sql(
        "SELECT shipment_id, sku, SUM(quantity) FROM shipped_line GROUP BY 1, 2"
    ):
        shipped.setdefault(shipment, {})[sku] = exact(quantity)
    assert story.state["shipped_quantities"] == shipped
    assert {
        (name, each["number"], each.get("url")) for name, held in story.state["waybills"].items() for each in held
    } == set(story.shop.sql("SELECT shipment_id, number, url FROM waybill"))


def test_the_quantities_of_a_shipment_go_in_one_request(story: Story) -> None:
    asked = [
        each
        for each in story.shop.sandbox.requests()
        if each["path"].endswith("number-of-shipped-products-content-unit")
    ]

    assert sorted(each["lines"] for each in asked) == sorted(map(len, story.state["shipped_quantities"].values()))


def test_an_order_removed_before_it_was_read_is_not_fetched(story: Story) -> None:
    fetched = [each["query"] for each in story.shop.sandbox.requests() if each["path"].endswith("/order/shipment")]
    asked = {parse_qs(query)["shipmentId"][0] for query in fetched}

    assert asked == {*story.placed.shipments, story.placed.missing} - {story.placed.removed}


# --- what happens later --------------------------------------------------------------------------------------


@pytest.fixture
def later(tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path, documents=12) as it:
        it.run()
        yield it


def test_a_day_of_business_sends_what_it_changed_and_nothing_else(later: Shop) -> None:
    before = later.sandbox.requests()[-1]["number"]
    processing.pass_a_day(later.erp)
    found = later.run()

    assert {name: counts["confirmed"] for name, counts in found.items() if "confirmed" in counts} == {
        "retail_prices": 1,
        "price_lists": 2,
        "prices": 1,
        "price_list_assignments": 2,
        "invoice_files": 2,
        "invoice_statuses": 1,
        "offline_orders": 1,
    }
    asked = Counter(
        (each["method"], each["path"].rpartition("/")[2])
        for each in later.sandbox.requests(before)
        if each["method"] != "GET" and "pricing/discount/" not in each["path"] and "storage" not in each["path"]
    )
    assert asked == {
        ("PUT", "retail-prices"): 1,
        ("PUT", "prices"): 1,
        ("DELETE", "clients-to-pricings"): 2,
        ("POST", "file-upload-begin"): 2,
        ("POST", "file-upload-complete"): 2,
        ("PUT", "status"): 1,
        ("PUT", "shipment"): 1,
    }
    state = later.sandbox.state()
    assert {each["name"].partition(" ")[0] for each in state["price_lists"]} == {f"CN-{n:04}" for n in range(1, 13)}
    assert by(state["invoice_files"], "number").keys() >= {"FV/1/2031", "FV/2/2031"}
    assert state["retail_prices"]["A-000001"] == Decimal("123.4567")
    assert by(state["offline_orders"], "id")["ERP-1/1"]["status"] == "wysłane"

    before = later.writes()
    later.run()
    assert later.writes() == before


def test_a_changed_order_is_changed_in_the_erp_and_a_removed_one_is_marked(later: Shop) -> None:
    placed = later.sandbox.place_orders(6, later=False)
    later.run("orders")
    processing.process_orders(later.erp)
    later.run(*ANSWERS)
    changed, removed = placed.split
    lines = "SELECT line_number, quantity FROM one_order_line WHERE shipment_id = ? ORDER BY 1"
    before = later.sql(lines, changed)
    later.sandbox.change_order(changed)
    later.sandbox.remove_order(removed)
    found = later.run("orders")
    answered = later.run(*ANSWERS)

    assert found == {"orders": {"confirmed": 2}}
    assert later.sql(lines, changed) == [(before[0][0], before[0][1] + 1), *before[1:-1]]
    assert later.sql("SELECT status FROM one_order_payment WHERE shipment_id = ?", changed) == [("PAID",)]
    assert later.sql("SELECT shipment_id FROM one_order WHERE removed = 1") == [(removed,)]
    assert later.sql(lines, removed) != []
    assert all("confirmed" not in counts for counts in answered.values())


def test_all_calls_of_orders_go_to_the_service_that_the_project_names(tmp_path: Path) -> None:
    edits = {"project": ("orders_service: orders ", "orders_service: account ")}
    with shop(tmp_path, settings=Settings(orders_service="account"), edits=edits, documents=3) as it:
        it.run("clients", "segments", "warehouses")
        it.sandbox.place_orders(3)
        it.run("orders")
        processing.process_orders(it.erp)
        found = it.run("offline_orders", *ANSWERS)

        assert [name for name, counts in found.items() if not counts.get("confirmed")] == []
        assert [each["path"] for each in it.sandbox.requests() if "/orders/" in each["path"]] == []


# --- answers that are lost, limits ---------------------------------------------------------------------------

SOON = ("    lookup:\n", "    lookup:\n      settle_seconds: 0.05\n")


def test_a_waybill_whose_answer_is_lost_is_not_added_twice(tmp_path: Path) -> None:
    with shop(tmp_path, edits={"waybills": SOON}, documents=0) as it:
        it.run("segments", "warehouses", "clients", "retail_prices")
        it.sandbox.place_orders(2)
        it.run("orders")
        processing.process_orders(it.erp)
        it.sandbox.faults.add(Action(drop="after"), Match(method="POST", path="*/waybills"), times=1)
        it.sandbox.faults.add(Action(drop="before"), Match(method="POST", path="*/waybills"), times=1)

        first, second = it.run("waybills"), it.run("waybills")

        wanted = Counter(it.sql("SELECT shipment_id, number FROM waybill"))
        added = Counter(
            (name, each["number"]) for name, held in it.sandbox.state()["waybills"].items() for each in held
        )
        assert (first, second) == ({"waybills": {"confirmed": len(wanted)}}, {"waybills": {}})
        assert added == wanted


@pytest.mark.parametrize(
    ("name", "path", "needs"),
    [
        ("invoices", "*/invoices/invoices", ("segments", "clients")),
        ("price_lists", "*/pricing/discount", ()),
    ],
)
def test_a_create_whose_answer_is_lost_is_found_again(
    tmp_path: Path, name: str, path: str, needs: tuple[str, ...]
) -> None:
    with shop(tmp_path, edits={name: SOON}, documents=9, price_lists=3) as it:
        if needs:
            it.run(*needs)
        it.sandbox.faults.add(Action(drop="after"), Match(method="POST", path=path), times=2)

        first, second = it.run(name), it.run(name)

        created = [times for what, times in it.sandbox.state()["creations"].items() if what.startswith(name[:-1])]
        assert first[name].get("unknown", 0) == second[name].get("unknown", 0) == 0
        assert (first[name]["confirmed"], set(created)) == (len(it.sandbox.state()[name]), {1})
        assert "confirmed" not in second[name]


def test_of_2100_price_lists_of_a_client_2000_go_and_100_are_named_each_time(tmp_path: Path) -> None:
    with shop(tmp_path, products=10, customers=10, documents=0, price_lists=2100) as it:
        it.run("segments", "clients", "price_lists")
        first = it.run("price_list_assignments")
        named = it.rejected("price_list_assignments")
        second = it.run("price_list_assignments")

        client = it.clients()["K-0001"]
        lists = [each for each in it.sandbox.state()["price_list_assignments"] if each["clientId"] == client]
        assert len(lists) == 2000
        assert set(named) == {("price_list_assignments", ("K-0001", f"CN-{number}")) for number in range(2001, 2101)}
        assert set(named.values()) == {("limit", "over the limit of 2000 price_list_code for one customer_id")}
        assert it.rejected("price_list_assignments") == named
        assert first["price_list_assignments"]["rejected"] == second["price_list_assignments"]["rejected"] == 100
        assert "confirmed" not in second["price_list_assignments"]


# --- whole bodies --------------------------------------------------------------------------------------------

ADDRESS = {"name": "Instalacje Śliwa sp. j.", "street": "Długa 27", "city": "Poznań", "country": "PL"}


def amounts(net: float, tax: float, gross: float) -> dict[str, float]:
    return {"net": net, "tax": tax, "gross": gross}


def invoice(client_id: str) -> dict[str, Any]:
    buyer = {
        "clientId": client_id,
        "tin": "0000000001",
        "phone": "+48 000 000 001",
        "addressData": {**ADDRESS, "postalCode": "60-001"},
    }
    seller = {
        "name": "Hurtownia Przykładowa sp. z o.o.",
        "street": "Kościuszki 1",
        "postalCode": "00-001",
        "city": "Warszawa",
        "country": "PL",
    }
    return {
        "number": "FV/11/2031",
        "clientData": {**buyer, "clientType": "ORGANIZATION", "invoiceEmail": "klient1@example.invalid"},
        "payerData": buyer,
        "tenantData": {"tin": "1111111111", "addressData": seller},
        "operatorData": {"id": "00000000-0000-4000-8000-000000000002", "name": "Wiesław Żak"},
        "issueDate": "2031-01-10",
        "saleDate": "2031-01-09",
        "paymentDate": "2031-01-24",
        "currencyCode": "PLN",
        "totalPrices": {"netPrice": 6583.47, "taxValue": 1016.7, "grossPrice": 7600.17},
        "amountPaid": 0,
        "isPaid": False,
        "splitPayment": False,
        "receiptReferenceNumber": None,
        "customerPurchaseNumbers": ["PO-11A", "PO-11B"],
        "notes": None,
        "paymentMethod": {"name": "Przelew"},
        "productLines": [
            {
                "lineNumber": 1,
                "product": {"sku": "A-000008", "name": "Śruba 73 x 444 mm", "unit": "szt"},
                "quantity": 20,
                "prices": {
                    "taxRate": 8,
                    "discount": 5,
                    "base": amounts(165.832, 13.2666, 179.0986),
                    "total": amounts(3316.64, 265.33, 3581.97),
                },
            },
            {
                "lineNumber": 2,
                "product": {"sku": "A-000012", "name": "Kołek 14 x 285 mm", "unit": "szt"},
                "quantity": 4,
                "prices": {
                    "taxRate": 23,
                    "discount": 12.5,
                    "base": amounts(816.7075, 187.8427, 1004.5502),
                    "total": amounts(3266.83, 751.37, 4018.2),
                },
            },
        ],
    }


def note(client_id: str) -> dict[str, Any]:
    return {
        "number": "WZ/11/2031",
        "clientId": client_id,
        "purchaseOrderNumber": "ERP-11",
        "documentDate": "2031-01-09",
        "saleDate": "2031-01-09",
        "deliveryDate": "2031-01-11",
        "notes": "Uwaga: szkło",
        "productLines": [
            {
                "lineNumber": 1,
                "salesOrderReferenceNumber": "ERP-11/1",
                "salesOrderLineNumber": "1",
                "quantity": 20,
                "notes": None,
                "product": {
                    "sku": "A-000008",
                    "gtin": "2000000000084",
                    "name": "Śruba 73 x 444 mm",
                    "unit": "szt",
                    "manufacturerIndex": None,
                    "pkwiu": None,
                    "manufacturer": {"name": None},
                },
                "prices": {
                    "taxRate": 8,
                    "discount": 5,
                    "base": amounts(165.832, 13.2666, 179.0986),
                    "additionalCosts": [],
                },
            },
            {
                "lineNumber": 2,
                "salesOrderReferenceNumber": "ERP-11/1",
                "salesOrderLineNumber": "2",
                "quantity": 4,
                "notes": None,
                "product": {
                    "sku": "A-000012",
                    "gtin": None,
                    "name": "Kołek 14 x 285 mm",
                    "unit": "szt",
                    "manufacturerIndex": "ŻE-12",
                    "pkwiu": None,
                    "manufacturer": {"name": "Żelstal"},
                },
                "prices": {
                    "taxRate": 23,
                    "discount": 12.5,
                    "base": amounts(816.7075, 187.8427, 1004.5502),
                    "additionalCosts": [],
                },
            },
        ],
        "deliveryAddress": {**ADDRESS, "postCode": "60-001"},
        "paymentMethod": {"id": "KARTA", "name": "Karta płatnicza"},
        "deliveryMethod": {"id": "KURIER", "name": "Kurier"},
        "warehouse": {"id": "W3", "name": "Oddział Łódź 3"},
        "operator": {"id": "00000000-0000-4000-8000-000000000002", "name": "Wiesław Żak"},
        "prices": {"total": amounts(6583.47, 1016.7, 7600.17)},
    }


def offline_order(client_id: str) -> dict[str, Any]:
    return {
        "id": "ERP-11/1",
        "orderId": "ERP-11",
        "orderDate": "2031-01-09",
        "lastChange": "2031-01-09T09:15:00Z",
        "status": None,
        "notes": "Proszę dzwonić przed dostawą",
        "supplyWarehouseId": "W1",
        "organization": {"id": client_id, "externalId": "K-0001"},
        "price": {
            "deliveryNet": 18.5,
            "deliveryGross": 22.76,
            "productsNet": 6583.47,
            "productsGross": 7600.17,
            "additionalCosts": [
                {"type": "INSURANCE", **amounts(3.35, 0, 3.35)},
                {"type": "PACKAGING", **amounts(12, 2.76, 14.76)},
            ],
            "totalNet": 6617.32,
            "totalTax": 1023.72,
            "totalGross": 7641.04,
        },
        "paymentMethod": {"name": "Karta płatnicza", "externalId": "KARTA"},
        "deliveryMethod": {
            "name": "Kurier",
            "externalId": "KURIER",
            "type": "COURIER",
            "pickupPointId": None,
            "deliveryDateRequired": "2031-01-12",
            "deliveryDateConfirmed": None,
            "cost": amounts(18.5, 4.26, 22.76),
            "address": {**ADDRESS, "type": "SYSTEM", "zipCode": "60-001", "phone": "+48 000 000 001"},
        },
        "productLines": [
            {
                "lineNumber": "1",
                "sku": "A-000008",
                "name": "Śruba 73 x 444 mm",
                "contentUnitName": "szt",
                "contentUnitCode": "C62",
                "quantityOrdered": 20,
                "quantityOrderedInContentUnit": 20,
                "quantityShipped": None,
                "manufacturerIndex": None,
                "manufacturerName": None,
                "lastChange": None,
                "notes": None,
                "price": {
                    "netUnitPrice": 165.832,
                    "netCatalogPrice": 174.56,
                    "netCatalogUnitPrice": 174.56,
                    "catalogPriceDiscount": 5,
                    "netValue": 3316.64,
                    "taxValue": 265.33,
                    "grossValue": 3581.97,
                    "additionalCosts": [],
                },
            },
            {
                "lineNumber": "2",
                "sku": "A-000012",
                "name": "Kołek 14 x 285 mm",
                "contentUnitName": "szt",
                "contentUnitCode": "C62",
                "quantityOrdered": 4,
                "quantityOrderedInContentUnit": 4,
                "quantityShipped": None,
                "manufacturerIndex": "ŻE-12",
                "manufacturerName": "Żelstal",
                "lastChange": None,
                "notes": None,
                "price": {
                    "netUnitPrice": 816.7075,
                    "netCatalogPrice": 933.38,
                    "netCatalogUnitPrice": 933.38,
                    "catalogPriceDiscount": 12.5,
                    "netValue": 3266.83,
                    "taxValue": 751.37,
                    "grossValue": 4018.2,
                    "additionalCosts": [
                        {
                            "type": "KGO",
                            "contentUnitNet": 0.1525,
                            "contentUnitTax": 0.0351,
                            "contentUnitGross": 0.1876,
                            "totalNet": 0.61,
                            "totalTax": 0.14,
                            "totalGross": 0.75,
                        }
                    ],
                },
            },
        ],
        "user": {"name": "Michał Ćwik", "email": "klient1@example.invalid", "phone": "+48 001 000 001"},
        "waybills": [],
        "authorizedPeople": [],
    }
