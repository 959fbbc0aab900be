"""Checks request bodies against `schemas/payloads/` and writes JSON with exact decimals."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path

import msgspec
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from engine.records import Json
from engine.sandbox.answers import MAX_LINES, MAX_PROBLEMS, Problem, Refused, problem
from engine.sandbox.predicates import Predicate, Schema, compiled

FOLDER = Path(__file__).parents[2] / "schemas" / "payloads"
SUFFIX = ".schema.json"

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def decoded(body: bytes) -> Json:
    """Read JSON; a number with a point or exponent is an exact Decimal.

    Raises:
        Refused: 400, the body is not JSON.
    """
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(400, "bad body", problems=[problem("$", f"is not JSON: {error}")]) from error


def encoded(document: Json) -> bytes:
    """Write JSON; Decimals are numbers."""
    return _encoder.encode(document)


def count_lines(document: Json) -> int:
    """Count the lines of a body: the elements of its lists, or 1 for a single record."""
    if isinstance(document, list):
        return len(document)
    if not isinstance(document, dict):
        return 0
    lists = [part for part in document.values() if isinstance(part, list)]
    return sum(map(len, lists)) if lists else 1


def check(name: str, document: Json) -> None:
    """Check a body against the schema of that name.

    Raises:
        Refused: 413, more than 10,000 lines; 400, the body is not as documented, with what is wrong where.
    """
    lines = count_lines(document)
    if lines > MAX_LINES:
        raise Refused(413, f"{lines} lines in one request: send at most {MAX_LINES}")
    if (quick := predicate(name)) is not None and quick(document):
        return
    if problems := problems_of(name, document):
        raise Refused(400, "bad body", problems=problems)


def problems_of(name: str, document: Json) -> list[Problem]:
    """Name the faults of a body by JSON path, at most one more than an answer shows; empty when it is valid."""
    found: list[Problem] = []
    for error in validator(name).iter_errors(document):
        found.append(problem(error.json_path, error.message[:200]))
        if len(found) > MAX_PROBLEMS:
            break
    return found


@cache
def validator(name: str) -> Draft202012Validator:
    """Give the validator of a schema; `$ref` names another file of the folder."""
    return Draft202012Validator(_schemas()[name + SUFFIX], registry=_registry())


@cache
def predicate(name: str) -> Predicate | None:
    """Give the fast predicate of a schema, None where it has none."""
    return compiled(_schemas()[name + SUFFIX], _schemas().__getitem__)


@cache
def _schemas() -> dict[str, Schema]:
    return {path.name: msgspec.json.decode(path.read_bytes()) for path in FOLDER.glob(f"*{SUFFIX}")}


@cache
def _registry() -> Registry[bool | Schema]:
    return Registry().with_resources((name, Resource.from_contents(part)) for name, part in _schemas().items())
