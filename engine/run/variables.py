"""The `${...}` that the ends of objects need: which are missing, which are secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from engine.connections import SqlConnection
from engine.mapping import MappingSpec, Project, connections_of, place_of
from engine.run.app import App
from engine.values import ConfigError, Path, Problem


def missing_variables(app: App, mappings: Iterable[MappingSpec]) -> list[Problem]:
    """List every `${...}` that these objects' ends need and that cannot be resolved, each at its place."""
    project = app.loaded.project
    used = {name for mapping in mappings for name in connections_of(project, mapping)}
    problems: dict[str, Problem] = {}
    for path, text in _texts(project, used):
        try:
            app.environment.resolve(text, place_of(project.places, path), secret=_is_secret(path, text))
        except ConfigError as error:
            problems |= {str(problem): problem for problem in error.problems}
    return list(problems.values())


def require_variables(app: App, mappings: Iterable[MappingSpec]) -> None:
    """Raise ConfigError with all that is missing, before anything is attempted."""
    if problems := missing_variables(app, mappings):
        raise ConfigError(code=problems[0].code, problems=problems)


def secrets_of(app: App) -> frozenset[str]:
    """Resolve all that may hold a secret, so that it is hidden also where no end was opened."""
    project = app.loaded.project
    for path, text in _texts(project, set(project.connections)):
        if _is_secret(path, text):
            with suppress(ConfigError):
                app.environment.resolve(text, place_of(project.places, path), secret=True)
    return app.environment.secrets


def _texts(project: Project, used: set[str]) -> Iterator[tuple[Path, str]]:
    for name in sorted(used):
        connection = project.connections[name]
        if isinstance(connection, SqlConnection):
            yield ("connections", name, "url"), connection.url
            continue
        yield ("connections", name, "base_url"), connection.base_url
        for header, text in connection.headers.items():
            yield ("connections", name, "headers", header), text


def _is_secret(path: Path, text: str) -> bool:
    return path[-1] == "url" or ("headers" in path and "${" in text)
