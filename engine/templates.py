"""The template language of mappings: sandboxed Jinja, compiled once into a loop that gives one value a row."""

# ruff: noqa: N802 - Jinja finds the methods of a code generator by the names of its nodes

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache, partial
from inspect import Signature, signature
from types import NoneType
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import LoopContext
from jinja2.sandbox import SandboxedEnvironment
from jinja2.tests import TESTS as JINJA_TESTS

from engine import filters
from engine.jsontext import NotJson, Path, encode, path_text
from engine.mapping import OnNull
from engine.records import Refusal, Stage

# --- results -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFault:
    """One fault of a template, found when it was compiled."""

    path: Path  # inside the compiled spec
    message: str  # what and how to mend


class TemplateFaults(Exception):
    """All faults of one spec; nothing was compiled."""

    def __init__(self, faults: Iterable[TemplateFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{path_text(fault.path)}: {fault.message}" for fault in self.faults))


class RenderFault(Exception):
    """A template could not be evaluated with these values."""

    def __init__(self, path: Path, expression: str, reason: str) -> None:
        super().__init__(f"{path_text(path) or 'value'}: {reason} in {expression}")
        self.path = path  # inside the value to be made
        self.expression = expression
        self.reason = reason


class _Nulls:
    """The null reference: false, equal to null, and every attribute of it is null."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return other is None or other is self

    def __hash__(self) -> int:
        return hash(None)

    def __repr__(self) -> str:
        return "NULLS"


NULLS = _Nulls()

# --- what templates may use ----------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OF_JINJA = _words("first last list map max min reject rejectattr reverse select selectattr sort unique")
FILTERS: Mapping[str, Callable[..., Any]] = {
    **filters.FILTERS,
    **{name: JINJA_FILTERS[name] for name in sorted(_OF_JINJA)},
}
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
_SIGNATURES = {
    name: Signature([each for each in signature(function).parameters.values() if each.name != "timezone"])
    for name, function in filters.FILTERS.items()
}
_TESTS = _words(
    "!= < <= == > >= boolean divisibleby eq even false ge gt in integer iterable le lower lt mapping ne number odd"
    " sequence string true upper"
)
_OWN_TESTS = _words("none defined undefined")

_METHODS: Mapping[type, frozenset[str]] = {
    str: _words(
        "capitalize casefold count endswith find isalnum isalpha isdecimal isdigit islower isnumeric isspace isupper"
        " join ljust lower lstrip partition removeprefix removesuffix replace rfind rjust rpartition rsplit rstrip"
        " split splitlines startswith strip title upper zfill"
    ),
    dict: _words("get items keys values"),
    list: _words("count index"),
    tuple: _words("count index"),
    dt.date: _words("isoformat isoweekday weekday"),
    dt.datetime: _words("date isoformat isoweekday weekday"),
    Decimal: _words("is_signed is_zero"),
}
_METHOD_NAMES = frozenset[str]().union(*_METHODS.values())
_ATTRIBUTES: Mapping[type, frozenset[str]] = {
    dt.date: _words("year month day"),
    dt.datetime: _words("year month day hour minute second microsecond"),
    LoopContext: _words("index index0 revindex revindex0 first last length previtem nextitem"),
}
_INDEXED = (Mapping, Sequence)
_MAX_WIDTH = 10_000  # of padding, so that no template fills the memory

_NODES = _words(
    "Output TemplateData For If Assign AssignBlock Name Const List Tuple Dict Pair Getattr Getitem Slice Filter Test"
    " Call Keyword CondExpr Compare Operand Concat And Or Not Neg Pos Add Sub Mul Div FloorDiv Mod"
)

# What evaluating a template with bad data can raise; all else is a fault of ours or of the source.
_DATA_FAULTS = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_OMITTED = object()
_UNMADE = (Iterator, KeysView, ValuesView, ItemsView)
_SCALARS = frozenset({str, int, bool, NoneType, Decimal})


class _UnknownName(UndefinedError):
    def __init__(self, name: str) -> None:
        super().__init__(f"unknown name {name!r}")
        self.name = name


@lru_cache(maxsize=256)  # a name that is wrong for one row is wrong for all
def _nearest(name: str, known: frozenset[str]) -> str:
    match = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""


# --- from Jinja's nodes to Python ------------------------------------------------------------------------


class _Generator(CodeGenerator):
    """Writes code whose outputs keep their type, each leaf on a line of its own."""

    environment: _Environment

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:
        for child in node.nodes:
            self.start_write(frame, child)
            if frame.buffer is None:
                self.visit(child, frame)
            else:
                self._joined([child], frame)
            self.end_write(frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self._joined(node.nodes, frame)

    def _joined(self, parts: Iterable[nodes.Expr], frame: Frame) -> None:
        self.write("environment.joined((")
        for part in parts:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        self.write("{")
        for item in node.items:
            self.newline(item.value)
            self.visit(item.key, frame)
            self.write(": ")
            self.visit(item.value, frame)
            self.write(", ")
        self.write("}")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:
        self.write("[")
        for item in node.items:
            self.newline(item)
            self.visit(item, frame)
            self.write(", ")
        self.write("]")

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:
        exact = isinstance(node.value, float | Decimal)
        self.write(f"environment.decimal({str(node.value)!r})" if exact else repr(node.value))

    def visit_CondExpr(self, node: nodes.CondExpr, frame: Frame) -> None:
        self.write("(")
        self.visit(node.expr1, frame)
        self.write(" if ")
        self.visit(node.test, frame)
        self.write(" else ")
        self.visit(node.expr2 or nodes.Const(None), frame)
        self.write(")")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        self.write("environment.getitem(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(node.arg, frame)
        self.write(")")

    def visit_Slice(self, node: nodes.Slice, frame: Frame) -> None:
        self.write("slice(")
        for part in (node.start, node.stop, node.step):
            self.visit(part or nodes.Const(None), frame)
            self.write(", ")
        self.write(")")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        method = node.node
        assert isinstance(method, nodes.Getattr)  # noqa: S101 - _call_fault refuses all else
        self.write("environment.invoke(")
        self.visit(method.node, frame)
        self.write(f", {method.attr!r}")
        self.signature(node, frame)
        self.write(")")

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:
        if node.name == "default":
            self._softly(self.filters[node.name], node, frame)
        else:
            super().visit_Filter(node, frame)

    def visit_Test(self, node: nodes.Test, frame: Frame) -> None:
        if node.name in {"defined", "undefined"}:
            self._softly(self.tests[node.name], node, frame)
        else:
            super().visit_Test(node, frame)

    def _softly(self, function: str, node: nodes.Filter | nodes.Test, frame: Frame) -> None:
        """Call with null for what is unknown."""
        self.write(f"{function}(environment.softly(lambda: ")
        self.visit(node.node or nodes.Const(None), frame)
        self.write(")")
        self.signature(node, frame)
        self.write(")")


class _Environment(SandboxedEnvironment):
    """What generated code may reach: values, their items, and the tables above."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})
    intercepted_unops = frozenset({"+", "-"})
    decimal = Decimal

    def __init__(self, timezone: dt.tzinfo, *, lenient: bool) -> None:
        super().__init__(optimized=False, cache_size=0)
        self.lenient = lenient
        self.undefined = self._unknown  # type: ignore[assignment]  # is only called: raises, or gives null, at once
        self.globals.clear()
        zoned = {name: partial(FILTERS[name], timezone=timezone) for name in ("date", "instant")}
        policies = {"$send": _sent, "$omit": _omitted, "$reject": _rejected, "$pruned": _pruned}
        self.filters = {**FILTERS, **zoned, **policies}
        self.tests = {name: JINJA_TESTS[name] for name in _TESTS}
        self.tests["none"] = self.tests["undefined"] = lambda value: value is None or value is NULLS
        self.tests["defined"] = lambda value: value is not None and value is not NULLS

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Mapping) or obj is NULLS:
            return self.getitem(obj, attribute)
        if attribute in _allowed(_ATTRIBUTES, obj):
            return getattr(obj, attribute)
        return self._missing(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if obj is NULLS:
            return None
        if isinstance(obj, _INDEXED):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self._missing(obj, argument)

    def invoke(self, obj: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method not in _allowed(_METHODS, obj):
            return self._missing(obj, method)
        if any(isinstance(arg, int) and arg > _MAX_WIDTH for arg in args):
            raise ValueError(f"{method}() takes numbers up to {_MAX_WIDTH}")
        return getattr(obj, method)(*args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        return filters.calculate(operator, left, right)

    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:
        return filters.negate(operator, arg)

    @staticmethod
    def joined(parts: Iterable[Any]) -> str:
        """Write values one behind the other by the rule for text: null is empty."""
        return "".join([part if type(part) is str else filters.text(_sent(part)) or "" for part in parts])

    @staticmethod
    def softly(expression: Callable[[], Any]) -> Any:
        """Give null where the expression comes upon an unknown name or attribute."""
        try:
            return _sent(expression())
        except UndefinedError:
            return None

    def _unknown(self, hint: str | None = None, obj: Any = None, name: Any = None, exc: Any = None) -> None:
        if not self.lenient:
            raise UndefinedError(hint) if hint else _UnknownName(name)

    def _missing(self, obj: Any, name: Any) -> None:
        if self.lenient:
            return
        if obj is None:
            raise UndefinedError(f"{name!r} of null: what should have it is null")
        if name in _allowed(_METHODS, obj) and not isinstance(obj, Mapping):
            raise UndefinedError(f"{name!r} is a method: write {name}()")
        known = obj if isinstance(obj, Mapping) else _allowed(_METHODS, obj) | _allowed(_ATTRIBUTES, obj)
        nearest = _nearest(name, frozenset(map(str, known))) if isinstance(name, str) else ""
        raise UndefinedError(f"{filters.preview(name)} is not in {_kind(obj)}{nearest}")


def _allowed(table: Mapping[type, frozenset[str]], obj: Any) -> frozenset[str]:
    kinds = (kind for kind in type(obj).__mro__ if kind in table)
    return table.get(next(kinds, object), frozenset())


def _kind(obj: Any) -> str:
    kinds = {str: "a text", int: "a number", Decimal: "a number", bool: "a flag", list: "a list", tuple: "a list"}
    return "this map" if isinstance(obj, Mapping) else kinds.get(type(obj), f"a {type(obj).__name__}")


def _sent(value: Any) -> Any:
    """Give a leaf's value: lists that are still being made are made here, where their faults are known by field."""
    if type(value) in _SCALARS:
        return value
    if value is NULLS:
        return None
    return list(value) if isinstance(value, _UNMADE) else value


def _omitted(value: Any) -> Any:
    value = _sent(value)
    return _OMITTED if value is None else value


def _rejected(value: Any) -> Any:
    value = _sent(value)
    if value is None:
        raise ValueError("is null")
    return value


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item is not _OMITTED}
    return [item for item in value if item is not _OMITTED]


@lru_cache(maxsize=16)
def _environment(timezone: dt.tzinfo, *, lenient: bool) -> _Environment:
    return _Environment(timezone, lenient=lenient)


# --- faults of one template --------------------------------------------------------------------------------


def _faults(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all(nodes.Node):
        if type(node).__name__ not in _NODES:
            yield f"`{getattr(node, 'operator', None) or type(node).__name__.lower()}` is not offered in templates"
        elif check := _CHECKS.get(type(node)):
            yield from check(node)


def _name_faults(node: nodes.Name) -> Iterator[str]:
    if node.name.startswith("_") or node.name == "self":
        yield f"the name {node.name!r} is reserved; a column of that name is reached as row[{node.name!r}]"
    elif node.ctx == "store" and node.name in {"loop", "row"}:
        yield f"the name {node.name!r} cannot be set; choose another"


def _attribute_faults(node: nodes.Getattr) -> Iterator[str]:
    if node.attr.startswith("_"):
        yield f"the attribute {node.attr!r} is private; an item of that name is reached as [{node.attr!r}]"


def _call_faults(node: nodes.Call) -> Iterator[str]:
    if not isinstance(node.node, nodes.Getattr):
        name = getattr(node.node, "name", "this")
        yield f"{name!r} is not a function; " + (
            f"write `value | {name}`" if name in FILTERS else "templates call only methods of values, such as x.strip()"
        )
    elif node.node.attr not in _METHOD_NAMES:
        yield f"the method {node.node.attr!r} is not offered{_nearest(node.node.attr, _METHOD_NAMES)}"
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
    elif node.name == "map" and node.args and isinstance(node.args[0], nodes.Const):
        yield from [_unknown_filter(name) for name in [node.args[0].value] if name not in FILTERS]
    elif expected := _SIGNATURES.get(node.name):
        try:
            expected.bind(node.node, *node.args, **{str(each.key): each for each in node.kwargs})
        except TypeError as error:
            yield f"the filter {node.name!r}: {error}"


def _unknown_filter(name: Any) -> str:
    instead = _INSTEAD.get(name)
    return f"unknown filter {name!r}" + (f"; use {instead}" if instead else _nearest(str(name), frozenset(FILTERS)))


def _test_faults(node: nodes.Test) -> Iterator[str]:
    yield from _signature_faults(node)
    if node.name not in _TESTS | _OWN_TESTS:
        yield f"unknown test {node.name!r}{_nearest(node.name, _TESTS | _OWN_TESTS)}"


def _for_faults(node: nodes.For) -> Iterator[str]:
    if node.recursive:
        yield "`recursive` is not offered in loops"


_CHECKS: Mapping[type[nodes.Node], Callable[[Any], Iterator[str]]] = {
    nodes.Name: _name_faults,
    nodes.Getattr: _attribute_faults,
    nodes.Call: _call_faults,
    nodes.Filter: _filter_faults,
    nodes.Test: _test_faults,
    nodes.For: _for_faults,
}


# --- from a spec to one expression ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Leaf:
    path: Path  # inside the value to be made
    text: str  # the template


@dataclass(slots=True)
class _Spec:
    """A spec on its way to be one expression: what was found so far."""

    environment: _Environment
    on_null: OnNull
    leaves: list[_Leaf] = field(default_factory=list)
    blocks: list[nodes.Node] = field(default_factory=list)  # evaluated before the expression, row by row
    faults: list[TemplateFault] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    inner_names: set[str] = field(default_factory=set)  # that occur otherwise than as a whole leaf
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
            self._fault((*path, "$on_null"), f"{filters.preview(on_null)} is not a null policy: send, omit or reject")
            on_null = "send"
        if isinstance(spec.get("$value"), Mapping | list | tuple) or "$value" not in spec:
            self._fault((*path, "$value"), "$value must be there and be one template; nest maps outside of it")
            return nodes.Const(None, lineno=1)
        return self.value(spec["$value"], path, on_null=on_null, at=(*path, "$value"))

    def _template(self, text: str, path: Path, on_null: OnNull, at: Path) -> nodes.Expr:
        try:
            tree = self.environment.parse(text)
            faults = list(_faults(tree))
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
        self.leaves.append(_Leaf(path, text))
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


def _compile(spec: Any, environment: _Environment, on_null: OnNull) -> tuple[_Spec, nodes.Expr]:
    found = _Spec(environment, on_null)
    expression = found.value(spec)
    if found.faults:
        raise TemplateFaults(found.faults)
    return found, expression


# --- the loop over rows ----------------------------------------------------------------------------------------


class _Program:
    """A spec compiled to a generator over row tuples: one value a row."""

    def __init__(self, spec: _Spec, expression: nodes.Expr, columns: Sequence[str] = ()) -> None:
        uses_row = bool(columns) and (spec.whole_row or bool(spec.row_names))
        targets = [_target(index, name, spec.names, aside=uses_row) for index, name in enumerate(columns)]
        body = [*spec.blocks, nodes.Output([expression], lineno=1)]
        if uses_row:
            pairs = [nodes.Pair(nodes.Const(n), nodes.Name(t, "load")) for n, t in zip(columns, targets, strict=True)]
            body.insert(0, nodes.Assign(nodes.Name("row", "store"), nodes.Dict(pairs, lineno=1), lineno=1))
        target = nodes.Tuple([nodes.Name(name, "store") for name in targets], "store")
        loop = nodes.For(target, nodes.Name("_rows", "load"), body, [], None, False, lineno=1)
        tree = nodes.Template([loop], lineno=1)
        tree.set_environment(spec.environment)
        self._template = spec.environment.from_string(tree)
        self._code = self._template.root_render_func.__code__
        self._names = spec.names
        self._leaves = spec.leaves

    def run(self, rows: Iterable[Sequence[Any]], shared: Mapping[str, Any]) -> Iterator[Any]:
        """Give each row's value; a fault ends the iterator, and a new one over the same rows goes on behind it."""
        context = {name: shared[name] for name in self._names if name in shared}
        return self._template.root_render_func(self._template.new_context({**context, "_rows": rows}))

    def fault(self, error: BaseException, known: Iterable[str]) -> RenderFault:
        """Name the leaf whose line raised the error, or raise it again if no leaf did (the rows themselves)."""
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code is not self._code:
            trace = trace.tb_next
        number = self._template.get_corresponding_lineno(trace.tb_lineno) - 2 if trace else -1
        if number < 0:
            raise error
        leaf = self._leaves[number]
        return RenderFault(leaf.path, leaf.text[:200], _reason(error, known))


def _target(index: int, name: str, used: set[str], *, aside: bool) -> str:
    if name in used:
        return name
    return f"_column_{index}" if aside else "_"


def _reason(error: BaseException, known: Iterable[str]) -> str:
    if isinstance(error, _UnknownName):
        return f"{error}{_nearest(error.name, frozenset(known))}"
    if isinstance(error, ValueError | UndefinedError):
        return str(error)[:400]
    return str(error).replace("'NoneType'", "null")[:200] or type(error).__name__


class Fields:
    """Compiled `fields`: one line of JSON a row."""

    def __init__(self, spec: _Spec, expression: nodes.Expr) -> None:
        self.names = frozenset(spec.names - {"row"})  # columns, refs, vars
        self.row_names = frozenset(spec.row_names)  # names reached as row["odd name"]
        self.whole_row = spec.whole_row  # `row` is used otherwise too
        self._spec = spec
        self._expression = expression
        self._programs: dict[tuple[str, ...], _Program] = {}
        self._program(tuple(sorted(self.names)))  # so that code which Python refuses is found at load

    def render(
        self, rows: Iterable[Sequence[Any]], columns: Sequence[str], shared: Mapping[str, Any]
    ) -> Iterator[bytes | Refusal]:
        """Give one result a row, in order: the line as JSON, or why the row has none.

        Lazy; `columns` name the values of each row and hide names in `shared`. Errors of `rows` pass through.
        """
        program = self._program(tuple(columns))
        remaining = iter(rows)
        while True:
            try:
                for line in program.run(remaining, shared):
                    yield self._line(line)
                return
            except _DATA_FAULTS as error:
                fault = program.fault(error, [*columns, *shared])
                yield _refusal(fault)

    def _program(self, columns: tuple[str, ...]) -> _Program:
        if columns not in self._programs:
            self._programs[columns] = _Program(self._spec, self._expression, columns)
        return self._programs[columns]

    def _line(self, line: Any) -> bytes | Refusal:
        try:
            return encode(line)
        except NotJson as fault:
            leaves = [leaf for leaf in self._spec.leaves if leaf.path == fault.path[: len(leaf.path)]]
            text = leaves[0].text[:200] if leaves else ""
            return _refusal(RenderFault(fault.path, text, fault.reason))


def _refusal(fault: RenderFault) -> Refusal:
    field_path = path_text(fault.path) or None
    return Refusal(stage=Stage.RENDER, reason=fault.reason, field=field_path, expression=fault.expression or None)


def compile_fields(spec: Mapping[str, Any], *, on_null: OnNull, timezone: dt.tzinfo) -> Fields:
    """Compile a mapping's `fields`.

    Raises:
        TemplateFaults: every fault of the spec.
    """
    return Fields(*_compile(spec, _environment(timezone, lenient=False), on_null))


class Value:
    """Any compiled spec: a request's path, query and body, a look-up, the fields of a table."""

    def __init__(self, spec: _Spec, expression: nodes.Expr) -> None:
        self.names = frozenset(spec.names)
        self.bare = frozenset(spec.names - spec.inner_names)  # occur only as the whole of a `{{ name }}`
        self._program = _Program(spec, expression)

    def render(self, context: Mapping[str, Any]) -> Any:
        """Give the value.

        Raises:
            RenderFault: the first template that could not be evaluated.
        """
        try:
            return next(self._program.run([()], context))
        except _DATA_FAULTS as error:
            raise self._program.fault(error, context) from error


def compile_value(spec: Any, *, timezone: dt.tzinfo, lenient: bool = False, on_null: OnNull = "send") -> Value:
    """Compile any spec; `lenient` makes null of unknown names and attributes, also of those of null (ledger.md 9).

    Raises:
        TemplateFaults: every fault of the spec.
    """
    return Value(*_compile(spec, _environment(timezone, lenient=lenient), on_null))
