"""The process dies after every n-th effect, and once more while it recovers: the next runs make both sides equal.

One run of each case is photographed after each of its effects: the state folder and the ERP as a kill would leave them,
DuckDB's and SQLite's logs not yet worked in, and what the platform holds. Each photograph is a death, from which the
program has to recover. CI tries every eighth, in similar cases others; `ONE_SYNC_EXAMPLES=9` tries all, and hundreds
of threefold ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import pytest

from engine.operate.adopt import adopt as adopt_source
from engine.operate.resend import resend as resend_records
from engine.operate.retry_rejected import retry_rejected
from world.deaths import Fuse, seam
from world.effort import examples
from world.equal import check, held, letter, resolve, wanted
from world.project import World, mapping, memory, world

EVERY = 8  # death is tried in CI
PASSES = 6  # in which every recovery has to come to rest


def _nothing(_: World) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Case:
    """A run that dies, or a person's command."""

    name: str
    objects: tuple[str, ...]
    start: Callable[[World], None] = _nothing  # what was before
    change: Callable[[World], None]  # what the run finds
    act: Callable[[World], None] | None = None  # the command; None: a run of the objects
    again: Callable[[int], bool] = lambda number: False  # after which deaths the command is given once more
    after: Callable[[World], None] = _nothing  # what changes before the next run
    help: Callable[[World], None] = _nothing  # what an operator does between runs that do not come to rest
    refused: frozenset[str] = frozenset()  # codes of failures that ask for that help
    check: Callable[[World], None] | None = None  # None: both sides are equal

    def do(self, it: World) -> None:
        """Run the objects, or give the command."""
        if self.act:
            self.act(it)
        else:
            for name in self.objects:
                it.run(name)


def recover(it: World, case: Case) -> None:
    """Run until a pass over the objects has nothing to do, and compare."""
    for _ in range(PASSES):
        it.platform.take()
        rest = True
        for name in case.objects:
            counts = it.run(name)
            assert it.code is None or it.code in case.refused, it.last
            rest = rest and not it.code and not counts.keys() & {"confirmed", "waiting", "unknown", "failed"}
        if rest:
            break
        case.help(it)
    else:
        raise AssertionError(f"no rest after {PASSES} passes: {it.last}")
    assert [seen for seen in it.platform.take() if not seen.startswith("GET ")] == []
    assert it.open() == {}
    assert {name: count for name, count in it.platform.created.items() if count != 1} == {}
    if case.check:
        case.check(it)
    else:
        check(it, *case.objects)


# --- many lines a request --------------------------------------------------------------------------------------

ITEMS = (("W1", "A", "a"), ("W1", "B", "b"), ("W1", "C", "c"), ("W2", "D", "d"))
OTHER_ITEMS = (("W1", "A", "other"), ("W1", "C", "c"), ("W1", "E", "e"), ("W1", "F", "bad"), ("W3", "G", "g"))


def load_items(it: World) -> None:
    it.put("item", *ITEMS)
    it.run("items")


def change_items(it: World) -> None:
    it.platform.refused = {"bad"}
    it.put("item", *OTHER_ITEMS)


def check_items(it: World) -> None:
    bad = [row for row in it.sql("SELECT grp, id, value FROM item") if row[2] in it.platform.refused]
    good = {key: value for key, value in wanted(it, "items").items() if value not in it.platform.refused}
    assert held(it, "items") == good
    assert it.rejected("items") == {row[:2]: "target" for row in bad}


def load_with_refused(it: World) -> None:
    change_items(it)
    it.run("items")
    it.platform.refused = set()


def lose_items(it: World) -> None:
    it.platform.items["W1"].clear()


def make_children(it: World) -> None:
    it.put("orders", ("o1", "Ala"), ("o2", "Ola"))
    it.put("order_line", ("o1", 1, "x"), ("o1", 2, "y"), ("o2", 1, "z"))
    it.run("orders")


def change_children(it: World) -> None:
    it.put("orders", ("o1", "Ala"), ("o2", "Ola"), ("o3", "Ela"))
    it.put("order_line", ("o1", 1, "x"), ("o1", 2, "other"), ("o2", 1, "z"), ("o3", 1, "w"))


def load_entries(it: World) -> None:
    it.put("entry", ("e1", "a", "2026-01-01T00:00:00"), ("e2", "b", "2026-01-02T00:00:00"))
    it.run("entries")


