"""A project that is pointed at another platform or database: nothing that was confirmed elsewhere counts there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.commands.status import _standings
from engine.cli.context import Context
from engine.inspect.plan import plan
from engine.inspect.why import why
from engine.operate.accept_ends import accept_ends
from engine.operate.adopt import adopt
from engine.values.errors import StateError
from world.project import World, world
from world.wire import Wire

ELSEWHERE = "https://test.example.invalid:8443/api"  # resolves nowhere, so that whatever is sent fails

ORDERS = """
object: orders
source: {connection: erp, query: "SELECT id || '-1' AS id, id AS client FROM client", key: [id]}
refs:
  client: {object: clients, on: {id: client}}
fields: {id: "{{ id }}", client: "{{ client.client_id }}"}
send:
  - on: [added, changed]
    request: {method: PUT, path: "/orders/{{ id | path }}", body: "{{ line }}"}
"""


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as it:
        it.edit("project", ('ApiAuth: "${KEY}"', 'ApiAuth: "${KEY}", one-tenant: "${TENANT}"'))
        it.variables["TENANT"] = "number one"
        yield it


def point(it: World, **variables: str) -> None:
    """Let the program start with other variables."""
    it.close()
    it.variables |= variables


def message(it: World, name: str) -> str:
    """Run an object that has to be refused, and give why."""
    it.platform.take()
    counts = it.run(name)
    assert it.last is not None
    assert it.last.failure is not None
    assert (counts, it.last.failure.code, it.platform.take()) == ({}, "E_TARGET_CHANGED", [])
    return it.last.failure.message


def status(it: World) -> dict[str, Any]:
    context = Context(project=it.folder, variables=it.variables)
    try:
        return {each["object"]: each["target_changed"] for each in _standings(context)[0] if each["target_changed"]}
    finally:
        context.close()


def test_what_another_platform_refused_is_not_taken_for_refused_here(it: World) -> None:
    it.platform.refused = {5}
    it.put("item", ("W1", "A", 5))
    it.run("items")
    point(it, ONE=ELSEWHERE)

    assert message(it, "items").startswith("items: what is confirmed was confirmed by http://localhost, but its target")


def test_at_another_platform_nothing_is_sent_and_every_command_says_so(it: World) -> None:
    it.put("item", ("W1", "A", 1))
    it.run("items")
    point(it, ONE=ELSEWHERE)
    [mapping] = it.app.loaded.select(["items"])
    planned = plan(it.app, mapping).failure

    assert message(it, "items") == (
        "items: what is confirmed was confirmed by http://localhost, but its target is now "
        "https://test.example.invalid:8443/api. Nothing was sent. If it is the same one under another address, run "
        "`one-sync adopt --same-target`; if it is another one, set another folder as `state` in project.yaml, so that "
        "all is sent there; else correct the address"
    )
    assert planned is not None
    assert planned.code == "E_TARGET_CHANGED"
    with pytest.raises(StateError, match="its target is now"):
        why(it.app, mapping, ["W1", "A"])
    assert status(it) == {
        "items": "items: what is confirmed was confirmed by http://localhost, but its target is now " + ELSEWHERE
    }


def test_another_tenant_is_another_platform(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    point(it, TENANT="second")

    assert "its target is now another tenant or database of http://localhost" in message(it, "clients")
    point(it, TENANT="number one")
    assert it.run("clients") == {"extracted": 1, "unchanged": 1}
    assert "number one" not in (it.state / "journal.sqlite").read_bytes().decode("latin-1")


def test_a_new_key_and_a_new_port_of_a_stand_in_are_no_other_platform(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    with Wire(it.platform.answer) as wire:
        point(it, KEY="rotated", ONE=wire.url.replace("127.0.0.1", "localhost"))
        it.put("client", ("k1", "Iza"))

        assert it.run("clients") == {"extracted": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.platform.names() == {"k1": "Iza"}


def test_a_platform_that_moved_is_accepted_by_one_command_and_only_changes_go_there(it: World) -> None:
    it.put("client", ("k1", "Ala"), ("k2", "Ola"))
    it.put("item", ("W1", "A", 1))
    it.run("clients")
    it.run("items")
    point(it, TENANT="renamed")
    accepted = [accept_ends(it.app, it.app.loaded.select([])) for _ in range(2)]
    it.put("client", ("k1", "Ala"), ("k2", "Iza"))
    it.platform.take()

    assert accepted == [["clients", "items"], []]
    assert it.run("clients") == {"extracted": 2, "unchanged": 1, "changed": 1, "confirmed": 1, "requests": 1}
    assert it.run("items") == {"extracted": 1, "unchanged": 1}
    assert it.platform.take() == ["PUT /clients/c-k2-1"]
    assert status(it) == {}


def test_another_platform_gets_all_with_a_state_of_its_own_and_the_first_one_goes_on(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    first, kept = it.state, dict(it.platform.clients)
    it.platform.clients, it.platform.created = {}, type(it.platform.created)()
    point(it, TENANT="second", STATE=str(first.with_name("second")))
    at_second = it.run("clients")
    it.platform.clients = kept
    point(it, TENANT="number one", STATE=str(first))

    assert at_second == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}
    assert it.run("clients") == {"extracted": 1, "unchanged": 1}


def test_an_address_that_never_confirmed_anything_may_be_corrected(it: World) -> None:
    it.put("item", ("W1", "A", 1))
    it.put("client", ("k1", "Ala"))
    right = it.variables["ONE"]
    point(it, ONE="http://one.example.invalid")
    first = [(it.run(name)["failed"], it.code) for name in ("items", "clients")]
    point(it, ONE=right)

    assert first == [(1, "E_TARGET")] * 2
    assert [it.run(name)["confirmed"] for name in ("items", "clients")] == [1, 1]


def test_references_do_not_carry_the_ids_of_another_platform(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    point(it, TENANT="second")
    it.add("orders", ORDERS)

    assert message(it, "orders").startswith("clients: what is confirmed was confirmed by ")


def test_another_database_of_the_erp_is_not_believed_to_hold_what_was_written_to_the_first(it: World) -> None:
    it.platform.write("l1", {"id": "l1", "subject": "one", "lines": []})
    it.run("letters")
    other = it.erp.with_name("other.sqlite")
    shutil.copy(it.erp, other)
    point(it, ERP=f"sqlite:///{other}")

    assert f"confirmed by sqlite {it.erp}, but its target is now sqlite {other}." in message(it, "letters")


def test_a_place_in_a_feed_is_not_taken_for_one_in_the_feed_of_another_platform(it: World) -> None:
    it.platform.write("l1", {"id": "l1", "subject": "one", "lines": []})
    it.run("letters")
    point(it, ONE=ELSEWHERE)

    assert f"what was read was read from http://localhost, but its source is now {ELSEWHERE}." in message(it, "letters")


def test_adopting_the_source_does_not_take_another_platform_for_the_first(it: World) -> None:
    it.put("client", ("k1", "Ala"))
    it.run("clients")
    point(it, TENANT="second")
    [mapping] = it.app.loaded.select(["clients"])
    it.platform.take()
    adopted = adopt(it.app, mapping)

    assert adopted.failure is not None
    assert (adopted.failure.code, it.platform.take()) == ("E_TARGET_CHANGED", [])
