"""Connections that many objects share: refused credentials, asked-for waits, the breaker, the rate limit."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from engine.inspect.plan import plan
from engine.run.app import App, utc_now
from engine.run.one_run import new_run_id
from engine.schedule import service
from engine.schedule.service import Service, exit_code, run_once
from engine.state.journal.pauses import Pause
from engine.values.results import ObjectResult, Status
from world.lines import Lines
from world.project import world
from world.shop import Shop
from world.wire import Reply, Seen, Wire, drop_read

OBJECTS = ("north", "south", "west")
EVERY_SECOND = "* * * * * *"
CONNECTION = """
    concurrency: 4
    retry: {{attempts: {attempts}, first_delay_seconds: 0.05, max_delay_seconds: 0.1, max_wait_seconds: 1}}
    breaker: {{failures: {failures}, pause_seconds: 0.4}}
"""
RECORDS = """
object: {name}
schedule: "{schedule}"
source: {{connection: erp, query: "SELECT id, name FROM note WHERE id LIKE '{name}%'", key: [id]}}
fields: {{id: "{{{{ id }}}}", name: "{{{{ name }}}}"}}
send:
  - on: [added, changed]
    request: {{method: PUT, path: "/{name}/{{{{ id | path }}}}", body: "{{{{ line }}}}"}}
