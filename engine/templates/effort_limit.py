"""What one evaluation may cost: all that it makes and walks through is counted, so that no template is a bomb.

One unit is a character, or one node of a template's syntax for each element that a loop goes through; an element of
a list that is made costs ten. The count depends on the values alone, so the same rows are refused on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any

from engine.templates.filters.texts import join, text
from engine.templates.nulls import sent

MAX_EFFORT = 20_000_000  # units of one line, request or other value: a second or two, some hundred MB at worst
ELEMENT = 10  # of a list or map, for the place that it takes
_LONG_BITS = 256  # a longer whole number is charged by its bits
_SIZED = (str, bytes, list, tuple, dict)
_SPLITS = frozenset({"split", "rsplit", "splitlines"})

# Filters and tests that read the whole of a text or list; the others take about the same time for every value.
_OF_TEXTS = ("blank_to_null", "lower", "path", "text", "trim", "upper")
_OF_LISTS = ("list", "max", "min", "reverse", "sort", "sum", "unique")
_COMPARING = ("!=", "<", "<=", "==", ">", ">=", "eq", "ge", "gt", "in", "le", "lower", "lt", "ne", "upper")


class Effort:
    """What is left for the evaluation under way."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_EFFORT

    def spend(self, units: int) -> None:
        """Charge some units. Raises ValueError when nothing is left; nothing of the kind was made yet."""
        self.left -= units
        if self.left < 0:
            raise ValueError(
                f"takes more than {MAX_EFFORT:,} steps and characters; let the query do what takes so much,"
                " and send what is so large as a file"
            )

    def begun(self, rows: Iterable[Any]) -> Iterable[Any]:
        """Give the rows, each with the whole effort before it."""
        for row in rows:
            self.left = MAX_EFFORT
            yield row

    def walked(self, values: Iterable[Any], weight: int) -> Iterable[Any]:
        """Give what a loop goes through; `weight` is what one element costs."""
        listed = values if isinstance(values, _SIZED) else list(values)
        self.spend(len(listed) * weight)
        return listed

    def looked(self, value: Any) -> Any:
        """Charge for a value that is compared or searched."""
        if isinstance(value, _SIZED):
            self.spend(len(value))
        return value

    def sent(self, value: Any) -> Any:
        """Give a leaf's value, charging for it: an element may send what belongs to the row around it."""
        return self.weighed(sent(value))

    def weighed(self, value: Any) -> Any:
        """Charge for a value with all that it holds, as often as it holds it."""
        match value:
            case str() | bytes():
                self.spend(len(value))
            case list() | tuple():
                self.spend(len(value) * ELEMENT)
                for each in value:
                    self.weighed(each)
            case Mapping():
                self.spend(len(value) * ELEMENT)
                for name, each in value.items():
                    self.weighed(name)
                    self.weighed(each)
        return value

    def made(self, value: Any) -> Any:
        """Charge for a text, or for a list but not for what it holds."""
        if isinstance(value, str):
            self.spend(len(value))
        elif isinstance(value, list | tuple):
            self.spend(len(value) * ELEMENT)
        return value

    def joined(self, parts: list[str], separator: str = "") -> str:
        """Put texts together."""
        self.spend(sum(map(len, parts)) + len(separator) * len(parts) + 1)
        return separator.join(parts)

    def added(self, left: Any, right: Any) -> None:
        """Charge for two texts or lists that are about to become one."""
        if isinstance(left, str | list) and isinstance(right, str | list):
            self.spend((len(left) + len(right)) * (1 if isinstance(left, str) else ELEMENT))

    def calculated(self, *numbers: Any) -> None:
        """Charge for numbers so long that arithmetic with them takes time."""
        for number in numbers:
            if type(number) is int and (bits := number.bit_length()) > _LONG_BITS:
                self.spend(bits)

    def called(self, obj: Any, method: str, args: Sequence[Any]) -> None:
        """Charge for a method that is about to be called, and for a text that it is about to make larger."""
        if not isinstance(obj, str | list | tuple):
            return
        self.spend(len(obj) * (ELEMENT if method in _SPLITS else 1))
        match method, args:
            case "replace", [str() as old, str() as new, *_] if isinstance(obj, str):
                self.spend(obj.count(old) * len(new))
            case "join", [values]:
                listed = [len(each) for each in values if isinstance(each, str)]
                self.spend(sum(listed) + len(listed) * (len(obj) + 1))
            case _, [value, *_]:
                self.looked(value)

    def filters(self, filters: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
        """Give the same filters, charging for what they read and make."""
        return {
            **filters,
            **{name: self._of_text(filters[name]) for name in _OF_TEXTS},
            **{name: self._of_list(filters[name]) for name in _OF_LISTS},
            "replace": self._replace(filters["replace"]),
            "join": self._join,
            "default": self._default(filters["default"]),
        }

    def tests(self, tests: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
        """Give the same tests, charging for the values that they are given."""
        return {**tests, **{name: self._comparing(tests[name]) for name in _COMPARING}}

    def _of_text(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @wraps(function)
        def charged(value: Any) -> Any:
            if isinstance(value, str):
                self.spend(len(value))
            return function(value)

        return charged

    def _of_list(self, function: Callable[..., Any]) -> Callable[..., Any]:
        position = 1 if hasattr(function, "jinja_pass_arg") else 0  # behind what Jinja gives of its own

        @wraps(function)
        def charged(*args: Any, **kwargs: Any) -> Any:
            self.weighed(args[position])
            return self.made(function(*args, **kwargs))

        return charged

    def _comparing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def charged(*args: Any) -> Any:
            for value in args:
                self.looked(value)
            return function(*args)

        return charged

    def _replace(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def charged(value: Any, old: str, new: str) -> Any:
            written = text(value)
            if written is not None:
                self.called(written, "replace", (old, new))
            return function(written, old, new)

        return charged

    def _default(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def charged(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
            found = function(value, fallback, boolean)
            return found if found is value else self.weighed(found)

        return charged

    @wraps(join)
    def _join(self, values: Iterable[Any] | None, separator: str = "") -> str | None:
        if values is None:
            return None
        self.made(values)
        return self.joined([part for value in values if (part := text(value)) is not None], separator)
