"""Scripted faults: which requests they meet, how often, and what becomes of those requests.

A fault is either an incident (a status, a delay, a cut connection, a spoilt answer) or only a rule
(SKUs or clients that are refused, results per line). Of the incidents that match a request the first one
happens and only it is used up; all matching rules hold together. A fault that refuses SKUs or clients
matches only requests that bring one of them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from engine.values import Json

SKU_NAMES = frozenset({"sku", "skus", "productId", "stocksToRemove"})
CLIENT_NAMES = frozenset({"clientId", "externalId", "organizationId"})


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What faults look at in a request."""

    method: str
    path: str  # percent-encoded, without query
    query: str = ""  # decoded
    body: bytes = b""
    skus: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()  # under all their names


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which requests a fault meets: those that fit all that is said."""

    method: str | None = None
    path: str | None = None  # a glob whose * crosses slashes, or a regular expression if it begins with ^
    query_contains: str | None = None
    body_contains: str | None = None
    sku: str | None = None
    client: str | None = None  # clientId, the same without prefix, or externalId

    def fits(self, seen: Seen) -> bool:
        """Tell whether a request is met."""
        return (
            (self.method is None or self.method.upper() == seen.method)
            and (self.path is None or _path_fits(self.path, seen.path))
            and (self.query_contains is None or self.query_contains in seen.query)
            and (self.body_contains is None or self.body_contains.encode() in seen.body)
            and (self.sku is None or self.sku in seen.skus)
            and (self.client is None or self.client in seen.clients)
        )


class Action(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What becomes of a request."""

    status: int | None = None  # answered without any effect
    retry_after: int | str | None = None  # seconds, or an HTTP date as text; only with `status`
    body: Any = None  # of the answer; only with `status`
    delay_seconds: float = 0.0
    delay: Literal["answer", "effect"] = "answer"  # answer: the effect takes place at once, only the answer is late
    drop: Literal["before", "after"] | None = (
        None  # the connection is cut without an answer: before or after the effect
    )
    garbage: bool = False  # the effect takes place, the answer is not JSON
    truncate: bool = False  # the effect takes place, the answer breaks off in the middle
    refuse_sku: tuple[str, ...] = ()  # 422 for the whole request, or the line alone where results are per line
    refuse_client: tuple[str, ...] = ()
    per_line: bool = False  # 200 with a result for each line, where the call has lines

    def __post_init__(self) -> None:
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError("status is from 200 to 599")
        if self.status is None and (self.retry_after is not None or self.body is not None):
            raise ValueError("retry_after and body need a status")
        if self.delay_seconds < 0:
            raise ValueError("delay_seconds is 0 or more")

    @property
    def is_incident(self) -> bool:
        """Tell whether more than rules is said."""
        return bool(self.status or self.delay_seconds or self.drop or self.garbage or self.truncate)

    def concerns(self, seen: Seen) -> bool:
        """Tell whether a request names what is refused; true where nothing is refused."""
        if not (self.refuse_sku or self.refuse_client):
            return True
        if seen.method == "GET":  # it asks, and brings nothing that could be refused
            return False
        return not seen.skus.isdisjoint(self.refuse_sku) or not seen.clients.isdisjoint(self.refuse_client)

    def described(self) -> str:
        """Give the action as compact JSON text."""
        return msgspec.json.encode(self).decode()


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An action with the requests that it meets."""

    action: Action
    match: Match = Match()
    times: int | None = None  # None: for ever
    skip: int = 0  # the first requests that it meets and leaves alone

    def __post_init__(self) -> None:
        if self.action == Action():
            raise ValueError("an action has to say something, such as status or drop")
        if self.skip < 0 or (self.times is not None and self.times < 1):
            raise ValueError("times is 1 or more, or null; skip is 0 or more")
        if self.match.path is not None and self.match.path.startswith("^"):
            try:
                re.compile(self.match.path)
            except re.error as error:
                raise ValueError(f"path is not a regular expression: {error}") from error


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """All that faults say about one request."""

    incident: Action | None = None
    refused_skus: frozenset[str] = frozenset()
    refused_clients: frozenset[str] = frozenset()
    per_line: bool = False
    described: tuple[str, ...] = ()


NOTHING = Verdict()


class Standing(msgspec.Struct, kw_only=True):
    """A fault and what it has done so far."""

    number: int
    fault: Fault
    met: int = 0
    applied: int = 0

    def takes(self) -> bool:
        """Count a request that was met, and tell whether the fault applies to it."""
        self.met += 1
        if self.met <= self.fault.skip or self.applied == self.fault.times:
            return False
        self.applied += 1
        return True


class Faults:
    """The faults that stand, in the order in which they were added; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standing: list[Standing] = []
        self._added = 0

    def __len__(self) -> int:
        return len(self._standing)

    def add(
        self,
        action: Action | Mapping[str, Any],
        match: Match | Mapping[str, Any] | None = None,
        *,
        times: int | None = None,
        skip: int = 0,
    ) -> int:
        """Add a fault and return its number; plain dictionaries are read as over HTTP.

        Raises:
            msgspec.ValidationError, ValueError: the fault makes no sense; nothing was added.
        """
        checked = Fault(
            action=action if isinstance(action, Action) else msgspec.convert(action, Action),
            match=match if isinstance(match, Match) else msgspec.convert(match or {}, Match),
            times=times,
            skip=skip,
        )
        return self.put(checked)

    def put(self, fault: Fault) -> int:
        """Add a fault and return its number."""
        with self._lock:
            self._added += 1
            self._standing.append(Standing(number=self._added, fault=fault))
            return self._added

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._standing.clear()

    def listed(self) -> list[Json]:
        """Give the faults with their numbers and how often each was met and applied."""
        with self._lock:
            found: list[Json] = msgspec.to_builtins(self._standing)
            return found

    def judge(self, seen: Seen) -> Verdict:
        """Decide what becomes of a request, and count it."""
        with self._lock:
            return judge(self._standing, seen)


def judge(standing: Iterable[Standing], seen: Seen) -> Verdict:
    """Decide what becomes of a request; only the counters of `standing` change."""
    taken: list[Action] = []
    incident: Action | None = None
    for one in standing:
        action = one.fault.action
        if (action.is_incident and incident) or not (action.concerns(seen) and one.fault.match.fits(seen)):
            continue
        if one.takes():
            taken.append(action)
            incident = action if action.is_incident else incident
    return Verdict(
        incident=incident,
        refused_skus=frozenset(name for action in taken for name in action.refuse_sku),
        refused_clients=frozenset(name for action in taken for name in action.refuse_client),
        per_line=any(action.per_line for action in taken),
        described=tuple(action.described() for action in taken),
    )


def named(document: Json, keys: frozenset[str]) -> frozenset[str]:
    """Collect the texts that stand under any of these keys, alone or in a list, at any depth."""
    found: set[str] = set()
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
            continue
        for key, value in part.items() if isinstance(part, dict) else ():
            if key in keys:
                found.update(text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str))
            if isinstance(value, dict | list):
                waiting.append(value)
    return frozenset(found)


def _path_fits(pattern: str, path: str) -> bool:
    return re.search(pattern, path) is not None if pattern.startswith("^") else fnmatchcase(path, pattern)
