"""One entry of `send`, its templates compiled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.connections import Retry
from engine.connections.http import Terms, WhenMissing
from engine.mapping.program.record_files import FileSet
from engine.mapping.program.request import CompiledRequest, compile_request
from engine.mapping.spec import Items, Operation
from engine.templates import Language, Value
from engine.values import Change


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
    lookup: CompiledLookup | None  # of an update: that of the create of its object
    files: FileSet
    shared: Mapping[str, Any] = field(default_factory=dict)
    when_missing: WhenMissing = "reject"  # what an update does that finds nobody
    own_key: int | None = -1  # which part of the key differs within a request; None: several do

    def terms(self, retry: Retry) -> Terms:
        """Give what decisions need to know of the operation."""
        return Terms(
            creates=self.spec.creates,
            deletes=tuple(request.method == "DELETE" for request in self.requests),
            creating=frozenset(step for step, each in enumerate(self.spec.requests) if not each.idempotent),
            when_missing=self.when_missing,
            saving=frozenset(self.spec.saving_steps),
            foreign=frozenset(step for step, each in enumerate(self.spec.requests) if each.url is not None),
            look_up_after_seconds=self.spec.lookup.settle_seconds if self.spec.lookup else None,
            on_status=self.spec.on_status,
            retry=retry,
        )

    @property
    def names(self) -> frozenset[str]:
        """All names that its requests use, look-up included."""
        lookup = self.lookup.request.names if self.lookup else frozenset()
        return lookup.union(*(request.names for request in self.requests))


def let_updates_ask(operations: Sequence[CompiledOperation]) -> tuple[CompiledOperation, ...]:
    """Let updates that find nobody ask by the look-up of their object's create; without one a person may decide.

    That goes for requests of one record which may be repeated: of others nobody knows whether they had an effect.
    """
    creates = next((each for each in operations if Change.ADDED in each.spec.on and each.spec.creates), None)
    if creates is None:
        return tuple(operations)
    lookup: dict[str, Any] = {"when_missing": "forget"}
    if creates.lookup:
        lookup = {"when_missing": "look up", "lookup": creates.lookup}
    return tuple(replace(each, **lookup) if _updates(each) else each for each in operations)


def _updates(operation: CompiledOperation) -> bool:
    spec = operation.spec
    return Change.CHANGED in spec.on and Change.ADDED not in spec.on and not (spec.many or spec.creates)


def compile_operation(
    spec: Operation, language: Language, *, files: FileSet, refs: Collection[str] = (), key: tuple[str, ...] = ()
) -> CompiledOperation:
    """Compile an operation. Raises TemplateFaults, which `validate` has found before."""
    lookup = spec.lookup
    own = spec.own_key(key)
    return CompiledOperation(
        spec=spec,
        requests=tuple(
            compile_request(request, language, refs, chooses=spec.on == {Change.REMOVED}) for request in spec.requests
        ),
        save=language.lenient(dict(spec.save)),
        ok=language.lenient(spec.ok) if spec.ok is not None else None,
        items=_compile_items(spec.items, language) if spec.items else None,
        lookup=CompiledLookup(
            request=compile_request(lookup.request, language, refs, chooses=True),
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
