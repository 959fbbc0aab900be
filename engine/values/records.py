"""The values that travel between the steps: keys, changes, answers, rejections, results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = Any  # null, bool, int, float, Decimal, text, lists and maps of them
Key: TypeAlias = tuple[str | None, ...]  # canonical texts of the key's columns, in order; None is a missing part


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


# --- answers of an HTTP end -------------------------------------------------------------------


# --- results of a run ----------------------------------------------------------------------------


Clock = Callable[[], datetime]


DOCUMENT = "document"  # the column that holds an inbound record's whole document, as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """One change, as a request needs it."""

    seq: int
    key: Key
    change: Change
    payload_hash: str
    line: str | None
    saved: Mapping[str, Any] | None
    row: Mapping[str, Any]  # the source's columns, as values
    refs: Mapping[str, Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A record refused before anything was sent."""

    key: Key
    rows: int  # how many rows of the source it stands for
    refusal: Refusal
    payload_hash: str | None = None
