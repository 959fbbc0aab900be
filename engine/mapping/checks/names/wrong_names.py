"""Templates that do not compile, names out of reach, and attributes that nobody saves or sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC

from engine.mapping.checks.names.scopes import Scope, Use, saved_names, uses
from engine.mapping.checks.names.template_texts import Text, texts
from engine.mapping.places import problem
from engine.mapping.project_spec import Project
from engine.mapping.spec import MappingSpec
from engine.templates import TemplateFault, TemplateFaults, compile_fields, compile_value
from engine.values import Problem, label, suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A name whose attributes are known."""

    attributes: frozenset[str]
    where: str  # they come from


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the templates of one mapping may ask for by NAME.ATTRIBUTE."""

    owners: Mapping[str, Owner]
    elsewhere: Mapping[str, str]  # references of other mappings: their files


def check_names(mapping: MappingSpec, *, project: Project, mappings: Mapping[str, MappingSpec]) -> Iterator[Problem]:
    """Find templates that do not compile, names out of reach, and attributes that nobody saves or sets."""
    elsewhere = {name: other.file for other in mappings.values() for name in other.refs if name not in mapping.refs}
    known = Known(owners=_owners(mapping, project, mappings), elsewhere=elsewhere)
    for use in uses(mapping):
        for fault in _template_faults(use, mapping, project):
            path = (*use.path, *fault.path)
            yield problem(mapping, "E_TEMPLATE", f"{label(path)}: {fault.message}", *path)
        for text in texts(use.path, use.value):
            for message in (*_name_faults(text, use.scope), *_attribute_faults(text, use.scope, known)):
                yield problem(mapping, "E_UNKNOWN_NAME", f"{label(text.path)}: {message}", *text.path)


def _owners(mapping: MappingSpec, project: Project, mappings: Mapping[str, MappingSpec]) -> dict[str, Owner]:
    owners = {"vars": Owner(attributes=frozenset(project.vars), where="the `vars` of project.yaml")}
    if mapping.direction == "inbound":
        return owners
    owners["saved"] = Owner(attributes=saved_names(mapping), where="what this mapping saves")
    for name, ref in mapping.refs.items():
        if name not in owners and (target := mappings.get(ref.object)):
            owners[name] = Owner(attributes=saved_names(target) | set(ref.on), where=f"what {ref.object} saves")
    return owners


def _template_faults(use: Use, mapping: MappingSpec, project: Project) -> tuple[TemplateFault, ...]:
    """Compile a value of templates for its faults; the zone does not matter for them."""
    try:
        if use.path == ("fields",):
            on_null, refs = mapping.on_null, mapping.refs
            compile_fields(use.value, on_null=on_null, timezone=UTC, maps=project.maps, outside=refs)
        elif use.value is not None:
            compile_value(use.value, timezone=UTC, maps=project.maps)
    except TemplateFaults as faults:
        return faults.faults
    return ()


def _name_faults(text: Text, scope: Scope) -> Iterator[str]:
    if not scope.columns and not text.each:
        for name in sorted(text.names - scope.given):
            yield f"unknown name `{name}`{suggestion(name, scope.given)}"


def _attribute_faults(text: Text, scope: Scope, known: Known) -> Iterator[str]:
    in_fields = text.path[0] == "fields"
    for head, name in text.attributes:
        owner = known.owners.get(head)
        if in_fields and head == "saved":
            yield "`saved` is for requests: a field may use columns, `row`, `vars` and the names under `refs`"
        elif in_fields and head == "parent" and not text.each:
            yield f"`parent` is for the fields inside `$each`: write `{name}` alone"
        elif owner and name not in owner.attributes:
            yield f"`{head}.{name}` is not among {owner.where}{suggestion(name, owner.attributes)}"
        elif head == "saved" and scope.earlier is not None and name not in scope.earlier and not text.is_soft:
            yield f"`saved.{name}` has no value yet for an added record: an earlier step has to save it"
        elif head in known.elsewhere and text.path[0] in ("fields", "send"):
            yield f"`{head}` is no reference of this mapping: add it under `refs`, as in {known.elsewhere[head]}"
