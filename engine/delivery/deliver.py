"""Sends the chunks of one operation: the thin loop that performs what `decide` decides."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from engine.connections.http.attempt import Ask, Reading, Terms
from engine.connections.http.decide import SHOWN, decide, located
from engine.connections.http.decisions import (
    Again,
    Confirm,
    CreateAgain,
    Decision,
    Exists,
    GiveUp,
    Gone,
    Hold,
    LookUp,
    PerLine,
    Refuse,
    Stop,
    Wait,
)
from engine.delivery.events import Done, Event, Exchanged, Halted, Leaving, Split, Stepped, Unlearnt, Verdict
from engine.delivery.part import Part
from engine.delivery.split import SPLIT_DEPTH, Family, by_result, halves, is_suspicious, spread
from engine.delivery.work_list import Worklist
from engine.values.errors import OneSyncError, RunError, TargetError
from engine.values.exchanges import Answer, NotSent
from engine.values.records import Refusal, Stage

MAX_SPLITS = 2_000  # a run; the rest goes on next time
MAX_BAD_GROUPS = 3  # in a row; then the fault is not in the data


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The target, as delivery sees it."""

    build: Callable[[Part], Any]  # makes the request; returns a Refusal where its templates fail
    exchange: Callable[[Any], Answer]  # called in worker threads; OneSyncError ends the operation
    read: Callable[[Part, Answer], Reading]
    unavailable: Callable[[], bool]  # the breaker is open
    workers: int
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
            while under_way or not self._worklist.is_empty():
                if self._ended():
                    yield from self._drop_all()
                for part in self._ready(self._end.workers - len(under_way)):
                    request = self._request(part)
                    if isinstance(request, Done):
                        yield from self._over(part, request)
                        continue
                    if part.attempt.ask is Ask.SEND:
                        yield Leaving(part=part)
                    under_way[pool.submit(self._end.exchange, request)] = (part, request)
                finished, _ = wait(under_way, timeout=self._pause(bool(under_way)), return_when=FIRST_COMPLETED)
                for future in finished:
                    yield from self._take(future, *under_way.pop(future))

    # --- before anything is sent -------------------------------------------------------------------------

    def _request(self, part: Part) -> Any:
        """Make the request of a part whose turn it is, or give its verdict where nothing is to be sent."""
        if part.group in self._ended_groups:
            return self._unfinished(part, "the target refused other lines of its group as a whole")
        if part.attempt.step >= self._terms.steps:  # made by an earlier run, with steps that the mapping has no more
            return Done(part=part, verdict=Verdict.EXISTS, saved=part.attempt.saved)
        request = self._end.build(part)
        return self._refused_by_render(part, request) if isinstance(request, Refusal) else request

    def _refused_by_render(self, part: Part, refusal: Refusal) -> Done:
        if part.attempt.ask is Ask.LOOK_UP and not part.attempt.conflict:
            return Done(part=part, verdict=Verdict.UNKNOWN, reason=f"the look-up cannot be made: {refusal.reason}")
        return Done(part=part, verdict=Verdict.REJECTED, clean=self._is_untouched(part), refusal=refusal)

    def _over(self, part: Part, done: Done) -> Iterator[Event]:
        """End a part of which nothing is sent any more."""
        self._family(part).under_way -= 1
        yield done
        yield from self._release(part.family)

    # --- the work list -----------------------------------------------------------------------------------

    def _push(self, part: Part, delay_seconds: float = 0.0) -> None:
        self._family(part).under_way += 1
        self._worklist.push(part, delay_seconds)

    def _ready(self, places: int) -> Iterator[Part]:
        while places > 0 and not self._ended() and (part := self._worklist.take()):
            places -= 1
            yield part

    def _pause(self, under_way: bool) -> float:
        """Seconds until there may be something to do; short, so that a stop is noticed."""
        until_next = self._worklist.pause_seconds()
        if not under_way:
            self._stop.wait(min(until_next, 0.5))
            return 0.0
        return min(until_next or 0.5, 0.5)

    def _drop_all(self) -> Iterator[Event]:
        """Give up all that is left."""
        for part in self._worklist.drain():
            yield from self._over(part, self._unfinished(part, self._why_stopped()))

    def _ended(self) -> bool:
        return self._halted is not None or self._stop.is_set()

    def _why_stopped(self) -> str:
        return self._halted.message if self._halted else "the run was stopped"

    def _unfinished(self, part: Part, reason: str) -> Done:
        verdict = Verdict.UNKNOWN if part.attempt.ask is Ask.LOOK_UP and not part.attempt.conflict else Verdict.FAILED
        return Done(part=part, verdict=verdict, clean=self._is_untouched(part), reason=reason)

    def _is_untouched(self, part: Part) -> bool:
        """Tell whether a part certainly had no effect; a refusal of several lines clears none of them (ledger.md 2)."""
        return not part.past.unknown and (part.depth == 0 or self._terms.creates)

    def _family(self, part: Part) -> Family:
        return self._families.setdefault(part.family, Family())

    # --- answers -----------------------------------------------------------------------------------------

    def _take(self, future: Future[Answer], part: Part, request: Any) -> Iterator[Event]:
        self._family(part).under_way -= 1
        try:
            answer = future.result()
        except OneSyncError as error:
            yield from self._perform(Stop(error=error, unknown=True), part)
            yield from self._release(part.family)
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
            yield Exchanged(part=part, request=request, answer=answer, decision=decision)
        if isinstance(answer, NotSent) and self._stop.is_set():
            yield self._unfinished(part, self._why_stopped())
        else:
            yield from self._perform(located(decision, answer, self._end.asked(request)), part)
        yield from self._release(part.family)

    def _perform(self, decision: Decision, part: Part) -> Iterator[Event]:
        match decision:
            case Confirm():
                yield from self._confirmed(part, decision.saved)
            case PerLine():
                self._accepted(part)
                yield from self._per_line(part, decision.lines)
            case Refuse():
                yield from self._refused(part, decision)
            case Again():
                yield from self._again(part, decision)
            case LookUp():
                if not decision.conflict:
                    part = part.ended(unknown=True)
                    yield Unlearnt(part=part, reason=decision.reason)
                self._push(part.looks_up(conflict=decision.conflict), decision.delay_seconds)
            case Hold() | Gone():
                verdict = Verdict.UNKNOWN if isinstance(decision, Hold) else Verdict.GONE
                yield Done(part=part, verdict=verdict, reason=decision.reason)
            case Exists():
                yield Done(part=part, verdict=Verdict.EXISTS, saved=decision.saved)
            case CreateAgain():
                self._push(part.creates_again())
            case Wait():
                clean = self._is_untouched(part) and part.range.size == 1 and not decision.unknown
                yield Done(part=part, verdict=Verdict.WAITING, clean=clean, reason=decision.reason)
            case GiveUp():
                yield from self._give_up(part, decision)
            case Stop():
                yield self._unfinished(part.ended(unknown=decision.unknown), decision.error.message)
                yield from self._halted_by(decision.error)

    def _again(self, part: Part, decision: Again) -> Iterator[Event]:
        """Queue a part once more; one pause of the breaker is waited out, a second one ends the operation."""
        if self._end.unavailable() and self._end.pauses() > self._pauses_before + 1:
            yield self._unfinished(part.ended(unknown=decision.unknown), decision.reason)
            yield from self._halted_by(_silent(decision.reason))
        else:
            self._push(part.after(decision), decision.delay_seconds)

    def _confirmed(self, part: Part, saved: Mapping[str, Any]) -> Iterator[Event]:
        self._accepted(part)
        saved = {**part.attempt.saved, **saved}
        if part.attempt.ask is Ask.SEND and part.attempt.step + 1 < self._terms.steps:
            following = part.next_step(saved)
            yield Stepped(part=following)
            self._push(following)
            return
        yield Done(part=part, verdict=Verdict.CONFIRMED, saved=saved)

    def _accepted(self, part: Part) -> None:
        self._bad_groups = 0
        self._family(part).accepted += 1

    def _per_line(self, part: Part, lines: tuple[str | None, ...]) -> Iterator[Event]:
        for line, result in by_result(part, lines):
            if result == "":
                yield Done(part=line, verdict=Verdict.CONFIRMED)
            elif result is None:
                yield Done(part=line, verdict=Verdict.FAILED, reason="the answer does not name this line")
            else:
                refusal = Refusal(stage=Stage.TARGET, reason=result[:SHOWN])
                yield Done(part=line, verdict=Verdict.REJECTED, refusal=refusal)

    def _give_up(self, part: Part, decision: GiveUp) -> Iterator[Event]:
        clean = self._is_untouched(part) and not decision.unknown
        yield Done(part=part, verdict=Verdict.FAILED, clean=clean, reason=decision.reason)
        if self._end.unavailable():
            yield from self._halted_by(_silent(decision.reason))

    def _halted_by(self, error: OneSyncError) -> Iterator[Event]:
        if self._halted is None:
            self._halted = error
            yield Halted(error=error)

    # --- refusals --------------------------------------------------------------------------------------------

    def _refused(self, part: Part, decision: Refuse) -> Iterator[Event]:
        restart = self._terms.restart(part.attempt.step)
        if part.past.resumed and restart < part.attempt.step and not decision.fault:
            self._push(part.from_step(restart))
            return
        family = self._family(part)
        family.refused += 1
        part = part.ended(unknown=decision.unknown)
        undecided = part.depth >= SPLIT_DEPTH and not family.accepted
        if undecided and (part.range.size > 1 or family.probing):
            family.held.append((part, decision))
        elif part.range.size == 1:
            yield self._refused_alone(part, decision)
        else:
            yield from self._split(part)

    def _refused_alone(self, part: Part, decision: Refuse) -> Done:
        if decision.fault:
            return Done(part=part, verdict=Verdict.FAILED, reason=decision.reason)
        refusal = Refusal(stage=Stage.TARGET, reason=decision.reason[:SHOWN], status=decision.status)
        may_exist = decision.unknown and self._terms.creates_at(part.attempt.step)
        return Done(
            part=part,
            verdict=Verdict.REJECTED,
            clean=self._is_untouched(part),
            doubtful=may_exist and self._terms.look_up_after_seconds is not None,
            refusal=refusal,
        )

    def _split(self, part: Part) -> Iterator[Event]:
        if self.splits_left <= 0:
            reason = f"refused, and {MAX_SPLITS} splits are used up; the next run goes on"
            yield Done(part=part, verdict=Verdict.FAILED, reason=reason)
            return
        self.splits_left -= 1
        yield Split(part=part)
        for half in halves(part):
            self._push(half)

    def _release(self, number: int) -> Iterator[Event]:
        """Go on with refused quarters, or with lines sent alone, once all of them have been answered."""
        family = self._families[number]
        if family.under_way:
            return
        held, family.held = family.held, []
        rest, family.rest = family.rest, []
        if not (held or rest):
            del self._families[number]
        elif self._ended():
            for part in [*(part for part, _ in held), *rest]:
                yield self._unfinished(part, self._why_stopped())
        elif family.accepted or not (family.probing or is_suspicious(family, held)):
            for part, decision in held:
                yield from [self._refused_alone(part, decision)] if part.range.size == 1 else self._split(part)
            for part in rest:
                self._push(part)
        elif held and family.probing:
            answer = next((decision.reason for _, decision in held), "none was accepted")
            yield from self._end_group([*(part for part, _ in held), *rest], answer)
        elif family.probing:
            for part in rest:
                yield self._unfinished(part, "none of the lines that were sent alone was answered")
        else:
            family.probing = True
            alone, family.rest = spread(part for part, _ in held)
            for part in alone:
                self._push(part)

    def _end_group(self, parts: list[Part], answer: str) -> Iterator[Event]:
        """Give up a group whose lines are refused whichever are sent: the fault is not in single lines."""
        reason = f"the target refuses this group's lines whichever are sent, so no single line is at fault ({answer})"
        for part in parts:
            yield Done(part=part, verdict=Verdict.FAILED, reason=reason)
        if parts[0].group not in self._ended_groups:
            self._ended_groups.add(parts[0].group)
            self._bad_groups += 1
        if self._bad_groups >= MAX_BAD_GROUPS:
            message = f"{MAX_BAD_GROUPS} groups in a row were refused as a whole; correct the mapping's request"
            yield from self._halted_by(RunError(message, code="E_REFUSED_GROUPS"))


def _silent(reason: str) -> TargetError:
    return TargetError(f"{reason}; it cannot be used now, and the next run tries again", code="E_TARGET")
