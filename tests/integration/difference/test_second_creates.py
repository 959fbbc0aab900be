"""Known records that come under other keys, or under another name of their object, and what carries them over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.inspect.plan import plan
from engine.operate.carry import carry_keys, carry_name
from engine.run.one_run import exit_of
from engine.values.errors import ConfigError, Exit
from engine.values.records import Change
from world.project import World, mapping, world

FORTY = [f"K-{number:02d}" for number in range(40)]
KEEPS = (  # without an entry for `removed`
    '  - on: [removed]\n    request: {method: DELETE, path: "/clients/{{ saved.client_id | path }}"}\n',
    "",
)
GUARDS = ("guards: {max_replaced: 100%, max_removed: 100%, min_rows: 0}\n", "")
PUT = (
    '  - on: [changed]\n    request: {method: PUT, path: "/clients/{{ saved.client_id | path }}", body: "{{ line }}"}\n'
)
QUERY = "SELECT id, name FROM client"
BY_COMPANY = (("SELECT id, name", "SELECT 1 AS company, id, name"), ("key: [id]", "key: [company, id]"))


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    """A project whose platform has forty clients that one-sync created and never removes."""
    with world(tmp_path, "clients") as made:
        made.edit("clients", KEEPS, GUARDS)
        made.put("client", *((key, f"name of {key}") for key in FORTY))
        assert made.run("clients")["confirmed"] == 40
        made.platform.take()
        yield made


def renamed(it: World, name: str = "customers", *changes: tuple[str, str]) -> None:
    (it.folder / "clients.yaml").rename(it.folder / f"{name}.yaml")
    it.edit(name, ("object: clients", f"object: {name}"), *changes)


def told(it: World) -> tuple[Exit, list[str]]:
    assert it.last is not None
    return exit_of(it.last), list(it.last.notes)


ALLOW = "if they are meant, `run --once {} --allow-added {}` lets them go this once"
RENAMED = (
    "customers: 40 of 40 records to be created were created before, as records of clients, which is no object of this "
    "project any more: if customers is its new name, `one-sync carry clients customers` carries over what is known of "
    "them; " + ALLOW.format("customers", 40)
)
OTHER_KEYS = (
    'clients: 40 records would be created while 40 of 40 that are known are gone, as ["1","K-00"] and ["K-00"] '
    "(guards.max_replaced): if they are the same under other keys, `one-sync carry clients --key COLUMN` carries over "
    "what is known of them, COLUMN being the column that holds the old key; " + ALLOW.format("clients", 40)
)


def test_nobody_is_created_again_by_an_object_of_another_name(it: World) -> None:
    renamed(it)

    first = it.run("customers")

    assert first == {"extracted": 40, "added": 40, "withheld": 40}
    assert told(it) == (Exit.GUARD, [RENAMED])
    assert it.run("customers") == first
    assert plan(it.app, it.mapping("customers")).counts.withheld == 40
    assert it.platform.take() == []


def test_what_is_known_goes_with_the_new_name(it: World) -> None:
    renamed(it)
    it.run("customers")

    would = carry_name(it.app, "clients", it.mapping("customers"), dry=True)
    assert it.run("customers")["withheld"] == 40
    carried = carry_name(it.app, "clients", it.mapping("customers"))

    assert (would.records, carried.records) == (40, 40)
    assert it.run("customers") == {"extracted": 40, "unchanged": 40}
    it.put("client", *((key, f"other of {key}") for key in FORTY))
    assert it.run("customers") == {"extracted": 40, "changed": 40, "confirmed": 40, "requests": 40}
    assert set(it.platform.names().values()) == {f"other of {key}" for key in FORTY}
    assert not (it.state / "clients.duckdb").exists()


@pytest.mark.parametrize("step", ["replace", "rename_object"])
def test_a_carry_that_was_killed_is_finished_by_the_next(it: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    renamed(it)
    it.run("customers")
    with monkeypatch.context() as patch:
        where = "os.replace" if step == "replace" else "engine.state.journal.other_names.rename_object"

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(where, die)
        with pytest.raises(KeyboardInterrupt):
            carry_name(it.app, "clients", it.mapping("customers"))

    assert carry_name(it.app, "clients", it.mapping("customers")).records == 40
    assert it.run("customers") == {"extracted": 40, "unchanged": 40}
    assert it.platform.take() == []


def test_an_object_of_the_project_or_a_name_of_which_nothing_is_known_is_not_carried(it: World) -> None:
    it.add("customers", mapping("clients").replace("object: clients", "object: customers"))
    with pytest.raises(ConfigError, match="clients is an object of this project"):
        carry_name(it.app, "clients", it.mapping("customers"))
    with pytest.raises(ConfigError, match="the journal knows nothing of people: no object left the project"):
        carry_name(it.app, "people", it.mapping("customers"))


def test_a_name_that_has_records_of_its_own_takes_no_others(it: World) -> None:
    renamed(it)
    assert it.run("customers", allowed={Change.ADDED: 40})["confirmed"] == 40

    with pytest.raises(ConfigError, match="customers has a ledger of its own already"):
        carry_name(it.app, "clients", it.mapping("customers"))
    assert len(it.platform.clients) == 80


def test_other_records_of_an_object_that_is_new_go_when_a_person_says_so(it: World) -> None:
    it.add("customers", mapping("clients").replace("object: clients", "object: customers").replace(*GUARDS))
    it.put("client", ("N-1", "a"), ("N-2", "b"))

    assert it.run("customers")["confirmed"] == 2  # nobody of them is known as a client


@pytest.mark.parametrize("removes", [False, True])
def test_nobody_is_created_again_under_a_key_of_other_columns(it: World, removes: bool) -> None:
    if removes:
        it.edit("clients", (PUT, PUT + KEEPS[0]))
    it.edit("clients", *BY_COMPANY)

    counts = it.run("clients")

    gone = {"withheld": 80} if removes else {"withheld": 40, "unhandled_removed": 40}
    assert counts == {"extracted": 40, "added": 40, "removed": 40, **gone}
    assert told(it)[0] is Exit.GUARD
    assert told(it)[1][-1] == OTHER_KEYS
    assert it.run("clients") == counts
    assert it.platform.take() == []


@pytest.mark.parametrize(
    ("edit", "columns"),
    [
        (BY_COMPANY, ["id"]),
        ((("SELECT id, name", "SELECT 'PL-' || id AS id, id AS old_id, name"),), ["old_id"]),
    ],
    ids=["another column", "a prefix"],
)
def test_what_is_known_goes_with_the_new_keys(it: World, edit: tuple[tuple[str, str], ...], columns: list[str]) -> None:
    it.edit("clients", *edit)
    it.run("clients")

    would = carry_keys(it.app, it.mapping("clients"), columns, dry=True)
    assert it.run("clients")["withheld"] == 40
    carried = carry_keys(it.app, it.mapping("clients"), columns)

    assert would == carried
    assert (carried.records, carried.left) == (40, 0)
    counts = it.run("clients")
    assert "added" not in counts
    assert "removed" not in counts
    assert len(it.platform.clients) == 40
    assert it.run("clients") == {"extracted": 40, "unchanged": 40}


def test_keys_that_change_places_are_carried_at_once(it: World) -> None:
    it.put("client", *((key, f"name of {key}") for key in FORTY[1:]), ("K-40", "name of K-39"))
    it.edit(
        "clients",
        (QUERY, "SELECT id, printf('K-%02d', CAST(substr(id, 3) AS integer) - 1) AS old_id, name FROM client"),
    )
    it.platform.take()

    carried = carry_keys(it.app, it.mapping("clients"), ["old_id"])

    assert carried.records == 40
    counts = it.run("clients")
    assert counts == {"extracted": 40, "changed": 40, "confirmed": 40, "requests": 40}
    assert len(it.platform.clients) == 40


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (["name"], "no record of clients is known under the key in `name`"),
        (["nick"], "the source of clients has no column `nick`"),
        (["same"], "would be both"),
    ],
)
def test_columns_that_hold_no_known_keys_carry_nothing(it: World, columns: list[str], says: str) -> None:
    it.edit("clients", (QUERY, "SELECT 'X' || id AS id, name, 'K-00' AS same FROM client"))

    with pytest.raises(ConfigError, match=says):
        carry_keys(it.app, it.mapping("clients"), columns)


def test_a_few_keys_of_another_writing_are_found_by_their_records(tmp_path: Path) -> None:
    with world(tmp_path, "clients") as it:
        it.edit("clients", KEEPS, GUARDS, (QUERY, "SELECT id, name, name AS nick FROM client"))
        it.put("client", *((key, f"name of {key}") for key in FORTY))
        it.run("clients")
        it.platform.take()
        it.sql("UPDATE client SET id = 'PL-' || id WHERE id < 'K-02'")

        counts = it.run("clients")

        gone = {"removed": 2, "unhandled_removed": 2}
        assert counts == {"extracted": 40, "unchanged": 38, "added": 2, "withheld": 2, **gone}
        assert it.platform.take() == []


def test_a_read_that_lost_its_rows_does_not_hide_that_they_come_under_other_keys(it: World) -> None:
    rows = it.sql(QUERY)
    it.put("client")
    it.run("clients")
    it.put("client", *((f"PL-{id_}", name) for id_, name in rows))

    assert it.run("clients")["withheld"] == 40
    assert it.platform.take() == []


def test_records_that_come_and_go_hold_up_nobody(it: World) -> None:
    found = []
    for day in range(3):
        it.put(
            "client", *((key, f"name of {key}") for key in FORTY[day:]), *((f"N-{n}", "new") for n in range(day * 3))
        )
        found.append(it.run("clients").get("withheld"))

    assert found == [None, None, None]
    it.edit("clients", ("send:", "guards: {max_replaced: 100%}\nsend:"))
    it.put("client", *((f"D-{number}", "a document of today") for number in range(40)))
    assert it.run("clients")["confirmed"] == 40


# --- ceilings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ceiling", ["4", "10%"])
def test_more_creates_than_the_guard_allows_wait_for_a_person(it: World, ceiling: str) -> None:
    it.edit("clients", ("send:", f"guards: {{max_added: {ceiling}}}\nsend:"))
    it.put("client", *((key, f"name of {key}") for key in FORTY), *((f"N-{number}", "new") for number in range(5)))

    counts = it.run("clients")

    beside = "beside 40 confirmed ones " if ceiling == "10%" else ""
    assert counts == {"extracted": 45, "unchanged": 40, "added": 5, "withheld": 5}
    reason = f"clients: 5 added records {beside}are more than the 4 of guards.max_added; {ALLOW.format('clients', 5)}"
    assert told(it) == (Exit.GUARD, [reason])
    assert it.run("clients", allowed={Change.ADDED: 4}) == counts
    assert it.platform.take() == []
    assert it.run("clients", allowed={Change.ADDED: 5})["confirmed"] == 5


def test_more_changes_than_the_guard_allows_wait_for_a_person(it: World) -> None:
    it.edit("clients", ("send:", "guards: {max_changed: 50%}\nsend:"))
    it.put("client", *((key, "all the same") for key in FORTY))

    counts = it.run("clients")

    assert counts == {"extracted": 40, "changed": 40, "withheld": 40}
    assert told(it)[0] is Exit.GUARD
    assert it.platform.take() == []
    assert it.run("clients", allowed={Change.CHANGED: 40})["confirmed"] == 40


def test_an_edit_that_changes_no_payload_is_no_change_for_the_guard(it: World) -> None:
    it.edit("clients", ("send:", "guards: {max_changed: 1}\nsend:"), ('"{{ name }}"', '"{{ name | text }}"'))

    assert it.run("clients") == {"extracted": 40, "unchanged": 40}


def test_a_first_load_is_held_by_a_number_and_by_no_percentage(tmp_path: Path) -> None:
    with world(tmp_path, "clients") as it:
        it.put("client", ("K-1", "a"), ("K-2", "b"))
        it.edit("clients", ("min_rows: 0", "min_rows: 0, max_added: 1"))
        assert it.run("clients")["withheld"] == 2
        it.edit("clients", ("max_added: 1", "max_added: 10%"))
        assert it.run("clients")["confirmed"] == 2
