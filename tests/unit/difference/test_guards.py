"""How many removals a guard lets go, at the edges, and which keys are the same written otherwise."""

import duckdb
import pytest

from engine.difference.guards import few_rows, withheld
from engine.difference.second_creates import BARE_KEY
from engine.mapping.spec import Ceiling, Guards
from engine.values.records import Key, key_text

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
        (7, 7, Guards(max_removed=Ceiling(percent=100.0)), True),
        (1, 1000, Guards(max_removed=Ceiling(percent=0.0)), True),  # never less than one: by a number 0 nothing goes
        (2, 1000, Guards(max_removed=Ceiling(percent=0.0)), False),
        (1, 1000, Guards(max_removed=Ceiling(rows=0)), False),
        (1, 1, Guards(max_removed=Ceiling(rows=1)), True),
        (6, 10, Guards(max_removed=Ceiling(rows=5)), False),
        (29, 100, Guards(max_removed=Ceiling(percent=29.0)), True),  # no binary fraction makes 28 of it
        (30, 100, Guards(max_removed=Ceiling(percent=29.0)), False),
        (58, 100, Guards(max_removed=Ceiling(percent=57.0)), False),  # nor 58 of 57
        (36, 500, Guards(max_removed=Ceiling(percent=7.0)), False),
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


def bare(key: Key) -> str:
    with duckdb.connect() as connection:
        [(text,)] = connection.execute(f"select {BARE_KEY} from (select ? as key)", [key_text(key)]).fetchall()
        return str(text)


@pytest.mark.parametrize(
    "writings",
    [
        ("17", "0017", "017", " 17 ", "17.0", "17.00", "0017.0", "17."),
        ("17.5", "17.50", "0017.500"),
        ("0", "00", "0.0", "0.", " 0"),
        ("0.5", "00.5", "0.50"),
        ("-17", "-017", "-17.0"),
        ("AB", "ab", "Ab", " ab", "AB   ", "\tab\r\n", "\u00a0ab", "00AB"),
        ("ŁÓDŹ 1", "łódź 1"),
        ("K-007", "k-007", "0K-007"),
        ("a\0B", "A\0b"),
        ('a"\\', 'A"\\'),
    ],
)
def test_these_are_one_key_written_in_several_ways(writings: tuple[str, ...]) -> None:
    assert len({bare((each,)) for each in writings}) == 1


@pytest.mark.parametrize(
    "keys",
    [
        (("17",), ("170",), ("1.7",), ("17.05",), ("-17",), ("1 7",), ("17A",), ("1e1",), ("17,0",)),
        (("0",), ("",), ("-",), (".",), (None,), ("null",)),
        (("100",), ("1",), ("10.01",), ("10",)),
        (("K-007",), ("K-7",), ("K007",), ("K 007",), ("K-07",)),
        (("a b",), ("a  b",), ("ab",)),
        (("1.2.0",), ("1.2",), ("1.2.00",)),
        (("a", "bc"), ("ab", "c"), ("abc",), ("bc", "a"), ("abc", ""), ('a","bc',)),
    ],
)
def test_these_are_keys_of_their_own(keys: tuple[Key, ...]) -> None:
    assert len({bare(key) for key in keys}) == len(keys)


def test_every_part_of_a_key_may_be_written_otherwise() -> None:
    assert bare(("W1", "0017", None)) == bare(("w1 ", "17.0", None)) == '["w1","17",null]'
