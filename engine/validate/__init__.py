"""What a project and its mappings together may not say although each key is right; and the order of the objects."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engine.alone import check_alone
from engine.mapping import MappingSpec, Project
from engine.names import check_names
from engine.validate.ends import end_problems
from engine.validate.objects import circles, order, ref_problems, schedule_problems
from engine.validate.payloads import own_schema_problems, payload_problems
from engine.validate.project import project_problems
from engine.values.errors import Place, Problem

__all__ = ["order", "position", "validate"]


def validate(
    project: Project, mappings: Mapping[str, MappingSpec], *, unread: Collection[str] = frozenset()
) -> list[Problem]:
    """List what the project and its mappings may not say; needs no end and no variable.

    `unread` names objects whose files could not be built: they exist, but nothing else is known of them.
    """
    problems = [*project_problems(project), *own_schema_problems(project)]
    for mapping in mappings.values():
        problems += end_problems(mapping, project)
        problems += payload_problems(mapping, project)
        problems += ref_problems(mapping, mappings, unread)
        problems += schedule_problems(mapping, mappings, unread)
        problems += check_alone(mapping)
        problems += check_names(mapping, project=project, mappings=mappings)
    return sorted([*problems, *circles(mappings)], key=position)


def position(problem: Problem) -> tuple[str, int, int, str]:
    """Sort problems as a reader of the files meets them."""
    place = problem.place or Place(file="")
    return place.file, place.line, place.column, problem.message
