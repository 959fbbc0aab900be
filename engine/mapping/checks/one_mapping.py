"""What one mapping alone may not say although each key is right, by subject."""

from __future__ import annotations

from collections.abc import Iterator

from engine.mapping.checks.addresses import address_problems
from engine.mapping.checks.inbound import inbound_problems
from engine.mapping.checks.names.first_use import first_use
from engine.mapping.checks.rows_and_children import row_problems
from engine.mapping.checks.samples import sample_problems
from engine.mapping.checks.send import entry_problems
from engine.mapping.checks.sent_files import file_problems
from engine.mapping.checks.sql_texts import sql_problems
from engine.mapping.spec import MappingSpec
from engine.values import Problem

__all__ = ["check_alone", "first_use"]


def check_alone(mapping: MappingSpec) -> Iterator[Problem]:
    """Find what contradicts itself, would never be sent, would delete too much, or is in no sample."""
    yield from entry_problems(mapping)
    yield from address_problems(mapping)
    yield from file_problems(mapping)
    yield from row_problems(mapping)
    yield from sql_problems(mapping)
    yield from inbound_problems(mapping)
    yield from sample_problems(mapping)
