"""How much memory DuckDB may take and how many rows are worked on at once, by how heavy and how wide rows are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LEAST_BYTES = 160_000_000  # with it a run of a million rows stays below 500 MB in all
VECTOR_ROWS = 2_048  # DuckDB works on so many at once, whatever they weigh
WINDOW_ROWS = 100_000
_LIGHT_BYTES = 1_000_000  # of so many rows: the least has room for them
# What DuckDB holds while it joins and sorts, in all its threads; measured with rows of 2.5 kB to 1 MB, and 40 columns.
_COPIES = 64
_COLUMN_BYTES = 15_000_000
_FEW_COLUMNS = 6
_AT_ONCE_BYTES = 32_000_000


@dataclass(frozen=True, slots=True)
class Room:
    """What the work on rows takes."""

    heaviest_bytes: int = 0  # of the heaviest `VECTOR_ROWS` of them together
    columns: int = 0

    @property
    def memory_bytes(self) -> int:
        """The memory that DuckDB needs for them."""
        heavy = _COPIES * max(0, self.heaviest_bytes - _LIGHT_BYTES)
        return LEAST_BYTES + heavy + _COLUMN_BYTES * max(0, self.columns - _FEW_COLUMNS)

    def with_room_for(self, other: Room) -> Room:
        """Join two rooms to one that is enough for both."""
        return Room(max(self.heaviest_bytes, other.heaviest_bytes), max(self.columns, other.columns))

    def few(self, rows: int) -> int:
        """Say how many rows to work on at once: so many, or fewer where they are heavy."""
        return max(1, min(rows, VECTOR_ROWS * _AT_ONCE_BYTES // max(1, self.heaviest_bytes)))

    def windows(self, last: int, rows: int = WINDOW_ROWS, *, first: int = 1) -> Iterator[tuple[int, int]]:
        """Give the ranges of numbers, from `first` to `last` or a little beyond, that are worked on at once."""
        step = self.few(rows)
        for number in range(first, last + 1, step):
            yield number, number + step - 1
