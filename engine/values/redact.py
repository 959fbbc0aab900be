"""Removes secrets from texts by their value, wherever they stand: also encoded, broken over lines, or cut short."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORTEST = 4  # a shorter secret would take harmless texts with it, and protects nothing
_HEAD = 8  # so many characters of a secret in a row are no accident: hidden with as much as follows of it
_BLANKS = re.compile(r"(?:\s|\\[rn])*")


class _Forms(NamedTuple):
    """The forms of some secrets: exact ones, and by their beginnings those that are known by it."""

    exact: re.Pattern[str] | None
    heads: re.Pattern[str] | None
    long: tuple[str, ...]


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text; those of fewer than 4 characters stay.

    A secret of 8 characters or more is found also in base64, and where line breaks stand in it or its end is missing.
    """
    forms = _forms(frozenset(secrets))
    if forms.exact:
        text = forms.exact.sub(HIDDEN, text)
    return _without_cut(text, forms) if forms.heads else text


def _without_cut(text: str, forms: _Forms) -> str:
    """Replace what begins like a long secret, for as long as it goes on like it."""
    kept, at = [], 0
    while forms.heads and (found := forms.heads.search(text, at)):
        end = max(_match_end(text, found.start(), form) for form in forms.long)
        kept += [text[at : found.start()], HIDDEN]
        at = max(end, found.end())
    return "".join([*kept, text[at:]])


def _match_end(text: str, start: int, form: str) -> int:
    """Tell how far a text goes on like a secret, whatever blanks stand in between."""
    at = start
    for each in form:
        after = at if text.startswith(each, at) else _blanks_end(text, at)
        if not text.startswith(each, after):
            break
        at = after + len(each)
    return at


def _blanks_end(text: str, at: int) -> int:
    blanks = _BLANKS.match(text, at)
    return blanks.end() if blanks else at


@lru_cache(maxsize=8)
def _forms(secrets: frozenset[str]) -> _Forms:
    """Gather the forms of secrets, the longest first, as one may be part of another."""
    known = [secret for secret in secrets if len(secret) >= SHORTEST]
    listed = _longest({form for secret in known for form in _forms_of(secret)})
    alike = {secret for secret in known if "://" in secret}  # many URLs begin like this one
    long = _longest({form for secret in {*known} - alike for form in _forms_of(secret) if len(form) >= _HEAD})
    heads = sorted({each[:_HEAD] for each in long})
    return _Forms(_any(map(re.escape, listed)), _any(_spaced(head) for head in heads), long)


def _longest(forms: set[str]) -> tuple[str, ...]:
    return tuple(sorted(forms, key=lambda each: (-len(each), each)))


def _any(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(patterns)
    return re.compile(joined) if joined else None


def _spaced(head: str) -> str:
    return _BLANKS.pattern.join(map(re.escape, head))


def _forms_of(secret: str) -> Iterator[str]:
    """Yield how a secret may be written: plain, in JSON, HTML, a URL (with either hexadecimals), and in base64."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)
    if len(secret) >= _HEAD:
        for before in range(3):  # base64 of a text that holds the secret depends on how many bytes stand before it
            yield from _base64(secret.encode("utf-8", "surrogatepass"), before)


def _base64(data: bytes, before: int) -> Iterator[str]:
    """Yield the part of a base64 text that depends on the data alone, in both alphabets."""
    whole = b64encode(bytes(before) + data).decode()
    first, last = -(-before * 4 // 3), (before + len(data)) * 8 // 6
    yield whole[first:last]
    yield whole[first:last].translate(str.maketrans("+/", "-_"))
