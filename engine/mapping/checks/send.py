"""Entries of `send`: each change by one of them, and nothing that would never be sent."""

from __future__ import annotations

from collections.abc import Iterator

from engine.mapping.checks.names.request_names import names_of
from engine.mapping.checks.names.scopes import request_path
from engine.mapping.places import problem
from engine.mapping.spec import MappingSpec, Operation
from engine.values import Change, Problem, quoted


def entry_problems(mapping: MappingSpec) -> Iterator[Problem]:
    """Find what is wrong with each entry, and with all of them together."""
    taken: dict[Change, int] = {}
    for index, operation in enumerate(mapping.send):
        for change in sorted(operation.on & taken.keys()):
            entry = taken[change] + 1
            message = f"`{change}` is already taken by entry {entry} of `send`: each change goes by one entry"
            yield problem(mapping, "E_ON", message, "send", index, "on")
        taken |= dict.fromkeys(operation.on - taken.keys(), index)
        if fault := _lookup_fault(operation):
            yield problem(mapping, "E_LOOKUP", fault, "send", index, "lookup")
        yield from _unread_problems(mapping, index, operation)
        yield from _items_problems(mapping, index, operation)
        yield from (_many_problems if operation.many else _single_problems)(mapping, index, operation)


def _lookup_fault(operation: Operation) -> str | None:
    if operation.lookup is None:
        return None
    if not operation.creates:
        return "`lookup` is for creates, but sending these requests twice does no harm (`idempotent`): remove it"
    if operation.many:
        return "`lookup` needs one record a request, but the request names `lines` or `removed`"
    if operation.requests[0].idempotent:
        return "`lookup` is for a first step that creates, but the first step may be sent twice: put the create first"
    return None


def _unread_problems(mapping: MappingSpec, index: int, operation: Operation) -> Iterator[Problem]:
    """Refuse to confirm by an answer that is not read what only that answer, or a look-up, tells the id of."""
    blind = [step for step in operation.saving_steps if operation.lookup is None or operation.requests[step].idempotent]
    for status in (status for status, word in operation.on_status.items() if word == "confirm" and blind):
        lost = quoted(sorted({**operation.save, **operation.requests[blind[0]].save}))
        remedy = (
            "use another word" if operation.lookup or not operation.creates else "give `lookup`, or use another word"
        )
        message = f"`confirm` does not read the answer, so that {lost} of `save` would have no value: {remedy}"
        yield problem(mapping, "E_ON_STATUS", message, "send", index, "on_status", str(status))


def _items_problems(mapping: MappingSpec, index: int, operation: Operation) -> Iterator[Problem]:
    """Refuse results that would be compared with a part of the key that several lines of a request may share."""
    own = operation.own_key(mapping.source.key)
    if operation.items is None or len(own) == 1 or (operation.items.line_key and Change.REMOVED not in operation.on):
        return
    remedy = "take removed records by an entry of their own" if operation.items.line_key else "give `items.line_key`"
    message = f"`items` compares with one column of the key, but in a request {quoted(own)} differ: {remedy}"
    yield problem(mapping, "E_ITEMS", message, "send", index, "items")


def _many_problems(mapping: MappingSpec, index: int, operation: Operation) -> Iterator[Problem]:
    key = mapping.source.key
    if Change.REMOVED in operation.on and (outside := [name for name in operation.group_by if name not in key]):
        message = f"`group_by` names {quoted(outside)}, which with `removed` has to be part of `source.key`"
        yield problem(mapping, "E_GROUP_BY", message, "send", index, "group_by")
    names = frozenset().union(*map(names_of, operation.requests))
    path = request_path(mapping, index, 0)[:3]
    if len(operation.requests) > 1:
        message = "`requests` are the steps of one record, but one of them names `lines` or `removed`: use `request`"
        yield problem(mapping, "E_STEPS", message, *path)
    if operation.on - {Change.REMOVED} and "lines" not in names:
        message = "`on` takes added or changed records, but the request does not name `lines`: they would never be sent"
        yield problem(mapping, "E_NOT_SENT", message, *path)
    if Change.REMOVED in operation.on and "removed" not in names:
        message = "`on` takes removed records, but the request does not name `removed`: they would never be sent"
        yield problem(mapping, "E_NOT_SENT", message, *path)
    if "lines" in names and not mapping.fields:
        yield problem(mapping, "E_NO_FIELDS", "`lines` has nothing to hold: add `fields`", *path)


def _single_problems(mapping: MappingSpec, index: int, operation: Operation) -> Iterator[Problem]:
    names = frozenset().union(*map(names_of, operation.requests))
    path = request_path(mapping, index, 0)[:3]
    if "line" in names and not mapping.fields:
        yield problem(mapping, "E_NO_FIELDS", "`line` has nothing to hold: add `fields`", *path)
    if "line" in names and operation.on == {Change.REMOVED}:
        yield problem(mapping, "E_NO_LINE", "a removed record has no `line`: use its columns", *path)
