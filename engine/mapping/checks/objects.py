"""Objects among each other: what they refer to, when they run, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush

from engine.mapping.fires import check_cron
from engine.mapping.places import problem
from engine.mapping.spec import Cron, MappingSpec, Once, Schedule, Tied
from engine.values import Path, Problem, quoted, suggestion

RESERVED = frozenset(
    {"body", "cursor", "item", "line", "lines", "loop", "parent", "removed", "row", "saved", "status", "vars"}
)


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


def ref_problems(
    mapping: MappingSpec, mappings: Mapping[str, MappingSpec], unread: Collection[str]
) -> Iterator[Problem]:
    """Find references with a bad name, to unknown objects, or by other columns than their key."""
    for name, ref in mapping.refs.items():
        path: Path = ("refs", name)
        if name in RESERVED:
            message = f"`{name}` has a meaning of its own in templates: choose another name"
            yield problem(mapping, "E_REF", message, *path)
        if ref.object in unread:
            continue
        if ref.object not in mappings:
            message = f"unknown object `{ref.object}`{suggestion(ref.object, [*mappings, *unread])}"
            yield problem(mapping, "E_UNKNOWN_OBJECT", message, *path, "object")
            continue
        key = mappings[ref.object].source.key
        for column in ref.on.keys() - set(key):
            message = f"`{column}` is no key column of {ref.object}{suggestion(column, key)}"
            yield problem(mapping, "E_REF", message, *path, "on", column)
        if lacking := [column for column in key if column not in ref.on]:
            message = f"`on` lacks {quoted(lacking)}: name every key column of {ref.object}"
            yield problem(mapping, "E_REF", message, *path, "on")


def schedule_problems(
    mapping: MappingSpec, mappings: Mapping[str, MappingSpec], unread: Collection[str]
) -> Iterator[Problem]:
    """Find times that cannot be read, and ties to what is not there."""
    for path, schedule in _schedules(mapping):
        if isinstance(schedule, Cron) and (fault := check_cron(schedule.text)):
            yield problem(mapping, "E_CRON", fault, *path)
        if not isinstance(schedule, Tied):
            continue
        if schedule.object == mapping.object:
            message = f"{mapping.object} cannot run {schedule.order} itself: name another object"
            yield problem(mapping, "E_SCHEDULE", message, *path, schedule.order)
        elif schedule.object not in mappings and schedule.object not in unread:
            message = f"unknown object `{schedule.object}`{suggestion(schedule.object, [*mappings, *unread])}"
            yield problem(mapping, "E_UNKNOWN_OBJECT", message, *path, schedule.order)


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


def circles(mappings: Mapping[str, MappingSpec]) -> Iterator[Problem]:
    """Find objects that wait for each other, one circle after the other."""
    before = _dependencies(mappings)
    while True:
        try:
            TopologicalSorter({name: sorted(others) for name, others in before.items()}).prepare()
        except CycleError as error:
            circle = error.args[1][:-1]
            start = circle.index(min(circle))
            turned = [*circle[start:], *circle[: start + 1]]
            message = f"{' -> '.join(turned)}: `refs`, `after` and `before` go in a circle; remove one of them"
            yield problem(mappings[turned[0]], "E_CIRCLE", message, "object")
            before[turned[1]].discard(turned[0])
        else:
            return
