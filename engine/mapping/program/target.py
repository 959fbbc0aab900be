"""What becomes of changed records: they are sent in requests, or written to tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.mapping.program.lines import Lines, WriteLines
from engine.mapping.program.operation import CompiledOperation
from engine.mapping.spec import Statement, Write
from engine.values import Change, Numbered, Refusal

WRITE, REMOVE = 0, 1  # the operations of what is written


@dataclass(frozen=True, slots=True, kw_only=True)
class Sends:
    """Records are sent: `fields` make their lines, and the entries of `send` requests of these."""

    lines: Lines
    operations: tuple[CompiledOperation, ...]

    @property
    def takes(self) -> dict[Change, int]:
        """Which operation takes which change: the first that names it."""
        numbered = list(enumerate(self.operations))
        return {change: number for number, each in reversed(numbered) for change in Change if change in each.spec.on}

    @property
    def all_operations(self) -> frozenset[int]:
        """Every operation's number."""
        return frozenset(range(len(self.operations)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """Records are written: `write` makes rows and statements of their documents."""

    spec: Write
    lines: WriteLines
    removed_lines: WriteLines | None  # None: nothing takes a removal

    operations: ClassVar[tuple[CompiledOperation, ...]] = ()  # none makes requests
    all_operations: ClassVar[frozenset[int]] = frozenset({WRITE, REMOVE})

    @property
    def takes(self) -> dict[Change, int]:
        """Which operation takes which change."""
        return {change: REMOVE if change is Change.REMOVED else WRITE for change in Change if change in self.spec.on}

    def line(self, change: Numbered) -> str | bytes | Refusal | None:
        """Give the line of a change; that of a removal is made of its row."""
        if change.change is Change.REMOVED and self.removed_lines:
            return self.removed_lines.line(change.row)
        return change.line

    def statements(self, operation: int) -> tuple[Statement, ...]:
        """Give the statements that an operation's lines name by number."""
        spec = self.spec.removed if operation == REMOVE and self.spec.removed else self.spec
        return spec.statements
