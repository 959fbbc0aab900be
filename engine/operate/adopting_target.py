"""A target that takes every change as confirmed and sends nothing but look-ups: with it, a run adopts the source."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.connections import Retry
from engine.connections.http import REFUSING, Ask, Attempt, Found, HttpEnd, Reading, Terms, is_not_now
from engine.delivery import RECORDS_A_PART, End, Part, Window
from engine.mapping.program import CompiledOperation, Program, answers, build_one
from engine.state.journal import Exchange
from engine.values import Answer, Answered, Change, Lost, Numbered, Outgoing, Refusal, Stage

ADOPTED = Answered(status=200)
ABSENT = 404  # what a look-up that finds nothing is told to delivery as


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is done for one part: nothing, or a look-up."""

    request: Outgoing | None = None  # None: it is taken as confirmed
    read: Callable[[Answer], Reading] | None = None


class AdoptingTarget:
    """Stands in for a target whose records are to be believed; an object's creates are looked up where they can be.

    A record that a look-up does not find is left as it is, and the next run creates it. One whose look-up is unclear
    is claimed, so that no run creates it before it was found or resolved.
    """

    def __init__(self, program: Program, http: HttpEnd | None, *, connection: str, workers: int, retry: Retry) -> None:
        """`http` is needed where an operation has a look-up; `connection` is named in the history."""
        self._program, self._http = program, http
        self._workers, self._retry = workers, retry
        self.connection = connection

    def _lookup(self, operation: int) -> CompiledOperation | None:
        """Give the operation if its records have to be asked for."""
        compiled = self._program.operations[operation] if self._program.operations else None
        return compiled if compiled and compiled.lookup and compiled.spec.creates else None

    def size(self, operation: int) -> int:
        """Give one record a part where each is looked up."""
        return 1 if self._lookup(operation) else RECORDS_A_PART

    def terms(self, operation: int) -> Terms:
        """Say what the answers mean: without the effects of a real request, whatever the mapping says of those."""
        if not self._lookup(operation):
            return Terms(creates=False, retry=self._retry)
        return Terms(creates=True, on_status={ABSENT: "wait"}, retry=self._retry)

    def end(self, operation: int, window: Window, stop: threading.Event) -> End:
        """Give what delivery needs."""
        compiled, http = self._lookup(operation), self._http
        if compiled is None or http is None:
            return End(
                build=lambda part: _Asked(),
                exchange=lambda asked: ADOPTED,
                read=lambda part, answer: Reading(),
                unavailable=lambda: False,
                workers=1,
            )
        return End(
            build=lambda part: self._ask(compiled, http, part, window),
            exchange=lambda asked: self._exchange(http, asked, stop),
            read=lambda part, answer: self._read(compiled, part, answer, window),
            unavailable=lambda: http.open_until() is not None,
            workers=self._workers,
            asked=lambda asked: http.asked(asked.request) if asked.request else "the target",
        )

    def _ask(self, compiled: CompiledOperation, http: HttpEnd, part: Part, window: Window) -> _Asked | Refusal:
        record = window.record(part.range.first)
        if record.change is not Change.ADDED and part.attempt.ask is not Ask.LOOK_UP:
            return _Asked()
        asking = part.attempt.looks_up()
        request = build_one(compiled, asking, record)
        if isinstance(request, Refusal):
            return request
        if fault := http.fault(request):
            return Refusal(stage=Stage.RENDER, reason=fault, field="lookup.request")
        return _Asked(
            request=request,
            read=None if part.attempt.ask is Ask.LOOK_UP else lambda answer: _read(compiled, asking, answer, record),
        )

    def _exchange(self, http: HttpEnd, asked: _Asked, stop: threading.Event) -> Answer:
        """Ask; in a worker thread, so without a look at the staging file."""
        if asked.request is None:
            return ADOPTED
        answer = http.exchange(asked.request, stop=stop)
        if asked.read is None or not isinstance(answer, Answered) or _is_passing(answer):
            return answer
        reading = asked.read(answer)
        match reading.found:
            case Found.FOUND:
                return answer
            case Found.ABSENT:
                return Answered(status=ABSENT, duration_seconds=answer.duration_seconds)
        reason = f"the look-up is unclear: {reading.fault or f'status {answer.status}'}"
        return Lost(reason=reason, duration_seconds=answer.duration_seconds)

    def _read(self, compiled: CompiledOperation, part: Part, answer: Answer, window: Window) -> Reading:
        """Read what a look-up saved."""
        record = window.record(part.range.first)
        if part.attempt.ask is not Ask.LOOK_UP and (record.change is not Change.ADDED or not _is_found(answer)):
            return Reading()
        return _read(compiled, part.attempt.looks_up(), answer, record)

    def describe(self, request: Any, answer: Answer) -> Exchange:
        """Describe a part for the history."""
        asked: Outgoing | None = request.request
        return Exchange(
            method=asked.method if asked else "ADOPT",
            target=asked.target if asked else self.connection,
            lines=0,
            status=answer.status if asked and isinstance(answer, Answered) else None,
            outcome="",
            reason=getattr(answer, "reason", None),
            duration_seconds=answer.duration_seconds,
        )


def _read(compiled: CompiledOperation, attempt: Attempt, answer: Answer, record: Numbered) -> Reading:
    return answers.read(compiled, attempt, answer, lambda: [record])


def _is_found(answer: Answer) -> bool:
    return isinstance(answer, Answered) and 200 <= answer.status < 300


def _is_passing(answer: Answered) -> bool:
    """Tell whether the answer says nothing of the record: to be asked again, or the end of all asking."""
    return answer.status in REFUSING or is_not_now(answer.status) or 300 <= answer.status < 400
