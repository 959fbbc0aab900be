"""The parts that wait for their turn: in which order they go, and how they are given up."""

from __future__ import annotations

from collections.abc import Iterator

from engine.delivery.part import Part, Past
from engine.delivery.work_list import Worklist
from engine.values.ranges import Range

HOUR = 3600.0


def part(first: int, last: int, *, unknown: bool = False) -> Part:
    return Part(range=Range(first, last), family=first, past=Past(unknown=unknown))


def test_parts_that_were_put_back_go_before_new_ones_and_keep_their_order() -> None:
    worklist = Worklist([(part(1, 2), 0.0), (part(3, 4), 0.0)])
    worklist.push(part(8, 8))
    worklist.push(part(9, 9))

    taken = [worklist.take() for _ in range(5)]

    assert taken == [part(8, 8), part(9, 9), part(1, 2), part(3, 4), None]
    assert worklist.is_empty()


def test_a_part_that_has_to_wait_is_left_until_its_time() -> None:
    worklist = Worklist([(part(1, 1), HOUR), (part(2, 2), 0.0)])

    taken = [worklist.take(), worklist.take()]

    assert taken == [part(2, 2), None]
    assert not worklist.is_empty()
    assert HOUR - 60 < worklist.pause_seconds() <= HOUR


def test_new_parts_are_made_only_as_they_are_needed() -> None:
    made = []

    def making() -> Iterator[tuple[Part, float]]:
        for first in (1, 2, 3):
            made.append(first)
            yield part(first, first), 0.0

    worklist = Worklist(making())
    worklist.take()

    assert made == [1]


def test_what_is_left_is_joined_where_one_range_continues_another_and_nothing_is_unknown() -> None:
    ranges = [part(1, 2), part(3, 4), part(6, 7), part(8, 8, unknown=True), part(9, 9), part(10, 10)]
    worklist = Worklist([(each, HOUR) for each in ranges])
    worklist.push(part(20, 20), HOUR)
    worklist.push(part(21, 21), HOUR)

    drained = [(*each.range, each.past.unknown) for each in worklist.drain()]

    joined = [(1, 4, False), (6, 7, False), (8, 8, True), (9, 10, False)]
    assert drained == [(20, 20, False), (21, 21, False), *joined]
    assert worklist.is_empty()
