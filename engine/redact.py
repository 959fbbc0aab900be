"""Removes secrets from texts by their value, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

HIDDEN = "***"
SHORTEST = 4  # a shorter secret would take harmless texts with it, and protects nothing


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text; those of fewer than 4 characters stay."""
    pattern = _pattern(frozenset(secrets))
    return pattern.sub(HIDDEN, text) if pattern else text


@lru_cache(maxsize=8)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    """Match any of the secrets, the longest first, as one may be part of another."""
    found = sorted((secret for secret in secrets if len(secret) >= SHORTEST), key=lambda each: (-len(each), each))
    return re.compile("|".join(map(re.escape, found))) if found else None
