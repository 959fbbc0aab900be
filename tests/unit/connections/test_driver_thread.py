"""The thread that a database connection lives in: who calls it waits as long as it wants to, and no longer."""

from __future__ import annotations

import threading

import pytest

from engine.connections.sql.driver_thread import BrokenOff, DriverThread, Why


def test_all_calls_are_made_in_one_thread_that_is_not_the_caller_s() -> None:
    thread, idents = DriverThread(threading.Event()), list[int]()

    for _ in range(3):
        thread.call(lambda: idents.append(threading.get_ident()), seconds=5)
    thread.end(lambda: idents.append(threading.get_ident()))

    assert len(idents) == 4
    assert len({*idents, threading.get_ident()}) == 2


def test_what_a_call_raises_comes_to_the_caller_and_the_next_call_works() -> None:
    thread = DriverThread(threading.Event())

    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0, seconds=5)

    assert thread.call(lambda: 5, seconds=5) == 5
    assert not thread.left


def test_a_call_that_takes_too_long_is_cancelled_and_what_it_gives_then_is_not_taken() -> None:
    thread, cancelled = DriverThread(threading.Event()), threading.Event()

    with pytest.raises(BrokenOff) as caught:
        thread.call(lambda: cancelled.wait(5), seconds=0.1, cancel=cancelled.set)

    assert (caught.value.why, thread.left) == (Why.TOO_LONG, False)


def test_a_call_that_cannot_be_cancelled_is_left_alone_and_closed_when_it_wakes() -> None:
    thread, woken, closed = DriverThread(threading.Event()), threading.Event(), threading.Event()

    with pytest.raises(BrokenOff):
        thread.call(lambda: woken.wait(5), seconds=0.1)
    thread.end(closed.set)

    assert thread.left
    assert not closed.is_set()
    woken.set()
    assert closed.wait(5)


def test_after_a_stop_nothing_begins_but_what_may_still_end() -> None:
    stop, done = threading.Event(), list[str]()
    stop.set()
    thread = DriverThread(stop)

    thread.call(lambda: done.append("a write"), seconds=5, spare_seconds=60)
    with pytest.raises(BrokenOff) as caught:
        thread.call(lambda: done.append("a read"), seconds=5)

    assert (caught.value.why, done) == (Why.STOPPED, ["a write"])
