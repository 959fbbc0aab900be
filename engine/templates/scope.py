"""What the templates of one row use: of a row of the source, or of the elements that `$each` goes through."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from functools import lru_cache

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.meta import find_undeclared_variables

from engine.templates.effort_limit import ELEMENT
from engine.templates.jinja import Environment

ROOT_ROW = "_row_0"  # the name under which elements find the row around them

_ENVIRONMENT = Environment(UTC, lenient=False, maps=None)


def names_in(text: str) -> frozenset[str]:
    """Gather the names that a template uses; none if it cannot be parsed. Costs a fraction of compiling it."""
    try:
        return undeclared(text)
    except (TemplateSyntaxError, RecursionError, ValueError):
        return frozenset()


@lru_cache(maxsize=10_000)
def undeclared(text: str) -> frozenset[str]:
    """Gather the names that a template uses but does not set; raises what Jinja does if it cannot be parsed."""
    if "{{" not in text and "{%" not in text:
        return frozenset()
    # Parsed for this alone: looking for names folds constants in place, by Jinja's rules.
    return frozenset(find_undeclared_variables(_ENVIRONMENT.parse(text)))


@dataclass(slots=True)
class Scope:
    """What is gathered of the templates that see the same row."""

    outside: frozenset[str]  # names that elements see too
    outer: Scope | None = None  # None: not inside of an $each
    lists: tuple[int, ...] = ()  # the numbers of the lists around it, from the outermost
    blocks: list[nodes.Node] = field(default_factory=list)  # evaluated before the expression
    names: set[str] = field(default_factory=set)  # that are variables here
    inner_names: set[str] = field(default_factory=set)  # that occur otherwise than as a whole leaf
    row_names: set[str] = field(default_factory=set)  # columns reached through `row`
    parent_names: set[str] = field(default_factory=set)  # columns that elements reach through `parent`
    whole_row: bool = False  # `row`, or `parent` in an element, is used otherwise too
    levels: int = 0  # how many rows up `parent` reaches from here
    is_parent: bool = False  # an element reaches this row

    @property
    def columns(self) -> frozenset[str]:
        """All columns that are used of the row."""
        return frozenset(self.names | self.row_names | self.parent_names)

    def note(self, tree: nodes.Template, names: frozenset[str]) -> None:
        """Note what a template uses."""
        only = only_expression(tree)
        whole = only.name if isinstance(only, nodes.Name) else None
        for name in names - {"row", "parent"} if self.outer else names:
            scope = self._root() if name in self.outside else self
            scope.names.add(name)
            if name != whole or scope is not self:
                scope.inner_names.add(name)
        for level, column in _row_uses(tree, len(self.lists)):
            self._reach(level, column)

    def statements(self, listed: nodes.Expr, element: nodes.Expr, lineno: int) -> list[nodes.Node]:
        """Give what gathers this scope's elements of a list in the variable `gathered`."""
        number, names = self.lists[-1], sorted(self.names)
        before: list[nodes.Node] = [nodes.Assign(_store(self.gathered), nodes.List([]))]
        row = f"_row_{number}"
        body: list[nodes.Node] = []
        if self.row_names or self.whole_row:
            body.append(nodes.Assign(_store("row"), _load(row)))
        if names:
            target = nodes.Tuple([_store(name) for name in names], "store")
            body.append(nodes.Assign(target, _filter(_load(row), "$columns", nodes.Const(tuple(names)))))
        if self.levels and self.outer:
            before.append(nodes.Assign(_store(f"_parent_{number}"), self.outer._as_parent(whole=self.levels > 1)))
            body.append(nodes.Assign(_store("parent"), _load(f"_parent_{number}")))
        appended = _filter(_load(self.gathered), "$append", element)
        body += [*self.blocks, nodes.ExprStmt(appended, lineno=element.lineno)]  # on the line of the element's leaf
        walked = _filter(
            _filter(listed, "$elements"), "$walked", nodes.Const(ELEMENT + weight([element, *self.blocks]))
        )
        loop = nodes.For(_store(row), walked, body, [], None, False)
        for statement in (*before, loop):
            statement.set_lineno(lineno)
        return [*before, loop]

    @property
    def gathered(self) -> str:
        """The variable that holds the elements made so far."""
        return f"_list_{self.lists[-1]}"

    def _as_parent(self, *, whole: bool) -> nodes.Expr:
        """Give this row for its elements; `whole` with its own parent."""
        row = _load(f"_row_{self.lists[-1]}" if self.lists else ROOT_ROW)
        return _filter(row, "$under", _load("parent")) if whole else row

    def _reach(self, level: int, column: str | None) -> None:
        scope = self
        for remaining in range(level, 0, -1):
            scope.levels = max(scope.levels, remaining)
            scope = scope.outer or scope
        scope.is_parent |= level > 0
        if column is None:
            scope.whole_row = True
        else:
            (scope.parent_names if level else scope.row_names).add(column)

    def _root(self) -> Scope:
        return self.outer._root() if self.outer else self


def only_expression(tree: nodes.Template) -> nodes.Expr | None:
    """Give the expression of a template that is exactly one `{{ expression }}`."""
    match tree.body:
        case [nodes.Output(nodes=[nodes.Expr() as only])] if not isinstance(only, nodes.TemplateData):
            return only
    return None


def _row_uses(node: nodes.Node, depth: int) -> Iterator[tuple[int, str | None]]:
    """Yield each use of a row: how many rows up, and the column, or None for the whole row."""
    if (level := _level(node, depth)) is not None:
        yield level, None
        return
    match node:
        case nodes.Getattr(node=inner, attr=name) | nodes.Getitem(node=inner, arg=nodes.Const(value=str() as name)):
            if (level := _level(inner, depth)) is not None:
                yield level, name
                return
    children = node.iter_child_nodes()
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        children = iter((node.node.node, *node.args, *node.kwargs))  # its name is a method's, not a column's
    for child in children:
        yield from _row_uses(child, depth)


def _level(node: nodes.Node, depth: int) -> int | None:
    """Tell how many rows up a node stands for, if it is `row`, `parent`, `parent.parent`, ..."""
    match node:
        case nodes.Name(name="row"):
            return 0
        case nodes.Name(name="parent") if depth:
            return 1
        case nodes.Getattr(node=inner, attr="parent"):
            level = _level(inner, depth)
            return level + 1 if level and level < depth else None
    return None


def weight(body: Iterable[nodes.Node]) -> int:
    """Count the nodes that are evaluated for each element that a loop goes through, and the step itself."""
    return 1 + sum(1 + sum(1 for _ in node.find_all(nodes.Node)) for node in body)


def _load(name: str) -> nodes.Name:
    return nodes.Name(name, "load")


def _store(name: str) -> nodes.Name:
    return nodes.Name(name, "store")


def _filter(node: nodes.Expr, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None)
