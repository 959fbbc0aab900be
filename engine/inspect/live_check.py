"""What only the ends can say of a mapping: are columns, tables and procedures there, and do rows come through."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from engine.connections.sql import SqlEnd
from engine.inspect.live_rows import row_problems, sample_problems
from engine.inspect.live_writes import write_problems
from engine.inspect.probe import probe
from engine.mapping import MappingSpec, SqlSource, connections_of
from engine.mapping.checks import first_use
from engine.mapping.program import Program
from engine.run import App
from engine.values import OneSyncError, Problem, RunError, UnavailableError, suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the ends said."""

    problems: tuple[Problem, ...]
    unavailable: tuple[str, ...]  # sentences, one a connection


def ask(app: App, mappings: Sequence[MappingSpec]) -> Answers:
    """Ask every connection of these objects, every source for its columns, keys and first rows; writes nothing."""
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
        try:
            for problem in _problems(app, mapping, without=faults.keys()):
                problems.append(problem)
        except UnavailableError as error:
            unavailable.append(f"{mapping.object}: {error.message}")
    return Answers(problems=tuple(problems), unavailable=tuple(unavailable))


def _problems(app: App, mapping: MappingSpec, *, without: Collection[str]) -> Iterator[Problem]:
    program = app.program(mapping)
    yield from sample_problems(app.loaded, mapping)
    if mapping.source.connection not in without:
        found = list(_column_problems(app, mapping))
        yield from found
        if isinstance(mapping.source, SqlSource) and not found:
            with closing(app.sql(mapping.source.connection)) as end:
                yield from _child_problems(program, mapping.source, end)
                yield from row_problems(program, mapping.source, end)
    if mapping.write and mapping.write.connection not in without:
        with closing(app.sql(mapping.write.connection)) as end:
            yield from write_problems(mapping, mapping.write, end)


def _column_problems(app: App, mapping: MappingSpec) -> Iterator[Problem]:
    program = app.program(mapping)
    try:
        with app.source(program) as source:
            columns = source.columns()
    except UnavailableError:
        raise
    except OneSyncError as error:
        yield Problem(code=error.code, message=error.message, place=mapping.place("source", "query"))
        return
    if columns is None:
        return
    for name in sorted(program.needed_columns() - set(columns)):
        path = first_use(mapping, name)
        message = f"the source has no column `{name}`{suggestion(name, columns)}"
        yield Problem(code="E_UNKNOWN_COLUMN", message=message, place=mapping.place(*path))


def _child_problems(program: Program, source: SqlSource, end: SqlEnd) -> Iterator[Problem]:
    mapping, needed = program.mapping, program.needed_child_columns()
    for child, each in source.children.items():
        path = ("source", "children", child, "query")
        try:
            columns = end.columns(each.query, {})
        except RunError as error:
            yield Problem(code=error.code, message=error.message, place=mapping.place(*path))
            continue
        for name in sorted({*needed.get(child, ()), *each.parent, *each.order_by} - set(columns)):
            message = f"the children {child} have no column `{name}`{suggestion(name, columns)}"
            place = mapping.place(*first_use(mapping, name, child))
            yield Problem(code="E_UNKNOWN_COLUMN", message=message, place=place)
