"""From a spec to one expression: a map, list or text of templates, parsed and checked as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.meta import find_undeclared_variables

from engine.filters.messages import preview
from engine.jsontext import Path
from engine.mapping import OnNull
from engine.templates.checks import check
from engine.templates.faults import TemplateFault, TemplateFaults
from engine.templates.language import Environment


@dataclass(frozen=True, slots=True)
class Leaf:
    """One template of a spec."""

    path: Path  # inside the value to be made
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A spec as one expression, and the names that it uses."""

    environment: Environment
    blocks: tuple[nodes.Node, ...]  # evaluated before the expression, row by row
    expression: nodes.Expr
    leaves: tuple[Leaf, ...]  # the first is on line 2 of the expression; line 1 is of no leaf
    names: frozenset[str]
    inner_names: frozenset[str]  # that occur otherwise than as a whole leaf
    row_names: frozenset[str]  # reached as row["odd name"]
    whole_row: bool  # `row` is used otherwise too


def parse(spec: Any, environment: Environment, on_null: OnNull) -> Parsed:
    """Parse a spec.

    Raises:
        TemplateFaults: every fault of the spec.
    """
    parser = _Parser(environment, on_null)
    expression = parser.value(spec)
    if parser.faults:
        raise TemplateFaults(parser.faults)
    return Parsed(
        environment=environment,
        blocks=tuple(parser.blocks),
        expression=expression,
        leaves=tuple(parser.leaves),
        names=frozenset(parser.names),
        inner_names=frozenset(parser.inner_names),
        row_names=frozenset(parser.row_names),
        whole_row=parser.whole_row,
    )


@dataclass(slots=True)
class _Parser:
    """Goes through a spec, and gathers what it finds."""

    environment: Environment
    on_null: OnNull
    blocks: list[nodes.Node] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    faults: list[TemplateFault] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    inner_names: set[str] = field(default_factory=set)
    row_names: set[str] = field(default_factory=set)
    whole_row: bool = False

    def value(self, spec: Any, path: Path = (), *, on_null: OnNull | None = None, at: Path | None = None) -> nodes.Expr:
        """Give the expression for a spec; `at` is where it stands, if that is not `path`."""
        if isinstance(spec, Mapping):
            return self._field(spec, path) if any(str(key).startswith("$") for key in spec) else self._map(spec, path)
        if isinstance(spec, list | tuple):
            return self._list(spec, path)
        if isinstance(spec, str) and ("{{" in spec or "{%" in spec):
            return self._template(spec, path, on_null or self.on_null, path if at is None else at)
        if spec is not None and not isinstance(spec, str | int | float | Decimal):
            self._fault(path, f"a constant of type {type(spec).__name__} has no JSON form; put it in quotes")
        return nodes.Const(spec, lineno=1)

    def _map(self, spec: Mapping[Any, Any], path: Path) -> nodes.Expr:
        pairs = []
        for key, item in spec.items():
            if not isinstance(key, str) or "{{" in key:
                self._fault((*path, key), "a key must be plain text; templates stand in values")
            pairs.append(nodes.Pair(nodes.Const(str(key)), self.value(item, (*path, key)), lineno=1))
        return _prune(nodes.Dict(pairs, lineno=1), [pair.value for pair in pairs])

    def _list(self, spec: Sequence[Any], path: Path) -> nodes.Expr:
        # Leaving out an element would move those behind it, so only $on_null of its own does that.
        policy: OnNull = "send" if self.on_null == "omit" else self.on_null
        items = [self.value(item, (*path, index), on_null=policy) for index, item in enumerate(spec)]
        return _prune(nodes.List(items, lineno=1), items)

    def _field(self, spec: Mapping[Any, Any], path: Path) -> nodes.Expr:
        for key in set(spec) - {"$value", "$on_null"}:
            self._fault((*path, key), f"unknown key {key!r}; a field with its own null policy has $value and $on_null")
        on_null = spec.get("$on_null", self.on_null)
        if on_null not in {"send", "omit", "reject"}:
            self._fault((*path, "$on_null"), f"{preview(on_null)} is not a null policy: send, omit or reject")
            on_null = "send"
        if isinstance(spec.get("$value"), Mapping | list | tuple) or "$value" not in spec:
            self._fault((*path, "$value"), "$value must be there and be one template; nest maps outside of it")
            return nodes.Const(None, lineno=1)
        return self.value(spec["$value"], path, on_null=on_null, at=(*path, "$value"))

    def _template(self, text: str, path: Path, on_null: OnNull, at: Path) -> nodes.Expr:
        try:
            tree = self.environment.parse(text)
            faults = list(check(tree))
            # Parsed anew, because looking for names folds constants in place, by Jinja's rules.
            names = set() if faults else find_undeclared_variables(self.environment.parse(text))
        except (TemplateSyntaxError, RecursionError) as error:
            message = str(error).rstrip(".")
            self._fault(at, f"{message}; a column whose name is not a plain word is reached as row['its name']")
            return nodes.Const(None, lineno=1)
        if "loop" in names:
            faults.append("'loop' exists only inside of {% for %}; a column of that name is reached as row['loop']")
        for fault in dict.fromkeys(faults):
            self._fault(at, fault)
        self._note(tree, names)
        self.leaves.append(Leaf(path, text))
        return self._expression(tree, on_null, lineno=len(self.leaves) + 1)

    def _note(self, tree: nodes.Template, names: set[str]) -> None:
        self.names |= names
        only = _only_expression(tree)
        self.inner_names |= names - ({only.name} if isinstance(only, nodes.Name) else set())
        row_names = [name for item in tree.find_all(nodes.Getitem) if (name := _row_name(item)) is not None]
        uses = [name for name in tree.find_all(nodes.Name) if name.name == "row"]
        self.row_names |= set(row_names)
        self.whole_row |= len(uses) > len(row_names)

    def _expression(self, tree: nodes.Template, on_null: OnNull, *, lineno: int) -> nodes.Expr:
        """Give the leaf's expression, each of its nodes on the line that stands for the leaf."""
        tree.set_lineno(lineno, override=True)
        if only := _only_expression(tree):
            return nodes.Filter(only, f"${on_null}", [], [], None, None, lineno=lineno)
        if all(isinstance(node, nodes.Output) for node in tree.body):
            return nodes.Concat([part for output in tree.body for part in output.nodes], lineno=lineno)  # type: ignore[attr-defined]
        name = f"_text_{lineno}"
        self.blocks.append(nodes.AssignBlock(nodes.Name(name, "store"), None, tree.body, lineno=lineno))
        return nodes.Name(name, "load", lineno=lineno)

    def _fault(self, path: Path, message: str) -> None:
        self.faults.append(TemplateFault(path=path, message=message))


def _only_expression(tree: nodes.Template) -> nodes.Expr | None:
    """Give the expression of a template that is exactly one `{{ expression }}`."""
    match tree.body:
        case [nodes.Output(nodes=[nodes.Expr() as only])] if not isinstance(only, nodes.TemplateData):
            return only
    return None


def _row_name(item: nodes.Getitem) -> str | None:
    """Give the column's name of row["its name"]."""
    match item:
        case nodes.Getitem(node=nodes.Name(name="row"), arg=nodes.Const(value=str() as name)):
            return name
    return None


def _prune(whole: nodes.Expr, items: Iterable[nodes.Expr]) -> nodes.Expr:
    if not any(isinstance(item, nodes.Filter) and item.name == "$omit" for item in items):
        return whole
    return nodes.Filter(whole, "$pruned", [], [], None, None, lineno=1)
