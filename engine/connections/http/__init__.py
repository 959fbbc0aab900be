"""HTTP ends: one exchange a call, exact about what left, and what its answer means.

client     one HTTP exchange behind the limits of its connection
gate       who may pass to a connection now: concurrency, rate, breaker, pause
limits     the rate limiter and the circuit breaker, without a clock
deadline   the deadline of a whole exchange, below httpx's transport
behind     what comes behind a complete answer, and what it says against it
watch      what is seen of one exchange while it lasts
body       an answer's body, unpacked as it comes and bounded
reasons    why an exchange came to nothing, in words
attempt    what is asked now, on which terms, and what was read in the answer
decisions  what may be decided of an answer, as values
decide     what an answer means: confirm, refuse, again, look up, hold, stop; in words in answers.md
status     what a status says: unlearnt, not now, healthy, accepted
backoff    how long to wait before the next try, or until a pause ends
"""

from engine.connections.http.attempt import Ask, Attempt, Found, Reading, Terms, WhenMissing
from engine.connections.http.backoff import LONGEST_PAUSE, pause_until
from engine.connections.http.client import HttpEnd
from engine.connections.http.decide import SHOWN, decide, located
from engine.connections.http.decisions import (
    Again,
    Confirm,
    CreateAgain,
    Decision,
    Elsewhere,
    Exists,
    GiveUp,
    Gone,
    Hold,
    LookUp,
    PerLine,
    Refuse,
    Stop,
    Suspect,
    Wait,
    Withhold,
)
from engine.connections.http.status import REFUSING, accepted, is_not_now, is_unlearnt

__all__ = [
    "LONGEST_PAUSE",
    "REFUSING",
    "SHOWN",
    "Again",
    "Ask",
    "Attempt",
    "Confirm",
    "CreateAgain",
    "Decision",
    "Elsewhere",
    "Exists",
    "Found",
    "GiveUp",
    "Gone",
    "Hold",
    "HttpEnd",
    "LookUp",
    "PerLine",
    "Reading",
    "Refuse",
    "Stop",
    "Suspect",
    "Terms",
    "Wait",
    "WhenMissing",
    "Withhold",
    "accepted",
    "decide",
    "is_not_now",
    "is_unlearnt",
    "located",
    "pause_until",
]
