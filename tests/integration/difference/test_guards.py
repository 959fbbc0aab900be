"""What a source may do to itself without a record being removed, and what `--allow-removed` lets go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import count
from pathlib import Path

import pytest

from engine.connections.sql.database import SqlEnd, StatementCall
from engine.inspect.plan import plan
from engine.inspect.why import State, why
from engine.operate.adopt import adopt
from engine.run.one_run import exit_of
from engine.values.errors import Exit
from engine.values.records import Change, key_text
from world.project import World, world

NUMBERS = count(1)
BOTH = pytest.mark.parametrize("it", ["sqlite", "postgres"], indirect=True)
GUARDED = ("guards: {max_removed: 100%, min_rows: 0}\n", "")
TEN = [f"K-{number:02d}" for number in range(10)]
CREATE = [
    "CREATE TABLE item (grp varchar(10), id varchar(20), value integer, flag varchar(1))",
    *(f"INSERT INTO item VALUES ('W1', '{id_}', 5, 'T')" for id_ in TEN),
]
QUERY = ("SELECT grp, id, value FROM item", "SELECT grp, id, value FROM item WHERE flag = 'T'")


@pytest.fixture(params=["sqlite"])
def it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A project with ten items at the platform, its ERP in SQLite, or where a test asks for it in PostgreSQL."""
    with world(tmp_path) as made:
        if request.param == "postgres":
            url = request.getfixturevalue("postgres_url")
            schema = f"guards{next(NUMBERS)}"
            with closing(SqlEnd(url, name="erp")) as end:
                end.write([StatementCall(sql=f"CREATE SCHEMA {schema}", params={})])
            made.variables["ERP"] = f"{url}&options=-csearch_path={schema}"
        else:
            made.sql("DROP TABLE item")
        change(made, *CREATE)
        made.edit("items", GUARDED, QUERY)
        assert made.run("items") == {"extracted": 10, "added": 10, "confirmed": 10, "requests": 1}
        made.platform.take()
        yield made


def change(it: World, *statements: str) -> None:
    with closing(SqlEnd(it.variables["ERP"], name="erp")) as end:
        end.write([StatementCall(sql=sql, params={}) for sql in statements])


def query(it: World, sql: str) -> None:
    it.edit("items", (QUERY[1], sql))


def notes(it: World) -> list[str]:
    assert it.last is not None
    return list(it.last.notes)


def exit_code(it: World) -> Exit:
    assert it.last is not None
    return exit_of(it.last)


# --- faults of a source ----------------------------------------------------------------------------------------

ALL_GONE = {"removed": 10, "withheld": 10}
ALLOW = "if they are meant, `run --once items --allow-removed {}` lets them go this once"
FEW = "items: 10 removals are withheld: the source gave 0 rows, guards.min_rows is 1; " + ALLOW.format(10)
MANY = (
    "items: {0} of 10 records are gone from the source, the guard lets 2 go (guards.max_removed); if they are meant, "
    "`run --once items --allow-removed {0}` lets them go this once"
)
NULL_KEYS = {"extracted": 10, "added": 10, "rejected": 10, "removed": 10, "withheld": 10}

WITHHELD: dict[str, tuple[Callable[[World], None], dict[str, int], str]] = {
    "an empty table": (lambda it: change(it, "DELETE FROM item"), ALL_GONE, FEW),
    "half of the rows": (
        lambda it: change(it, "DELETE FROM item WHERE id >= 'K-05'"),
        {"extracted": 5, "unchanged": 5, "removed": 5, "withheld": 5},
        MANY.format(5),
    ),
    "a flag that turned NULL": (lambda it: change(it, "UPDATE item SET flag = NULL"), ALL_GONE, FEW),
    "a flag in other letters": (lambda it: change(it, "UPDATE item SET flag = 't'"), ALL_GONE, FEW),
    "a WHERE that became false": (
        lambda it: query(it, "SELECT grp, id, value FROM item WHERE flag = 'T' AND value > 1000"),
        ALL_GONE,
        FEW,
    ),
    "an inner join with nothing": (
        lambda it: query(it, "SELECT i.grp, i.id, i.value FROM item i JOIN item j ON j.id = i.grp"),
        ALL_GONE,
        FEW,
    ),
    "a key that turned NULL": (
        lambda it: query(it, "SELECT grp, NULL AS id, value FROM item"),
        NULL_KEYS,
        MANY.format(10),
    ),
}


