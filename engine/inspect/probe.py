"""The ends of a project before anything is sent: which variables they lack, and whether they answer."""

from __future__ import annotations

import time
from dataclasses import dataclass

from engine.connections import SqlConnection
from engine.connections.http import REFUSING, is_not_now
from engine.run import App
from engine.state.journal import Journal
from engine.values import Answered, OneSyncError, Outgoing, TargetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How a connection answered."""

    connection: str
    type: str  # sql or http
    answer: str  # such as "sqlite 3.45" or "status 200"
    error: OneSyncError | None  # None: it can be used
    duration_seconds: float


# --- asking ------------------------------------------------------------------------------------------


def probe(app: App, name: str) -> Probe:
    """Ask a connection whether it can be used; what is wrong is in the answer, also a missing variable."""
    begun = time.monotonic()
    sql = isinstance(app.loaded.project.connections[name], SqlConnection)
    answer, error = "", None
    try:
        answer = _ask_sql(app, name) if sql else _ask_http(app, name)
    except OneSyncError as raised:
        error = raised
    return Probe(
        connection=name,
        type="sql" if sql else "http",
        answer=answer,
        error=error,
        duration_seconds=time.monotonic() - begun,
    )


def _ask_sql(app: App, name: str) -> str:
    end = app.sql(name)
    try:
        return end.check()
    finally:
        end.close()


def _ask_http(app: App, name: str) -> str:
    """Ask a feed of the connection, which needs the credentials; where there is none, the address itself."""
    with app.journal() as journal:
        request = _feed_request(app, journal, name) or Outgoing(method="GET", path="/")
    answer = app.http(name).exchange(request, stop=app.stop)
    if not isinstance(answer, Answered):
        reason = getattr(answer, "reason", "no answer")
        raise TargetError(f"connection {name} does not answer: {reason}", code="E_UNREACHABLE")
    said = f"status {answer.status} for {request.method} {request.target}"
    if answer.status in REFUSING:
        raise TargetError(f"connection {name} refuses the credentials ({said}): correct them", code="E_CREDENTIALS")
    if is_not_now(answer.status):
        raise TargetError(f"connection {name} cannot be used now: {said}", code="E_TARGET")
    if 300 <= answer.status < 400:
        raise TargetError(f"connection {name} leads elsewhere ({said}): correct its base_url", code="E_REDIRECT")
    return said


def _feed_request(app: App, journal: Journal, name: str) -> Outgoing | None:
    for mapping in app.loaded.mappings.values():
        if mapping.draft or mapping.source.connection != name:
            continue
        with app.source(app.program(mapping)) as source:
            if request := source.opening(journal):
                return request
    return None
