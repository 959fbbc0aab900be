"""What holds for every list of ranges."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.delivery.chunk import chunk
from engine.values.ranges import Range, coalesce, subtract

ranges = st.lists(st.builds(lambda first, more: Range(first, first + more), st.integers(0, 60), st.integers(0, 12)))


def members(some: list[Range]) -> set[int]:
    return {each for first, last in some for each in range(first, last + 1)}


@st.composite
def groups(draw: st.DrawFn) -> list[Range]:
    """Groups as `changes` gives them: in order, without overlap."""
    found, first = [], 1
    for gap, more in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=8)):
        found.append(Range(first + gap, first + gap + more))
        first += gap + more + 1
    return found


@given(groups=groups(), size=st.integers(1, 15))
def test_chunks_cover_the_groups_in_order_and_none_is_cut_early(groups: list[Range], size: int) -> None:
    chunks = list(chunk(groups, size))

    assert [seq for each in chunks for seq in range(each.first, each.last + 1)] == sorted(members(groups))
    assert all(1 <= each.size <= size for each in chunks)
    assert len(chunks) == sum(-(-group.size // size) for group in groups)


@given(some=ranges)
def test_joined_ranges_hold_the_same_apart_and_in_order(some: list[Range]) -> None:
    joined = coalesce(some)

    assert members(joined) == members(some)
    assert all(one.last + 1 < next_.first for one, next_ in pairwise(joined))


@given(some=ranges, minus=ranges)
def test_taking_ranges_away_is_the_difference_of_sets(some: list[Range], minus: list[Range]) -> None:
    left = subtract(some, minus)

    assert members(left) == members(some) - members(minus)
    assert all(one.last < next_.first for one, next_ in pairwise(left))


@given(some=ranges, minus=ranges)
def test_nothing_is_changed_in_place(some: list[Range], minus: list[Range]) -> None:
    before = (list(some), list(minus))

    subtract(some, minus)

    assert (some, minus) == before
