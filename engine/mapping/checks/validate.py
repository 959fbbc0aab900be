"""All checks of a project and its mappings, and the order in which their problems are told."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engine.mapping.checks.connections import end_problems
from engine.mapping.checks.line_schemas import own_schema_problems, payload_problems
from engine.mapping.checks.names.wrong_names import check_names
from engine.mapping.checks.objects import circles, ref_problems, schedule_problems
from engine.mapping.checks.one_mapping import check_alone
from engine.mapping.checks.project import project_problems
from engine.mapping.checks.sent_files import root_problems
from engine.mapping.project_spec import Project
from engine.mapping.spec import MappingSpec
from engine.values import Place, Problem


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
        problems += root_problems(mapping, project)
        problems += ref_problems(mapping, mappings, unread)
        problems += schedule_problems(mapping, mappings, unread)
        problems += check_alone(mapping)
        problems += check_names(mapping, project=project, mappings=mappings)
    return sorted([*problems, *circles(mappings)], key=position)


def position(problem: Problem) -> tuple[str, int, int, str]:
    """Sort problems as a reader of the files meets them."""
    place = problem.place or Place(file="")
    return place.file, place.line, place.column, problem.message
