"""What is written from an HTTP API: feed or pages, removals, tables and statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.mapping.checks.names.request_names import names_of
from engine.mapping.checks.names.template_texts import value_names
from engine.mapping.places import problem
from engine.mapping.spec import Feed, HttpSource, MappingSpec, Pages, Write
from engine.values import Path, Problem, quoted, sql_text, suggestion

FOR_SEND = {  # keys, and what stands in their place
    "fields": "put values into its tables",
    "refs": "put values into its tables",
    "limits": "put values into its tables",
    "files": "remove it",
    "payload_schema": "remove it",
    "target": "its own `connection` says where to",
}


def inbound_problems(mapping: MappingSpec) -> Iterator[Problem]:
    """Find what a mapping with `write` may not say."""
    if mapping.write is None or not isinstance(mapping.source, HttpSource):
        return
    for key, remedy in FOR_SEND.items():
        if getattr(mapping, key):
            yield problem(mapping, "E_DIRECTION", f"`{key}` is for `send`: with `write`, {remedy}", key)
    if mapping.source.feed:
        yield from _feed_problems(mapping, mapping.source.feed, mapping.write)
    if mapping.source.pages and (fault := _pages_fault(mapping.source.pages)):
        yield problem(mapping, "E_PAGES", fault, "source", "pages", "request")
    yield from _write_problems(mapping, mapping.write, ("write",))
    if mapping.write.removed:
        yield from _write_problems(mapping, mapping.write.removed, ("write", "removed"))


def _feed_problems(mapping: MappingSpec, feed: Feed, write: Write) -> Iterator[Problem]:
    for key in ("max_added", "max_changed"):
        if getattr(mapping.guards, key):
            message = f"a feed gives each of its changes once, so that what `{key}` withheld would be lost: remove it"
            yield problem(mapping, "E_FEED", message, "guards", key)
    if feed.removed and set(feed.key) != set(mapping.source.key):
        message = f"with `removed`, `feed.key` has to give {quoted(mapping.source.key)}, as `source.key`"
        yield problem(mapping, "E_FEED", message, "source", "feed", "key" if feed.key else "removed")
    if feed.removed and not write.removed:
        yield problem(mapping, "E_FEED", "a removal does nothing: add `write.removed`", "source", "feed", "removed")
    if write.removed and not feed.removed:
        yield problem(mapping, "E_FEED", "no item is ever a removal: add `source.feed.removed`", "write", "removed")


def _pages_fault(pages: Pages) -> str | None:
    """Say why every page would be the first one; a `next` that is always null says that there is one page."""
    names = names_of(pages.request)
    if pages.next is None and not names & {"page", "offset"}:
        return "it names neither `page` nor `offset`, so every page would be the same: use one, or `next` and `link`"
    if value_names(pages.next) and not names & {"page", "offset", "link"}:
        return "it names neither `page`, `offset` nor `link`, so every page would be the same: use one"
    return None


def _write_problems(mapping: MappingSpec, write: Write, root: Path) -> Iterator[Problem]:
    for index, table in enumerate(write.tables):
        path = (*root, "tables", index)
        for column in table.key.keys() & table.fields.keys():
            message = f"`{column}` stands in both `key` and `fields`"
            yield problem(mapping, "E_COLUMN", message, *path, "fields", column)
        if table.orphans == "delete" and (fault := _orphans_fault(table.each, table.key.values())):
            yield problem(mapping, "E_ORPHANS", fault, *path, "orphans")
    for index, statement in enumerate(write.statements):
        for name in sorted(sql_text.parameters(statement.sql) - statement.params.keys()):
            message = f"`:{name}` has no value: add it to `params`{suggestion(name, statement.params)}"
            yield problem(mapping, "E_PARAMETER", message, *root, "statements", index, "sql")


def _orphans_fault(each: str | None, key: Iterable[str]) -> str | None:
    if each is None:
        return "`orphans` is for the rows of a list: add `$each`"
    if not any("parent" in value_names(value) for value in key):
        return "`orphans: delete` would delete the rows of other records: take a key column from `parent`"
    return None
