"""Samples: named apart, fitting their mapping, and holding every column that templates name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

from engine.mapping.checks.names.scopes import Scope, saved_names, uses
from engine.mapping.checks.names.template_texts import Text, texts
from engine.mapping.places import problem
from engine.mapping.spec import HttpSource, MappingSpec, Sample, SqlSource
from engine.templates import names_in
from engine.values import Change, Path, Problem, label, suggestion

Rows: TypeAlias = Collection[Mapping[str, Any]]

ITEM = ""  # stands for the item of a feed or a page where the name of a list could stand
NO_COLUMN = frozenset({"parent", "saved"})  # where they may not stand, `names` says so
FOR_SEND = ("children", "refs", "saved", "files")


@dataclass(frozen=True, slots=True)
class Asked:
    """A name that a mapping asks a sample for."""

    path: Path
    name: str
    each: str | None = None  # the list whose elements have it; None: the row or document itself


def sample_problems(mapping: MappingSpec) -> Iterator[Problem]:
    """Find what is wrong with the samples, and columns that none of them has; nothing without samples."""
    first: dict[str, int] = {}
    for index, sample in enumerate(mapping.samples):
        if first.setdefault(sample.name, index) != index:
            message = f"sample {first[sample.name] + 1} has the name `{sample.name}` too: names tell samples apart"
            yield problem(mapping, "E_SAMPLE", message, "samples", index, "name")
        yield from (_outbound if mapping.send else _inbound)(mapping, sample, ("samples", index))
    if mapping.samples:
        asked = list(_asked(mapping))
        yield from _absent(mapping, asked)
        yield from _misspelt(mapping, asked)


# --- a sample and its mapping -------------------------------------------------------------------------------


def _outbound(mapping: MappingSpec, sample: Sample, path: Path) -> Iterator[Problem]:
    if sample.document is not None:
        yield problem(mapping, "E_SAMPLE", "`document` is for `write`: give the columns as `row`", *path, "document")
    children = mapping.source.children if isinstance(mapping.source, SqlSource) else {}
    known: Mapping[str, tuple[str, Collection[str]]] = {
        "children": ("child", children),
        "refs": ("reference", mapping.refs),
        "files": ("file", mapping.files),
        "saved": ("saved value", saved_names(mapping)),
    }
    for key, (kind, names) in known.items():
        for name in getattr(sample, key).keys() - names:
            remedy = suggestion(name, names) or ": remove it"
            yield problem(mapping, "E_SAMPLE", f"unknown {kind} `{name}`{remedy}", *path, key, name)


def _inbound(mapping: MappingSpec, sample: Sample, path: Path) -> Iterator[Problem]:
    for key in FOR_SEND:
        if getattr(sample, key):
            yield problem(mapping, "E_SAMPLE", f"`{key}` is for `send`: remove it", *path, key)
    if sample.document is not None and isinstance(mapping.source, HttpSource) and mapping.source.fetch is None:
        message = "`document` is what `fetch` answers, and there is no `fetch`: give the item as `row`"
        yield problem(mapping, "E_SAMPLE", message, *path, "document")


# --- columns and samples -------------------------------------------------------------------------------------


def _absent(mapping: MappingSpec, asked: Iterable[Asked]) -> Iterator[Problem]:
    for one in asked:
        rows = _rows(mapping, one.each)
        known = frozenset(name for row in rows for name in row)
        if rows and one.name not in known:
            none = {None: "no sample", ITEM: "no item of a sample"}.get(one.each, f"no `{one.each}` of a sample")
            message = f"{label(one.path)}: {none} has `{one.name}`{suggestion(one.name, known)}"
            yield problem(mapping, "E_UNKNOWN_COLUMN", message, *one.path)


def _misspelt(mapping: MappingSpec, asked: Iterable[Asked]) -> Iterator[Problem]:
    """Find columns that are nearly those of other samples; the documents of an API have many that nobody names."""
    if not mapping.send:
        return
    wanted: dict[str | None, set[str]] = {}
    for one in asked:
        wanted.setdefault(one.each, set()).add(one.name)
    elsewhere = {each: {name for row in _rows(mapping, each) for name in row} for each in wanted}
    for path, each, row in _places(mapping.samples):
        lacking = (wanted.get(each, set()) & elsewhere.get(each, set())) - row.keys()
        for column in row.keys() - wanted.get(each, set()):
            if near := get_close_matches(column, sorted(lacking), n=1, cutoff=0.8):
                message = f"no template names `{column}`; did you mean `{near[0]}`?"
                yield problem(mapping, "E_SAMPLE", message, *path, column)


def _places(samples: Iterable[Sample]) -> Iterator[tuple[Path, str | None, Mapping[str, Any]]]:
    """Yield every row of the samples, and every row of a child, with its place and the child's name."""
    for index, sample in enumerate(samples):
        yield ("samples", index, "row"), None, sample.row
        for name, children in sample.children.items():
            for at, child in enumerate(children):
                yield ("samples", index, "children", name, at), name, child


