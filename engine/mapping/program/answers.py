"""Reads what the mapping asks of the target's answers: saved values, results per line, what a look-up found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.connections.http import Ask, Attempt, Found, Reading
from engine.mapping.program.build_request import record_context
from engine.mapping.program.operation import CompiledItems, CompiledLookup, CompiledOperation
from engine.templates import RenderFault
from engine.values import Answer, Answered, Numbered, canonical, json_text


def read(
    operation: CompiledOperation, attempt: Attempt, answer: Answer, records: Callable[[], Sequence[Numbered]]
) -> Reading:
    """Read what the mapping asks of an answer; a fault where that cannot be read. `records`: the asked ones."""
    looking = attempt.ask is Ask.LOOK_UP
    if not isinstance(answer, Answered) or not (looking or 200 <= answer.status < 300):
        return Reading()
    if not looking and ((fault := _strange(operation, attempt, answer)) or not _has_questions(operation, attempt)):
        return Reading(fault=fault)
    try:
        return _read(operation, attempt, answer, records)
    except RenderFault as fault:
        return Reading(fault=f"the answer could not be read: {fault.reason}")
    except ValueError as error:
        if looking and answer.status == 404 and not _is_page(answer.body):
            return Reading(found=Found.ABSENT)
        return Reading(fault=f"the answer is no JSON ({error})")


def _read(
    operation: CompiledOperation, attempt: Attempt, answer: Answered, records: Callable[[], Sequence[Numbered]]
) -> Reading:
    looking = attempt.ask is Ask.LOOK_UP
    changes = records() if looking or operation.items or not operation.spec.many else ()
    body = json_text.decode_answer(answer.body) if answer.body.strip() else None
    context = {**operation.shared, "body": body, "status": answer.status}
    if not operation.spec.many:
        context = {**record_context(operation, changes[0], attempt.saved), **context}
    if looking and operation.lookup:
        return _read_lookup(operation.lookup, context, body, answer.status)
    return _read_success(operation, attempt, context, changes)


def _strange(operation: CompiledOperation, attempt: Attempt, answer: Answered) -> str | None:
    """Say why an answer of 2xx is not that of the platform to this request, whatever the mapping reads in it.

    A file may be answered by anything, as may a request to another host; but a page for people is a proxy's.
    """
    if answer.status == 207 and not (operation.items or operation.ok):
        return "it speaks of each line, and the mapping does not read that: add `items` or `ok`"
    request = operation.spec.requests[attempt.step]
    if request.file is not None or request.url is not None:
        return "the answer is a page of HTML" if _is_page(answer.body) else None
    try:
        if answer.body.strip():
            json_text.decode_answer(answer.body)
    except ValueError as error:
        fault = f"the answer is no JSON ({error})"
        allowed = f"; `on_status: {{{answer.status}: confirm}}` says that this is right"
        return fault if _has_questions(operation, attempt) else fault + allowed
    return None


def _is_page(body: bytes) -> bool:
    return body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html"))


def _has_questions(operation: CompiledOperation, attempt: Attempt) -> bool:
    saves = operation.spec.save or operation.spec.requests[attempt.step].save
    return bool(saves or operation.ok or operation.items)


def _read_success(
    operation: CompiledOperation, attempt: Attempt, context: dict[str, Any], changes: Sequence[Numbered]
) -> Reading:
    if operation.ok and operation.ok.render(context) is not True:
        return Reading(ok=False)
    if operation.items:
        return Reading(lines=_read_items(operation, operation.items, context, changes))
    last = attempt.step == len(operation.requests) - 1
    saved = {
        **operation.requests[attempt.step].save.render(context),
        **(operation.save.render(context) if last else {}),
    }
    if fault := _unsavable(saved):
        return Reading(fault=fault)
    return Reading(saved=_kept(saved))


def _unsavable(saved: Mapping[str, Any]) -> str | None:
    """Say which value cannot be kept as a record's binding, or None."""
    for name, value in saved.items():
        if value is None:
            return f"it holds no value for `save.{name}`"
        if not isinstance(value, str | int | Decimal):
            return f"it holds a list or an object for `save.{name}`: name a text or a number in it"
    return None


def _kept(saved: Mapping[str, Any]) -> dict[str, Any]:
    return {name: canonical(value) if isinstance(value, Decimal) else value for name, value in saved.items()}


def _read_items(
    operation: CompiledOperation, items: CompiledItems, context: dict[str, Any], changes: Sequence[Numbered]
) -> tuple[str | None, ...]:
    """Give one result a change: "" confirmed, None not named, else why it was refused.

    A result and a change belong together by their key. What several changes share names none of them, and what is
    said twice, each time otherwise, says nothing.
    """
    named = items.at.render(context)
    if not isinstance(named, list):
        raise ValueError("`items.at` gives no list")
    said: dict[str | None, set[str]] = {None: set()}
    for item in named:
        own = {**context, "item": item}
        refused = "" if items.ok.render(own) is True else "refused"
        if refused and items.error:
            refused = canonical(items.error.render(own)) or refused
        said.setdefault(canonical(items.key.render(own)), set()).add(refused)
    said[None] = set()  # a result without a key is about no line
    keys = [_line_key(operation, items, change) for change in changes]
    times = Counter(keys)
    return tuple(min(said.get(key, ())) if times[key] == len(said.get(key, ())) == 1 else None for key in keys)


def _line_key(operation: CompiledOperation, items: CompiledItems, change: Numbered) -> str | None:
    """Give what results are compared with: by default the one part of the key that the group does not fix."""
    if items.line_key is None or change.line is None:  # a removed record has no line
        return None if operation.own_key is None else change.key[operation.own_key]
    line = json_text.decode(change.line)
    return canonical(items.line_key.render({**operation.shared, **change.row, "line": line}))


def _read_lookup(lookup: CompiledLookup, context: dict[str, Any], body: Any, status: int) -> Reading:
    absent = status == 404 or (200 <= status < 300 and body in (None, [], {}, ""))
    if lookup.absent is not None:
        absent = lookup.absent.render(context) is True
    if absent:
        return Reading(found=Found.ABSENT)
    if not 200 <= status < 300 or lookup.found.render(context) is not True:
        return Reading(found=Found.UNCLEAR)
    saved = lookup.save.render(context)
    if fault := _unsavable(saved):
        return Reading(found=Found.UNCLEAR, fault=fault)
    return Reading(found=Found.FOUND, saved=_kept(saved))
