"""Renders the page `/_sandbox/`: counts, requests, faults, and the beginning of every table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.sandbox.api import body_checks
from engine.sandbox.sandbox import Sandbox
from engine.sandbox.tables import tables
from engine.values import Json

MAX_REQUESTS = 50
MAX_REPEATED = 50

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def rendered(sandbox: Sandbox) -> str:
    """Render the page as of now."""
    with sandbox.lock:
        last = sandbox.received.since(max(0, sandbox.received.total - MAX_REQUESTS))
        return _environment.get_template("page.html").render(
            groups=tables(sandbox.store),
            repeated=[(name, count) for name, count in sandbox.store.creations.items() if count > 1][:MAX_REPEATED],
            requests=list(reversed(last)),
            total=sandbox.received.total,
            faults=[_fault_row(standing) for standing in sandbox.faults.listed()],
            url=sandbox.url,
        )


def _fault_row(standing: Json) -> dict[str, Any]:
    fault = standing["fault"]
    match = {name: value for name, value in fault["match"].items() if value is not None}
    return {
        "number": standing["number"],
        "match": _text(match) if match else "every request",
        "action": _text(fault["action"]),
        "applied": standing["applied"],
        "times": "always" if fault["times"] is None else fault["times"],
    }


def _text(document: Json) -> str:
    return body_checks.encoded(document).decode()
