"""Takes from an iterator in a thread of its own, so that reading a source and storing what was read go on at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Any, TypeVar

Item = TypeVar("Item")

DEPTH = 2  # items that wait: enough to keep both sides busy, and little memory
_LOOK_SECONDS = 0.1  # how often a full queue looks whether anyone still takes from it
_END = object()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Give the same items in the same order, some of them taken ahead; errors come through where they happened.

    The iterator is begun, run and closed in one thread, as database drivers ask for.
    """
    queue: Queue[Any] = Queue(maxsize=DEPTH)
    left = threading.Event()
    reader = threading.Thread(target=_read, args=(items, queue, left), name="ahead", daemon=True)
    reader.start()
    try:
        while (item := queue.get()) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield item
    finally:
        left.set()
        while reader.is_alive():
            with suppress(Empty):
                queue.get(timeout=_LOOK_SECONDS)
        reader.join()


class _Raised:
    """An error on its way from the reading thread."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _read(items: Iterable[Any], queue: Queue[Any], left: threading.Event) -> None:
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(queue, item, left):
                return
        _put(queue, _END, left)
    except BaseException as error:
        _put(queue, _Raised(error), left)
    finally:
        close = getattr(iterator, "close", None)
        if close:
            close()


def _put(queue: Queue[Any], item: Any, left: threading.Event) -> bool:
    """Put an item; False where nobody takes from the queue any more."""
    while not left.is_set():
        with suppress(Full):
            queue.put(item, timeout=_LOOK_SECONDS)
            return True
    return False