@pytest.mark.parametrize("fault", WITHHELD)
def test_what_a_source_lost_is_withheld_with_the_command_that_lets_it_go(it: World, fault: str) -> None:
    happens, counts, note = WITHHELD[fault]
    happens(it)

    assert it.run("items") == counts
    assert (exit_code(it), notes(it)) == (Exit.GUARD, [note])
    assert it.platform.take() == []
    assert it.platform.items == {"W1": dict.fromkeys(TEN, 5)}
    assert it.run("items", allowed_removed=counts["removed"])["confirmed"] == counts["removed"]
    assert not it.platform.items["W1"].keys() - set(TEN[:5])
    assert "removed" not in it.run("items")


WRITTEN = {  # the key, and how K-00 is written then
    "zero-padded": ("'0' || id", "0K-00"),
    "trailing spaces": ("id || '   '", "K-00   "),
    "other letters": ("lower(id)", "k-00"),
}
REWRITTEN = {how: f"SELECT grp, {id_} AS id, value FROM item" for how, (id_, _) in WRITTEN.items()} | {
    "another column": "SELECT 'W2' AS grp, id, value FROM item",
}


@BOTH
def test_a_key_that_becomes_one_of_a_fixed_length_is_the_same(it: World) -> None:
    query(it, "SELECT grp, CAST(id AS char(20)) AS id, value FROM item")

    assert it.run("items") == {"extracted": 10, "unchanged": 10}


@BOTH
@pytest.mark.parametrize("how", REWRITTEN)
def test_a_key_that_is_written_otherwise_removes_nothing_of_what_was_there(it: World, how: str) -> None:
    query(it, REWRITTEN[how])

    counts = it.run("items")

    expected = {"extracted": 10, "added": 10, "removed": 10, "confirmed": 10, "withheld": 10, "requests": 1}
    assert counts == expected
    assert (exit_code(it), notes(it)) == (Exit.GUARD, [MANY.format(10)])
    assert all(line.endswith("+0") for line in it.platform.take())
    assert it.platform.items["W1"].items() >= dict.fromkeys(TEN, 5).items()


CLIENTS = ("SELECT id, name FROM client", "SELECT id, grp AS name FROM item")
KEEPS = (  # without an entry for `removed`
    '  - on: [removed]\n    request: {method: DELETE, path: "/clients/{{ saved.client_id | path }}"}\n',
    "",
)
SECOND = (
    "{} would be created a second time: a key that is gone is only written otherwise, as {} for {}; "
    "let the query write it as before, or give the old key as a column, and `one-sync carry OBJECT --key COLUMN`"
)
ONE = SECOND.format("1 record", '["k-03"]', '["K-03"]')
LET_GO = "if they are meant, `run --once clients --allow-removed {}` lets them go this once"
ADDED_AND_GONE = {"extracted": 10, "added": 10, "removed": 10}


@pytest.fixture
def clients(it: World) -> World:
    """Ten clients of the same keys, each created by a request of its own; any number of them may be removed."""
    it.edit("clients", CLIENTS)
    assert it.run("clients") == {"extracted": 10, "added": 10, "confirmed": 10, "requests": 10}
    it.platform.take()
    return it


def people(it: World, sql: str) -> None:
    it.edit("clients", (CLIENTS[1], sql))


def rename(it: World, old: str, new: str) -> None:
    change(it, f"UPDATE item SET id = '{new}' WHERE id = '{old}'")


