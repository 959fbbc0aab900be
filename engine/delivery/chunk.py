"""Cuts the sorted changes of an operation into the ranges of its requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.values import Range


def chunk(groups: Iterable[Range], size: int) -> Iterator[Range]:
    """Cut each group into ranges of at most `size`; no range spans two groups.

    Both ends of a range are inclusive. Order is kept; together the ranges cover exactly the groups.
    """
    for group in groups:
        for first in range(group.first, group.last + 1, size):
            yield Range(first, min(first + size - 1, group.last))
