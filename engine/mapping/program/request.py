"""One request, its templates compiled, and how it is made of names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from engine.mapping.spec import Request
from engine.templates import Language, RenderFault, Value
from engine.values import Outgoing, Refusal, Stage, canonical, json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRequest:
    """One request, its templates compiled."""

    method: str
    target: Value
    written: str  # the template of the target, by which what rows did to it is told from what its author wrote
    is_url: bool
    chooses: bool  # its parameters decide whom it concerns: none may be missing
    query: Value
    headers: Value
    body: Value | None
    file: str | None
    save: Value

    @property
    def names(self) -> frozenset[str]:
        """All names that make the request; those of `save` aside."""
        body = self.body.names if self.body else frozenset()
        return self.target.names | self.query.names | self.headers.names | body

    def takes_raw(self, name: str) -> bool:
        """Tell whether a name stands only as the whole of a body's value, so that encoded JSON will do for it."""
        elsewhere = self.target.names | self.query.names | self.headers.names
        return self.body is not None and name in self.body.bare and name not in elsewhere


def compile_request(
    request: Request, language: Language, refs: Collection[str] = (), *, chooses: bool = False
) -> CompiledRequest:
    """Compile a single request; `chooses` where it asks for one record, or removes. Raises TemplateFaults."""
    written = (request.path if request.path is not None else request.url) or ""
    return CompiledRequest(
        method=request.method,
        target=language.strict(written, refs),
        written=written,
        is_url=request.path is None,
        chooses=chooses or request.method == "DELETE",
        query=language.strict(dict(request.query), refs),
        headers=language.strict(dict(request.headers), refs),
        body=language.strict(request.body, refs) if request.body is not None else None,
        file=request.file,
        save=language.lenient(dict(request.save)),
    )


def outgoing(request: CompiledRequest, context: Mapping[str, Any]) -> Outgoing | Refusal:
    """Render a request; a Refusal where its templates fail."""
    try:
        target = _target(request, context)
        body = request.body.render(context) if request.body else None
        return Outgoing(
            method=request.method,
            path=None if request.is_url else target,
            url=target if request.is_url else None,
            query=_query(request, context),
            headers=tuple(_pairs(request.headers.render(context))),
            body=None if body is None else json_text.encode(body),
        )
    except RenderFault as fault:
        where = json_text.path_text(("request", *fault.path))
        return Refusal(stage=Stage.RENDER, reason=fault.reason, field=where, expression=fault.expression)
    except ValueError as error:
        return Refusal(stage=Stage.RENDER, reason=str(error), field="request")


def _target(request: CompiledRequest, context: Mapping[str, Any]) -> str:
    """Write the path or URL. Raises ValueError where a value led it elsewhere."""
    target = canonical(request.target.render(context))
    kind = "url" if request.is_url else "path"
    if not target or not target.strip():
        raise ValueError(f"the {kind} {request.written} is null or empty")
    if not request.written.startswith("{{") and (fault := _segment_fault(_path_of(target), _path_of(request.written))):
        raise ValueError(f"the {kind} {request.written} has {fault}; filter such rows in the query")
    return target


def _path_of(address: str) -> str:
    """Cut the path out of a URL, or out of a path with a query."""
    return re.split(r"[?#]", re.sub(r"^https?://[^/?#]*", "", address), maxsplit=1)[0]


def _segment_fault(path: str, written: str) -> str | None:
    """Say which segment leads elsewhere; a `/` at the end, and `//` inside, may be the author's own."""
    if path == written:
        return None
    segments = path.removeprefix("/").split("/")
    if dots := [each for each in segments if unquote(each) in {".", ".."}]:
        return f"the segment `{dots[0]}`, which leads to another path"
    inner = segments[:-1] if written.endswith("/") else segments
    if "//" not in written and not all(each.strip() for each in inner):
        return "an empty segment, which leads to another path"
    return None


def _query(request: CompiledRequest, context: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Write the query; what removes, or asks for one record, must not lose a parameter: it would reach further."""
    values = request.query.render(context)
    if request.chooses:
        for name, value in values.items():
            if any(not (canonical(each) or "").strip() for each in _listed(value)):
                further = "remove more than meant" if request.method == "DELETE" else "concern another record"
                reason = f"and without it the {request.method} could {further}"
                raise ValueError(f"the parameter {name} is {'null' if value is None else 'empty'}, {reason}")
    return tuple(_pairs(values))


def _listed(value: Any) -> list[Any]:
    return (value or [None]) if isinstance(value, list) else [value]


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Write parameters as text; null leaves one out, a list repeats it."""
    pairs = []
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            text = canonical(each)
            if text is not None:
                pairs.append((name, text))
    return pairs
