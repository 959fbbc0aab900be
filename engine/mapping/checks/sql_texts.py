"""Queries and statements: what YAML, comments and quotes make of them unnoticed, as far as it shows offline."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.mapping.places import problem
from engine.mapping.spec import MappingSpec, SqlSource
from engine.values import Path, Place, Problem, sql_text

TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
SEVERAL = re.compile(r"\s*(?:begin|declare|execute\s+block|do)\b", re.IGNORECASE)  # whose parts end in `;`


def sql_problems(mapping: MappingSpec) -> Iterator[Problem]:
    """Find SQL that is not what it looks like in its file."""
    for path, sql, given in _sql_texts(mapping):
        for message in _faults(sql, given):
            yield problem(mapping, "E_SQL", message, *path)
        if found := _swallowed(mapping, path, sql):
            yield found


def _sql_texts(mapping: MappingSpec) -> Iterator[tuple[Path, str, frozenset[str] | None]]:
    """Yield each SQL text with its place, and the parameters that it is given (None: looked at elsewhere)."""
    source = mapping.source
    if isinstance(source, SqlSource):
        yield ("source", "query"), source.query, frozenset({"cursor"})
        for name, child in source.children.items():
            yield ("source", "children", name, "query"), child.query, frozenset({"cursor"})
    for root, write in ((("write",), mapping.write), (("write", "removed"), mapping.write and mapping.write.removed)):
        for index, statement in enumerate(write.statements if write else ()):
            yield (*root, "statements", index, "sql"), statement.sql, None


def _faults(sql: str, given: frozenset[str] | None) -> Iterator[str]:
    found = list(sql_text.pieces(sql))
    uncommented = sql
    for piece in found:
        if piece.kind == "comment":
            uncommented = uncommented[: piece.start] + " " * (piece.end - piece.start) + uncommented[piece.end :]
    what = "a query is" if given is not None else "a statement is"
    if template := TEMPLATE.search(uncommented):
        remedy = "use `fields`, or `:cursor`" if given is not None else "write `:name`, and give its value in `params`"
        yield f"{what} no template, `{template[0][:50]}` would go to the database as it stands: {remedy}"
    if found and found[-1].kind == "open":
        opened = sql[found[-1].start : found[-1].start + 2].strip()
        name = "the comment `/*`" if opened == "/*" else f"the quote {opened[0]}"
        yield f"{name} is never closed: close it, or double a quote that is meant"
        return
    plain = sql_text.code(sql)
    if plain.count("(") != plain.count(")"):
        yield f"{plain.count('(')} opening and {plain.count(')')} closing brackets: one is missing"
    yield from _ends(plain, what)
    for name in sorted(sql_text.parameters(sql) - given) if given is not None else ():
        yield f"`:{name}` has no value, `:cursor` alone has one in a query; write a colon that is no parameter as `\\:`"


def _ends(plain: str, what: str) -> Iterator[str]:
    if SEVERAL.match(plain):
        return
    statements = [each for each in plain.split(";") if each.strip()]
    if len(statements) > 1:
        yield f"{what} one statement, and {len(statements)} stand here, parted by `;`: keep one"
    elif ";" in plain:
        yield f"{what} sent as it stands, and not every database takes the `;` behind it: remove it"


def _swallowed(mapping: MappingSpec, path: Path, sql: str) -> Problem | None:
    """Find a comment that goes on over lines that are code in the file, as YAML has made one line of them."""
    if path not in mapping.folded:
        return None
    first, lines = mapping.folded[path]
    written = "\n".join(lines)
    meant = [
        written[piece.start : piece.end] for piece in sql_text.pieces(written) if _is_line_comment(written, piece.start)
    ]
    read = [sql[piece.start : piece.end] for piece in sql_text.pieces(sql) if _is_line_comment(sql, piece.start)]
    for number, comment in enumerate(meant):
        if number < len(read) and len(read[number].split()) <= len(comment.split()):
            continue
        at = written.index(comment)
        line = first + written.count("\n", 0, at)
        message = (
            f"this comment takes the lines below it along, as YAML writes them all in one: `{comment.strip()[:50]}`;"
            f" begin the text with `{path[-1]}: |`, which keeps lines, or write /* ... */"
        )
        column = at - (written.rfind("\n", 0, at) + 1) + 1
        return Problem(code="E_SQL", message=message, place=Place(file=mapping.file, line=line, column=column))
    return None


def _is_line_comment(text: str, at: int) -> bool:
    return text[at:].lstrip(" \t").startswith(("--", "#"))
