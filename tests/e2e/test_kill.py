"""kill -9 at random moments of real runs: afterwards one more run makes the stand-in equal to the ERP."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random

from merchant import CHECKOUT, Merchant, merchant

from engine.records import Status

SECONDS = 45.0
CLIENTS = "/api/v1/account/integrations/auth-required/clients"
OBJECTS = ("segments", "clients", "stocks", "clients_inbound")


def test_after_kills_at_random_moments_one_run_makes_both_sides_equal(tmp_path: Path) -> None:
    random = Random(11)
    with merchant(tmp_path, products=60, customers=900, warehouses=3) as it:
        it.edit("stocks", "max_removed: 20%", "max_removed: 100%")
        it.edit("stocks", "chunk_size: 10000", "chunk_size: 20")
        it.erp("UPDATE customer SET send_to_one = 0")
        for _ in range(3):  # a tree of segments takes a run for each of its levels
            it.run("warehouses", "segments")
        arrived: dict[str, str] = {}
        killed, until = 0, time.monotonic() + SECONDS
        while time.monotonic() < until:
            _live(it, random, arrived)
            killed += _run_and_kill(it, random)
        with it.reopened() as app:
            after = replace(it, app=app)
            results = after.run(*OBJECTS)
            again = after.run(*OBJECTS)

        assert killed >= 15
        assert {result.failure for result in results.values()} == {None}
        assert {(result.status, result.counts.confirmed) for result in again.values()} == {(Status.SUCCESS, 0)}
        _check(it, arrived)


def _live(it: Merchant, random: Random, arrived: dict[str, str]) -> None:
    """Let both sides change: customers and stocks in the ERP, clients at the platform."""
    changes = [
        "UPDATE customer SET send_to_one = 1 WHERE customer_id IN (SELECT customer_id FROM customer"
        f" WHERE send_to_one = 0 LIMIT {random.randrange(8, 20)})"
    ]
    for _ in range(random.randrange(1, 12)):
        number = f"{random.randrange(1, 61):06}"
        quantity = random.randrange(100)
        changes.append(f"UPDATE stock SET quantity = {quantity} WHERE sku LIKE '%{number}' AND warehouse_id = 'W1'")
        changes.append(f"UPDATE product SET send_to_one = 1 - send_to_one WHERE sku LIKE '%{number}'")
        changes.append(
            f"UPDATE customer SET name = 'Firma {random.randrange(9)}' WHERE send_to_one = 1"
            f" AND customer_id LIKE '%{random.randrange(10)}{random.randrange(10)}'"
        )
    it.erp(*changes)
    name = f"Sklep {len(arrived)}"
    arrived[it.one.edit_client({"name": name})] = name


def _run_and_kill(it: Merchant, random: Random) -> bool:
    """Start a run, kill it at a moment of its own, and tell whether it was still at work."""
    words = [sys.executable, "-m", "engine.cli", "--project", str(it.folder), "run", "--once", *OBJECTS]
    before = it.one.received.total
    process = subprocess.Popen(
        words, cwd=CHECKOUT, env={**os.environ, **it.variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    requests, moment = random.randrange(0, 30), random.random() * 0.03
    deadline = time.monotonic() + 10
    while process.poll() is None and it.one.received.total < before + requests and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(moment if requests else random.random() * 1.5)
    process.kill()
    return process.wait() == -9


def _check(it: Merchant, arrived: dict[str, str]) -> None:
    state = it.one.state()
    ours = [client for client in state["clients"] if client["clientId"] not in arrived]
    wanted = it.erp("SELECT customer_id, name FROM customer WHERE send_to_one = 1")
    assert sorted((client["externalId"], client["name"]) for client in ours) == sorted(wanted)
    assert {name: count for name, count in state["creations"].items() if count != 1} == {}
    posts = [each["status"] for each in it.one.requests() if (each["method"], each["path"]) == ("POST", CLIENTS)]
    assert 409 not in posts  # what may exist is looked up, not tried
    quantities = {
        (warehouse, stock["sku"]): float(stock["quantity"])
        for warehouse, held in state["stocks"].items()
        for stock in held.values()
    }
    assert quantities == {
        (warehouse, sku): float(quantity)
        for warehouse, sku, quantity in it.erp(
            "SELECT s.warehouse_id, s.sku, COALESCE(s.quantity, 0) FROM stock s JOIN product p ON p.sku = s.sku"
            " WHERE p.send_to_one = 1"
        )
    }
    received = dict(it.erp("SELECT client_id, name FROM one_client"))
    assert {client_id: received.get(client_id) for client_id in arrived} == arrived
