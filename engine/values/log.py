"""Events on stderr: for people on a terminal, else JSON, one a line; secrets are removed by value."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import date
from typing import Any, Literal, Protocol, TypeAlias

import structlog

from engine.values.redact import redact

Form: TypeAlias = Literal["human", "json"]
Secrets: TypeAlias = Callable[[], frozenset[str]]


class Log(Protocol):
    """What the program needs of a logger: a constant event, and facts as fields."""

    def debug(self, event: str, **facts: Any) -> Any: ...
    def info(self, event: str, **facts: Any) -> Any: ...
    def warning(self, event: str, **facts: Any) -> Any: ...
    def error(self, event: str, **facts: Any) -> Any: ...


def form_of(asked: Form | None) -> Form:
    """Choose the form of the log where none was asked for: for people on a terminal, else JSON."""
    return asked or ("human" if sys.stderr.isatty() else "json")


def open_log(*, verbose: bool, form: Form, secrets: Secrets, quiet: bool = False) -> Log:
    """Make the logger of a process; `secrets` is asked at every event, as they become known late.

    Requests are told to programs always, to people with `verbose`; `quiet` leaves people only warnings and errors.
    """
    level = logging.DEBUG if verbose or form == "json" else logging.WARNING if quiet else logging.INFO
    bound: Log = structlog.wrap_logger(
        _Stderr(),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=form == "json"),
            structlog.processors.format_exc_info,
            lambda _, __, event: _in_order(without_secrets(event, secrets())),
            _people() if form == "human" else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return bound


def _people() -> structlog.dev.ConsoleRenderer:
    colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return structlog.dev.ConsoleRenderer(
        colors=colours, sort_keys=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )


class _Stderr:
    """Prints to what stderr is at that moment, so that a progress bar can make room for the line."""

    def _print(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    debug = info = warning = error = _print


def _in_order(event: Mapping[str, Any]) -> dict[str, Any]:
    """Put first what every event has."""
    return {name: event[name] for name in ("timestamp", "level", "event")} | dict(event)


def without_secrets(event: Mapping[str, Any], secrets: frozenset[str]) -> MutableMapping[str, Any]:
    """Give an event's facts as JSON has them, without the secrets in names, values and all that they hold."""
    return {redact(str(name), secrets): _plain(value, secrets) for name, value in event.items()}


def _plain(value: Any, secrets: frozenset[str]) -> Any:
    match value:
        case None | bool():
            return value
        case int() | float() if redact(str(value), secrets) == str(value):
            return value
        case Mapping():
            return without_secrets(value, secrets)
        case list() | tuple() | set() | frozenset():
            plain = [_plain(each, secrets) for each in value]
            return plain if isinstance(value, list | tuple) else sorted(plain, key=str)
        case _:
            return redact(value.isoformat() if isinstance(value, date) else str(value), secrets)
