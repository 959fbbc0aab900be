"""What project.yaml says, as values: connections, defaults, variables, dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.connections import Connection, HttpConnection, SqlConnection
from engine.mapping.spec import MappingSpec
from engine.templates import OnNull
from engine.values import Path, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    chunk_size: int = 10_000
    on_null: OnNull = "send"
    retry_rejected_after_hours: float = 24.0  # 0: never by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    file: str  # path of project.yaml
    timezone: str = "Europe/Warsaw"  # IANA name
    state: str = ".one-sync"  # folder relative to project.yaml; may hold ${...}
    history_days: int = 30  # that runs and requests are kept
    defaults: Defaults = Defaults()
    connections: Mapping[str, Connection] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    maps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # dictionaries for the filter `mapped`
    files_root: str | None = None  # relative paths of files start here; may hold ${...}
    places: Mapping[tuple[str | int, ...], Place] = field(default_factory=dict)  # of every key, by its path


def connections_of(project: Project, mapping: MappingSpec) -> tuple[str, ...]:
    """Name the connections of an object: its source's, then its target's."""
    return tuple(dict.fromkeys((mapping.source.connection, *targets_of(project, mapping))))


def targets_of(project: Project, mapping: MappingSpec) -> tuple[str, ...]:
    """Name the connection that an object goes to; all that it may be, where neither it nor the project decides."""
    if mapping.write is not None:
        return (mapping.write.connection,)
    if mapping.target is not None:
        return (mapping.target,)
    return tuple(name for name, each in project.connections.items() if isinstance(each, HttpConnection))


def texts_of(project: Project) -> dict[Path, str]:
    """Gather the texts that may hold `${...}`."""
    texts: dict[Path, str] = {("state",): project.state}
    if project.files_root is not None:
        texts["files_root",] = project.files_root
    for name, connection in project.connections.items():
        if isinstance(connection, SqlConnection):
            texts["connections", name, "url"] = connection.url
            continue
        texts["connections", name, "base_url"] = connection.base_url
        texts |= {("connections", name, "headers", key): text for key, text in connection.headers.items()}
    return texts
