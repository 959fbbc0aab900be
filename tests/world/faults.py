"""What may become of a request: an answer without effect, an effect whose answer is lost or spoilt, a word to wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email.utils import format_datetime
from typing import TypeAlias

from engine.run.app import utc_now
from world.wire import Reply, Seen, drop_read

Fault: TypeAlias = str | int | Reply  # a reply is given as it is, without effect

LATE_SECONDS = 0.8  # after which an answer arrives that comes too late
EFFECTLESS = ("before", "late", 400, 404, 409, 410, 413, 422, 408, 425, 429, 500, 502, 503, 504, 401, 403, 302)
ASKED_TO_WAIT = ("soon", "wait", "date")
FAULTS: tuple[str | int, ...] = (
    "ok",
    "after",  # the connection breaks after the effect
    "late after",  # the effect takes place, the answer comes too late
    "truncated",  # the effect takes place, the answer breaks off in its body
    "garbage",  # the effect takes place, the answer is not JSON
    "empty",  # the effect takes place, the answer is empty
    "503 after",  # the effect takes place, a gateway says 503
    "soon",  # 429 with Retry-After: 0
    "wait",  # 429 with Retry-After: 120
    "date",  # 503 with Retry-After as a date, some years ago
    "per line",  # 200, and the first line is refused
    *EFFECTLESS,
)


def answered(fault: Fault, do: Callable[[], Reply]) -> Reply:
    """Answer a request to which this happens; `do` has its effect."""
    if isinstance(fault, Reply):
        return fault
    if isinstance(fault, int):
        return Reply(status=fault, body=b"planned")
    if fault == "before":
        return drop_read()
    if fault == "late":
        return Reply(delay_seconds=LATE_SECONDS, drop="read")
    if fault in ASKED_TO_WAIT:
        past = format_datetime(utc_now().replace(year=2020, day=1), usegmt=True)
        status, text = {"soon": (429, "0"), "wait": (429, "120"), "date": (503, past)}[fault]
        return Reply(status=status, headers={"Retry-After": text})
    return _spoilt(fault, do())


def truthful(fault: Fault, seen: Seen) -> Fault:
    """Leave out the answers that would be lies, which nobody could see through: that a record is not there."""
    lies = {"DELETE": (404, 410), "GET": (404, "empty")}.get(seen.method, ())
    return "before" if fault in lies else fault


def _spoilt(fault: str, reply: Reply) -> Reply:
    """Spoil the answer to a request that had its effect; one that was refused is not made a success."""
    if reply.status >= 400 and fault in ("truncated", "garbage", "empty"):
        return reply
    match fault:
        case "after":
            return drop_read()
        case "late after":
            return Reply(delay_seconds=LATE_SECONDS, drop="read")
        case "truncated":
            whole = replace(reply, body=reply.body or b"{}", status=reply.status if reply.body else 200)
            return replace(whole, cut=len(whole.text()) - 1, close=True)
        case "garbage":
            return Reply(body=b"<html>")
        case "empty":
            return Reply()
        case "503 after":
            return Reply(status=503)
    return reply
