"""When to try again: back-off, Retry-After, the rate limit and the breaker, as decisions without a clock.

`now` is a reading of a monotonic clock in seconds, except where a datetime is asked for.
Nothing here locks or sleeps: the transport owns the lock, the clock and the waiting.
"""

from __future__ import annotations

from engine.values import Answer, Answered, Lost

_LATER = frozenset({425, 429})  # the target is well and asks for patience

REFUSING = frozenset({401, 403})  # our credentials, or one request
MAX_REFUSED = 3  # requests in a row; then it is the credentials


def is_unlearnt(status: int) -> bool:
    """Tell whether a request that was answered so may have had its effect all the same (ledger.md 2)."""
    return status < 200 or status == 408 or status >= 500


def is_not_now(status: int) -> bool:
    """Tell whether an answer speaks of this moment, and not of what was asked: it may be asked again."""
    return status in _LATER or is_unlearnt(status)


def healthy(answer: Answer, *, counts: bool = True) -> bool | None:
    """Tell what an answer says about the target's health; None: nothing.

    With `counts` false a 500 is suspected to be a fault of the data that was sent, and says nothing.
    """
    if not isinstance(answer, Answered):
        return isinstance(answer, Lost) and answer.too_long
    if answer.status in _LATER or (answer.status == 500 and not counts):
        return None
    if asked_to_wait(answer):
        return None  # it says in good order when it is back
    return not is_unlearnt(answer.status)


def accepted(answer: Answer) -> bool:
    """Tell whether the target took our credentials and looked at the request, whatever it said of the data."""
    if not isinstance(answer, Answered) or answer.status in REFUSING or is_not_now(answer.status):
        return False
    return 200 <= answer.status < 300 or 400 <= answer.status < 500


def asked_to_wait(answer: Answer) -> float:
    """Give the seconds that an answer asks us to stay away, in good order; else 0."""
    if isinstance(answer, Answered) and is_not_now(answer.status):
        return answer.retry_after_seconds or 0.0
    return 0.0


def shuts(answer: Answer, max_wait_seconds: float) -> str | None:
    """Give the code of the error for which no object of the connection sends anything after this answer, or None.

    A refusal does so only with those before it (`MAX_REFUSED`).
    """
    if isinstance(answer, Answered) and answer.status in REFUSING:
        return "E_CREDENTIALS"
    return "E_ASKED_TO_WAIT" if asked_to_wait(answer) > max_wait_seconds else None