def _rows(mapping: MappingSpec, each: str | None) -> Rows:
    """Gather the samples' rows, or the rows of one of their lists."""
    if mapping.send:
        return [row for s in mapping.samples for row in (s.children.get(each, ()) if each else [s.row])]
    if each == ITEM:
        return [sample.row for sample in mapping.samples if sample.row]
    fetches = isinstance(mapping.source, HttpSource) and mapping.source.fetch is not None
    kept = [sample for sample in mapping.samples if sample.change is not Change.REMOVED]
    documents = [document for sample in kept if (document := sample.document if fetches else sample.row)]
    if each is None:
        return documents
    lists = [found for document in documents if isinstance(found := _at(document, each), list)]
    return [element for found in lists for element in found if isinstance(element, Mapping)]


def _at(document: Any, path: str) -> Any:
    """Walk a path such as `price.additionalCosts`."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _asked(mapping: MappingSpec) -> Iterator[Asked]:
    for path, column in _listed(mapping):
        yield Asked(path, column)
    for use in uses(mapping):
        for text in texts(use.path, use.value):
            if not text.is_soft:
                yield from _asked_by(text, use.scope)


def _listed(mapping: MappingSpec) -> Iterator[tuple[Path, str]]:
    """Yield the columns that stand in lists."""
    yield from ((("source", "key"), column) for column in mapping.source.key)
    for name, ref in mapping.refs.items():
        yield from ((("refs", name, "on", theirs), ours) for theirs, ours in ref.on.items())
    for index, operation in enumerate(mapping.send):
        yield from ((("send", index, "group_by"), column) for column in operation.group_by)
    for index, limit in enumerate(mapping.limits):
        yield from ((("limits", index, "per"), column) for column in limit.per)
        yield from ((("limits", index, "distinct"), column) for column in limit.distinct)


def _asked_by(text: Text, scope: Scope) -> Iterator[Asked]:
    """Yield the columns that a template names; those of lists inside lists are not known here."""
    lists = (*((scope.each,) if scope.each else ()), *text.each)
    own = text.names - scope.given - NO_COLUMN
    if not scope.columns:
        yield from (Asked(text.path, name) for name in own if lists == ("removed",))
        yield from (Asked(text.path, name, ITEM) for name in _attributes(text, "item") if text.path[0] == "source")
    elif not lists:
        named = own - scope.lists if text.path[-1] != "$each" else frozenset()  # `rows` tells of unknown children
        yield from (Asked(text.path, name) for name in named)
    elif len(lists) == 1:
        children = names_in(f"{{{{ {lists[0]} }}}}") & scope.lists  # lines, also of `lines | sort`
        if len(children) < 2:
            each = next(iter(children), lists[0])
            yield from (Asked(text.path, name, each) for name in own - {"item"})
        yield from (Asked(text.path, name) for name in _attributes(text, "parent") - scope.given - scope.lists)


def _attributes(text: Text, owner: str) -> frozenset[str]:
    return frozenset(name for head, name in text.attributes if head == owner)