@BOTH
@pytest.mark.parametrize("how", WRITTEN)
def test_nobody_is_created_a_second_time_under_a_key_that_is_written_otherwise(clients: World, how: str) -> None:
    id_, key = WRITTEN[how]
    people(clients, f"SELECT {id_} AS id, grp AS name FROM item")

    counts = clients.run("clients")

    note = f"clients: {SECOND.format('10 records', key_text((key,)), key_text(('K-00',)))}; {LET_GO.format(10)}"
    assert counts == ADDED_AND_GONE | {"withheld": 20}
    assert (exit_code(clients), notes(clients)) == (Exit.GUARD, [note])
    assert clients.run("clients", allowed_removed=9) == counts
    assert clients.platform.take() == []
    assert clients.platform.names().keys() == set(TEN)
    assert clients.run("clients", allowed_removed=10) == ADDED_AND_GONE | {"confirmed": 20, "requests": 20}
    assert len(clients.platform.names()) == 10
    assert clients.run("clients") == {"extracted": 10, "unchanged": 10}


def test_a_query_that_writes_its_keys_as_before_mends_it(clients: World) -> None:
    people(clients, "SELECT '0' || id AS id, grp AS name FROM item")
    clients.run("clients")

    clients.edit("clients", ("SELECT '0' || id AS id, grp AS name FROM item", CLIENTS[1]))

    assert clients.run("clients") == {"extracted": 10, "unchanged": 10}
    assert clients.platform.take() == []


def test_an_object_that_removes_nothing_is_guarded_as_well(clients: World) -> None:
    clients.edit("clients", KEEPS)
    people(clients, "SELECT lower(id) AS id, grp AS name FROM item")
    held = ADDED_AND_GONE | {"withheld": 10, "unhandled_removed": 10}

    found = []
    for allowed in (None, 9, 10, None):
        found.append((clients.run("clients", allowed_removed=allowed), exit_code(clients), notes(clients)))

    second = SECOND.format("10 records", '["k-00"]', '["K-00"]')
    more = "10 records that are gone are more than the 9 that were allowed"
    assert found == [
        (held, Exit.GUARD, [f"clients: {second}; {LET_GO.format(10)}"]),
        (held, Exit.GUARD, [f"clients: {more}; {second}; {LET_GO.format(10)}"]),
        (ADDED_AND_GONE | {"confirmed": 10, "unhandled_removed": 10, "requests": 10}, Exit.DONE, []),
        ({"extracted": 10, "unchanged": 10, "removed": 10, "unhandled_removed": 10}, Exit.DONE, []),
    ]
    assert len(clients.platform.names()) == 20


def test_one_key_that_is_written_otherwise_is_withheld_and_holds_up_no_other(clients: World) -> None:
    rename(clients, "K-03", "k-03")
    change(
        clients,
        "DELETE FROM item WHERE id = 'K-04'",
        "UPDATE item SET grp = 'W2' WHERE id = 'K-05'",
        "INSERT INTO item VALUES ('W1', 'K-3', 5, 'T')",
    )

    first = clients.run("clients")
    told = (exit_code(clients), notes(clients))
    again = clients.run("clients")
    allowed = clients.run("clients", allowed_removed=1)

    assert first == {
        **{"extracted": 10, "unchanged": 7, "added": 2, "changed": 1, "removed": 2},
        **{"confirmed": 3, "withheld": 2, "requests": 3},
    }
    assert told == (Exit.GUARD, [f"clients: {ONE}; {LET_GO.format(1)}"])
    assert again == {"extracted": 10, "unchanged": 9, "added": 1, "removed": 1, "withheld": 2}
    assert allowed == {"extracted": 10, "unchanged": 9, "added": 1, "removed": 1, "confirmed": 2, "requests": 2}
    assert clients.platform.names().keys() == {*TEN, "k-03", "K-3"} - {"K-03", "K-04"}


def test_keys_that_are_both_in_the_source_are_two_records(clients: World) -> None:
    change(clients, "INSERT INTO item VALUES ('W1', 'k-03', 5, 'T'), ('W1', '00K-03 ', 5, 'T')")

    assert clients.run("clients") == {"extracted": 12, "unchanged": 10, "added": 2, "confirmed": 2, "requests": 2}


