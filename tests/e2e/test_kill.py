"""kill -9 of bin/one-sync in the midst of its work: afterwards one more run makes both sides equal.

The moments are chosen by effects, so that every kill hits a program at work: one-sync itself counts its effects and is
killed at one (`world/fatal/sitecustomize.py`), or the platform kills it at a request, with other requests under way.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from engine.values.results import Status
from world.effort import examples
from world.equal import check as check_equal
from world.equal import letter, resolve
from world.faults import Fault
from world.merchant import CHECKOUT, Merchant, merchant
from world.project import World, memory, world
from world.wire import Seen

ONE_SYNC = CHECKOUT / "bin" / "one-sync"
FATAL = CHECKOUT / "tests" / "world" / "fatal"
SECONDS = 60  # no process works longer
CLIENTS = "/api/v1/account/integrations/auth-required/clients"
OBJECTS = ("segments", "clients", "stocks", "clients_inbound")
CHECKED = ("items", "clients", "notes", "papers", "docs", "groups", "members", "orders", "entries", "letters")


def start(folder: Path, variables: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    command = [str(ONE_SYNC), "--project", str(folder), *words]
    return subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def killed_at(effect: int, *paths: Path) -> dict[str, str]:
    """Give the variables of a process that dies at an effect."""
    joined = os.pathsep.join(map(str, paths))
    return {"PYTHONPATH": str(FATAL), "KILL_AT": str(effect), "KILL_PATHS": joined}


def died(process: subprocess.Popen[bytes]) -> bool:
    """Wait for a process, and tell whether it was killed; one that goes on working is killed here."""
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    return process.returncode == -signal.SIGKILL


# --- all kinds of objects ----------------------------------------------------------------------------------------


@pytest.fixture
def it() -> Iterator[World]:
    """Make a world whose requests travel four at a time, and whose objects all run every second."""
    with memory() as folder, world(folder, *CHECKED) as made:
        made.edit("project", ("concurrency: 1", "concurrency: 4"))
        for name in CHECKED:
            made.edit(name, (f"object: {name}\n", f'object: {name}\nschedule: "* * * * * *"\n'))
        yield made


def live(it: World, random: Random, round_: int) -> None:
    """Let both sides change."""

    def new(count: int = 4) -> list[str]:
        return [f"{round_:02}-{number}" for number in range(count)]

    def word() -> str:
        return f"'text {random.randrange(1000)}'"

    some = f"(abs(random()) % 3) = {random.randrange(3)}"
    pdf = it.folder / f"{round_}.pdf"
    pdf.write_text(f"page {round_} {random.random()}")
    statements = [
        f"DELETE FROM item WHERE {some}",
        *(f"INSERT INTO item VALUES ('W{random.randrange(3)}', '{id_}', {word()})" for id_ in new(20)),
        f"UPDATE item SET value = {word()} WHERE {some}",
        *(f"INSERT INTO {table} VALUES ('{id_}', {word()})" for table in ("client", "note") for id_ in new()),
        *(f"INSERT INTO paper VALUES ('{id_}', {word()}, '{pdf}')" for id_ in new()),
        f"UPDATE client SET name = {word()} WHERE {some}",
        f"UPDATE note SET text = {word()} WHERE {some}",
        f"UPDATE paper SET note = {word()} WHERE {some}",
        *(f"INSERT INTO doc VALUES ('{id_}', '{pdf}')" for id_ in new(2)),
        *(f"INSERT INTO member VALUES ('{id_}', 'g{round_ + random.randrange(2)}')" for id_ in new()),
        f"INSERT INTO team VALUES ('g{round_}', {word()})",
        *(f"INSERT INTO orders VALUES ('{id_}', {word()})" for id_ in new(2)),
        *(f"INSERT INTO order_line VALUES ('{id_}', {number}, {word()})" for id_ in new(2) for number in range(3)),
        f"UPDATE order_line SET sku = {word()} WHERE {some}",
        *(f"INSERT INTO entry VALUES ('{id_}', {word()}, '2026-01-{round_ + 1:02}T00:00:00')" for id_ in new()),
    ]
    it.sql(*statements)
    for id_ in new(3):
        it.platform.write(id_, letter(id_, word(), *("a", "b")))
        it.platform.write("l", letter("l", word(), *("a", "b", "c")[: random.randrange(4)]))


def bring_to_rest(it: World) -> None:
    """Run everything until a pass sends nothing; creates of unknown outcome are resolved as a person would."""
    it.sql("INSERT INTO team SELECT DISTINCT team, 'late' FROM member WHERE team NOT IN (SELECT id FROM team)")
    for _ in range(4):
        it.platform.take()
        for name in CHECKED:
            it.run(name)
            assert it.code is None, it.last
        if all(seen.startswith("GET ") for seen in it.platform.take()):
            return
        resolve(it, "notes")
    raise AssertionError("no rest")


def check(it: World) -> None:
    assert it.open() == {}
    assert {name: count for name, count in it.platform.created.items() if count != 1} == {}
    check_equal(it, *CHECKED)


def at_an_effect(it: World, random: Random, most: int, *words: str) -> bool:
    """Let one-sync die at an effect of its own."""
    fatal = killed_at(random.randint(1, most), *it.files)
    return died(start(it.folder, {**it.variables, **fatal}, *words))


def at_a_request(it: World, random: Random, most: int, *words: str) -> bool:
    """Let the platform kill one-sync at a request, before or after it has taken effect, others being under way."""
    left, fault = random.randint(1, most), random.choice(("before", "after"))
    process: list[subprocess.Popen[bytes]] = []

    def rule(_: Seen) -> Fault | None:
        nonlocal left
        left -= 1
        if left == 0:
            process[0].kill()
        return fault if left <= 0 else None

    it.platform.rule = rule
    process.append(start(it.folder, it.variables, *words))
    hit = died(process[0])
    it.platform.rule = lambda _: None
    return hit


KILLS = (  # how, at one of how many effects or requests, and what
    (at_an_effect, 130, ("run", "--once")),
    (at_a_request, 40, ("run", "--once")),
    (at_an_effect, 8, ("resend", "items")),
    (at_an_effect, 130, ("run", "--once")),
    (at_a_request, 40, ("run",)),
    (at_an_effect, 10, ("adopt", "orders")),
    (at_an_effect, 130, ("run",)),
)


def test_after_kills_of_every_command_that_works_runs_make_both_sides_equal(it: World) -> None:
    random, hits = Random(5), 0
    kills = [KILLS[number % len(KILLS)] for number in range(examples(2 * len(KILLS)))]
    for number, (way, most, words) in enumerate(kills):
        live(it, random, number)
        if words[0] != "run":
            it.run(words[1])
        hits += way(it, random, most, *words)
    print(f"{hits} of {len(kills)} kills hit")
    bring_to_rest(it)

    check(it)
    assert hits >= 0.8 * len(kills)


# --- the shipped mappings ------------------------------------------------------------------------------------------


def test_after_kills_of_the_shipped_objects_one_run_makes_both_sides_equal(tmp_path: Path) -> None:
    random, kills, hits = Random(11), examples(4), 0
    with merchant(tmp_path, products=60, customers=40 * kills, warehouses=3) as it:
        it.edit("stocks", "max_removed: 20%", "max_removed: 100%")
        it.edit("stocks", "chunk_size: 10000", "chunk_size: 20")
        it.erp("UPDATE customer SET send_to_one = 0")
        for _ in range(3):  # a tree of segments takes a run for each of its levels
            it.run("warehouses", "segments")
        arrived: dict[str, str] = {}
        for _ in range(kills):
            _live(it, random, arrived)
            fatal = killed_at(random.randint(1, 90), it.state, it.erp_file)
            hits += died(start(it.folder, {**it.variables, **fatal}, "run", "--once", *OBJECTS))
        print(f"{hits} of {kills} kills hit")
        with it.reopened() as app:
            after = replace(it, app=app)
            results = after.run(*OBJECTS)
            again = after.run(*OBJECTS)

        assert {result.failure for result in results.values()} == {None}
        assert {(result.status, result.counts.confirmed) for result in again.values()} == {(Status.SUCCESS, 0)}
        _check(it, arrived)
        assert hits >= 0.8 * kills


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
