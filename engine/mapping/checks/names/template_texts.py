"""What the text of a template tells without a row: the names and attributes that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.mapping.spec import Templates
from engine.templates import names_in
from engine.values import Path

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
        """The names that it uses; none if it cannot be parsed."""
        return names_in(self.text)

    @property
    def attributes(self) -> Iterator[tuple[str, str]]:
        """Each NAME.ATTRIBUTE of its code, methods aside."""
        for found in CODE.finditer(self.text):
            for attribute in ATTRIBUTE.finditer(TEXTS.sub("''", found[1] or found[2] or "")):
                yield attribute["head"], attribute["name"]

    @property
    def outer_names(self) -> frozenset[str]:
        """The names that it uses of what is around the outermost `$each`."""
        if not self.each:
            return self.names
        if len(self.each) > 1:
            return frozenset()
        return frozenset(name for head, name in self.attributes if head == "parent")

    @property
    def is_soft(self) -> bool:
        """Whether it provides for a name that is missing."""
        return SOFT.search(self.text) is not None


def texts(path: Path, value: Templates, each: tuple[str, ...] = ()) -> Iterator[Text]:
    """Yield every text inside a JSON-like value; the list of a `$each` as the template that gives it."""
    match value:
        case str():
            yield Text(path, value, each)
        case Mapping():
            walked = value.get("$each")
            inside = each if walked is None else (*each, str(walked))
            for key, inner in value.items():
                if key == "$each":
                    yield Text((*path, key), f"{{{{ {inner} }}}}", each)
                else:
                    yield from texts((*path, key), inner, inside)
        case list():
            for index, inner in enumerate(value):
                yield from texts((*path, index), inner, each)


def value_names(value: Templates) -> frozenset[str]:
    """Gather the names that the texts of a JSON-like value use; none of those that cannot be parsed."""
    return frozenset[str]().union(*(text.outer_names for text in texts((), value)))
