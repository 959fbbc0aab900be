"""The values that an object saves from the target's answers and needs later."""

from __future__ import annotations

from collections.abc import Iterable

from engine.mapping.program import Program
from engine.values import Change


def saved_names(program: Program, operation: int) -> tuple[str, ...]:
    """List the values that an operation saves from the target's answers."""
    spec = program.operations[operation].spec
    return tuple(dict.fromkeys(name for save in (spec.save, *(each.save for each in spec.requests)) for name in save))


def unadoptable(program: Program) -> tuple[str, ...]:
    """Name the values that are saved from a create's answer and needed later, where no look-up can ask for them."""
    operation = program.takes.get(Change.ADDED)
    if operation is None or not program.operations:
        return ()
    added = program.operations[operation]
    needed = saved_names(program, operation) if program.referenced or _names_saved(program) else ()
    return () if added.lookup and added.spec.creates else needed


def _names_saved(program: Program) -> bool:
    return any("saved" in operation.names for operation in program.operations)


def as_options(names: Iterable[str]) -> str:
    """Write how values are given on the command line."""
    return " ".join(f"--save {name}=VALUE" for name in names)
