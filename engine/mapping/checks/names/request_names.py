"""The names that a request uses."""

from __future__ import annotations

from engine.mapping.checks.names.template_texts import value_names
from engine.mapping.spec import Request


def names_of(request: Request) -> frozenset[str]:
    """Gather the names that a request's templates use, `save` aside; none of those that do not compile."""
    values = (request.path, request.url, request.query, request.headers, request.body)
    return frozenset[str]().union(*map(value_names, values))
