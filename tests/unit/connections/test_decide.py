"""The table of answers (answers.md) and the rules of creates and look-ups (ledger.md 2, 3, 6), row by row."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from engine.connections.http.attempt import Ask, Attempt, Found, Reading, Terms
from engine.connections.http.decide import decide
from engine.connections.http.decisions import (
    Again,
    Confirm,
    CreateAgain,
    Decision,
    Exists,
    GiveUp,
    Hold,
    LookUp,
    PerLine,
    Refuse,
    Stop,
    Suspect,
    Wait,
    Withhold,
)
from engine.connections.settings import OnStatus, Retry
from engine.values.errors import Exit, TargetError
from engine.values.exchanges import Answer, Answered, Lost, NotSent, Written

RETRY = Retry(attempts=3, first_delay_seconds=8, max_delay_seconds=60, max_wait_seconds=300)
HALF = 0.5  # the jitter of every case: three quarters of a step

ONE = Attempt()
LAST = Attempt(tried=2)
ASKED = Attempt(ask=Ask.LOOK_UP)
ASKED_LAST = replace(ASKED, tried=2)
ASKED_AFTER_409 = Attempt(ask=Ask.LOOK_UP, conflict=Refuse(reason="status 409: exists", status=409))

PLAIN = Terms(creates=False, retry=RETRY)
DELETES = Terms(creates=False, deletes=(True,), proven=frozenset({0}), retry=RETRY)
UNPROVEN = replace(DELETES, proven=frozenset())
CREATES = Terms(creates=True, retry=RETRY)
LOOKS_UP = Terms(creates=True, look_up_after_seconds=5, retry=RETRY)

SAVES = replace(LOOKS_UP, saving=frozenset({0}))

UNLEARNT = (408, 500, 501, 502, 503, 504, 520, 599)
LATER = (425, 429)
REFUSING = (400, 402, 404, 405, 409, 410, 412, 413, 415, 418, 422, 451)


def answered(status: int, body: bytes = b"", after: float | None = None) -> Answered:
    return Answered(status=status, body=body, retry_after_seconds=after)


def decided(
    answer: Answer,
    attempt: Attempt,
    terms: Terms,
    reading: Reading = Reading(),  # noqa: B008
    *,
    several: bool = False,
) -> Decision:
    return decide(answer, reading, attempt, terms, several=several, chance=HALF)


def said(status: int, word: OnStatus, terms: Terms = PLAIN) -> Terms:
    return replace(terms, on_status={status: word})


# --- 2xx -----------------------------------------------------------------------------------------------------

SUCCESSES: list[tuple[str, Reading, Terms, Decision]] = [
    ("nothing is asked of the answer", Reading(), PLAIN, Confirm()),
    ("values are saved", Reading(saved={"id": 1}), LOOKS_UP, Confirm(saved={"id": 1})),
    (
        "`ok` is false of a create that can be looked up",
        Reading(ok=False),
        LOOKS_UP,
        LookUp(
            delay_seconds=5,
            reason="not ok: status 200: x",
            conflict=Refuse(reason="not ok: status 200: x", status=200, unknown=True),
        ),
    ),
    ("`ok` is false", Reading(ok=False), PLAIN, Refuse(reason="not ok: status 200: x", status=200, unknown=True)),
    ("it speaks of each line", Reading(lines=("", "bad")), PLAIN, PerLine(lines=("", "bad"))),
    (
        "it cannot be read",
        Reading(fault="it is no JSON"),
        PLAIN,
        Again(delay_seconds=6, counts=True, unknown=True, reason="status 200, but it is no JSON"),
    ),
    (
        "a create's cannot be read",
        Reading(fault="it is no JSON"),
        CREATES,
        Hold(reason="status 200, but it is no JSON"),
    ),
    (
        "a create's cannot be read, and there is a look-up",
        Reading(fault="it is no JSON"),
        LOOKS_UP,
        LookUp(delay_seconds=5, reason="status 200, but it is no JSON"),
    ),
]


@pytest.mark.parametrize(
    ("reading", "terms", "decision"), [case[1:] for case in SUCCESSES], ids=[c[0] for c in SUCCESSES]
)
def test_a_success_is_what_the_mapping_reads_in_it(reading: Reading, terms: Terms, decision: Decision) -> None:
    assert decided(answered(200, b"x"), ONE, terms, reading) == decision


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize("terms", [PLAIN, DELETES, CREATES, LOOKS_UP])
def test_every_success_confirms(status: int, terms: Terms) -> None:
    assert decided(answered(status), ONE, terms, several=True) == Confirm()


# --- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", REFUSING)
@pytest.mark.parametrize("several", [False, True], ids=["alone", "several"])
@pytest.mark.parametrize("terms", [PLAIN, CREATES], ids=["repeatable", "create"])
def test_other_4xx_refuse_whatever_is_sent(status: int, several: bool, terms: Terms) -> None:
    assert decided(answered(status, b" why\n so "), ONE, terms, several=several) == Refuse(
        reason=f"status {status}: why so", status=status
    )


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_needs_no_delete(status: int) -> None:
    assert decided(answered(status), ONE, DELETES) == Confirm()


def test_only_the_step_that_deletes_takes_404_for_done() -> None:
    terms = Terms(creates=False, deletes=(False, True), proven=frozenset({1}), retry=RETRY)

    decisions = [decided(answered(404), replace(ONE, step=step), terms) for step in (0, 1)]

    assert decisions == [Refuse(reason="status 404", status=404), Confirm()]


def test_a_409_of_a_create_is_looked_up_where_that_is_possible() -> None:
    decisions = [decided(answered(409, b"exists"), ONE, terms) for terms in (LOOKS_UP, CREATES, PLAIN)]

    refused = Refuse(reason="status 409: exists", status=409)
    asked = LookUp(
        delay_seconds=0, reason="status 409: exists", conflict=Refuse(reason="status 409: exists", status=409)
    )
    assert decisions == [asked, refused, refused]


def test_an_answer_is_shown_up_to_200_characters() -> None:
    decision = decided(answered(422, "ł".encode() * 1000), ONE, PLAIN)

    assert decision == Refuse(reason="status 422: " + "ł" * 200, status=422)


# --- credentials and redirects -------------------------------------------------------------------------------


@pytest.mark.parametrize("several", [False, True], ids=["alone", "several"])
@pytest.mark.parametrize("attempt", [ONE, ASKED, ASKED_AFTER_409])
@pytest.mark.parametrize(
    ("status", "kind", "code", "exit_code"),
    [
        (401, TargetError, "E_CREDENTIALS", Exit.UNAVAILABLE),
        (403, TargetError, "E_CREDENTIALS", Exit.UNAVAILABLE),
        (301, TargetError, "E_REDIRECT", Exit.UNAVAILABLE),
        (302, TargetError, "E_REDIRECT", Exit.UNAVAILABLE),
        (308, TargetError, "E_REDIRECT", Exit.UNAVAILABLE),
    ],
)
def test_refused_credentials_and_redirects_may_concern_the_connection(
    attempt: Attempt, several: bool, status: int, kind: type[Exception], code: str, exit_code: Exit
) -> None:
    decision = decided(answered(status), attempt, LOOKS_UP, several=several)

    assert isinstance(decision, Suspect)
    assert (type(decision.error), decision.error.code, decision.error.exit) == (kind, code, exit_code)
    if attempt.ask is Ask.LOOK_UP:
        assert decision.otherwise == Hold(reason=f"the look-up is refused: status {status}")
    else:
        assert decision.otherwise == Refuse(reason=f"status {status}", status=status)


def test_another_host_says_nothing_of_our_credentials() -> None:
    terms = Terms(creates=False, deletes=(False, False), foreign=frozenset({1}), retry=RETRY)
    decisions = [decided(answered(status), replace(ONE, step=1), terms) for status in (401, 403, 308)]

    assert decisions == [
        Refuse(reason="status 401", status=401, stale=True),
        Refuse(reason="status 403", status=403, stale=True),
        Refuse(reason="status 308", status=308),
    ]


@pytest.mark.parametrize("status", [401, 403, 308])
def test_the_mapping_may_say_what_a_refusal_or_a_redirect_means(status: int) -> None:
    assert decided(answered(status), ONE, said(status, "confirm", PLAIN)) == Confirm()
    assert decided(answered(status), ONE, said(status, "wait", PLAIN)) == Wait(reason=f"status {status}")
    assert isinstance(decided(answered(status), ASKED, said(status, "confirm", LOOKS_UP)), Suspect)


# --- answers that leave it open ------------------------------------------------------------------------------


def silences() -> list[Answer]:
    return [*(answered(status) for status in UNLEARNT), Lost(reason="the connection broke")]


def reason_of(answer: Answer) -> str:
    return f"status {answer.status}" if isinstance(answer, Answered) else str(getattr(answer, "reason", ""))


@pytest.mark.parametrize("answer", silences(), ids=reason_of)
def test_what_can_be_repeated_is_tried_again_and_then_left_uncertain(answer: Answer) -> None:
    decisions = [decided(answer, replace(ONE, tried=tried), PLAIN) for tried in range(3)]

    reason = reason_of(answer)
    assert decisions == [
        Again(delay_seconds=6, counts=True, unknown=True, reason=reason),
        Again(delay_seconds=12, counts=True, unknown=True, reason=reason),
        GiveUp(reason=f"{reason} (3 attempts)", unknown=True),
    ]


@pytest.mark.parametrize("answer", silences(), ids=reason_of)
@pytest.mark.parametrize("tried", [0, 1, 2])
def test_a_create_is_never_sent_again_blindly(answer: Answer, tried: int) -> None:
    attempt = replace(ONE, tried=tried)

    decisions = [
        decided(answer, each, terms)
        for each, terms in product((attempt, replace(attempt, repeated=True)), (CREATES, LOOKS_UP))
    ]

    held = Hold(reason=reason_of(answer))
    assert decisions == [held, LookUp(delay_seconds=5, reason=reason_of(answer)), held, held]


@pytest.mark.parametrize("terms", [PLAIN, CREATES, LOOKS_UP], ids=["repeatable", "create", "look-up"])
@pytest.mark.parametrize(
    "answer", [*(answered(status) for status in LATER), NotSent(reason="no connection")], ids=reason_of
)
def test_what_certainly_had_no_effect_is_tried_again_also_if_it_creates(answer: Answer, terms: Terms) -> None:
    decisions = [decided(answer, replace(ONE, tried=tried), terms) for tried in range(3)]

    reason = reason_of(answer)
    assert decisions == [
        Again(delay_seconds=6, counts=True, unknown=False, reason=reason),
        Again(delay_seconds=12, counts=True, unknown=False, reason=reason),
        GiveUp(reason=f"{reason} (3 attempts)", unknown=False, unreachable=isinstance(answer, NotSent)),
    ]


def test_a_500_for_several_lines_is_split_when_attempts_are_used_up_and_alone_it_fails() -> None:
    cases = ((ONE, True), (LAST, True), (LAST, False))

    decisions = [decided(answered(500), attempt, PLAIN, several=several) for attempt, several in cases]

    assert decisions == [
        Again(delay_seconds=6, counts=True, unknown=True, reason="status 500"),
        Refuse(reason="status 500", status=500, unknown=True, fault=True),
        GiveUp(reason="status 500 (3 attempts)", unknown=True),
    ]


@pytest.mark.parametrize("answer", [answered(502), answered(503), Lost(reason="silence")], ids=reason_of)
def test_only_a_500_may_be_a_fault_of_the_data(answer: Answer) -> None:
    decision = decided(answer, LAST, PLAIN, several=True)

    assert decision == GiveUp(reason=f"{reason_of(answer)} (3 attempts)", unknown=True)


def test_creates_are_not_split_for_a_500() -> None:
    assert decided(answered(500), LAST, CREATES, several=True) == Hold(reason="status 500")


# --- Retry-After ---------------------------------------------------------------------------------------------

WAITS: list[tuple[str, Answered, Attempt, Decision]] = [
    (
        "is obeyed and uses up no attempt, not even the last",
        answered(429, after=30),
        LAST,
        Again(delay_seconds=30, counts=False, unknown=False, reason="status 429"),
    ),
    (
        "of a 503 leaves the effect open",
        answered(503, after=30),
        ONE,
        Again(delay_seconds=30, counts=False, unknown=True, reason="status 503"),
    ),
    (
        "may ask for the rest of the longest wait",
        answered(429, after=30),
        replace(ONE, waited_seconds=270),
        Again(delay_seconds=30, counts=False, unknown=False, reason="status 429"),
    ),
    (
        "of nothing is no wait, or it would be asked for without end",
        answered(429, after=0),
        ONE,
        Again(delay_seconds=6, counts=True, unknown=False, reason="status 429"),
    ),
    (
        "of nothing ends with the attempts",
        answered(503, after=0),
        LAST,
        GiveUp(reason="status 503 (3 attempts)", unknown=True),
    ),
]


@pytest.mark.parametrize(
    ("answer", "attempt", "decision"), [case[1:] for case in WAITS], ids=[case[0] for case in WAITS]
)
def test_a_retry_after(answer: Answered, attempt: Attempt, decision: Decision) -> None:
    assert decided(answer, attempt, PLAIN) == decision


@pytest.mark.parametrize(("status", "unknown"), [(429, False), (503, True)])
def test_more_waiting_than_allowed_stops_and_forgets_no_effect(status: int, unknown: bool) -> None:
    decision = decided(answered(status, after=31), replace(ONE, waited_seconds=270), PLAIN)

    assert isinstance(decision, Stop)
    assert (type(decision.error), decision.error.code, decision.unknown) == (TargetError, "E_ASKED_TO_WAIT", unknown)
    assert decision.error.message == (
        "the target asks to wait 31 s, and 270 s were waited already (retry.max_wait_seconds is 300): "
        f"status {status}; it goes on by itself then"
    )


def test_a_wait_adds_up_and_an_attempt_counts() -> None:
    waited = ONE.after(Again(delay_seconds=30, counts=False, unknown=False, reason=""))
    tried = waited.after(Again(delay_seconds=6, counts=True, unknown=True, reason=""))
    later = tried.after(Again(delay_seconds=5, counts=False, unknown=False, reason=""))

    assert later == replace(ONE, waited_seconds=35, tried=1, lost=True)


# --- on_status -----------------------------------------------------------------------------------------------

UNREAD = "which is not read, so that what is saved is not known"
SAID: list[tuple[int, OnStatus, Terms, Decision]] = [
    (404, "confirm", PLAIN, Confirm()),
    (404, "reject", PLAIN, Refuse(reason="status 404", status=404)),
    (404, "split", PLAIN, Refuse(reason="status 404", status=404)),
    (404, "wait", PLAIN, Wait(reason="status 404")),
    (404, "wait", CREATES, Wait(reason="status 404")),
    (404, "retry", PLAIN, Again(delay_seconds=6, counts=True, unknown=True, reason="status 404")),
    (404, "retry", CREATES, Hold(reason="status 404")),
    (404, "retry", LOOKS_UP, LookUp(delay_seconds=5, reason="status 404")),
    (409, "reject", LOOKS_UP, Refuse(reason="status 409", status=409)),
    (200, "reject", PLAIN, Refuse(reason="status 200", status=200)),
    (503, "confirm", PLAIN, Confirm()),
    (503, "reject", PLAIN, Refuse(reason="status 503", status=503, unknown=True)),
    (408, "split", PLAIN, Refuse(reason="status 408", status=408, unknown=True)),
    (503, "wait", PLAIN, Wait(reason="status 503", unknown=True)),
    (503, "wait", CREATES, Hold(reason="status 503")),
    (503, "wait", LOOKS_UP, LookUp(delay_seconds=5, reason="status 503")),
    (503, "reject", CREATES, Refuse(reason="status 503", status=503, unknown=True)),
    (
        503,
        "reject",
        LOOKS_UP,
        LookUp(delay_seconds=5, reason="status 503", conflict=Refuse(reason="status 503", status=503, unknown=True)),
    ),
    (422, "confirm", CREATES, Confirm()),
    (
        422,
        "confirm",
        SAVES,
        LookUp(delay_seconds=0, reason="status 422", conflict=Refuse(reason="status 422", status=422)),
    ),
    (503, "confirm", SAVES, LookUp(delay_seconds=5, reason=f"status 503, {UNREAD}")),
    (200, "confirm", SAVES, LookUp(delay_seconds=5, reason=f"status 200, {UNREAD}")),
    (422, "confirm", replace(CREATES, saving=frozenset({0})), Hold(reason=f"status 422, {UNREAD}")),
]


@pytest.mark.parametrize(("status", "word", "terms", "decision"), SAID)
def test_the_mapping_has_the_last_word_save_that_what_was_left_open_stays_so(
    status: int, word: OnStatus, terms: Terms, decision: Decision
) -> None:
    assert decided(answered(status), ONE, said(status, word, terms)) == decision


@pytest.mark.parametrize(("status", "unknown"), [(404, False), (503, True), (408, True)])
def test_the_mapping_may_stop_at_an_answer(status: int, unknown: bool) -> None:
    decision = decided(answered(status), ONE, said(status, "stop"))

    assert isinstance(decision, Stop)
    assert (decision.error.code, decision.unknown) == ("E_TARGET", unknown)


# --- look-ups ------------------------------------------------------------------------------------------------

LOOKED_UP: list[tuple[str, Answer, Reading, Attempt, Decision]] = [
    ("found", answered(200), Reading(found=Found.FOUND, saved={"id": 4}), ASKED, Exists(saved={"id": 4})),
    ("found after a 409", answered(200), Reading(found=Found.FOUND), ASKED_AFTER_409, Exists(saved={})),
    ("absent", answered(404), Reading(found=Found.ABSENT), ASKED, CreateAgain()),
    (
        "absent, and gone from the source",
        answered(404),
        Reading(found=Found.ABSENT),
        replace(ASKED, gone=True),
        Confirm(),
    ),
    (
        "absent after a 409: it is the data",
        answered(404),
        Reading(found=Found.ABSENT),
        ASKED_AFTER_409,
        Refuse(reason="status 409: exists, and the look-up finds no such record", status=409),
    ),
    ("several", answered(200, b"[1,2]"), Reading(), ASKED, Hold(reason="the look-up is unclear: status 200: [1,2]")),
    ("refused", answered(400), Reading(), ASKED, Hold(reason="the look-up is unclear: status 400")),
    (
        "unreadable",
        answered(200),
        Reading(fault="the answer is no JSON"),
        ASKED,
        Hold(reason="the look-up is unclear: the answer is no JSON"),
    ),
    (
        "not learnt",
        Lost(reason="silence"),
        Reading(),
        ASKED,
        Again(delay_seconds=6, counts=True, unknown=True, reason="silence"),
    ),
    (
        "not learnt for good",
        Lost(reason="silence"),
        Reading(),
        ASKED_LAST,
        Hold(reason="the look-up failed: silence"),
    ),
    ("not sent for good", NotSent(reason="no name"), Reading(), ASKED_LAST, Hold(reason="the look-up failed: no name")),
    ("later for good", answered(429), Reading(), ASKED_LAST, Hold(reason="the look-up failed: status 429")),
    ("failed", answered(500), Reading(), ASKED_LAST, Hold(reason="the look-up failed: status 500")),
]


@pytest.mark.parametrize(
    ("answer", "reading", "attempt", "decision"), [case[1:] for case in LOOKED_UP], ids=[case[0] for case in LOOKED_UP]
)
def test_a_look_up_says(answer: Answer, reading: Reading, attempt: Attempt, decision: Decision) -> None:
    assert decided(answer, attempt, replace(LOOKS_UP, on_status={404: "confirm"}), reading) == decision


# --- a SQL target --------------------------------------------------------------------------------------------


def test_a_written_part_speaks_of_each_record() -> None:
    decision = decided(Written(refusals=(None, "too long", None)), ONE, PLAIN, several=True)

    assert decision == PerLine(lines=("", "too long", ""))


# --- no gap --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("terms", [PLAIN, DELETES, CREATES, LOOKS_UP])
@pytest.mark.parametrize("several", [False, True], ids=["alone", "several"])
@pytest.mark.parametrize("attempt", [ONE, LAST, ASKED, ASKED_LAST, ASKED_AFTER_409])
def test_only_a_success_or_what_is_gone_confirms(terms: Terms, attempt: Attempt, several: bool) -> None:
    def confirms(status: int) -> bool:
        return isinstance(decided(answered(status), attempt, terms, several=several), Confirm)

    confirming = {status for status in range(200, 600) if confirms(status)}

    asks = attempt.ask is Ask.LOOK_UP
    expected: Any = set() if asks else {*range(200, 300), *((404, 410) if terms.deletes[0] else ())}
    assert confirming == expected


def test_an_answer_with_bytes_behind_it_proves_nothing_of_a_create_or_a_look_up() -> None:
    doubtful = Answered(status=201, body=b"{}", doubtful=True)
    found = Reading(found=Found.FOUND, saved={"id": 1})

    assert decided(doubtful, ONE, PLAIN) == Confirm()
    assert isinstance(decided(doubtful, ONE, CREATES), Hold)
    assert isinstance(decided(doubtful, ONE, LOOKS_UP), LookUp)
    assert isinstance(decided(doubtful, ONE, replace(CREATES, on_status={201: "confirm"})), Hold)
    assert isinstance(decided(doubtful, ASKED, LOOKS_UP, found), Again)
    assert isinstance(decided(doubtful, ASKED_LAST, LOOKS_UP, found), Hold)


def test_a_removal_is_believed_to_be_done_where_its_path_is_known_to_be_right() -> None:
    allowed = replace(UNPROVEN, on_status={404: "confirm"})
    for status in (404, 410):
        assert isinstance(decided(answered(status), ONE, UNPROVEN), Withhold)
        assert decided(answered(status), ONE, DELETES) == Confirm()
        assert decided(answered(status), replace(ONE, lost=True), UNPROVEN) == Confirm()
        assert decided(answered(status), replace(ONE, maybe_gone=True), UNPROVEN) == Confirm()
    assert decided(answered(404), ONE, allowed) == Confirm()
