"""Faults of templates: found when one is compiled, or met when it is evaluated, in words for who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

from jinja2.exceptions import TemplateError, UndefinedError

from engine.values import json_text

# What evaluating a template with bad data can raise; all else is a fault of ours or of the source.
DATA_FAULTS = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

_KINDS = {  # of values, by the names of their types
    "NoneType": "null",
    "str": "a text",
    "int": "a number",
    "float": "a number",
    "decimal.Decimal": "a number",
    "Decimal": "a number",
    "bool": "a flag",
    "list": "a list",
    "tuple": "a list",
    "dict": "a map",
    "datetime.date": "a date",
    "datetime.datetime": "a time",
}
_COMPARED = re.compile(r"'(\S+)' not supported between instances of '([\w.]+)' and '([\w.]+)'")
_WALKED = re.compile(r"'([\w.]+)' object is not iterable")
_TYPE = re.compile(r"'([\w.]+)'( objects?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFault:
    """One fault of a template, found when it was compiled."""

    path: json_text.Path  # inside the compiled spec
    message: str  # what and how to mend


class TemplateFaults(Exception):
    """All faults of one spec; nothing was compiled."""

    def __init__(self, faults: Iterable[TemplateFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{json_text.path_text(fault.path)}: {fault.message}" for fault in self.faults))


class RenderFault(Exception):
    """A template could not be evaluated with these values."""

    def __init__(self, path: json_text.Path, expression: str, reason: str) -> None:
        super().__init__(f"{json_text.path_text(path) or 'value'}: {reason} in {expression}")
        self.path = path  # inside the value to be made
        self.expression = expression
        self.reason = reason


class UnknownName(UndefinedError):
    """A template names what is neither a column nor shared."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown name {name!r}")
        self.name = name


def reason_of(error: BaseException, known: Iterable[str]) -> str:
    """Say why an evaluation failed; `known` are the names that it might have used."""
    if isinstance(error, UnknownName):
        return f"{error}{nearest(error.name, frozenset(known))}"
    if isinstance(error, ArithmeticError):
        return "a number is too large or too small to be calculated with"
    if isinstance(error, ValueError | UndefinedError):
        return str(error)[:400]
    return _plain(str(error))[:200] or type(error).__name__


def _plain(sentence: str) -> str:
    """Say without the words of Python what it says of two values, or of one."""
    if found := _COMPARED.fullmatch(sentence):
        sign, one, other = found.groups()
        return f"{_KINDS.get(one, one)} and {_KINDS.get(other, other)} cannot be compared by `{sign}`"
    if found := _WALKED.fullmatch(sentence):
        return f"{_KINDS.get(found[1], found[1])} is no list"
    return _TYPE.sub(lambda found: _KINDS.get(found[1], found[0]), sentence)


@lru_cache(maxsize=256)  # a name that is wrong for one row is wrong for all
def nearest(name: str, known: frozenset[str]) -> str:
    """Suggest the known name that is most like this one, or give an empty text."""
    match = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""
