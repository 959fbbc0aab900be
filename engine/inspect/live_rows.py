"""What only the rows of a source can say of a mapping: keys that stand twice, rounded values, refused rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from engine.connections.sql import SqlEnd
from engine.inspect.snapshots import document_of
from engine.mapping import MappingSpec, SqlSource
from engine.mapping.load import Loaded
from engine.mapping.program import Program
from engine.source import extract, starts
from engine.state import value_of
from engine.values import Problem, Refusal, RunError, arrow, canonical, preview, restorer

EXAMPLES = 3


def row_problems(program: Program, source: SqlSource, end: SqlEnd) -> Iterator[Problem]:
    """Ask a query for keys that repeat, and render its first rows. Raises UnavailableError."""
    mapping, params = program.mapping, {"cursor": starts(source.cursor)[0]} if source.cursor else {}
    repeated = _repeated(end, source, params)
    if repeated:
        message = (
            f"the source gives keys more than once ({'; '.join(repeated)}), and such records are refused: make the "
            "query give one row a key, or name more columns in `key`"
        )
        yield Problem(code="E_REPEATED_KEY", message=message, place=mapping.place("source", "key"))
    yield from _rounded(program, source, end, params)
    yield from _refused_rows(program, source, end, params)


def _rounded(program: Program, source: SqlSource, end: SqlEnd, params: Mapping[str, Any]) -> Iterator[Problem]:
    """Find columns of single precision that the mapping uses, in the query and in those of children."""
    mapping, needed = program.mapping, program.needed_child_columns()
    queries: list[tuple[str, Mapping[str, Any], Set[str], tuple[str, ...]]] = [
        (source.query, params, program.needed_columns(), ("source", "query"))
    ]
    for name, child in source.children.items():
        queries.append((child.query, {}, set(needed.get(name, ())), ("source", "children", name, "query")))
    for query, values, used, path in queries:
        try:
            found = end.rounded_columns(query, values)
        except RunError:  # such as a column of numbers, which the database compares with no date
            continue
        for name in sorted(used & set(found)):
            message = (
                f"`{name}` is a FLOAT, of which the server sends six digits and rounds the rest away: "
                f"write `{name} + 0e0 AS {name}` in the query, which gives it whole"
            )
            yield Problem(code="E_ROUNDED_COLUMN", message=message, place=mapping.place(*path))


def sample_problems(loaded: Loaded, mapping: MappingSpec) -> Iterator[Problem]:
    """Find samples of which not one gets as far as the target."""
    stories: Sequence[Mapping[str, Any]] = document_of(loaded, mapping)["samples"]
    refused = [each["refused"] for each in stories if each.get("refused", {}).get("stage", "target") != "target"]
    if stories and len(refused) == len(stories):
        what = f"all {len(stories)} samples are refused"
        yield _all_refused(mapping, what, refused[0]["reason"], "samples")


def _repeated(end: SqlEnd, source: SqlSource, params: Mapping[str, Any]) -> list[str]:
    try:
        found = end.repeated_keys(source.query, params, source.key, most=EXAMPLES)
    except RunError:  # the database compares no such values, or takes no such query in parentheses
        return []
    return [
        f"{', '.join(preview(canonical(value)) if value is not None else 'null' for value in key)} {times} times"
        for *key, times in found
    ]


def _refused_rows(program: Program, source: SqlSource, end: SqlEnd, params: Mapping[str, Any]) -> Iterator[Problem]:
    """Render the first rows as a run does, where nothing else than the row is needed for that."""
    if source.children or program.refs or program.files.names:
        return
    try:
        batch = next(extract(end, source.query, params))
    except RunError:  # such as a column of numbers, which the database compares with no date
        return
    lines = list(_lines(program, batch))
    reasons = [line.reason for line in lines if isinstance(line, Refusal)]
    if reasons and len(reasons) == len(lines):
        yield _all_refused(program.mapping, f"the first {len(lines)} rows of the source are all refused", reasons[0])


def _lines(program: Program, batch: arrow.Batch) -> Iterator[bytes | Refusal]:
    columns = {
        name: [value_of(text, restorer(kind)) for text in values.to_pylist()]
        for name, kind, values in zip(batch.columns, batch.kinds, batch.data.columns, strict=True)
    }
    names = program.lines.columns(batch.columns)
    rows = list(zip(*(columns[name] for name in names), strict=True))
    return iter(program.lines.render(rows, names))


def _all_refused(mapping: MappingSpec, what: str, reason: str, place: str = "fields") -> Problem:
    return Problem(code="E_ALL_REFUSED", message=f"{what}, the first one because {reason}", place=mapping.place(place))
