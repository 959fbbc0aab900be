"""Which names the templates of a mapping may use, and which they use wrongly.

scopes          which names every template may use: the table of what stands where
template_texts  the names and attributes that the text of a template uses
wrong_names     templates that do not compile, names out of reach, attributes that nobody sets
first_use       where a mapping first names a column
"""

from __future__ import annotations

from engine.mapping.checks.names.scopes import Scope, Use, request_path, saved_names, uses
from engine.mapping.checks.names.template_texts import Text, texts, value_names
from engine.mapping.checks.names.wrong_names import check_names
from engine.mapping.spec import Request

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
