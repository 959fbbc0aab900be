"""What only the database can say of `write`: whether its tables, columns and procedures are there."""

from __future__ import annotations

from collections.abc import Iterator

from engine.connections.sql import SqlEnd
from engine.mapping import MappingSpec, Write
from engine.values import Path, Problem, RunError, suggestion


def write_problems(mapping: MappingSpec, write: Write, end: SqlEnd, path: Path = ("write",)) -> Iterator[Problem]:
    """Ask for all that a mapping writes to. Raises UnavailableError."""
    for number in range(len(write.tables)):
        yield from _table_problems(mapping, write, number, end, path)
    for number, statement in enumerate(write.statements):
        at = (*path, "statements", number, "sql")
        try:
            if fault := end.fault_of_statement(statement.sql, tuple(statement.params)):
                yield Problem(code="E_QUERY", message=fault, place=mapping.place(*at))
        except RunError as error:
            yield Problem(code=error.code, message=error.message, place=mapping.place(*at))
    if write.removed:
        yield from write_problems(mapping, write.removed, end, (*path, "removed"))


def _table_problems(mapping: MappingSpec, write: Write, number: int, end: SqlEnd, path: Path) -> Iterator[Problem]:
    table, path = write.tables[number], (*path, "tables", number)
    parts = {name: part for part, names in (("fields", table.fields), ("key", table.key)) for name in names}
    try:
        missing, columns = end.missing_columns(table.table, tuple(parts))
    except RunError as error:
        yield Problem(code=error.code, message=error.message, place=mapping.place(*path, "table"))
        return
    for name in missing:
        message = f"the table {table.table} has no column `{name}`{suggestion(name, columns)}"
        yield Problem(code="E_UNKNOWN_COLUMN", message=message, place=mapping.place(*path, parts[name], name))
