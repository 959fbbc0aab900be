"""From a spec to one expression: a map, list or text of templates, parsed and checked as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from engine.templates.allowed_syntax import TOO_MANY_DIGITS, check
from engine.templates.faults import TemplateFault, TemplateFaults
from engine.templates.jinja import Environment
from engine.templates.nulls import OMITTING, OnNull
from engine.templates.scope import Scope, only_expression, undeclared, weight
from engine.templates.syntax_errors import syntax_fault
from engine.values import json_text, preview

_MAX_LENGTH = 10_000  # of a template: longer ones take Python seconds to compile
_ELEMENT = -1  # in a leaf's path, the index of an element
_EACH_KEYS = frozenset({"$each", "$on_empty"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One template of a spec."""

    path: json_text.Path  # inside the value to be made
    text: str
    lists: tuple[int, ...] = ()  # the numbers of the lists whose elements hold it, from the outermost

    def at(self, indexes: Iterable[int]) -> json_text.Path:
        """Give the path with the indexes of the elements."""
        remaining = iter(indexes)
        return tuple(next(remaining) if part == _ELEMENT else part for part in self.path)

    def holds(self, path: json_text.Path) -> bool:
        """Tell whether a path leads into what this leaf made."""
        pairs = zip(self.path, path, strict=False)
        return len(self.path) <= len(path) and all(own in (_ELEMENT, part) for own, part in pairs)


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
    parent_names: frozenset[str]  # reached as parent.name from elements
    whole_row: bool  # `row` is used otherwise too, or `parent` in elements
    is_parent: bool  # elements use `parent`
    children: Mapping[str, frozenset[str]]  # list: the columns that its elements use
    outside: frozenset[str]  # names that elements see too


def parse(spec: Any, environment: Environment, on_null: OnNull, outside: Collection[str]) -> Parsed:
    """Parse a spec; `outside` are names that the elements of `$each` see too, besides `vars`.

    Raises:
        TemplateFaults: every fault of the spec.
    """
    scope = Scope(outside=frozenset({"vars", *outside}))
    parser = _Parser(environment, on_null, scope)
    expression = parser.value(spec)
    if parser.faults:
        raise TemplateFaults(parser.faults)
    return Parsed(
        environment=environment,
        blocks=tuple(scope.blocks),
        expression=expression,
        leaves=tuple(parser.leaves),
        names=frozenset(scope.names),
        inner_names=frozenset(scope.inner_names),
        row_names=frozenset(scope.row_names),
        parent_names=frozenset(scope.parent_names),
        whole_row=scope.whole_row,
        is_parent=scope.is_parent,
        children=parser.children,
        outside=scope.outside,
    )


