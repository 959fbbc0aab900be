"""What all templates of a project share, and how its parts are compiled with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from engine.templates.compile import Value, compile_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Time zone, variables and dictionaries of a project."""

    timezone: tzinfo
    names: Mapping[str, Any] = field(default_factory=dict)  # names that every template sees: `vars`
    maps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # for the filter `mapped`

    def strict(self, spec: Any, outside: Collection[str] = ()) -> Value:
        """Compile what is made of a source's rows: an unknown name is a fault. `outside`: references."""
        return compile_value(spec, timezone=self.timezone, maps=self.maps, outside=outside)

    def lenient(self, spec: Any) -> Value:
        """Compile what reads a document or an answer: what is missing is null."""
        return compile_value(spec, timezone=self.timezone, lenient=True, maps=self.maps)
