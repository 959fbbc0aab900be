"""Keys as people write them on the command line: the key's values in order, as separate words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import product

from engine.canonical import canonical
from engine.errors import ConfigError
from engine.mapping import HttpSource, MappingSpec
from engine.records import Key

NULL = "null"  # how a missing part of a key is written


def spellings(words: Sequence[str]) -> list[Key]:
    """Give the keys that some words may mean, the likeliest first: 5.0 may be text, or the number 5."""
    return list(product(*map(_meanings, words)))


def keys_of(mapping: MappingSpec, words: Sequence[str]) -> list[Key]:
    """Give the keys of an object that some words may mean, the likeliest first.

    Raises ConfigError when there are not as many words as the key has values.
    """
    names = mapping.source.key
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
    return isinstance(mapping.source, HttpSource) and mapping.source.feed is not None


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
