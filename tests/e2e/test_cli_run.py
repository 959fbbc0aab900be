"""`run` and `run --once` as a process: what they print, how they exit, how they stop."""

import json
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from world.commands import finish
from world.shop import Shop
from world.wire import Held, Reply, Seen, Wire, closed_port

NO_COUNTS = dict.fromkeys(
    (
        "extracted",
        "unchanged",
        "added",
        "changed",
        "removed",
        "confirmed",
        "rejected",
        "waiting",
        "unknown",
        "withheld",
        "failed",
        "not_due",
        "unhandled_changed",
        "unhandled_removed",
        "requests",
        "retries",
        "splits",
    ),
    0,
)


def wait_until(true: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def refuse_third(seen: Seen) -> Reply:
    return Reply(status=422, body=b'{"message":"no"}') if b'"I-3"' in seen.body else Reply()


@contextmanager
def shop_at(tmp_path: Path, script: Any = (), *, items: int = 3) -> Iterator[tuple[Shop, Wire]]:
    with Wire(script) as wire:
        shop = Shop(tmp_path / "shop", wire.url)
        shop.items(items)
        yield shop, wire


def test_a_pass_prints_one_document_of_what_became_of_every_object(tmp_path: Path) -> None:
    with shop_at(tmp_path) as (shop, wire):
        finished = shop.run("run", "--once", "--json")

    document = json.loads(finished.stdout)
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{8}", document.pop("run_id"))
    assert all(0 <= each.pop("duration_seconds") < 20 for each in document["objects"])
    common = {"status": "success", **NO_COUNTS, "error": None, "notes": []}
    assert document == {
        "schema_version": 1,
        "status": "success",
        "objects": [
            {**common, "object": "items", "extracted": 3, "added": 3, "confirmed": 3, "requests": 1},
            {**common, "object": "notes"},
        ],
    }
    assert finished.returncode == 0
    assert [json.loads(seen.body)["items"][0]["name"] for seen in wire.seen] == ["Śruba 1"]


def test_events_are_one_a_run_and_one_a_request_and_name_no_bodies(tmp_path: Path) -> None:
    with shop_at(tmp_path) as (shop, _):
        finished = shop.run("run", "--once", "items")

    events = sorted((json.loads(line) for line in finished.stderr.splitlines()), key=lambda each: each["event"])
    volatile = ("timestamp", "run_id", "duration_seconds", "at")
    assert [{name: value for name, value in each.items() if name not in volatile} for each in events] == [
        {
            "event": "request",
            "level": "debug",
            "object": "items",
            "method": "POST",
            "target": "/items",
            "lines": 3,
            "status": 200,
            "outcome": "confirmed",
        },
        {
            "event": "run_ended",
            "level": "info",
            "object": "items",
            "status": "success",
            "extracted": 3,
            "added": 3,
            "confirmed": 3,
            "requests": 1,
        },
    ]


# --- exit codes ----------------------------------------------------------------------------------------


def _nothing(shop: Shop) -> None:
    shop.run("run", "--once")


def _broken_query(shop: Shop) -> None:
    shop.write_items(query="SELECT id, name, quantity FROM itme")


def _no_name(shop: Shop) -> None:
    shop.sql("UPDATE item SET name = NULL WHERE id = 'I-2'")


def _half_is_gone(shop: Shop) -> None:
    shop.run("run", "--once")
    shop.sql("DELETE FROM item WHERE id <> 'I-1'")


def _no_database(shop: Shop) -> None:
    (shop.folder / "erp.sqlite").unlink()


def _broken_query_and_no_name(shop: Shop) -> None:
    _no_name(shop)
    shop.write("notes.yaml", (shop.folder / "notes.yaml").read_text().replace("FROM note", "FROM nowhere"))


def _withheld_and_no_name(shop: Shop) -> None:
    _half_is_gone(shop)
    shop.sql("UPDATE item SET name = NULL WHERE id = 'I-1'")


@pytest.mark.parametrize(
    ("prepare", "code", "statuses"),
    [
        (lambda _: None, 0, ["success", "success"]),
        (_nothing, 0, ["success", "success"]),
        (_broken_query, 1, ["failed", "success"]),
        (_no_name, 3, ["partial", "success"]),
        (_half_is_gone, 4, ["partial", "success"]),
        (_no_database, 6, ["failed", "skipped"]),
        (_broken_query_and_no_name, 1, ["partial", "failed"]),
        (_withheld_and_no_name, 4, ["partial", "success"]),
    ],
)
def test_the_exit_code_says_how_a_pass_ended_and_one_object_holds_up_no_other(
    tmp_path: Path, prepare: Callable[[Shop], None], code: int, statuses: list[str]
) -> None:
    with shop_at(tmp_path) as (shop, _):
        shop.sql("INSERT INTO note VALUES ('N-1', 'first')")
        prepare(shop)
        finished = shop.run("run", "--once", "--json")

    document = json.loads(finished.stdout)
    assert finished.returncode == code
    assert [each["status"] for each in document["objects"]] == statuses
    assert document["status"] == min(statuses, key=["failed", "partial", "skipped", "success"].index)


def test_a_record_that_the_target_refuses_is_exit_3_and_the_others_arrive(tmp_path: Path) -> None:
    with shop_at(tmp_path, refuse_third, items=5) as (shop, _):
        finished = shop.run("run", "--once", "items", "--json")
        again = shop.run("run", "--once", "items", "--json")

    counts = [json.loads(each.stdout)["objects"][0] for each in (finished, again)]
    assert [(each["confirmed"], each["rejected"]) for each in counts] == [(4, 1), (0, 1)]
    assert [finished.returncode, again.returncode] == [3, 3]
    assert counts[1]["requests"] == 0


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_exit_6_and_a_pause_that_connections_lifts(tmp_path: Path, status: int) -> None:
    with shop_at(tmp_path, [Reply(status=status)]) as (shop, wire):
        finished = shop.run("run", "--once", "items")
        paused = shop.json("status")["connections"]
        lifted = shop.run("connections")

    assert finished.returncode == 6
    assert [each["connection"] for each in paused if each["paused"]] == ["one"]
    assert lifted.returncode == 0
    assert lifted.stdout.splitlines()[-1] == "the pause of one is over"
    assert not any(each["paused"] for each in shop.json("status")["connections"])
    assert wire.seen[-1].target == "/"


def test_a_target_that_is_not_there_is_exit_6(tmp_path: Path) -> None:
    with closed_port() as port:
        shop = Shop(tmp_path / "shop", f"http://127.0.0.1:{port}")
        shop.items(3)
        tried = [shop.run(*words) for words in (("run", "--once", "items"), ("connections",), ("validate", "--live"))]

    assert [each.returncode for each in tried] == [6, 6, 6]
    assert "connection refused" in tried[1].stdout
    assert "connection refused" in tried[2].stdout


def test_an_object_that_another_process_runs_is_skipped_with_exit_5(tmp_path: Path) -> None:
    held = Held()
    held.target = "/items"
    with shop_at(tmp_path, held) as (shop, wire):
        other = shop.start("run", "--once", "items")
        wait_until(lambda: wire.seen)
        finished = shop.run("run", "--once", "--json")
        during = shop.json("status")
        held.free.set()
        assert finish(other)[0] == 0

    document = json.loads(finished.stdout)
    assert finished.returncode == 5
    assert [each["status"] for each in document["objects"]] == ["skipped", "success"]
    assert "items" in document["objects"][0]["error"]
    assert document["status"] == "skipped"
    running = {each["object"]: each["running"] is not None for each in during["objects"]}
    assert running == {"items": True, "notes": False}


def test_a_guard_lets_as_many_removals_pass_as_are_allowed_once(tmp_path: Path) -> None:
    with shop_at(tmp_path) as (shop, wire):
        shop.run("run", "--once")
        shop.sql("DELETE FROM item WHERE id <> 'I-1'")
        codes = [
            shop.run("run", "--once", "items", *words).returncode
            for words in ((), ("--allow-removed", "1"), ("--allow-removed", "2"), ())
        ]

    assert codes == [4, 4, 0, 0]
    assert json.loads(wire.seen[-1].body) == {"items": [], "gone": ["I-2", "I-3"]}


@pytest.mark.parametrize(
    "words",
    [
        ("run", "items"),
        ("run", "--json"),
        ("run", "--allow-removed", "1"),
        ("run", "--once", "--allow-removed", "1"),
        ("run", "--once", "--allow-removed", "1", "items", "notes"),
        ("run", "--once", "--allow-removed", "-1", "items"),
        ("run", "--once", "itmes"),
        ("--log-format", "xml", "run", "--once"),
        ("rum",),
    ],
)
def test_wrong_usage_is_exit_2_and_nothing_is_attempted(tmp_path: Path, words: tuple[str, ...]) -> None:
    with shop_at(tmp_path) as (shop, wire):
        finished = shop.run(*words)

    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr.lower().count("error: ") == 1
    assert wire.seen == []
    assert not shop.state.exists()


@pytest.mark.parametrize("words", [("run", "--once"), ("run",)])
def test_missing_variables_are_all_named_with_their_places_before_anything_begins(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with shop_at(tmp_path) as (shop, _):
        finished = shop.run(*words, ERP_URL=None, ONE_API_KEY=None)

    assert finished.returncode == 2
    assert finished.stderr.splitlines()[0] == "error: 2 problems (E_MISSING_VARIABLE)"
    places = [line.split(": ")[0] for line in finished.stderr.splitlines()[1:]]
    assert places == ["shop/project.yaml:4:20", "shop/project.yaml:8:15"]
    assert not shop.state.exists()


# --- signals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_lets_the_request_in_flight_end_and_keeps_its_receipt(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with shop_at(tmp_path, lambda _: Reply(delay_seconds=1), items=300) as (shop, wire):
        process = shop.start("run", "--once", "--json")
        wait_until(lambda: len(wire.seen) == 2)  # of three; the connection takes two at once
        process.send_signal(number)
        exit_code, out, _ = finish(process)
        after = shop.json("run", "--once", "items")["objects"][0]

    objects = json.loads(out)["objects"]
    assert exit_code == code
    assert [each["status"] for each in objects] == ["failed", "skipped"]
    assert (objects[0]["confirmed"], objects[0]["failed"]) == (200, 100)
    assert (after["unchanged"], after["confirmed"]) == (200, 100)


def test_a_second_signal_ends_at_once_and_the_next_run_repairs(tmp_path: Path) -> None:
    with shop_at(tmp_path, [Reply(delay_seconds=8)]) as (shop, wire):
        process = shop.start("run", "--once", "items")
        wait_until(lambda: wire.seen)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        exit_code, _, _ = finish(process)
        took = time.monotonic() - begun
        interrupted = shop.json("runs")["runs"][0]
        after = shop.json("run", "--once", "items")["objects"][0]

    assert exit_code == 130
    assert took < 3
    assert (interrupted["status"], interrupted["ended_at"], interrupted["confirmed"]) == ("interrupted", None, None)
    assert after["confirmed"] == 3


def test_the_scheduler_runs_what_is_due_and_ends_with_0_when_it_is_told_to(tmp_path: Path) -> None:
    with shop_at(tmp_path) as (shop, wire):
        shop.write_items(schedule="* * * * * *")
        shop.sql("INSERT INTO note VALUES ('N-1', 'first')")
        process = shop.start("run")
        wait_until(lambda: any(seen.target == "/notes/N-1" for seen in wire.seen))
        process.send_signal(signal.SIGTERM)
        exit_code, out, err = finish(process)

    events = [json.loads(line) for line in err.splitlines()]
    assert (exit_code, out) == (0, "")
    assert [each["event"] for each in events if each["event"].startswith("scheduler")] == [
        "scheduler_started",
        "scheduler_stopping",
        "scheduler_stopped",
    ]
    assert {(each["object"], each["status"]) for each in events if each["event"] == "run_ended"} == {
        ("items", "success"),
        ("notes", "success"),
    }
    assert {each["target"] for each in events if each["event"] == "request"} == {"/items", "/notes/N-1"}


def missed_since_days(shop: Shop) -> None:
    """Let the journal say that the daily fire of items was last acted on three days ago."""
    shop.run("run", "--once", "notes")  # makes the journal
    shop.write_items(schedule="0 0 0 * * *")
    with closing(sqlite3.connect(shop.state / "journal.sqlite")) as journal, journal:
        last = datetime.now(UTC) - timedelta(days=3)
        journal.execute("INSERT INTO fires VALUES ('items', 0, ?)", [last.isoformat(timespec="microseconds")])


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 0


def test_what_was_missed_while_nothing_ran_is_caught_up_once(tmp_path: Path) -> None:
    with shop_at(tmp_path) as (shop, wire):
        missed_since_days(shop)
        process = shop.start("run")
        wait_until(lambda: wire.seen)
        stop(process)
        again = shop.start("run")
        wait_until(lambda: '"scheduler_started"' in again.stderr.readline() if again.stderr else True)
        time.sleep(1)
        stop(again)

    assert [each["status"] for each in shop.json("runs", "items")["runs"]] == ["success"]


def test_a_fire_whose_run_was_killed_is_caught_up_too(tmp_path: Path) -> None:
    with shop_at(tmp_path, [Reply(delay_seconds=5)]) as (shop, wire):
        missed_since_days(shop)
        process = shop.start("run")
        wait_until(lambda: wire.seen)
        process.kill()
        finish(process)
        again = shop.start("run")
        wait_until(lambda: len(wire.seen) == 2)
        stop(again)

    assert [each["status"] for each in shop.json("runs", "items")["runs"]] == ["success", "interrupted"]


def test_a_failing_object_does_not_end_the_scheduler(tmp_path: Path) -> None:
    with shop_at(tmp_path) as (shop, wire):
        shop.write_items(schedule="* * * * * *", query="SELECT id, name, quantity FROM nowhere")
        shop.sql("INSERT INTO note VALUES ('N-1', 'first')")
        process = shop.start("run")
        wait_until(lambda: wire.seen)
        process.send_signal(signal.SIGINT)
        exit_code, _, err = finish(process)

    failed = [each for each in map(json.loads, err.splitlines()) if each.get("status") == "failed"]
    assert exit_code == 0
    assert {each["code"] for each in failed} == {"E_QUERY"}
    assert wire.seen[0].target == "/notes/N-1"
