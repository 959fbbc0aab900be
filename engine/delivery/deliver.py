"""Sends the chunks of one operation: the thin loop around what `decide`, `outcome_of` and a family's `after` decide."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from engine.connections.http import (
    Again,
    Ask,
    Decision,
    GiveUp,
    Reading,
    Stop,
    Suspect,
    Terms,
    accepted,
    decide,
    located,
)
from engine.delivery.done_events import unfinished, unmade
from engine.delivery.events import Done, Event, Exchanged, Halted, Leaving, Split, Verdict
from engine.delivery.outcome import Outcome, outcome_of
from engine.delivery.part import Part
from engine.delivery.removals import removes
from engine.delivery.split import MAX_SPLITS, Family, Limits, after
from engine.delivery.work_list import Worklist
from engine.values import Answer, NotSent, OneSyncError, Refusal, RunError

MAX_SUSPECTS = 3  # in a row; then the connection is at fault
MAX_BAD_GROUPS = 3  # in a row; then the fault is not in the data


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The target, as delivery sees it."""

    build: Callable[[Part], Any]  # makes the request; returns a Refusal where its templates fail
    exchange: Callable[[Any], Answer]  # called in worker threads; OneSyncError ends the operation
    read: Callable[[Part, Answer], Reading]
    unavailable: Callable[[], bool]  # the breaker is open
    workers: int
    trusted: Callable[[], bool] = lambda: False  # it took our credentials lately
    refuse: Callable[[str], None] = lambda reason: None  # our credentials are what was refused
    pauses: Callable[[], int] = lambda: 0  # how often the breaker has opened
    asked: Callable[[Any], str] = lambda request: "the target"  # what a request asks of whom, for errors


