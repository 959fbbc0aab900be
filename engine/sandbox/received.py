"""The requests that the stand-in received, in bounded memory."""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice

from engine.values import Json

MAX_ENTRIES = 50_000
MAX_BODIES = 500  # the newest ones
MAX_BODY_BYTES = 64 * 1024  # a longer body is not kept


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request, from its arrival on."""

    number: int  # from 1 on, without gaps
    at: datetime  # aware, UTC
    method: str
    path: str  # percent-encoded
    query: str
    lines: int  # 0 without a body
    size_bytes: int
    digest: str  # of the body: the first 16 hex digits of SHA-256
    status: int | None = None  # None: not answered, or not yet
    effect: bool = False  # what it asked for was done
    faults: tuple[str, ...] = ()  # actions that applied
    message: str | None = None  # why it was refused


class Received:
    """The log of requests; not safe for threads by itself: `Sandbox.lock` guards it."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MAX_ENTRIES)
        self._bodies: OrderedDict[int, bytes] = OrderedDict()
        self.total = 0

    def open(self, *, method: str, path: str, query: str, body: bytes, lines: int, at: datetime) -> Entry:
        """Note a request that arrived."""
        self.total += 1
        entry = Entry(
            number=self.total,
            at=at,
            method=method,
            path=path,
            query=query,
            lines=lines,
            size_bytes=len(body),
            digest=hashlib.sha256(body).hexdigest()[:16],
        )
        self._entries.append(entry)
        self._keep(entry.number, body)
        return entry

    def _keep(self, number: int, body: bytes) -> None:
        if 0 < len(body) <= MAX_BODY_BYTES:
            self._bodies[number] = body
            if len(self._bodies) > MAX_BODIES:
                self._bodies.popitem(last=False)

    def since(self, number: int) -> list[Json]:
        """Give the entries after `number`, oldest first, with the body as text where it is kept."""
        forgotten = self.total - len(self._entries)
        return [self._document(entry) for entry in islice(self._entries, max(0, number - forgotten), None)]

    def _document(self, entry: Entry) -> Json:
        body = self._bodies.get(entry.number)
        return asdict(entry) | {"body": body.decode(errors="replace") if body is not None else None}
