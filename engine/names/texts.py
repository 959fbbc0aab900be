"""What the text of a template tells without a row: its names, its attributes, its faults."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache

from engine.mapping import Templates
from engine.templates import TemplateFault, TemplateFaults, compile_value
from engine.yamltext import Path

TEXTS = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
CODE = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
ATTRIBUTE = re.compile(r"(?<![\w.])(?P<head>[A-Za-z_]\w*)\s*\.\s*(?P<name>[A-Za-z_]\w*)(?!\w|\s*\()")
SOFT = re.compile(r"\|\s*default\b|\bis\s+(?:not\s+)?(?:un)?defined\b")


@dataclass(frozen=True, slots=True)
class Text:
    """One text inside a value of templates."""

    path: Path
    text: str
    each: tuple[str, ...] = ()  # the lists that `$each` walks around it, outermost first

    @property
    def names(self) -> frozenset[str]:
        """The names that it uses; none if it does not compile."""
        return compiled(self.text)[0]

    @property
    def attributes(self) -> Iterator[tuple[str, str]]:
        """Each NAME.ATTRIBUTE of its code, methods aside."""
        for found in CODE.finditer(self.text):
            for attribute in ATTRIBUTE.finditer(TEXTS.sub("''", found[1] or found[2] or "")):
                yield attribute["head"], attribute["name"]

    @property
    def is_soft(self) -> bool:
        """Whether it provides for a name that is missing."""
        return SOFT.search(self.text) is not None


def texts(path: Path, value: Templates, each: tuple[str, ...] = ()) -> Iterator[Text]:
    """Yield every text inside a JSON-like value."""
    match value:
        case str():
            yield Text(path, value, each)
        case Mapping():
            inside = (*each, value["$each"]) if "$each" in value else each
            for key, inner in value.items():
                if key != "$each":
                    yield from texts((*path, key), inner, inside)
        case list():
            for index, inner in enumerate(value):
                yield from texts((*path, index), inner, each)


def value_names(value: Templates) -> frozenset[str]:
    """Gather the names that the texts of a JSON-like value use; none of those that do not compile."""
    return frozenset[str]().union(*(text.names for text in texts((), value)))


@lru_cache(maxsize=10_000)
def compiled(text: str) -> tuple[frozenset[str], tuple[TemplateFault, ...]]:
    """Give the names of a template, or its faults; the zone does not matter for either."""
    if "{{" not in text and "{%" not in text:
        return frozenset(), ()
    try:
        return compile_value(text, timezone=UTC).names, ()
    except TemplateFaults as faults:
        return frozenset(), faults.faults