def change_entries(it: World) -> None:
    it.sql(
        "UPDATE entry SET value = 'other', at = '2026-01-03T00:00:00' WHERE id = 'e1'",
        "INSERT INTO entry VALUES ('e3', 'c', '2026-01-03T00:00:01')",
    )


# --- one record a request --------------------------------------------------------------------------------------

CLIENTS = (("k1", "Ala"), ("k2", "Ola"), ("k3", "Ela"))
OTHER_CLIENTS = (("k1", "Iza"), ("k3", "Ela"), ("k4", "Ula"), ("k5", "Zoe"))
THIRD_CLIENTS = (("k1", "Ala"), ("k3", "Ela"), ("k5", "Zoe again"))


def load_clients(it: World) -> None:
    it.put("client", *CLIENTS)
    it.run("clients")


def load_notes(it: World) -> None:
    it.put("note", ("n1", "one"), ("n2", "two"))
    it.run("notes")


def change_notes(it: World) -> None:
    it.put("note", ("n1", "other"), ("n2", "two"), ("n3", "three"), ("n4", "four"))


def lose_answers(*faults: Any) -> Callable[[World], None]:
    """Let the creates of two notes remain unknown."""

    def change(it: World) -> None:
        it.platform.plan(*faults)
        load_notes(it)
        assert it.last is not None
        assert it.last.counts.unknown == 2
        it.sql("UPDATE note SET text = 'other' WHERE id = 'n1'")

    return change


def resolve_notes(it: World) -> None:
    resolve(it, "notes")


def write_files(it: World, table: str, **texts: str) -> None:
    """Let a table hold records, each with a file of this text (papers: and with it as their note)."""
    files = {name: it.folder / f"{name}.pdf" for name in texts}
    for name, text in texts.items():
        files[name].write_text(text)
    notes = {name: (text,) if table == "paper" else () for name, text in texts.items()}
    it.put(table, *((name, *notes[name], str(files[name])) for name in texts))


def load_papers(it: World) -> None:
    write_files(it, "paper", p1="one")
    it.run("papers")


def change_papers(it: World) -> None:
    write_files(it, "paper", p1="one", p2="two", p3="three")


def never_change_papers(it: World) -> None:
    text = mapping("papers")
    it.add("papers", text[: text.index("  - on: [changed]")] + text[text.index("  - on: [removed]") :])
    load_papers(it)


def edit_papers(it: World) -> None:
    it.sql("UPDATE paper SET note = note || ' again'")


def load_docs(it: World) -> None:
    write_files(it, "doc", d1="one", d2="two")
    it.run("docs")


def change_docs(it: World) -> None:
    write_files(it, "doc", d1="other and longer", d2="two", d3="three")


def change_docs_again(it: World) -> None:
    write_files(it, "doc", d1="one more time, different", d2="two", d3="three")


def load_members(it: World) -> None:
    it.put("team", ("g1", "One"))
    it.put("member", ("m1", "g1"), ("m2", "g2"))
    it.run("groups")
    it.run("members")


def change_members(it: World) -> None:
    it.put("team", ("g1", "One"), ("g2", "Two"), ("g3", "Three"))
    it.put("member", ("m1", "g3"), ("m2", "g2"), ("m3", None))


# --- inbound -----------------------------------------------------------------------------------------------------


def load_letters(it: World) -> None:
    it.platform.page = 3
    it.platform.write("l1", letter("l1", "one", "a", "b"))
    it.platform.write("l2", letter("l2", "two"))
    it.run("letters")


def write_letters(it: World) -> None:
    it.platform.write("l1", letter("l1", "other", "A"))
    it.platform.write("l2", None, "REMOVED")
    it.platform.write("l3", letter("l3", "three", "x", "y"))
    it.platform.write("l4", letter("l4", "BAD"))
    it.platform.write("l5", letter("l5", "five"))


def write_first_letters(it: World) -> None:
    it.platform.page = 3
    it.platform.write("l1", letter("l1", "one", "a", "b"))
    it.platform.events.append({"id": "l2", "type": "REMOVED"})
    write_letters(it)


def check_letters(it: World) -> None:
    assert it.sql("SELECT id, subject, gone FROM letter ORDER BY id") == [
        ("l1", "other", 0),
        *([("l2", "two", 1)] if it.sql("SELECT 1 FROM letter WHERE id = 'l2'") else []),
        ("l3", "three", 0),
        ("l5", "five", 0),
    ]
    assert it.sql("SELECT letter_id, text FROM letter_line ORDER BY letter_id, number") == [
        ("l1", "A"),
        ("l3", "x"),
        ("l3", "y"),
    ]
    assert it.rejected("letters") == {("l4",): "target"}
    with it.journal() as journal:
        assert journal.runs.standing("letters").cursor == 7
        assert [each.document for each in journal.rejections.of("letters")] == [
            '{"document":{"id":"l4","subject":"BAD","lines":[]}}'
        ]


