"""The schemas that lines must satisfy: those that mappings name, and a project's own files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from engine.mapping.payloads.patterns import fault, patterns_of
from engine.mapping.payloads.payload_schemas import SUFFIX, payload_folders
from engine.mapping.places import problem
from engine.mapping.project_spec import Project
from engine.mapping.spec import MappingSpec
from engine.values import Place, Problem, suggestion


def payload_problems(mapping: MappingSpec, project: Project) -> Iterator[Problem]:
    """Find a `payload_schema` that does not exist, or has nothing to check."""
    name = mapping.payload_schema
    if name is None or mapping.write is not None:
        return
    if not mapping.fields:
        yield problem(mapping, "E_NO_FIELDS", "`payload_schema` has no line to check: add `fields`", "payload_schema")
    names = {path.name.removesuffix(SUFFIX) for path in _files(project)}
    if name not in names:
        message = f"there is no schemas/payloads/{name}.schema.json{suggestion(name, names)}"
        yield problem(mapping, "E_PAYLOAD_SCHEMA", message, "payload_schema")


def own_schema_problems(project: Project) -> Iterator[Problem]:
    """Find files of the project's own `schemas/payloads/` that are no JSON Schema, or refer to what is not there."""
    *_, own = payload_folders(Path(project.file).parent)
    names = {path.name for path in _files(project)}
    for path in sorted(own.glob(f"*{SUFFIX}")):
        try:
            schema = json.loads(path.read_text(encoding="utf-8"))
            Draft202012Validator.check_schema(schema)
        except OSError as error:
            yield _problem(path, f"cannot be read: {error.strerror}")
        except json.JSONDecodeError as error:
            yield _problem(path, f"no JSON: {error.msg}", line=error.lineno, column=error.colno)
        except UnicodeDecodeError:
            yield _problem(path, "no UTF-8: save the file as UTF-8")
        except SchemaError as error:
            yield _problem(path, f"no JSON Schema: {error.json_path}: {error.message[:200]}")
        else:
            for pattern in patterns_of(schema):
                if why := fault(pattern):
                    yield _problem(path, f"the pattern {pattern[:100]!r}: {why}")
            for name in sorted(set(_references(schema)) - names):
                yield _problem(path, f"`$ref` names {name}, which is not there{suggestion(name, names)}")


def _files(project: Project) -> Iterator[Path]:
    for folder in payload_folders(Path(project.file).parent):
        yield from folder.glob(f"*{SUFFIX}")


def _references(schema: Any) -> Iterator[str]:
    """Yield the other files that a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str) and (file := reference.partition("#")[0]):
            yield file
        for inner in schema.values():
            yield from _references(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _references(inner)


def _problem(path: Path, message: str, *, line: int = 1, column: int = 1) -> Problem:
    return Problem(code="E_PAYLOAD_SCHEMA", message=message, place=Place(file=str(path), line=line, column=column))
