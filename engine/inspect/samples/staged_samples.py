"""Samples as a read would bring them: canonical kinds, keys, limits, references, files and lines."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from typing import Any

from engine.mapping import Children, Limit, Sample
from engine.mapping.program import FileFault, Program, content, file_column, locate, path_column
from engine.state import value_of
from engine.values import (
    Change,
    Key,
    Kind,
    Refusal,
    Stage,
    arrow,
    canonical,
    key_text,
    kind_of,
    merge,
    restorer,
    restorer_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A sample as a run would have it before anything is sent."""

    sample: Sample
    key: Key
    row: Mapping[str, Any]  # columns, as values
    line: str | None = None  # JSON
    refusal: Refusal | None = None
    waiting: tuple[str, ...] = ()  # references that are not confirmed

    @property
    def leaves(self) -> bool:
        """Tell whether it gets as far as a request."""
        return self.refusal is None and not self.waiting


def staged(program: Program) -> list[Staged]:
    """Stage and render the samples, in their order; all of them are one read, so that a column has one kind."""
    samples = program.mapping.samples
    columns = _columns(samples) | _children(program, samples)
    rows = [{name: values[at] for name, values in columns.items()} for at in range(len(samples))]
    names = program.mapping.source.key
    found = [
        Staged(sample=sample, key=tuple(canonical(row.get(name)) for name in names), row=row)
        for sample, row in zip(samples, rows, strict=True)
    ]
    found = _judged_keys(found, names)
    for limit in program.mapping.limits:
        found = _judged_limit(found, limit)
    found = [_waiting(program, _with_files(program, each)) for each in found]
    return _rendered(program, found)


def _columns(samples: Sequence[Sample]) -> dict[str, list[Any]]:
    """Give the values of every column; one that a sample leaves out is null there."""
    names = dict.fromkeys(name for sample in samples for name in sample.row)
    return {name: _restored([sample.row.get(name) for sample in samples], samples) for name in names}


def _restored(values: Sequence[Any], samples: Sequence[Sample]) -> list[Any]:
    """Give values as they come back from staging; those of removed samples come back from the ledger."""
    present = [value for value, sample in zip(values, samples, strict=True) if sample.change is not Change.REMOVED]
    kind = _kind(present) if _kind(present) is not Kind.NULL else _kind(values)
    return [value_of(text, restorer(kind)) for text in arrow.column(values).data.to_pylist()]


def _kind(values: Iterable[Any]) -> Kind:
    return reduce(merge, map(kind_of, values), Kind.NULL)


# --- children ------------------------------------------------------------------------------------------------


def _children(program: Program, samples: Sequence[Sample]) -> dict[str, list[Any]]:
    return {name: _lists(name, child, program, samples) for name, child in program.children.items()}


def _lists(name: str, child: Children, program: Program, samples: Sequence[Sample]) -> list[Any]:
    """Give each sample's rows of a child, in the order asked for; columns that equal the key may be left out."""
    keys = dict(zip(child.parent, program.mapping.source.key, strict=True))
    given = [
        [{**{ours: sample.row.get(theirs) for ours, theirs in keys.items()}, **row} for row in rows]
        for sample in samples
        for rows in [sample.children.get(name, ())]
    ]
    every = [row for rows in given for row in rows]
    names = tuple(dict.fromkeys(column for row in every for column in row))
    kinds = {column: _kind(row.get(column) for row in every) for column in names}
    restore = restorer_of(name, {name: Kind.LIST, **{f"{name}.{column}": kind for column, kind in kinds.items()}})
    texts = [[{column: canonical(row.get(column)) for column in names} for row in rows] for rows in given]
    for rows in texts:
        rows.sort(key=lambda row: [_place(row.get(column), kinds.get(column)) for column in child.order_by])
    return [value_of(json.dumps(rows), restore) for rows in texts]


def _place(text: str | None, kind: Kind | None) -> tuple[bool, Decimal, str]:
    """Order as staging does: numbers by size, all else by text, null last."""
    number = Decimal(text) if text is not None and kind is Kind.NUMBER else Decimal(0)
    return text is None, number, text or ""


# --- who is refused, who waits ---------------------------------------------------------------------------------


