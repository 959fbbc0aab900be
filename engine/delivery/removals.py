"""Removals whose path is proven: the target has taken a record away by it once, so that its 404 can be believed."""

from __future__ import annotations

from engine.connections.http import Ask, Confirm, PerLine
from engine.delivery.events import Exchanged
from engine.mapping.program import Program
from engine.state import RunJournal
from engine.values import Answered, json_text


def proven(program: Program, operation: int, journal: RunJournal) -> frozenset[int]:
    """Give the steps of an operation by which a record was removed once, by this run or an earlier one."""
    if not program.operations:
        return frozenset()
    requests = program.operations[operation].spec.requests
    deletes = [step for step, each in enumerate(requests) if each.method == "DELETE"]
    has = journal.removals.has
    return frozenset(step for step in deletes if has(program.object, removal(program, operation, step)))


def removal(program: Program, operation: int, step: int) -> str:
    """Write what stands for a removal: its request as the mapping has it, so that another path is another one."""
    request = program.operations[operation].spec.requests[step]
    shared = program.operations[operation].shared.get("vars")
    return json_text.encode([request.method, request.path or request.url, dict(shared or {})]).decode()


def removes(event: Exchanged) -> bool:
    """Tell whether an attempt proves that the path of a removal is right."""
    answered = isinstance(event.answer, Answered) and 200 <= event.answer.status < 300
    sent = event.part.attempt.ask is Ask.SEND
    return event.deletes and sent and answered and isinstance(event.decision, Confirm | PerLine)
