"""What of a SQL text is code, and what only text: literals, quoted names, comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

PARAMETER = re.compile(r"(?<![:\w\\]):([A-Za-z_]\w*)")
_PIECE = re.compile(
    r"(?P<literal>'(?:''|[^'])*'|\"(?:\"\"|[^\"])*\"|`[^`]*`|\$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$)"
    r"|(?P<comment>--[^\n]*|/\*.*?\*/|(?<![^\n])[^\S\n]*#(?![>-])[^\n]*)"
    r"|(?P<open>['\"`]|/\*)",
    re.DOTALL,
)


class Piece(NamedTuple):
    """A stretch of a SQL text that is no code."""

    kind: str  # literal, comment, or open: a quote or comment that never ends
    start: int
    end: int


def pieces(sql: str) -> Iterator[Piece]:
    """Yield what is no code, in order; what never ends goes to the end of the text."""
    for match in _PIECE.finditer(sql):
        kind = "literal" if match["literal"] else "comment" if match["comment"] else "open"
        yield Piece(kind, match.start(), len(sql) if kind == "open" else match.end())
        if kind == "open":
            return


def code(sql: str) -> str:
    """Give the code of a SQL text, each other piece as blanks of its length."""
    for piece in pieces(sql):
        sql = sql[: piece.start] + " " * (piece.end - piece.start) + sql[piece.end :]
    return sql


def parameters(sql: str) -> frozenset[str]:
    """Name the parameters of a statement, such as `cursor` of `:cursor`."""
    return frozenset(PARAMETER.findall(code(sql)))


def literal_colons(sql: str) -> str:
    r"""Write each colon outside of the code as `\:`, so that SQLAlchemy takes none there for a parameter."""
    made, at = [], 0
    for piece in pieces(sql):
        inside = sql[piece.start : piece.end]
        made += [sql[at : piece.start], re.sub(r"\\?:(?=\w)", r"\\:", inside)]
        at = piece.end
    return "".join([*made, sql[at:]])