def test_too_many_removals_beside_it_are_told_as_well(clients: World) -> None:
    clients.edit("clients", ("guards: {max_replaced: 100%, max_removed: 100%, min_rows: 0}\n", ""))
    rename(clients, "K-03", "k-03")
    change(clients, "DELETE FROM item WHERE id > 'K-06'  AND id < 'a'")

    assert clients.run("clients") == {
        **{"extracted": 7, "unchanged": 6, "added": 1, "removed": 4, "withheld": 5},
    }
    assert notes(clients) == [
        "clients: 4 of 10 records are gone from the source, the guard lets 2 go (guards.max_removed); "
        f"{ONE}; {LET_GO.format(4)}"
    ]


def test_what_was_let_go_is_not_asked_for_again(clients: World) -> None:
    clients.edit("clients", KEEPS)
    people(clients, "SELECT lower(id) AS id, grp AS name FROM item WHERE id > 'K-07'")
    clients.platform.refused = {"k-08"}
    clients.platform.rule = lambda seen: "before" if b"k-09" in (seen.body or b"") else None  # never arrives

    allowed = clients.run("clients", allowed_removed=2)
    later = clients.run("clients")
    clients.platform.rule = lambda seen: None
    looked_up = clients.run("clients")
    clients.platform.refused = set()
    with clients.journal() as journal:
        journal.rejections.retry("clients", [("k-08",)])
    retried = clients.run("clients")

    gone = {"extracted": 2, "removed": 10, "unhandled_removed": 10}
    assert allowed == gone | {"added": 2, "rejected": 1, "unknown": 1, "requests": 4}
    assert later["rejected"] == 1
    assert "withheld" not in later
    assert looked_up == gone | {"added": 2, "confirmed": 1, "rejected": 1, "requests": 2}
    assert retried == gone | {"unchanged": 1, "added": 1, "confirmed": 1, "requests": 1}
    assert clients.platform.names().keys() == {*TEN, "k-08", "k-09"}


def test_a_create_of_unknown_outcome_is_not_made_again_under_a_key_written_otherwise(clients: World) -> None:
    change(clients, "INSERT INTO item VALUES ('W1', 'N-1', 5, 'T')")
    clients.edit("clients", KEEPS)
    clients.platform.plan("after", 500)  # created, the answer lost; and the look-up does not tell
    assert clients.run("clients")["unknown"] == 1
    rename(clients, "N-1", "n-1")
    clients.platform.take()

    counts = clients.run("clients")

    assert counts == {"extracted": 11, "unchanged": 10, "added": 1, "removed": 1, "withheld": 2}
    assert clients.platform.take() == []


def test_keys_that_only_the_journal_knows_are_known(clients: World) -> None:
    (clients.state / "clients.duckdb").unlink()
    people(clients, "SELECT lower(id) AS id, grp AS name FROM item")

    counts = clients.run("clients")

    assert counts == {"extracted": 10, "added": 10, "withheld": 10}
    assert notes(clients)[-1].endswith(LET_GO.format(10))
    assert clients.platform.take() == []


def test_a_plan_and_why_say_what_a_run_withholds(clients: World) -> None:
    rename(clients, "K-03", "k-03")
    rename(clients, "K-04", "k-04")
    [mapping] = clients.app.loaded.select(["clients"])

    planned = plan(clients.app, mapping)
    answers = [why(clients.app, mapping, [key]) for key in ("k-04", "K-04")]

    assert {name: count for name, count in asdict(planned.counts).items() if count} == clients.run("clients")
    two = SECOND.format("2 records", '["k-03"]', '["K-03"]')
    one = SECOND.format("1 record", '["k-04"]', '["K-04"]')
    assert (planned.notes, planned.has_changes) == ((two,), False)
    assert [(each.state, each.change, each.reason) for each in answers] == [
        (State.WITHHELD, Change.ADDED, one),
        (State.WITHHELD, Change.REMOVED, one),
    ]


