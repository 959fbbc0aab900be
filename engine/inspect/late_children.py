"""Warns of mappings whose children are only seen to change together with their record, or by a whole read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.mapping import MappingSpec, SqlSource
from engine.values import Problem


def late_children(mappings: Iterable[MappingSpec]) -> Iterator[Problem]:
    """Find what is read by a cursor and has children: a line that changes alone waits for the next whole read."""
    for mapping in mappings:
        source = mapping.source
        if isinstance(source, SqlSource) and source.cursor and source.children:
            message = (
                f"a change of {', '.join(source.children)} alone is sent after a whole read, which is every "
                f"{source.cursor.full_every_hours:g} hours: let {source.cursor.column} change with them, or shorten "
                "full_every_hours"
            )
            yield Problem(code="E_CURSOR", message=message, place=mapping.place("source", "cursor"))
