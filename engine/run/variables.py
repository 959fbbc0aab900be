"""The `${...}` that the ends of objects need: which are missing, which are secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from engine.connections import SqlConnection
from engine.mapping import MappingSpec, Project, connections_of, place_of
from engine.run.app import App
from engine.values import ConfigError, Path, Problem


def missing_variables(app: App, mappings: Iterable[MappingSpec]) -> list[Problem]:
    """List every `${...}` that these objects' ends need and that cannot be resolved, each at its place."""
    project = app.loaded.project
    used = {name for mapping in mappings for name in connections_of(project, mapping)}
    problems: dict[str, Problem] = {}
    for text in _texts(project, used):
        try:
            _resolve(app, text)
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
    for text in _texts(project, set(project.connections)):
        with suppress(ConfigError):
            _resolve(app, text)
    return app.environment.secrets


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that may hold `${...}`, and whether its value is a secret."""

    path: Path
    text: str
    hides: Callable[[str], bool]


def _resolve(app: App, text: _Text) -> None:
    place = place_of(app.loaded.project.places, text.path)
    if text.hides(app.environment.resolve(text.text, place)):
        app.environment.resolve(text.text, place, secret=True)


def _texts(project: Project, used: set[str]) -> Iterator[_Text]:
    for name in sorted(used):
        connection = project.connections[name]
        if isinstance(connection, SqlConnection):
            yield _Text(("connections", name, "url"), connection.url, lambda _: True)
            continue
        yield _Text(("connections", name, "base_url"), connection.base_url, lambda _: False)
        for header, text in connection.headers.items():
            yield _Text(("connections", name, "headers", header), text, partial(connection.hides, header, text))
