"""Templates that tell which of their branches were taken: for the coverage of samples, never for a run.

A template is known by a label in front of it, `{#7#}`; templates without one are not watched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias

from jinja2 import nodes

from engine.templates import compile
from engine.templates.generator import Generator
from engine.templates.jinja import Environment
from engine.templates.nulls import NULLS
from engine.values import canonical

LABEL = re.compile(r"\{#(\d+)#\}")

Kind: TypeAlias = Literal["value", "text", "condition", "or", "and", "default", "mapped"]


@dataclass(slots=True, kw_only=True)
class Site:
    """A place of a template where it can go one way or another, and the ways it went."""

    label: int
    kind: Kind
    dictionary: str | None = None  # of mapped
    seen: set[bool | str] = field(default_factory=set)  # true or false; there or null; of mapped the codes

    def see(self, value: Any) -> Any:
        """Note a value on its way."""
        if self.kind in ("condition", "or", "and"):
            self.seen.add(bool(value))
        elif self.kind == "mapped" and value is not None:
            self.seen.add(str(canonical(value)))
        else:
            self.seen.add(not (value is None or value is NULLS))
        return value


class Watch:
    """The sites of all watched templates."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self._known: dict[tuple[int, int], int] = {}  # label and ordinal in its template: index of the site

    def see(self, site: int, value: Any) -> Any:
        """Note a value on its way through a site; generated code calls it."""
        return self.sites[site].see(value)

    def mark(self, source: str, tree: nodes.Template) -> None:
        """Mark the nodes whose values tell which way a labelled template goes."""
        found = LABEL.match(source)
        for ordinal, (node, site) in enumerate(_sites(int(found[1]), tree)) if found else ():
            if (site.label, ordinal) not in self._known:
                self._known[site.label, ordinal] = len(self.sites)
                self.sites.append(site)
            marks = getattr(node, "marks", ())
            setattr(node, "marks", (*marks, self._known[site.label, ordinal]))  # noqa: B010  Jinja's nodes have none


def _sites(label: int, tree: nodes.Template) -> Iterator[tuple[nodes.Node, Site]]:
    single = len(tree.body) == 1 and isinstance(tree.body[0], nodes.Output) and len(tree.body[0].nodes) == 1
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            if not isinstance(node, nodes.TemplateData):
                yield node, Site(label=label, kind="value" if single else "text")
    conditions: list[nodes.CondExpr | nodes.If] = [*tree.find_all(nodes.CondExpr), *tree.find_all(nodes.If)]
    for branch in conditions:
        yield branch.test, Site(label=label, kind="condition")
    for either in tree.find_all(nodes.Or):
        yield either.left, Site(label=label, kind="or")
    for both in tree.find_all(nodes.And):
        yield both.left, Site(label=label, kind="and")
    for call in tree.find_all(nodes.Filter):
        match call:
            case nodes.Filter(name="default", node=nodes.Expr() as node):
                yield node, Site(label=label, kind="default")
            case nodes.Filter(name="mapped", node=nodes.Expr() as node, args=[nodes.Const(value=name), *_]):
                yield node, Site(label=label, kind="mapped", dictionary=str(name))


class _Generator(Generator):
    """Writes code that shows the marked values to the watch."""

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        marks = getattr(node, "marks", ())
        for site in marks:
            self.write(f"environment.watch.see({site}, ")
        super().visit(node, *args, **kwargs)
        self.write(")" * len(marks))


class _Environment(Environment):
    """The sandbox, watched."""

    code_generator_class = _Generator

    def __init__(self, watch: Watch, timezone: Any, *, lenient: bool, maps: Mapping[str, Any] | None) -> None:
        super().__init__(timezone, lenient=lenient, maps=maps)
        self.watch = watch

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        self.watch.mark(source, tree)
        return tree


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch all templates that are compiled inside, for as long as they are used; for one thread at a time."""
    watch = Watch()
    setattr(compile, "Environment", partial(_Environment, watch))  # noqa: B010  compiled offers no way to pass one
    try:
        yield watch
    finally:
        setattr(compile, "Environment", Environment)  # noqa: B010
