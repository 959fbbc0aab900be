"""Makes the requests of an operation from its changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.connections.http.attempt import Ask, Attempt, Terms
from engine.connections.settings import Retry
from engine.mapping.program.record_files import FileFault, FileSet, content, file_column, path_column
from engine.mapping.program.request import CompiledRequest, compile_request, outgoing
from engine.mapping.spec import Items, Operation
from engine.templates import NULLS, Value
from engine.templates.project_language import Language
from engine.values import json_text
from engine.values.exchanges import FileBody, Outgoing
from engine.values.records import Numbered, Refusal, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLookup:
    """The look-up of a create."""

    request: CompiledRequest
    found: Value
    absent: Value | None
    save: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledItems:
    """How an answer speaks of each line."""

    at: Value
    key: Value
    ok: Value
    error: Value | None
    line_key: Value | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledOperation:
    """One operation, its templates compiled."""

    spec: Operation
    requests: tuple[CompiledRequest, ...]
    save: Value
    ok: Value | None
    items: CompiledItems | None
    lookup: CompiledLookup | None
    files: FileSet
    shared: Mapping[str, Any] = field(default_factory=dict)
    own_key: int | None = -1  # which part of the key differs within a request; None: several do

    def terms(self, retry: Retry) -> Terms:
        """Give what decisions need to know of the operation."""
        return Terms(
            creates=self.spec.creates,
            deletes=tuple(request.method == "DELETE" for request in self.requests),
            creating=frozenset(step for step, each in enumerate(self.spec.requests) if not each.idempotent),
            look_up_after_seconds=self.spec.lookup.settle_seconds if self.spec.lookup else None,
            on_status=self.spec.on_status,
            retry=retry,
        )

    @property
    def names(self) -> frozenset[str]:
        """All names that its requests use, look-up included."""
        lookup = self.lookup.request.names if self.lookup else frozenset()
        return lookup.union(*(request.names for request in self.requests))


def compile_operation(
    spec: Operation, language: Language, *, files: FileSet, refs: Collection[str] = (), key: tuple[str, ...] = ()
) -> CompiledOperation:
    """Compile an operation. Raises TemplateFaults, which `validate` has found before."""
    lookup = spec.lookup
    own = spec.own_key(key)
    return CompiledOperation(
        spec=spec,
        requests=tuple(compile_request(request, language, refs) for request in spec.requests),
        save=language.lenient(dict(spec.save)),
        ok=language.lenient(spec.ok) if spec.ok is not None else None,
        items=_compile_items(spec.items, language) if spec.items else None,
        lookup=CompiledLookup(
            request=compile_request(lookup.request, language, refs),
            found=language.lenient(lookup.found),
            absent=language.lenient(lookup.absent) if lookup.absent is not None else None,
            save=language.lenient(dict(lookup.save)),
        )
        if lookup
        else None,
        files=files,
        shared=language.names,
        own_key=key.index(own[0]) if len(own) == 1 else None,
    )


def _compile_items(items: Items, language: Language) -> CompiledItems:
    return CompiledItems(
        at=language.lenient(items.at),
        key=language.lenient(items.key),
        ok=language.lenient(items.ok),
        error=language.lenient(items.error) if items.error else None,
        line_key=language.lenient(items.line_key) if items.line_key else None,
    )


# --- making requests -----------------------------------------------------------------------------------------


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
