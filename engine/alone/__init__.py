"""What one mapping alone may not say although each key is right, by subject."""

from __future__ import annotations

from collections.abc import Iterator

from engine.alone.entries import entry_problems
from engine.alone.files import file_problems
from engine.alone.inbound import inbound_problems
from engine.alone.rows import row_problems
from engine.alone.samples import first_use, sample_problems
from engine.mapping import MappingSpec
from engine.values.errors import Problem

__all__ = ["check_alone", "first_use"]


def check_alone(mapping: MappingSpec) -> Iterator[Problem]:
    """Find what contradicts itself, would never be sent, would delete too much, or is in no sample."""
    yield from entry_problems(mapping)
    yield from file_problems(mapping)
    yield from row_problems(mapping)
    yield from inbound_problems(mapping)
    yield from sample_problems(mapping)
