"""What one mapping alone may not say although each key is right: entries, columns, tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from engine.errors import Problem
from engine.mapping import HttpSource, MappingSpec, Operation, SqlSource, Write
from engine.names import names_of, request_path, value_names
from engine.records import Change
from engine.schema import place_of, suggestion
from engine.yamltext import Path

SQL_TEXTS = re.compile(r"'(?:''|[^'])*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
SQL_PARAMETER = re.compile(r"(?<![:\w\\]):([A-Za-z_]\w*)")


def check_alone(mapping: MappingSpec) -> Iterator[Problem]:
    """Find what contradicts itself, would never be sent, or would delete too much."""
    yield from _entry_problems(mapping)
    yield from _column_problems(mapping)
    yield from _inbound_problems(mapping)


# --- entries of send --------------------------------------------------------------------------------------


def _entry_problems(mapping: MappingSpec) -> Iterator[Problem]:
    taken: dict[Change, int] = {}
    for index, operation in enumerate(mapping.send):
        for change in sorted(operation.on & taken.keys()):
            message = (
                f"`{change}` is already taken by entry {taken[change] + 1} of `send`: each change goes by one entry"
            )
            yield _problem(mapping, "E_ON", message, "send", index, "on")
        taken |= dict.fromkeys(operation.on - taken.keys(), index)
        yield from _lookup_problems(mapping, index, operation)
        yield from (_many_problems if operation.many else _single_problems)(mapping, index, operation)


def _lookup_problems(mapping: MappingSpec, index: int, operation: Operation) -> Iterator[Problem]:
    if operation.lookup is None:
        return
    fault = None
    if not operation.creates:
        fault = "`lookup` is for creates, but sending these requests twice does no harm (`idempotent`): remove it"
    elif operation.many:
        fault = "`lookup` needs one record a request, but the request names `lines` or `removed`"
    if fault:
        yield _problem(mapping, "E_LOOKUP", fault, "send", index, "lookup")


def _many_problems(mapping: MappingSpec, index: int, operation: Operation) -> Iterator[Problem]:
    key = mapping.source.key
    if Change.REMOVED in operation.on and (outside := [name for name in operation.group_by if name not in key]):
        message = f"`group_by` names {quoted(outside)}, which with `removed` has to be part of `source.key`"
        yield _problem(mapping, "E_GROUP_BY", message, "send", index, "group_by")
    names = frozenset().union(*map(names_of, operation.requests))
    path = request_path(mapping, index, 0)[:3]
    if operation.on - {Change.REMOVED} and "lines" not in names:
        message = "`on` takes added or changed records, but the request does not name `lines`: they would never be sent"
        yield _problem(mapping, "E_NOT_SENT", message, *path)
    if Change.REMOVED in operation.on and "removed" not in names:
        message = "`on` takes removed records, but the request does not name `removed`: they would never be sent"
        yield _problem(mapping, "E_NOT_SENT", message, *path)
    if "lines" in names and not mapping.fields:
        yield _problem(mapping, "E_NO_FIELDS", "`lines` has nothing to hold: add `fields`", *path)


def _single_problems(mapping: MappingSpec, index: int, operation: Operation) -> Iterator[Problem]:
    names = frozenset().union(*map(names_of, operation.requests))
    path = request_path(mapping, index, 0)[:3]
    if "line" in names and not mapping.fields:
        yield _problem(mapping, "E_NO_FIELDS", "`line` has nothing to hold: add `fields`", *path)
    if "line" in names and operation.on == {Change.REMOVED}:
        yield _problem(mapping, "E_NO_LINE", "a removed record has no `line`: use its columns", *path)


# --- columns, inbound ----------------------------------------------------------------------------------------


def _column_problems(mapping: MappingSpec) -> Iterator[Problem]:
    for index, limit in enumerate(mapping.limits):
        if both := [column for column in limit.per if column in limit.distinct]:
            yield _problem(mapping, "E_LIMIT", f"{quoted(both)} stands in both `per` and `distinct`", "limits", index)
    if not isinstance(mapping.source, SqlSource):
        return
    uses_cursor = "cursor" in _sql_parameters(mapping.source.query)
    if mapping.source.cursor and not uses_cursor:
        message = "the query does not use `:cursor`: add a condition such as changed_at >= :cursor"
        yield _problem(mapping, "E_CURSOR", message, "source", "cursor")
    if uses_cursor and not mapping.source.cursor:
        message = "the query uses `:cursor`: add `cursor: {column: ...}` beside it"
        yield _problem(mapping, "E_CURSOR", message, "source", "query")


def _inbound_problems(mapping: MappingSpec) -> Iterator[Problem]:
    if mapping.write is None or not isinstance(mapping.source, HttpSource):
        return
    for key in ("fields", "refs", "limits"):
        if getattr(mapping, key):
            yield _problem(
                mapping, "E_DIRECTION", f"`{key}` is for `send`: with `write`, put values into its tables", key
            )
    feed, write = mapping.source.feed, mapping.write
    if feed.removed and set(feed.key) != set(mapping.source.key):
        message = f"with `removed`, `feed.key` has to give {quoted(mapping.source.key)}, as `source.key`"
        yield _problem(mapping, "E_FEED", message, "source", "feed", "key" if feed.key else "removed")
    if feed.removed and not write.removed:
        yield _problem(mapping, "E_FEED", "a removal does nothing: add `write.removed`", "source", "feed", "removed")
    if write.removed and not feed.removed:
        message = "no item is ever a removal: add `source.feed.removed`"
        yield _problem(mapping, "E_FEED", message, "write", "removed")
    yield from _write_problems(mapping, write, ("write",))
    if write.removed:
        yield from _write_problems(mapping, write.removed, ("write", "removed"))


def _write_problems(mapping: MappingSpec, write: Write, root: Path) -> Iterator[Problem]:
    for index, table in enumerate(write.tables):
        path = (*root, "tables", index)
        for column in table.key.keys() & table.fields.keys():
            yield _problem(
                mapping, "E_COLUMN", f"`{column}` stands in both `key` and `fields`", *path, "fields", column
            )
        if table.orphans == "delete" and (fault := _orphans_fault(table.each, table.key.values())):
            yield _problem(mapping, "E_ORPHANS", fault, *path, "orphans")
    for index, statement in enumerate(write.statements):
        for name in sorted(_sql_parameters(statement.sql) - statement.params.keys()):
            message = f"`:{name}` has no value: add it to `params`{suggestion(name, statement.params)}"
            yield _problem(mapping, "E_PARAMETER", message, *root, "statements", index, "sql")


def _orphans_fault(each: str | None, key: Iterable[str]) -> str | None:
    if each is None:
        return "`orphans` is for the rows of a list: add `$each`"
    if not any("parent" in value_names(value) for value in key):
        return "`orphans: delete` would delete the rows of other records: take a key column from `parent`"
    return None


def _sql_parameters(sql: str) -> set[str]:
    return set(SQL_PARAMETER.findall(SQL_TEXTS.sub(" ", sql)))


def quoted(columns: Iterable[str]) -> str:
    """List names as they stand in messages."""
    return ", ".join(f"`{column}`" for column in columns)


def _problem(mapping: MappingSpec, code: str, message: str, *path: str | int) -> Problem:
    return Problem(code=code, message=message, place=place_of(mapping.places, path))
