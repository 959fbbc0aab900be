"""What rendering the samples gives: the document of the snapshot, and the parts of the mapping that took part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.mapping import Sample
from engine.values import Answered, Key, Outgoing, Refusal, RunError, json_text

Story: TypeAlias = dict[str, Any]  # what a snapshot tells of one sample
Exercised: TypeAlias = set[tuple[str | int, ...]]  # paths of the mapping, such as ("send", 0, "on_status", 404)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """All samples of one mapping, rendered."""

    document: Mapping[str, Any]
    exercised: Exercised = field(default_factory=set)


class Unanswered(RunError):
    """The sample has no answer for this request: what follows it is not told."""

    def __init__(self) -> None:
        super().__init__("the sample has no answer to this request: add it to `answers`", code="E_SAMPLE")


def begun(sample: Sample, key: Key | None) -> Story:
    """Begin the story of a sample."""
    return {"name": sample.name, "change": str(sample.change), **({"key": list(key)} if key else {})}


def request_story(request: Outgoing) -> Story:
    """Tell a request: what is empty is left out."""
    place = {"path": request.path} if request.url is None else {"url": request.url}
    body = {} if request.body is None else {"body": json_text.decode(request.body)}
    query = {"query": _grouped(request.query)} if request.query else {}
    headers = {"headers": dict(request.headers)} if request.headers else {}
    return {"method": request.method, **place, **query, **headers, **body}


def refusal_story(refusal: Refusal) -> Story:
    """Tell why a sample is refused."""
    field_ = {"field": refusal.field} if refusal.field else {}
    status = {} if refusal.status is None else {"status": refusal.status}
    return {"stage": str(refusal.stage), **field_, **status, "reason": refusal.reason}


def answered(given: Mapping[str, Any]) -> Answered:
    """Make the answer that a sample gives."""
    return Answered(status=given["status"], body=json_text.encode(given["body"]) if "body" in given else b"")


def _grouped(pairs: tuple[tuple[str, str], ...]) -> dict[str, str | list[str]]:
    """Give parameters by name; one that is repeated as a list."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}
