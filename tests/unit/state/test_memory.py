"""The room that rows get, by their weight."""

from __future__ import annotations

import pytest

from engine.state.memory import LEAST_BYTES, Room

MEGABYTE = 1_000_000


@pytest.mark.parametrize("heaviest", [0, 400_000, MEGABYTE])
def test_light_rows_get_the_least_memory_and_go_together(heaviest: int) -> None:
    room = Room(heaviest)

    assert (room.memory_bytes, room.few(20_000), room.few(3)) == (LEAST_BYTES, 20_000, 3)


def test_the_heavier_rows_are_the_more_memory_they_get_and_the_fewer_go_at_once() -> None:
    rooms = [Room(each * MEGABYTE) for each in (5, 25, 100, 2_000, 1_000_000)]

    assert [room.memory_bytes // MEGABYTE for room in rooms] == [416, 1_696, 6_496, 128_096, 64_000_096]
    assert [room.few(20_000) for room in rooms] == [13_107, 2_621, 655, 32, 1]


def test_wide_rows_get_more_memory_and_go_together() -> None:
    rooms = [Room(0, columns) for columns in (0, 6, 7, 40)]

    assert [room.memory_bytes // MEGABYTE for room in rooms] == [160, 160, 175, 670]
    assert [room.few(20_000) for room in rooms] == [20_000] * 4


def test_a_room_for_both_is_enough_for_each() -> None:
    assert Room(5, 1).with_room_for(Room(3, 4)) == Room(5, 4)


@pytest.mark.parametrize(
    ("first", "last", "windows"),
    [
        (1, 0, []),
        (1, 1, [(1, 3)]),
        (1, 3, [(1, 3)]),
        (1, 4, [(1, 3), (4, 6)]),
        (0, -1, []),
        (0, 6, [(0, 2), (3, 5), (6, 8)]),
    ],
)
def test_windows_cover_all_numbers_once(first: int, last: int, windows: list[tuple[int, int]]) -> None:
    assert list(Room().windows(last, 3, first=first)) == windows