def test_adopting_creates_nothing_and_so_takes_every_key(clients: World) -> None:
    clients.edit("clients", KEEPS)
    rename(clients, "K-03", "k-03")
    clients.platform.clients["c-9"] = {"externalId": "k-03", "name": "W1"}  # a person created it there
    [mapping] = clients.app.loaded.select(["clients"])

    adopted = adopt(clients.app, mapping)

    assert (adopted.counts.confirmed, adopted.counts.withheld) == (1, 0)
    assert clients.run("clients") == {"extracted": 10, "unchanged": 10, "removed": 1, "unhandled_removed": 1}
    assert "POST /clients" not in clients.platform.take()


SAME = {
    "a text": "SELECT grp, CAST(id AS varchar(20)) AS id, value FROM numbered",
    "a decimal": "SELECT grp, CAST(id AS numeric(9, 2)) AS id, value FROM numbered",
    "a float": "SELECT grp, id * 1.0 AS id, value FROM numbered",
}


@BOTH
@pytest.mark.parametrize("how", SAME)
def test_a_number_that_comes_as_another_type_is_the_same_key(it: World, how: str) -> None:
    change(it, "CREATE TABLE numbered (grp varchar(10), id integer, value integer)")
    change(it, *(f"INSERT INTO numbered VALUES ('W1', {number}, 5)" for number in range(10)))
    query(it, "SELECT grp, id, value FROM numbered")
    it.run("items", allowed_removed=10)
    it.edit("items", ("SELECT grp, id, value FROM numbered", SAME[how]))

    counts = it.run("items")

    assert {name: count for name, count in counts.items() if name in ("added", "removed", "withheld")} == {}


FAILING = {
    "a key column that is called otherwise": (
        lambda it: query(it, "SELECT grp, id AS identifier, value FROM item"),
        ("E_UNKNOWN_COLUMN", Exit.FAILED),
    ),
    "a table that is gone": (lambda it: change(it, "DROP TABLE item"), ("E_QUERY", Exit.FAILED)),
    "a column that is gone": (
        lambda it: query(it, "SELECT grp, id, value, price FROM item"),
        ("E_QUERY", Exit.FAILED),
    ),
}


@pytest.mark.parametrize("fault", FAILING)
def test_a_source_that_does_not_give_what_the_mapping_names_changes_nothing(it: World, fault: str) -> None:
    happens, expected = FAILING[fault]
    happens(it)

    assert it.run("items") == {}
    assert (it.code, exit_code(it)) == expected
    assert it.platform.take() == []
    assert it.run("items", allowed_removed=10) == {}
    assert it.platform.items == {"W1": dict.fromkeys(TEN, 5)}


def test_a_join_that_doubles_all_rows_refuses_them_and_removes_nothing(it: World) -> None:
    query(it, "SELECT i.grp, i.id, i.value FROM item i JOIN item j ON i.id = j.id OR i.id < j.id AND j.id = 'K-09'")

    counts = it.run("items")

    assert counts == {"extracted": 19, "unchanged": 1, "added": 18, "rejected": 18}
    assert exit_code(it) == Exit.PARTIAL
    assert it.platform.take() == []


# --- reads that break off ----------------------------------------------------------------------------------------

LONG = (
    "SELECT 'W1' AS grp, 'R-' || n AS id, CASE WHEN n = 45000 THEN {} ELSE 5 END AS value"
    " FROM generate_series(1, 60000) n"
)


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        ("(SELECT pg_terminate_backend(pg_backend_pid()))::int", "E_LOST"),  # the connection is really cut
        ("1 / (n - 45000)", "E_DATA"),
        ("length(pg_sleep(60)::text)", "E_LOST"),  # into statement_timeout
    ],
)
@pytest.mark.parametrize("it", ["postgres"], indirect=True)
def test_a_read_that_is_cut_in_the_middle_changes_nothing(it: World, happens: str, code: str) -> None:
    it.variables["ERP"] = it.variables["ERP"].replace("options=", "options=-cstatement_timeout=500ms%20")
    query(it, LONG.format(happens))

    assert it.run("items") == {}
    assert it.last and it.last.failure
    assert it.code == code, it.last.failure.message
    assert it.run("items", allowed_removed=10) == {}
    assert it.platform.take() == []
    assert it.platform.items == {"W1": dict.fromkeys(TEN, 5)}


