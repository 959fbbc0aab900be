"""Keys of CHAR columns: the blanks that fill them up are no part of them, and were never a reason to create again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from engine.connections.sql.database import SqlEnd, StatementCall
from engine.inspect.why import State, why
from engine.operate.carry import carry_keys
from engine.run.one_run import exit_of
from engine.values.errors import Exit
from world.project import World, world

NUMBERS = count(1)
QUERY = "SELECT id, name FROM client"
KEEPS = (  # without an entry for `removed`
    '  - on: [removed]\n    request: {method: DELETE, path: "/clients/{{ saved.client_id | path }}"}\n',
    "",
)
KEYS = ["A1", "B 2", "0017"]
PADDED = (QUERY, "SELECT rpad(id, 8) AS id, name FROM client")
SAME = {"extracted": 3, "unchanged": 3}


@pytest.fixture
def it(tmp_path: Path, postgres_url: str) -> Iterator[World]:
    """A project whose ERP in PostgreSQL has three clients keyed by a CHAR, none of them sent."""
    with world(tmp_path, "clients", "contacts") as made:
        schema = f"chars{next(NUMBERS)}"
        made.variables["ERP"] = postgres_url
        change(made, f"CREATE SCHEMA {schema}")
        made.variables["ERP"] = f"{postgres_url}&options=-csearch_path={schema}"
        change(
            made,
            "CREATE TABLE client (id char(8), name char(20))",
            "CREATE TABLE contact (id varchar(8), client varchar(8), name varchar(20))",
            *(f"INSERT INTO client VALUES ('{key}', 'name of {key}')" for key in KEYS),
        )
        made.edit("clients", KEEPS)
        yield made


def change(it: World, *statements: str) -> None:
    with closing(SqlEnd(it.variables["ERP"], name="erp")) as end:
        end.write([StatementCall(sql=sql, params={}) for sql in statements])


def test_a_char_is_sent_without_the_blanks_that_fill_it_up_and_meets_a_varchar(it: World) -> None:
    change(it, "INSERT INTO contact VALUES ('C', 'A1', 'Anna')")

    assert it.run("clients")["confirmed"] == 3
    assert it.run("contacts")["confirmed"] == 1
    assert it.platform.names() == {key: f"name of {key}" for key in KEYS}


def test_nobody_whose_key_was_padded_is_created_again_and_carry_takes_them_along(it: World) -> None:
    it.edit("clients", PADDED)
    assert it.run("clients")["confirmed"] == 3
    it.edit("clients", PADDED[::-1])
    it.platform.take()

    counts = it.run("clients")

    assert (counts["added"], counts["withheld"]) == (3, 3)
    assert it.last is not None
    assert exit_of(it.last) is Exit.GUARD
    assert "`one-sync carry clients --key id` carries over what is known" in it.last.notes[0]
    assert it.platform.take() == []
    assert carry_keys(it.app, it.mapping("clients"), ["id"]).records == 3
    it.run("clients")
    assert it.run("clients") == SAME
    assert len(it.platform.clients) == 3


def test_keys_that_are_padded_on_purpose_stay_what_they_are(it: World) -> None:
    change(it, "DELETE FROM client WHERE id <> 'A1'")
    it.edit("clients", (QUERY, f"{QUERY} UNION ALL SELECT 'A1  ', 'another'"))  # a text is as long as it is
    it.edit("clients", ("SELECT id, name FROM client UNION", "SELECT id::text, name FROM client UNION"))

    assert it.run("clients")["confirmed"] == 2
    assert it.run("clients") == {"extracted": 2, "unchanged": 2}


def test_a_key_that_a_person_wrote_otherwise_is_named(it: World) -> None:
    answer = why(it.app, it.mapping("clients"), ["17"])

    assert answer.state is State.NOT_IN_SOURCE
    assert answer.reason is not None
    assert answer.reason.endswith("; it gives 0017, which is only written otherwise")
