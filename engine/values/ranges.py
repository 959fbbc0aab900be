"""Cuts the sorted changes of an operation into the ranges of its requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


def chunk(groups: Iterable[Range], size: int) -> Iterator[Range]:
    """Cut each group into ranges of at most `size`; no range spans two groups.

    Both ends of a range are inclusive. Order is kept; together the ranges cover exactly the groups.
    """
    for group in groups:
        for first in range(group.first, group.last + 1, size):
            yield Range(first, min(first + size - 1, group.last))


def coalesce(ranges: Iterable[Range]) -> list[Range]:
    """Join overlapping and adjacent ranges, so that recording costs by gaps, not by chunks."""
    joined: list[Range] = []
    for each in sorted(ranges):
        if joined and each.first <= joined[-1].last + 1:
            joined[-1] = Range(joined[-1].first, max(joined[-1].last, each.last))
        else:
            joined.append(each)
    return joined


def subtract(ranges: Iterable[Range], minus: Iterable[Range]) -> list[Range]:
    """Give the parts of `ranges` that no range of `minus` covers."""
    left: list[Range] = []
    holes = coalesce(minus)
    for each in coalesce(ranges):
        first = each.first
        for hole in holes:
            if hole.last < first or hole.first > each.last:
                continue
            if hole.first > first:
                left.append(Range(first, hole.first - 1))
            first = hole.last + 1
        if first <= each.last:
            left.append(Range(first, each.last))
    return left


class Range(NamedTuple):
    """A run of sequence numbers, both ends included: how chunks, marks and receipts are written down."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """Count the records in it."""
        return self.last - self.first + 1
