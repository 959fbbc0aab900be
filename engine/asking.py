"""Asks a source that speaks HTTP, as often as the connection says, until what was asked for is learnt."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine import jsontext
from engine.decide import Again, Confirm, GiveUp, Part, Reading, Refuse, Stop, Terms, decide
from engine.errors import SourceError
from engine.mapping import Retry
from engine.records import Answer, Answered, Lost, Outgoing, Range, Refusal, Stage

ONE = Part(range=Range(1, 1))
SERVER_ERROR = 500  # of all 5xx the one that may be the fault of what was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEnd:
    """The source, as reading sees it."""

    exchange: Callable[[Outgoing], Answer]
    retry: Retry
    workers: int
    stop: threading.Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer of 2xx, read."""

    body: Any  # None: it had none
    size: int  # bytes


class UnreadableError(SourceError):
    """The source answers, and not this: 500, no JSON, or more than is taken in, however often it is asked."""

    def __init__(self, message: str, *, status: int | None) -> None:
        super().__init__(message, code="E_SOURCE")
        self.status = status


def ask(end: FeedEnd, request: Outgoing) -> Told | Refusal:
    """Ask the source, trying again as the connection says; a Refusal when the answer speaks of this request alone.

    Raises SourceError when attempts are used up (UnreadableError where it may be for the data's sake), TargetError
    when credentials are refused, RunError for a redirect.
    """
    part, terms = ONE, Terms(creates=False, retry=end.retry)
    while True:
        answer = end.exchange(request)
        body, fault = _decoded(answer)
        decision = decide(answer, Reading(fault=fault), part, terms, random.random())  # noqa: S311
        if isinstance(decision, Stop):
            raise decision.error
        if isinstance(decision, Refuse):
            return Refusal(stage=Stage.TARGET, reason=decision.reason, status=decision.status)
        if isinstance(decision, GiveUp) or end.stop.is_set():
            reason = f"{request.method} {request.target}: {getattr(decision, 'reason', 'the run was stopped')}"
            if isinstance(decision, GiveUp) and _is_of_data(answer):
                raise UnreadableError(reason, status=getattr(answer, "status", None))
            raise SourceError(reason, code="E_SOURCE")
        if isinstance(decision, Confirm) and isinstance(answer, Answered):
            return Told(body=body, size=len(answer.body))
        if isinstance(decision, Again):
            part = part.after(decision)
            end.stop.wait(decision.delay_seconds)


def _is_of_data(answer: Answer) -> bool:
    """Tell whether an answer that is as good as none may be so for what was asked for."""
    if isinstance(answer, Lost):
        return answer.too_long
    return isinstance(answer, Answered) and (answer.status == SERVER_ERROR or 200 <= answer.status < 300)


def _decoded(answer: Answer) -> tuple[Any, str | None]:
    """Read an answer of 2xx; None where it has no body, and why it cannot be read."""
    if not isinstance(answer, Answered) or not 200 <= answer.status < 300 or not answer.body.strip():
        return None, None
    try:
        return jsontext.decode_answer(answer.body), None
    except ValueError as error:
        return None, f"the answer {error}"
