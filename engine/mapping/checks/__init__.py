"""What a project and its mappings together may not say although each key is right; and the order of the objects.

project          what project.yaml may not say
objects          objects among each other: references, schedules, order
connections      connections of the right type, which fit together
payload_schemas  the schemas that lines must satisfy, and a project's own
one_mapping      what one mapping alone may not say, by the subjects below
send             entries of `send`
columns          limits, the cursor, children and `$each`
sent_files       files and the requests that send them
inbound          feed or pages, removals, tables and statements
samples          samples named apart, fitting, with every column
names/           which names templates may use, and which they use wrongly
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engine.mapping.checks.connections import end_problems
from engine.mapping.checks.names import check_names
from engine.mapping.checks.objects import circles, order, ref_problems, schedule_problems
from engine.mapping.checks.one_mapping import check_alone
from engine.mapping.checks.payload_schemas import own_schema_problems, payload_problems
from engine.mapping.checks.project import project_problems
from engine.mapping.spec import MappingSpec, Project
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
