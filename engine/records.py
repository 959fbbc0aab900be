"""The values that travel between the steps: keys, changes, answers, rejections, results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

Json: TypeAlias = Any  # null, bool, int, float, Decimal, text, lists and maps of them
Key: TypeAlias = tuple[str | None, ...]  # canonical texts of the key's columns, in order; None is a missing part


class Range(NamedTuple):
    """A run of sequence numbers, both ends included: how chunks, marks and receipts are written down."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """Count the records in it."""
        return self.last - self.first + 1


# As DuckDB escapes: json.dumps writes \u001f where DuckDB writes \u001F, and a key with two texts is two records.
_ESCAPES = {code: f"\\u{code:04X}" for code in range(0x20)}
_ESCAPES |= {ord(each): f"\\{name}" for each, name in zip('\b\f\n\r\t"\\', 'bfnrt"\\', strict=True)}


def key_text(key: Key) -> str:
    """Write a key as the compact JSON array that every store uses; the same text as DuckDB's to_json."""
    return f"[{','.join('null' if part is None else _quoted(part) for part in key)}]"


def _quoted(part: str) -> str:
    return f'"{part.translate(_ESCAPES)}"'


def text_key(text: str) -> Key:
    """Read what `key_text` wrote."""
    return tuple(json.loads(text))


class Change(StrEnum):
    """How a record differs from what the target confirmed."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class Stage(StrEnum):
    """Where a record was refused."""

    KEY = "key"
    RENDER = "render"
    SCHEMA = "schema"
    LIMIT = "limit"
    TARGET = "target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a record is refused for its data."""

    stage: Stage
    reason: str  # at most 200 characters of data in it
    field: str | None = None  # path inside `fields`, such as address.street
    expression: str | None = None  # the template that failed
    status: int | None = None  # HTTP status, for Stage.TARGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A refused record as the journal remembers it."""

    object: str
    key: Key
    refusal: Refusal
    payload_hash: str | None  # None where no payload could be rendered
    fingerprint: str  # of the mapping that made the payload
    document: str | None  # inbound: the whole document or item, as JSON text
    first_at: datetime
    last_at: datetime
    attempts: int
    retry: bool = False  # an operator asked for another try


# --- answers of an HTTP end -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBody:
    """A body that is a file's content: streamed from `path`, or `data` itself."""

    sha256: str  # of the content that the record stands for; other content is never sent whole
    path: str | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One HTTP request, ready to leave."""

    method: str
    path: str | None = None  # percent-encoded, beginning with "/", relative to the connection's base_url
    url: str | None = None  # absolute; sent without the connection's headers
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None  # JSON text, UTF-8
    file: FileBody | None = None  # instead of a body

    @property
    def target(self) -> str:
        """Path or URL, as shown to people."""
        return self.path or self.url or ""

    @property
    def asked(self) -> str:
        """Method and path, as errors name a request: its query may hold what is secret."""
        return f"{self.method} {self.target.partition('?')[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The target answered."""

    status: int
    body: bytes = b""
    retry_after_seconds: float | None = None
    duration_seconds: float = 0.0


STOPPED = "stopped"  # the reason of a NotSent that is nobody's fault


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Nothing left: name, connect, TLS or pool failed. The target cannot have seen the request."""

    reason: str
    duration_seconds: float = 0.0
    shut: str | None = None  # the code of the error for which the connection takes no request at all; not tried
    wait_seconds: float | None = None  # what is left of the wait that the target asked for, where that shut it

    @property
    def is_untried(self) -> bool:
        """Tell whether it was not even tried, as the run is to stop or the connection is shut."""
        return self.shut is not None or self.reason == STOPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The request may have left, and its answer was not learnt: time-out, broken connection, unreadable answer."""

    reason: str
    too_long: bool = False  # the answer began well, and is longer than what is taken in
    duration_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A SQL target committed a list of records, one transaction each; a refused one left nothing."""

    refusals: tuple[str | None, ...]  # one a record, in order: None, or why the database refused it
    duration_seconds: float = 0.0


Answer: TypeAlias = Answered | NotSent | Lost | Written


# --- results of a run ----------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the records of a run (design.md 7).

    extracted = unchanged + added + changed, and
    added + changed + removed = the sum of the nine outcomes below.
    """

    extracted: int = 0
    unchanged: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    confirmed: int = 0
    rejected: int = 0
    waiting: int = 0
    unknown: int = 0
    withheld: int = 0
    failed: int = 0
    not_due: int = 0
    unhandled_changed: int = 0
    unhandled_removed: int = 0
    requests: int = 0
    retries: int = 0
    splits: int = 0

    def add(self, other: Counts) -> None:
        """Add another read's counts to these."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


class Status(StrEnum):
    """How a run of an object ended."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a run of an object failed or was cut short."""

    code: str
    message: str
    exit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectResult:
    """One run of one object, as reported and as kept in the journal."""

    object: str
    run_id: str
    status: Status
    counts: Counts
    started_at: datetime
    duration_seconds: float
    failure: Failure | None = None
    notes: tuple[str, ...] = field(default=())  # warnings worth a person's look, one sentence each

    def as_json(self) -> dict[str, Any]:
        """Give the object's entry in the document of `run --once --json`."""
        counts: Mapping[str, int] = asdict(self.counts)
        return {
            "object": self.object,
            "status": str(self.status),
            **counts,
            "duration_seconds": round(self.duration_seconds, 3),
            "error": self.failure.message if self.failure else None,
            "notes": list(self.notes),
        }
