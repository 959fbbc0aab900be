"""What only the ends can say of a mapping: whether the source's query works and has the columns that are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.inspect.probe import probe
from engine.mapping import MappingSpec, connections_of
from engine.mapping.checks import first_use
from engine.run import App
from engine.values import OneSyncError, Problem, UnavailableError, suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the ends said."""

    problems: tuple[Problem, ...]
    unavailable: tuple[str, ...]  # sentences, one a connection


def ask(app: App, mappings: Sequence[MappingSpec]) -> Answers:
    """Ask every connection of these objects, and every source for its columns; reads no row, writes nothing."""
    project = app.loaded.project
    used = dict.fromkeys(name for mapping in mappings for name in connections_of(project, mapping))
    faults = {name: error for name in used if (error := probe(app, name).error)}
    unavailable = [error.message for error in faults.values() if isinstance(error, UnavailableError)]
    problems = [
        Problem(code=error.code, message=error.message, place=project.places.get(("connections", name)))
        for name, error in faults.items()
        if not isinstance(error, UnavailableError)
    ]
    for mapping in mappings:
        if mapping.source.connection not in faults:
            problems += _column_problems(app, mapping)
    return Answers(problems=tuple(problems), unavailable=tuple(unavailable))


def _column_problems(app: App, mapping: MappingSpec) -> Iterator[Problem]:
    program = app.program(mapping)
    try:
        with app.source(program) as source:
            columns = source.columns()
    except OneSyncError as error:
        yield Problem(code=error.code, message=error.message, place=mapping.place("source", "query"))
        return
    if columns is None:
        return
    for name in sorted(program.needed_columns() - set(columns)):
        path = first_use(mapping, name)
        message = f"the source has no column `{name}`{suggestion(name, columns)}"
        yield Problem(code="E_UNKNOWN_COLUMN", message=message, place=mapping.place(*path))