# --- how many may go ---------------------------------------------------------------------------------------------


def test_what_is_allowed_is_a_ceiling_and_for_this_once(it: World) -> None:
    change(it, "DELETE FROM item WHERE id >= 'K-05'")
    gone = {"extracted": 5, "unchanged": 5, "removed": 5}

    found = []
    for allowed in (None, 0, 4, 5):
        found.append((it.run("items", allowed_removed=allowed), exit_code(it), notes(it)))
    change(it, "DELETE FROM item WHERE id >= 'K-03'")
    found.append((it.run("items"), exit_code(it), notes(it)))

    more = "items: 5 removals are more than the {} that were allowed; " + ALLOW.format(5)
    assert found == [
        (gone | {"withheld": 5}, Exit.GUARD, [MANY.format(5)]),
        (gone | {"withheld": 5}, Exit.GUARD, [more.format(0)]),
        (gone | {"withheld": 5}, Exit.GUARD, [more.format(4)]),
        (gone | {"confirmed": 5, "requests": 1}, Exit.DONE, []),
        (
            {"extracted": 3, "unchanged": 3, "removed": 2, "withheld": 2},
            Exit.GUARD,
            [
                "items: 2 of 5 records are gone from the source, the guard lets 1 go (guards.max_removed); "
                + ALLOW.format(2)
            ],
        ),
    ]


def test_an_object_that_is_withheld_holds_up_no_other(it: World) -> None:
    it.edit("clients", ("guards: {max_replaced: 100%, max_removed: 100%, min_rows: 0}\n", ""))
    it.put("client", ("k1", "Ala"), ("k2", "Ola"))
    it.run("clients")
    it.put("client")
    change(it, "DELETE FROM item")

    assert it.run("items", allowed_removed=10)["confirmed"] == 10
    assert it.run("clients") == {"removed": 2, "withheld": 2}
    assert it.platform.names() == {"k1": "Ala", "k2": "Ola"}


# --- children ------------------------------------------------------------------------------------------------------

INVOICES = """
object: invoices
source:
  connection: erp
  query: SELECT id, total FROM invoice
  key: [id]
  children:
    lines:
      query: SELECT invoice_id, number, sku FROM invoice_line
      parent: [invoice_id]
      order_by: [number]
fields:
  id: "{{ id }}"
  value: "{{ total }}"
  lines: {$each: lines, sku: "{{ sku }}"}
send:
  - on: [added, changed]
    request: {method: POST, path: /items/all, idempotent: true, body: {items: "{{ lines }}", gone: []}}
"""


@pytest.fixture
def invoices(it: World) -> World:
    """Ten invoices of two lines each at the platform."""
    it.sql("CREATE TABLE invoice (id, total)", "CREATE TABLE invoice_line (invoice_id, number, sku)")
    for id_ in range(10):
        it.sql(f"INSERT INTO invoice VALUES ({id_}, 5)")
        it.sql(f"INSERT INTO invoice_line VALUES ({id_}, 1, 'A'), ({id_}, 2, 'B')")
    it.add("invoices", INVOICES)
    it.platform.refused = set()
    assert it.run("invoices")["confirmed"] == 10
    it.platform.take()
    return it


LOST = "{0} of 10 records are gone from the source or lose all their children, the guard lets 2 go (guards.max_removed)"
LINES = "if they are meant, `run --once invoices --allow-removed {0}` lets them go this once"


