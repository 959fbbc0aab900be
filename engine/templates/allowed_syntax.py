"""Faults of one template that its syntax shows: what is not offered, and calls that cannot fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from inspect import Signature, signature
from typing import Any
from unicodedata import normalize

from jinja2 import nodes

from engine.templates.faults import nearest
from engine.templates.filters import filter_table as filters
from engine.templates.offered import FILTERS, METHOD_NAMES, NODES, TESTS

_INSTEAD = {  # for those who know Jinja
    "round": "decimal(places)",
    "float": "number",
    "int": "number",
    "string": "text",
    "d": "default",
    "count": "length",
    "urlencode": "path",
    "strip": "trim",
    "format": "`~` or a text around {{ }}",
    "tojson": "nothing: an expression alone keeps its type",
    "safe": "nothing: no value is escaped",
}
_MAX_BITS = 3322  # 1,000 digits
TOO_MANY_DIGITS = "a number has at most 1,000 digits; let the query give it as a text"
_OURS = {"timezone", "dictionaries"}  # parameters that the environment gives
_SIGNATURES = {
    name: Signature([each for each in signature(function).parameters.values() if each.name not in _OURS])
    for name, function in filters.FILTERS.items()
}


def check(tree: nodes.Template, maps: frozenset[str] | None) -> Iterator[str]:
    """Yield each fault of a template; `maps` are the names of the dictionaries, None if they are not known."""
    for node in tree.find_all(nodes.Node):
        if type(node).__name__ not in NODES:
            yield f"`{getattr(node, 'operator', None) or type(node).__name__.lower()}` is not offered in templates"
        elif check := _CHECKS.get(type(node)):
            yield from check(node)
        if isinstance(node, nodes.Filter):
            yield from _dictionary_faults(node, maps)


def _name_faults(node: nodes.Name) -> Iterator[str]:
    if normalize("NFKC", node.name) != node.name:  # Python would take it for the column of the plain name
        yield f"the name {node.name!r} holds a variant of a letter; the column is reached as row[{node.name!r}]"
    elif node.name.startswith("_") or node.name == "self":
        yield f"the name {node.name!r} is reserved; a column of that name is reached as row[{node.name!r}]"
    elif node.ctx == "store" and node.name in {"loop", "row", "parent"}:
        yield f"the name {node.name!r} cannot be set; choose another"


def _constant_faults(node: nodes.Const) -> Iterator[str]:
    if isinstance(node.value, int) and node.value.bit_length() > _MAX_BITS:
        yield TOO_MANY_DIGITS


def _attribute_faults(node: nodes.Getattr) -> Iterator[str]:
    if node.attr.startswith("_"):
        yield f"the attribute {node.attr!r} is private; an item of that name is reached as [{node.attr!r}]"


def _call_faults(node: nodes.Call) -> Iterator[str]:
    if not isinstance(node.node, nodes.Getattr):
        name = getattr(node.node, "name", "this")
        yield f"{name!r} is not a function; " + (
            f"write `value | {name}`" if name in FILTERS else "templates call only methods of values, such as x.strip()"
        )
    elif node.node.attr not in METHOD_NAMES:
        yield f"the method {node.node.attr!r} is not offered{nearest(node.node.attr, METHOD_NAMES)}"
    yield from _signature_faults(node)


def _signature_faults(node: nodes.Call | nodes.Filter | nodes.Test) -> Iterator[str]:
    if node.dyn_args or node.dyn_kwargs or len({each.key for each in node.kwargs}) < len(node.kwargs):
        yield "`*`, `**` and repeated names are not offered in arguments"


def _filter_faults(node: nodes.Filter) -> Iterator[str]:
    yield from _signature_faults(node)
    if node.node is None:
        yield "filters on blocks are not offered; filter where the value is used"
    elif node.name not in FILTERS:
        yield _unknown_filter(node.name)
    elif node.name == "map" and node.args:
        yield from _mapping_faults(node.args[0])
    elif expected := _SIGNATURES.get(node.name):
        try:
            expected.bind(node.node, *node.args, **{str(each.key): each for each in node.kwargs})
        except TypeError:
            yield f"the filter {node.name!r} does not take these arguments: write {_usage(node.name, expected)}"


def _usage(name: str, expected: Signature) -> str:
    """Write a filter with its arguments, such as `decimal(places)`."""
    _, *arguments = expected.parameters.values()
    shown = ", ".join(
        each.name if each.default is each.empty else f"{each.name}={each.default!r}" for each in arguments
    )
    return f"`{name}({shown})`" if shown else f"`{name}` alone"


def _mapping_faults(named: nodes.Expr) -> Iterator[str]:
    if not isinstance(named, nodes.Const):
        yield "`map` takes the name of a filter as a plain text, such as map('upper')"
    elif named.value not in FILTERS:
        yield _unknown_filter(named.value)


def _dictionary_faults(node: nodes.Filter, maps: frozenset[str] | None) -> Iterator[str]:
    """Find a dictionary that does not exist, in `mapped(name)` and `map('mapped', name)`."""
    match node:
        case nodes.Filter(name="mapped", args=args, kwargs=kwargs):
            pass
        case nodes.Filter(name="map", args=[nodes.Const(value="mapped"), *args], kwargs=kwargs):
            pass
        case _:
            return
    match [*args, *(each.value for each in kwargs if each.key == "name")]:
        case [nodes.Const(value=str() as name)]:
            if maps is not None and name not in maps:
                yield f"{name!r} is not among the `maps` of project.yaml{nearest(name, maps)}"
        case _:
            yield "`mapped` takes the name of one dictionary as a plain text, such as mapped('order_statuses')"


def _unknown_filter(name: Any) -> str:
    instead = _INSTEAD.get(name)
    return f"unknown filter {name!r}" + (f"; use {instead}" if instead else nearest(str(name), frozenset(FILTERS)))


def _test_faults(node: nodes.Test) -> Iterator[str]:
    yield from _signature_faults(node)
    if node.name not in TESTS:
        yield f"unknown test {node.name!r}{nearest(node.name, frozenset(TESTS))}"


def _for_faults(node: nodes.For) -> Iterator[str]:
    if node.recursive:
        yield "`recursive` is not offered in loops"


_CHECKS: Mapping[type[nodes.Node], Callable[[Any], Iterator[str]]] = {
    nodes.Name: _name_faults,
    nodes.Const: _constant_faults,
    nodes.Getattr: _attribute_faults,
    nodes.Call: _call_faults,
    nodes.Filter: _filter_faults,
    nodes.Test: _test_faults,
    nodes.For: _for_faults,
}
