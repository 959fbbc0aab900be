"""What takes a confirmation back from the ledger, and that nothing but `settle` gives one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest

from engine.state.ledger import Ledger, Outcomes
from engine.state.staging import Staging
from engine.values.ranges import Range
from engine.values.records import key_text

NOON = datetime(2026, 7, 21, 12, tzinfo=UTC)
A, B, C, D = (key_text((name,)) for name in "abcd")
Held: TypeAlias = dict[str, tuple[int | None, int | None, bool]]  # row hash, payload hash, uncertain
CONFIRMED: Held = {A: (1, 1, False), B: (2, 2, False), C: (None, None, True)}


@pytest.fixture
def staging(tmp_path: Path) -> Iterator[Staging]:
    """Open a ledger that holds two confirmed records, and one whose create had no answer."""
    opened = Staging.open(tmp_path / "items.duckdb", scratch=tmp_path, wait_seconds=0)
    for seq, key in enumerate((A, B, C), 1):
        opened.run("insert into changes values (?, ?, 'added', 0, '', ?, ?, '{}', null)", [seq, key, seq, seq])
    Ledger(opened).settle(Outcomes(marked=[Range(1, 3)], confirmed=[Range(1, 2)]), NOON)
    yield opened
    opened.close()


def held(staging: Staging) -> Held:
    found = staging.rows("select key, row_hash, payload_hash, uncertain from ledger")
    return {key: (row_hash, payload_hash, uncertain) for key, row_hash, payload_hash, uncertain in found}


def test_settle_confirms_what_was_confirmed(staging: Staging) -> None:
    assert held(staging) == CONFIRMED


@pytest.mark.parametrize(
    ("take_back", "after"),
    [
        (lambda ledger: ledger.forget(None), {A: (None, 1, True), B: (None, 2, True), C: (None, None, True)}),
        (lambda ledger: ledger.forget([("a",), ("d",)]), {**CONFIRMED, A: (None, 1, True)}),
        (lambda ledger: ledger.doubt([("a",), ("d",)]), {**CONFIRMED, A: (None, None, True)}),
        (lambda ledger: ledger.doubt([]), CONFIRMED),
        (lambda ledger: ledger.disown(("a",)), CONFIRMED),  # it was confirmed: it stays
        (lambda ledger: ledger.disown(("c",)), {A: CONFIRMED[A], B: CONFIRMED[B]}),
        (lambda ledger: ledger.rebuild({("a",): {}, ("d",): {}}, 4), {A: (None, None, True), D: (None, None, True)}),
    ],
    ids=["forget all", "forget", "doubt", "doubt none", "disown a confirmed one", "disown", "rebuild"],
)
def test_what_else_writes_takes_a_confirmation_back(
    take_back: Callable[[Ledger], object], after: Held, staging: Staging
) -> None:
    take_back(Ledger(staging))

    assert held(staging) == after
    assert {key: each for key, each in after.items() if not each[2]}.items() <= CONFIRMED.items()