@pytest.mark.parametrize(
    ("sql", "lost", "reason"),
    [
        (
            "DELETE FROM invoice_line",
            10,
            "10 removals and records that lose all their children are withheld: "
            "the children lines gave no row that belongs to a record",
        ),
        ("UPDATE invoice_line SET invoice_id = '0' || invoice_id WHERE invoice_id > 0", 9, LOST.format(9)),
        ("DELETE FROM invoice_line WHERE invoice_id > 4", 5, LOST.format(5)),
    ],
)
def test_children_that_are_gone_for_all_are_no_change_of_all(invoices: World, sql: str, lost: int, reason: str) -> None:
    invoices.sql(sql, "UPDATE invoice SET total = 6 WHERE id = 0")

    first = invoices.run("invoices")
    told = (exit_code(invoices), notes(invoices))
    again = invoices.run("invoices", allowed_removed=lost - 1)
    allowed = invoices.run("invoices", allowed_removed=lost)

    assert first["withheld"] == again["withheld"] == lost
    assert told == (Exit.GUARD, [f"invoices: {reason}; {LINES.format(lost)}"])
    assert allowed["confirmed"] >= lost
    assert exit_code(invoices) == Exit.DONE


def test_some_invoices_may_lose_their_lines(invoices: World) -> None:
    invoices.sql("DELETE FROM invoice_line WHERE invoice_id < 2")

    assert invoices.run("invoices") == {
        "extracted": 10,
        "unchanged": 8,
        "changed": 2,
        "confirmed": 2,
        "requests": 1,
    }


# --- cursors -------------------------------------------------------------------------------------------------------

VERSIONS = "SELECT grp, id, value FROM item WHERE value >= :cursor"
NO_START = (
    "if value holds no dates, say by source.cursor.start what is less than all of it, such as 0"  # in every message
)


def versioned(it: World, cursor: str) -> None:
    """Let items be read by a number that grows."""
    change(it, *(f"UPDATE item SET value = {n} WHERE id = '{id_}'" for n, id_ in enumerate(TEN, 8)))  # 8 to 17
    query(it, VERSIONS)
    it.edit("items", ("  key: [grp, id]\n", f"  key: [grp, id]\n  cursor: {cursor}\n"))


@BOTH
def test_a_cursor_of_numbers_begins_where_the_mapping_says(it: World) -> None:
    versioned(it, "{column: value, start: 0}")

    whole = it.run("items")
    change(it, "UPDATE item SET value = 100 WHERE id = 'K-03'", "DELETE FROM item WHERE id = 'K-04'")
    later = it.run("items")
    change(it, "UPDATE item SET value = 99 WHERE id = 'K-05'", "INSERT INTO item VALUES ('W1', 'K-11', 101, 'T')")
    latest = it.run("items")

    assert whole == {"extracted": 10, "changed": 10, "confirmed": 10, "requests": 1}
    assert later == {"extracted": 2, "unchanged": 1, "changed": 1, "confirmed": 1, "requests": 1}  # 17 again, and 100
    assert latest == {"extracted": 2, "unchanged": 1, "added": 1, "confirmed": 1, "requests": 1}  # not the 99
    assert it.platform.items["W1"].keys() == {*TEN, "K-11"}


@BOTH
def test_a_cursor_of_numbers_without_a_start_begins_at_0(it: World) -> None:
    """PostgreSQL compares no number with the date that stands there; SQLite and MariaDB find each less."""
    versioned(it, "{column: value}")

    whole = it.run("items")
    change(it, "UPDATE item SET value = 100 WHERE id = 'K-03'")

    assert (whole, notes(it)) == ({"extracted": 10, "changed": 10, "confirmed": 10, "requests": 1}, [])
    assert it.run("items") == {"extracted": 2, "unchanged": 1, "changed": 1, "confirmed": 1, "requests": 1}


@BOTH
def test_a_cursor_that_finds_nothing_from_any_start_is_told(it: World) -> None:
    versioned(it, "{column: value}")
    change(it, "DELETE FROM item")

    assert it.run("items") == ALL_GONE | {"extracted": 0} or it.last
    said = it.last.failure.message if it.last and it.last.failure else notes(it)[-1]
    assert said.endswith(f":cursor was 1900-01-01: {NO_START}")


