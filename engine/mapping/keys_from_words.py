"""Keys as people write them on the command line: the key's values in order, as separate words, or as one JSON list."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import product

from engine.mapping.spec import MappingSpec
from engine.values import ConfigError, Key, canonical

NULL = "null"  # how a missing part of a key is written


def spellings(words: Sequence[str]) -> list[Key]:
    """Give the keys that some words may mean, the likeliest first: 5.0 may be text, or the number 5.

    One word may be the whole key as `--json` prints it: so a key can be named that no word can hold, as with a NUL.
    """
    return [*product(*map(_meanings, words)), *(_listed(words[0]) if len(words) == 1 else ())]


def keys_of(mapping: MappingSpec, words: Sequence[str]) -> list[Key]:
    """Give the keys of an object that some words may mean, the likeliest first.

    Raises ConfigError when there are not as many words as the key has values.
    """
    names = mapping.source.key
    if len(words) == 1 and (whole := [key for key in _listed(words[0]) if len(key) == len(names) > 1]):
        return whole
    if len(words) != len(names):
        values = "one value" if len(names) == 1 else f"{len(names)} values"
        raise ConfigError(
            f"{mapping.object}: a key has {values} ({', '.join(names)}), {len(words) or 'none'} given; "
            f"write them in order as separate words: {mapping.object} {' '.join(name.upper() for name in names)}",
            code="E_KEY",
        )
    return spellings(words)


def is_feed(mapping: MappingSpec) -> bool:
    """Tell whether the source gives events, so that it cannot be asked for a record, nor read whole."""
    return mapping.source.gives_events


def _listed(word: str) -> list[Key]:
    """Read a JSON list of texts and nulls; none where the word is something else."""
    try:
        parts = json.loads(word)
    except (ValueError, RecursionError):
        return []
    return [tuple(parts)] if isinstance(parts, list) and all(isinstance(each, str | None) for each in parts) else []


def _meanings(word: str) -> Iterator[str | None]:
    yield word
    try:
        number = canonical(Decimal(word))
    except InvalidOperation:
        number = word
    if number != word:
        yield number
    if word == NULL:
        yield None
