"""What templates put into a path or a URL without writing it for that place: it could lead elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from engine.templates.jinja import Environment
from engine.templates.offered import FILTERS

WRITTEN = ("path", "whole_path")  # filters whose results keep their place in an address

_ENVIRONMENT = Environment(UTC, lenient=False, maps=None)


def unwritten(text: str, *, whole: Collection[str] = (), is_url: bool = False) -> Iterator[str]:
    """Yield each expression that puts into an address what no filter has written for it; none if it cannot be parsed.

    Constants, and those of the project (`vars.name`), are their author's. At the very beginning, a URL may be given
    whole by any expression, and a path by the names in `whole`.
    """
    try:
        tree = _ENVIRONMENT.parse(text)
    except (TemplateSyntaxError, RecursionError, ValueError):
        return
    first = next(iter(tree.body), None)
    for output in tree.find_all(nodes.Output):
        for index, each in enumerate(output.nodes):
            begins = output is first and index == 0
            if isinstance(each, nodes.TemplateData) or (begins and is_url):
                continue
            if not _is_written(each, frozenset(whole) if begins else frozenset()):
                yield _source(each)


def _is_written(node: nodes.Node | None, whole: frozenset[str]) -> bool:
    match node:
        case nodes.Filter(name=name):
            return name in WRITTEN or name not in FILTERS  # one that is unknown is a fault of its own
        case nodes.Const(value=value):
            return value is not None and bool(str(value).strip("/"))
        case nodes.Name(name=name):
            return name in whole
        case nodes.Concat(nodes=parts):
            return all(_is_written(part, frozenset()) for part in parts)
        case nodes.CondExpr(expr1=one, expr2=other) | nodes.Or(left=one, right=other):
            return _is_written(one, whole) and _is_written(other, whole)
    return _is_constant(node)


def _is_constant(node: nodes.Node | None) -> bool:
    """Tell whether an expression is a constant of the project."""
    return isinstance(node, nodes.Getattr | nodes.Getitem) and getattr(node.node, "name", None) == "vars"


def _source(node: nodes.Node) -> str:
    """Write an expression as its author did, where it is a name; else in brackets, as a filter binds closely."""
    match node:
        case nodes.Name(name=name):
            return str(name)
        case nodes.Getattr(node=inner, attr=attr) if not (source := _source(inner)).startswith("("):
            return f"{source}.{attr}"
    return "(...)"
