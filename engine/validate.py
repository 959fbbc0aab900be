"""What a project and its mappings together may not say although each key is right; and the order of the objects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from engine.alone import check_alone, quoted
from engine.environment import reference_fault
from engine.errors import Place, Problem
from engine.fires import check_cron
from engine.mapping import (
    Cron,
    HttpConnection,
    HttpSource,
    MappingSpec,
    Once,
    Project,
    Schedule,
    SqlConnection,
    SqlSource,
    Tied,
)
from engine.names import check_names
from engine.schema import place_of, suggestion
from engine.yamltext import Path

RESERVED = frozenset({"body", "cursor", "item", "line", "lines", "parent", "removed", "row", "saved", "status", "vars"})


def validate(
    project: Project, mappings: Mapping[str, MappingSpec], *, unread: Collection[str] = frozenset()
) -> list[Problem]:
    """List what the project and its mappings may not say; needs no end and no variable.

    `unread` names objects whose files could not be built: they exist, but nothing else is known of them.
    """
    problems = list(_project_problems(project))
    for mapping in mappings.values():
        problems += _end_problems(mapping, project)
        problems += _ref_problems(mapping, mappings, unread)
        problems += _schedule_problems(mapping, mappings, unread)
        problems += check_alone(mapping)
        problems += check_names(mapping, project=project, mappings=mappings)
    return sorted([*problems, *_circles(mappings)], key=position)


def position(problem: Problem) -> tuple[str, int, int, str]:
    """Sort problems as a reader of the files meets them."""
    place = problem.place or Place(file="")
    return place.file, place.line, place.column, problem.message


def order(mappings: Mapping[str, MappingSpec]) -> tuple[str, ...]:
    """Put objects behind those that they refer to or come after; else `once` first, by stage (none is last), by name.

    Raises:
        CycleError: the dependencies form a circle; `validate` reports it.
    """

    def rank(name: str) -> tuple[bool, float, str]:
        mapping = mappings[name]
        stage = float("inf") if mapping.stage is None else mapping.stage
        return (not isinstance(mapping.schedule, Once), stage, name)

    sorter = TopologicalSorter({name: sorted(before) for name, before in _dependencies(mappings).items()})
    sorter.prepare()
    ready, ordered = [rank(name) for name in sorter.get_ready()], []
    heapify(ready)
    while ready:
        *_, name = heappop(ready)
        ordered.append(name)
        sorter.done(name)
        for following in sorter.get_ready():
            heappush(ready, rank(following))
    return tuple(ordered)


# --- the project -----------------------------------------------------------------------------------


def _project_problems(project: Project) -> Iterator[Problem]:
    if _zone(project.timezone) is None:
        near = suggestion(project.timezone, available_timezones()) or ": write one such as Europe/Warsaw"
        message = f"`timezone` is `{project.timezone}`, which is no IANA time zone{near}"
        yield _problem(project, "E_TIMEZONE", message, "timezone")
    texts: dict[Path, str] = {("state",): project.state}
    for name, connection in project.connections.items():
        if isinstance(connection, SqlConnection):
            texts["connections", name, "url"] = connection.url
            continue
        texts["connections", name, "base_url"] = connection.base_url
        texts |= {("connections", name, "headers", key): text for key, text in connection.headers.items()}
        retry = connection.retry
        if retry.first_delay_seconds > retry.max_delay_seconds:
            message = "`first_delay_seconds` is longer than `max_delay_seconds`: swap them"
            yield _problem(project, "E_VALUE", message, "connections", name, "retry")
    for path, text in texts.items():
        if fault := reference_fault(text):
            yield _problem(project, "E_REFERENCE", fault, *path)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


# --- connections ------------------------------------------------------------------------------------


def _end_problems(mapping: MappingSpec, project: Project) -> Iterator[Problem]:
    source = mapping.source
    if mapping.direction == "outbound" and isinstance(source, HttpSource):
        message = "`send` needs a database as its source (`query`); what a `feed` reads is for `write`"
        yield _problem(mapping, "E_ENDS", message, "source", "feed")
        return
    if mapping.direction == "inbound" and isinstance(source, SqlSource):
        message = "`write` needs an HTTP API as its source (`feed`); what a `query` reads is for `send`"
        yield _problem(mapping, "E_ENDS", message, "source", "query")
        return
    wanted = SqlConnection if isinstance(source, SqlSource) else HttpConnection
    yield from _connection_problems(mapping, project, source.connection, wanted, ("source", "connection"))
    if mapping.write:
        yield from _connection_problems(
            mapping, project, mapping.write.connection, SqlConnection, ("write", "connection")
        )
        return
    targets = [name for name, connection in project.connections.items() if isinstance(connection, HttpConnection)]
    if len(targets) != 1:
        found = f"has several ({', '.join(targets)})" if targets else "has none"
        message = f"`send` goes to the project's only http connection, but project.yaml {found}"
        yield _problem(mapping, "E_TARGET", message, "send")


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
        yield _problem(mapping, "E_CONNECTION", f"unknown connection `{name}`{suggestion(name, fitting)}", *path)
    elif name not in fitting:
        other = "http" if kind == "sql" else "sql"
        message = f"connection `{name}` is of type {other}, but type {kind} is needed here{suggestion(name, fitting)}"
        yield _problem(mapping, "E_CONNECTION", message, *path)


# --- other objects ------------------------------------------------------------------------------------


def _ref_problems(
    mapping: MappingSpec, mappings: Mapping[str, MappingSpec], unread: Collection[str]
) -> Iterator[Problem]:
    for name, ref in mapping.refs.items():
        path: Path = ("refs", name)
        if name in RESERVED:
            yield _problem(
                mapping, "E_REF", f"`{name}` has a meaning of its own in templates: choose another name", *path
            )
        if ref.object in unread:
            continue
        if ref.object not in mappings:
            message = f"unknown object `{ref.object}`{suggestion(ref.object, [*mappings, *unread])}"
            yield _problem(mapping, "E_UNKNOWN_OBJECT", message, *path, "object")
            continue
        key = mappings[ref.object].source.key
        for column in ref.on.keys() - set(key):
            message = f"`{column}` is no key column of {ref.object}{suggestion(column, key)}"
            yield _problem(mapping, "E_REF", message, *path, "on", column)
        if lacking := [column for column in key if column not in ref.on]:
            message = f"`on` lacks {quoted(lacking)}: name every key column of {ref.object}"
            yield _problem(mapping, "E_REF", message, *path, "on")


def _schedule_problems(
    mapping: MappingSpec, mappings: Mapping[str, MappingSpec], unread: Collection[str]
) -> Iterator[Problem]:
    for path, schedule in _schedules(mapping):
        if isinstance(schedule, Cron) and (fault := check_cron(schedule.text)):
            yield _problem(mapping, "E_CRON", fault, *path)
        if not isinstance(schedule, Tied):
            continue
        if schedule.object == mapping.object:
            message = f"{mapping.object} cannot run {schedule.order} itself: name another object"
            yield _problem(mapping, "E_SCHEDULE", message, *path, schedule.order)
        elif schedule.object not in mappings and schedule.object not in unread:
            message = f"unknown object `{schedule.object}`{suggestion(schedule.object, [*mappings, *unread])}"
            yield _problem(mapping, "E_UNKNOWN_OBJECT", message, *path, schedule.order)


def _schedules(mapping: MappingSpec) -> Iterator[tuple[Path, Schedule]]:
    yield ("schedule",), mapping.schedule
    for index, operation in enumerate(mapping.send):
        if operation.schedule:
            yield ("send", index, "schedule"), operation.schedule


def _dependencies(mappings: Mapping[str, MappingSpec]) -> dict[str, set[str]]:
    """Give for each object those that go before it; a reference to itself (a parent) is none."""
    before: dict[str, set[str]] = {name: set() for name in sorted(mappings)}
    for name, mapping in mappings.items():
        before[name] |= {ref.object for ref in mapping.refs.values()}
        for _, schedule in _schedules(mapping):
            if isinstance(schedule, Tied) and schedule.object in before:
                first, then = (schedule.object, name) if schedule.order == "after" else (name, schedule.object)
                before[then].add(first)
    return {name: (others & before.keys()) - {name} for name, others in before.items()}


def _circles(mappings: Mapping[str, MappingSpec]) -> Iterator[Problem]:
    before = _dependencies(mappings)
    while True:
        try:
            TopologicalSorter({name: sorted(others) for name, others in before.items()}).prepare()
        except CycleError as error:
            circle = error.args[1][:-1]
            start = circle.index(min(circle))
            turned = [*circle[start:], *circle[: start + 1]]
            message = f"{' -> '.join(turned)}: `refs`, `after` and `before` go in a circle; remove one of them"
            yield _problem(mappings[turned[0]], "E_CIRCLE", message, "object")
            before[turned[1]].discard(turned[0])
        else:
            return


def _problem(where: Project | MappingSpec, code: str, message: str, *path: str | int) -> Problem:
    return Problem(code=code, message=message, place=place_of(where.places, path))