def refuse_letters(it: World) -> None:
    """Refuse one letter for its data and one at its fetch; then mend both ends, and ask for another try."""
    it.platform.write("l1", letter("l1", "BAD", "a"))
    it.platform.events.append({"id": "l2", "type": "CHANGED"})
    it.run("letters")
    assert len(it.rejected("letters")) == 2
    it.platform.letters["l2"] = letter("l2", "two", "b")
    it.sql("DROP TABLE letter", "CREATE TABLE letter (id PRIMARY KEY, subject TEXT NOT NULL, gone INTEGER DEFAULT 0)")


def retry_letters(it: World) -> None:
    retry_rejected(it.app, "letters", None)


def check_retried_letters(it: World) -> None:
    assert it.sql("SELECT id, subject FROM letter ORDER BY id") == [("l1", "BAD"), ("l2", "two")]
    assert it.sql("SELECT letter_id, text FROM letter_line ORDER BY letter_id") == [("l1", "a"), ("l2", "b")]
    assert it.rejected("letters") == {}


# --- commands --------------------------------------------------------------------------------------------------


def resend(name: str, *words: str) -> Callable[[World], None]:
    def act(it: World) -> None:
        resend_records(it.app, it.mapping(name), words)

    return act


def adopt(name: str) -> Callable[[World], None]:
    def act(it: World) -> None:
        result = adopt_source(it.app, it.mapping(name))
        assert result.failure is None, result

    return act


def hold_items(it: World) -> None:
    """Let the platform hold the items of the source, which has never sent them."""
    it.put("item", *ITEMS)
    for group, id_, value in ITEMS:
        it.platform.items.setdefault(group, {})[id_] = value


def hold_clients(it: World) -> None:
    it.put("client", *CLIENTS)
    for id_, name in CLIENTS:
        it.platform.created[id_] = 1
        it.platform.clients[f"c-{id_}"] = {"externalId": id_, "name": name}


def lose_journal(it: World) -> None:
    for path in it.state.glob("journal.sqlite*"):
        path.unlink()


def always(number: int) -> bool:
    return True


def every_other(number: int) -> bool:
    return number % 2 == 0


BEHIND = frozenset({"E_JOURNAL_BEHIND"})

