"""A platform that is filled already, and a state that knows nothing of it: what is there is adopted, not doubled."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.inspect.plan import plan
from engine.operate.resolve_unknown import resolve_not_sent
from world.project import World, mapping, world
from world.wire import Reply

FORTY = [f"K-{number:02d}" for number in range(40)]
ASKS = ("      before_create: never\n", "")
ADOPTED = {"extracted": 40, "added": 40, "confirmed": 40, "requests": 80}  # a look-up and an update each


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    """A project that has created forty clients, and lost its state."""
    with world(tmp_path, "clients") as made:
        made.edit("clients", ASKS)
        made.put("client", *((key, f"name of {key}") for key in FORTY))
        assert made.run("clients")["confirmed"] == 40
        assert made.run("clients") == {"extracted": 40, "unchanged": 40}
        made.platform.take()
        shutil.rmtree(made.state)
        made.close()
        yield made


def posted(it: World) -> int:
    return it.platform.take().count("POST /clients")


def test_a_filled_platform_is_adopted_by_the_first_run(it: World) -> None:
    planned = plan(it.app, it.mapping("clients"))

    counts = it.run("clients")

    assert counts == ADOPTED
    assert "40 new records are looked up before anything is created; those that are there are adopted" in planned.notes
    assert planned.counts.requests == 80
    assert posted(it) == 0
    assert len(it.platform.names()) == 40
    assert it.run("clients") == {"extracted": 40, "unchanged": 40}
    it.put("client", *((key, f"name of {key}") for key in FORTY), ("N-1", "new"))
    assert it.run("clients") == {"extracted": 41, "unchanged": 40, "added": 1, "confirmed": 1, "requests": 1}


def test_what_is_not_there_is_created_once_and_its_lost_answer_is_looked_up(it: World) -> None:
    it.put("client", *((key, f"name of {key}") for key in FORTY[:2]), ("N-1", "new"))
    it.platform.rule = lambda seen: "after" if seen.method == "POST" else None

    counts = it.run("clients")

    assert counts == {"extracted": 3, "added": 3, "confirmed": 3, "requests": 8}
    assert it.platform.by_key("clients").keys() == {*FORTY, "N-1"}
    assert it.platform.created["N-1"] == 1


@pytest.mark.parametrize("after", range(2, 40, 6))
def test_a_first_load_that_was_killed_goes_on_asking(it: World, after: int) -> None:
    it.put("client", *((key, f"name of {key}") for key in FORTY[:8]))
    it.dies(lambda: it.run("clients"), after)

    it.quiet("clients")

    assert posted(it) == 0
    assert it.platform.doubles == []
    assert it.open() == {}


def test_records_that_were_refused_in_the_first_load_are_asked_for_when_they_are_mended(it: World) -> None:
    it.put("client", *((key, None if key < "K-10" else "as it was") for key in FORTY))
    assert it.run("clients")["rejected"] == 10
    it.put("client", *((key, "as it was") for key in FORTY))

    counts = it.run("clients")

    assert counts == {"extracted": 40, "unchanged": 30, "added": 10, "confirmed": 10, "requests": 20}
    assert posted(it) == 0


def test_a_look_up_that_does_not_tell_is_for_a_person_whose_word_is_heard(it: World) -> None:
    it.put("client", ("K-00", "a"), ("N-1", "new"))
    unclear = Reply(body=b'[{"clientId": "a"}, {"clientId": "b"}]')
    it.platform.rule = lambda seen: unclear if seen.target.endswith("N-1") else None

    assert it.run("clients") == {"extracted": 2, "added": 2, "confirmed": 1, "unknown": 1, "requests": 3}
    assert it.open() == {"claims": 1}
    assert it.run("clients")["unknown"] == 1
    assert posted(it) == 0
    resolve_not_sent(it.app, it.mapping("clients"), ["N-1"])
    assert it.run("clients") == {"extracted": 2, "unchanged": 1, "added": 1, "confirmed": 1, "requests": 1}
    assert it.platform.created["N-1"] == 1


def test_a_platform_that_cannot_be_asked_is_not_filled_blindly(it: World) -> None:
    it.platform.rule = lambda seen: 503 if seen.method == "GET" else None
    it.put("client", ("K-00", "a"), ("K-01", "b"))

    assert it.run("clients")["failed"] == 2
    it.platform.rule = lambda seen: None
    assert it.run("clients")["confirmed"] == 2
    assert posted(it) == 0
    assert it.open() == {}


def test_it_can_be_switched_off_or_asked_for_always(it: World) -> None:
    it.put("client", ("N-1", "new"))
    it.edit("clients", ("    lookup:\n", "    lookup:\n      before_create: never\n"))
    assert it.run("clients") == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}
    it.edit("clients", ("before_create: never", "before_create: always"))
    it.put("client", ("N-1", "new"), ("K-07", "of another program"))

    assert it.run("clients") == {"extracted": 2, "unchanged": 1, "added": 1, "confirmed": 1, "requests": 2}
    assert it.platform.created["K-07"] == 1


def test_a_lost_ledger_in_a_first_load_that_is_not_over_asks_again(it: World) -> None:
    it.put("client", *((key, None if key < "K-10" else "as it was") for key in FORTY))
    it.run("clients")
    (it.state / "clients.duckdb").unlink()
    it.put("client", *((key, "as it was") for key in FORTY))

    it.quiet("clients")

    assert posted(it) == 0
    assert len(it.platform.names()) == 40


def test_without_a_look_up_a_run_says_that_it_creates_for_the_first_time(tmp_path: Path) -> None:
    with world(tmp_path, "notes") as it:
        it.put("note", ("n1", "a"), ("n2", "b"))
        said = "notes: 2 records are created for the first time, and nothing asks whether the target holds such already"

        planned = plan(it.app, it.mapping("notes")).notes
        it.run("notes")

        assert it.last is not None
        assert [each[: len(said)] for each in (*planned, *it.last.notes)] == [said, said]
        it.put("note", ("n1", "a"), ("n2", "b"), ("n3", "c"))
        it.run("notes")
        assert it.last.notes == ()


def test_requests_that_may_be_repeated_ask_nobody(tmp_path: Path) -> None:
    with world(tmp_path, "items") as it:
        assert "lookup" not in mapping("items")
        it.put("item", ("W1", "A", 5))
        assert it.run("items") == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}
        assert it.last is not None
        assert it.last.notes == ()
