"""Event feeds: what happened, in order, read from a number on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from engine.values import Json

Document: TypeAlias = dict[str, Any]


class Context(StrEnum):
    """Who made a change (one-api.md 1, paging 3)."""

    APPLICATION = "APPLICATION"
    BACKOFFICE = "BACKOFFICE"
    INTERNAL = "INTERNAL"
    INTEGRATIONS = "INTEGRATIONS"


class OrderEvent(StrEnum):
    """What happened to a shipment (one-api.md 2.15)."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    CHANGED_PAYMENT = "CHANGED_PAYMENT"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a feed; its number is its place in the feed, counted from 1."""

    document: Document  # as it is given out
    kind: str  # what a reader may ask for: a Context or an OrderEvent


@dataclass(slots=True)
class Feed:
    """Events in the order in which they happened."""

    events: list[Event] = field(default_factory=list)

    def add(self, document: Document, kind: str) -> None:
        """Note what happened."""
        self.events.append(Event(document, kind))

    def read(self, start: int, *, kinds: Collection[str], limit: int) -> Json:
        """Give at most `limit` events of these kinds from number `start` on.

        `nextId` is the number after the last event looked at, those of other kinds included,
        and `start` itself when there was none (one-api.md 1: not documented, assumed).
        """
        found: list[Document] = []
        following = start
        for number in range(start, len(self.events) + 1):
            if len(found) == limit:
                break
            event, following = self.events[number - 1], number + 1
            if event.kind in kinds:
                found.append(event.document)
        return {"nextId": following, "events": found}
