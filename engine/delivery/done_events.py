"""What becomes of a part, told as `Done`: decided by what it went through and by what its operation allows."""

from __future__ import annotations

from engine.connections.http import SHOWN, Ask, GiveUp, PerLine, Refuse, Terms, Wait, Withhold
from engine.delivery.cut import by_result
from engine.delivery.events import Done, Verdict
from engine.delivery.part import Part
from engine.values import Refusal, Stage


def is_untouched(part: Part, terms: Terms) -> bool:
    """Tell whether a part certainly had no effect; a refusal of several lines clears none of them (ledger.md 2)."""
    return not part.past.unknown and (part.depth == 0 or terms.creates)


def unfinished(part: Part, terms: Terms, reason: str) -> Done:
    """Give up a part of which nothing was learnt since it was last sent."""
    verdict = Verdict.UNKNOWN if _may_exist(part) else Verdict.FAILED
    return Done(part=part, verdict=verdict, clean=is_untouched(part, terms), reason=reason)


def unmade(part: Part, terms: Terms, refusal: Refusal) -> Done:
    """Refuse a part whose request cannot be made."""
    if _may_exist(part):
        return Done(part=part, verdict=Verdict.UNKNOWN, reason=f"the look-up cannot be made: {refusal.reason}")
    return Done(part=part, verdict=Verdict.REJECTED, clean=is_untouched(part, terms), refusal=refusal)


def _may_exist(part: Part) -> bool:
    """Tell whether a part is a create whose outcome is to be learnt; of a 409 it is known that it created nothing."""
    attempt = part.attempt
    made_none = attempt.conflict is not None and not attempt.conflict.unknown
    return attempt.ask is Ask.LOOK_UP and not (made_none or attempt.missing or attempt.first)


def failed(part: Part, reason: str) -> Done:
    """Leave a part for the next run."""
    return Done(part=part, verdict=Verdict.FAILED, reason=reason)


def given_up(part: Part, terms: Terms, decision: GiveUp) -> Done:
    """Leave a part whose attempts are used up."""
    clean = is_untouched(part, terms) and not decision.unknown
    return Done(part=part, verdict=Verdict.FAILED, clean=clean, reason=decision.reason)


def waiting(part: Part, terms: Terms, decision: Wait) -> Done:
    """Let a part wait for the next run."""
    clean = is_untouched(part, terms) and part.range.size == 1 and not decision.unknown
    return Done(part=part, verdict=Verdict.WAITING, clean=clean, reason=decision.reason)


def withheld(part: Part, terms: Terms, decision: Withhold) -> Done:
    """Hold a removal back until a person has looked, or another one was accepted."""
    clean = is_untouched(part, terms)
    return Done(part=part, verdict=Verdict.WITHHELD, clean=clean, reason=decision.reason, request=decision.request)


def refused_alone(part: Part, terms: Terms, decision: Refuse) -> Done:
    """Refuse a line that stands alone, or leave it where the fault may be the target's."""
    if decision.fault:
        return failed(part, decision.reason)
    return Done(
        part=part,
        verdict=Verdict.REJECTED,
        clean=is_untouched(part, terms),
        refusal=Refusal(stage=Stage.TARGET, reason=decision.reason[:SHOWN] + decision.remedy, status=decision.status),
    )


def line_by_line(part: Part, decision: PerLine) -> tuple[Done, ...]:
    """Give the verdicts of an answer that speaks of each line; neighbours of one verdict are told at once."""
    return tuple(
        _of_lines(lines, result, decision.left.get(lines.range.first - part.range.first))
        for lines, result in by_result(part, decision.lines)
    )


def _of_lines(lines: Part, result: str | None, left: str | None) -> Done:
    if result is None:
        return failed(lines, left or "the answer does not name this line")
    if not result:
        return Done(part=lines, verdict=Verdict.CONFIRMED)
    refusal = Refusal(stage=Stage.TARGET, reason=result[:SHOWN])
    return Done(part=lines, verdict=Verdict.REJECTED, refusal=refusal)
