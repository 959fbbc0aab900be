"""What of a project lies open to others: keys sent in the clear, a `.env` for all to read."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from engine.connections import HttpConnection
from engine.mapping import MappingSpec, connections_of, place_of
from engine.run import App
from engine.values import ConfigError, Place, Problem


def exposures(app: App, mappings: Iterable[MappingSpec]) -> list[Problem]:
    """List what should be looked at before these objects run; nothing of it is forbidden."""
    chosen = list(mappings)
    return [*_open_env(app), *_clear_text(app, chosen)]


def _open_env(app: App) -> Iterator[Problem]:
    path = Path(app.loaded.project.file).parent / ".env"
    with suppress(OSError):
        if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            message = f"other users of this machine can read its secrets: chmod 600 {path}"
            yield Problem(code="E_OPEN_ENV", message=message, place=Place(file=str(path)))


def _clear_text(app: App, mappings: Iterable[MappingSpec]) -> Iterator[Problem]:
    """Find connections that send secret headers without TLS to another machine."""
    project = app.loaded.project
    for name in sorted({name for mapping in mappings for name in connections_of(project, mapping)}):
        connection = project.connections.get(name)
        if not isinstance(connection, HttpConnection) or not _sends_secrets(connection):
            continue
        place = place_of(project.places, ("connections", name, "base_url"))
        with suppress(ConfigError, ValueError):  # a missing variable is told elsewhere
            url = urlsplit(app.environment.resolve(connection.base_url, place))
            if url.scheme == "http" and url.hostname and not _is_here(url.hostname):
                message = f"the headers of {name} go to {url.hostname} in the clear: let base_url begin with https://"
                yield Problem(code="E_CLEAR_TEXT", message=message, place=place)


def _sends_secrets(connection: HttpConnection) -> bool:
    return any(connection.hides(header, text) for header, text in connection.headers.items())


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
