"""Patterns of payload schemas: which of them could search for hours, and how long a text they are tried on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MAX_LENGTH = 10_000  # of a text; what grows with the square of a longer one would hold the whole program
_PART = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[:=!]|\?<[=!]|\?P?<\w+>)?|\)|\||[*+?]\??|\{\d*,?\d*\}|.", re.DOTALL
)
_MANY = re.compile(r"[*+]\??|\{\d*,\d*\}|\{(?:[2-9]|\d{2,})\}")  # repeats what stands before it, perhaps often
_OPEN = re.compile(r"[*+]\??|\{\d*,\}")  # repeats it without end


def fault(pattern: str) -> str | None:
    """Say why a pattern might take for ever; None: it cannot, or only by as much as its text is long.

    A group that is repeated must not hold a repetition without end or a choice, as `(a+)+` and `(a|a)*` do: the ways
    to read a text double with each character.
    """
    loose = [False]  # of each open group, whether it holds such a thing
    parts = _PART.findall(pattern)
    for part, after in zip(parts, [*parts[1:], ""], strict=True):
        if part.startswith("("):
            loose.append(False)
        elif part == ")" and len(loose) > 1:
            inner = loose.pop()
            if inner and _MANY.fullmatch(after):
                return "a repeated group holds a repetition or a choice, which could search for ever: write it out"
            loose[-1] |= inner
        elif part == "|" or _OPEN.fullmatch(part):
            loose[-1] = True
    return None


def patterns_of(schema: Any) -> Iterator[str]:
    """Yield every pattern of a JSON Schema."""
    if isinstance(schema, dict):
        if isinstance(pattern := schema.get("pattern"), str):
            yield pattern
        if isinstance(named := schema.get("patternProperties"), dict):
            yield from named
        for inner in schema.values():
            yield from patterns_of(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from patterns_of(inner)