class Delivery:
    """The delivery of one operation's parts; `events` performs it."""

    def __init__(
        self,
        parts: Iterable[tuple[Part, float]],
        terms: Terms,
        end: End,
        *,
        stop: threading.Event,
        splits_left: int = MAX_SPLITS,
    ) -> None:
        """`parts`: each with the seconds before it may go; taken as they are needed, in order."""
        self._terms, self._end, self._stop = terms, end, stop
        self._worklist = Worklist(parts)
        self._families: dict[int, Family] = {}
        self._suspects: list[tuple[Part, Suspect]] = []  # since the target last accepted something
        self._was_accepted = False
        self._ended_groups: set[int] = set()
        self._bad_groups = 0  # in a row
        self.splits_left = splits_left
        self._halted: OneSyncError | None = None
        self._pauses_before = end.pauses()

    def events(self) -> Iterator[Event]:
        """Send everything; each event must be dealt with before the next is asked for.

        After `Leaving` the request leaves at the earliest when the next event is asked for.
        """
        under_way: dict[Future[Answer], tuple[Part, Any]] = {}
        with ThreadPoolExecutor(max_workers=self._end.workers, thread_name_prefix="deliver") as pool:
            while under_way or self._suspects or not self._worklist.is_empty():
                if self._ended():
                    yield from self._drop_all()
                for part in self._ready(self._end.workers - len(under_way)):
                    request = self._request(part)
                    if isinstance(request, Done):
                        yield from self._follow(part, Outcome(told=(request,)))
                        continue
                    if part.attempt.ask is Ask.SEND:
                        yield Leaving(part=part)
                    under_way[pool.submit(self._end.exchange, request)] = (part, request)
                finished, _ = wait(under_way, timeout=self._pause(bool(under_way)), return_when=FIRST_COMPLETED)
                for future in finished:
                    yield from self._take(future, *under_way.pop(future))
                if not under_way and self._worklist.is_empty():
                    yield from self._judge(is_over=True)

    # --- before a request leaves ---------------------------------------------------------------------------

    def _ready(self, places: int) -> Iterator[Part]:
        while places > 0 and not self._ended() and (part := self._worklist.take()):
            places -= 1
            yield part

    def _request(self, part: Part) -> Any:
        """Make the request of a part whose turn it is, or give its verdict where nothing is to be sent."""
        if part.group in self._ended_groups:
            return unfinished(part, self._terms, "the target refused other lines of its group as a whole")
        if part.attempt.step >= self._terms.steps:  # made by an earlier run, with steps that the mapping has no more
            return Done(part=part, verdict=Verdict.EXISTS, saved=part.attempt.saved)
        request = self._end.build(part)
        return unmade(part, self._terms, request) if isinstance(request, Refusal) else request

    def _pause(self, under_way: bool) -> float:
        """Seconds until there may be something to do; short, so that a stop is noticed."""
        until_next = self._worklist.pause_seconds()
        if not under_way:
            self._stop.wait(min(until_next, 0.5))
            return 0.0
        return min(until_next or 0.5, 0.5)

    # --- after it was answered -----------------------------------------------------------------------------

    def _take(self, future: Future[Answer], part: Part, request: Any) -> Iterator[Event]:
        try:
            answer = future.result()
        except OneSyncError as error:
            yield from self._follow(part, outcome_of(Stop(error=error, unknown=True), part, self._terms))
            return
        decision = decide(
            answer,
            self._end.read(part, answer),
            part.attempt,
            self._terms,
            several=part.range.size > 1,
            chance=random.random(),  # noqa: S311  jitter, no secret
        )
        if not (isinstance(answer, NotSent) and answer.is_untried):
            step = part.attempt.step
            deletes = step < self._terms.steps and self._terms.deletes[step]
            attempt = Exchanged(part=part, request=request, answer=answer, decision=decision, deletes=deletes)
            if removes(attempt):
                self._terms = replace(self._terms, proven=self._terms.proven | {step})
            yield attempt
        if isinstance(answer, NotSent) and self._stop.is_set():
            outcome = Outcome(told=(unfinished(part, self._terms, self._why_ended()),))
        else:
            decision = located(decision, answer, self._end.asked(request))
            if isinstance(decision, Suspect):
                self._suspects.append((part, decision))
                yield from self._judge()
                return
            outcome = outcome_of(decision, part, self._terms, silent=self._is_silent(decision))
        yield from self._follow(part, outcome)
        if accepted(answer):
            self._was_accepted = True
            yield from self._judge(is_accepted=True)

    def _judge(self, *, is_accepted: bool = False, is_over: bool = False) -> Iterator[Event]:
        """Find out whether answers concern their records alone, or the connection; as long as nobody knows, wait."""
        acquitted = is_accepted or (is_over and (self._was_accepted or self._end.trusted()))
        if not acquitted and not is_over and len(self._suspects) < MAX_SUSPECTS:
            return
        suspects, self._suspects = self._suspects, []
        if suspects and not acquitted and suspects[0][1].error.code == "E_CREDENTIALS":
            self._end.refuse(suspects[0][1].error.message)
        for part, suspect in suspects:
            decision = suspect.otherwise if acquitted else suspect
            yield from self._follow(part, outcome_of(decision, part, self._terms))

    def _is_silent(self, decision: Decision) -> bool:
        """Tell whether the breaker ends the operation: one pause of it is waited out while attempts are left."""
        match decision:
            case Again():
                return self._end.unavailable() and self._end.pauses() > self._pauses_before + 1
            case GiveUp():
                return self._end.unavailable()
            case _:
                return False

    def _follow(self, part: Part, outcome: Outcome) -> Iterator[Event]:
        """Do what a part's turn came to, and what its family does next."""
        yield from outcome.told
        if outcome.halted:
            yield from self._halt(outcome.halted)
        if outcome.again:
            self._worklist.push(*outcome.again)
        if outcome.accepted:
            self._bad_groups = 0
        ended = self._why_ended() if self._ended() else None
        limits = Limits(terms=self._terms, splits_left=self.splits_left, ended=ended)
        family, following = after(self._families.pop(part.family, Family()), outcome, limits)
        if family.under_way:
            self._families[part.family] = family
        self.splits_left -= sum(isinstance(event, Split) for event in following.told)
        for each in following.sends:
            self._worklist.push(each)
        yield from following.told
        if following.ends_group:
            yield from self._end_group(part.group)

    # --- ends ------------------------------------------------------------------------------------------------

    def _end_group(self, group: int) -> Iterator[Event]:
        if group not in self._ended_groups:
            self._ended_groups.add(group)
            self._bad_groups += 1
        if self._bad_groups >= MAX_BAD_GROUPS:
            message = f"{MAX_BAD_GROUPS} groups in a row were refused as a whole; correct the mapping's request"
            yield from self._halt(RunError(message, code="E_REFUSED_GROUPS"))

    def _halt(self, error: OneSyncError) -> Iterator[Event]:
        if self._halted is None:
            self._halted = error
            yield Halted(error=error)

    def _ended(self) -> bool:
        return self._halted is not None or self._stop.is_set()

    def _why_ended(self) -> str:
        return self._halted.message if self._halted else "the run was stopped"

    def _drop_all(self) -> Iterator[Event]:
        """Give up all that is left."""
        suspects, self._suspects = self._suspects, []
        for part in [*(part for part, _ in suspects), *self._worklist.drain()]:
            yield from self._follow(part, Outcome(told=(unfinished(part, self._terms, self._why_ended()),)))