@pytest.mark.parametrize("it", ["postgres"], indirect=True)
def test_a_cursor_of_days_reaches_back_by_whole_days(it: World) -> None:
    change(it, "ALTER TABLE item ADD COLUMN day date DEFAULT '2026-11-20'")
    query(it, "SELECT grp, id, value, day FROM item WHERE day > :cursor")
    it.edit("items", ("  key: [grp, id]\n", "  key: [grp, id]\n  cursor: {column: day, overlap_seconds: 300}\n"))
    it.run("items")

    change(it, "INSERT INTO item VALUES ('W1', 'K-11', 7, 'T', '2026-11-20')")  # later on the same day

    assert it.run("items") == {"extracted": 11, "unchanged": 10, "added": 1, "confirmed": 1, "requests": 1}


@pytest.mark.parametrize("stays", [False, True])
def test_a_key_written_otherwise_that_a_cursor_finds_waits_for_a_whole_read(clients: World, stays: bool) -> None:
    people(clients, "SELECT id, grp AS name, value FROM item WHERE value >= :cursor")
    clients.edit("clients", ("  key: [id]\n", "  key: [id]\n  cursor: {column: value, start: 0}\n"))
    clients.run("clients")
    if stays:
        change(clients, "INSERT INTO item VALUES ('W1', 'k-03', 6, 'T')")
    else:
        change(clients, "UPDATE item SET id = 'k-03', value = 6 WHERE id = 'K-03'")
    change(clients, "UPDATE item SET value = 4 WHERE value = 5")

    found = [(clients.run("clients"), exit_code(clients), notes(clients)) for _ in range(2)]

    pair = """["k-03"] for ["K-03"]"""
    open_ = f"1 record may be there under a key written otherwise, as {pair}; the next read is whole and tells"
    assert found[0] == (
        {"extracted": 1, "added": 1, "withheld": 1},
        Exit.GUARD,
        [f"clients: {open_}; {LET_GO.format(1)}"],
    )
    if stays:
        assert found[1] == (
            {"extracted": 11, "unchanged": 10, "added": 1, "confirmed": 1, "requests": 1},
            Exit.DONE,
            [],
        )
        assert clients.run("clients") == {"extracted": 1, "unchanged": 1}
        return
    held = {"extracted": 10, "unchanged": 9, "added": 1, "removed": 1, "withheld": 2}
    note = f"clients: {ONE}; {LET_GO.format(1)}"
    assert found[1] == (held, Exit.GUARD, [note])
    assert clients.run("clients") == held
    assert clients.run("clients", allowed_removed=1)["confirmed"] == 2
    assert clients.run("clients") == {"extracted": 1, "unchanged": 1}


def test_a_read_from_a_cursor_on_removes_nothing(it: World) -> None:
    versioned(it, "{column: value, start: 0}")
    it.run("items")
    it.platform.take()

    change(it, "DELETE FROM item WHERE value < 17")

    assert it.run("items") == {"extracted": 1, "unchanged": 1}
    assert it.run("items", allowed_removed=10) == {"extracted": 1, "unchanged": 1}
    assert it.platform.take() == []


def test_what_a_whole_read_withholds_is_found_again_to_be_allowed(it: World) -> None:
    versioned(it, "{column: value, start: 0}")
    it.edit("items", ("send:", "guards: {max_removed: 1}\nsend:"))
    it.run("items")
    change(it, "DELETE FROM item WHERE value < 13")
    it.edit("items", ('value: "{{ value }}"', 'value: "{{ value + 0 }}"'))  # so that the next read is whole

    counts = [it.run("items"), it.run("items", allowed_removed=5), it.run("items")]

    assert counts == [
        {"extracted": 5, "unchanged": 5, "removed": 5, "withheld": 5},
        {"extracted": 5, "unchanged": 5, "removed": 5, "confirmed": 5, "requests": 1},
        {"extracted": 1, "unchanged": 1},
    ]
