"""Removes secrets from texts by their value, however they are written: encoded, broken over lines, or cut short."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from engine.values.spellings import Plain, as_written, meaning, plain, without_blanks

HIDDEN = "***"
SHORTEST = 4  # a shorter secret would take harmless texts with it, and protects nothing
_HEAD = 8  # so many characters of a secret in a row are no accident: hidden with as much as follows of it
_WORD = r"[\w-]"  # a secret that is shorter than a head is hidden as a whole word alone


class _Forms(NamedTuple):
    """The forms of some secrets: short ones as words, long ones by their beginnings."""

    words: re.Pattern[str] | None
    long: tuple[str, ...]  # without blanks, in small letters, the longest first
    heads: frozenset[str]  # that stand for what begins with them


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text; those of fewer than 4 characters stay, and shorter than 8 are whole words.

    Each is found also as JSON, HTML, XML and URLs write it, several times over, and in capitals; of 8 characters or
    more also in hexadecimals, in base64, and where line breaks stand in it or its end is missing.
    """
    forms = _forms(frozenset(secrets))
    if not text or not (forms.words or forms.long):
        return text
    found = _found(as_written(text), forms)
    meant = meaning(text)
    if meant != text and _found(as_written(meant), forms):
        found += _found(plain(text), forms)
    return _hidden(text, sorted(found)) if found else text


def _found(text: Plain, forms: _Forms) -> list[tuple[int, int]]:
    """List where secrets stand in what was written."""
    return [*_words(text, forms), *_long(without_blanks(text), forms)]


def _words(text: Plain, forms: _Forms) -> Iterator[tuple[int, int]]:
    for match in forms.words.finditer(text.text) if forms.words else ():
        yield text.span(*match.span())


def _long(text: Plain, forms: _Forms) -> Iterator[tuple[int, int]]:
    """Yield where a long secret stands, for as long as it goes on like it."""
    small = _small(text.text)
    for form in forms.long:
        head = form[:_HEAD] if form[:_HEAD] in forms.heads else form
        start = small.find(head)
        while start >= 0:
            end = start + len(head)
            while end < len(small) and end - start < len(form) and small[end] == form[end - start]:
                end += 1
            yield text.span(start, end)
            start = small.find(head, end)


def _hidden(text: str, spans: Iterable[tuple[int, int]]) -> str:
    kept, at = [], 0
    for start, end in spans:
        if start >= at:
            kept += [text[at:start], HIDDEN]
        at = max(at, end)
    return "".join([*kept, text[at:]])


def _small(text: str) -> str:
    """Write in small letters, each character as one."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(each.lower()[:1] for each in text)


@lru_cache(maxsize=8)
def _forms(secrets: frozenset[str]) -> _Forms:
    """Gather the forms of secrets, the longest first, as one may be part of another."""
    known = sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=lambda each: (-len(each), each))
    short = [re.escape(form) for secret in known if len(secret) < _HEAD for form in (secret, meaning(secret))]
    words = re.compile(rf"(?<!{_WORD})(?:{'|'.join(short)})(?!{_WORD})", re.IGNORECASE) if short else None
    alike = {secret for secret in known if "://" in secret}  # many URLs begin like this one
    forms: dict[str, bool] = {}  # whether its beginning stands for it
    for secret in known:
        if len(secret) >= _HEAD:
            for form in map(_bare, _forms_of(secret)):
                forms[form] = forms.get(form, False) or secret not in alike
    long = sorted((form for form in forms if len(form) >= SHORTEST), key=lambda each: (-len(each), each))
    heads = {form[:_HEAD] for form in long if forms[form] and len(form) >= _HEAD}
    return _Forms(words, tuple(long), frozenset(heads))


def _bare(form: str) -> str:
    return _small("".join(form.split()))


def _forms_of(secret: str) -> Iterator[str]:
    """Yield what remains of a secret when escapes are undone: itself, hexadecimals, and base64."""
    yield secret
    yield from _usual(secret)  # of an escape that was cut in two nothing is undone
    if "\\" in secret or "%" in secret or "&" in secret:
        yield meaning(secret)  # it looks like an escape, and was undone as one
    data = secret.encode("utf-8", "surrogatepass")
    yield data.hex()
    for before in range(3):  # base64 of a text that holds the secret depends on how many bytes stand before it
        yield from _base64(data, before)


def _usual(secret: str) -> Iterator[str]:
    yield json.dumps(secret)[1:-1]
    yield html.escape(secret)
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield secret.replace(" ", "+")  # as a form writes it, its escapes undone


def _base64(data: bytes, before: int) -> Iterator[str]:
    """Yield the part of a base64 text that depends on the data alone, in both alphabets."""
    whole = b64encode(bytes(before) + data).decode()
    first, last = -(-before * 4 // 3), (before + len(data)) * 8 // 6
    yield whole[first:last]
    yield whole[first:last].translate(str.maketrans("+/", "-_"))
