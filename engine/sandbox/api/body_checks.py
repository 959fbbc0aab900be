"""Checks request bodies against `schemas/payloads/` and writes JSON with exact decimals."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice

import msgspec

from engine.mapping.payloads import PayloadSchemas
from engine.sandbox.api.replies import MAX_LINES, MAX_PROBLEMS, Problem, Refused, problem
from engine.values import Json

SCHEMAS = PayloadSchemas()

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
    if not SCHEMAS.is_valid(name, document):
        raise Refused(400, "bad body", problems=problems_of(name, document))


def problems_of(name: str, document: Json) -> list[Problem]:
    """Name the faults of a body by JSON path, at most one more than an answer shows; empty when it is valid."""
    return [
        problem(_json_path(path), message) for path, message in islice(SCHEMAS.faults(name, document), MAX_PROBLEMS + 1)
    ]


def _json_path(path: str) -> str:
    return f"${path}" if path.startswith("[") or not path else f"$.{path}"
