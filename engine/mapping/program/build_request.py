"""What a request of a range of changes is made of: the names that its templates see, and the files that go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.connections.http import Ask, Attempt
from engine.mapping.program.operation import CompiledOperation
from engine.mapping.program.record_files import FileFault, FileSet, content, file_column, path_column
from engine.mapping.program.request import outgoing
from engine.templates import NULLS
from engine.values import FileBody, Numbered, Outgoing, Refusal, Stage, json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyLines:
    """What a request of many records is made of."""

    group: Mapping[str, Any]  # the group's columns
    lines: Sequence[str]  # JSON
    removed: Sequence[Mapping[str, Any]]  # rows as last confirmed


def build_many(operation: CompiledOperation, content: ManyLines) -> Outgoing | Refusal:
    """Make a request of many records; a Refusal where its templates fail."""
    request = operation.requests[0]
    convert = json_text.raw if request.takes_raw("lines") else json_text.decode
    context = {
        **operation.shared,
        **content.group,
        "lines": [convert(text) for text in content.lines],
        "removed": list(content.removed),
    }
    return outgoing(request, context)


def record_context(operation: CompiledOperation, change: Numbered, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Gather what a request of one record may name: its columns, `line`, `row`, `saved` and the references."""
    refs = {name: NULLS if values is None else values for name, values in change.refs.items()}
    line = json_text.decode(change.line) if change.line is not None else None
    return {
        **operation.shared,
        **change.row,
        **refs,
        "row": dict(change.row),
        "line": line,
        "saved": {**(change.saved or {}), **saved},
    }


def build_one(operation: CompiledOperation, attempt: Attempt, change: Numbered) -> Outgoing | Refusal:
    """Make the request of one record, or its look-up; a Refusal where its templates fail."""
    context = record_context(operation, change, attempt.saved)
    if attempt.ask is Ask.LOOK_UP and operation.lookup:
        return outgoing(operation.lookup.request, context)
    request = operation.requests[attempt.step]
    made = outgoing(request, context)
    if request.file is None or isinstance(made, Refusal):
        return made
    try:
        return replace(made, file=_file_body(operation.files, request.file, change, context))
    except FileFault as fault:
        return Refusal(stage=Stage.RENDER, reason=str(fault), field=f"files.{request.file}")


def _file_body(files: FileSet, name: str, change: Numbered, context: Mapping[str, Any]) -> FileBody:
    """Give the body of a file as it was compared: its path, or the bytes of its column."""
    sha256 = str(change.row[file_column(name)])
    path = change.row[path_column(name)]
    data = None if path else content(files, name, context)
    return FileBody(sha256=sha256, path=path, data=data)
