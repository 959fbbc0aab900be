"""Rows and their children: limits, the cursor, what belongs to a record, and the lists that `$each` walks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.mapping.checks.names.template_texts import texts, value_names
from engine.mapping.places import problem
from engine.mapping.spec import MappingSpec, SqlSource
from engine.values import Problem, moment_of, quoted, sql_text, suggestion

TAKEN = frozenset({"line", "loop", "parent", "row", "saved", "vars"})  # no child may have these names


def row_problems(mapping: MappingSpec) -> Iterator[Problem]:
    """Find what cannot be read, counted or walked."""
    for index, limit in enumerate(mapping.limits):
        if both := [column for column in limit.per if column in limit.distinct]:
            yield problem(mapping, "E_LIMIT", f"{quoted(both)} stands in both `per` and `distinct`", "limits", index)
    source = mapping.source
    if isinstance(source, SqlSource):
        yield from _cursor_problems(mapping, source)
        yield from _children_problems(mapping, source)


def _cursor_problems(mapping: MappingSpec, source: SqlSource) -> Iterator[Problem]:
    uses_cursor = "cursor" in sql_text.parameters(source.query)
    if source.cursor and not uses_cursor:
        message = "the query does not use `:cursor`: add a condition such as changed_at >= :cursor"
        yield problem(mapping, "E_CURSOR", message, "source", "cursor")
    if uses_cursor and not source.cursor:
        message = "the query uses `:cursor`: add `cursor: {column: ...}` beside it"
        yield problem(mapping, "E_CURSOR", message, "source", "query")
    yield from _overlap_problems(mapping, source)
    for name, child in source.children.items():
        if "cursor" in sql_text.parameters(child.query):
            message = "`:cursor` would lose children that did not change: remove it here"
            yield problem(mapping, "E_CURSOR", message, "source", "children", name, "query")


def _overlap_problems(mapping: MappingSpec, source: SqlSource) -> Iterator[Problem]:
    """Find values of the cursor's column, as far as the file tells them, that no time can be taken from."""
    cursor = source.cursor
    if cursor is None or not cursor.overlap_seconds:
        return
    values: list[tuple[tuple[str | int, ...], Any]] = [(("source", "cursor", "start"), cursor.start)]
    values += [
        (("samples", index, "row", cursor.column), sample.row[cursor.column])
        for index, sample in enumerate(mapping.samples)
        if sample.row and cursor.column in sample.row
    ]
    for path, value in values:
        if isinstance(value, str) and moment_of(value) is None:
            message = f"`overlap_seconds` reaches back in time, and {value!r} is no time: leave it out, or write a time"
            yield problem(mapping, "E_CURSOR", message, *path)


def _children_problems(mapping: MappingSpec, source: SqlSource) -> Iterator[Problem]:
    for text in texts(("fields",), mapping.fields):
        if text.path[-1] == "$each" and not text.each and not text.names & source.children.keys():
            name = text.text.strip("{} ")
            remedy = suggestion(name, source.children) or ": add it under `source.children`"
            yield problem(mapping, "E_EACH", f"unknown child `{name}`{remedy}", *text.path)
    named = value_names(mapping.fields)
    for name, child in source.children.items():
        place = ("source", "children", name)
        if taken := _taken(mapping, name):
            yield problem(mapping, "E_CHILDREN", f"`{name}` is {taken}: choose another name", *place)
            continue
        if len(child.parent) != len(source.key):
            message = f"`parent` has to name the columns that equal {quoted(source.key)}, in this order"
            yield problem(mapping, "E_CHILDREN", message, *place, "parent")
        if name not in named:
            message = f"`{name}` is read and never used: add `$each: {name}` to `fields`, or remove it"
            yield problem(mapping, "E_CHILDREN", message, *place)


def _taken(mapping: MappingSpec, name: str) -> str | None:
    if name in TAKEN:
        return "a name with a meaning of its own in `fields`"
    if name in mapping.source.key:
        return "a column of `source.key`"
    return "a reference under `refs`" if name in mapping.refs else None
