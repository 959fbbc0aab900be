"""Whatever happens to the ERP, the platform, the network, the process and its files: calm runs make both sides equal.

A state machine over whole runs: real HTTP, real SQLite and DuckDB files. A night's search:
`ONE_SYNC_EXAMPLES=50 bin/test tests/integration/run/test_convergence.py`. What it found stands below as plain tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from world.both_sides import BAD, KEYS, BothSides, both_sides
from world.effort import examples
from world.faults import FAULTS, Fault
from world.project import memory

WORLDS = (("items",), ("prices",), ("clients",), ("clients", "contacts"), ("papers",), ("entries",), ("letters",))

faults = st.lists(st.sampled_from(FAULTS), max_size=6)
kills = st.none() | st.integers(1, 40)


class Convergence(RuleBasedStateMachine):
    """Changes, faulty runs, kills and lost files in any order; at the end both sides are equal."""

    @initialize(objects=st.sampled_from(WORLDS))
    def begin(self, objects: tuple[str, ...]) -> None:
        self.left = ExitStack()
        folder = self.left.enter_context(memory())
        self.it = self.left.enter_context(both_sides(folder, *objects))
        self.objects = objects

    @rule(data=st.data())
    def change(self, data: st.DataObject) -> None:
        object_ = data.draw(st.sampled_from(self.objects))
        values = st.none() | st.integers(0, BAD)
        self.it.change(object_, data.draw(st.dictionaries(st.sampled_from(KEYS[object_]), values, min_size=1)))

    @rule(data=st.data(), faults=faults, kill=kills)
    def run(self, data: st.DataObject, faults: list[Fault], kill: int | None) -> None:
        self.it.run(data.draw(st.sampled_from(self.objects)), faults=faults, kill=kill)

    @rule(data=st.data(), bytes_left=st.none() | st.sampled_from([0, 5000, 20000]))
    def lose(self, data: st.DataObject, bytes_left: int | None) -> None:
        self.it.lose(data.draw(st.sampled_from(self.objects)), bytes_left=bytes_left)

    @precondition(lambda self: self.objects == ("clients",))
    @rule()
    def lose_state(self) -> None:
        self.it.lose_state()

    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        object_ = data.draw(st.sampled_from(self.objects))
        if object_ != "letters":
            self.it.edit(object_)

    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        self.it.resend(data.draw(st.sampled_from(self.objects)))

    def teardown(self) -> None:
        if hasattr(self, "it"):
            with self.left:
                self.it.calm()


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(
    max_examples=examples(40),
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


# --- what it has found -----------------------------------------------------------------------------------------

SILENT = [503, 503]  # both attempts of a request


@pytest.fixture
def papers(tmp_path: Path) -> Iterator[BothSides]:
    with both_sides(tmp_path, "papers") as it:
        yield it


@pytest.mark.parametrize("back", [1, 2], ids=["as it was", "changed"])
@pytest.mark.parametrize("lost", ["after", "503 after", "late after", "before"])
def test_a_record_that_returns_after_its_lost_removal_is_created_again(tmp_path: Path, lost: str, back: int) -> None:
    with both_sides(tmp_path, "clients") as it:
        it.change("clients", {"k1": 1})
        it.run("clients")
        it.change("clients", {"k1": None})
        it.run("clients", faults=[lost, lost])
        it.change("clients", {"k1": back})

        it.calm()


def test_a_create_with_children_that_was_not_finished_is_removed_after_the_ledger_was_lost(papers: BothSides) -> None:
    papers.change("papers", {"p1": 2, "p2": 1})
    papers.run("papers")
    papers.change("papers", {"p3": 2})
    papers.run("papers", faults=["late after", "late after", "late after"])
    papers.lose("papers")
    papers.change("papers", {"p3": None})

    papers.calm()


def test_a_create_that_is_found_goes_on_with_the_steps_that_are_left(papers: BothSides) -> None:
    papers.change("papers", {"p3": 0})
    papers.run("papers", faults=["late after", "late after", "late after"])
    papers.resend("papers")

    papers.calm()


def test_a_removal_that_was_lost_and_a_lie_that_nobody_is_there_create_nobody_twice(tmp_path: Path) -> None:
    with both_sides(tmp_path, "clients") as it:
        it.change("clients", {"k1": 1})
        it.run("clients")
        it.change("clients", {"k1": None})
        it.run("clients", faults=["before", "before"])
        it.change("clients", {"k1": 2})
        it.run("clients", faults=[404])

        it.calm()

        assert it.platform.created == {"k1": 1}


def test_a_create_that_goes_on_with_another_payload_is_changed_afterwards(papers: BothSides) -> None:
    papers.change("papers", {"p1": 1})
    papers.run("papers", faults=["ok", *SILENT])  # made with 1, its file is missing
    papers.change("papers", {"p1": 2})

    papers.calm()


def test_a_create_that_goes_on_after_an_edit_of_the_mapping_is_changed_afterwards(papers: BothSides) -> None:
    papers.change("papers", {"p1": 1})
    papers.run("papers", faults=["ok", *SILENT])
    papers.edit("papers")

    papers.calm()


def test_steps_that_were_begun_anew_do_not_stand_when_the_first_payload_comes_back(papers: BothSides) -> None:
    papers.change("papers", {"p1": 1})
    papers.run("papers")
    papers.change("papers", {"p1": 2})
    papers.run("papers", faults=["ok", "ok", *SILENT])  # only the last step is missing
    papers.change("papers", {"p1": 0})
    papers.run("papers", faults=["after", "after"])  # the first step had its effect
    papers.change("papers", {"p1": 2})

    papers.calm()


def test_a_create_whose_later_steps_were_begun_with_another_payload_does_them_again(papers: BothSides) -> None:
    papers.change("papers", {"p1": 1})
    papers.run("papers", faults=["ok", "ok", *SILENT])
    papers.change("papers", {"p1": 2})
    papers.run("papers", faults=["after", "after"])  # its file is that of 2 now
    papers.change("papers", {"p1": 1})

    papers.calm()


def test_a_record_that_leaves_between_the_steps_of_its_create_is_removed(papers: BothSides) -> None:
    papers.change("papers", {"p1": 1})
    papers.run("papers", faults=["ok", *SILENT])
    papers.change("papers", {"p1": None})

    papers.calm()

    assert papers.platform.things["papers"] == {}


def test_a_removed_record_that_returns_begins_with_its_first_step(papers: BothSides) -> None:
    papers.change("papers", {"p1": 1})
    papers.run("papers")
    papers.change("papers", {"p1": 2})
    papers.run("papers", faults=["ok", *SILENT])
    papers.change("papers", {"p1": None})
    papers.run("papers")
    papers.change("papers", {"p1": 2})

    papers.calm()


def test_a_create_whose_mapping_lost_its_later_steps_is_not_repeated(papers: BothSides) -> None:
    papers.change("papers", {"p1": 1})
    papers.run("papers", faults=["ok", *SILENT])
    text = (papers.world.folder / "papers.yaml").read_text()
    first, later = text.split("    lookup:")
    step = '{method: PUT, path: "/papers/{{ saved.paper_id | path }}/file", file: pdf}'
    last = '{method: POST, path: "/papers/{{ saved.paper_id | path }}/complete", idempotent: true}'
    shorter = first.replace(f"      - {step}\n", "").replace(f"      - {last}\n", "")
    papers.world.add("papers", f"{shorter}    lookup:{later}")

    papers.calm()

    assert papers.platform.created == {"papers p1": 1}


def test_an_edit_of_the_mapping_reaches_records_before_the_cursor(tmp_path: Path) -> None:
    with both_sides(tmp_path, "entries") as it:
        it.change("entries", {"m1": 0, "m2": 1})
        it.run("entries")
        it.change("entries", {"m3": 2})
        it.run("entries")
        it.edit("entries")

        it.calm()


@pytest.mark.parametrize("lost", ["after", "before"])
def test_a_create_of_unknown_outcome_is_cleared_although_its_file_and_its_record_are_gone(
    tmp_path: Path, lost: str
) -> None:
    with both_sides(tmp_path, "clients") as it:
        it.change("clients", {"k1": 1, "k2": 1})
        it.run("clients", faults=[lost, *SILENT * 3])  # their look-ups fail
        it.change("clients", {"k1": None})
        it.lose("clients")
        it.orphans.clear()  # nothing was confirmed whose removal could be lost

        it.calm()

        assert set(it.platform.clients) == {"c-k2-1"}


def test_a_record_left_between_its_steps_is_removed_although_its_file_is_lost(papers: BothSides) -> None:
    papers.change("papers", {"p1": 1})
    papers.run("papers", faults=["ok", *SILENT])
    papers.change("papers", {"p1": None})
    papers.lose("papers")
    papers.orphans.clear()

    papers.calm()

    assert papers.platform.things["papers"] == {}


@pytest.mark.parametrize("kill", range(4, 11))
def test_a_kill_while_a_lost_file_is_rebuilt_forgets_no_record_between_its_steps(papers: BothSides, kill: int) -> None:
    papers.change("papers", {"p1": 1})
    papers.run("papers", faults=["ok", *SILENT])
    papers.change("papers", {"p1": None})
    papers.lose("papers")
    papers.orphans.clear()
    papers.run("papers", kill=kill)

    papers.calm()

    assert papers.platform.things["papers"] == {}


STEP = 'requests:\n      - {method: POST, path: /papers, body: "{{ line }}", save: {paper_id: "{{ body.paperId }}"}}\n'
FILE = '      - {method: PUT, path: "/papers/{{ saved.paper_id | path }}/file", file: pdf}\n'
LAST = '      - {method: POST, path: "/papers/{{ saved.paper_id | path }}/complete", idempotent: true}\n'


@pytest.mark.parametrize("then", [1, 2], ids=["as it was made", "as it was finished"])
def test_a_second_create_of_a_record_is_never_repeated_whatever_its_payload_became(
    papers: BothSides, then: int
) -> None:
    creating = LAST.replace(", idempotent: true", "")
    papers.world.edit("papers", (STEP + FILE + LAST, STEP + FILE + creating + LAST))
    papers.change("papers", {"p1": 1})
    papers.run("papers", faults=["ok", *SILENT])  # made with 1, its file is missing
    papers.change("papers", {"p1": 2})
    papers.platform.take()
    papers.run("papers", faults=["ok", "ok", *SILENT])  # its file is that of 2, and the second create is done
    sent = [papers.platform.take()]
    papers.change("papers", {"p1": then})
    papers.run("papers")
    sent.append(papers.platform.take())

    file, last = "PUT /papers/p1-1/file", "POST /papers/p1-1/complete"
    assert sent == [[file, last, last, last], [last, "PUT /papers/p1-1", file, last]]
    papers.calm()


def test_a_record_made_with_one_payload_and_finished_with_another_stands_for_neither(papers: BothSides) -> None:
    text = (papers.world.folder / "papers.yaml").read_text()
    added, _, rest = text.partition("  - on: [changed]")
    papers.world.add("papers", f"{added}  - on: [removed]{rest.partition('  - on: [removed]')[2]}")
    papers.change("papers", {"p1": 1})
    papers.run("papers", faults=["ok", *SILENT])
    papers.change("papers", {"p1": 2})
    papers.run("papers")
    papers.change("papers", {"p1": 1})

    assert papers.world.run("papers") == {"extracted": 1, "changed": 1, "unhandled_changed": 1}


def test_a_create_that_was_refused_by_an_answer_that_proves_nothing_is_looked_up_first(tmp_path: Path) -> None:
    with both_sides(tmp_path, "clients") as it:
        it.world.edit("clients", ("    lookup:", "    on_status: {503: reject}\n    lookup:"))
        it.change("clients", {"k1": 1})
        it.run("clients", faults=["503 after"])
        assert not it.world.rejected("clients")
        it.change("clients", {"k1": 2})

        it.calm()

        assert it.platform.created == {"k1": 1}
