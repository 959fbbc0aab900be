"""How a part is taken apart: in halves, in lines that are sent alone, or by the results of its lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from engine.delivery.part import Part
from engine.values import Range


def halves(part: Part) -> tuple[Part, Part]:
    """Split a part of at least two lines in two."""
    first, last = part.range
    middle = (first + last) // 2
    return part.child(Range(first, middle)), part.child(Range(middle + 1, last))


def spread(parts: Iterable[Part]) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Pick lines to send alone, spread over the parts: the first of each half. Gives them, and what is left."""
    pieces = [half for part in parts for half in halves(part)]
    alone = tuple(piece.over(Range(piece.range.first, piece.range.first)) for piece in pieces)
    rest = tuple(p.over(Range(p.range.first + 1, p.range.last)) for p in pieces if p.range.size > 1)
    return alone, rest


def by_result(part: Part, lines: Iterable[str | None]) -> Iterator[tuple[Part, str | None]]:
    """Join neighbours of equal results, so that recording costs by runs; a reason stands for one line alone."""
    places = enumerate(lines, start=part.range.first)
    for (result, _), found in groupby(places, key=lambda each: (each[1], each[0] if each[1] else None)):
        first, *rest = [place for place, _ in found]
        yield part.over(Range(first, rest[-1] if rest else first)), result
