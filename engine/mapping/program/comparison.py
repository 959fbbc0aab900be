"""What the diff of a read has to know of its mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.mapping.spec import Guards, Limit
from engine.values import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class RefJoin:
    """A reference: its name, the object whose bindings it reads, our columns in the order of their key."""

    name: str
    object: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that the diff of one object has to know."""

    object: str
    objects: frozenset[str] = frozenset()  # of the project
    key: tuple[str, ...]
    fingerprint: str  # of fields, refs and files
    mapping_fingerprint: str  # of all that makes requests; a rejection ends when it changes
    used: tuple[str, ...]  # columns that take part in the row hash
    named: tuple[str, ...] = ()  # columns that one-record requests name beside the line
    named_refs: tuple[str, ...] = ()
    refs: tuple[RefJoin, ...] = ()
    operations: Mapping[Change, int]  # which operation takes which change
    due: frozenset[int]
    groups: Mapping[int, tuple[str, ...]]  # operation: its group_by
    lookups: frozenset[int] = frozenset()  # operations that can ask for a create of unknown outcome
    limits: tuple[Limit, ...] = ()
    guards: Guards = Guards()
    creates: bool = False  # added records go by requests that may not be repeated
    allowed: Mapping[Change, int] = field(default_factory=dict)  # an operator's ceilings for this run
    full: bool = True  # the source was read whole: what is missing is gone
