"""What an operator does to the state, and what the next run then does: nothing is lost, doubled or sent by the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.inspect.plan import plan
from engine.inspect.why import State, why
from engine.operate.adopt import adopt
from engine.operate.resend import resend
from engine.operate.resolve_unknown import resolve_confirmed, resolve_not_sent
from engine.operate.retry_rejected import retry_rejected
from engine.sandbox.injected_faults import Action, Fault, Match
from engine.values.errors import BusyError, ConfigError, RunError, StateError
from engine.values.results import Status
from world.merchant import Merchant, held, merchant

K7 = Match(method="POST", client="K-0007")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Merchant]:
    with merchant(tmp_path, products=10, customers=12) as it:
        yield it


def creates(it: Merchant) -> dict[str, int]:
    """Count the clients that were created, by their id in the ERP."""
    found: dict[str, int] = {}
    for each in it.one.requests():
        if each["method"] == "POST" and each["path"].endswith("/clients") and each["effect"]:
            name = json.loads(each["body"])["externalId"]
            found[name] = found.get(name, 0) + 1
    return found


def clients(it: Merchant) -> dict[str, Any]:
    """Give the names that the stand-in holds, by the id in the ERP."""
    return {each["externalId"]: each["name"] for each in it.one.state()["clients"]}


def of_erp(it: Merchant) -> dict[str, Any]:
    return dict(it.erp("SELECT customer_id, name FROM customer"))


def lose_journal(it: Merchant) -> None:
    for path in it.state.glob("journal.sqlite*"):
        path.unlink()


def counts(it: Merchant, name: str) -> dict[str, int]:
    """Give the counts of a run that are not nought."""
    result = it.run(name)[name]
    assert result.failure is None
    return {key: value for key, value in result.as_json().items() if value and isinstance(value, int)}


# --- resend --------------------------------------------------------------------------------------------------


def test_a_record_that_is_resent_goes_with_the_next_run_alone(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    before = len(small.one.requests())
    resent = resend(small.app, small.mapping("stocks"), ["W1", "A-000007"])
    nothing_yet = small.one.requests(before)
    small.run("stocks")

    (request,) = small.one.requests(before)
    assert (resent.count, nothing_yet) == (1, [])
    assert [line["sku"] for line in json.loads(request["body"])["stocks"]] == ["A-000007"]
    assert counts(small, "stocks") == {"extracted": 30, "unchanged": 30}


def test_all_records_of_an_object_are_sent_again_as_changed_never_created(small: Merchant) -> None:
    small.run("segments", "clients")
    assert resend(small.app, small.mapping("clients")).count == 12
    again = counts(small, "clients")

    assert again["changed"] == again["confirmed"] == 12
    assert set(creates(small).values()) == {1}


def test_an_object_that_runs_once_runs_again_after_resend(small: Merchant) -> None:
    small.run("warehouses")
    with small.app.journal() as journal:
        done = journal.runs.standing("warehouses").once_done
    resend(small.app, small.mapping("warehouses"))
    with small.app.journal() as journal:
        done_after = journal.runs.standing("warehouses").once_done

    assert (done, done_after) == (True, False)


def test_a_feed_that_is_resent_is_read_again_from_its_beginning(tmp_path: Path) -> None:
    with merchant(tmp_path) as it:
        client = it.one.edit_client({"name": "Alfa", "tin": "1"})
        it.run("clients_inbound")
        it.erp("DELETE FROM one_client")
        resend(it.app, it.mapping("clients_inbound"))
        it.run("clients_inbound")

        assert it.erp("SELECT client_id FROM one_client") == [(client,)]
        with pytest.raises(ConfigError, match="a feed cannot be asked for one record"):
            resend(it.app, it.mapping("clients_inbound"), [client])


def test_resending_what_the_ledger_does_not_hold_is_an_error(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    with pytest.raises(RunError, match="the ledger holds no record stocks W1 NO-SUCH"):
        resend(small.app, small.mapping("stocks"), ["W1", "NO-SUCH"])


def test_nothing_is_resent_while_a_run_holds_the_object(small: Merchant) -> None:
    small.app.busy_wait_seconds = 0.2
    small.run("warehouses")
    with held(small, "warehouses"), pytest.raises(BusyError):
        resend(small.app, small.mapping("warehouses"))

    assert counts(small, "warehouses") == {"extracted": 3, "unchanged": 3}


def test_an_object_that_only_creates_cannot_be_resent(small: Merchant) -> None:
    small.run("segments")
    text = (small.folder / "segments.yaml").read_text()
    (small.folder / "segments.yaml").write_text(text[: text.index("  - on: [changed]")])
    with small.reopened() as app, pytest.raises(ConfigError) as caught:
        resend(app, app.loaded.select(["segments"])[0])

    assert caught.value.code == "E_RESEND"


# --- adopt ---------------------------------------------------------------------------------------------------


def test_an_adopted_source_is_confirmed_without_a_request_and_only_later_changes_go(small: Merchant) -> None:
    adopted = adopt(small.app, small.mapping("stocks"))
    small.erp("UPDATE stock SET quantity = 77 WHERE sku = 'A-000007' AND warehouse_id = 'W1'")
    planned = plan(small.app, small.mapping("stocks"))

    assert (adopted.status, adopted.counts.confirmed, adopted.counts.extracted) == (Status.SUCCESS, 30, 30)
    assert small.received() == []
    assert (planned.counts.changed, planned.counts.added, planned.counts.requests) == (1, 0, 1)


def test_adopting_records_that_have_changed_takes_them_and_what_is_gone(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    before = small.writes()
    small.erp(
        "UPDATE stock SET quantity = 77 WHERE sku = 'A-000007'",
        "DELETE FROM stock WHERE sku = 'A-000008' AND warehouse_id = 'W1'",
    )
    adopt(small.app, small.mapping("stocks"))

    assert counts(small, "stocks") == {"extracted": 29, "unchanged": 29}
    assert small.writes() == before


def test_an_empty_source_is_not_adopted(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.erp("DELETE FROM stock")
    adopted = adopt(small.app, small.mapping("stocks"))

    assert (adopted.counts.withheld, adopted.counts.confirmed) == (30, 0)
    assert plan(small.app, small.mapping("stocks")).counts.withheld == 30


def test_clients_that_the_platform_has_are_bound_by_look_up_and_only_the_others_created(small: Merchant) -> None:
    small.run("segments")
    ids = {}
    for number, name in enumerate(("K-0001", "K-0002", "K-0006"), start=1):
        ids[name] = small.one.edit_client({"externalId": name, "name": f"Klient {number}", "tin": "1"})
    adopted = adopt(small.app, small.mapping("clients"))
    known = why(small.app, small.mapping("clients"), ["K-0001"])
    writes_by_adopting = small.received("PUT") + [each for each in small.writes() if each[1].endswith("/clients")]
    small.run("clients")

    assert (adopted.counts.confirmed, adopted.counts.waiting, adopted.counts.requests) == (3, 9, 12)
    assert (known.state, known.saved) == (State.UNCHANGED, {"client_id": ids["K-0001"]})
    assert writes_by_adopting == []
    assert set(creates(small)) == set(of_erp(small)) - set(ids)
    assert set(clients(small)) == set(of_erp(small))


def test_a_client_whose_look_up_fails_is_unknown_and_never_created_blindly(small: Merchant) -> None:
    small.run("segments")
    small.one.edit_client({"externalId": "K-0007", "name": "Jest", "tin": "1"})
    small.one.faults.put(Fault(action=Action(garbage=True), match=Match(method="GET"), times=1))
    adopted = adopt(small.app, small.mapping("clients"))
    first = small.run("clients")["clients"]

    assert (adopted.counts.unknown, adopted.counts.confirmed + adopted.counts.waiting) == (1, 11)
    assert first.counts.unknown == 0
    assert "K-0007" not in creates(small)
    assert set(creates(small).values()) == {1}
    assert clients(small) == {**of_erp(small), "K-0007": "Jest"}


def test_an_object_whose_ids_cannot_be_asked_for_is_not_adopted(small: Merchant) -> None:
    text = (small.folder / "clients.yaml").read_text()
    start, end = text.index("    lookup:"), text.index("  - on: [changed]")
    (small.folder / "clients.yaml").write_text(text[:start] + text[end:])
    with small.reopened() as app, pytest.raises(ConfigError) as caught:
        adopt(app, app.loaded.select(["clients"])[0])

    assert caught.value.message == (
        "clients: client_id is saved from the target's answers and needed later, and adopting gets no answers; "
        "give the entry a `lookup`, so that they can be asked for"
    )
    assert not small.state.exists()


def test_an_inbound_object_is_adopted_to_the_end_of_its_feed(tmp_path: Path) -> None:
    with merchant(tmp_path) as it:
        first = it.one.edit_client({"name": "Alfa", "tin": "1"})
        adopt(it.app, it.mapping("clients_inbound"))
        after = it.erp("SELECT * FROM one_client")
        second = it.one.edit_client({"name": "Beta", "tin": "1"})
        it.run("clients_inbound")

        assert after == []
        assert it.erp("SELECT client_id FROM one_client") == [(second,)]
        assert why(it.app, it.mapping("clients_inbound"), [first]).state is State.UNCHANGED


# --- a lost journal ------------------------------------------------------------------------------------------


def test_after_a_lost_journal_nothing_goes_until_the_source_is_adopted(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    lose_journal(small)
    refused = small.run("stocks")["stocks"]
    before = small.writes()
    adopted = adopt(small.app, small.mapping("stocks"))
    small.erp("UPDATE stock SET quantity = 77 WHERE sku = 'A-000007'")

    assert refused.failure is not None
    assert refused.failure.code == "E_JOURNAL_BEHIND"
    assert adopted.status is Status.SUCCESS
    assert small.writes() == before
    assert counts(small, "stocks")["confirmed"] == 3


def test_after_a_lost_journal_adopting_finds_the_clients_again_and_none_is_created_twice(small: Merchant) -> None:
    small.run("segments", "clients")
    lose_journal(small)
    adopt(small.app, small.mapping("segments"))
    adopted = adopt(small.app, small.mapping("clients"))
    small.erp("UPDATE customer SET name = 'Nowa' WHERE customer_id = 'K-0007'")
    after = counts(small, "clients")

    assert (adopted.counts.confirmed, adopted.counts.unknown, adopted.failure) == (12, 0, None)
    assert (after["changed"], after["confirmed"]) == (1, 1)
    assert clients(small)["K-0007"] == "Nowa"
    assert set(creates(small).values()) == {1}


def test_after_a_lost_journal_a_client_that_the_platform_lost_too_is_created_again(small: Merchant) -> None:
    small.run("segments", "clients")
    lose_journal(small)
    with small.one.lock:
        small.one.store.remove_client(small.one.store.client_ids["K-0007"], context="BACKOFFICE")
    adopt(small.app, small.mapping("segments"))
    adopt(small.app, small.mapping("clients"))
    small.run("clients")

    assert clients(small) == of_erp(small)
    assert {name: count for name, count in creates(small).items() if count > 1} == {"K-0007": 2}


def test_an_adoption_that_breaks_off_lets_no_later_run_create_blindly(small: Merchant) -> None:
    small.run("segments", "clients")
    lose_journal(small)
    adopt(small.app, small.mapping("segments"))
    small.erp("ALTER TABLE customer RENAME TO customer_away")
    broken = adopt(small.app, small.mapping("clients"))
    small.erp("ALTER TABLE customer_away RENAME TO customer")
    before = len(small.one.requests())
    small.run("clients")

    assert broken.failure is not None
    assert {each["method"] for each in small.one.requests(before)} == {"GET", "PUT"}


def test_a_run_between_the_loss_and_adopting_all_objects_creates_nothing_twice(small: Merchant) -> None:
    small.run("segments", "clients")
    lose_journal(small)
    for _ in range(2):
        small.run()

    assert set(creates(small).values()) == {1}


def test_nothing_is_adopted_while_a_run_holds_the_object(small: Merchant) -> None:
    small.app.busy_wait_seconds = 0.2
    small.run("warehouses", "stocks")
    lose_journal(small)
    with held(small, "stocks"), pytest.raises(BusyError):
        adopt(small.app, small.mapping("stocks"))
    failure = small.run("stocks")["stocks"].failure

    assert failure is not None
    assert failure.code == "E_JOURNAL_BEHIND"


def test_resending_does_not_pair_what_does_not_belong_together(small: Merchant) -> None:
    small.run("warehouses")
    lose_journal(small)
    with pytest.raises(StateError, match="belongs to another journal"):
        resend(small.app, small.mapping("warehouses"))


# --- creates of unknown outcome ----------------------------------------------------------------------------------


@pytest.fixture
def unknown(small: Merchant) -> Iterator[Merchant]:
    """A merchant whose look-up is of no use: it is unclear for ever."""
    small.edit("clients", 'found: "{{ body | length == 1 and', 'found: "{{ body | length == 7 and')
    with small.reopened() as app:
        it = Merchant(**{**vars(small), "app": app})
        it.run("segments")
        yield it


def test_a_create_that_had_its_effect_is_resolved_as_confirmed_and_goes_as_changed(unknown: Merchant) -> None:
    unknown.one.faults.put(Fault(action=Action(drop="after"), match=K7))
    first = unknown.run("clients")["clients"]
    unknown.one.faults.clear()
    second = unknown.run("clients")["clients"]
    (found,) = [each["clientId"] for each in unknown.one.state()["clients"] if each["externalId"] == "K-0007"]
    key = resolve_confirmed(unknown.app, unknown.mapping("clients"), ["K-0007"], {"client_id": found})
    third = counts(unknown, "clients")

    assert (first.counts.unknown, second.counts.unknown) == (1, 1)
    assert key == ("K-0007",)
    assert (third["changed"], third["confirmed"]) == (1, 1)
    assert creates(unknown)["K-0007"] == 1
    assert counts(unknown, "clients") == {"extracted": 12, "unchanged": 12}


def test_a_create_that_had_no_effect_is_resolved_as_not_sent_and_is_created(unknown: Merchant) -> None:
    unknown.one.faults.put(Fault(action=Action(drop="before"), match=K7))
    unknown.run("clients")
    unknown.one.faults.clear()
    resolve_not_sent(unknown.app, unknown.mapping("clients"), ["K-0007"])
    after = counts(unknown, "clients")

    assert (after["added"], after["confirmed"]) == (1, 1)
    assert creates(unknown)["K-0007"] == 1
    assert clients(unknown) == of_erp(unknown)


def test_resolving_needs_the_values_that_the_mapping_saves_and_no_others(unknown: Merchant) -> None:
    unknown.one.faults.put(Fault(action=Action(drop="after"), match=K7))
    unknown.run("clients")
    mapping = unknown.mapping("clients")
    with pytest.raises(ConfigError, match="add --save client_id=VALUE"):
        resolve_confirmed(unknown.app, mapping, ["K-0007"], {})
    with pytest.raises(ConfigError, match="clients does not save colour: it saves client_id"):
        resolve_confirmed(unknown.app, mapping, ["K-0007"], {"client_id": "org:1", "colour": "red"})
    with pytest.raises(RunError, match="the outcome of clients K-0002 is not unknown"):
        resolve_not_sent(unknown.app, mapping, ["K-0002"])

    assert why(unknown.app, mapping, ["K-0007"]).state is State.UNKNOWN


def test_resolving_without_any_state_makes_none(small: Merchant) -> None:
    with pytest.raises(RunError):
        resolve_not_sent(small.app, small.mapping("clients"), ["K-0007"])

    assert not small.state.exists()


# --- refused records ---------------------------------------------------------------------------------------------


def test_a_refused_record_is_tried_again_when_an_operator_says_so_and_not_before(small: Merchant) -> None:
    small.one.faults.put(Fault(action=Action(refuse_client=("K-0007",))))
    small.run("segments", "clients")
    small.one.faults.clear()
    still = small.run("clients")["clients"].counts
    count = retry_rejected(small.app, "clients", ["K-0007"])
    after = small.run("clients")["clients"].counts

    assert (still.rejected, still.requests) == (1, 0)
    assert (count, after.rejected, after.confirmed) == (1, 0, 1)


def test_all_refused_records_of_an_object_are_tried_again(small: Merchant) -> None:
    small.one.faults.put(Fault(action=Action(refuse_client=("K-0007", "K-0002"))))
    small.run("segments", "clients")
    small.one.faults.clear()

    assert retry_rejected(small.app, "clients", None) == 2
    assert counts(small, "clients")["confirmed"] == 2
    assert retry_rejected(small.app, "clients", None) == 0


def test_what_is_not_rejected_cannot_be_tried_again(small: Merchant) -> None:
    small.run("segments", "clients")
    with pytest.raises(RunError, match="clients K-0007 is not rejected"):
        retry_rejected(small.app, "clients", ["K-0007"])


def test_a_refused_record_is_marked_for_another_try_while_a_run_holds_its_object(small: Merchant) -> None:
    small.one.faults.put(Fault(action=Action(refuse_client=("K-0007",))))
    small.run("segments", "clients")
    with held(small, "clients"):
        assert retry_rejected(small.app, "clients", ["K-0007"]) == 1
