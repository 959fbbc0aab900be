"""Cuts the sorted changes of an operation into the ranges of its requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


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
