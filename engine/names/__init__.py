"""Which names the templates of a mapping may use, and which they use wrongly.

`uses` says what stands where, `texts` what a template's text tells, `checks` what is wrong with it.
"""

from __future__ import annotations

from engine.mapping import Request
from engine.names.checks import check_names
from engine.names.texts import Text, texts, value_names
from engine.names.uses import Scope, Use, request_path, saved_names, uses

__all__ = [
    "Scope",
    "Text",
    "Use",
    "check_names",
    "names_of",
    "request_path",
    "saved_names",
    "texts",
    "uses",
    "value_names",
]


def names_of(request: Request) -> frozenset[str]:
    """Gather the names that a request's templates use, `save` aside; none of those that do not compile."""
    values = (request.path, request.url, request.query, request.headers, request.body)
    return frozenset[str]().union(*map(value_names, values))
