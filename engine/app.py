"""Wires a project folder, its state and its ends together; what the commands and the scheduler call."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from engine import pipeline
from engine.environment import Environment
from engine.errors import ConfigError, Place
from engine.feed import FeedEnd
from engine.journal import Journal
from engine.load import Loaded, load
from engine.mapping import HttpConnection, MappingSpec, SqlConnection, SqlSource
from engine.prepare import Order, Setting
from engine.program import Program, compile_mapping
from engine.reading import Read, read_feed, read_sql
from engine.records import ObjectResult
from engine.redact import redact
from engine.sql import SqlEnd
from engine.targets import HttpTarget, SqlTarget, Target
from engine.transport import HttpEnd

T = TypeVar("T")


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


class App:
    """A project folder, ready for commands; ends are opened when they are first needed."""

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        """Load the project. Raises ConfigError with all problems of all files."""
        self.folder = folder
        self.loaded: Loaded = load(folder)
        self.environment = Environment(folder, os.environ if variables is None else variables)
        self.stop = threading.Event()
        self._http: dict[str, HttpEnd] = {}
        self._programs: dict[str, Program] = {}
        self._lock = threading.Lock()

    @property
    def timezone(self) -> ZoneInfo:
        """The project's time zone."""
        return ZoneInfo(self.loaded.project.timezone)

    @cached_property
    def state(self) -> Path:
        """The state folder; not created here. Raises ConfigError when its variable is missing."""
        project = self.loaded.project
        return self.folder / self.environment.resolve(project.state, self._place("state"))

    @cached_property
    def _files_root(self) -> Path | None:
        root = self.loaded.project.files_root
        return None if root is None else self.folder / self.environment.resolve(root, self._place("files_root"))

    def setting(self) -> Setting:
        """Give what surrounds a run."""
        return Setting(state=self.state, clock=utc_now, stop=self.stop, hide=self._hide)

    def _hide(self, text: str) -> str:
        return redact(text, self.environment.secrets)

    def journal(self) -> Journal:
        """Open the journal to read; close it after use."""
        return Journal.open_to_read(self.state, utc_now)

    def journal_to_write(self) -> Journal:
        """Open the journal for an operator's change; close it after use."""
        return Journal.open(self.state, utc_now)

    def program(self, mapping: MappingSpec) -> Program:
        """Compile a mapping, once."""
        with self._lock:
            if mapping.object not in self._programs:
                self._programs[mapping.object] = compile_mapping(
                    mapping, self.loaded.project, self.loaded.mappings, files_root=self._files_root
                )
            return self._programs[mapping.object]

    # --- ends ------------------------------------------------------------------------------------

    def sql(self, name: str) -> SqlEnd:
        """Open a SQL connection: a new one each time, for one thread; close it after use."""
        connection = self._connection(name, SqlConnection)
        url = self.environment.resolve(connection.url, self._place("connections", name, "url"), secret=True)
        return SqlEnd(_beside(self.folder, url), name=name)

    def http(self, name: str) -> HttpEnd:
        """Give an HTTP connection, shared by all objects and threads, so that its limits hold for all of them."""
        connection = self._connection(name, HttpConnection)
        with self._lock:
            if name not in self._http:
                base = self._place("connections", name, "base_url")
                headers = {
                    key: self.environment.resolve(
                        value, self._place("connections", name, "headers", key), secret="${" in value
                    )
                    for key, value in connection.headers.items()
                }
                base_url = self.environment.resolve(connection.base_url, base)
                self._http[name] = HttpEnd(connection, base_url=base_url, headers=headers)
            return self._http[name]

    def _connection(self, name: str, kind: type[T]) -> T:
        connection = self.loaded.project.connections[name]
        if not isinstance(connection, kind):
            raise ConfigError(f"connection {name} is of another type", code="E_CONNECTION_TYPE")
        return connection

    def _place(self, *path: str | int) -> Place:
        places = self.loaded.project.places
        for length in range(len(path), 0, -1):
            if place := places.get(path[:length]):
                return place
        return Place(file=self.loaded.project.file)

    def close(self) -> None:
        """Close the shared connections."""
        for end in self._http.values():
            end.close()

    # --- runs --------------------------------------------------------------------------------------

    def run_object(self, mapping: MappingSpec, order: Order) -> ObjectResult:
        """Run one object once. Raises BusyError, or ConfigError where a variable is missing; nothing was done then."""
        program = self.program(mapping)
        opened: list[SqlEnd] = []
        try:
            reads = self.reads(mapping, program, opened)
            return pipeline.run(program, reads, self.target(mapping, program, opened), self.setting(), order)
        finally:
            for end in opened:
                end.close()

    def target(self, mapping: MappingSpec, program: Program, opened: list[SqlEnd]) -> Target:
        """Open the target of an object; SQL ends are added to `opened` and belong to the caller."""
        if mapping.write is not None:
            opened.append(self.sql(mapping.write.connection))
            return SqlTarget(program, opened[-1])
        connection = self.target_connection(mapping)
        return HttpTarget(program, self.http(connection.name), connection)

    def target_connection(self, mapping: MappingSpec) -> HttpConnection:
        """Find the HTTP connection of an outbound object: the one that the mapping names, or the project's only one."""
        if mapping.target is not None:
            return self._connection(mapping.target, HttpConnection)
        found = [each for each in self.loaded.project.connections.values() if isinstance(each, HttpConnection)]
        if len(found) != 1:
            raise ConfigError(
                f"{mapping.object}: the project has {len(found)} http connections: choose one with `target`",
                code="E_CONNECTION_TYPE",
            )
        return found[0]

    def reads(self, mapping: MappingSpec, program: Program, opened: list[SqlEnd]) -> pipeline.Reads:
        """Say how the source of an object is read; SQL ends are added to `opened` and belong to the caller."""
        source = mapping.source
        if isinstance(source, SqlSource):
            opened.append(self.sql(source.connection))
            end = opened[-1]

            def read_once(journal: Journal, whole: bool) -> Iterator[Read]:
                return read_sql(source, end, journal.standing(mapping.object), utc_now(), whole=whole)

            return read_once
        http = self.http(source.connection)
        connection = self._connection(source.connection, HttpConnection)
        feed_end = FeedEnd(
            exchange=lambda request: http.exchange(request, stop=self.stop, counts=False),  # 500: of one document
            retry=connection.retry,
            workers=connection.concurrency,
            stop=self.stop,
        )
        feed = program.feed
        assert feed is not None  # noqa: S101  an HTTP source has a feed

        def read_pages(journal: Journal, whole: bool) -> Iterator[Read]:
            hours = mapping.retry_rejected_after_hours
            tried = [
                each
                for each in journal.rejections(mapping.object)
                if each.document and (each.retry or journal.is_older(each.last_at, hours))
            ]
            return read_feed(feed, feed_end, journal.standing(mapping.object).cursor, tried)

        return read_pages


def _beside(folder: Path, url: str) -> str:
    """Let a relative SQLite path begin at the project folder, wherever the program was started."""
    for prefix in ("sqlite:///", "sqlite+pysqlite:///"):
        path = url.removeprefix(prefix)
        if path != url and path and not path.startswith(("/", ":", "file:")):
            return f"{prefix}{(folder / path).absolute()}"
    return url
