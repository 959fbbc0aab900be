"""Back-off, Retry-After, rate limit and breaker, decided on given times."""

from datetime import UTC, datetime

import pytest

from engine.connections import settings as connection_settings
from engine.connections.http.backoff import backoff, retry_after
from engine.connections.http.limits import CircuitBreaker, RateLimiter
from engine.connections.http.status import healthy
from engine.values.exchanges import Answer, Answered, Lost, NotSent

NOW = datetime(2031, 3, 2, 12, 0, 0, tzinfo=UTC)
POLICY = connection_settings.Retry(first_delay_seconds=1, max_delay_seconds=60)


@pytest.mark.parametrize(
    ("attempt", "random", "seconds"),
    [
        (1, 0.0, 0.5),
        (1, 0.5, 0.75),
        (2, 0.0, 1.0),
        (2, 0.5, 1.5),
        (6, 0.0, 16.0),
        (7, 0.0, 30.0),
        (7, 0.5, 45.0),
        (100_000, 0.5, 45.0),
    ],
)
def test_back_off_doubles_up_to_its_maximum_and_draws_its_second_half(
    attempt: int, random: float, seconds: float
) -> None:
    assert backoff(attempt, POLICY, random) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("Sun, 02 Mar 2031 12:01:30 GMT", 90.0),
        ("Sunday, 02-Mar-31 12:01:30 GMT", 90.0),
        ("Sun Mar  2 12:01:30 2031", 90.0),
        ("Sun, 02 Mar 2031 13:01:30 +0100", 90.0),
        ("Sun, 02 Mar 2031 11:59:59 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("5, 10", None),
        ("٣", None),
        ("999999999", 999999999.0),
        ("9" * 400, 1e9),
        ("nan", None),
        ("Sun, 99 Mar 2031 12:01:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_is_nothing(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Sun, 02 Mar 2031 14:31:00 GMT", 30.0),
        ("Sun, 02 Mar 2031 15:31:00 +0100", 30.0),
        ("Sun, 02 Mar 2031 14:32:00 GMT", 0.0),
        ("today", 9090.0),
        ("", 9090.0),
    ],
)
def test_a_date_to_wait_for_is_measured_from_the_answer_s_own_date(date: str, seconds: float) -> None:
    assert retry_after("Sun, 02 Mar 2031 14:31:30 GMT", NOW, date) == seconds


@pytest.mark.parametrize(
    ("answer", "counting", "suspected"),
    [
        (NotSent(reason="refused"), False, False),
        (Lost(reason="time-out"), False, False),
        (Answered(status=200), True, True),
        (Answered(status=204), True, True),
        (Answered(status=302), True, True),
        (Answered(status=400), True, True),
        (Answered(status=401), True, True),
        (Answered(status=404), True, True),
        (Answered(status=408), False, False),
        (Answered(status=422), True, True),
        (Answered(status=425), None, None),
        (Answered(status=429), None, None),
        (Answered(status=500), False, None),
        (Answered(status=501), False, False),
        (Answered(status=502), False, False),
        (Answered(status=503), False, False),
        (Answered(status=504), False, False),
    ],
)
def test_an_answer_says_whether_the_target_is_well(
    answer: Answer, counting: bool | None, suspected: bool | None
) -> None:
    assert (healthy(answer), healthy(answer, counts=False)) == (counting, suspected)


# --- the rate limit ------------------------------------------------------------------------------------


def test_without_a_limit_nothing_waits() -> None:
    rate = RateLimiter(None)

    assert [rate.reserve(1.0) for _ in range(1000)] == [0.0] * 1000


def test_a_start_beyond_the_limit_waits_until_the_oldest_leaves_the_window() -> None:
    rate = RateLimiter(connection_settings.RateLimit(requests=2, per_seconds=10))

    asked = [(now, rate.reserve(now)) for now in (100.0, 103.0, 104.0, 109.5, 110.0, 111.0, 113.0)]

    assert asked == [(100.0, 0), (103.0, 0), (104.0, 6), (109.5, 0.5), (110.0, 0), (111.0, 2), (113.0, 0)]


def test_asking_without_reserving_takes_nothing() -> None:
    rate = RateLimiter(connection_settings.RateLimit(requests=1, per_seconds=10))

    assert [rate.wait(0.0), rate.wait(0.0), rate.reserve(0.0), rate.wait(0.0)] == [0, 0, 0, 10]


