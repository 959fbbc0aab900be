"""Random histories of one target, its source and its ledger: whatever happens, calm runs make both equal.

The rules of ledger.md against the real code: real DuckDB and journal files, the real diff, delivery, recording and
settling, over a target in memory that passes the same rules. Many small worlds of three keys live in one object, each
in a group of its own, so that one run plays a step of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Event, Lock
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.connections.http.attempt import Reading, Terms
from engine.connections.settings import Retry
from engine.delivery.deliver import End
from engine.delivery.events import Done, Verdict
from engine.delivery.note_events import Facts, Notes, Sent, leaves, noted
from engine.delivery.notes import Receipt
from engine.delivery.part import Part
from engine.delivery.targets import Window
from engine.state.journal.marks_and_receipts import Marks
from engine.state.journal.requests import Exchange
from engine.state.ledger import Ledger, Outcomes
from engine.state.memory import Room
from engine.state.staging import Staging
from engine.values.arrow import Batch
from engine.values.exchanges import Answer, Answered, Lost, NotSent
from engine.values.ranges import Range
from engine.values.records import Change
from engine.values.results import Counts
from world.deaths import Fuse
from world.effort import examples
from world.histories import Story, batch, begun
from world.project import mapping, memory

KEYS = ("a", "b", "c")
BAD = 9  # the value that the target refuses
WORLDS = 50
STEPS = 6
NOW = datetime(2026, 3, 1, tzinfo=UTC)

State: TypeAlias = dict[tuple[str, str], int]  # (world, key): value
Rows: TypeAlias = list[tuple[str, str, int]]

MIXES = (  # what becomes of requests, by turns
    ("ok",) * 40 + ("before", "after", "unsent", "refused") * 5 + ("kill before", "kill after"),
    ("ok",) * 4 + ("before", "after", "after", "unsent", "refused", "refused"),
    ("ok",) * 4 + ("unsent",) * 5 + ("refused",),
)


@dataclass
class Target:
    """A target in memory; `random` decides what becomes of a request, None: all goes well."""

    fuse: Fuse
    random: Random | None = None
    held: State = field(default_factory=dict)
    mix: tuple[str, ...] = MIXES[0]
    partial: bool = False  # a refused request of several lines may have taken some of them
    connection: str = "one"
    _lock: Lock = field(default_factory=Lock)

    def size(self, operation: int) -> int:
        return 2

    def terms(self, operation: int) -> Terms:
        return Terms(creates=False, retry=Retry(attempts=2, first_delay_seconds=0, max_delay_seconds=0))

    def end(self, operation: int, window: Window, stop: Event) -> End:
        def build(part: Part) -> list[tuple[str, str, int | None]]:
            return [
                (
                    str(each.row["grp"]),
                    str(each.row["id"]),
                    None if each.change is Change.REMOVED else each.row["value"],
                )
                for each in window.records(part.range)
            ]

        return End(
            build=build,
            exchange=self._exchange,
            read=lambda part, answer: Reading(),
            unavailable=lambda: False,
            workers=1,
        )

    def describe(self, request: Any, answer: Answer) -> Exchange:
        return Exchange(
            method="POST",
            target="",
            lines=0,
            status=None,
            outcome="",
            reason=None,
            duration_seconds=answer.duration_seconds,
        )

    def _exchange(self, lines: Sequence[tuple[str, str, int | None]]) -> Answer:
        with self._lock:
            self.fuse.step()
            fault = self.random.choice(self.mix) if self.random else "ok"
            if fault == "kill before":
                self.fuse.die()
            if fault == "unsent":
                return NotSent(reason="no connection")
            if fault == "before":
                return Lost(reason="silence")
            refused = fault == "refused" or any(value == BAD for _, _, value in lines)
            self._apply(lines, refused=refused)
            if fault == "kill after":
                self.fuse.die()
            if fault == "after":
                return Lost(reason="silence")
            return Answered(status=422 if refused else 200)

    def _apply(self, lines: Sequence[tuple[str, str, int | None]], *, refused: bool) -> None:
        for world, key, value in lines:
            if refused and not (
                self.partial and len(lines) > 1 and value != BAD and self.random and self.random.random() < 0.5
            ):
                continue
            if value is None:
                self.held.pop((world, key), None)
            else:
                self.held[world, key] = value


def play(seed: int, folder: Path, *, count: int = WORLDS) -> list[str]:
    """Play the histories of one seed in so many worlds; give those that end wrong."""
    random = Random(seed)
    source: State = {}

    def read() -> Batch:
        groups, names = ([place[part] for place in source] for part in (0, 1))
        return batch({"grp": groups, "id": names, "value": list(source.values())})

    with begun(folder, "items", mapping("items")) as (program, around, fuse):
        target = Target(fuse, partial=seed % 2 == 0, mix=MIXES[seed % 3])
        it = Story(
            program=program,
            around=around,
            fuse=fuse,
            read=read,
            target=target,
            fallible=target,
            longest=2 * count + 40,
        )
        worlds = [f"w{number}" for number in range(count)]
        for _ in range(STEPS):
            for world in worlds:
                _change(source, world, random)
            it.faulty(random)
        for place in [place for place, value in source.items() if value == BAD]:
            source[place] = 1
        for place in [place for place in source if random.random() < 0.35]:
            del source[place]
        it.forgive()
        it.calm()
        last = it.calm()

        assert last.counts == Counts(extracted=len(source), unchanged=len(source))
        return [world for world in worlds if _of(source, world) != _of(target.held, world)]


def _change(source: State, world: str, random: Random) -> None:
    for key in KEYS:
        chance = random.random()
        if chance < 0.25:
            source.pop((world, key), None)
        elif chance < 0.6:
            source[world, key] = random.choice((1, 2, BAD))


def _of(state: State, world: str) -> State:
    return {place: value for place, value in state.items() if place[0] == world}


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_calm_runs_make_target_and_source_equal(seed: int) -> None:
    with memory() as folder:
        assert play(seed, folder) == []


# --- the rules are needed ------------------------------------------------------------------------------------


def no_mark(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Marks, "add", lambda self, object_, about_to_send: None)


def clean_after(verdict: Verdict, patch: pytest.MonkeyPatch) -> None:
    def lax(event: Any, facts: Facts, sent: Sent) -> Notes:
        lies = isinstance(event, Done) and event.verdict is verdict
        return noted(replace(event, clean=True) if lies else event, facts, sent)

    patch.setattr("engine.delivery.record_events.noted", lax)


def clean_after_attempts(patch: pytest.MonkeyPatch) -> None:
    clean_after(Verdict.FAILED, patch)


def clean_after_refusal(patch: pytest.MonkeyPatch) -> None:
    clean_after(Verdict.REJECTED, patch)


def clean_after_several_were_refused(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("engine.delivery.done_events.is_untouched", lambda part, terms: not part.past.unknown)


def never_confirmed_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    settle = Ledger.settle

    def settle_and_forget(self: Ledger, outcomes: Outcomes, at: datetime) -> None:
        settle(self, outcomes, at)
        self._staging.run("delete from ledger where payload_hash is null")

    patch.setattr(Ledger, "settle", settle_and_forget)


def receipts_before_requests(patch: pytest.MonkeyPatch) -> None:
    def early(part: Part, facts: Facts, sent: Sent) -> tuple[Sent, Notes]:
        sent, notes = leaves(part, facts, sent)
        return sent, (*notes, Receipt(range=part.range, outcome="confirmed"))

    patch.setattr("engine.delivery.record_events.leaves", early)


def no_recovery(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "engine.run.one_run.recover",
        lambda ledger, journal, object_, at: journal.runs.settled(object_, ledger.generation),
    )


BREAKS: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
    no_mark,
    clean_after_attempts,
    clean_after_refusal,
    clean_after_several_were_refused,
    never_confirmed_are_forgotten,
    receipts_before_requests,
    no_recovery,
)


@pytest.mark.parametrize("leave_out", BREAKS, ids=lambda leave_out: leave_out.__name__)
def test_each_rule_is_missed_where_it_is_left_out(
    leave_out: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out(monkeypatch)

    assert any(_goes_wrong(seed) for seed in (4, 2, 1, 3, *range(5, 16), 0))


def _goes_wrong(seed: int) -> bool:
    with memory() as folder:
        return bool(play(seed, folder, count=60))


# --- settle alone --------------------------------------------------------------------------------------------

ranges = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 5)).map(lambda pair: Range(pair[0], min(12, sum(pair)))))
outcomes = st.builds(Outcomes, marked=ranges, confirmed=ranges, clean=ranges, gone=ranges)
keys = st.sampled_from([f'["{name}"]' for name in "abcdefgh"])


@dataclass(frozen=True)
class Row:
    """A row of the ledger, and what a change would make of it."""

    key: str
    payload: int | None
    uncertain: bool
    value: str


ledgers = st.dictionaries(keys, st.tuples(st.sampled_from([None, 1, 2]), st.booleans()), max_size=8)
numbered = st.lists(st.tuples(keys, st.sampled_from(list(Change)), st.integers(3, 5)), max_size=12)
unnumbered = st.dictionaries(keys, st.integers(6, 7), max_size=4)


def reference(
    ledger: dict[str, Row], numbered: Sequence[tuple[str, Change, int]], unnumbered: dict[str, int], told: Outcomes
) -> dict[str, Row]:
    """Say in plain Python what settle has to make of a ledger."""

    def among(seq: int, ranges: Sequence[Range]) -> bool:
        return any(first <= seq <= last for first, last in ranges)

    after = dict(ledger)
    confirmed: set[str] = set()
    for key, payload in unnumbered.items():
        after[key] = Row(key, payload, False, f"same {payload}")
        confirmed.add(key)
    for seq, (key, change, payload) in enumerate(numbered, 1):
        if among(seq, told.confirmed):
            confirmed.add(key)
            after.pop(key, None)
            if change is not Change.REMOVED:
                after[key] = Row(key, payload, False, f"sent {payload}")
    gone = {key for seq, (key, _, _) in enumerate(numbered, 1) if among(seq, told.gone)}
    for seq, (key, _, payload) in enumerate(numbered, 1):
        is_open = among(seq, told.gone) or (among(seq, told.marked) and not among(seq, told.clean))
        if key not in confirmed and is_open:
            held = ledger[key].payload if key in ledger and key not in gone else None
            after[key] = Row(key, held, True, f"sent {payload}")
    return after


@pytest.fixture(scope="module", params=[Room(), Room(20_000_000_000)], ids=["light", "three rows at once"])
def staging(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staging]:
    folder = tmp_path_factory.mktemp("settle")
    opened = Staging.open(folder / "items.duckdb", scratch=folder, wait_seconds=0)
    opened.room = request.param
    opened.run('alter table ledger add column "c:value" varchar')
    yield opened
    opened.close()


def fill(
    staging: Staging, ledger: dict[str, Row], numbered: Sequence[tuple[str, Change, int]], unnumbered: dict[str, int]
) -> None:
    staging.run("delete from ledger")
    for row in ledger.values():
        staging.run(
            'insert into ledger (key, row_hash, payload_hash, uncertain, "c:value") values (?, ?, ?, ?, ?)',
            [row.key, row.payload, row.payload, row.uncertain, row.value],
        )
    staging.run(
        "create or replace table changes (seq bigint, key varchar, change varchar, operation integer, grp varchar,"
        ' row_hash uhugeint, payload_hash uhugeint, line varchar, saved varchar, "c:value" varchar)'
    )
    rows = [
        (seq, key, str(change), payload, f"sent {payload}") for seq, (key, change, payload) in enumerate(numbered, 1)
    ]
    rows += [(None, key, "changed", payload, f"same {payload}") for key, payload in unnumbered.items()]  # type: ignore[misc]
    for seq, key, change, payload, value in rows:
        staging.run(
            "insert into changes values (?, ?, ?, 0, '', ?, ?, '{}', null, ?)",
            [seq, key, change, payload, payload, value],
        )


def ledger_of(staging: Staging) -> dict[str, Row]:
    found = staging.rows('select key, payload_hash, uncertain, "c:value" from ledger')
    assert len({key for key, *_ in found}) == len(found)
    return {key: Row(key, payload, uncertain, value) for key, payload, uncertain, value in found}


@settings(max_examples=examples(25))
@given(before=ledgers, numbered=numbered, unnumbered=unnumbered, told=outcomes)
def test_settling_is_what_plain_python_says_and_settling_twice_changes_nothing(
    staging: Staging,
    before: dict[str, tuple[int | None, bool]],
    numbered: list[tuple[str, Change, int]],
    unnumbered: dict[str, int],
    told: Outcomes,
) -> None:
    ledger = {key: Row(key, payload, uncertain, "old") for key, (payload, uncertain) in before.items()}
    fill(staging, ledger, numbered, unnumbered)

    Ledger(staging).settle(told, NOW)
    once = ledger_of(staging)
    Ledger(staging).settle(told, NOW)
    twice = ledger_of(staging)

    assert once == reference(ledger, numbered, unnumbered, told)
    assert twice == once
    assert staging.value("select count(*) from changes") == 0
