"""Which names the templates of a mapping may use, and which they use wrongly; templates that do not compile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache

from engine.errors import Problem
from engine.mapping import HttpSource, MappingSpec, Operation, Project, Request, Templates, Write
from engine.schema import label, place_of, suggestion
from engine.templates import TemplateFault, TemplateFaults, compile_fields, compile_value
from engine.yamltext import Path

MANY = frozenset({"lines", "removed", "vars"})
ANSWER = frozenset({"body", "status"})
TEXTS = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
CODE = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
ATTRIBUTE = re.compile(r"(?<![\w.])(?P<head>[A-Za-z_]\w*)\s*\.\s*(?P<name>[A-Za-z_]\w*)(?!\w|\s*\()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One template, or a value of templates, and the names it may use."""

    path: Path
    value: Templates
    names: frozenset[str] | None = None  # None: columns too, which only the source knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A name whose attributes are known."""

    attributes: frozenset[str]
    where: str  # they come from


def names_of(request: Request) -> frozenset[str]:
    """Gather the names that a request's templates use, `save` aside; none of those that do not compile."""
    values = (request.path, request.url, request.query, request.headers, request.body)
    return frozenset[str]().union(*map(value_names, values))


def value_names(value: Templates) -> frozenset[str]:
    """Gather the names that the texts of a JSON-like value use; none of those that do not compile."""
    return frozenset[str]().union(*(_compiled(text)[0] for _, text in _texts((), value)))


def check_names(mapping: MappingSpec, *, project: Project, mappings: Mapping[str, MappingSpec]) -> Iterator[Problem]:
    """Find templates that do not compile, names out of reach, and attributes that nobody saves or sets."""
    owners = _owners(mapping, project, mappings)
    elsewhere = {name: other.file for other in mappings.values() for name in other.refs if name not in mapping.refs}
    for use in _uses(mapping):
        for fault in _template_faults(use, mapping):
            yield _problem(mapping, "E_TEMPLATE", (*use.path, *fault.path), fault.message)
        for path, text in _texts(use.path, use.value):
            faults = [*_name_faults(text, use.names), *_attribute_faults(text, path, owners, elsewhere)]
            yield from (_problem(mapping, "E_UNKNOWN_NAME", path, fault) for fault in faults)


def saved_names(mapping: MappingSpec) -> frozenset[str]:
    """Gather the names of all values that an object's answers save."""
    saves = [operation.save for operation in mapping.send]
    saves += [request.save for operation in mapping.send for request in operation.requests]
    saves += [operation.lookup.save for operation in mapping.send if operation.lookup]
    return frozenset(name for save in saves for name in save)


def request_path(mapping: MappingSpec, entry: int, step: int) -> Path:
    """Give the path of a request in its file: `request` and `requests` are both built as a list."""
    alone = ("send", entry, "request")
    return alone if alone in mapping.places else ("send", entry, "requests", step)


def _uses(mapping: MappingSpec) -> Iterator[Use]:
    yield Use(path=("fields",), value=mapping.fields)
    for index, operation in enumerate(mapping.send):
        yield from _entry_uses(mapping, index, operation)
    if isinstance(mapping.source, HttpSource):
        yield from _feed_uses(mapping.source)
    if mapping.write:
        yield from _write_uses(mapping.write, ("write",))


def _entry_uses(mapping: MappingSpec, index: int, operation: Operation) -> Iterator[Use]:
    names = MANY | set(operation.group_by) if operation.many else None
    answer = names | ANSWER if names else None
    item = answer | {"item"} if answer else None
    root: Path = ("send", index)
    for step, request in enumerate(operation.requests):
        path = request_path(mapping, index, step)
        yield from _request_uses(request, path, names)
        yield from _each((*path, "save"), request.save, answer)
    yield from _each((*root, "save"), operation.save, item if operation.items else answer)
    yield Use(path=(*root, "ok"), value=operation.ok, names=answer)
    if items := operation.items:
        yield Use(path=(*root, "items", "at"), value=items.at, names=answer)
        for key in ("key", "ok", "error"):
            yield Use(path=(*root, "items", key), value=getattr(items, key), names=item)
        line = frozenset({"line", "vars"})
        yield Use(path=(*root, "items", "line_key"), value=items.line_key, names=line)
    if lookup := operation.lookup:
        yield from _request_uses(lookup.request, (*root, "lookup", "request"), None)
        yield Use(path=(*root, "lookup", "found"), value=lookup.found)
        yield Use(path=(*root, "lookup", "absent"), value=lookup.absent)
        yield from _each((*root, "lookup", "save"), lookup.save, None)


