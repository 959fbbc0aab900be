"""Builds the values of `mapping.py` from documents that passed their schemas: types are right, required keys there."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.connections import Connection, HttpConnection, SqlConnection
from engine.mapping.checks.names.request_names import names_of
from engine.mapping.load.yaml_text import Document
from engine.mapping.project_spec import Defaults, Project
from engine.mapping.spec import (
    Ceiling,
    Cron,
    FileSpec,
    Guards,
    HttpSource,
    Items,
    Limit,
    Lookup,
    Manual,
    MappingSpec,
    Once,
    Operation,
    Ref,
    Request,
    Sample,
    Schedule,
    Source,
    SqlSource,
    Statement,
    TableWrite,
    Tied,
    Write,
)
from engine.values import Change

IDEMPOTENT = frozenset({"GET", "PUT", "DELETE"})
AS_WRITTEN = ("object", "lane", "fields", "target", "payload_schema", "stage", "title", "description")


def build_project(document: Document) -> Project:
    """Build the project from project.yaml."""
    value = document.value
    connections = {name: _connection(name, given) for name, given in value["connections"].items()}
    defaults = msgspec.convert(value.get("defaults", {}), Defaults)
    given = {
        key: value[key] for key in ("timezone", "state", "history_days", "vars", "maps", "files_root") if key in value
    }
    return Project(
        file=document.places[()].file, places=document.places, connections=connections, defaults=defaults, **given
    )


def _connection(name: str, value: dict[str, Any]) -> Connection:
    kind: type[Connection] = SqlConnection if value["type"] == "sql" else HttpConnection
    return msgspec.convert({"name": name, **value}, kind)


def build_mapping(document: Document, defaults: Defaults) -> MappingSpec:
    """Build the mapping of one file; `defaults` fill what it does not say."""
    value = document.value
    given = {key: value[key] for key in AS_WRITTEN if key in value}
    hours = value.get("retry_rejected_after_hours", defaults.retry_rejected_after_hours)
    return MappingSpec(
        file=document.places[()].file,
        places=document.places,
        folded=document.folded,
        source=_source(value["source"]),
        schedule=_schedule(value.get("schedule", "manual")),
        refs={name: msgspec.convert(ref, Ref) for name, ref in value.get("refs", {}).items()},
        files={name: _file(file) for name, file in value.get("files", {}).items()},
        send=tuple(_operation(entry, defaults) for entry in value.get("send", ())),
        write=_write(value["write"], value["write"]["connection"]) if "write" in value else None,
        limits=msgspec.convert(value.get("limits", ()), tuple[Limit, ...]),
        guards=_guards(value.get("guards", {})),
        on_null=value.get("on_null", defaults.on_null),
        retry_rejected_after_hours=float(hours),
        tags=tuple(value.get("tags", ())),
        draft=value.get("status") == "draft",
        samples=msgspec.convert(value.get("samples", ()), tuple[Sample, ...]),
        **given,
    )


def _schedule(value: Any) -> Schedule:
    if isinstance(value, dict):
        [(order, name)] = value.items()
        return Tied(order=order, object=name)
    if value == "once":
        return Once()
    return Manual() if value == "manual" else Cron(text=value)


def _source(value: dict[str, Any]) -> Source:
    if "query" in value:
        return msgspec.convert(value, SqlSource)
    reading: dict[str, Any] = {key: _reading(value[key]) for key in ("feed", "pages", "fetch") if key in value}
    return msgspec.convert({**value, **reading}, HttpSource)


def _reading(value: dict[str, Any]) -> dict[str, Any]:
    """Fill in the request of a feed, of pages, a fetch or a look-up: it reads, so it may be repeated."""
    read = {**value, "request": {"method": "GET", "idempotent": True, **value["request"]}}
    return read | ({"on_status": _on_status(value)} if "on_status" in value else {})


def _on_status(value: dict[str, Any]) -> dict[int, Any]:
    return {int(status): decision for status, decision in value.get("on_status", {}).items()}


def _file(value: str | dict[str, str]) -> FileSpec:
    return FileSpec(path=value) if isinstance(value, str) else FileSpec(bytes=value["$bytes"])


def _request(value: dict[str, Any]) -> Request:
    return msgspec.convert({"idempotent": value["method"] in IDEMPOTENT, **value}, Request)


def _operation(value: dict[str, Any], defaults: Defaults) -> Operation:
    requests = tuple(map(_request, value.get("requests") or [value["request"]]))
    lookup = value.get("lookup")
    return Operation(
        on=frozenset(map(Change, value["on"])),
        requests=requests,
        schedule=_schedule(value["schedule"]) if "schedule" in value else None,
        group_by=tuple(value.get("group_by", ())),
        chunk_size=value.get("chunk_size", defaults.chunk_size),
        many=any(names_of(request) & {"lines", "removed"} for request in requests),
        save=value.get("save", {}),
        lookup=msgspec.convert(_reading(lookup), Lookup) if lookup else None,
        ok=value.get("ok"),
        items=msgspec.convert(value["items"], Items) if "items" in value else None,
        on_status=_on_status(value),
    )


def _write(value: dict[str, Any], connection: str) -> Write:
    return Write(
        connection=connection,
        tables=tuple(TableWrite(**_renamed(table)) for table in value.get("tables", ())),
        statements=tuple(Statement(**_renamed(statement)) for statement in value.get("statements", ())),
        removed=_write(value["removed"], connection) if "removed" in value else None,
    )


def _renamed(value: dict[str, Any]) -> dict[str, Any]:
    return {key.removeprefix("$"): given for key, given in value.items()}


def _guards(value: dict[str, Any]) -> Guards:
    given: dict[str, Any] = {key: each if key == "min_rows" else _ceiling(each) for key, each in value.items()}
    return Guards(**given)


def _ceiling(value: str | int) -> Ceiling:
    return Ceiling(rows=value) if isinstance(value, int) else Ceiling(percent=float(value.rstrip("%")))
