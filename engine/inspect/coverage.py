"""What of a mapping no sample exercises: fields, branches, null policies, operations, status rules, writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from engine.inspect.samples.document import Exercised
from engine.inspect.samples.render_samples import rendering
from engine.inspect.snapshots import sampled_program
from engine.mapping import MappingSpec, Write
from engine.mapping.checks.names import request_path
from engine.mapping.load import Loaded
from engine.templates import Site, watched
from engine.values import Change, Path, Place, canonical, json_text

UNREAD = (
    ("source", "feed", "items"),
    ("source", "feed", "next"),
    ("source", "pages", "items"),
    ("source", "pages", "next"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that no sample exercises."""

    object: str
    place: Place
    path: str  # in the mapping, such as fields.address.street
    missing: str

    def __str__(self) -> str:
        return f"{self.place}: {self.path}: {self.missing}"


def gaps(loaded: Loaded, mapping: MappingSpec) -> list[Gap]:
    """List what the samples of a mapping do not exercise, in the order of its file."""
    if not mapping.samples:
        return [_gap(mapping, ("object",), "it has no samples: add `samples`")]
    labels = _Labels()
    with watched() as watch:
        labelled = _labelled(mapping, labels)
        exercised = rendering(sampled_program(loaded, labelled)).exercised
    found = list(_rule_gaps(mapping, exercised))
    silent = [path for path, _ in found]
    found += _template_gaps(mapping, labels, watch.sites, loaded, silent)
    listed = [_gap(mapping, path, missing) for path, missing in found]
    return sorted(listed, key=lambda gap: (gap.place.file, gap.place.line, gap.place.column))


def _gap(mapping: MappingSpec, path: Path, missing: str) -> Gap:
    return Gap(object=mapping.object, place=mapping.place(*path), path=json_text.path_text(path), missing=missing)


# --- rules: what is exercised or not as a whole ------------------------------------------------------------------


def _rule_gaps(mapping: MappingSpec, exercised: Exercised) -> Iterator[tuple[Path, str]]:
    for index, operation in enumerate(mapping.send):
        path: Path = ("send", index)
        changes = [change for change in Change if change in operation.on]
        missing = [change for change in changes if (*path, "on", str(change)) not in exercised]
        if len(missing) == len(changes):
            yield path, "no sample goes by this operation"
            continue
        yield from (((*path, "on"), f"no sample is {change}") for change in missing)
        groups = {each for each in exercised if each[:3] == (*path, "group_by")}
        if operation.group_by and len(groups) < 2:
            yield (*path, "group_by"), "all samples are in one group: add one of another"
        for status in operation.on_status:
            if (*path, "on_status", status) not in exercised:
                yield (*path, "on_status", str(status)), f"no sample is answered {status}"
        if operation.lookup:
            if (*path, "lookup", "found") not in exercised:
                yield (*path, "lookup"), "no sample's look-up finds the record"
            if (*path, "lookup", "absent") not in exercised:
                yield (*path, "lookup", "absent"), "no sample's look-up finds none"
    for path, name in _may_be_empty(("fields",), mapping.fields):
        if all(sample.children.get(name) for sample in mapping.samples):
            yield path, f"no sample has an empty list of {name}"
    yield from _source_gaps(mapping, exercised)
    yield from _write_gaps(mapping.write, ("write",), exercised)


