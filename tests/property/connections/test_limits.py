"""What holds for every sequence of times, answers and requests."""

from datetime import UTC, datetime
from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from engine.connections import settings as connection_settings
from engine.connections.http.backoff import backoff, retry_after
from engine.connections.http.limits import CircuitBreaker, RateLimiter

seconds = st.floats(min_value=0, max_value=1000, allow_nan=False)
policies = st.builds(
    connection_settings.Retry,
    first_delay_seconds=st.floats(min_value=0.01, max_value=100),
    max_delay_seconds=st.floats(min_value=0.01, max_value=1000),
)
DRAWS = [n / 16 for n in range(16)]


@given(
    limit=st.builds(
        connection_settings.RateLimit, requests=st.integers(1, 5), per_seconds=st.floats(min_value=0.01, max_value=100)
    ),
    steps=st.lists(st.tuples(seconds, st.one_of(st.none(), seconds)), max_size=60),
)
def test_no_window_ever_holds_more_starts_than_the_limit_and_none_falls_into_a_hold(
    limit: connection_settings.RateLimit, steps: list[tuple[float, float | None]]
) -> None:
    rate, now, held_until, starts = RateLimiter(limit), 0.0, 0.0, []

    for advance, hold in steps:
        now += advance
        if hold is not None:
            rate.hold(now + hold)
            held_until = max(held_until, now + hold)
        if rate.reserve(now) == 0:
            assert now >= held_until
            starts.append(now)

    later = starts[limit.requests :]
    assert all(first + limit.per_seconds <= last for first, last in zip(starts, later, strict=False))


@given(
    limit=st.builds(connection_settings.RateLimit, requests=st.integers(1, 5), per_seconds=st.integers(1, 100)),
    pauses=st.lists(st.integers(0, 50), max_size=40),
)
def test_whoever_waits_as_long_as_told_may_start(limit: connection_settings.RateLimit, pauses: list[int]) -> None:
    rate, now = RateLimiter(limit), 0.0

    for pause in pauses:
        now += pause
        wait = rate.reserve(now)
        now += wait

        assert wait == 0 or rate.reserve(now) == 0


@given(policy=policies, attempt=st.integers(1, 10_000), random=st.floats(0, 1, exclude_max=True))
def test_back_off_lies_between_half_of_its_step_and_the_maximum(
    policy: connection_settings.Retry, attempt: int, random: float
) -> None:
    shortest = min(policy.first_delay_seconds, policy.max_delay_seconds) / 2

    assert shortest <= backoff(attempt, policy, random) <= policy.max_delay_seconds


@given(policy=policies, attempt=st.integers(1, 200))
def test_back_off_never_shrinks_in_expectation(policy: connection_settings.Retry, attempt: int) -> None:
    earlier, later = (fmean(backoff(n, policy, draw) for draw in DRAWS) for n in (attempt, attempt + 1))

    assert earlier <= later


@given(header=st.one_of(st.text(), st.from_regex(r"\w{0,4},? ?\d{0,5}[ -]\w{0,4}[ -]\d{0,6} [\d:]{0,9} .{0,6}")))
def test_no_header_breaks_the_reading_of_retry_after(header: str) -> None:
    read = retry_after(header, datetime(2031, 3, 2, tzinfo=UTC))

    assert read is None or read >= 0


@given(
    failures=st.integers(1, 4),
    steps=st.lists(
        st.one_of(
            st.just("ask"),
            st.tuples(st.integers(0, 9), st.sampled_from([True, False, False, None])),  # a result of one under way
            st.floats(min_value=0, max_value=15),  # time goes on
        ),
        max_size=80,
    ),
)
def test_while_the_breaker_is_not_closed_at_most_one_request_is_under_way_that_went_after_it_opened(
    failures: int, steps: list[object]
) -> None:
    breaker, now = CircuitBreaker(connection_settings.Breaker(failures=failures, pause_seconds=10)), 0.0
    under_way: list[tuple[int, float]] = []  # turn and time of leaving

    for step in steps:
        match step:
            case float():
                now += step
            case "ask":
                if breaker.gate(now) == 0:
                    under_way.append((breaker.turn, now))
                    assert breaker.open_until is None or now >= breaker.open_until
            case (int(which), ok) if under_way:
                turn, _ = under_way.pop(which % len(under_way))
                breaker.record(ok, now, turn=turn)

        if breaker.opened_at is not None and breaker.open_until is not None:
            assert sum(left >= breaker.open_until for _, left in under_way) <= 1


@given(failures=st.integers(1, 5), results=st.lists(st.sampled_from([True, False, None]), max_size=30))
def test_the_breaker_opens_exactly_at_so_many_failures_in_a_row(failures: int, results: list[bool | None]) -> None:
    breaker, in_a_row = CircuitBreaker(connection_settings.Breaker(failures=failures, pause_seconds=10)), 0

    for ok in results:
        breaker.record(ok, 0.0, turn=breaker.turn)
        in_a_row = in_a_row + (ok is False) if ok is not True else 0
        if breaker.open_until is not None:
            break

    assert (breaker.open_until is not None) == (in_a_row >= failures)
