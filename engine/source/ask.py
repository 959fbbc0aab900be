"""Asks a source that speaks HTTP, as often as the connection says, until what was asked for is learnt."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.connections import ReadStatus, Retry
from engine.connections.http import (
    Again,
    Attempt,
    Confirm,
    Decision,
    GiveUp,
    Reading,
    Refuse,
    Stop,
    Suspect,
    Terms,
    decide,
    located,
)
from engine.values import Answer, Answered, Lost, NotSent, Outgoing, Refusal, RunError, SourceError, Stage, json_text


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEnd:
    """The source, as reading sees it."""

    exchange: Callable[[Outgoing, Collection[int]], Answer]  # and the statuses that say nothing of our credentials
    asked: Callable[[Outgoing], str]  # what a request asks of whom, for errors
    retry: Retry
    workers: int
    stop: threading.Event
    refuse: Callable[[str], None] = lambda reason: None  # our credentials are what was refused
    tell: Callable[[Outgoing, Answer, Decision], None] = lambda request, answer, decision: None  # of each attempt

    @property
    def hasty(self) -> FeedEnd:
        """The same end, asked only once."""
        return replace(self, retry=replace(self.retry, attempts=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer of 2xx, read."""

    body: Any  # None: it had none
    size: int  # bytes


class Unanswered(SourceError):
    """A request reached the source and had no proper answer, time after time; others may well be answered."""


def ask(
    end: FeedEnd, request: Outgoing, on_status: Mapping[int, ReadStatus], *, one_of_many: bool = False
) -> Told | Refusal:
    """Ask the source, trying again as the connection says; a Refusal when the answer speaks of this request alone.

    `one_of_many`: it was named by an answer to another request, so that a 401, 403 or redirect is its own; three
    refusals in a row shut the connection all the same.

    Raises SourceError when attempts are used up (Unanswered where one of them reached the source), TargetError when
    credentials are refused, ConfigError for a redirect.
    """
    attempt, terms = Attempt(), Terms(creates=False, on_status=on_status, retry=end.retry)
    unknown = False  # some attempt reached the source
    while True:
        answer = end.exchange(request, on_status)
        body, fault = _decoded(answer)
        decision = decide(answer, Reading(fault=fault), attempt, terms, chance=random.random())  # noqa: S311  jitter, no secret
        if not (isinstance(answer, NotSent) and answer.is_untried):
            end.tell(request, answer, decision)
        decision = located(decision, answer, end.asked(request))
        if isinstance(decision, Suspect) and one_of_many and isinstance(answer, Answered):
            return Refusal(stage=Stage.TARGET, reason=decision.otherwise.reason, status=answer.status)
        if isinstance(decision, Suspect) and decision.error.code == "E_CREDENTIALS":
            end.refuse(decision.error.message)
        if isinstance(decision, Stop | Suspect):
            raise decision.error
        if isinstance(decision, Refuse):
            return Refusal(stage=Stage.TARGET, reason=decision.reason, status=decision.status)
        if isinstance(answer, Lost) and answer.too_long:
            return Refusal(stage=Stage.TARGET, reason=f"{request.method} {request.target}: {answer.reason}")
        if end.stop.is_set() and not isinstance(decision, Confirm):
            raise RunError("the run was stopped while its source was read", code="E_STOPPED")
        if isinstance(decision, GiveUp):
            error = Unanswered if decision.unknown or unknown else SourceError
            raise error(decision.reason, code="E_SOURCE")
        if isinstance(decision, Confirm) and isinstance(answer, Answered):
            return Told(body=body, size=len(answer.body))
        if isinstance(decision, Again):
            attempt, unknown = attempt.after(decision), unknown or decision.unknown
            end.stop.wait(decision.delay_seconds)


def _decoded(answer: Answer) -> tuple[Any, str | None]:
    """Read an answer of 2xx; None where it has no body, and why it cannot be read."""
    if not isinstance(answer, Answered) or not 200 <= answer.status < 300 or not answer.body.strip():
        return None, None
    try:
        return json_text.decode_answer(answer.body), None
    except ValueError as error:
        return None, f"the answer {error}"