CASES = (
    Case(name="items: first load", objects=("items",), change=change_items, check=check_items),
    Case(name="items: changes", objects=("items",), start=load_items, change=change_items, check=check_items),
    Case(
        name="items: changes that are undone",
        objects=("items",),
        start=load_items,
        change=change_items,
        after=lambda it: it.put("item", *ITEMS),
        check=check_items,
    ),
    Case(name="orders: children", objects=("orders",), start=make_children, change=change_children),
    Case(name="entries: cursor", objects=("entries",), start=load_entries, change=change_entries),
    Case(
        name="clients: as they were",
        objects=("clients",),
        start=load_clients,
        change=lambda it: it.put("client", *OTHER_CLIENTS),
    ),
    Case(
        name="clients: changed meanwhile",
        objects=("clients",),
        start=load_clients,
        change=lambda it: it.put("client", *OTHER_CLIENTS),
        after=lambda it: it.put("client", *THIRD_CLIENTS),
    ),
    Case(
        name="notes: created without a look-up",
        objects=("notes",),
        start=load_notes,
        change=change_notes,
        help=resolve_notes,
    ),
    Case(
        name="papers: created, then a second step",
        objects=("papers",),
        start=load_papers,
        change=change_papers,
        after=edit_papers,
    ),
    Case(
        name="papers: that no operation changes",
        objects=("papers",),
        start=never_change_papers,
        change=change_papers,
    ),
    Case(name="docs: a file in three steps", objects=("docs",), start=load_docs, change=change_docs),
    Case(
        name="docs: changed meanwhile",
        objects=("docs",),
        start=load_docs,
        change=change_docs,
        after=change_docs_again,
    ),
    Case(
        name="members: a reference that comes",
        objects=("groups", "members"),
        start=load_members,
        change=change_members,
    ),
    Case(name="letters: first load", objects=("letters",), change=write_first_letters, check=check_letters),
    Case(name="letters: changes", objects=("letters",), start=load_letters, change=write_letters, check=check_letters),
    Case(
        name="letters: retried",
        objects=("letters",),
        start=refuse_letters,
        change=retry_letters,
        check=check_retried_letters,
    ),
    Case(
        name="command: rejected retry",
        objects=("letters",),
        start=refuse_letters,
        change=_nothing,
        act=retry_letters,
        again=always,
        check=check_retried_letters,
    ),
    Case(
        name="items: retried",
        objects=("items",),
        start=load_with_refused,
        change=lambda it: _retry(it, "items"),
        check=check_items,
    ),
    Case(
        name="command: resend all",
        objects=("items",),
        start=load_items,
        change=lose_items,
        act=resend("items"),
        again=always,
        check=check_items,
    ),
    Case(
        name="command: resend all that a cursor reads",
        objects=("entries",),
        start=load_entries,
        change=lambda it: it.platform.things["entries"].clear(),
        act=resend("entries"),
        again=always,
    ),
    Case(
        name="command: resend a client",
        objects=("clients",),
        start=load_clients,
        change=_nothing,
        act=resend("clients", "k1"),
        again=every_other,
    ),
    Case(
        name="command: adopt what was never sent",
        objects=("items",),
        change=hold_items,
        act=adopt("items"),
        again=every_other,
        check=check_items,
    ),
    Case(
        name="command: adopt clients that were never sent",
        objects=("clients",),
        change=hold_clients,
        act=adopt("clients"),
        again=always,
    ),
    Case(
        name="command: adopt clients whose journal is lost",
        objects=("clients",),
        start=load_clients,
        change=lose_journal,
        act=adopt("clients"),
        again=every_other,
        help=adopt("clients"),
        refused=BEHIND,
    ),
    Case(
        name="command: adopt notes whose journal is lost",
        objects=("notes",),
        start=load_notes,
        change=lose_journal,
        act=adopt("notes"),
        again=every_other,
        help=adopt("notes"),
        refused=BEHIND,
    ),
    Case(
        name="command: unknown resolve as confirmed",
        objects=("notes",),
        change=lose_answers("after", "after"),
        act=resolve_notes,
        again=every_other,
        help=resolve_notes,
    ),
    Case(
        name="command: unknown resolve as not sent",
        objects=("notes",),
        change=lose_answers("before", "before"),
        act=resolve_notes,
        again=every_other,
        help=resolve_notes,
    ),
)


def _retry(it: World, name: str) -> None:
    assert retry_rejected(it.app, name, None)


def chosen(case: Case, effects: int) -> list[int]:
    """Choose the deaths: some, in similar cases others; with more effort all."""
    every = 1 if examples(1) > 1 else EVERY
    return list(range(1 + CASES.index(case) % every, effects + 1, every))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_after_a_death_at_any_effect_the_next_runs_make_both_sides_equal(case: Case) -> None:
    with memory() as folder, world(folder, *case.objects) as it:
        case.start(it)
        case.change(it)
        fuse = Fuse(on_effect=it.photograph)
        before = len(it.platform.seen)
        with seam(fuse, *it.files):
            case.do(it)

        assert fuse.missed == []
        sent = [each for each in it.platform.seen[before:] if not each.startswith("GET ")]
        assert len(sent) == sum(label.startswith("http: ") for label in it.labels)
        for number in chosen(case, len(it.labels)):
            try:
                it.bring_back(number)
                case.after(it)
                if case.act and case.again(number):
                    case.act(it)
                recover(it, case)
            except BaseException as error:
                error.add_note(f"died after effect {number}: {it.labels[number - 1]}")
                raise


def test_after_more_deaths_in_the_recovery_too() -> None:
    random = Random(7)
    for case in random.sample(CASES, min(examples(3), len(CASES))):
        with memory() as folder, world(folder, *case.objects) as it:
            case.start(it)
            case.change(it)
            with seam(Fuse(on_effect=it.photograph), *it.files):
                case.do(it)
            for _ in range(examples(2)):
                deaths = [random.randint(1, len(it.labels)), *(random.randint(1, 20) for _ in range(2))]
                try:
                    it.bring_back(deaths[0])
                    case.after(it)
                    for death in deaths[1:]:
                        it.dies(partial(case.do, it), death)
                    if case.act and case.again(0):
                        case.act(it)
                    recover(it, case)
                except BaseException as error:
                    error.add_note(f"{case.name}: died after the effects {deaths}, {it.labels[deaths[0] - 1]}")
                    raise
