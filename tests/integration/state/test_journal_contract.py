"""What any backend of the state promises a run: each promise of `state/protocols.py` is a case here."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest

from engine.connections.identity import identity
from engine.state.journal.claims import Claim
from engine.state.journal.journal import Journal
from engine.state.journal.marks_and_receipts import Outcome
from engine.state.journal.requests import Exchange
from engine.state.journal.runs import Standing
from engine.state.journal.step_progress import Progress
from engine.state.ledger import Ledger, Outcomes
from engine.state.protocols import RunJournal, RunLedger
from engine.state.staging import Staging
from engine.values.errors import StateError
from engine.values.ranges import Range
from engine.values.records import Clock, Key, Refusal, Stage
from engine.values.results import Counts, Failure, ObjectResult, Status

NOON = datetime(2026, 7, 21, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SECRET = "s3cret"
OUTCOMES: tuple[Outcome, ...] = ("confirmed", "clean", "gone")
NEVER = Standing(generation=0, settling=0, open_run=None, cursor=None, full_at=None, once_done=False)
ODD: Key = ("0", None, 'żółw "\x1f\n')

# Another process, which has the `journal` of its `folder` open.
PROCESS = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from engine.values.ranges import Range
clock = lambda: datetime.now(UTC)
folder = Path(sys.argv[1])
{opening}
def ready():
    print("ready", flush=True)
"""
KILLED = """
with journal.transaction():
    journal.runs.begin("mine", "run-1", clock())
    journal.marks.add("mine", Range(1, 9))
{between}
with journal.transaction():
    journal.marks.receipt("mine", [Range(1, 9)], "confirmed")
    journal.bindings.add("mine", [(("k",), {{"id": 1}})])
{inside}
{after}
"""
WRITER = """
ready()
sys.stdin.readline()
for number in range(300):
    with journal.transaction():
        journal.bindings.add("mine", [(("k",), {f"theirs {number}": number})])
        journal.marks.receipt("mine", [Range(1000 + number, 1000 + number)], "confirmed")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A way to keep the state."""

    name: str
    journal: Callable[[Path, Clock, Callable[[str], str]], AbstractContextManager[RunJournal]]
    opening: str  # the same in another process
    ledger: Callable[[Path], AbstractContextManager[tuple[RunLedger, Staging]]]
    kept: Callable[[Path], str]  # all that the journal keeps, as it is written


@contextmanager
def embedded_ledger(folder: Path) -> Iterator[tuple[RunLedger, Staging]]:
    staging = Staging.open(folder / "mine.duckdb", scratch=folder, wait_seconds=0)
    try:
        yield Ledger(staging), staging
    finally:
        staging.close()


EMBEDDED = Backend(
    name="embedded",
    journal=Journal.open,
    opening="from engine.state.journal import Journal; journal = Journal.open(folder, clock)",
    ledger=embedded_ledger,
    kept=lambda folder: b"".join(path.read_bytes() for path in folder.glob("journal.sqlite*")).decode("latin-1"),
)