def _judged_keys(found: Sequence[Staged], names: Sequence[str]) -> list[Staged]:
    """Refuse a key that is missing, or that stands in the source twice; a changed sample may follow an added one."""
    listed = ", ".join(names)
    counts = Counter((each.key, each.sample.change) for each in found)
    judged = []
    for each in found:
        times, reason = counts[each.key, each.sample.change], None
        if None in each.key:
            reason = f"a part of the key ({listed}) is null; give every row its key, or leave the row out of the query"
        elif times > 1:
            reason = f"the key stands {times} times in the source; make the query give one row a key"
        judged.append(_refused(each, Stage.KEY, reason, listed) if reason else each)
    return judged


def _judged_limit(found: Sequence[Staged], limit: Limit) -> list[Staged]:
    """Refuse what is over a limit: confirmed records keep their place, then the order of the key decides."""

    def named(each: Staged, names: Sequence[str]) -> Key:
        return tuple(canonical(each.row.get(name)) for name in names)

    counted = [each for each in found if each.refusal is None and each.sample.change is not Change.REMOVED]
    counted.sort(key=lambda each: (each.sample.change is Change.ADDED, key_text(each.key)))
    placed: dict[Key, dict[Key, None]] = {}
    for each in counted:
        placed.setdefault(named(each, limit.per), {}).setdefault(named(each, limit.distinct))
    over = {(per, value) for per, values in placed.items() for value in list(values)[limit.max :]}
    field = ", ".join(limit.distinct)
    reason = f"over the limit of {limit.max} {field} for one {', '.join(limit.per)}"
    return [
        _refused(each, Stage.LIMIT, reason, field)
        if each in counted and (named(each, limit.per), named(each, limit.distinct)) in over
        else each
        for each in found
    ]


def _refused(each: Staged, stage: Stage, reason: str, field: str) -> Staged:
    return replace(each, refusal=Refusal(stage=stage, reason=reason, field=field))


def _waiting(program: Program, each: Staged) -> Staged:
    """Let a sample wait whose row refers to a record that has no saved values; null refers to nothing."""
    if each.sample.change is Change.REMOVED:
        return each
    missing = tuple(
        ref.name
        for ref in program.refs
        if each.sample.refs.get(ref.name) is None and all(each.row.get(name) is not None for name in ref.columns)
    )
    return replace(each, waiting=missing)


def _with_files(program: Program, each: Staged) -> Staged:
    """Give a row its files: the sample's text stands for the content; without a text there is no such file."""
    if each.sample.change is Change.REMOVED or each.refusal:
        return each
    row = dict(each.row)
    for name in program.files.names:
        try:
            path = _path(program, name, each)
        except FileFault as fault:
            return _refused(each, Stage.RENDER, str(fault), f"files.{name}")
        text = each.sample.files.get(name, "")
        row |= {file_column(name): hashlib.sha256(text.encode()).hexdigest(), path_column(name): path}
    return replace(each, row=row)


def _path(program: Program, name: str, each: Staged) -> str:
    """Give a file's path as the template says it; of bytes the name stands for it. Raises FileFault."""
    files, context = program.files, {**each.row, "row": dict(each.row)}
    if name in files.contents:
        if name not in each.sample.files:
            content(files, name, context)
        return name
    locate(files, name, context)
    path = str(files.paths[name].render(context))
    if name not in each.sample.files:
        raise FileFault(f"the file {path} cannot be read: the sample has no text for it under `files`")
    return path


# --- lines -----------------------------------------------------------------------------------------------------


def _rendered(program: Program, found: Sequence[Staged]) -> list[Staged]:
    """Render the lines in one batch, as a run does."""
    columns = program.lines.columns(list(found[0].row) if found else [])
    refs = tuple(ref.name for ref in program.refs)
    wanted = [each for each in found if each.leaves and each.sample.change is not Change.REMOVED]
    rows = [
        (*(each.row.get(name) for name in columns), *(each.sample.refs.get(name) for name in refs)) for each in wanted
    ]
    lines = dict(zip(map(id, wanted), program.lines.render(rows, (*columns, *refs)), strict=True))
    return [_with_line(each, lines.get(id(each))) for each in found]


def _with_line(each: Staged, line: bytes | Refusal | None) -> Staged:
    if isinstance(line, Refusal):
        return replace(each, refusal=line)
    return each if line is None else replace(each, line=line.decode())


def refs_of(each: Staged, names: Iterable[str]) -> dict[str, Mapping[str, Any] | None]:
    """Give the saved values of a sample's references."""
    return {name: each.sample.refs.get(name) for name in names}
