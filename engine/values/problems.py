"""How messages name things: the nearest known word, quoted names, places in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from difflib import get_close_matches

from engine.values.errors import Path as KeyPath
from engine.values.records import Key


def suggestion(word: str, known: Iterable[str]) -> str:
    """End a sentence with the nearest of the known words, or with all of them where they are few."""
    words = sorted(known)
    if near := get_close_matches(word, words, n=1):
        return f"; did you mean `{near[0]}`?"
    return f"; known here: {', '.join(words)}" if 0 < len(words) <= 20 else ""


def label(path: KeyPath) -> str:
    """Name a place in a file by its last key and the indexes after it, such as `key[0]`."""
    start = max((index for index, part in enumerate(path) if isinstance(part, str)), default=None)
    if start is None:
        return "the file"
    return f"`{path[start]}{''.join(f'[{index}]' for index in path[start + 1 :])}`"


def spelled(key: Key) -> str:
    """Write a key as people read it: its parts in order, quoted where blanks would not be seen."""
    return " ".join(map(_part, key))


def _part(part: str | None) -> str:
    if part is None:
        return "null"
    return part if part.split() == [part] else json.dumps(part, ensure_ascii=False)


def quoted(names: Iterable[str]) -> str:
    """List names as they stand in messages."""
    return ", ".join(f"`{name}`" for name in names)
