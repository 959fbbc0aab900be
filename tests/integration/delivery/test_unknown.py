"""Creates of unknown outcome: whatever a look-up answers and a person says, no client is created twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.operate.adopt import adopt
from engine.operate.resolve_unknown import resolve_confirmed, resolve_not_sent
from engine.run.one_run import exit_of
from engine.state.journal.sqlite_file import FILE_NAME
from engine.values.errors import ConfigError, Exit, RunError
from engine.values.records import Key
from world.deaths import Crash
from world.project import World, world
from world.wire import Reply

LOOKUP = """    lookup:
      before_create: never
      settle_seconds: 0.01
      request: {method: GET, path: /clients, query: {externalId: "{{ id }}"}}
      found: "{{ body | length == 1 }}"
      save: {client_id: "{{ body[0].clientId }}"}
"""
STRICT = ('found: "{{ body | length == 1 }}"', 'found: "{{ body | length == 1 and body[0].externalId == id }}"')
NO_REMOVAL = (
    '  - on: [removed]\n    request: {method: DELETE, path: "/clients/{{ saved.client_id | path }}"}\n',
    "",
)


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.put("client", ("k1", "Ala"), ("k2", "Ola"))
        yield made


def unknown(it: World) -> list[Key]:
    with it.journal() as journal:
        return [claim.key for claim in journal.claims.of("clients")]


def exit_code(it: World) -> Exit:
    assert it.last is not None
    return exit_of(it.last)


def lose(it: World, fault: Any, look_up: Any, *ids: str) -> None:
    """Lose the answers of the creates of some clients, or the creates, and let look-ups have an answer of their own."""
    external = {f'"externalId":"{id_}"' for id_ in ids or ("k1",)}

    def rule(seen: Any) -> Any:
        body = (seen.body or b"").decode()
        if seen.method == "POST" and any(each in body for each in external):
            return fault
        return look_up if seen.method == "GET" else None

    it.platform.rule = rule


def heal(it: World) -> None:
    it.platform.rule = lambda _: None


# --- what a look-up may answer -----------------------------------------------------------------------------------

SOMEBODY = b'[{"clientId": "c-other", "externalId": "k9"}]'
SEVERAL = b'[{"clientId": "c-1", "externalId": "k1"}, {"clientId": "c-2", "externalId": "k1"}]'
HELD = (Exit.PARTIAL, None)
ANSWERS: dict[str, tuple[Any, tuple[Exit, str | None]]] = {
    "several": (Reply(body=SEVERAL), HELD),
    "somebody else": (Reply(body=SOMEBODY), HELD),
    "found without an id": (Reply(body=b'[{"externalId": "k1"}]'), HELD),
    "another shape": (Reply(body=b'{"content": []}'), HELD),
    "a number": (Reply(body=b"7"), HELD),
    "no JSON": (Reply(body=b"<html>busy</html>"), HELD),
    "half an answer": (Reply(body=b"[{"), HELD),
    "400": (400, HELD),
    "405": (405, HELD),
    "409": (409, HELD),
    "422": (422, HELD),
    "408": (408, HELD),
    "429": (429, HELD),
    "500": (500, HELD),
    "503": (503, HELD),
    "no answer": ("before", HELD),
    "401": (401, HELD),  # the create of somebody else was accepted
    "403": (403, HELD),
    "a redirect": (Reply(status=302, headers={"Location": "/login"}), HELD),
}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [*((answer, "after") for answer in ANSWERS), *((answer, "before") for answer in ("several", "500", "401"))],
)
def test_a_look_up_that_proves_nothing_creates_nothing_and_is_asked_again(it: World, answer: str, fault: str) -> None:
    look_up, expected = ANSWERS[answer]
    it.edit("clients", STRICT)
    lose(it, fault, look_up)

    it.run("clients")
    first = (exit_code(it), it.code)
    it.run("clients")
    claimed = unknown(it)
    made = it.platform.created["k1"]
    heal(it)
    it.close()  # a program that is started anew knows of no refused credentials
    it.quiet("clients")

    assert first == expected
    assert ("k1",) in claimed
    assert made == (1 if fault == "after" else 0)
    assert unknown(it) == []
    assert it.platform.names() == {"k1": "Ala", "k2": "Ola"}  # each created once


def test_what_is_confirmed_by_an_answer_without_its_id_is_looked_up(it: World) -> None:
    it.edit("clients", ("    lookup:", "    on_status: {422: confirm}\n    lookup:"))
    it.platform.create("clients", {"externalId": "k1", "name": "Ewa"})
    lose(it, 422, None)

    it.run("clients")
    it.quiet("clients")
    heal(it)
    it.sql("DELETE FROM client WHERE id = 'k1'")
    it.quiet("clients")

    assert it.platform.names() == {"k2": "Ola"}


@pytest.mark.parametrize("rejected", [0, 1])
def test_a_create_that_is_not_ok_is_looked_up_and_then_bound_or_rejected(it: World, rejected: int) -> None:
    it.edit("clients", ("    lookup:", '    ok: "{{ body.ok is not defined }}"\n    lookup:'))
    made = Reply(status=200, body=b'{"ok": false}')

    def rule(seen: Any) -> Any:
        if seen.method != "POST" or b'"k1"' not in (seen.body or b""):
            return None
        if not rejected:
            it.platform.create("clients", {"externalId": "k1", "name": "Ala"})
        return made

    it.platform.rule = rule

    counts = it.run("clients")

    assert (counts.get("rejected", 0), counts.get("unknown", 0), unknown(it)) == (rejected, 0, [])
    assert len(it.rejected("clients")) == rejected


def test_what_is_confirmed_by_such_an_answer_and_is_not_there_is_rejected(it: World) -> None:
    it.edit("clients", ("    lookup:", "    on_status: {422: confirm}\n    lookup:"))
    lose(it, 422, None)

    counts = it.run("clients")

    assert (counts["rejected"], counts["confirmed"], unknown(it)) == (1, 1, [])
    with it.journal() as journal:
        [rejection] = journal.rejections.of("clients")
    assert (rejection.refusal.status, "the look-up finds no such record" in rejection.refusal.reason) == (422, True)


@pytest.mark.parametrize("answer", [404, Reply(body=b"[]"), Reply(body=b""), Reply(body=b"null")])
def test_a_look_up_that_finds_none_lets_it_be_created_once(it: World, answer: Any) -> None:
    lose(it, "before", answer)
    it.run("clients")
    heal(it)

    it.quiet("clients")

    assert it.platform.names() == {"k1": "Ala", "k2": "Ola"}


def test_a_wait_that_a_look_up_is_asked_for_is_waited(it: World) -> None:
    answers = iter([Reply(status=429, headers={"Retry-After": "0.05"})])
    lose(it, "after", None)
    rule = it.platform.rule
    it.platform.rule = lambda seen: next(answers, None) if seen.method == "GET" else rule(seen)

    counts = it.run("clients")

    assert (counts["confirmed"], unknown(it)) == (2, [])
    assert it.platform.names() == {"k1": "Ala", "k2": "Ola"}


def test_a_look_up_that_is_asked_to_wait_for_too_long_keeps_the_claim(it: World) -> None:
    lose(it, "after", Reply(status=429, headers={"Retry-After": "900"}))
    it.run("clients")
    told = (exit_code(it), it.code, unknown(it))
    heal(it)
    it.close()  # a program that is started anew knows of no wait
    it.quiet("clients")

    assert told == (Exit.UNAVAILABLE, "E_ASKED_TO_WAIT", [("k1",)])
    assert it.platform.names() == {"k1": "Ala", "k2": "Ola"}


def test_a_look_up_that_cannot_be_made_creates_nothing(it: World) -> None:
    lose(it, "after", 500)
    it.run("clients")
    it.edit("clients", ('query: {externalId: "{{ id }}"}', 'query: {externalId: "{{ id | number }}"}'))
    heal(it)

    it.run("clients")

    assert unknown(it) == [("k1",)]
    assert it.platform.names() == {"k1": "Ala", "k2": "Ola"}


# --- what a person says ------------------------------------------------------------------------------------------


@pytest.fixture
def alone(it: World) -> World:
    """A client whose create was lost, of an object without a look-up."""
    it.edit("clients", (LOOKUP, ""))
    return it


def resolve(it: World, id_: str = "k1", **saved: Any) -> None:
    [mapping] = it.app.loaded.select(["clients"])
    if saved:
        resolve_confirmed(it.app, mapping, [id_], saved)
    else:
        resolve_not_sent(it.app, mapping, [id_])


def test_without_a_look_up_nothing_is_sent_until_a_person_says_so(alone: World) -> None:
    lose(alone, "after", None)
    alone.run("clients")
    heal(alone)
    alone.put("client", ("k1", "Ala Nowak"), ("k2", "Ola"))  # the payload changes meanwhile
    alone.platform.take()

    again = [alone.run("clients")["unknown"] for _ in range(2)]
    sent = alone.platform.take()
    resolve(alone, client_id="c-k1-1")
    with pytest.raises(RunError, match="the outcome of clients k1 is not unknown"):
        resolve(alone, client_id="c-k1-1")
    alone.quiet("clients")

    assert (again, sent) == ([1, 1], [])
    assert alone.platform.take() == ["PUT /clients/c-k1-1"]
    assert alone.platform.names() == {"k1": "Ala Nowak", "k2": "Ola"}


def test_what_was_not_sent_is_created_exactly_once_and_as_it_is_now(alone: World) -> None:
    lose(alone, "before", None)
    alone.run("clients")
    heal(alone)
    alone.put("client", ("k1", "Ala Nowak"), ("k2", "Ola"))

    resolve(alone)
    with pytest.raises(RunError):
        resolve(alone)
    alone.quiet("clients")

    assert alone.platform.names() == {"k1": "Ala Nowak", "k2": "Ola"}


@pytest.mark.parametrize("outcome", ["confirmed", "not sent"])
def test_a_record_that_left_the_source_meanwhile_is_resolved_too(alone: World, outcome: str) -> None:
    lose(alone, "after" if outcome == "confirmed" else "before", None)
    alone.run("clients")
    heal(alone)
    alone.put("client", ("k2", "Ola"))
    alone.run("clients")
    held = unknown(alone)

    if outcome == "confirmed":
        resolve(alone, client_id="c-k1-1")
    else:
        resolve(alone)
    alone.quiet("clients")
    alone.put("client", ("k1", "Ala"), ("k2", "Ola"))  # and comes back
    alone.platform.created.clear()
    alone.quiet("clients")

    assert held == [("k1",)]
    assert {each["externalId"]: each["name"] for each in alone.platform.clients.values()} == {"k1": "Ala", "k2": "Ola"}
    assert alone.platform.created == {"k1": 1}


def test_each_of_several_is_resolved_by_its_own_key(alone: World) -> None:
    lose(alone, "after", None, "k1", "k2")
    alone.run("clients")
    heal(alone)

    resolve(alone, "k2", client_id="c-k2-1")
    between = unknown(alone)
    resolve(alone, "k1", client_id="c-k1-1")
    alone.quiet("clients")

    assert between == [("k1",)]
    assert alone.platform.names() == {"k1": "Ala", "k2": "Ola"}


# --- the way out of a lost journal ---------------------------------------------------------------------------------


def lose_journal(it: World) -> None:
    for path in it.state.glob(f"{FILE_NAME}*"):
        path.unlink()
    it.close()


def adopted(it: World) -> Any:
    [mapping] = it.app.loaded.select(["clients"])
    return adopt(it.app, mapping)


def test_after_a_lost_journal_ids_that_nobody_can_be_asked_for_are_told_by_a_person(alone: World) -> None:
    alone.run("clients")
    lose_journal(alone)
    alone.run("clients")
    behind = alone.code
    alone.put("client", ("k1", "Ala Nowak"), ("k2", "Ola"), ("k3", "Ewa"))

    result = adopted(alone)
    held = unknown(alone)
    between = alone.run("clients")
    resolve(alone, "k1", client_id="c-k1-1")
    resolve(alone, "k2", client_id="c-k2-1")
    alone.quiet("clients")

    assert behind == "E_JOURNAL_BEHIND"
    assert (result.counts.unknown, exit_of(result), held) == (2, Exit.PARTIAL, [("k1",), ("k2",)])
    assert "`one-sync unknown resolve clients KEY --confirmed --save client_id=VALUE`" in result.notes[0]
    assert (between["confirmed"], between["unknown"]) == (1, 2)  # what the journal never knew goes on
    assert alone.platform.names() == {"k1": "Ala Nowak", "k2": "Ola", "k3": "Ewa"}


def test_after_a_lost_journal_a_look_up_that_is_added_finds_them(alone: World) -> None:
    alone.run("clients")
    lose_journal(alone)
    adopted(alone)
    save = '    save: {client_id: "{{ body.clientId }}"}\n'
    alone.edit("clients", (save, save + LOOKUP))

    alone.quiet("clients")

    assert (unknown(alone), alone.platform.names()) == ([], {"k1": "Ala", "k2": "Ola"})


def test_an_object_whose_files_belong_together_is_not_adopted_without_its_ids(alone: World) -> None:
    alone.run("clients")

    with pytest.raises(ConfigError, match="client_id is saved from the target's answers"):
        adopted(alone)

    assert unknown(alone) == []


@pytest.mark.parametrize("fault", ["after", "before"])
@pytest.mark.parametrize("look_up", [True, False])
def test_a_create_that_was_unknown_before_the_journal_was_lost_is_not_created_blindly(
    it: World, fault: str, look_up: bool
) -> None:
    if not look_up:
        it.edit("clients", (LOOKUP, ""))
    lose(it, fault, 500)
    it.run("clients")
    heal(it)
    lose_journal(it)

    adopted(it)
    if not look_up:
        for id_ in ("k1", "k2"):
            done = f"c-{id_}-1" in it.platform.clients
            resolve(it, id_, **({"client_id": f"c-{id_}-1"} if done else {}))
    it.quiet("clients")

    assert it.platform.names() == {"k1": "Ala", "k2": "Ola"}


def test_creates_of_a_run_that_was_killed_before_its_journal_was_lost_are_asked_for(it: World) -> None:
    it.run("clients")
    it.put("client", ("k1", "Ala"), ("k2", "Ola"), ("k3", "Ewa"))
    old = it.state / "old.sqlite"
    with (
        closing(sqlite3.connect(it.state / FILE_NAME)) as journal,
        closing(sqlite3.connect(old)) as copy,
    ):
        journal.backup(copy)

    def kill(*_: Any) -> None:
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.run.one_run.settle_run", kill)
        with pytest.raises(Crash):
            it.run("clients")
    lose_journal(it)
    old.rename(it.state / FILE_NAME)

    it.run("clients")
    adopted(it)
    it.quiet("clients")

    assert it.platform.names() == {"k1": "Ala", "k2": "Ola", "k3": "Ewa"}


# --- answers that belong to nobody -------------------------------------------------------------------------------


def test_two_answers_to_one_create_bind_nobody_to_the_second(it: World) -> None:
    it.edit("clients", STRICT)
    two = Reply(body=b'{"clientId": "one"}').text() + Reply(body=b'{"clientId": "stray"}').text()
    posts: list[str] = []

    def rule(seen: Any) -> Any:
        if seen.method != "POST":
            return None
        posts.append(seen.body.decode())
        return {1: Reply(raw=two), 2: Reply(close=True, cut=0)}.get(len(posts))

    it.platform.rule = rule
    it.run("clients")
    heal(it)
    it.run("clients")

    with it.journal() as journal:
        bound = [saved for _, saved in journal.bindings.of("clients")]
    assert len(bound) == 2
    assert not any("stray" in saved for saved in bound)
