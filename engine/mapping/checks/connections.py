"""The ends of a mapping: connections of the right type, which fit together."""

from __future__ import annotations

from collections.abc import Iterator

from engine.connections import HttpConnection, SqlConnection
from engine.mapping.places import problem
from engine.mapping.project_spec import Project
from engine.mapping.spec import HttpSource, MappingSpec, SqlSource
from engine.values import Path, Problem, suggestion


def end_problems(mapping: MappingSpec, project: Project) -> Iterator[Problem]:
    """Find ends that do not fit together, and connections that are unknown, of the wrong type or not chosen."""
    source = mapping.source
    if mapping.direction == "outbound" and isinstance(source, HttpSource):
        key, reads = ("feed", "a `feed` reads") if source.feed else ("pages", "`pages` read")
        message = f"`send` needs a database as its source (`query`); what {reads} is for `write`"
        yield problem(mapping, "E_ENDS", message, "source", key)
        return
    if mapping.direction == "inbound" and isinstance(source, SqlSource):
        message = "`write` needs an HTTP API as its source (`feed` or `pages`); what a `query` reads is for `send`"
        yield problem(mapping, "E_ENDS", message, "source", "query")
        return
    wanted = SqlConnection if isinstance(source, SqlSource) else HttpConnection
    yield from _connection_problems(mapping, project, source.connection, wanted, ("source", "connection"))
    if mapping.write:
        path = ("write", "connection")
        yield from _connection_problems(mapping, project, mapping.write.connection, SqlConnection, path)
    elif mapping.target is not None:
        yield from _connection_problems(mapping, project, mapping.target, HttpConnection, ("target",))
    else:
        yield from _choice_problems(mapping, project)


def _choice_problems(mapping: MappingSpec, project: Project) -> Iterator[Problem]:
    targets = [name for name, connection in project.connections.items() if isinstance(connection, HttpConnection)]
    if not targets:
        message = "`send` needs an http connection to go to: add one to project.yaml"
        yield problem(mapping, "E_TARGET", message, "send")
    elif len(targets) > 1:
        message = f"project.yaml has several http connections ({', '.join(targets)}): choose one with `target`"
        yield problem(mapping, "E_TARGET", message, "send")


def _connection_problems(
    mapping: MappingSpec,
    project: Project,
    name: str,
    wanted: type[SqlConnection] | type[HttpConnection],
    path: Path,
) -> Iterator[Problem]:
    fitting = {key for key, connection in project.connections.items() if isinstance(connection, wanted)}
    kind = "sql" if wanted is SqlConnection else "http"
    if name not in project.connections:
        yield problem(mapping, "E_CONNECTION", f"unknown connection `{name}`{suggestion(name, fitting)}", *path)
    elif name not in fitting:
        other = "http" if kind == "sql" else "sql"
        message = f"connection `{name}` is of type {other}, but type {kind} is needed here{suggestion(name, fitting)}"
        yield problem(mapping, "E_CONNECTION", message, *path)
