"""Which names every template of a mapping may use: the table of what stands where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from engine.mapping.spec import HttpSource, MappingSpec, Operation, Request, SqlSource, Templates, Write
from engine.values import Change, Path

VARS = frozenset({"vars"})
MANY = VARS | {"lines", "removed"}
ANSWER = frozenset({"body", "status"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a template may name."""

    given: frozenset[str]
    lists: frozenset[str] = frozenset()  # children of the row: elements of `$each` do not see them
    columns: bool = False  # the columns of a row, or the names of a document, too: only the source knows them
    each: str | None = None  # `columns` are those of the elements of this list of the document
    earlier: frozenset[str] | None = None  # all that `saved` holds; None: what any answer saves

    def with_names(self, names: frozenset[str]) -> Scope:
        """Give the scope of a template that sees more."""
        return replace(self, given=self.given | names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One template, or a value of templates, and what it may name."""

    path: Path
    value: Templates
    scope: Scope
    address: Literal["path", "url"] | None = None  # of a request: what stands here decides whom it reaches


CURSOR = Scope(given=VARS | {"cursor"})
PAGE = Scope(given=VARS | {"page", "offset", "link", "size"})
BODY = Scope(given=VARS | {"body"})
ITEM = Scope(given=VARS | {"item"})
LINE = Scope(given=VARS | {"line"})
FILE = Scope(given=VARS | {"row"}, columns=True)


def uses(mapping: MappingSpec) -> Iterator[Use]:
    """Yield every template of a mapping."""
    yield Use(path=("fields",), value=mapping.fields, scope=_line_scope(mapping))
    for name, file in mapping.files.items():
        yield Use(path=("files", name), value=file.path, scope=FILE)
        yield Use(path=("files", name, "$bytes"), value=file.bytes, scope=FILE)
    for index, operation in enumerate(mapping.send):
        yield from _entry(mapping, index, operation)
    if isinstance(mapping.source, HttpSource):
        yield from _http_source(mapping.source)
    if mapping.write:
        yield from _write(mapping.write, ("write",), Scope(given=VARS, columns=True))
        if mapping.write.removed:
            yield from _write(mapping.write.removed, ("write", "removed"), Scope(given=VARS | {*mapping.source.key}))


def request_path(mapping: MappingSpec, entry: int, step: int) -> Path:
    """Give the path of a request in its file: `request` and `requests` are both built as a list."""
    alone = ("send", entry, "request")
    return alone if alone in mapping.places else ("send", entry, "requests", step)


def saved_names(mapping: MappingSpec) -> frozenset[str]:
    """Gather the names of all values that an object's answers save."""
    saves = [operation.save for operation in mapping.send]
    saves += [request.save for operation in mapping.send for request in operation.requests]
    saves += [operation.lookup.save for operation in mapping.send if operation.lookup]
    return frozenset(name for save in saves for name in save)


def _line_scope(mapping: MappingSpec) -> Scope:
    children = frozenset(mapping.source.children if isinstance(mapping.source, SqlSource) else ())
    return Scope(given=VARS | {"row", *mapping.refs}, lists=children, columns=True)


def _entry(mapping: MappingSpec, index: int, operation: Operation) -> Iterator[Use]:
    root: Path = ("send", index)
    one = Scope(given=VARS | {"row", "line", "saved", *mapping.refs}, columns=True)
    scope = Scope(given=MANY | {*operation.group_by}) if operation.many else one
    answer = scope.with_names(ANSWER)
    earlier: frozenset[str] = frozenset()
    for step, request in enumerate(operation.requests):
        path = request_path(mapping, index, step)
        yield from _request(path, request, replace(scope, earlier=earlier if Change.ADDED in operation.on else None))
        yield from _each((*path, "save"), request.save, answer)
        earlier |= request.save.keys()
    item = answer.with_names(frozenset({"item"}))
    yield from _each((*root, "save"), operation.save, item if operation.items else answer)
    yield Use(path=(*root, "ok"), value=operation.ok, scope=answer)
    if items := operation.items:
        yield Use(path=(*root, "items", "at"), value=items.at, scope=answer)
        yield from _each((*root, "items"), {"key": items.key, "ok": items.ok, "error": items.error}, item)
        yield Use(path=(*root, "items", "line_key"), value=items.line_key, scope=LINE)
    if lookup := operation.lookup:
        path, found = (*root, "lookup"), one.with_names(ANSWER)
        yield from _request((*path, "request"), lookup.request, one)
        yield from _each(path, {"found": lookup.found, "absent": lookup.absent}, found)
        yield from _each((*path, "save"), lookup.save, found)


def _http_source(source: HttpSource) -> Iterator[Use]:
    path: Path
    if feed := source.feed:
        path = ("source", "feed")
        yield from _request((*path, "request"), feed.request, CURSOR)
        yield from _each(path, {"items": feed.items, "next": feed.next}, BODY)
        yield Use(path=(*path, "removed"), value=feed.removed, scope=ITEM)
        yield from _each((*path, "key"), feed.key, ITEM)
    if pages := source.pages:
        path = ("source", "pages")
        yield from _request((*path, "request"), pages.request, PAGE)
        yield from _each(path, {"items": pages.items, "next": pages.next}, PAGE.with_names(frozenset({"body"})))
    if fetch := source.fetch:
        path = ("source", "fetch")
        yield Use(path=(*path, "when"), value=fetch.when, scope=ITEM)
        yield from _request((*path, "request"), fetch.request, ITEM)


def _write(write: Write, root: Path, document: Scope) -> Iterator[Use]:
    for index, table in enumerate(write.tables):
        path, scope = (*root, "tables", index), _element_scope(table.each, document)
        yield from _each((*path, "key"), table.key, scope)
        yield from _each((*path, "fields"), table.fields, scope)
    for index, statement in enumerate(write.statements):
        path = (*root, "statements", index, "params")
        yield from _each(path, statement.params, _element_scope(statement.each, document))


def _element_scope(each: str | None, document: Scope) -> Scope:
    """Give the scope inside `$each`: an element that is no map is called `item`."""
    return Scope(given=VARS | {"parent", "item"}, columns=True, each=each) if each else document


def _request(path: Path, request: Request, scope: Scope) -> Iterator[Use]:
    yield Use(path=(*path, "path"), value=request.path, scope=scope, address="path")
    yield Use(path=(*path, "url"), value=request.url, scope=scope, address="url")
    yield Use(path=(*path, "body"), value=request.body, scope=scope)
    yield from _each((*path, "query"), request.query, scope)
    yield from _each((*path, "headers"), request.headers, scope)


def _each(path: Path, values: Mapping[str, Templates], scope: Scope) -> Iterator[Use]:
    for key, value in values.items():
        yield Use(path=(*path, key), value=value, scope=scope)
