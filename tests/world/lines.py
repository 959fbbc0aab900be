"""A log that keeps what it is told, for tests of what is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Lines:
    """A log that keeps its lines."""

    lines: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def _add(self, level: str, event: str, **facts: Any) -> None:
        self.lines.append((level, event, facts))

    def debug(self, event: str, **facts: Any) -> None:
        self._add("debug", event, **facts)

    def info(self, event: str, **facts: Any) -> None:
        self._add("info", event, **facts)

    def warning(self, event: str, **facts: Any) -> None:
        self._add("warning", event, **facts)

    def error(self, event: str, **facts: Any) -> None:
        self._add("error", event, **facts)

    def of(self, *events: str) -> list[tuple[str, str]]:
        return [(level, event) for level, event, _ in self.lines if event in events]
