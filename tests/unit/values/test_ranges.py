"""Ranges: cut into chunks, joined for recording, taken from each other."""

import pytest

from engine.delivery.chunk import chunk
from engine.values.ranges import Range, coalesce, subtract

Pairs = list[tuple[int, int]]


def ranges(*pairs: tuple[int, int]) -> list[Range]:
    return [Range(*pair) for pair in pairs]


@pytest.mark.parametrize(
    ("groups", "size", "chunks"),
    [
        ([], 10, []),
        ([(1, 10)], 10, [(1, 10)]),
        ([(1, 11)], 10, [(1, 10), (11, 11)]),
        ([(1, 9)], 10, [(1, 9)]),
        ([(5, 5)], 10, [(5, 5)]),
        ([(1, 3)], 1, [(1, 1), (2, 2), (3, 3)]),
        ([(1, 4), (5, 6), (7, 12)], 3, [(1, 3), (4, 4), (5, 6), (7, 9), (10, 12)]),
        ([(1, 4), (900, 903)], 3, [(1, 3), (4, 4), (900, 902), (903, 903)]),
    ],
)
def test_groups_are_cut_into_chunks_that_never_span_two(groups: Pairs, size: int, chunks: Pairs) -> None:
    assert list(chunk(ranges(*groups), size)) == chunks


def test_chunks_are_cut_as_they_are_asked_for() -> None:
    cut = chunk(iter(ranges((1, 10**12))), 10)

    assert [next(cut), next(cut)] == [(1, 10), (11, 20)]


@pytest.mark.parametrize(
    ("given", "joined"),
    [
        ([], []),
        ([(1, 5)], [(1, 5)]),
        ([(1, 5), (6, 9)], [(1, 9)]),
        ([(1, 5), (7, 9)], [(1, 5), (7, 9)]),
        ([(7, 9), (1, 5), (6, 6)], [(1, 9)]),
        ([(1, 9), (3, 4)], [(1, 9)]),
        ([(1, 4), (1, 4), (2, 9)], [(1, 9)]),
        ([(1, 9), (2, 3), (12, 12), (10, 11)], [(1, 12)]),
    ],
)
def test_overlapping_and_adjacent_ranges_are_joined(given: Pairs, joined: Pairs) -> None:
    assert coalesce(ranges(*given)) == joined


@pytest.mark.parametrize(
    ("given", "minus", "left"),
    [
        ([], [(1, 5)], []),
        ([(1, 5)], [], [(1, 5)]),
        ([(1, 5)], [(1, 5)], []),
        ([(1, 5)], [(0, 9)], []),
        ([(1, 5)], [(3, 3)], [(1, 2), (4, 5)]),
        ([(1, 5)], [(1, 1), (5, 5)], [(2, 4)]),
        ([(1, 5)], [(6, 9)], [(1, 5)]),
        ([(1, 5)], [(4, 9)], [(1, 3)]),
        ([(4, 9)], [(1, 5)], [(6, 9)]),
        ([(1, 9)], [(2, 3), (3, 4), (8, 8)], [(1, 1), (5, 7), (9, 9)]),
        ([(1, 3), (7, 9)], [(3, 7)], [(1, 2), (8, 9)]),
        ([(1, 3), (2, 9)], [(20, 30), (5, 5)], [(1, 4), (6, 9)]),
    ],
)
def test_what_is_left_when_ranges_are_taken_away(given: Pairs, minus: Pairs, left: Pairs) -> None:
    assert subtract(ranges(*given), ranges(*minus)) == left


def test_a_range_counts_both_its_ends() -> None:
    assert [Range(4, 4).size, Range(1, 10).size] == [1, 10]
