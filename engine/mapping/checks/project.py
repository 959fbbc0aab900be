"""What project.yaml may not say although each key is right."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from engine.connections import SqlConnection
from engine.mapping.environment import reference_fault
from engine.mapping.places import problem
from engine.mapping.project_spec import Project, texts_of
from engine.values import Problem, suggestion


def project_problems(project: Project) -> Iterator[Problem]:
    """Find an unknown time zone, misspelt references to variables, and delays the wrong way round."""
    if _zone(project.timezone) is None:
        near = suggestion(project.timezone, available_timezones()) or ": write one such as Europe/Warsaw"
        message = f"`timezone` is `{project.timezone}`, which is no IANA time zone{near}"
        yield problem(project, "E_TIMEZONE", message, "timezone")
    for path, text in texts_of(project).items():
        if fault := reference_fault(text):
            yield problem(project, "E_REFERENCE", fault, *path)
    for name, connection in project.connections.items():
        if isinstance(connection, SqlConnection):
            continue
        if connection.retry.first_delay_seconds > connection.retry.max_delay_seconds:
            message = "`first_delay_seconds` is longer than `max_delay_seconds`: swap them"
            yield problem(project, "E_VALUE", message, "connections", name, "retry")


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
