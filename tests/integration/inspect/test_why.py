"""What becomes of one record is told for every state that it can be in, and nothing is touched by asking."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.cli.commands import why as command
from engine.inspect.why import Answer, State, why
from engine.sandbox.injected_faults import Action, Fault, Match
from engine.values.errors import ConfigError
from engine.values.order import Order
from engine.values.records import Change, Stage
from world.merchant import Merchant, held, merchant


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Merchant]:
    with merchant(tmp_path, products=10, customers=12) as it:
        yield it


def ask(it: Merchant, object_: str, *words: str) -> Answer:
    return why(it.app, it.mapping(object_), words)


def told(answer: Answer) -> tuple[State, bool | None, Change | None]:
    return answer.state, answer.in_source, answer.change


def is_now(moment: datetime | None) -> bool:
    return moment is not None and abs(datetime.now(UTC) - moment) < timedelta(minutes=2)


def test_a_record_that_was_confirmed_is_unchanged_since_then(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    answer = ask(small, "stocks", "W1", "A-000007")

    assert told(answer) == (State.UNCHANGED, True, None)
    assert is_now(answer.confirmed_at)
    assert answer.answered_from == "source"
    document = answer.as_json()
    assert document["object"] == "stocks"
    assert document["key"] == ["W1", "A-000007"]


def test_a_record_that_was_never_sent_is_to_be_sent_as_added(small: Merchant) -> None:
    answer = ask(small, "stocks", "W1", "A-000007")

    assert told(answer) == (State.TO_SEND, True, Change.ADDED)
    assert answer.confirmed_at is None


def test_a_changed_record_is_to_be_sent_with_old_and_new_value(small: Merchant) -> None:
    small.erp("UPDATE stock SET quantity = 5")
    small.run("warehouses", "stocks")
    small.erp("UPDATE stock SET quantity = 7.500 WHERE sku = 'A-000007'")
    answer = ask(small, "stocks", "W1", "A-000007")

    assert told(answer) == (State.TO_SEND, True, Change.CHANGED)
    assert answer.fields == {"quantity": ["5", "7.5"]}
    assert is_now(answer.confirmed_at)


def test_a_record_without_its_flag_is_to_be_removed(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.erp("UPDATE product SET send_to_one = 0 WHERE sku = 'A-000007'")

    assert told(ask(small, "stocks", "W1", "A-000007")) == (State.TO_SEND, False, Change.REMOVED)


def test_a_removal_beyond_the_guard_is_withheld_for_its_reason(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.erp("DELETE FROM stock")
    answer = ask(small, "stocks", "W1", "A-000007")

    assert told(answer) == (State.WITHHELD, False, Change.REMOVED)
    assert answer.reason == "30 removals are withheld: the source gave 0 rows, guards.min_rows is 1"


def test_a_client_without_its_flag_is_unhandled_as_nothing_removes_clients(small: Merchant) -> None:
    small.run("segments", "clients")
    small.erp("UPDATE customer SET send_to_one = 0 WHERE customer_id = 'K-0007'")
    answer = ask(small, "clients", "K-0007")

    assert told(answer) == (State.UNHANDLED, False, Change.REMOVED)
    assert answer.reason == "no entry of `send` takes removed records of clients"
    assert answer.saved is not None
    assert answer.saved["client_id"].startswith(("org:", "ind:"))


def test_a_key_that_nobody_knows_is_not_in_the_source(small: Merchant) -> None:
    answer = ask(small, "stocks", "W1", "NO-SUCH")

    assert told(answer) == (State.NOT_IN_SOURCE, False, None)
    assert answer.reason is not None
    assert "the source's query does not give this key" in answer.reason


def test_a_row_that_cannot_be_rendered_is_rejected_with_its_field_before_and_after_the_run(tmp_path: Path) -> None:
    with merchant(tmp_path, sound=False) as it:
        it.erp("UPDATE stock SET quantity = CAST(quantity AS TEXT) || ' szt'")
        before = ask(it, "stocks", "W1", "A-000007")
        it.run("warehouses", "stocks")
        after = ask(it, "stocks", "W1", "A-000007")

        for answer in (before, after):
            assert told(answer) == (State.REJECTED, True, Change.ADDED)
            assert (answer.stage, answer.field) == (Stage.RENDER, "quantity")
            assert answer.reason is not None
            assert "szt" in answer.reason
        assert before.since is None
        assert is_now(after.since)


def test_a_doubled_key_is_rejected_for_that(tmp_path: Path) -> None:
    with merchant(tmp_path, sound=False) as it:
        answer = ask(it, "stocks", "W1", "A-000004")

        assert told(answer) == (State.REJECTED, True, Change.ADDED)
        assert answer.stage is Stage.KEY
        assert answer.reason == "the key stands 2 times in the source; make the query give one row a key"


def test_a_record_that_the_target_refused_says_with_which_status(small: Merchant) -> None:
    small.one.faults.put(Fault(action=Action(refuse_client=("K-0007",))))
    small.run("segments", "clients")
    answer = ask(small, "clients", "K-0007")

    assert told(answer) == (State.REJECTED, True, Change.ADDED)
    assert (answer.stage, answer.status) == (Stage.TARGET, 422)
    assert is_now(answer.since)


def test_a_refused_record_that_was_mended_in_the_erp_is_to_be_sent(small: Merchant) -> None:
    small.one.faults.put(Fault(action=Action(refuse_client=("K-0007",))))
    small.run("segments", "clients")
    small.erp("UPDATE customer SET name = 'Poprawiona' WHERE customer_id = 'K-0007'")
    answer = ask(small, "clients", "K-0007")

    assert told(answer) == (State.TO_SEND, True, Change.ADDED)
    assert (answer.stage, answer.status) == (None, None)
    assert answer.reason is not None
    assert answer.reason.startswith("it was refused before (status 422")


def test_a_record_waits_for_the_one_it_names_and_says_why_that_one_is_not_there(small: Merchant) -> None:
    small.one.faults.put(Fault(action=Action(refuse_client=("K-0007",))))
    small.run("segments", "clients")
    answer = ask(small, "trade_credits", "K-0007")

    assert told(answer) == (State.WAITING, True, Change.ADDED)
    assert answer.waiting_for == ("clients", ("K-0007",))
    assert answer.reason is not None
    assert answer.reason.startswith(
        "clients K-0007 is not confirmed yet (reference `client`): it is rejected, status 422"
    )


def test_a_record_that_waits_names_the_one_whose_key_is_only_written_otherwise(small: Merchant) -> None:
    small.run("segments", "clients")
    for table in ("customer", "credit_limit"):
        small.erp(f"UPDATE {table} SET customer_id = 'k-0007 ' WHERE customer_id = 'K-0007'")
    answer = ask(small, "trade_credits", "k-0007 ")

    assert told(answer) == (State.WAITING, True, Change.ADDED)
    assert answer.waiting_for == ("clients", ("k-0007 ",))
    assert answer.reason == (
        'clients "k-0007 " is not confirmed yet (reference `client`): K-0007 is, whose key is only written otherwise; '
        "let the queries of both objects write customer_id alike"
    )


def test_a_create_whose_answer_was_lost_and_cannot_be_looked_up_is_unknown(small: Merchant) -> None:
    small.run("segments")
    small.one.faults.put(Fault(action=Action(drop="after"), match=Match(method="POST", client="K-0007")))
    asked = Match(method="GET", query_contains="K-0007")  # for the first time before it is created
    small.one.faults.put(Fault(action=Action(status=500), match=asked, skip=1))
    small.run("clients")
    answer = ask(small, "clients", "K-0007")

    assert told(answer) == (State.UNKNOWN, True, Change.ADDED)
    assert is_now(answer.since)
    assert answer.reason is not None
    assert "look-up failed" in answer.reason


def test_a_record_whose_answer_was_lost_is_uncertain_though_it_is_as_confirmed(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.erp("UPDATE stock SET quantity = quantity + 1 WHERE warehouse_id = 'W1' AND sku = 'A-000007'")
    small.one.faults.put(Fault(action=Action(drop="after"), match=Match(method="POST")))
    small.run("stocks")
    small.erp("UPDATE stock SET quantity = quantity - 1 WHERE warehouse_id = 'W1' AND sku = 'A-000007'")
    answer = ask(small, "stocks", "W1", "A-000007")

    assert told(answer) == (State.UNCERTAIN, True, Change.CHANGED)
    assert is_now(answer.confirmed_at)


def test_a_number_in_a_key_is_known_however_it_is_written(small: Merchant) -> None:
    small.erp("UPDATE stock SET sku = 42 WHERE sku = 'A-000007'", "UPDATE product SET sku = 42 WHERE sku = 'A-000007'")
    small.run("warehouses", "stocks")

    assert [ask(small, "stocks", "W1", word).state for word in ("42", "42.0")] == [State.UNCHANGED] * 2


def test_a_wrong_number_of_words_names_the_columns_of_the_key(small: Merchant) -> None:
    with pytest.raises(ConfigError) as caught:
        ask(small, "stocks", "W1")

    assert caught.value.code == "E_KEY"
    assert caught.value.message == (
        "stocks: a key has 2 values (warehouse_id, sku), 1 given; "
        "write them in order as separate words: stocks WAREHOUSE_ID SKU"
    )


def test_an_incremental_object_is_asked_of_the_whole_source(small: Merchant) -> None:
    small.erp("ALTER TABLE segment ADD COLUMN changed_at TEXT DEFAULT '2026-01-01T00:00:00'")
    small.edit("segments", "s.parent AS parent_code\n", "s.parent AS parent_code, s.changed_at\n")
    small.edit("segments", "FROM segment s\n", "FROM segment s\n    WHERE s.changed_at >= :cursor\n")
    small.edit("segments", "  key: [segment_code]\n", "  key: [segment_code]\n  cursor: {column: changed_at}\n")
    with small.reopened() as app:
        mapping = app.loaded.select(["segments"])[0]
        code = small.erp("SELECT code FROM segment WHERE parent IS NULL")[0][0]
        order = Order(run_id="r", due=app.program(mapping).all_operations)
        app.run_object(mapping, order)
        small.erp("UPDATE segment SET changed_at = '2020-01-01T00:00:00'")

        assert told(why(app, mapping, [code])) == (State.UNCHANGED, True, None)


# --- of a feed -----------------------------------------------------------------------------------------------


def test_an_inbound_record_is_to_be_written_then_unchanged_then_changed(tmp_path: Path) -> None:
    with merchant(tmp_path) as it:
        client = it.one.edit_client({"name": "Alfa", "tin": "1"})
        new = ask(it, "clients_inbound", client)
        it.run("clients_inbound")
        known = ask(it, "clients_inbound", client)
        it.one.edit_client({"clientId": client, "name": "Omega"})
        changed = ask(it, "clients_inbound", client)
        strange = ask(it, "clients_inbound", "org:none")

        assert told(new) == (State.TO_SEND, True, Change.ADDED)
        assert told(known) == (State.UNCHANGED, None, None)
        assert is_now(known.confirmed_at)
        assert told(changed) == (State.TO_SEND, True, Change.CHANGED)
        assert changed.fields == {"one_client.name": ["Alfa", "Omega"]}
        assert told(strange) == (State.NOT_IN_SOURCE, None, None)


# --- what could not be asked -----------------------------------------------------------------------------------


def test_while_a_run_holds_the_object_the_journal_answers(small: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.inspect.copy.DRY_WAIT_SECONDS", 0.2)
    small.one.faults.put(Fault(action=Action(refuse_client=("K-0007",))))
    small.run("segments", "clients")
    with held(small, "clients"):
        refused, sound = ask(small, "clients", "K-0007"), ask(small, "clients", "K-0002")

    assert (refused.state, refused.status, refused.answered_from) == (State.REJECTED, 422, "journal")
    assert (sound.state, sound.in_source, sound.answered_from) == (State.RUNNING, None, "journal")
    assert sound.saved is not None
    assert sound.failure is not None
    assert sound.failure.code == "E_BUSY"


def test_while_the_source_is_down_the_ledger_answers(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.erp_file.rename(small.erp_file.with_suffix(".away"))
    small.erp_file.mkdir()  # a folder is no database
    known, strange = ask(small, "stocks", "W1", "A-000007"), ask(small, "stocks", "W1", "NO-SUCH")

    assert (known.state, known.in_source, known.answered_from) == (State.CONFIRMED, None, "ledger")
    assert is_now(known.confirmed_at)
    assert known.failure is not None
    assert strange.state is State.NOT_IN_SOURCE


# --- promises --------------------------------------------------------------------------------------------------


def test_asking_leaves_every_byte_of_the_state_and_sends_nothing(small: Merchant) -> None:
    small.run()
    small.erp("UPDATE customer SET name = 'N'", "DELETE FROM stock WHERE sku = 'A-000007'")
    before, writes = small.files(), small.writes()
    for object_, *words in (
        ("clients", "K-0007"),
        ("stocks", "W1", "A-000007"),
        ("stocks", "W1", "?"),
        ("segments", "?"),
    ):
        ask(small, object_, *words)

    assert small.files() == before
    assert small.writes() == writes


def test_the_help_explains_every_state() -> None:
    assert [line.split()[0] for line in command.states()] == [str(state) for state in State]
