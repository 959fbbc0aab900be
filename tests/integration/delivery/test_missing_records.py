"""Records that somebody deleted at the platform: their update asks the look-up, or says what a person may do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.run.one_run import exit_of
from engine.values.errors import Exit
from world.project import World, world
from world.wire import Reply, Seen


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    """A project with three clients at the platform, and contacts, which cannot be looked up."""
    with world(tmp_path, "clients", "contacts") as made:
        clients(made, 1)
        assert made.run("clients")["confirmed"] == 3
        made.platform.take()
        yield made


def clients(it: World, version: int) -> None:
    it.put("client", *((f"k{number}", f"name {version}") for number in range(3)))


def moved(it: World, key: str, id_: str) -> None:
    it.platform.clients[id_] = it.platform.clients.pop(f"c-{key}-1")


def reasons(it: World, object_: str) -> list[str]:
    with it.journal() as journal:
        return [each.refusal.reason for each in journal.rejections.of(object_)]


ASKED = ["PUT /clients/c-k0-1", "PUT /clients/c-k1-1", "PUT /clients/c-k2-1", "GET /clients"]


def test_a_record_that_was_deleted_is_created_again_by_the_run_that_changes_it(it: World) -> None:
    del it.platform.clients["c-k1-1"]
    clients(it, 2)

    counts = it.run("clients")

    assert counts == {"extracted": 3, "changed": 3, "confirmed": 3, "requests": 5}
    assert sorted(it.platform.take()) == sorted([*ASKED, "POST /clients"])
    assert set(it.platform.clients) == {"c-k0-1", "c-k1-2", "c-k2-1"}
    assert {each["name"] for each in it.platform.clients.values()} == {"name 2"}
    assert it.run("clients") == {"extracted": 3, "unchanged": 3}
    clients(it, 3)
    assert it.run("clients")["confirmed"] == 3
    assert it.open() == {}


def test_a_record_that_is_there_under_another_id_is_bound_to_that_and_updated(it: World) -> None:
    moved(it, "k1", "c-other")
    clients(it, 2)

    counts = it.run("clients")

    assert counts == {"extracted": 3, "changed": 3, "confirmed": 3, "requests": 5}
    assert it.platform.clients["c-other"]["name"] == "name 2"
    with it.journal() as journal:
        assert journal.bindings.get("clients", ("k1",)) == {"client_id": "c-other"}


def test_an_update_that_finds_nobody_although_the_look_up_does_is_refused_by_its_request(it: World) -> None:
    it.platform.rule = lambda seen: 404 if seen.method == "PUT" else None
    clients(it, 2)

    counts = it.run("clients")

    assert counts == {"extracted": 3, "changed": 3, "rejected": 3, "requests": 9}
    reason = "status 404: planned; the look-up finds the record all the same: correct the request of the update"
    assert reasons(it, "clients") == [reason] * 3
    assert it.run("clients") == {"extracted": 3, "changed": 3, "rejected": 3}
    assert set(it.platform.clients) == {"c-k0-1", "c-k1-1", "c-k2-1"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Reply(body=b'[{"clientId": "a"}, {"clientId": "b"}]'), "rejected"),
        (503, "failed"),
    ],
    ids=["unclear", "none"],
)
def test_where_the_look_up_does_not_tell_nobody_is_created(it: World, answer: Reply | int, outcome: str) -> None:
    del it.platform.clients["c-k1-1"]
    clients(it, 2)
    it.platform.rule = lambda seen: answer if seen.method == "GET" else None

    counts = it.run("clients")

    assert counts == {"extracted": 3, "changed": 3, "confirmed": 2, outcome: 1, "requests": 4}
    assert "POST /clients" not in it.platform.take()
    it.platform.rule = lambda seen: None
    with it.journal() as journal:
        journal.rejections.retry("clients", [("k1",)])
    assert it.run("clients")["confirmed"] == 1
    assert set(it.platform.clients) == {"c-k0-1", "c-k1-2", "c-k2-1"}


@pytest.mark.parametrize("answer", ["refused", "lost"])
def test_a_create_that_follows_is_a_create_like_any_other(it: World, answer: str) -> None:
    del it.platform.clients["c-k1-1"]
    clients(it, 2)

    def rule(seen: Seen) -> str | int | None:
        return {"refused": 422, "lost": "after"}[answer] if seen.method == "POST" else None

    it.platform.rule = rule
    it.run("clients")
    it.platform.rule = lambda seen: None
    with it.journal() as journal:
        journal.rejections.retry("clients", [("k1",)])
    it.quiet("clients")

    assert len(it.platform.by_key("clients")) == 3
    assert {each["name"] for each in it.platform.clients.values()} == {"name 2"}
    assert it.open() == {}


def test_after_a_kill_at_any_effect_it_is_created_once(it: World) -> None:
    del it.platform.clients["c-k1-1"]
    clients(it, 2)
    it.photograph("before")
    deaths = 0
    for after in range(1, 60, 3):
        it.bring_back(1)
        if not it.dies(lambda: it.run("clients"), after):
            break
        deaths += 1
        it.quiet("clients")
        assert it.platform.doubles == []
        assert {each["name"] for each in it.platform.by_key("clients").values()} == {"name 2"}
    assert deaths > 3


def test_only_the_operations_that_are_due_are_taken(it: World) -> None:
    del it.platform.clients["c-k1-1"]
    clients(it, 2)

    assert it.run("clients", due=frozenset({1})) == {
        **{"extracted": 3, "changed": 3, "confirmed": 2, "not_due": 1, "requests": 4}
    }
    assert it.run("clients", due=frozenset({0})) == {
        **{"extracted": 3, "unchanged": 2, "added": 1, "confirmed": 1, "requests": 1}
    }


def test_without_a_look_up_it_is_refused_with_what_a_person_may_do(it: World) -> None:
    it.put("contact", ("c1", "k1", "a"))
    it.run("contacts")
    it.platform.things["contacts"].clear()
    it.put("contact", ("c1", "k1", "b"))

    assert it.run("contacts") == {"extracted": 1, "changed": 1, "rejected": 1, "requests": 1}
    remedy = "; if it was deleted there, `one-sync forget OBJECT KEY` lets the next run create it"
    assert it.last
    assert exit_of(it.last) is Exit.PARTIAL
    assert reasons(it, "contacts") == [f"status 404{remedy}"]
