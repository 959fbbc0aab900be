"""`forget` lets a record be a new one; `resend` says what becomes of each record that it sends again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.operate.forget import forget
from engine.operate.resend import Resent, resend
from engine.values.errors import ConfigError, RunError
from world.project import World, world

ASKS = ("      before_create: never\n", "")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    """Two clients and a contact, each at the platform."""
    with world(tmp_path, "clients", "contacts", "items") as made:
        made.edit("clients", ASKS)
        made.put("client", ("k1", "a"), ("k2", "b"))
        made.put("contact", ("c1", "k1", "a"))
        made.put("item", ("W1", "A", 1))
        for name in ("clients", "contacts", "items"):
            assert "confirmed" in made.run(name)
        assert made.run("clients") == {"extracted": 2, "unchanged": 2}  # its first load is over
        made.platform.take()
        yield made


def test_a_record_that_was_deleted_is_created_again_after_it_was_forgotten(it: World) -> None:
    it.platform.things["contacts"].clear()
    it.put("contact", ("c1", "k1", "b"))
    assert it.run("contacts")["rejected"] == 1

    assert forget(it.app, it.mapping("contacts"), ["c1"]) == (("c1",), "created")

    assert it.run("contacts") == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}
    assert it.rejected("contacts") == {}
    assert [each["name"] for each in it.platform.things["contacts"].values()] == ["b"]


def test_a_record_with_a_look_up_that_is_there_all_the_same_is_adopted(it: World) -> None:
    assert forget(it.app, it.mapping("clients"), ["k1"]) == (("k1",), "looked up")
    assert it.bound("clients") == {"k2"}

    counts = it.run("clients")

    assert counts == {"extracted": 2, "unchanged": 1, "added": 1, "confirmed": 1, "requests": 2}
    assert "POST /clients" not in it.platform.take()
    assert it.bound("clients") == {"k1", "k2"}


def test_a_record_that_left_the_source_is_not_removed_after_it_was_forgotten(it: World) -> None:
    it.put("client", ("k2", "b"))
    forget(it.app, it.mapping("clients"), ["k1"])

    assert it.run("clients") == {"extracted": 1, "unchanged": 1}
    assert set(it.platform.by_key("clients")) == {"k1", "k2"}


def test_what_can_be_repeated_is_sent_as_added(it: World) -> None:
    assert forget(it.app, it.mapping("items"), ["W1", "A"]) == (("W1", "A"), "added")
    assert it.run("items") == {"extracted": 1, "added": 1, "confirmed": 1, "requests": 1}


def test_what_is_not_known_or_of_unknown_outcome_is_not_forgotten(it: World) -> None:
    with pytest.raises(RunError, match="nothing is known of contacts c9"):
        forget(it.app, it.mapping("contacts"), ["c9"])
    it.put("contact", ("c1", "k1", "a"), ("c2", "k1", "a"))
    it.platform.plan("after")
    assert it.run("contacts")["unknown"] == 1
    with pytest.raises(ConfigError, match="the outcome of creating contacts c2 is not known"):
        forget(it.app, it.mapping("contacts"), ["c2"])
    assert it.bound("contacts") == {"c1"}


def test_resend_says_what_becomes_of_each_record(it: World) -> None:
    it.put("contact", *((f"c{number}", "k1", "a") for number in range(1, 5)))
    it.platform.refused = {"bad"}
    it.run("contacts")
    edited = [(f"c{number}", "k1", "bad" if number == 4 else "a") for number in range(1, 5)]
    it.put("contact", *edited, ("c5", "k1", "a"))
    it.platform.plan("after")  # the answer to the create of c5 is lost, and the update of c4 is refused
    it.run("contacts")

    assert resend(it.app, it.mapping("contacts")) == Resent(count=5, taken={"changed": 3, "rejected": 1, "unknown": 1})
    assert resend(it.app, it.mapping("contacts"), ["c1"]) == Resent(count=1, taken={"changed": 1})
    counts = it.run("contacts")
    assert (counts["confirmed"], counts["rejected"], counts["unknown"]) == (3, 1, 1)
