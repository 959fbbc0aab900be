"""Which objects the faults of files block: their own, and those that refer to them; the others can be run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.mapping.load.yaml_text import Document
from engine.mapping.places import problem
from engine.mapping.spec import MappingSpec
from engine.values import Problem


def blocked_by(
    problems: Sequence[Problem], documents: Mapping[str, Document], mappings: Mapping[str, MappingSpec]
) -> dict[str, tuple[Problem, ...]]:
    """Give the objects that cannot be run, each with its problems; `documents` and `mappings` by the file's stem."""
    own: dict[str, list[Problem]] = {name: [] for name in documents}
    for each in problems:
        for name in _concerned(each, mappings):
            own.setdefault(name, []).append(each)
    blocked = {name: found for name, found in own.items() if found}
    while more := _referring(blocked, mappings):
        blocked |= more
    return {name: tuple(found) for name, found in sorted(blocked.items())}


def _concerned(fault: Problem, mappings: Mapping[str, MappingSpec]) -> list[str]:
    """Name the objects of a fault: the file's own, and of a schema all whose lines are checked."""
    path = Path(fault.place.file if fault.place else "")
    if path.suffix == ".json":
        return [name for name, mapping in mappings.items() if mapping.payload_schema is not None]
    return [path.stem]


def _referring(blocked: Iterable[str], mappings: Mapping[str, MappingSpec]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for name, mapping in mappings.items():
        for alias, ref in mapping.refs.items():
            if ref.object in blocked and name not in blocked:
                message = f"it refers to `{ref.object}`, which has faults: mend them first"
                found[name] = [problem(mapping, "E_BLOCKED", message, "refs", alias, "object")]
    return found


def referenced_by(documents: Iterable[Document]) -> frozenset[str]:
    """Name all objects that files refer to, faulty ones too: what they need has to be kept until they are mended."""
    names = set()
    for document in documents:
        refs = document.value.get("refs") if isinstance(document.value, dict) else None
        for ref in refs.values() if isinstance(refs, dict) else ():
            name: Any = ref.get("object") if isinstance(ref, dict) else None
            names.add(name if isinstance(name, str) else "")
    return frozenset(names - {""})


def blocked_reason(problems: Sequence[Problem]) -> str:
    """Say why an object is blocked: its first problem, and how many more there are."""
    more = f"; and {len(problems) - 1} more, as `one-sync validate` says" if len(problems) > 1 else ""
    return f"{problems[0]} ({problems[0].code}){more}"
