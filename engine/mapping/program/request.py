"""One request, its templates compiled, and how it is made of names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.mapping.spec import Request
from engine.templates import Language, RenderFault, Value
from engine.values import Outgoing, Refusal, Stage, canonical, json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRequest:
    """One request, its templates compiled."""

    method: str
    target: Value
    is_url: bool
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


def compile_request(request: Request, language: Language, refs: Collection[str] = ()) -> CompiledRequest:
    """Compile a single request. Raises TemplateFaults."""
    return CompiledRequest(
        method=request.method,
        target=language.strict(request.path if request.path is not None else request.url, refs),
        is_url=request.path is None,
        query=language.strict(dict(request.query), refs),
        headers=language.strict(dict(request.headers), refs),
        body=language.strict(request.body, refs) if request.body is not None else None,
        file=request.file,
        save=language.lenient(dict(request.save)),
    )


def outgoing(request: CompiledRequest, context: Mapping[str, Any]) -> Outgoing | Refusal:
    """Render a request; a Refusal where its templates fail."""
    try:
        target = str(request.target.render(context))
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


def _query(request: CompiledRequest, context: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Write the query; a DELETE must not lose a parameter, as it could then reach further than is meant."""
    values = request.query.render(context)
    if request.method == "DELETE" and (missing := [name for name, value in values.items() if value is None]):
        raise ValueError(f"the parameter {missing[0]} is null, and without it the DELETE could remove more than meant")
    return tuple(_pairs(values))


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Write parameters as text; null leaves one out, a list repeats it."""
    pairs = []
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            text = canonical(each)
            if text is not None:
                pairs.append((name, text))
    return pairs
