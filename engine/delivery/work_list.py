"""The parts of an operation that wait for their turn: those put back for a time, then those not begun yet."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Iterator

from engine.delivery.part import Part
from engine.values import Range


class Worklist:
    """Gives parts when their time has come, those that were put back first; it is used by one thread."""

    def __init__(self, parts: Iterable[tuple[Part, float]]) -> None:
        """`parts`: each with the seconds before it may go; taken as they are needed, in order."""
        self._parts = iter(parts)
        self._waiting: list[tuple[float, int, Part]] = []
        self._serial = 0  # of equal times the earlier one goes first

    def push(self, part: Part, delay_seconds: float = 0.0) -> None:
        """Let a part wait."""
        self._serial += 1
        heapq.heappush(self._waiting, (time.monotonic() + delay_seconds, self._serial, part))

    def is_empty(self) -> bool:
        """Tell whether nothing is left, now or later."""
        return not (self._waiting or self._fetch())

    def take(self) -> Part | None:
        """Give the next part; None where none may go now."""
        while not self._waiting or self._waiting[0][0] > time.monotonic():
            if not self._fetch():
                return None
        return heapq.heappop(self._waiting)[2]

    def pause_seconds(self) -> float:
        """Tell how long the first part has to wait yet; 0 also where none waits."""
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else 0.0

    def drain(self) -> Iterator[Part]:
        """Give all that is left, whatever its time: what waits part by part, the rest joined, as it may be millions."""
        while self._waiting:
            yield heapq.heappop(self._waiting)[2]
        joined: Part | None = None
        for part, _ in self._parts:
            if joined and not (joined.past.unknown or part.past.unknown) and joined.range.last + 1 == part.range.first:
                joined = joined.over(Range(joined.range.first, part.range.last))
                continue
            if joined:
                yield joined
            joined = part
        if joined:
            yield joined

    def _fetch(self) -> bool:
        """Let one more part wait; False where there is none left."""
        following = next(self._parts, None)
        if following:
            self.push(*following)
        return following is not None
