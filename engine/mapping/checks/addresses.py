"""Paths and URLs of requests: what a row puts into one may not lead elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from engine.mapping.checks.names.scopes import Use, uses
from engine.mapping.places import problem
from engine.mapping.spec import MappingSpec
from engine.templates import unwritten
from engine.values import Problem, label

LINK = frozenset({"link"})  # of a list: the platform gives it whole
DOTS = re.compile(r"(?:^|/)(\.\.?)(?=[/?#]|$)")


def address_problems(mapping: MappingSpec) -> Iterator[Problem]:
    """Find expressions in paths that do not end in a filter for paths, and paths that climb."""
    for use in uses(mapping):
        if use.address and isinstance(use.value, str):
            for message in _faults(use, use.value):
                yield problem(mapping, "E_PATH", f"{label(use.path)}: {message}", *use.path)


def _faults(use: Use, text: str) -> Iterator[str]:
    whole = use.scope.given & LINK
    for expression in unwritten(text, whole=whole, is_url=use.address == "url"):
        message = f"null, a `/` or a `?` in a value would lead to another address: write {{{{ {expression} | path }}}}"
        if expression.startswith("("):
            message += ", with the whole expression in brackets, as a filter takes only what stands next to it"
        yield f"{message}; or `whole_path` where it is several segments on purpose"
    if found := DOTS.search(unquote(re.sub(r"\{[{%].*?[%}]\}", "x", text, flags=re.DOTALL))):
        yield f"the segment `{found[1]}` leads to another path: write the path without it"
