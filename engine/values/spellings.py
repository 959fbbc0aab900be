"""Undoes how JSON, HTML, XML and URLs write characters, and keeps where in the text each of them stands."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

ROUNDS = 4  # encoded twice is usual where one answer quotes another; more is no accident
ESCAPE = re.compile(
    r"\\u(?P<pair>[dD][89abAB][0-9A-Fa-f]{2})\\u(?P<low>[dD][c-fC-F][0-9A-Fa-f]{2})"
    r"|\\u\{?(?P<unit>[0-9A-Fa-f]{4})\}?"
    r"|\\x(?P<byte>[0-9A-Fa-f]{2})"
    r"|\\(?P<plain>[\\/\"'bfnrt])"
    r"|(?P<percent>(?:%[0-9A-Fa-f]{2})+)"
    r"|(?P<entity>&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});)"
)
CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
BLANKS = re.compile(r"\s+")


class Part(NamedTuple):
    """A stretch of a text as it was meant."""

    start: int  # in the text as it was meant
    origin: int  # in the text as it was written
    end: int  # of what was written
    stepwise: bool  # its characters stand one by one in what was written


@dataclass(frozen=True, slots=True)
class Plain:
    """A text as it was meant, and where its parts stand in the text as it was written."""

    text: str
    parts: tuple[Part, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Tell which part of what was written stands for a part of this text."""
        first, last = self.part(start), self.part(end - 1)
        begins = first.origin + (start - first.start if first.stepwise else 0)
        return begins, last.origin + (end - last.start) if last.stepwise else last.end

    def part(self, at: int) -> Part:
        """Find the part that a character stands in."""
        return self.parts[self.number(at)]

    def number(self, at: int) -> int:
        """Find which part a character stands in."""
        return bisect_right(self.parts, at, key=lambda part: part.start) - 1


def as_written(text: str) -> Plain:
    """Take a text as it stands."""
    return Plain(text, (Part(0, 0, len(text), stepwise=True),))


def plain(text: str) -> Plain:
    """Undo escapes, several times where they stand in each other."""
    found = as_written(text)
    for _ in range(ROUNDS):
        if not ESCAPE.search(found.text):
            break
        found = _replaced(found, ESCAPE)
    return found


def meaning(text: str) -> str:
    """Undo escapes as `plain` does, quickly, as most texts hold nothing whose place is asked for."""
    for _ in range(ROUNDS):
        if not ESCAPE.search(text):
            break
        text = ESCAPE.sub(lambda match: "".join(each for each, *_ in _meant(match)), text)
    return text


def without_blanks(text: Plain) -> Plain:
    """Leave out blanks and line breaks, with which long texts are broken."""
    return _replaced(text, BLANKS) if BLANKS.search(text.text) else text


def _replaced(text: Plain, pattern: re.Pattern[str]) -> Plain:
    """Write each match as what it stands for, and keep what lies between."""
    made = _Made()
    at = 0
    for match in pattern.finditer(text.text):
        made.keep(text, at, match.start())
        for meant, start, end in _meant(match) if pattern is ESCAPE else ():
            made.add(meant, *text.span(start, end), stepwise=False)
        at = match.end()
    made.keep(text, at, len(text.text))
    return Plain("".join(made.texts), tuple(made.parts))


class _Made:
    """A text in the making."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.parts: list[Part] = []
        self.length = 0

    def add(self, text: str, origin: int, end: int, *, stepwise: bool) -> None:
        self.parts.append(Part(self.length, origin, end, stepwise))
        self.texts.append(text)
        self.length += len(text)

    def keep(self, text: Plain, start: int, end: int) -> None:
        """Take over what stands between two places, part by part."""
        number = text.number(start)
        while start < end:
            part = text.parts[number]
            number += 1
            until = min(end, text.parts[number].start) if number < len(text.parts) else end
            if until > start:
                self.add(text.text[start:until], *text.span(start, until), stepwise=part.stepwise)
                start = until


def _meant(match: re.Match[str]) -> Iterator[tuple[str, int, int]]:
    """Yield what an escape stands for, and where each character of it stands."""
    if match["percent"] is None:
        yield _character(match), match.start(), match.end()
        return
    at = match.start()
    for each in bytes.fromhex(match["percent"].replace("%", "")).decode("utf-8", "surrogateescape"):
        length = 3 * len(each.encode("utf-8", "surrogateescape"))
        yield each, at, at + length
        at += length


def _character(match: re.Match[str]) -> str:
    """Give what an escape stands for."""
    kind, written = match.lastgroup, match[match.lastgroup or 0]
    match kind:
        case "low":
            return chr(0x10000 + ((int(match["pair"], 16) - 0xD800) << 10) + int(written, 16) - 0xDC00)
        case "unit" | "byte":
            return chr(int(written, 16))
        case "plain":
            return CONTROLS.get(written, written)
    return html.unescape(written)