@dataclass(slots=True, kw_only=True)
class World:
    """A state folder of a backend, and the time there."""

    backend: Backend
    folder: Path
    now: datetime = NOON
    _opened: list[AbstractContextManager[RunJournal]] = field(default_factory=list)

    def journal(self) -> RunJournal:
        """Open the journal once more; closed with the world."""
        opened = self.backend.journal(self.folder, lambda: self.now, lambda text: text.replace(SECRET, "***"))
        self._opened.append(opened)
        return opened.__enter__()

    @contextmanager
    def process(self, script: str) -> Iterator[subprocess.Popen[str]]:
        """Start another process and wait until it is ready."""
        text = PROCESS.format(opening=self.backend.opening) + script
        with subprocess.Popen(
            [sys.executable, "-c", text, str(self.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield process
            finally:
                process.kill()

    def close(self) -> None:
        while self._opened:
            self._opened.pop().__exit__(None, None, None)


@pytest.fixture(params=[EMBEDDED], ids=lambda backend: backend.name)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    it = World(backend=request.param, folder=tmp_path / "state")
    yield it
    it.close()


@pytest.fixture
def journal(world: World) -> RunJournal:
    return world.journal()


# --- the journal as a whole -------------------------------------------------------------------------------------------


def test_its_identity_is_the_same_whenever_it_is_opened_and_another_one_s_is_not(world: World) -> None:
    first, again = world.journal().identity, world.journal().identity
    other = World(backend=world.backend, folder=world.folder / "other")

    assert first == again
    assert other.journal().identity != first
    other.close()


def test_it_tells_the_time_of_its_clock(world: World, journal: RunJournal) -> None:
    world.now += HOUR

    assert journal.now() == NOON + HOUR


def test_a_transaction_is_durable_as_a_whole_or_not_at_all_and_one_inside_belongs_to_it(
    world: World, journal: RunJournal
) -> None:
    with pytest.raises(ZeroDivisionError), journal.transaction():
        journal.marks.add("mine", Range(1, 9))
        with journal.transaction():
            journal.runs.move_cursor("mine", 5)
        journal.runs.settled("mine", 3)
        _ = 1 / 0
    journal.marks.add("mine", Range(10, 19))

    assert journal.marks.of("mine") == world.journal().marks.of("mine") == [Range(10, 19)]
    assert world.journal().runs.standing("mine") == NEVER


def test_others_see_a_transaction_when_it_is_over(world: World, journal: RunJournal) -> None:
    other = world.journal()
    with journal.transaction():
        journal.marks.add("mine", Range(1, 9))
        journal.marks.receipt("mine", [Range(1, 9)], "confirmed")
        before = (other.marks.of("mine"), other.marks.receipts("mine", "confirmed"))

    assert before == ([], [])
    assert (other.marks.of("mine"), other.marks.receipts("mine", "confirmed")) == ([Range(1, 9)], [Range(1, 9)])


@pytest.mark.parametrize(
    ("moment", "receipts", "saved"),
    [("between", [], None), ("inside", [], None), ("after", [Range(1, 9)], {"id": 1})],
)
def test_after_a_kill_what_was_committed_is_there_and_nothing_else(
    moment: str, receipts: list[Range], saved: dict[str, Any] | None, world: World
) -> None:
    stop = {"between": "ready(); time.sleep(60)", "inside": "    ready(); time.sleep(60)"}
    stops = dict.fromkeys(("between", "inside", "after"), "")
    script = KILLED.format(**{**stops, moment: stop.get(moment, "ready(); time.sleep(60)")})
    with world.process(script) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    journal = world.journal()

    assert journal.runs.standing("mine").open_run == "run-1"
    assert journal.marks.of("mine") == [Range(1, 9)]
    assert journal.marks.receipts("mine", "confirmed") == receipts
    assert journal.bindings.get("mine", ("k",)) == saved
    journal.marks.receipt("mine", [Range(10, 11)], "clean")  # no lock is left


def test_two_writers_wait_for_each_other_and_lose_nothing(world: World, journal: RunJournal) -> None:
    with world.process(WRITER) as process:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        for number in range(300):
            with journal.transaction():
                journal.bindings.add("mine", [(("k",), {f"ours {number}": number})])
                journal.marks.receipt("mine", [Range(1 + number, 1 + number)], "confirmed")
        assert process.wait(60) == 0

    expected = {f"{whose} {number}": number for whose in ("ours", "theirs") for number in range(300)}
    assert journal.bindings.get("mine", ("k",)) == expected
    assert sorted(journal.marks.receipts("mine", "confirmed")) == [Range(1, 300), Range(1000, 1299)]


def test_what_cannot_be_opened_is_an_error_of_the_state(world: World) -> None:
    world.folder.write_text("no folder")

    with pytest.raises(StateError):
        world.journal()


def test_what_ends_have_said_is_kept_without_secrets(world: World, journal: RunJournal) -> None:
    said = f"they said {SECRET}"
    journal.claims.add("mine", [claim("k")], "run-1")
    journal.claims.end("mine", [("k",)], NOON, said)
    journal.rejections.add("mine", ("k",), refusal(said), payload_hash="1", fingerprint="f")
    journal.pauses.add("one", said)
    journal.requests.add("mine", "run-1", exchange(target=f"/items?token={SECRET}", reason=said))
    journal.runs.ended(result(failure=Failure(code="E", message=said, exit=1), notes=(said,)))
    world.close()

    assert world.backend.kept(world.folder).count("they said ***") >= 6
    assert "/items?token=***" in world.backend.kept(world.folder)
    assert SECRET not in world.backend.kept(world.folder)


# --- runs -------------------------------------------------------------------------------------------------------------


def test_an_object_that_is_not_known_was_never_settled(journal: RunJournal) -> None:
    assert journal.runs.standing("mine") == NEVER


def test_a_run_is_open_until_it_is_settled(world: World, journal: RunJournal) -> None:
    journal.runs.begin("mine", "run-1", NOON)
    journal.runs.begin("mine", "run-1", NOON + MINUTE)
    begun = world.journal().runs.standing("mine")
    journal.runs.settling("mine", 1)
    settling = world.journal().runs.standing("mine")
    journal.runs.settled("mine", 1)
    settled = world.journal().runs.standing("mine")

    assert (begun.open_run, begun.generation, begun.settling) == ("run-1", 0, 0)
    assert (settling.open_run, settling.generation, settling.settling) == ("run-1", 0, 1)
    assert (settled.open_run, settled.generation, settled.settling) == (None, 1, 1)


def test_a_settle_drops_the_marks_and_receipts_of_its_object_alone(journal: RunJournal) -> None:
    for object_ in ("mine", "other"):
        journal.marks.add(object_, Range(1, 9))
        for outcome in OUTCOMES:
            journal.marks.receipt(object_, [Range(1, 9)], outcome)
    journal.runs.settled("mine", 1)

    assert [notes_of(journal, object_) for object_ in ("mine", "other")] == [[[]] * 4, [[Range(1, 9)]] * 4]


def test_an_object_that_never_began_can_be_settled_again_and_again(journal: RunJournal) -> None:
    found = []
    for generation in (7, 8):
        journal.runs.settled("mine", generation)
        found.append(journal.runs.standing("mine"))

    assert [(each.generation, each.settling) for each in found] == [(7, 7), (8, 8)]


@pytest.mark.parametrize("cursor", [1, "2026-07-21", {"value": "5", "kind": "integer"}, [1, None], "żółw"])
def test_a_cursor_is_given_back_as_it_was_noted(cursor: Any, world: World, journal: RunJournal) -> None:
    journal.runs.move_cursor("mine", 0)
    journal.runs.move_cursor("mine", cursor)

    assert world.journal().runs.standing("mine").cursor == cursor
    assert world.journal().runs.standing("other").cursor is None


def test_it_is_known_when_the_source_was_read_whole_and_that_all_was_done_once(journal: RunJournal) -> None:
    journal.runs.begin("mine", "run-1", NOON)
    journal.runs.read_whole("mine", NOON + MINUTE)
    journal.runs.once_done("mine")

    assert journal.runs.standing("mine").full_at == NOON + MINUTE
    assert journal.runs.standing("mine").once_done


def test_the_end_of_a_run_that_never_began_is_kept_and_leaves_the_standing_as_it_is(
    world: World, journal: RunJournal
) -> None:
    journal.runs.ended(result(failure=Failure(code="E", message="it could not begin", exit=1)))
    standing = journal.runs.standing("mine")
    world.close()

    assert standing == NEVER
    assert "it could not begin" in world.backend.kept(world.folder)


# --- marks and receipts -----------------------------------------------------------------------------------------------


def test_marks_are_the_ranges_that_were_about_to_be_sent(world: World, journal: RunJournal) -> None:
    journal.marks.add("mine", Range(1, 50_000))
    journal.marks.add("mine", Range(60_000, 60_000))
    journal.marks.add("other", Range(7, 8))

    assert sorted(world.journal().marks.of("mine")) == [Range(1, 50_000), Range(60_000, 60_000)]


def test_a_receipt_that_goes_on_where_another_of_its_outcome_ends_makes_it_longer(
    world: World, journal: RunJournal
) -> None:
    for first in range(1, 1000):
        journal.marks.receipt("mine", [Range(first, first)], "confirmed")
    journal.marks.receipt("mine", [Range(1000, 1001), Range(1002, 1009), Range(1020, 1029)], "clean")
    journal.marks.receipt("mine", [Range(1010, 1010)], "gone")
    journal.marks.receipt("mine", [], "gone")
    journal.marks.receipt("other", [Range(1000, 1000)], "confirmed")

    assert [sorted(each) for each in notes_of(world.journal(), "mine")] == [
        [],
        [Range(1, 999)],
        [Range(1000, 1009), Range(1020, 1029)],
        [Range(1010, 1010)],
    ]


# --- claims -----------------------------------------------------------------------------------------------------------


def test_claims_are_listed_the_oldest_first(world: World, journal: RunJournal) -> None:
    late, early = claim("late", at=NOON + MINUTE), claim("early", at=NOON)
    journal.claims.add("mine", [late, early], "run-1")
    journal.claims.add("other", [claim("theirs")], "run-1")

    assert world.journal().claims.of("mine") == [early, late]


def test_an_attempt_that_ended_is_known_until_the_create_is_claimed_once_more(journal: RunJournal) -> None:
    journal.claims.add("mine", [claim("k"), claim("l")], "run-1")
    journal.claims.end("mine", [("k",), ("nobody",)], NOON + HOUR, "no answer")
    ended = {each.key: (each.ended_at, each.reason) for each in journal.claims.of("mine")}
    journal.claims.add("mine", [claim("k", at=NOON + HOUR)], "run-2")

    assert ended == {("k",): (NOON + HOUR, "no answer"), ("l",): (None, None)}
    assert journal.claims.of("mine") == [claim("l"), claim("k", at=NOON + HOUR)]


def test_claims_are_dropped_by_key_and_keys_without_one_are_no_fault(journal: RunJournal) -> None:
    journal.claims.add("mine", [claim("k"), claim("l")], "run-1")
    journal.claims.add("other", [claim("k")], "run-1")
    journal.claims.drop("mine", [("k",), ("nobody",)])

    assert [[each.key for each in journal.claims.of(name)] for name in ("mine", "other")] == [[("l",)], [("k",)]]


# --- bindings ---------------------------------------------------------------------------------------------------------


def test_saved_values_that_are_not_saved_anew_stay(world: World, journal: RunJournal) -> None:
    journal.bindings.add("mine", [(ODD, {"id": 1, "name": "żółw"}), (("l",), {})])
    journal.bindings.add("mine", [(ODD, {"id": 2, "more": [True]}), (("l",), {})])
    found = world.journal()

    assert found.bindings.get("mine", ODD) == {"id": 2, "name": "żółw", "more": [True]}
    assert found.bindings.get("mine", ("l",)) == {}
    assert found.bindings.get("mine", ("nobody",)) is None
    assert found.bindings.get("other", ODD) is None


def test_bindings_are_streamed_as_texts_and_dropped_by_key(journal: RunJournal) -> None:
    journal.bindings.add("mine", [(("k",), {"id": 1}), (("l",), {"id": 2})])
    journal.bindings.add("other", [(("k",), {"id": 3})])
    before = sorted(journal.bindings.of("mine"))
    journal.bindings.drop("mine", [("k",), ("nobody",)])

    assert before == [('["k"]', '{"id":1}'), ('["l"]', '{"id":2}')]
    assert (list(journal.bindings.of("mine")), list(journal.bindings.of("other"))) == (
        [('["l"]', '{"id":2}')],
        [('["k"]', '{"id":3}')],
    )


# --- progress ---------------------------------------------------------------------------------------------------------


def test_progress_is_replaced_and_dropped_by_key(world: World, journal: RunJournal) -> None:
    journal.progress.put("mine", ODD, progress(1))
    journal.progress.put("mine", ODD, progress(2))
    journal.progress.put("mine", ("l",), progress(1))
    journal.progress.put("other", ODD, progress(3))
    journal.progress.drop("mine", [("l",), ("nobody",)])

    assert world.journal().progress.of("mine") == {ODD: progress(2)}
    assert world.journal().progress.of("other") == {ODD: progress(3)}


# --- rejections -------------------------------------------------------------------------------------------------------


def test_a_repeated_refusal_counts_and_keeps_when_the_first_one_was(world: World, journal: RunJournal) -> None:
    journal.rejections.add("mine", ODD, refusal("first"), payload_hash="1", fingerprint="f", document="{}")
    world.now += HOUR
    journal.rejections.add("mine", ODD, refusal("second"), payload_hash=None, fingerprint="g")
    [found] = world.journal().rejections.of("mine")

    assert (found.object, found.key, found.refusal) == ("mine", ODD, refusal("second"))
    assert (found.payload_hash, found.fingerprint, found.document) == (None, "g", None)
    assert (found.first_at, found.last_at, found.attempts, found.retry) == (NOON, NOON + HOUR, 2, False)


def test_rejections_are_listed_by_key_and_dropped(journal: RunJournal) -> None:
    for object_, key in (("mine", "l"), ("mine", "k"), ("mine", "m"), ("other", "k")):
        journal.rejections.add(object_, (key,), refusal("no"), payload_hash="1", fingerprint="f")
    journal.rejections.drop("mine", [("l",), ("nobody",)])

    assert [each.key for each in journal.rejections.of("mine")] == [("k",), ("m",)]
    assert [each.key for each in journal.rejections.of("other")] == [("k",)]
    assert [journal.rejections.count_of(each) for each in ("mine", "other", "nobody's")] == [2, 1, 0]


@pytest.mark.parametrize(
    ("passed", "hours", "due"),
    [
        (HOUR, 0, False),
        (HOUR - MINUTE, 1, False),
        (HOUR, 1, True),
        (-MINUTE, 1, True),  # noted by a clock that was wrong
    ],
)
def test_a_refused_record_is_due_when_its_hours_have_passed(
    passed: timedelta, hours: float, due: bool, world: World, journal: RunJournal
) -> None:
    journal.rejections.add("mine", ("k",), refusal("no"), payload_hash="1", fingerprint="f")
    world.now += passed
    [found] = journal.rejections.of("mine")

    assert journal.rejections.is_due(found, hours) == due


def test_another_try_that_is_asked_for_is_done_by_the_next_run_that_begins(journal: RunJournal) -> None:
    journal.rejections.add("mine", ("k",), refusal("no"), payload_hash="1", fingerprint="f")
    asked = journal.rejections.retry("mine", [("k",), ("nobody",)])
    before = due(journal)
    journal.rejections.take_up_retries("mine")
    during = due(journal)
    journal.rejections.add("mine", ("k",), refusal("again"), payload_hash="1", fingerprint="f")

    assert asked == 1
    assert (before, during, due(journal)) == (True, True, False)


def test_another_try_that_is_asked_for_during_a_run_is_due_after_it(journal: RunJournal) -> None:
    journal.rejections.add("mine", ("k",), refusal("no"), payload_hash="1", fingerprint="f")
    journal.rejections.take_up_retries("mine")
    journal.rejections.retry("mine", [("k",)])
    journal.rejections.add("mine", ("k",), refusal("again"), payload_hash="1", fingerprint="f")

    assert due(journal)


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_a_connection_pauses_for_longer_with_each_probe(world: World, journal: RunJournal) -> None:
    minutes = []
    for _ in range(3):
        journal.pauses.add("one", "401")
        journal.pauses.add("one", "another object, at once")
        pause = world.journal().pauses.all()["one"]
        minutes.append((pause.until - world.now) / MINUTE)
        world.now = pause.until

    assert minutes == [1, 2, 4]
    assert (pause.since, pause.probes, pause.reason) == (NOON, 3, "401")


def test_a_pause_that_is_asked_for_gets_longer_and_never_shorter(world: World, journal: RunJournal) -> None:
    untils = []
    for seconds in (60, 30, 90):
        journal.pauses.add("one", f"wait {seconds}", asked_seconds=seconds)
        untils.append(journal.pauses.all()["one"].until - NOON)
    pause = world.journal().pauses.all()["one"]

    assert untils == [MINUTE, MINUTE, 1.5 * MINUTE]
    assert (pause.since, pause.probes, pause.reason) == (NOON, 0, "wait 60")


def test_a_pause_ends_where_there_is_one(world: World, journal: RunJournal) -> None:
    journal.pauses.add("one", "401")
    journal.pauses.add("two", "401")
    for connection in ("one", "nobody"):
        journal.pauses.end(connection)

    assert world.journal().pauses.all().keys() == {"two"}


def test_a_pause_that_a_wrong_clock_noted_is_over(world: World, journal: RunJournal) -> None:
    world.now += timedelta(days=3650)
    journal.pauses.add("one", "401")
    world.now = NOON

    assert journal.pauses.all()["one"].until <= NOON


# --- requests and ends ------------------------------------------------------------------------------------------------


def test_attempts_are_kept(world: World, journal: RunJournal) -> None:
    journal.requests.add("mine", "run-1", exchange(target="/items/17", reason="too busy"))
    world.close()

    assert {each in world.backend.kept(world.folder) for each in ("/items/17", "too busy", "run-1")} == {True}


def test_the_ends_that_notes_speak_of_are_replaced(world: World, journal: RunJournal) -> None:
    before = journal.ends.of("mine")
    journal.ends.put("mine", {"target": identity("https://one.example.com"), "source": identity("erp")})
    journal.ends.put("mine", {"target": identity("https://two.example.com", "tenant")})
    journal.runs.settled("mine", 1)

    assert before == {}
    assert world.journal().ends.of("mine") == {"target": identity("https://two.example.com", "tenant")}


@pytest.mark.parametrize(
    ("note", "matters"),
    [
        (lambda journal: journal.runs.begin("mine", "run-1", NOON), False),
        (lambda journal: journal.marks.add("other", Range(1, 1)), False),
        (lambda journal: reject(journal, None), False),
        (lambda journal: reject(journal, "1"), True),
        (lambda journal: journal.marks.add("mine", Range(1, 1)), True),
        (lambda journal: journal.claims.add("mine", [claim("k")], "run-1"), True),
        (lambda journal: journal.bindings.add("mine", [(("k",), {})]), True),
        (lambda journal: journal.progress.put("mine", ("k",), progress(1)), True),
        (lambda journal: journal.runs.move_cursor("mine", 1), True),
    ],
)
def test_ends_matter_where_a_note_would_be_wrong_at_another_target(
    note: Callable[[RunJournal], Any], matters: bool, journal: RunJournal
) -> None:
    note(journal)

    assert journal.ends.matter("mine") == matters


# --- the ledger -------------------------------------------------------------------------------------------------------


class Broken(datetime):
    """A time that cannot be written."""

    def astimezone(self, tz: tzinfo | None = None) -> Self:
        raise ZeroDivisionError


def number_changes(staging: Staging, keys: Sequence[str], payload: int) -> None:
    """Leave the numbered changes of a run, as `numbering` does."""
    staging.run("delete from changes")
    for seq, key in enumerate(keys, 1):
        staging.run(
            "insert into changes values (?, ?, 'changed', 0, '', ?, ?, '{}', null)", [seq, key, payload, payload]
        )
    staging.set_meta("run_id", f"run-{payload}")


def held(staging: Staging) -> dict[str, tuple[int | None, bool]]:
    """Give payload hash and flag of all that the ledger holds."""
    found = staging.rows("select key, payload_hash, uncertain from ledger")
    return {key: (payload_hash, uncertain) for key, payload_hash, uncertain in found}


def test_a_new_ledger_is_empty_and_of_no_journal(world: World) -> None:
    world.folder.mkdir()
    with world.backend.ledger(world.folder) as (ledger, _):
        assert (ledger.is_empty, ledger.generation, ledger.unsettled, ledger.run_id) == (True, 0, 0, None)
        assert ledger.journal is None
        assert "mine" in ledger.place
        ledger.pair("1234")
    with world.backend.ledger(world.folder) as (ledger, _):
        assert ledger.journal == "1234"


def test_a_settle_takes_in_what_became_of_each_change(world: World) -> None:
    world.folder.mkdir()
    with world.backend.ledger(world.folder) as (ledger, staging):
        number_changes(staging, ["a", "b", "c", "d"], 7)
        before = (ledger.unsettled, ledger.run_id)
        ledger.settle(Outcomes(marked=[Range(1, 3)], confirmed=[Range(1, 1)], clean=[Range(3, 3)]), NOON)
    with world.backend.ledger(world.folder) as (ledger, staging):
        assert before == (4, "run-7")
        assert (ledger.generation, ledger.unsettled, ledger.is_empty) == (1, 0, False)
        assert held(staging) == {"a": (7, False), "b": (None, True)}


def test_a_settle_that_fails_half_way_leaves_all_as_it_was(world: World) -> None:
    world.folder.mkdir()
    with world.backend.ledger(world.folder) as (ledger, staging):
        number_changes(staging, ["a", "b"], 7)
        ledger.settle(Outcomes(marked=[Range(1, 2)], confirmed=[Range(1, 2)]), NOON)
        number_changes(staging, ["a", "b", "c"], 8)
        told = Outcomes(marked=[Range(1, 3)], confirmed=[Range(2, 2)])
        with pytest.raises(ZeroDivisionError):
            ledger.settle(told, Broken(2026, 7, 21, tzinfo=UTC))
        broken = (ledger.generation, ledger.unsettled, held(staging))
        ledger.settle(told, NOON)

        assert broken == (1, 3, {"a": (7, False), "b": (7, False)})
        assert (ledger.generation, held(staging)) == (2, {"a": (7, True), "b": (8, False), "c": (None, True)})


def test_a_ledger_begun_anew_holds_creates_that_are_not_finished_and_nothing_else(world: World) -> None:
    world.folder.mkdir()
    with world.backend.ledger(world.folder) as (ledger, staging):
        number_changes(staging, ["a", "b"], 7)
        ledger.settle(Outcomes(marked=[Range(1, 2)], confirmed=[Range(1, 2)]), NOON)
        number_changes(staging, ["a"], 8)
        ledger.rebuild({("b",): {"name": "B"}, ("c",): {}}, 5)

        assert (ledger.generation, ledger.unsettled) == (5, 0)
        assert held(staging) == {'["b"]': (None, True), '["c"]': (None, True)}


# --- what is noted ----------------------------------------------------------------------------------------------------


def notes_of(journal: RunJournal, object_: str) -> list[list[Range]]:
    """List marks and receipts: marked, confirmed, clean, gone."""
    return [journal.marks.of(object_), *(journal.marks.receipts(object_, outcome) for outcome in OUTCOMES)]


def due(journal: RunJournal) -> bool:
    [found] = journal.rejections.of("mine")
    return journal.rejections.is_due(found, 0)


def reject(journal: RunJournal, payload_hash: str | None) -> None:
    journal.rejections.add("mine", ("k",), refusal("no"), payload_hash=payload_hash, fingerprint="f")


def refusal(reason: str) -> Refusal:
    return Refusal(stage=Stage.TARGET, reason=reason, field="name", expression="{{ name }}", status=422)


def claim(key: str, *, at: datetime = NOON) -> Claim:
    return Claim(
        key=(key,), operation=0, payload_hash="1", row={"name": "żółw"}, claimed_at=at, ended_at=None, reason=None
    )


def progress(step: int) -> Progress:
    return Progress(operation=0, fingerprint="f", payload_hash="1", step=step, saved={"upload_id": step})


def exchange(*, target: str, reason: str) -> Exchange:
    return Exchange(
        method="PUT", target=target, lines=1, status=503, outcome="tried again", reason=reason, duration_seconds=0.1
    )


def result(*, failure: Failure, notes: tuple[str, ...] = ()) -> ObjectResult:
    return ObjectResult(
        object="mine",
        run_id="run-1",
        status=Status.FAILED,
        counts=Counts(),
        started_at=NOON,
        duration_seconds=1.0,
        failure=failure,
        notes=notes,
    )


def test_an_accepted_removal_is_known_by_its_object_and_request(world: World) -> None:
    with world.journal() as journal:
        journal.removals.add("mine", "DELETE /a")
        journal.removals.add("mine", "DELETE /a")
    with world.journal() as journal:
        known = [
            journal.removals.has(*each) for each in (("mine", "DELETE /a"), ("mine", "DELETE /b"), ("x", "DELETE /a"))
        ]

    assert known == [True, False, False]