"""


@dataclass
class Trade:
    """Three objects of one connection, and a platform that answers as `answer` says."""

    shop: Shop
    wire: Wire
    answer: Callable[[Seen], Reply] = lambda seen: Reply()
    log: Lines = field(default_factory=Lines)

    def app(self) -> App:
        return App(self.shop.folder, self.shop.variables)

    def once(self, app: App) -> list[ObjectResult]:
        mappings = app.loaded.select(OBJECTS)
        return list(run_once(app, mappings, run_id=new_run_id(utc_now()), allowed={}, log=self.log))

    @contextmanager
    def serving(self) -> Iterator[App]:
        app = self.app()
        serves = Service(app, self.log)
        thread = threading.Thread(target=serves.serve)
        thread.start()
        try:
            yield app
        finally:
            app.stop.set()
            thread.join(30)
            app.close()
        assert not thread.is_alive()

    def settings(self, *, attempts: int = 2, failures: int = 100, more: str = "") -> None:
        text = (self.shop.folder / "project.yaml").read_text()
        kept = text[: text.index("    concurrency")]
        self.shop.write(
            "project.yaml", kept + CONNECTION.format(attempts=attempts, failures=failures).lstrip("\n") + more
        )

    def pauses(self) -> dict[str, Pause]:
        with self.app().journal() as journal:
            return journal.pauses.all()

    def let_the_pause_end(self) -> None:
        with closing(sqlite3.connect(self.shop.state / "journal.sqlite")) as journal, journal:
            journal.execute("UPDATE pauses SET until = ?", [utc_now().isoformat(timespec="microseconds")])


@pytest.fixture
def trade(tmp_path: Path) -> Iterator[Trade]:
    held: list[Trade] = []

    def answer(seen: Seen) -> Reply:
        return held[0].answer(seen)

    with Wire(answer) as wire:
        shop = Shop(tmp_path / "shop", wire.url)
        (shop.folder / "items.yaml").unlink()
        (shop.folder / "notes.yaml").unlink()
        for name in OBJECTS:
            shop.write(f"{name}.yaml", RECORDS.format(name=name, schedule=EVERY_SECOND))
        shop.sql(
            "INSERT INTO note VALUES (?, 'n')", [(f"{name}-{number}",) for name in OBJECTS for number in range(50)]
        )
        held.append(Trade(shop=shop, wire=wire))
        held[0].settings()
        yield held[0]


def until(true: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


# --- refused credentials -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_the_first_refusal_stops_all_objects_of_the_connection_and_one_request_probes(
    trade: Trade, status: int
) -> None:
    seen_good = threading.Event()
    good = iter(range(20))
    refused = Reply(status=status, delay_seconds=0.05)
    trade.answer = lambda seen: Reply(delay_seconds=0.02) if next(good, None) is not None else refused
    with trade.serving():
        until(lambda: trade.log.of("connection_paused"))
        until(lambda: {facts["object"] for _, event, facts in trade.log.lines if event == "run_ended"} == {*OBJECTS})
        at_first = len(trade.wire.seen)
        first = trade.pauses()["one"]
        with trade.app().journal() as journal:
            served = journal.fires.all()
        time.sleep(1.5)  # fires of all objects pass meanwhile
        held = len(trade.wire.seen)
        trade.let_the_pause_end()
        until(lambda: ("info", "connection_still_paused") in trade.log.of("connection_still_paused"))
        probed = len(trade.wire.seen)
        second = trade.pauses()["one"]
        trade.answer = lambda seen: Reply(delay_seconds=0.3 if seen_good.is_set() is False else 0.0)
        trade.let_the_pause_end()
        until(lambda: len(trade.wire.seen) > probed)
        time.sleep(0.15)
        alone = len(trade.wire.seen)
        seen_good.set()
        until(lambda: trade.log.of("connection_resumed"))
        until(lambda: len({seen.target for seen in trade.wire.seen}) == 150)

    assert at_first <= 20 + 4 + 2  # those in flight when the third refusal came
    assert held == at_first
    assert probed == held + 1
    assert alone == probed + 1
    assert (second.since, second.probes) == (first.since, 2)
    assert timedelta(seconds=50) < first.until - first.since <= timedelta(minutes=1, seconds=1)
    assert timedelta(seconds=100) < second.until - utc_now() + timedelta(seconds=15) <= timedelta(seconds=136)
    assert trade.log.of("connection_paused", "connection_resumed") == [
        ("error", "connection_paused"),
        ("info", "connection_resumed"),
    ]
    errors = [facts for level, event, facts in trade.log.lines if (level, event) == ("error", "run_ended")]
    assert all("the run was stopped" in each["error"] for each in errors)  # at the end of the test
    assert len(set(served.values())) == 1  # when it began: a restart during the pause repeats what it cut short
    assert trade.pauses() == {}


def test_a_pass_tries_no_other_object_of_a_connection_that_refused_and_says_so_once(trade: Trade) -> None:
    trade.answer = lambda seen: Reply(status=401, delay_seconds=0.05)
    results = trade.once(trade.app())
    again = trade.once(trade.app())  # another process: it ignores the pause
    pause = trade.pauses()["one"]

    assert [(each.status, each.failure.exit if each.failure else 0) for each in results] == [
        (Status.FAILED, 6),
        (Status.SKIPPED, 6),
        (Status.SKIPPED, 6),
    ]
    assert exit_code(results) == 6
    assert {each.failure.code for each in (*results, *again) if each.failure} == {"E_CREDENTIALS"}
    assert "not tried, as its connection is paused: connection one: PUT /north/north-" in str(results[1].failure)
    assert len(trade.wire.seen) <= 12  # two processes, each with those in flight when the third refusal came
    assert {seen.target.split("/")[1] for seen in trade.wire.seen} == {"north"}
    assert trade.log.of("connection_paused") == [("error", "connection_paused")] * 2  # once a process
    assert pause.probes == 1  # the second one was no probe


@pytest.mark.parametrize(
    ("status", "lifts"), [(200, True), (404, True), (422, True), (500, False), (401, False), (302, False)]
)
def test_any_answer_to_the_request_itself_ends_the_pause(trade: Trade, status: int, *, lifts: bool) -> None:
    trade.answer = lambda seen: Reply(status=401)
    trade.once(trade.app())
    trade.answer = lambda seen: Reply(status=status)
    trade.once(trade.app())

    assert (trade.pauses() == {}) == lifts


def test_a_pause_noted_by_a_clock_that_was_wrong_is_over(trade: Trade) -> None:
    trade.answer = lambda seen: Reply(status=401)
    trade.once(trade.app())
    with closing(sqlite3.connect(trade.shop.state / "journal.sqlite")) as journal, journal:
        journal.execute("UPDATE pauses SET since = '2036-01-01T00:00:00+00:00', until = '2036-01-01T00:01:00+00:00'")

    assert trade.pauses()["one"].until <= utc_now()


# --- asked-for waits -----------------------------------------------------------------------------------------------


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "code", "seconds"),
    [
        (lambda: "7200", "E_ASKED_TO_WAIT", 7200),
        (lambda: in_seconds(7200), "E_ASKED_TO_WAIT", 7200),
        (lambda: "31536000", "E_ASKED_TO_WAIT", 86400),
        (lambda: "9" * 40, "E_ASKED_TO_WAIT", 86400),
        (lambda: in_seconds(-7200), "E_NOT_CONFIRMED", None),
        (lambda: "-5", "E_NOT_CONFIRMED", None),
        (lambda: "soon", "E_NOT_CONFIRMED", None),
        (lambda: "0", "E_NOT_CONFIRMED", None),
    ],
    ids=["seconds", "date", "a year", "digits", "past", "negative", "garbage", "zero"],
)
def test_a_long_wait_is_a_pause_as_long_as_it_says_and_what_is_no_wait_is_a_failed_attempt(
    trade: Trade, header: Callable[[], str], code: str, seconds: float | None
) -> None:
    trade.settings(attempts=1)
    trade.answer = lambda seen: Reply(status=429, headers={"Retry-After": header()})
    results = trade.once(trade.app())
    pauses = trade.pauses()

    assert results[0].failure is not None
    assert results[0].failure.code == code
    assert (exit_code(results), bool(pauses)) == ((6, True) if seconds else (1, False))
    if seconds:
        pause = pauses["one"]
        assert abs((pause.until - pause.since).total_seconds() - seconds) < 5
        assert (pause.probes, pause.reason.split(": ")[0][:17]) == (
            0,
            "PUT /north/north-",
        )  # its connection stands beside it
        assert ": the target asks to wait " in pause.reason
        assert trade.log.of("connection_paused") == [("warning", "connection_paused")]


def test_nobody_sends_before_the_time_that_was_asked_for_and_then_all_goes_on(trade: Trade) -> None:
    asks = iter([Reply(status=503, headers={"Retry-After": "3"})])
    trade.answer = lambda seen: next(asks, Reply())
    with trade.serving():
        until(lambda: len({seen.target for seen in trade.wire.seen if seen.target.startswith("/west")}) == 50)
        until(lambda: trade.log.of("connection_resumed"))

    first, *others = sorted(seen.at for seen in trade.wire.seen)
    in_flight = [at for at in others if at - first < 0.5]
    later = [at for at in others if at - first >= 0.5]
    assert len(in_flight) <= 8  # four at once, and those that took their places while the answer was read
    assert 2.9 <= min(later) - first < 6  # not a minute, as after a refusal
    assert trade.log.of("connection_paused") == [("warning", "connection_paused")]


# --- the breaker ---------------------------------------------------------------------------------------------------


def test_an_open_breaker_lets_one_request_of_all_objects_probe_at_a_time(trade: Trade) -> None:
    trade.settings(attempts=100, failures=5)
    trade.answer = lambda seen: Reply(status=503, delay_seconds=0.05)
    with trade.serving():
        until(lambda: len(trade.wire.seen) >= 5)
        time.sleep(0.3)  # what was in flight when it opened
        trade.wire.most_at_once, before = 0, len(trade.wire.seen)
        until(lambda: len(trade.wire.seen) >= before + 3)
        probes, most = [seen.at for seen in trade.wire.seen[before : before + 3]], trade.wire.most_at_once
        trade.answer = lambda seen: Reply()
        until(lambda: len({seen.target for seen in trade.wire.seen}) == 150, 40)

    assert most == 1
    assert min(after - at for at, after in pairwise(probes)) >= 0.4


def test_another_process_says_since_when_nothing_answers_and_no_longer_when_something_does(trade: Trade) -> None:
    trade.settings(attempts=100, failures=5)
    project = (trade.shop.folder / "project.yaml").read_text()
    trade.shop.write("project.yaml", project.replace("pause_seconds: 0.4", "pause_seconds: 60"))
    trade.answer = lambda seen: Reply(status=503, body=b"down")
    with trade.serving():
        until(lambda: len(trade.wire.seen) >= 5)
        until(lambda: trade.shop.json("status")["connections"][1]["failing"])
        failing = trade.shop.json("status")["connections"][1]["failing"]
        [line] = [each for each in trade.shop.run("status").stdout.splitlines() if each.startswith("connection")]
    [stale] = [each for each in trade.shop.run("status").stdout.splitlines() if each.startswith("connection")]
    trade.answer = lambda seen: Reply()
    results = trade.once(trade.app())  # another process: nothing holds it up

    since, last, next_try = (datetime.fromisoformat(failing[each]) for each in ("since", "last_at", "next_try_at"))
    assert since <= last == next_try - timedelta(seconds=60)
    assert failing["attempts"] >= 5
    assert re.fullmatch(r"PUT /(north|south|west)/\w+-\d+: status 503: down", failing["last"])
    assert re.match(r"connection one gave no good answer to \d+ attempts in a row since ", line)
    assert "; the next try is at " in line
    assert stale.startswith("connection one gave no good answer to ")
    assert "; the next try is at " not in stale  # nobody is there to try
    assert {str(each.status) for each in results} == {"success"}
    assert trade.shop.json("status")["connections"][1]["failing"] is None


# --- the rate limit -------------------------------------------------------------------------------------------------


def test_no_window_holds_more_requests_than_the_limit_whoever_sends_them(trade: Trade) -> None:
    trade.settings(more="    rate_limit: {requests: 20, per_seconds: 0.4}\n")
    unlucky = iter(range(40))
    trade.answer = lambda seen: Reply(status=503) if (next(unlucky, 1) % 3 == 0) else Reply()
    with trade.serving():
        until(lambda: len({seen.target for seen in trade.wire.seen}) == 150, 40)
        time.sleep(0.7)  # idle
        trade.shop.sql("UPDATE note SET name = 'other'")
        until(lambda: len(trade.wire.seen) >= 300, 40)

    times = sorted(seen.at for seen in trade.wire.seen)
    windows = [last - first for first, last in zip(times, times[20:], strict=False)]
    assert min(windows) > 0.25  # 0.4 less what a journey may take longer than another


# --- what an operator reads ------------------------------------------------------------------------------------------

ASKED = r"connection one: PUT /north/north-\d+: "
LINES = {
    "credentials": (
        Reply(status=401, body=b"who are you"),
        rf"{ASKED}the target refused our credentials \(status 401(: who are you)?\): "
        "correct them, then `one-sync connections` ends the pause",
    ),
    "a wait": (
        Reply(status=429, headers={"Retry-After": "7200"}),
        rf"{ASKED}the target asks to wait 7200 s.*: status 429; it goes on by itself then|"
        rf"{ASKED}the target asks to wait 7200 s \(status 429\): it goes on by itself then",
    ),
    "errors": (
        Reply(status=503, body=b"down"),
        rf"{ASKED}status 503: down \(1 attempts\); it cannot be used now, and the next run tries again",
    ),
    "silence": (
        drop_read(),
        rf"{ASKED}the connection (broke: .*|was closed before an answer came) \(1 attempts\); it cannot be used now, "
        "and the next run tries again",
    ),
    "a redirect": (
        Reply(status=302),
        rf"{ASKED}the target answered with a redirect \(302\), which is never followed; correct base_url",
    ),
    "the mapping's word": (
        Reply(status=418, body=b"tea"),
        rf"{ASKED}the mapping says to stop at this answer \(status 418: tea\)",
    ),
}


@pytest.mark.parametrize(("reply", "line"), LINES.values(), ids=LINES)
def test_one_line_says_which_connection_what_was_asked_what_came_back_and_what_to_do(
    trade: Trade, reply: Reply, line: str
) -> None:
    trade.settings(attempts=1, failures=1)
    for name in OBJECTS:
        text = RECORDS.format(name=name, schedule=EVERY_SECOND)
        trade.shop.write(f"{name}.yaml", text + "    on_status: {418: stop}\n")
    trade.answer = lambda seen: reply
    first, second, _ = trade.once(trade.app())

    assert first.failure
    assert second.failure
    assert re.fullmatch(line, first.failure.message), first.failure.message
    assert second.failure.message.count("connection one") == 1
    for _, event, facts in trade.log.lines:  # and no line says it twice
        assert str(facts).count("connection one") == (event == "run_ended"), facts
    shown = [each for each in trade.shop.run("status").stdout.splitlines() if each.startswith("connection")]
    assert [each.count("connection one") for each in shown] == [1] * bool(trade.pauses() or "cannot be used" in line)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            401,
            "the target refused our credentials (status 401: planned): correct them, then `one-sync connections` ends",
        ),
        (503, "status 503: planned (1 attempts)"),
        (404, "the source refuses the feed's request: status 404: planned"),
    ],
)
def test_one_line_says_it_of_a_feed_too(tmp_path: Path, status: int, said: str) -> None:
    with world(tmp_path) as it:
        it.platform.rule = lambda seen: status
        it.run("letters")
        planned = plan(it.app, it.app.loaded.mappings["letters"])

    assert it.last
    assert it.last.failure
    assert it.last.failure.message.startswith(f"connection one: GET /feed: {said}")
    assert planned.failure
    assert planned.failure.message.startswith(f"connection one: GET /feed: {said.partition(' (')[0]}")


# --- objects that another process runs ------------------------------------------------------------------------------


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_an_object_that_another_process_ran_waits_for_its_connection_too(trade: Trade) -> None:
    trade.answer = lambda seen: Reply(status=401)
    trade.once(trade.app())
    app, now = trade.app(), utc_now()
    pauses = service._Pauses(app, app.loaded.mappings)
    pauses.hold("north", now + timedelta(seconds=30))

    held, over = (pauses.until("north", now + timedelta(seconds=seconds)) for seconds in (0, 30))

    assert (held, over) == (now + timedelta(seconds=30), trade.pauses()["one"].until)


def test_a_fire_that_met_another_process_is_served_when_that_has_ended(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BUSY_PAUSE", timedelta(seconds=0.5))
    for name in OBJECTS:
        trade.shop.write(f"{name}.yaml", RECORDS.format(name=name, schedule="0 0 0 1 1 *"))
    app = trade.app()
    app.busy_wait_seconds = 0.1
    trade.once(app)
    trade.shop.sql("UPDATE note SET name = 'new' WHERE id = 'north-1'")
    with app.journal_to_write() as journal:
        journal.fires.serve("north", [0], utc_now() - timedelta(days=900))  # the fire of New Year was missed
    path = str(trade.shop.state / "north.duckdb")
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=PIPE, stdout=PIPE, text=True) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with trade.serving():
            until(lambda: len([each for each in trade.log.lines if each[2].get("code") == "E_BUSY"]) >= 2)
            during = len(trade.wire.seen)
            other.stdin.close()
            until(lambda: len(trade.wire.seen) == 151)

    busy = [each for each in trade.log.lines if each[2].get("code") == "E_BUSY"]
    assert during == 150
    assert {(level, facts["status"]) for level, _, facts in busy} == {("warning", "skipped")}
    assert f"north: process {other.pid} (" in busy[0][2]["error"]


# --- what the history tells of a feed ---------------------------------------------------------------------------------


def test_the_requests_of_a_feed_stand_in_the_history(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.platform.write("l1", {"id": "l1", "subject": "s", "lines": []})
        it.run("letters")
        it.platform.rule = lambda seen: 401
        it.run("letters")
        with it.journal() as journal:
            latest = journal.requests.latest("letters", 9)

    kept = [(each.method, each.target, each.status, each.outcome) for each in latest]
    assert kept[::-1] == [
        ("GET", "/feed", 200, "confirmed"),
        ("GET", "/letters/l1", 200, "confirmed"),
        ("WRITE", "erp", None, "per line"),
        ("GET", "/feed", 200, "confirmed"),
        ("GET", "/feed", 401, "refused"),
    ]
