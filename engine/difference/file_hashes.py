"""Brings the files of staged records into staging: a column of content hashes, so that a changed file is a change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from engine.mapping.program import (
    FileFault,
    FileSet,
    FileState,
    content,
    file_column,
    locate,
    look,
    path_column,
    require_root,
)
from engine.state import Staging, column, more
from engine.values import Kind, restorer_of

STAGED_ROWS = 20_000

Stoppable: TypeAlias = Callable[[Iterable[Any]], Iterator[Any]]  # the same items, until the run is to stop


def stage_files(staging: Staging, files: FileSet, stoppable: Stoppable) -> None:
    """Look at every staged record's files; a record whose file cannot be used is refused by name.

    Adds two columns a file: `file:<name>`, the SHA-256 of its content, and `path:<name>` (null for bytes).
    Expects the table `set_aside`.
    A file is read only when its size or time of change differs from what the object's file remembers.
    """
    require_root(files)
    known = _remembered(staging)
    seen: dict[str, FileState] = {}
    staging.begin("file_faults")
    for name in files.names:
        staging.begin("found_file")
        for numbers, rows in _rows(staging, files):
            found = [_look(files, name, row, known, seen) for row in stoppable(rows)]
            _take(staging, name, numbers, found)
        staging.add_columns(
            {file_column(name): Kind.TEXT, path_column(name): Kind.TEXT},
            "found_file",
            {file_column(name): "sha256", path_column(name): "path"},
        )
    staging.run(  # of each key the first field only: a record is refused once
        "insert into set_aside select s.key, 'render', f.field, f.reason from file_faults f join staged s on s.n = f.n"
        " qualify row_number() over (partition by s.key order by f.field) = 1"
    )
    _remember(staging, seen)


def _look(
    files: FileSet, name: str, row: dict[str, Any], known: dict[str, FileState], seen: dict[str, FileState]
) -> FileState | FileFault:
    try:
        if name in files.contents:
            return FileState(path="", size=0, modified_ns=0, sha256=_sha256(content(files, name, row)))
        path = locate(files, name, row)
        state = look(path, seen.get(str(path)) or known.get(str(path)))
        seen[str(path)] = state
        return state
    except FileFault as fault:
        return fault


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _take(staging: Staging, name: str, numbers: Sequence[int], found: Sequence[FileState | FileFault]) -> None:
    good = [(n, each) for n, each in zip(numbers, found, strict=True) if isinstance(each, FileState)]
    bad = [(n, str(each)) for n, each in zip(numbers, found, strict=True) if isinstance(each, FileFault)]
    found_files = {
        "n": (n for n, _ in good),
        "sha256": (state.sha256 for _, state in good),
        "path": (state.path or None for _, state in good),
    }
    staging.insert_columns("found_file", found_files)
    faults = {
        "n": (n for n, _ in bad),
        "field": (f"files.{name}" for _ in bad),
        "reason": (reason for _, reason in bad),
    }
    staging.insert_columns("file_faults", faults)


def _rows(staging: Staging, files: FileSet) -> Iterator[tuple[list[int], list[dict[str, Any]]]]:
    """Stream the staged rows with the columns that the files' templates use."""
    used = files.used()
    names = [name for name in staging.columns if name in used or "row" in used]
    restores = [restorer_of(name, staging.kinds) for name in names]
    last = int(staging.value("select coalesce(max(n), -1) from staged"))
    for first in range(0, last + 1, STAGED_ROWS):
        sql = (
            f"select n{more(map(column, names))} from staged where n between ? and ? and not gone"
            " and n not in (select n from faults)"  # a row that is refused may hold what cannot be restored
        )
        numbers, *values = staging.lists(sql, [first, first + STAGED_ROWS - 1])
        columns = [
            [None if text is None else restore(text) for text in texts] if restore else texts
            for texts, restore in zip(values, restores, strict=True)
        ]
        rows = (
            [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] if names else [{}] * len(numbers)
        )
        yield numbers, [{**row, "row": row} for row in rows]


def _remembered(staging: Staging) -> dict[str, FileState]:
    """Give what was known of the files after the last read."""
    staging.ensure("files")
    found = staging.rows("select path, size, modified_ns, sha256 from files")
    return {
        path: FileState(path=path, size=size, modified_ns=modified_ns, sha256=sha256)
        for path, size, modified_ns, sha256 in found
    }


def _remember(staging: Staging, seen: dict[str, FileState]) -> None:
    states = list(seen.values())
    with staging.transaction():
        staging.run("delete from files")
        names = ("path", "size", "modified_ns", "sha256")
        staging.insert_columns("files", {name: [getattr(each, name) for each in states] for name in names})
