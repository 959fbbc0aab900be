"""What a mapping says, as values: the YAML format of mappings/README.md after validation.

Templates stand here as their text; `engine.templates` compiles them.
Texts with `${NAME}` stand here unresolved; `environment.py` resolves them when an end is opened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from engine.connections import OnStatus, ReadStatus
from engine.templates import OnNull
from engine.values import Change, Place

Template: TypeAlias = str  # Jinja text
Templates: TypeAlias = Any  # JSON-like value whose texts are templates

Lane: TypeAlias = Literal["realtime", "bulk"]


# --- schedules -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    text: str  # six fields, seconds first


@dataclass(frozen=True, slots=True, kw_only=True)
class Tied:
    """Fires with another object: right after it ran, or right before it runs."""

    order: Literal["after", "before"]
    object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Runs until everything was confirmed once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """Runs only when a person says so."""


Schedule: TypeAlias = Cron | Tied | Once | Manual


# --- requests ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: Template | None = None
    url: Template | None = None
    query: Mapping[str, Templates] = field(default_factory=dict)
    headers: Mapping[str, Template] = field(default_factory=dict)
    body: Templates = None  # None: no body
    file: str | None = None  # the name of one of the mapping's files: its bytes are the body
    idempotent: bool = True
    save: Mapping[str, Template] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpec:
    """A file that takes part in a record: by its path, or as bytes in a column."""

    path: Template | None = None
    bytes: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    request: Request
    found: Template
    absent: Template | None = None  # None: a 404, an empty list, an empty body
    save: Mapping[str, Template] = field(default_factory=dict)
    settle_seconds: float = 5.0
    before_create: Literal["first_load", "always", "never"] = "first_load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """Where an answer carries results per line."""

    at: Template  # the list, such as "{{ body.results }}"
    key: Template  # of one `item`: compared with `line_key`
    ok: Template  # of one `item`
    error: Template | None = None  # of one `item`: the reason to show
    line_key: Template = ""  # of one `line`; "" means the one key column outside `group_by`


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One entry of `send`."""

    on: frozenset[Change]
    requests: tuple[Request, ...]  # more than one: steps of one unit
    schedule: Schedule | None = None  # None: the object's
    group_by: tuple[str, ...] = ()
    chunk_size: int = 10_000
    many: bool = False  # many records a request
    save: Mapping[str, Template] = field(default_factory=dict)
    lookup: Lookup | None = None
    ok: Template | None = None
    items: Items | None = None
    on_status: Mapping[int, OnStatus] = field(default_factory=dict)

    @property
    def creates(self) -> bool:
        """Tell whether a repetition of this operation could create a second record."""
        return any(not request.idempotent for request in self.requests)

    @property
    def saving_steps(self) -> tuple[int, ...]:
        """List the requests whose answer holds what is saved."""
        last = len(self.requests) - 1
        return tuple(step for step, each in enumerate(self.requests) if each.save or (step == last and self.save))

    def own_key(self, key: tuple[str, ...]) -> tuple[str, ...]:
        """List the columns of the key that tell the lines of one request apart; at least one."""
        fixed = self.group_by if self.many else key
        return tuple(name for name in key if name not in fixed) or key[-1:]


# --- sources -----------------------------------------------------------------------------------------