def _may_be_empty(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """Yield the lists of children that have a policy for being empty."""
    if isinstance(value, Mapping):
        if value.get("$on_empty", "send") != "send":
            yield (*path, "$on_empty"), value["$each"]
        for name, each in value.items():
            yield from _may_be_empty((*path, name), each) if name != "$each" else ()


def _source_gaps(mapping: MappingSpec, exercised: Exercised) -> Iterator[tuple[Path, str]]:
    source = mapping.source
    if source.fetch and source.fetch.when and ("source", "fetch", "skipped") not in exercised:
        yield ("source", "fetch", "when"), "no sample is skipped"
    if source.feed and source.feed.removed and ("source", "feed", "removed") not in exercised:
        yield ("source", "feed", "removed"), "no sample is a removal"


def _write_gaps(write: Write | None, path: Path, exercised: Exercised) -> Iterator[tuple[Path, str]]:
    if write is None:
        return
    for index, table in enumerate(write.tables):
        if (*path, "tables", index) not in exercised:
            yield (*path, "tables", index), f"no sample writes a row of {table.table}"
    for index in range(len(write.statements)):
        if (*path, "statements", index) not in exercised:
            yield (*path, "statements", index), "no sample calls this statement"
    yield from _write_gaps(write.removed, (*path, "removed"), exercised)


# --- templates: every way that each can go ------------------------------------------------------------------------


class _Labels:
    """The numbers of a mapping's templates."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.texts: list[str] = []

    def label(self, path: Path, text: str) -> str:
        """Put a label in front of a template."""
        self.paths.append(path)
        self.texts.append(text)
        return f"{{#{len(self.paths) - 1}#}}{text}"


def _labelled(mapping: MappingSpec, labels: _Labels) -> MappingSpec:
    """Give the mapping with every template labelled."""

    def walk(value: Any, path: Path) -> Any:
        match value:
            case str() if "{{" in value or "{%" in value:
                return labels.label(path, value)
            case Mapping():
                return {name: walk(each, (*path, name)) for name, each in value.items()}
            case list() | tuple():
                return type(value)(walk(each, (*path, index)) for index, each in enumerate(value))
        if not is_dataclass(value) or isinstance(value, type):
            return value
        names = [each.name for each in fields(value)]
        return replace(value, **{name: walk(getattr(value, name), (*path, name)) for name in names})

    parts = ["fields", "files", "send", "write"] + (["source"] if mapping.source.has_templates else [])
    return replace(mapping, **{name: walk(getattr(mapping, name), (name,)) for name in parts})


def _template_gaps(
    mapping: MappingSpec, labels: _Labels, sites: list[Site], loaded: Loaded, silent: list[Path]
) -> Iterator[tuple[Path, str]]:
    """List the ways that templates never went; nothing of operations and tables that are missing as a whole."""
    by_label: dict[int, list[Site]] = defaultdict(list)
    for site in sites:
        by_label[site.label].append(site)
    for label, path in enumerate(labels.paths):
        if any(path[: len(each)] == each for each in (*silent, *UNREAD)):
            continue
        where = _as_written(mapping, path)
        for missing in _missing(mapping, path, by_label[label], loaded):
            yield where, f"{missing}: {labels.texts[label]}"


def _missing(mapping: MappingSpec, path: Path, sites: list[Site], loaded: Loaded) -> Iterator[str]:
    """Say which ways one template never went."""
    seen = {outcome for site in sites for outcome in site.seen}
    made = [site for site in sites if site.kind == "value"]
    if not seen:
        yield "no sample gets as far as this"
        return
    if made and True not in made[0].seen:
        yield "it is null in every sample"
    if made and False not in made[0].seen and (policy := _policy(mapping, path)):
        yield f"no sample has null here ($on_null: {policy})"
    for kind, ways in (
        ("condition", {True: "is never true", False: "is never false"}),
        ("or", {True: "is always false on its left", False: "is always true on its left"}),
        ("and", {True: "is always false on its left"}),  # its right is what is asked for; a left is often a guard
        ("default", {True: "always stands in", False: "never stands in"}),
    ):
        found = [site for site in sites if site.kind == kind]
        for number, site in enumerate(found, start=1):
            name = kind if kind == "condition" else f"`{kind}`"
            which = f"{name} {number} of {len(found)}" if len(found) > 1 else f"the {name}"
            never = [say for way, say in ways.items() if way not in site.seen]
            yield from (f"{which} {say}" for say in (never if site.seen else ["is never reached"]))
    for site in sites:
        codes = loaded.project.maps.get(site.dictionary or "", {})
        unseen = [code for code in codes if str(canonical(code)) not in site.seen]
        if unseen:
            yield f"no sample has {', '.join(unseen)} of maps.{site.dictionary}"


def _policy(mapping: MappingSpec, path: Path) -> str | None:
    """Give the null policy that a field has of its own, if null makes a difference."""
    if path[-1] != "$value":
        return None
    value: Any = getattr(mapping, str(path[0]))
    for part in path[1:-1]:
        value = getattr(value, str(part)) if is_dataclass(value) else value[part]
    policy = value.get("$on_null", mapping.on_null)
    return None if policy == "send" else str(policy)


def _as_written(mapping: MappingSpec, path: Path) -> Path:
    """Give a path as it is in the file, where one request stands under `request`."""
    if path[:1] == ("send",) and path[2:3] == ("requests",):
        return (*request_path(mapping, int(path[1]), int(path[3])), *path[4:])
    return path
