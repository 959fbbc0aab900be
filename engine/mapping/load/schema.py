"""Checks a document against its JSON Schema and says in sentences what is wrong, where, and the nearest right word."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any
from unicodedata import name

from jsonschema import Draft202012Validator

from engine.mapping.load.yaml_text import Document
from engine.mapping.places import place_of
from engine.values import Path as KeyPath
from engine.values import Problem, label, shipped, suggestion

SHOWN = 60  # characters of a value in a message

TYPES = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
}

SENTENCES = {
    "minimum": "{name} must be at least {wanted}, not {found}",
    "maximum": "{name} must be at most {wanted}, not {found}",
    "exclusiveMinimum": "{name} must be more than {wanted}, not {found}",
    "minItems": "{name} must not be empty",
    "minLength": "{name} must not be empty",
}


def check(document: Document, name: str) -> list[Problem]:
    """List what `schemas/<name>.schema.json` forbids in a document."""
    found = _validator(name).iter_errors(document.value)
    return list(dict.fromkeys(problem for error in found for problem in _problems(error, document)))


def _nearest_key(key: str, known: Collection[str], given: Collection[str]) -> str:
    """Say which key may be meant: one that is not there yet."""
    return suggestion(key, [each for each in known if each not in given]) or ": remove it"


def _odd_letter(word: str) -> str:
    """Name the first character that no key has, as it may look like one that keys have."""
    odd = next((each for each in word if not each.isascii()), None)
    return f", which holds U+{ord(odd):04X} ({name(odd, 'no letter').lower()})" if odd else ""


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((shipped.schemas() / f"{name}.schema.json").read_text(encoding="utf-8")))


def _problems(error: Any, document: Document) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    if error.validator in ("oneOf", "not") and not isinstance(error.instance, dict):
        return  # a wrong type, which is told anyway
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        for key in error.instance.keys() - known.keys():
            message = f"unknown key `{key}`{_odd_letter(key)}{_nearest_key(key, known.keys(), error.instance.keys())}"
            yield Problem(code="E_UNKNOWN_KEY", message=message, place=place_of(document.places, (*path, key)))
        return
    if error.validator == "required":
        inside = f" in {label(path)}" if path else ""
        for key in error.validator_value:
            if key not in error.instance:
                message = f"`{key}` is missing{inside}"
                yield Problem(code="E_MISSING_KEY", message=message, place=place_of(document.places, path))
        return
    if error.validator == "uniqueItems":
        index, first = _repeated(error.instance)
        message = f"{label(path)} names {_shown(error.instance[index])} twice, first as entry {first + 1}: keep one"
        yield Problem(code="E_VALUE", message=message, place=place_of(document.places, (*path, index)))
        return
    if "propertyNames" in error.absolute_schema_path:
        message = f"the key `{error.instance}`: {error.schema['patternErrorMessage']}"
        yield Problem(code="E_KEY_NAME", message=message, place=place_of(document.places, (*path, error.instance)))
        return
    yield Problem(code="E_VALUE", message=_sentence(error, path), place=place_of(document.places, path))


def _repeated(items: Sequence[Any]) -> tuple[int, int]:
    """Find an item that stands in a list before: its index, and the other's."""
    pairs = ((index, items.index(item)) for index, item in enumerate(items))
    return next((index, first) for index, first in pairs if first < index)


def _sentence(error: Any, path: KeyPath) -> str:
    """Say what is wrong with a value; `errorMessage` and `patternErrorMessage` are the schema's own words."""
    name, wanted, schema = label(path), error.validator_value, error.schema
    found = "what stands here" if schema.get("writeOnly") else _shown(error.instance)
    if error.validator == "type":
        return _type_sentence(error, name, found)
    if error.validator == "enum":
        near = suggestion(str(error.instance), wanted)
        return f"{name} must be {_either(wanted)}, not {found}{near if near.endswith('?') else ''}"
    if error.validator == "pattern":
        shown = "" if schema.get("writeOnly") else f" is {found}"
        return f"{name}{shown}: {schema['patternErrorMessage']}"
    if error.validator in SENTENCES:
        return SENTENCES[error.validator].format(name=name, wanted=wanted, found=found)
    return f"{name}: {schema['errorMessage']}" if path else str(schema["errorMessage"])


def _type_sentence(error: Any, name: str, found: str) -> str:
    wanted = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    hint = ""
    if "string" in wanted and isinstance(error.instance, bool | int | Decimal):
        hint = ": quote it"
    if wanted == ["array"] and isinstance(error.instance, str):
        hint = f": write [{_clipped(error.instance)}]"
    return f"{name} must be {_either(TYPES[word] for word in wanted)}, not {found}{hint}"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text `{_clipped(value)}`" if value else "an empty text"
        case list() | dict():
            return "a list" if isinstance(value, list) else "a map"
    return f"the number {value}"


def _clipped(text: str) -> str:
    line = re.sub(r"[\t\r\n]+", " ", text)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."


def _either(words: Iterable[Any]) -> str:
    *most, last = (str(word) for word in words)
    return f"{', '.join(most)} or {last}" if most else last
