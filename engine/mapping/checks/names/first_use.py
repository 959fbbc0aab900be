"""Where a mapping first names a column."""

from __future__ import annotations

from engine.mapping.checks.samples import _asked
from engine.mapping.spec import MappingSpec
from engine.values import Path


def first_use(mapping: MappingSpec, column: str, each: str | None = None) -> Path:
    """Find what names a column first, for a message of it: a template or a list; else the query."""
    found = (one.path for one in _asked(mapping) if (one.name, one.each) == (column, each))
    return next(found, ("source", "query"))
