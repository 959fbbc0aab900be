"""Compiles the plain part of JSON Schema into a function, so that 10,000 lines are checked in milliseconds.

A predicate may only say yes to what the schema allows; its no means "ask jsonschema", which also names the faults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from engine.mapping.payloads.patterns import MAX_LENGTH

Schema: TypeAlias = Mapping[str, Any]
Predicate: TypeAlias = Callable[[Any], bool]
Resolve: TypeAlias = Callable[[str], Schema]  # the schema that a $ref names

CLASSES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float, Decimal),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
NOTES = {"$schema", "$id", "$comment", "title", "description", "examples", "default"}
SCALAR_LIMITS: Mapping[str, Callable[[Any], Predicate]] = {
    "enum": lambda allowed: lambda value: value in allowed,
    "minLength": lambda least: lambda value: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda most: lambda value: not isinstance(value, str) or len(value) <= most,
    "pattern": lambda pattern: _matches(re.compile(pattern)),
    "minimum": lambda least: lambda value: isinstance(value, str) or value is None or value >= least,
}
KNOWN = NOTES | SCALAR_LIMITS.keys() | {"type", "properties", "required", "additionalProperties", "items", "oneOf"}


def compiled(schema: Schema, resolve: Resolve) -> Predicate | None:
    """Compile a schema; None where it uses a keyword beyond this module, so that only jsonschema can judge."""
    if "$ref" in schema:
        return compiled(resolve(schema["$ref"]), resolve) if schema.keys() <= NOTES | {"$ref"} else None
    if not schema.keys() <= KNOWN or "type" not in schema:
        return None
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    match [kind for kind in kinds if kind != "null"]:
        case ["object"]:
            return _or_null(_object(schema, resolve), nullable="null" in kinds)
        case ["array"]:
            return _or_null(_array(schema, resolve), nullable="null" in kinds)
    return None if {"array", "object"} & set(kinds) or "oneOf" in schema else _scalar(schema, kinds)


def _or_null(test: Predicate | None, *, nullable: bool) -> Predicate | None:
    if test is None or not nullable:
        return test
    return lambda value: value is None or test(value)


def _matches(pattern: re.Pattern[str]) -> Predicate:
    return lambda value: not isinstance(value, str) or (len(value) <= MAX_LENGTH and pattern.search(value) is not None)


def _scalar(schema: Schema, kinds: list[str]) -> Predicate:
    classes = frozenset(kind for name in kinds for kind in CLASSES[name])
    test = _is_one_of(classes)
    for name in SCALAR_LIMITS.keys() & schema.keys():
        test = _both(test, SCALAR_LIMITS[name](schema[name]))
    return test


def _is_one_of(classes: frozenset[type]) -> Predicate:
    return lambda value: type(value) in classes


def _both(first: Predicate, second: Predicate) -> Predicate:
    return lambda value: first(value) and second(value)


def _array(schema: Schema, resolve: Resolve) -> Predicate | None:
    item = compiled(schema.get("items", {}), resolve)
    if item is None or schema.keys() & (SCALAR_LIMITS.keys() | {"oneOf"}):
        return None

    def test(value: Any) -> bool:
        return type(value) is list and all(map(item, value))

    return test


def _object(schema: Schema, resolve: Resolve) -> Predicate | None:
    found = {name: compiled(part, resolve) for name, part in schema.get("properties", {}).items()}
    tests = {name: test for name, test in found.items() if test is not None}
    choices = [frozenset(choice.get("required", ())) for choice in schema.get("oneOf", ())]
    if len(tests) < len(found) or not _is_plain(schema):
        return None
    required = frozenset(schema.get("required", ()))
    closed = schema.get("additionalProperties", True) is False

    def test(value: Any) -> bool:
        if type(value) is not dict or not value.keys() >= required:
            return False
        if choices and sum(value.keys() >= choice for choice in choices) != 1:
            return False
        for name, item in value.items():
            within = tests.get(name)
            if within is None:
                if closed:
                    return False
            elif not within(item):
                return False
        return True

    return test


def _is_plain(schema: Schema) -> bool:
    """Tell whether an object's keywords are known, and its choices only say which names are required."""
    return (
        not schema.keys() & SCALAR_LIMITS.keys()
        and schema.get("additionalProperties", True) in (True, False)
        and ("oneOf" not in schema or schema["type"] == "object")
        and all(choice.keys() == {"required"} for choice in schema.get("oneOf", ()))
    )