START = "1900-01-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """An incremental read: the query uses :cursor."""

    column: str
    start: int | float | str = START  # stands for :cursor in full reads; a text that is a date is meant as one
    overlap_seconds: float = 0.0
    full_every_hours: float = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """Rows that belong to a record: in `fields` they are a list, walked by `$each`."""

    query: str
    parent: tuple[str, ...]  # their columns that equal the record's key, in the order of `source.key`
    order_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSource:
    connection: str
    query: str
    key: tuple[str, ...]
    cursor: Cursor | None = None
    children: Mapping[str, Children] = field(default_factory=dict)

    feed: ClassVar[None] = None
    fetch: ClassVar[None] = None
    has_templates: ClassVar[bool] = False
    keeps_documents: ClassVar[bool] = False  # a refused record is kept with its document, as nothing brings it again
    is_spoken_of: ClassVar[bool] = False  # the object's notes mean nothing at another one; a query is read anew
    gives_events: ClassVar[bool] = False  # it cannot be asked for a record, nor read whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    request: Request
    when: Template | None = None
    on_status: Mapping[int, ReadStatus] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    request: Request
    items: Template
    next: Template
    start: Any = 1
    removed: Template | None = None  # of one `item`: it is a removal; nothing is fetched
    key: Mapping[str, Template] = field(default_factory=dict)  # of one `item`, for removals
    on_status: Mapping[int, ReadStatus] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """A list read page by page, whole each time; its request sees `page` (from 1), `offset`, `link` and `size`."""

    request: Request
    items: Template
    size: int = 100  # what the request may ask for as `size`; `offset` grows by what came
    next: Template | None = None  # the link of the following page, null on the last; None: until a page has no items
    on_status: Mapping[int, ReadStatus] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSource:
    connection: str
    key: tuple[str, ...]  # names at the top of the document
    feed: Feed | None = None  # exactly one of feed and pages
    pages: Pages | None = None
    fetch: Fetch | None = None

    children: ClassVar[Mapping[str, Children]] = {}
    has_templates: ClassVar[bool] = True
    keeps_documents: ClassVar[bool] = True
    is_spoken_of: ClassVar[bool] = True

    @property
    def gives_events(self) -> bool:
        """Tell whether it cannot be asked for a record, nor read whole."""
        return self.feed is not None


Source: TypeAlias = SqlSource | HttpSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """The bindings of another object, joined by key."""

    object: str
    on: Mapping[str, str]  # their key column: our column


# --- writing to SQL ----------------------------------------------------------------------------------

Absent: TypeAlias = Literal["refuse", "none"]  # what it means that a document lacks the list of `each`


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWrite:
    table: str  # may be schema.table
    key: Mapping[str, Templates]
    fields: Mapping[str, Templates] = field(default_factory=dict)
    each: str | None = None  # path of a list in the document: one row an element, the document is `parent`
    absent: Absent = "refuse"
    orphans: Literal["keep", "delete"] = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    sql: str  # with named parameters, :name
    params: Mapping[str, Templates] = field(default_factory=dict)
    each: str | None = None
    absent: Absent = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    connection: str
    tables: tuple[TableWrite, ...] = ()
    statements: tuple[Statement, ...] = ()
    removed: Write | None = None  # what a removal does

    @property
    def on(self) -> frozenset[Change]:
        """The changes that it takes."""
        return frozenset({Change.ADDED, Change.CHANGED} | ({Change.REMOVED} if self.removed else set()))


# --- a mapping ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `max` distinct values of `distinct` for each value of `per`."""

    per: tuple[str, ...]
    distinct: tuple[str, ...]
    max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most that one run may do of something: a number of records, or percent of those that the ledger holds."""

    rows: int | None = None
    percent: float = 100.0  # where there is no number

    def among(self, held: int) -> int:
        """Give the number; percents are rounded up, and at least 1."""
        return max(1, math.ceil(held * self.percent / 100)) if self.rows is None else self.rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    max_added: Ceiling | None = None
    max_changed: Ceiling | None = None
    max_removed: Ceiling = Ceiling(percent=20.0)
    max_replaced: Ceiling = Ceiling(percent=20.0)  # new records beside as many that are gone
    min_rows: int = 1  # fewer rows than this withhold every removal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A row (or document) of a snapshot, and how it came about."""

    name: str
    change: Change = Change.ADDED
    row: Mapping[str, Any] = field(default_factory=dict)  # columns; for a feed: the item
    document: Mapping[str, Any] | None = None  # inbound: what the fetch answers
    children: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    refs: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    saved: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)  # name: text that stands for the content
    answers: tuple[Mapping[str, Any], ...] = ()  # of the steps before: {status, body}


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSpec:
    """One mapping file: one object in one direction."""

    object: str
    file: str
    source: Source
    schedule: Schedule = Manual()
    lane: Lane = "realtime"  # bulk: its runs leave a worker of the scheduler to realtime objects
    fields: Mapping[str, Templates] = field(default_factory=dict)
    refs: Mapping[str, Ref] = field(default_factory=dict)
    files: Mapping[str, FileSpec] = field(default_factory=dict)
    payload_schema: str | None = None  # stem of schemas/payloads/<stem>.schema.json; each line is checked
    target: str | None = None  # the http connection to send to; None: the project's only one
    send: tuple[Operation, ...] = ()  # outbound
    write: Write | None = None  # inbound
    limits: tuple[Limit, ...] = ()
    guards: Guards = Guards()
    on_null: OnNull = "send"
    retry_rejected_after_hours: float = 24.0
    stage: int | None = None
    title: str | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    draft: bool = False
    samples: tuple[Sample, ...] = ()
    places: Mapping[tuple[str | int, ...], Place] = field(default_factory=dict)  # of every key, by its path
    # Of each text of several lines that YAML made one of: the number of its first line, and its lines as they stand.
    folded: Mapping[tuple[str | int, ...], tuple[int, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def direction(self) -> Literal["outbound", "inbound"]:
        return "outbound" if self.write is None else "inbound"

    @property
    def entries(self) -> tuple[Operation | Write, ...]:
        """What takes changes, in the order of operations: the entries of `send`, or `write` for all of its own."""
        return self.send if self.write is None else (self.write,)

    def place(self, *path: str | int) -> Place:
        """Find where a key stands, or its nearest parent that has a place."""
        for length in range(len(path), 0, -1):
            if place := self.places.get(path[:length]):
                return place
        return Place(file=self.file)
