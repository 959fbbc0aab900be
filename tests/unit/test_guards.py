"""How many removals a guard lets go, at the edges."""

import pytest

from engine.guards import few_rows, withheld
from engine.mapping import Guards

TWENTY = Guards()


@pytest.mark.parametrize(
    ("removals", "held", "guards", "goes"),
    [
        (0, 0, TWENTY, True),
        (1, 1, TWENTY, True),  # at least one may go
        (1, 5, TWENTY, True),
        (2, 5, TWENTY, False),
        (2, 6, TWENTY, True),  # 1.2 is rounded up
        (3, 10, TWENTY, False),
        (2, 10, TWENTY, True),
        (200_000, 1_000_000, TWENTY, True),
        (200_001, 1_000_000, TWENTY, False),
        (7, 7, Guards(max_removed_percent=100.0), True),
        (1, 1000, Guards(max_removed_percent=0.0), True),  # never less than one: by a number 0 nothing goes
        (2, 1000, Guards(max_removed_percent=0.0), False),
        (1, 1000, Guards(max_removed_percent=None, max_removed_rows=0), False),
        (1, 1, Guards(max_removed_percent=None, max_removed_rows=1), True),
        (6, 10, Guards(max_removed_percent=None, max_removed_rows=5), False),
        (29, 100, Guards(max_removed_percent=29.0), True),  # no binary fraction makes 28 of it
        (30, 100, Guards(max_removed_percent=29.0), False),
        (58, 100, Guards(max_removed_percent=57.0), False),  # nor 58 of 57
        (36, 500, Guards(max_removed_percent=7.0), False),
    ],
)
def test_a_guard_lets_so_many_go(removals: int, held: int, guards: Guards, goes: bool) -> None:
    assert (withheld(removals, held, None, guards, None) is None) == goes


@pytest.mark.parametrize(
    ("removals", "extracted", "min_rows", "expected"),
    [
        (1, 0, 1, "the source gave 0 rows, guards.min_rows is 1"),
        (0, 0, 1, None),
        (1, 0, 0, None),
        (1, 1, 1, None),
        (1, 99, 100, "the source gave 99 rows, guards.min_rows is 100"),
        (1, 100, 100, None),
    ],
)
def test_a_read_of_few_rows_is_suspicious(removals: int, extracted: int, min_rows: int, expected: str | None) -> None:
    assert few_rows(removals, extracted, Guards(min_rows=min_rows)) == expected


@pytest.mark.parametrize(("allowed", "goes"), [(None, False), (0, False), (9, False), (10, True), (11, True)])
def test_what_is_allowed_counts_whatever_the_guard_says(allowed: int | None, goes: bool) -> None:
    assert (withheld(10, 10, "the source gave 0 rows", TWENTY, allowed) is None) == goes


def test_a_ceiling_below_the_guards_is_a_ceiling() -> None:
    reason = withheld(2, 100, None, TWENTY, 1)

    assert reason == "2 removals are more than the 1 that were allowed"
