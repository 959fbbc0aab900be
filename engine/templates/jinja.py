"""The sandbox: Jinja's environment, cut down to what is offered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from jinja2.exceptions import UndefinedError
from jinja2.sandbox import SandboxedEnvironment

from engine.templates.effort_limit import Effort
from engine.templates.elements import STEPS, columns, given
from engine.templates.faults import UnknownName, nearest
from engine.templates.filters.dictionaries import Dictionaries
from engine.templates.filters.numbers import calculate, negate
from engine.templates.filters.texts import text
from engine.templates.generator import Generator
from engine.templates.nulls import NULLS, POLICIES, sent
from engine.templates.offered import ATTRIBUTES, FILTERS, METHODS, TESTS, allowed
from engine.values import preview

_INDEXED = (Mapping, Sequence)
_MAX_WIDTH = 10_000  # of padding, so that no template fills the memory


class Environment(SandboxedEnvironment):
    """What generated code may reach: values, their items, and what is offered."""

    code_generator_class = Generator
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})
    intercepted_unops = frozenset({"+", "-"})
    decimal = Decimal

    def __init__(self, timezone: dt.tzinfo, *, lenient: bool, maps: Mapping[str, Mapping[str, Any]] | None) -> None:
        super().__init__(optimized=False, cache_size=0)
        self.lenient = lenient
        self.dictionaries = None if maps is None else frozenset(maps)  # None: not known
        self.undefined = self._unknown  # type: ignore[assignment]  # is only called: raises, or gives null, at once
        self.globals.clear()
        own = {name: partial(FILTERS[name], timezone=timezone) for name in ("date", "instant", "local_datetime")}
        own["mapped"] = partial(FILTERS["mapped"], dictionaries=Dictionaries(maps or {}))
        self.effort = Effort()
        charging = {"$walked": self.effort.walked, "$weighed": self.effort.sent}
        steps = {**POLICIES, **STEPS, **charging, "$columns": given if lenient else columns}
        self.filters = {**self.effort.filters({**FILTERS, **own}), **steps}
        self.tests = self.effort.tests(TESTS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Mapping) or obj is NULLS:
            return self.getitem(obj, attribute)
        if attribute in allowed(ATTRIBUTES, obj):
            return getattr(obj, attribute)
        return self._missing(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if obj is NULLS:
            return None
        if isinstance(obj, _INDEXED):
            try:
                found = obj[argument]
            except (LookupError, TypeError):
                pass
            else:
                return self.effort.made(found) if type(argument) is slice else found
        return self._missing(obj, argument)

    def call_filter(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Apply the filter that `map` is given: one of those offered, none of the steps of generated code."""
        if name not in FILTERS:
            raise ValueError(f"unknown filter {preview(name)}")
        return super().call_filter(name, *args, **kwargs)

    def invoke(self, obj: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method not in allowed(METHODS, obj):
            return self._missing(obj, method)
        if any(isinstance(arg, int) and arg > _MAX_WIDTH for arg in args):
            raise ValueError(f"{method}() takes numbers up to {_MAX_WIDTH}")
        made = [sent(arg) for arg in args]
        self.effort.called(obj, method, made)
        return self.effort.made(getattr(obj, method)(*made, **kwargs))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "+":
            self.effort.added(left, right)
        result = calculate(operator, left, right)
        self.effort.calculated(left, right, result)
        return result

    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:
        return negate(operator, arg)

    def joined(self, parts: Iterable[Any]) -> str:
        """Write values one behind the other by the rule for text: null is empty."""
        return self.effort.joined([part if type(part) is str else text(sent(part)) or "" for part in parts])

    def compared(self, value: Any) -> Any:
        """Give the right side of a comparison."""
        return self.effort.looked(value)

    @staticmethod
    def softly(expression: Callable[[], Any]) -> Any:
        """Give null where the expression comes upon an unknown name or attribute."""
        try:
            return sent(expression())
        except UndefinedError:
            return None

    def _unknown(self, hint: str | None = None, obj: Any = None, name: Any = None, exc: Any = None) -> None:
        if not self.lenient:
            raise UndefinedError(hint) if hint else UnknownName(name)

    def _missing(self, obj: Any, name: Any) -> None:
        if self.lenient:
            return
        if obj is None:
            raise UndefinedError(f"{name!r} of null: what should have it is null")
        if name in allowed(METHODS, obj) and not isinstance(obj, Mapping):
            raise UndefinedError(f"{name!r} is a method: write {name}()")
        known = obj if isinstance(obj, Mapping) else allowed(METHODS, obj) | allowed(ATTRIBUTES, obj)
        suggestion = nearest(name, frozenset(map(str, known))) if isinstance(name, str) else ""
        raise UndefinedError(f"{preview(name)} is not in {_kind(obj)}{suggestion}")


def _kind(obj: Any) -> str:
    kinds = {str: "a text", int: "a number", Decimal: "a number", bool: "a flag", list: "a list", tuple: "a list"}
    return "this map" if isinstance(obj, Mapping) else kinds.get(type(obj), f"a {type(obj).__name__}")
