"""Two of us: processes that share one state folder, and signals at every moment of a run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.operate.adopt import adopt
from engine.operate.resend import resend
from engine.operate.resolve_unknown import resolve_not_sent
from engine.operate.retry_rejected import retry_rejected
from engine.run.app import App
from engine.schedule.lock import scheduler_of
from engine.state.journal.journal import Journal
from engine.values.errors import BusyError, OneSyncError, StateError
from world.commands import finish
from world.shop import Shop
from world.wire import Held, Reply, Wire


def wait_until(true: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


@pytest.fixture
def held() -> Iterator[Held]:
    it = Held()
    yield it
    it.free.set()


@pytest.fixture
def pair(tmp_path: Path, held: Held) -> Iterator[tuple[Shop, Wire]]:
    with Wire(held) as wire:
        shop = Shop(tmp_path / "shop", wire.url)
        shop.items(3)
        try:
            yield shop, wire
        finally:
            held.free.set()


# --- two schedulers -------------------------------------------------------------------------------------------------


def test_a_second_scheduler_is_refused_with_the_process_of_the_first_and_none_after_a_kill(
    pair: tuple[Shop, Wire], held: Held
) -> None:
    shop, wire = pair
    shop.write_items(schedule="* * * * * *")
    first = shop.start("run")
    wait_until(lambda: wire.seen)
    second = shop.run("run")
    told = shop.json("status")["scheduler"]
    first.kill()
    finish(first)
    orphaned = scheduler_of(shop.state)
    held.free.set()
    third = shop.start("run")
    wait_until(lambda: scheduler_of(shop.state) == third.pid)
    wait_until(lambda: len(wire.seen) >= 2)
    third.send_signal(signal.SIGTERM)

    assert second.returncode == 5
    assert second.stderr.startswith(f"error: process {first.pid} is the scheduler of ")
    assert second.stderr.endswith("(E_BUSY)\n")
    assert told == {"process": first.pid}
    assert orphaned is None
    assert finish(third)[0] == 0
    assert scheduler_of(shop.state) is None


# --- passes side by side --------------------------------------------------------------------------------------------


def test_passes_at_once_do_each_object_once_and_say_who_held_the_others(pair: tuple[Shop, Wire], held: Held) -> None:
    shop, wire = pair
    shop.sql("INSERT INTO note VALUES ('N-1', 'first')")
    held.target = "/items"
    first = shop.start("run", "--once", "--json")  # items, then notes
    wait_until(lambda: wire.seen)
    second = shop.run("run", "--once", "--json")  # meets items, and goes on to notes
    alone = shop.run("run", "--once", "items")
    held.free.set()
    code, out, _ = finish(first)
    last = shop.run("run", "--once", "--json")

    objects = json.loads(second.stdout)["objects"]
    assert (code, second.returncode, alone.returncode, last.returncode) == (0, 5, 5, 0)
    assert [each["status"] for each in objects] == ["skipped", "success"]
    assert f"items: process {first.pid} (" in objects[0]["error"]
    assert "items: process" in alone.stderr
    assert [each["status"] for each in json.loads(out)["objects"]] == ["success", "success"]
    assert sorted(seen.target for seen in wire.seen) == ["/items", "/notes/N-1"]


def test_a_file_that_a_foreign_program_holds_is_named_with_its_process(pair: tuple[Shop, Wire], held: Held) -> None:
    shop, _ = pair
    held.free.set()
    shop.run("run", "--once")
    path = shop.state / "items.duckdb"
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    words = [sys.executable, "-c", hold, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        finished = shop.run("run", "--once", "items", "--json")
        other.stdin.close()

    assert finished.returncode == 5
    assert f"items: process {other.pid} (python" in json.loads(finished.stdout)["objects"][0]["error"]
    assert str(path) in finished.stderr


# --- an operator beside a run ----------------------------------------------------------------------------------------


def outcome(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except OneSyncError as error:
        return type(error)


def test_what_an_operator_does_during_a_run_is_done_or_refused_and_outlives_its_end(
    pair: tuple[Shop, Wire], held: Held
) -> None:
    shop, wire = pair
    held.reply = lambda seen: Reply(status=422) if b"I-2" in seen.body else Reply()
    held.free.set()
    shop.run("run", "--once")  # I-2 is refused
    held.free.clear()
    before = len(wire.seen)
    shop.sql("UPDATE item SET name = 'other'")
    run = shop.start("run", "--once", "items", "--json")
    wait_until(lambda: len(wire.seen) > before)
    app = App(shop.folder, shop.variables)
    [items] = app.loaded.select(["items"])
    with ThreadPoolExecutor(4) as pool:
        asked = list(
            pool.map(
                outcome,
                (
                    lambda: retry_rejected(app, "items", ["I-2"]),
                    lambda: resend(app, items, ["I-1"]),
                    lambda: resolve_not_sent(app, items, ["I-1"]),
                    lambda: adopt(app, items),
                ),
            )
        )
    listed = [shop.run(*words).returncode for words in (("status",), ("rejected", "list"), ("requests",))]
    held.free.set()
    code, out, _ = finish(run)
    held.reply = lambda seen: Reply()
    after = shop.json("run", "--once", "items")["objects"][0]

    assert asked == [1, BusyError, BusyError, BusyError]
    assert listed == [0, 0, 0]
    assert (code, json.loads(out)["objects"][0]["rejected"]) == (3, 1)  # refused once more, after the operator's word
    assert (after["confirmed"], after["rejected"]) == (1, 0)  # which the next run has obeyed all the same


def test_a_state_folder_that_is_just_being_made_is_read_as_empty_and_never_as_broken(tmp_path: Path) -> None:
    faults: list[str] = []

    def write(folder: Path) -> None:
        with Journal.open(folder, lambda: datetime.now(UTC)) as journal:
            journal.runs.move_cursor("mine", 1)

    def read(folder: Path) -> None:
        for _ in range(30):
            try:
                with Journal.open_to_read(folder, lambda: datetime.now(UTC)) as journal:
                    journal.pauses.all()
            except StateError as error:
                faults.append(error.message)

    with ThreadPoolExecutor(4) as pool:
        for number in range(20):
            folder = tmp_path / str(number)
            list(pool.map(lambda work, at=folder: work(at), (read, write, read, write)))

    assert faults == []


# --- signals ---------------------------------------------------------------------------------------------------------

SLOW_QUERY = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000)"
    " SELECT i AS id, 'x' AS name, '1' AS quantity FROM n"
)


def back_off(shop: Shop) -> None:
    text = (shop.folder / "project.yaml").read_text()
    quick, slow = "first_delay_seconds: 0.05, max_delay_seconds: 0.1", "first_delay_seconds: 90, max_delay_seconds: 90"
    shop.write("project.yaml", text.replace(quick, slow))


def nothing(shop: Shop) -> None:
    """Leave the project as it is."""


@pytest.mark.parametrize(
    ("prepare", "reply"),
    [
        (lambda shop: shop.write_items(query=SLOW_QUERY), None),
        (back_off, Reply(status=503)),
        (nothing, Reply(status=429, headers={"Retry-After": "200"})),
        (lambda shop: shop.sql("INSERT INTO note VALUES (?, 'n')", [(f"N-{n}",) for n in range(20_000)]), Reply()),
    ],
    ids=["reading", "back-off", "Retry-After", "20,000 requests"],
)
def test_one_signal_ends_a_run_in_seconds_whatever_it_waits_for(
    pair: tuple[Shop, Wire], held: Held, prepare: Callable[[Shop], None], reply: Reply | None
) -> None:
    shop, wire = pair
    prepare(shop)
    held.reply = lambda seen: reply or Reply()
    held.free.set()
    process = shop.start("run", "--once", "--json")
    if reply is None:
        wait_until((shop.state / "items.duckdb").exists)
    else:
        wait_until(lambda: len(wire.seen) > (20 if reply.status == 200 else 0))
    time.sleep(0.3)  # now it waits
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    took = time.monotonic() - begun

    document = json.loads(out)
    assert code == 130
    assert took < 8  # about 1 on an idle machine
    assert "Traceback" not in err
    assert {each["status"] for each in document["objects"]} <= {"success", "failed", "skipped"}
    for each in document["objects"]:
        sums = ("confirmed", "rejected", "waiting", "unknown", "withheld", "failed", "not_due")
        assert each["added"] + each["changed"] + each["removed"] == sum(each[name] for name in sums)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_scheduler_at_once_and_nothing_is_left_locked(
    pair: tuple[Shop, Wire], held: Held, number: signal.Signals
) -> None:
    shop, wire = pair
    shop.write_items(schedule="* * * * * *")
    process = shop.start("run")
    wait_until(lambda: wire.seen)
    process.send_signal(number)
    time.sleep(0.3)
    going_on = process.poll() is None  # the request in flight has not ended
    begun = time.monotonic()
    process.send_signal(number)
    code, _, err = finish(process)
    took = time.monotonic() - begun
    held.free.set()
    after = shop.json("run", "--once", "items")["objects"][0]

    assert going_on
    assert code == 128 + number
    assert took < 3
    assert "Traceback" not in err
    assert (after["status"], after["confirmed"]) == ("success", 3)


# --- answers on a command line ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [("why", "items", "I-1"), ("plan",), ("plan", "--detailed-exitcode"), ("run", "--once"), ("render", "items")],
)
def test_a_command_that_cannot_work_answers_with_a_document_too(
    pair: tuple[Shop, Wire], words: tuple[str, ...]
) -> None:
    finished = pair[0].run(*words, "--json", ERP_URL=None)

    document = json.loads(finished.stdout)
    assert finished.returncode == (1 if "--detailed-exitcode" in words else 2)
    assert (document["schema_version"], document["error"]["code"]) == (1, "E_MISSING_VARIABLE")
    assert finished.stderr.count("the variable ERP_URL is not set") == 1


def test_a_reader_that_has_had_enough_is_no_fault(pair: tuple[Shop, Wire]) -> None:
    process = pair[0].start("schedule", "--hours", "2000")
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()

    assert process.stderr.read() == ""
    assert process.wait(30) == 0


def test_a_global_option_behind_the_command_is_told_its_place(pair: tuple[Shop, Wire]) -> None:
    finished = pair[0].run("validate", "--project", "/srv/shop")

    assert finished.returncode == 2
    assert "it stands before the command: `one-sync --project DIR validate`" in finished.stderr
