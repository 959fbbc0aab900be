"""Requests of many lines: each key once, all or nothing, or a result for each line where a fault asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from engine.sandbox.api.replies import Call, Refused, Reply, problem
from engine.sandbox.store.feeds import Document

Refusals: TypeAlias = dict[int, tuple[int, str]]  # by the line's place, from 0: status and reason


def check_once(lines: Sequence[Document], names: tuple[str, ...]) -> None:
    """Check that no two lines have the same key.

    Raises:
        Refused: 400 (assumed), names the keys that stand more than once.
    """
    keys = [tuple(line.get(name) for name in names) for line in lines]
    if len(set(keys)) < len(keys):
        repeated = [" ".join(filter(None, key)) for key, count in Counter(keys).items() if count > 1]
        raise Refused(400, "bad body", problems=[problem("$", f"{key} stands twice") for key in repeated])


def refused_skus(call: Call, lines: Sequence[Document], name: str) -> Refusals:
    """Find the lines whose SKU no product has, or a fault refuses."""
    known, by_fault = call.settings.known_skus, call.refused_skus
    if known is None and not by_fault:
        return {}
    refused: Refusals = {}
    for place, line in enumerate(lines):
        if line[name] in by_fault:
            refused[place] = (422, f"SKU {line[name]} is refused")
        elif known is not None and line[name] not in known:
            refused[place] = (422, f"SKU {line[name]} is unknown")
    return refused


def accepted(call: Call, lines: Sequence[Document], refused: Refusals) -> Sequence[Document]:
    """Give the lines to take: all of them, or where results are per line those that are not refused.

    Raises:
        Refused: with the status of the first refused line; nothing may be taken.
    """
    if not refused:
        return lines
    if not call.per_line:
        first = min(refused)
        problems = [problem(f"$[{place}]", reason) for place, (_, reason) in sorted(refused.items())]
        raise Refused(refused[first][0], refused[first][1], problems=problems)
    return [line for place, line in enumerate(lines) if place not in refused]


def stored(call: Call, lines: Sequence[Document], refused: Refusals, names: tuple[str, ...]) -> Reply:
    """Answer how many lines were stored, or the result of each beside its key (both assumed)."""
    if not call.per_line:
        return Reply(body={"stored": len(lines)})
    return Reply(body={"results": [_result(line, refused.get(place), names) for place, line in enumerate(lines)]})


def _result(line: Mapping[str, object], refusal: tuple[int, str] | None, names: tuple[str, ...]) -> Document:
    key = {name: line[name] for name in names if name in line}
    return key | {"ok": refusal is None, "error": refusal[1] if refusal else None}
