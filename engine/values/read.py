"""One read of a source: batches of canonical texts, and the cursor that follows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from engine.values import json_text
from engine.values.records import Key, Refusal

if TYPE_CHECKING:
    from engine.values.arrow import Batch  # Arrow costs more than the rest of the room, and `--help` needs none of it

_PASSING = "passing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedItem:
    """An item whose document could not be had, for a reason in the data."""

    key: Key  # its record's, where `feed.key` tells it; else the item's values, in order
    refusal: Refusal
    item: Any
    passing: bool = False  # its fetch may work at another time: each run fetches it again

    @property
    def kept(self) -> str:
        """Give the JSON by which it can be fetched again."""
        return json_text.encode({"item": self.item} | ({_PASSING: True} if self.passing else {})).decode()


def is_passing(document: str | None) -> bool:
    """Tell whether what is kept of a refusal is an item that each run fetches again."""
    return document is not None and _PASSING in json_text.decode(document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One read of a source."""

    batches: Iterable[Batch]
    children: Mapping[str, Iterable[Batch]] = field(default_factory=dict)
    full: bool  # what is not in it is gone
    cursor: Any = None  # to be noted when all of it was delivered or kept; None: leave it
    cursor_column: str | None = None  # its greatest value is the cursor
    torn: str | None = None  # why a list that should be whole may not be; nothing counts as gone then
    moment: datetime | None = None  # of the read of a query that has a cursor
    zone: tzinfo = UTC  # of times without a zone
    overlaps: bool = False  # the next read is to reach back in time
    hint: str = ""  # what may be wrong where it gives no rows: some databases compare what they cannot without an error
    refused: tuple[RefusedItem, ...] = ()
    retried: tuple[Key, ...] = ()  # rejections that are tried again with it
    requests: int = 0
