"""Which requests a scripted fault meets, how often, and what several faults say together."""

from __future__ import annotations

import msgspec
import pytest

from engine.sandbox.injected_faults import Action, Fault, Faults, Match, Seen, Verdict, named

STOCKS = Seen(
    method="POST",
    path="/api/v1/stock/warehouses/W1/stocks/incremental",
    body=b'{"stocks":[{"id":"A-1","sku":"A-1","quantity":1}]}',
    skus=frozenset({"A-1"}),
)
CLIENT = Seen(
    method="PUT",
    path="/api/v1/account/clients/org%3A1",
    clients=frozenset({"org:1", "1", "K-1"}),
)


@pytest.mark.parametrize(
    ("match", "seen", "fits"),
    [
        (Match(), STOCKS, True),
        (Match(method="post"), STOCKS, True),
        (Match(method="PUT"), STOCKS, False),
        (Match(path="*/stocks/*"), STOCKS, True),
        (Match(path="*/stocks"), STOCKS, False),
        (Match(path="^/api/v[0-9]+/stock/"), STOCKS, True),
        (Match(path="^/stock/"), STOCKS, False),
        (Match(body_contains='"quantity":1'), STOCKS, True),
        (Match(body_contains="żółw"), STOCKS, False),
        (Match(sku="A-1"), STOCKS, True),
        (Match(sku="A"), STOCKS, False),
        (Match(client="K-1"), CLIENT, True),
        (Match(client="org:1"), CLIENT, True),
        (Match(client="K-2"), CLIENT, False),
        (Match(method="PUT", client="K-2"), CLIENT, False),
    ],
)
def test_a_fault_meets_requests_that_fit_all_that_it_says(match: Match, seen: Seen, fits: bool) -> None:
    assert match.fits(seen) is fits


@pytest.mark.parametrize(
    ("times", "skip", "statuses"),
    [
        (None, 0, [503, 503, 503, 503]),
        (1, 0, [503, None, None, None]),
        (2, 1, [None, 503, 503, None]),
        (None, 3, [None, None, None, 503]),
    ],
)
def test_a_fault_skips_then_happens_so_many_times(times: int | None, skip: int, statuses: list[int | None]) -> None:
    faults = Faults()
    faults.add({"status": 503}, times=times, skip=skip)

    seen = [faults.judge(STOCKS).incident for _ in range(4)]

    assert [incident and incident.status for incident in seen] == statuses


def test_incidents_happen_one_after_the_other_in_the_order_in_which_they_were_added() -> None:
    faults = Faults()
    faults.add({"status": 503}, times=2)
    faults.add({"drop": "after"}, times=1)

    incidents = [faults.judge(STOCKS).incident for _ in range(4)]

    assert incidents == [Action(status=503), Action(status=503), Action(drop="after"), None]


def test_all_rules_hold_together_and_beside_an_incident() -> None:
    faults = Faults()
    faults.add({"refuse_sku": ["A-1", "A-2"]})
    faults.add({"per_line": True})
    faults.add({"delay_seconds": 1})
    faults.add({"refuse_client": ["K-9"]})

    verdict = faults.judge(STOCKS)

    assert verdict == Verdict(
        incident=Action(delay_seconds=1),
        refused_skus=frozenset({"A-1", "A-2"}),
        per_line=True,
        described=('{"refuse_sku":["A-1","A-2"]}', '{"per_line":true}', '{"delay_seconds":1.0}'),
    )


def test_a_refusal_is_used_up_only_by_requests_that_name_what_is_refused() -> None:
    faults = Faults()
    faults.add({"refuse_client": ["K-1"]}, times=1)

    refused = [faults.judge(seen).refused_clients for seen in (STOCKS, CLIENT, CLIENT)]

    assert refused == [frozenset(), frozenset({"K-1"}), frozenset()]


def test_the_list_says_how_often_each_fault_was_met_and_applied() -> None:
    faults = Faults()
    faults.put(Fault(action=Action(status=429, retry_after=3), match=Match(method="POST"), times=1))
    faults.judge(STOCKS)
    faults.judge(STOCKS)
    faults.judge(CLIENT)

    (standing,) = faults.listed()

    assert {name: standing[name] for name in ("number", "met", "applied")} == {"number": 1, "met": 2, "applied": 1}
    assert standing["fault"]["action"] == {"status": 429, "retry_after": 3}


def test_cleared_faults_are_gone_and_numbers_are_not_used_again() -> None:
    faults = Faults()
    faults.add({"status": 500})
    faults.clear()

    assert (faults.judge(STOCKS), len(faults), faults.add({"status": 500})) == (Verdict(), 0, 2)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('{"action":{}}', "an action has to say something"),
        ('{"action":{"status":99}}', "status is from 200 to 599"),
        ('{"action":{"retry_after":3}}', "retry_after and body need a status"),
        ('{"action":{"delay_seconds":-1}}', "delay_seconds is 0 or more"),
        ('{"action":{"drop":"sometimes"}}', "Invalid enum value 'sometimes'"),
        ('{"action":{"statsu":500}}', "unknown field `statsu`"),
        ('{"action":{"status":500},"match":{"pth":"*"}}', "unknown field `pth`"),
        ('{"action":{"status":500},"match":{"path":"^("}}', "path is not a regular expression"),
        ('{"action":{"status":500},"times":0}', "times is 1 or more, or null"),
        ('{"match":{}}', "missing required field `action`"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_the_reason(document: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.json.decode(document, type=Fault)


def test_names_are_found_at_any_depth_alone_and_in_lists() -> None:
    document = {
        "stocks": [{"id": "x", "sku": "A-1"}, {"lines": [{"productId": "A-2"}]}],
        "stocksToRemove": ["A-3", "A-4"],
        "skus": 7,
    }

    found = named(document, frozenset({"sku", "productId", "stocksToRemove", "skus"}))

    assert found == {"A-1", "A-2", "A-3", "A-4"}
