"""The exact requests of the changes there are now, one by one, for people and programs to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.connections.http import Ask
from engine.connections.sql import StatementCall, TableRows
from engine.inspect.dry_run import Made, Rehearsal, rehearsed
from engine.mapping import MappingSpec
from engine.run import App
from engine.state import changes
from engine.values import Change, Outgoing, Refusal, json_text


def preview(app: App, mapping: MappingSpec) -> Iterator[dict[str, Any]]:
    """Yield what a run would send now, in the order of delivery: requests, or for an inbound object its writes.

    Bodies are the very JSON that would leave (`jsontext.raw`). The connection's headers are left out: they are secret.
    Raises what would end a run; UnavailableError, BusyError and StateError among them.
    """
    with rehearsed(app, mapping) as rehearsal:
        for _ in rehearsal.reads():
            for made in rehearsal.made():
                yield from _documents(rehearsal, made)


def _documents(rehearsal: Rehearsal, made: Made) -> Iterator[dict[str, Any]]:
    if isinstance(made.request, list):
        yield from _writes(rehearsal, made, made.request)
        return
    operation = rehearsal.program.operations[made.operation]
    on = [str(change) for change in Change if change in operation.spec.on]
    facts: dict[str, Any] = {"operation": made.operation + 1, "on": on, "records": made.part.range.size}
    if made.part.attempt.ask is Ask.LOOK_UP:
        facts["look_up"] = True
    if not operation.spec.many:
        facts["key"] = list(changes.keys(rehearsal.staging, made.part.range)[0][0])
    if len(operation.requests) > 1:
        facts["steps"] = [request.method for request in operation.requests]
    yield {**facts, **request_document(made.request)}


def request_document(request: Outgoing | Refusal) -> dict[str, Any]:
    """Describe a request as it would leave, or why it cannot be made."""
    if isinstance(request, Refusal):
        return {"refused": request.reason, "field": request.field}
    place = {"path": request.path} if request.url is None else {"url": request.url}
    body = None if request.body is None else json_text.raw(request.body)
    file = {"file": {"sha256": request.file.sha256, "path": request.file.path}} if request.file else {}
    return {
        "method": request.method,
        **place,
        "query": _grouped(request.query),
        "headers": dict(request.headers),
        "body": body,
        **file,
    }


def _grouped(pairs: Sequence[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Give parameters by name; one that is repeated as a list."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _writes(rehearsal: Rehearsal, made: Made, request: Sequence[Any]) -> Iterator[dict[str, Any]]:
    records = changes.keys(rehearsal.staging, made.part.range)
    for (key, change, _), written in zip(records, request, strict=True):
        facts = {"key": list(key), "change": str(change)}
        if isinstance(written, Refusal):
            yield {**facts, "refused": written.reason, "field": written.field}
        else:
            yield {**facts, "writes": [_write(each) for each in written]}


def _write(each: TableRows | StatementCall) -> Mapping[str, Any]:
    if isinstance(each, StatementCall):
        return {"sql": each.sql, "params": dict(each.params)}
    rows = [{"key": dict(row.key), "fields": dict(row.fields)} for row in each.rows]
    orphans = {"delete_orphans_of": dict(each.scope)} if each.delete_orphans else {}
    return {"table": each.table, "rows": rows, **orphans}
