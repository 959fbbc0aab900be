"""The payload schemas of a project: a quick predicate decides, jsonschema names the faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from engine.mapping.payloads.patterns import MAX_LENGTH
from engine.mapping.payloads.predicates import Predicate, Schema, compiled
from engine.values import json_text, shipped

SHIPPED = shipped.schemas() / "payloads"
SUFFIX = ".schema.json"
SHOWN = 200  # characters of a message


def payload_folders(project: Path) -> tuple[Path, ...]:
    """List where schemas may lie: those shipped, and a project's own, which win."""
    return (SHIPPED, project / "schemas" / "payloads")


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Judge as jsonschema does, but for texts so long that a pattern could take for ever."""
    if isinstance(instance, str) and len(instance) > MAX_LENGTH:
        yield ValidationError(f"has {len(instance):,} characters; a text with a pattern has at most {MAX_LENGTH:,}")
    else:
        yield from Draft202012Validator.VALIDATORS["pattern"](validator, pattern, instance, schema)


_Validator = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


class PayloadFault(NamedTuple):
    """One fault of a document."""

    path: str  # inside the document, such as productLines[0].sku; empty: the whole
    message: str


class PayloadSchemas:
    """The schemas of some folders, by the stem of their file; a later folder's wins."""

    def __init__(self, folders: Sequence[Path] = (SHIPPED,)) -> None:
        self._folders = folders
        self._predicates: dict[str, Predicate | None] = {}
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def _schemas(self) -> dict[str, Schema]:
        paths = [path for folder in self._folders for path in sorted(folder.glob(f"*{SUFFIX}"))]
        return {path.name: json_text.decode(path.read_bytes()) for path in paths}

    def names(self) -> tuple[str, ...]:
        """List the stems."""
        return tuple(sorted(name.removesuffix(SUFFIX) for name in self._schemas))

    def is_valid(self, name: str, document: Any) -> bool:
        """Tell whether a document is valid: microseconds for most schemas."""
        quick = self.predicate(name)
        return (quick is not None and quick(document)) or next(self.faults(name, document), None) is None

    def faults(self, name: str, document: Any) -> Iterator[PayloadFault]:
        """Name the faults of a document."""
        for error in self.validator(name).iter_errors(document):
            yield PayloadFault(json_text.path_text(tuple(error.absolute_path)), _message(error)[:SHOWN])

    def predicate(self, name: str) -> Predicate | None:
        """Give the quick predicate of a schema; None where it has none."""
        if name not in self._predicates:
            self._predicates[name] = compiled(self._schemas[name + SUFFIX], self._schemas.__getitem__)
        return self._predicates[name]

    def validator(self, name: str) -> Draft202012Validator:
        """Give the validator of a schema; `$ref` names another file of the folders."""
        if name not in self._validators:
            self._validators[name] = _Validator(self._schemas[name + SUFFIX], registry=self._registry)
        return self._validators[name]

    @cached_property
    def _registry(self) -> Registry[bool | Schema]:
        found = ((name, Resource.from_contents(part, DRAFT202012)) for name, part in self._schemas.items())
        return Registry().with_resources(found)


def _message(error: ValidationError) -> str:
    """Give jsonschema's message, with the value as it stands in JSON rather than as Python writes it."""
    if error.instance is None or isinstance(error.instance, bool | Decimal):
        return error.message.replace(repr(error.instance), json_text.encode(error.instance).decode(), 1)
    return error.message
