"""Wires a project folder, its state and its ends together; what the commands and the scheduler call."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from engine.connections import Connection, HttpConnection, Identity, SqlConnection, http_identity
from engine.connections.http import Decision, HttpEnd
from engine.connections.sql import Entrance, SqlEnd, sql_identity
from engine.delivery import HttpTarget, SqlTarget, Target, described, judged
from engine.mapping import Environment, MappingSpec, SqlSource, connections_of, targets_of, texts_of
from engine.mapping.load import Loaded, load, load_sound
from engine.mapping.program import Feed, PrivateFiles, Program, Sends, Writes, compile_mapping
from engine.run.one_run import run_object
from engine.run.surroundings import Surroundings
from engine.source import Attempts, DocumentSource, QuerySource, Source
from engine.state.journal import Exchange, Journal
from engine.values import Answer, Clock, ConfigError, NotSent, ObjectResult, Order, Outgoing, Place, redact, shipped

T = TypeVar("T")

BUSY_WAIT_SECONDS = 2.0  # for an object that another process holds: a dry command copies its file


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


class App:
    """A project folder, ready for commands; ends are opened when they are first needed."""

    def __init__(
        self, folder: Path, variables: Mapping[str, str] | None = None, *, clock: Clock = utc_now, faulty: bool = False
    ) -> None:
        """Load the project; `faulty`: without the objects that faults of their files block.

        Raises ConfigError with all problems of all files.
        """
        self.folder = folder
        self.clock = clock
        self.loaded: Loaded = load_sound(folder) if faulty else load(folder)
        self.environment = Environment(folder, os.environ if variables is None else variables)
        self.stop = threading.Event()
        self.busy_wait_seconds = BUSY_WAIT_SECONDS
        self._http: dict[str, HttpEnd] = {}
        self._entrances = {name: Entrance() for name in self.loaded.project.connections}  # of databases
        self._programs: dict[str, Program] = {}
        self._lock = threading.Lock()

    @property
    def timezone(self) -> ZoneInfo:
        """The project's time zone."""
        return ZoneInfo(self.loaded.project.timezone)

    @cached_property
    def state(self) -> Path:
        """The state folder; not created here. Raises ConfigError when its variable is missing, or it is no place."""
        project = self.loaded.project
        folder = self.folder / self.environment.resolve(project.state, self._place("state"))
        shipped.refuse_to_write(folder, "the state")
        return folder

    @cached_property
    def _files_root(self) -> Path | None:
        root = self.loaded.project.files_root
        return None if root is None else self.folder / self.environment.resolve(root, self._place("files_root"))

    @cached_property
    def _private_files(self) -> PrivateFiles:
        project = self.loaded.project
        named = list(self.environment.files(texts_of(project).values()))
        state = None
        with suppress(ConfigError):  # what is missing is told where it is needed
            state = self.state
        for name, each in project.connections.items():
            with suppress(ConfigError):
                if isinstance(each, SqlConnection) and (url := self._sql_url(name)).startswith("sqlite"):
                    named.append(self.folder / url.partition(":///")[2].partition("?")[0])
        return PrivateFiles(folder=self.folder, state=state, named=tuple(named))

    def surroundings(self, mapping: MappingSpec | None = None) -> Surroundings:
        """Give what surrounds a run; of an object with the ends that it and those it refers to have."""
        ends = {}
        if mapping is not None:
            others = [self.loaded.mappings[each.object] for each in mapping.refs.values()]
            ends = {each.object: self.ends_of(each) for each in (mapping, *others)}
        return Surroundings(
            state=self.state,
            clock=self.clock,
            stop=self.stop,
            hide=self._hide,
            busy_wait_seconds=self.busy_wait_seconds,
            ends=ends,
        )

    def ends_of(self, mapping: MappingSpec) -> dict[str, Identity]:
        """Identify the ends that an object's notes speak of, by their role.

        Raises ConfigError where a variable is missing.
        """
        names = {"target": self.target_connection(mapping).name}
        if mapping.source.is_spoken_of:
            names["source"] = mapping.source.connection
        return {role: self._identity(name) for role, name in names.items()}

    def _identity(self, name: str) -> Identity:
        connection = self.loaded.project.connections[name]
        if isinstance(connection, SqlConnection):
            return sql_identity(self._sql_url(name), name=name)
        return http_identity(*self._http_address(name, connection))

    def _hide(self, text: str) -> str:
        return redact(text, self.environment.secrets)

    def journal(self) -> Journal:
        """Open the journal to read; close it after use."""
        return Journal.open_to_read(self.state, self.clock)

    def journal_to_write(self) -> Journal:
        """Open the journal for an operator's change; close it after use."""
        return Journal.open(self.state, self.clock)

    def program(self, mapping: MappingSpec) -> Program:
        """Compile a mapping, once."""
        with self._lock:
            if mapping.object not in self._programs:
                self._programs[mapping.object] = compile_mapping(
                    mapping,
                    self.loaded.project,
                    self.loaded.mappings,
                    files_root=self._files_root,
                    private=self._private_files,
                    referenced=self.loaded.referenced,
                    blocked=self.loaded.blocked,
                )
            return self._programs[mapping.object]

    # --- ends ------------------------------------------------------------------------------------

    def sql(self, name: str) -> SqlEnd:
        """Open a SQL connection: a new one each time, for one thread; close it after use."""
        limits = self.connection(name, SqlConnection).time_outs
        url = _beside(self.folder, self._sql_url(name))
        return SqlEnd(url, name=name, limits=limits, stop=self.stop, entrance=self._entrances[name], zone=self.timezone)

    def _sql_url(self, name: str) -> str:
        connection = self.connection(name, SqlConnection)
        return self.environment.resolve(connection.url, self._place("connections", name, "url"), secret=True)

    def http(self, name: str) -> HttpEnd:
        """Give an HTTP connection, shared by all objects and threads, so that its limits hold for all of them."""
        connection = self.connection(name, HttpConnection)
        with self._lock:
            if name not in self._http:
                base_url, headers = self._http_address(name, connection)
                self._http[name] = HttpEnd(connection, base_url=base_url, headers=headers, clock=self.clock)
            return self._http[name]

    def _http_address(self, name: str, connection: HttpConnection) -> tuple[str, dict[str, str]]:
        headers = {}
        for key, text in connection.headers.items():
            place = self._place("connections", name, "headers", key)
            value = self.environment.resolve(text, place)
            if connection.hides(key, text, value):
                self.environment.resolve(text, place, secret=True)
            headers[key] = value
        return self.environment.resolve(connection.base_url, self._place("connections", name, "base_url")), headers

    def renew(self, name: str) -> None:
        """Read anew what a connection's credentials are made of, `.env` and files: a key may have been exchanged.

        Raises ConfigError where something cannot be read or used; the old ones stay.
        """
        self.environment.reread()
        connection = self.loaded.project.connections[name]
        if isinstance(connection, HttpConnection):
            _, headers = self._http_address(name, connection)
            self.http(name).renew(headers)

    def shut(self, name: str) -> NotSent | None:
        """Tell what those are told who want to use a connection since it was shut; None: it can be used."""
        if name in self._http:
            return self._http[name].shut
        shut = self._entrances[name].shut
        return NotSent(reason=shut.message, shut=shut.code) if shut else None

    def connection(self, name: str, kind: type[T]) -> T:
        """Give the settings of a connection. Raises ConfigError where it is of another kind."""
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
        for name in connections_of(self.loaded.project, mapping):
            self._entrances[name].half_open()  # whoever starts a run in spite of a pause has a database asked anew
        with self.source(program, run_id=order.run_id) as source, self.target(program) as target:
            return run_object(program, source, target, self.surroundings(mapping), order)

    @contextmanager
    def source(self, program: Program, *, run_id: str | None = None) -> Iterator[Source]:
        """Open the source of an object, for one thread; with a `run_id` what is asked of it is kept in the history."""
        name = program.mapping.source.connection
        match program.source:
            case SqlSource() as query:
                with closing(self.sql(name)) as end:
                    yield QuerySource(program, query, end, self.clock, self.timezone)
            case Feed() as feed:
                http, settings = self.http(name), self.connection(name, HttpConnection)
                attempts = Attempts(_described, run_id)
                yield DocumentSource(program, feed, http, settings, stop=self.stop, attempts=attempts)

    @contextmanager
    def target(self, program: Program) -> Iterator[Target]:
        """Open the target of an object, for one thread."""
        name = self.target_connection(program.mapping).name
        match program.target:
            case Sends() as sends:
                yield HttpTarget(sends, self.http(name), self.connection(name, HttpConnection))
            case Writes() as writes:
                with closing(self.sql(name)) as end:
                    yield SqlTarget(writes, end)

    def target_connection(self, mapping: MappingSpec) -> Connection:
        """Find the connection that an object goes to. Raises ConfigError where nothing says which."""
        found = targets_of(self.loaded.project, mapping)
        if len(found) != 1:
            raise ConfigError(
                f"{mapping.object}: the project has {len(found)} http connections: choose one with `target`",
                code="E_CONNECTION_TYPE",
            )
        return self.loaded.project.connections[found[0]]


def _described(request: Outgoing, answer: Answer, decision: Decision) -> Exchange:
    return judged(described(request, answer), decision)


def _beside(folder: Path, url: str) -> str:
    """Let a relative SQLite path begin at the project folder, wherever the program was started."""
    for prefix in ("sqlite:///", "sqlite+pysqlite:///"):
        path = url.removeprefix(prefix)
        if path != url and path and not path.startswith(("/", ":", "file:")):
            return f"{prefix}{(folder / path).absolute()}"
    return url