def test_a_start_counts_from_when_its_request_really_left() -> None:
    limit = RateLimiter(connection_settings.RateLimit(requests=2, per_seconds=10))
    limit.reserve(0)
    limit.reserve(1)
    limit.move(0, 7)  # it took seven seconds to connect

    assert [limit.wait(8), limit.reserve(11), limit.wait(12)] == [3, 0, 5]


def test_a_hold_stops_everybody_and_a_shorter_one_does_not_end_it() -> None:
    rate = RateLimiter(None)

    rate.hold(50.0)
    rate.hold(20.0)

    assert [rate.reserve(10.0), rate.reserve(49.0), rate.reserve(50.0)] == [40, 1, 0]


def test_the_longer_of_hold_and_limit_decides() -> None:
    rate = RateLimiter(connection_settings.RateLimit(requests=1, per_seconds=10))
    rate.reserve(0.0)

    rate.hold(4.0)
    before = rate.wait(1.0)
    rate.hold(30.0)

    assert (before, rate.wait(1.0)) == (9, 29)


# --- the breaker ---------------------------------------------------------------------------------------


def opened(failures: int = 3, pause_seconds: float = 60) -> CircuitBreaker:
    """Give a breaker that opened at 100.0."""
    breaker = CircuitBreaker(connection_settings.Breaker(failures=failures, pause_seconds=pause_seconds))
    for _ in range(failures):
        breaker.record(False, 100.0, turn=breaker.turn)
    return breaker


def test_failures_in_a_row_open_the_breaker() -> None:
    breaker = opened()

    assert (breaker.opened_at, breaker.open_until, breaker.gate(100.0), breaker.gate(159.0)) == (100.0, 160.0, 60, 1)


@pytest.mark.parametrize(("between", "opens"), [(True, False), (None, True)])
def test_a_success_starts_the_count_over_and_an_answer_that_says_nothing_does_not(
    between: bool | None, opens: bool
) -> None:
    breaker = CircuitBreaker(connection_settings.Breaker(failures=3, pause_seconds=60))

    for ok in (False, False, between, False):
        breaker.record(ok, 100.0, turn=breaker.turn)

    assert (breaker.open_until is not None) == opens


def test_after_the_pause_one_probe_goes_and_the_others_wait() -> None:
    breaker = opened()

    assert [breaker.gate(160.0), breaker.gate(160.0), breaker.gate(500.0)] == [0, 60, 60]


def test_a_probe_that_succeeds_closes_the_breaker() -> None:
    breaker = opened()

    breaker.gate(160.0)
    breaker.record(True, 161.0, turn=breaker.turn)

    assert (breaker.opened_at, breaker.open_until, breaker.gate(161.0), breaker.gate(161.0)) == (None, None, 0, 0)


def test_after_closing_the_failures_are_counted_from_nothing() -> None:
    breaker = opened()
    breaker.gate(160.0)
    breaker.record(True, 161.0, turn=breaker.turn)

    breaker.record(False, 162.0, turn=breaker.turn)

    assert breaker.open_until is None


def test_a_probe_that_fails_opens_the_breaker_again() -> None:
    breaker = opened()

    breaker.gate(160.0)
    breaker.record(False, 170.0, turn=breaker.turn)

    assert (breaker.opened_at, breaker.open_until, breaker.gate(170.0)) == (170.0, 230.0, 60)


def test_a_probe_that_says_nothing_leaves_the_turn_to_the_next() -> None:
    breaker = opened()

    breaker.gate(160.0)
    breaker.record(None, 161.0, turn=breaker.turn)

    assert [breaker.gate(161.0), breaker.gate(161.0)] == [0, 60]


@pytest.mark.parametrize("ok", [True, False, None])
def test_results_from_before_the_opening_change_nothing(ok: bool | None) -> None:
    breaker = opened()
    earlier = breaker.turn - 1

    breaker.record(ok, 120.0, turn=earlier)
    while_open = (breaker.open_until, breaker.gate(120.0))
    breaker.gate(160.0)
    breaker.record(ok, 161.0, turn=earlier)

    assert (while_open, breaker.open_until, breaker.gate(161.0)) == ((160.0, 40), 160.0, 60)