@dataclass(slots=True)
class _Parser:
    """Goes through a spec, and gathers what it finds."""

    environment: Environment
    on_null: OnNull
    scope: Scope
    leaves: list[Leaf] = field(default_factory=list)
    faults: list[TemplateFault] = field(default_factory=list)
    children: dict[str, frozenset[str]] = field(default_factory=dict)
    lists: int = 0  # so far

    def value(
        self, spec: Any, path: json_text.Path = (), at: json_text.Path = (), *, on_null: OnNull | None = None
    ) -> nodes.Expr:
        """Give the expression for a spec: `path` is where its value will stand, `at` where it stands itself."""
        if isinstance(spec, Mapping):
            if "$each" in spec:
                return self._each(spec, path, at)
            if any(str(key).startswith("$") for key in spec):
                return self._field(spec, path, at, on_null or self.on_null)
            return self._map(spec, path, at)
        if isinstance(spec, list | tuple):
            return self._list(spec, path, at)
        if isinstance(spec, str) and ("{{" in spec or "{%" in spec):
            return self._template(spec, path, at, on_null or self.on_null)
        if spec is not None and not isinstance(spec, str | int | float | Decimal):
            self._fault(at, f"a constant of type {type(spec).__name__} has no JSON form; put it in quotes")
        return nodes.Const(spec, lineno=1)

    def _map(self, spec: Mapping[Any, Any], path: json_text.Path, at: json_text.Path) -> nodes.Expr:
        pairs = []
        for key, item in spec.items():
            if not isinstance(key, str) or "{{" in key:
                self._fault((*at, key), "a key must be plain text; templates stand in values")
            pairs.append(nodes.Pair(nodes.Const(str(key)), self.value(item, (*path, key), (*at, key)), lineno=1))
        return _prune(nodes.Dict(pairs, lineno=1), [pair.value for pair in pairs])

    def _list(self, spec: Sequence[Any], path: json_text.Path, at: json_text.Path) -> nodes.Expr:
        policy = self._element_policy()
        items = [self.value(item, (*path, index), (*at, index), on_null=policy) for index, item in enumerate(spec)]
        return _prune(nodes.List(items, lineno=1), items)

    def _element_policy(self) -> OnNull:
        """Leaving out an element would move those behind it, so only $on_null of its own does that."""
        return "send" if self.on_null == "omit" else self.on_null

    def _field(self, spec: Mapping[Any, Any], path: json_text.Path, at: json_text.Path, default: OnNull) -> nodes.Expr:
        for key in set(spec) - {"$value", "$on_null"}:
            self._fault((*at, key), f"unknown key {key!r}; a field with its own null policy has $value and $on_null")
        on_null = self._policy(spec, "$on_null", at, default)
        if isinstance(spec.get("$value"), Mapping | list | tuple) or "$value" not in spec:
            self._fault((*at, "$value"), "$value must be there and be one template; nest maps outside of it")
            return nodes.Const(None, lineno=1)
        return self.value(spec["$value"], path, (*at, "$value"), on_null=on_null)

    def _policy(self, spec: Mapping[Any, Any], key: str, at: json_text.Path, default: OnNull) -> OnNull:
        policy = spec.get(key, default)
        if policy in ("send", "omit", "reject"):
            return policy  # type: ignore[no-any-return]
        self._fault((*at, key), f"{preview(policy)} is not a policy of {key}: send, omit or reject")
        return default

    def _each(self, spec: Mapping[Any, Any], path: json_text.Path, at: json_text.Path) -> nodes.Expr:
        """Give the list that a map with `$each` makes: its statements go before the expression."""
        on_empty = self._policy(spec, "$on_empty", at, "send")
        listed = self._listed(spec["$each"], path, (*at, "$each"))
        lineno = len(self.leaves) + 1
        one = {key: item for key, item in spec.items() if key not in _EACH_KEYS}
        if not one:
            self._fault(at, "$each needs the fields of one element beside it, or $value")
        if "$on_null" in one and "$value" not in one:
            self._fault((*at, "$on_null"), "$on_null goes with $value; a list without elements has $on_empty")
            del one["$on_null"]
        self.lists += 1
        outer, inner = self.scope, Scope(self.scope.outside, self.scope, (*self.scope.lists, self.lists))
        self.scope = inner
        element = self.value(one, (*path, _ELEMENT), at, on_null=self._element_policy())
        self.scope = outer
        if isinstance(listed, nodes.Name) and outer.outer is None:
            self.children[listed.name] = self.children.get(listed.name, frozenset()) | inner.columns
        outer.blocks += inner.statements(listed, element, lineno)
        made = _prune(nodes.Name(inner.gathered, "load", lineno=lineno), [element])
        if on_empty != "send":
            made = nodes.Filter(made, f"${on_empty}_empty", [], [], None, None, lineno=lineno)
        return made

    def _listed(self, text: Any, path: json_text.Path, at: json_text.Path) -> nodes.Expr:
        """Give the expression of a list's name; anything else that gives a list will do as well."""
        tree = None
        if not isinstance(text, str) or "{{" in text or "{%" in text:
            self._fault(at, "$each takes the name of a list, without braces, such as $each: lines")
        else:
            tree = self._tree("{{ " + text + " }}", at)
        only = only_expression(tree) if tree else None
        if tree and not only:
            self._fault(at, f"{preview(text)} is not the name of a list")
        self.leaves.append(Leaf(path, str(text), self.scope.lists))
        if not only:
            return nodes.Const(None, lineno=1)
        if isinstance(only, nodes.Name):
            self.scope.inner_names.add(only.name)
        only.set_lineno(len(self.leaves) + 1, override=True)
        return only

    def _template(self, text: str, path: json_text.Path, at: json_text.Path, on_null: OnNull) -> nodes.Expr:
        tree = self._tree(text, at)
        self.leaves.append(Leaf(path, text, self.scope.lists))
        if not tree:
            return nodes.Const(None, lineno=1)
        inner = self.scope.outer is not None and not self.faults  # with a fault nothing will be compiled
        weighed = inner and not undeclared(text).isdisjoint({"parent", *self.scope.outside})
        return self._expression(tree, on_null, lineno=len(self.leaves) + 1, weighed=weighed)

    def _tree(self, text: str, at: json_text.Path) -> nodes.Template | None:
        """Parse and check a template, and note what it uses."""
        if len(text) > _MAX_LENGTH:
            self._fault(at, f"a template has at most {_MAX_LENGTH:,} characters; let the query do more of the work")
            return None
        try:
            tree = self.environment.parse(text)
            faults = list(dict.fromkeys(check(tree, self.environment.dictionaries)))
            names = frozenset() if faults else undeclared(text)
        except (TemplateSyntaxError, RecursionError) as error:
            self._fault(at, syntax_fault(error))
            return None
        except ValueError:  # Python's limit for reading numbers
            self._fault(at, TOO_MANY_DIGITS)
            return None
        if "loop" in names:
            faults.append("'loop' exists only inside of {% for %}; a column of that name is reached as row['loop']")
        for fault in faults:
            self._fault(at, fault)
        if not faults:
            self.scope.note(tree, names)
        return tree

    def _expression(self, tree: nodes.Template, on_null: OnNull, *, lineno: int, weighed: bool) -> nodes.Expr:
        """Give the leaf's expression, each of its nodes on the line that stands for the leaf."""
        for loop in tree.find_all(nodes.For):
            costs = nodes.Const(weight([*loop.body, *loop.else_, *([loop.test] if loop.test else [])]))
            loop.iter = nodes.Filter(loop.iter, "$walked", [costs], [], None, None)
        tree.set_lineno(lineno, override=True)
        if only := only_expression(tree):
            only = nodes.Filter(only, "$weighed", [], [], None, None, lineno=lineno) if weighed else only
            return nodes.Filter(only, f"${on_null}", [], [], None, None, lineno=lineno)
        if all(isinstance(node, nodes.Output) for node in tree.body):
            return nodes.Concat([part for output in tree.body for part in output.nodes], lineno=lineno)  # type: ignore[attr-defined]
        name = f"_text_{lineno}"
        self.scope.blocks.append(nodes.AssignBlock(nodes.Name(name, "store"), None, tree.body, lineno=lineno))
        return nodes.Name(name, "load", lineno=lineno)

    def _fault(self, path: json_text.Path, message: str) -> None:
        self.faults.append(TemplateFault(path=path, message=message))


def _prune(whole: nodes.Expr, items: Iterable[nodes.Expr]) -> nodes.Expr:
    if not any(isinstance(item, nodes.Filter) and item.name in OMITTING for item in items):
        return whole
    return nodes.Filter(whole, "$pruned", [], [], None, None, lineno=1)
