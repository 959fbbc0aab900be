"""What an answer may be decided to mean, as values (answers.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.values import OneSyncError


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The target confirmed what was sent."""

    saved: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerLine:
    """The answer speaks of each line."""

    lines: tuple[str | None, ...]  # "" accepted, None not now, else why it is refused
    left: Mapping[int, str] = field(default_factory=dict)  # by its place: why a line is not accepted now


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The target refused what was sent for its data: to be split, or rejected where it is one line."""

    reason: str
    status: int | None
    unknown: bool = False  # something may have been done all the same
    fault: bool = False  # 500: a line alone is failed, not rejected
    remedy: str = ""  # to be told with the reason
    stale: bool = False  # the address that was asked is valid no more: a fresh one may be taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Try the same again."""

    delay_seconds: float
    counts: bool  # as an attempt
    unknown: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Ask the target whether the record exists."""

    delay_seconds: float
    reason: str
    conflict: Refuse | None = None  # that led to it: what was asked created nothing, as it may be there already
    missing: str = ""  # the 404 to an update that led to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The outcome of a create stays unknown."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists:
    """The look-up found the record."""

    saved: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The target does not have the record any more: a removal had its effect after all, or somebody removed it."""

    reason: str
    proven: bool = False  # by a look-up: it may be created


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """The look-up found, in place of a record that is missing, another one: it is the record now."""

    saved: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withhold:
    """The target does not know what is to be removed, and its word proves nothing: a person has to look."""

    reason: str
    request: str = ""  # that was not known


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAgain:
    """The look-up proved that nothing was created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The record waits for the next run, by the mapping's word."""

    reason: str
    unknown: bool = False  # something may have been done all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """No more attempts in this run."""

    reason: str
    unknown: bool
    unreachable: bool = False  # nothing even left: others of the connection would not either


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """The answer concerns what was sent, or the whole connection: what others are answered tells."""

    error: OneSyncError  # where it concerns the connection
    otherwise: Refuse | Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Nothing more can be sent."""

    error: OneSyncError
    unknown: bool = False  # something may have been done all the same


Decision: TypeAlias = (
    Confirm
    | PerLine
    | Refuse
    | Again
    | LookUp
    | Hold
    | Exists
    | Gone
    | Elsewhere
    | CreateAgain
    | Wait
    | Withhold
    | GiveUp
    | Suspect
    | Stop
)
