"""Taking ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from engine.values.read_ahead import DEPTH, ahead


def test_items_come_in_order_and_all_of_them() -> None:
    assert list(ahead(range(100))) == list(range(100))


def test_an_error_comes_through_after_the_items_before_it() -> None:
    def breaks() -> Iterator[int]:
        yield 1
        raise OSError("lost")

    taken = []
    with pytest.raises(OSError, match="lost"):
        for item in ahead(breaks()):
            taken.append(item)

    assert taken == [1]


def test_what_is_left_early_is_closed_in_the_thread_that_ran_it() -> None:
    threads = []

    def endless() -> Iterator[int]:
        threads.append(threading.current_thread())
        try:
            while True:
                yield 1
        finally:
            threads.append(threading.current_thread())

    taking = ahead(endless())
    next(taking)
    taking.close()  # type: ignore[attr-defined]

    assert threads[0] is threads[1]
    assert not threads[0].is_alive()


def test_no_more_is_taken_ahead_than_the_depth() -> None:
    given: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(100):
            given.append(number)
            yield number

    taking = ahead(counted())
    next(taking)
    threading.Event().wait(0.05)

    assert len(given) <= DEPTH + 2
    taking.close()  # type: ignore[attr-defined]
