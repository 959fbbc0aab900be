"""What travels to a target and back: requests ready to leave, and what is learnt of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


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
    url: str | None = None  # absolute; sent without the connection's headers ...
    with_headers: bool = False  # ... unless it says so and leads to the connection's own host
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
    doubtful: bool = False  # bytes came behind it: it may be another's, and proves nothing of what cannot be repeated
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
    left: Mapping[int, str] = field(default_factory=dict)  # by its place: why a record could not be written now
    duration_seconds: float = 0.0


Answer: TypeAlias = Answered | NotSent | Lost | Written
