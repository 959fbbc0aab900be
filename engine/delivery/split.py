"""How a chunk is taken apart: by the results of its lines, or, refused as a whole, breadth first (ledger.md 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from engine.connections.http.decisions import Refuse
from engine.delivery.part import Part
from engine.values.ranges import Range

SPREAD = 8  # lines that are sent alone when whole, halves and quarters were refused
SPLIT_DEPTH = 2  # whole 0, halves 1, quarters 2
FIRST_REQUESTS = 7  # whole, halves and quarters


@dataclass(slots=True)
class Family:
    """What became of the requests of one chunk."""

    refused: int = 0
    accepted: int = 0
    under_way: int = 1  # parts that wait or were sent; the whole chunk at first
    held: list[tuple[Part, Refuse]] = field(default_factory=list)  # until it is known where the fault is
    rest: list[Part] = field(default_factory=list)  # the chunk without the lines that are being sent alone
    probing: bool = False


def halves(part: Part) -> list[Part]:
    """Split a part of at least two lines in two."""
    first, last = part.range
    middle = (first + last) // 2
    return [part.child(Range(first, middle)), part.child(Range(middle + 1, last))]


def spread(parts: Iterable[Part]) -> tuple[list[Part], list[Part]]:
    """Pick lines to send alone, spread over the parts: the first of each half. Gives them, and what is left."""
    pieces = [half for part in parts for half in halves(part)]
    alone = [piece.over(Range(piece.range.first, piece.range.first)) for piece in pieces]
    rest = [p.over(Range(p.range.first + 1, p.range.last)) for p in pieces if p.range.size > 1]
    return alone, rest


def is_suspicious(family: Family, held: list[tuple[Part, Refuse]]) -> bool:
    """Tell whether whole, halves and quarters were all refused, and splitting on would cost much."""
    return family.refused >= FIRST_REQUESTS and sum(part.range.size for part, _ in held) >= SPREAD


def by_result(part: Part, lines: Iterable[str | None]) -> Iterator[tuple[Part, str | None]]:
    """Join neighbours of equal results, so that recording costs by runs; a reason stands for one line alone."""
    places = enumerate(lines, start=part.range.first)
    for (result, _), found in groupby(places, key=lambda each: (each[1], each[0] if each[1] else None)):
        first, *rest = [place for place, _ in found]
        yield part.over(Range(first, rest[-1] if rest else first)), result