def _feed_uses(source: HttpSource) -> Iterator[Use]:
    feed, root = source.feed, ("source", "feed")
    body, item = frozenset({"body", "vars"}), frozenset({"item", "vars"})
    yield from _request_uses(feed.request, (*root, "request"), frozenset({"cursor", "vars"}))
    yield Use(path=(*root, "items"), value=feed.items, names=body)
    yield Use(path=(*root, "next"), value=feed.next, names=body)
    yield Use(path=(*root, "removed"), value=feed.removed, names=item)
    yield from _each((*root, "key"), feed.key, item)
    if fetch := source.fetch:
        yield Use(path=("source", "fetch", "when"), value=fetch.when, names=item)
        yield from _request_uses(fetch.request, ("source", "fetch", "request"), item)


def _write_uses(write: Write, root: Path) -> Iterator[Use]:
    for index, table in enumerate(write.tables):
        yield from _each((*root, "tables", index, "key"), table.key, None)
        yield from _each((*root, "tables", index, "fields"), table.fields, None)
    for index, statement in enumerate(write.statements):
        yield from _each((*root, "statements", index, "params"), statement.params, None)
    if write.removed:
        yield from _write_uses(write.removed, (*root, "removed"))


def _request_uses(request: Request, path: Path, names: frozenset[str] | None) -> Iterator[Use]:
    for key in ("path", "url", "body"):
        yield Use(path=(*path, key), value=getattr(request, key), names=names)
    yield from _each((*path, "query"), request.query, names)
    yield from _each((*path, "headers"), request.headers, names)


def _each(path: Path, values: Mapping[str, Templates], names: frozenset[str] | None) -> Iterator[Use]:
    for key, value in values.items():
        yield Use(path=(*path, key), value=value, names=names)


def _owners(mapping: MappingSpec, project: Project, mappings: Mapping[str, MappingSpec]) -> dict[str, Owner]:
    owners = {"vars": Owner(attributes=frozenset(project.vars), where="the `vars` of project.yaml")}
    if mapping.direction == "inbound":
        return owners
    owners["saved"] = Owner(attributes=saved_names(mapping), where="what this mapping saves")
    for name, ref in mapping.refs.items():
        if name not in owners and (target := mappings.get(ref.object)):
            owners[name] = Owner(attributes=saved_names(target) | set(ref.on), where=f"what {ref.object} saves")
    return owners


def _template_faults(use: Use, mapping: MappingSpec) -> tuple[TemplateFault, ...]:
    if isinstance(use.value, str):
        return _compiled(use.value)[1]
    if not use.value or not isinstance(use.value, Mapping | list):
        return ()
    try:
        if use.path == ("fields",):
            compile_fields(mapping.fields, on_null=mapping.on_null, timezone=UTC)
        else:
            compile_value(use.value, timezone=UTC)
    except TemplateFaults as faults:
        return faults.faults
    return ()


@lru_cache(maxsize=10_000)
def _compiled(text: str) -> tuple[frozenset[str], tuple[TemplateFault, ...]]:
    """Give the names of a template, or its faults; the zone does not matter for either."""
    if "{{" not in text and "{%" not in text:
        return frozenset(), ()
    try:
        return compile_value(text, timezone=UTC).names, ()
    except TemplateFaults as faults:
        return frozenset(), faults.faults


def _name_faults(text: str, known: frozenset[str] | None) -> Iterator[str]:
    if known is not None:
        for name in sorted(_compiled(text)[0] - known):
            yield f"unknown name `{name}`{suggestion(name, known)}"


def _attribute_faults(
    text: str, path: Path, owners: Mapping[str, Owner], elsewhere: Mapping[str, str]
) -> Iterator[str]:
    for head, name in _attributes(text):
        owner = owners.get(head)
        if path[0] == "fields" and head == "saved":
            yield "`saved` is for requests: a field may use columns, `row`, `vars` and the names under `refs`"
        elif owner and name not in owner.attributes:
            yield f"`{head}.{name}` is not among {owner.where}{suggestion(name, owner.attributes)}"
        elif head in elsewhere and path[0] in ("fields", "send"):
            yield f"`{head}` is no reference of this mapping: add it under `refs`, as in {elsewhere[head]}"


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    """Yield each NAME.ATTRIBUTE of a template's code, methods aside."""
    for found in CODE.finditer(text):
        for attribute in ATTRIBUTE.finditer(TEXTS.sub("''", found[1] or found[2] or "")):
            yield attribute["head"], attribute["name"]


def _texts(path: Path, value: Templates) -> Iterator[tuple[Path, str]]:
    """Yield every text inside a JSON-like value with its path."""
    match value:
        case str():
            yield path, value
        case Mapping():
            for key, inner in value.items():
                yield from _texts((*path, key), inner)
        case list():
            for index, inner in enumerate(value):
                yield from _texts((*path, index), inner)


def _problem(mapping: MappingSpec, code: str, path: Path, message: str) -> Problem:
    return Problem(code=code, message=f"{label(path)}: {message}", place=place_of(mapping.places, path))
