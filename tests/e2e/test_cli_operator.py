"""The commands that plan, explain and mend, as a person types them: exit codes, documents, text in a pipe, help."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox.injected_faults import Action, Fault, Match
from world.merchant import Merchant, held, merchant

MINE = ("plan", "render", "why", "resend", "adopt", "rejected list", "rejected show", "rejected retry")
MINE += ("rejected export", "unknown list", "unknown resolve")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Merchant]:
    with merchant(tmp_path, products=10, customers=12) as it:
        yield it


@pytest.fixture
def refused(small: Merchant) -> Merchant:
    """A merchant of which the platform has refused K-0007."""
    small.one.faults.put(Fault(action=Action(refuse_client=("K-0007",))))
    small.run("segments", "clients")
    return small


# --- plan ----------------------------------------------------------------------------------------------------


def test_plan_tells_nothing_changes_and_errors_apart(small: Merchant) -> None:
    some = small.command("plan", "stocks", "warehouses", "--detailed-exitcode")
    small.run("warehouses", "stocks")
    none = small.command("plan", "stocks", "--detailed-exitcode")
    plain = small.command("plan", "stocks")
    small.erp("DROP TABLE stock")
    broken = small.command("plan", "stocks", "--detailed-exitcode")
    unknown = small.command("plan", "stock")
    unknown_detailed = small.command("plan", "stock", "--detailed-exitcode")

    codes = [each.returncode for each in (some, none, plain, broken, unknown, unknown_detailed)]
    assert codes == [2, 0, 0, 1, 2, 1]
    assert broken.stderr.startswith("error: stocks: ")
    assert "unknown object `stock`" in unknown_detailed.stderr


def test_plan_as_json_holds_counts_requests_and_samples(small: Merchant) -> None:
    small.erp("UPDATE stock SET quantity = 5")
    small.run("warehouses", "stocks")
    small.erp("UPDATE stock SET quantity = 7 WHERE warehouse_id = 'W1' AND sku = 'A-000007'")
    document = small.document("plan", "stocks")

    assert document["schema_version"] == 1
    (planned,) = document["objects"]
    assert {name: value for name, value in planned.items() if value and isinstance(value, int)} == {
        "extracted": 30,
        "unchanged": 29,
        "changed": 1,
        "confirmed": 1,
        "requests": 1,
    }
    assert planned["samples"] == [
        {"key": ["W1", "A-000007"], "change": "changed", "fields": {"quantity": ["5", "7"]}, "reason": None}
    ]


def test_plan_in_a_pipe_is_a_plain_table_and_the_differences(small: Merchant) -> None:
    small.erp("UPDATE stock SET quantity = 5")
    small.run("warehouses", "stocks")
    small.erp("UPDATE stock SET quantity = 7 WHERE warehouse_id = 'W1' AND sku = 'A-000007'")
    lines = small.command("plan", "stocks").stdout.splitlines()

    assert lines[0].split("  ")[0] == "object"
    assert lines[1].split() == ["stocks", "30", "29", "0", "1", "0", "0", "0", "0", "0", "1", "1"]
    assert lines[2:] == ["", "stocks:", "  changed W1 A-000007", "      quantity: 5 -> 7"]


def test_plan_without_a_variable_names_it_and_exits_2(small: Merchant) -> None:
    (small.folder / "project.yaml").write_text(
        (small.folder / "project.yaml").read_text().replace("${ERP_URL}", "${ERP_URL_THAT_NOBODY_SET}")
    )
    finished = small.command("plan", "stocks")

    assert finished.returncode == 2
    assert "ERP_URL_THAT_NOBODY_SET" in finished.stderr


# --- render --------------------------------------------------------------------------------------------------


def test_render_prints_the_requests_that_a_run_sends_byte_by_byte(small: Merchant) -> None:
    small.run("warehouses")
    before = len(small.one.requests())
    document = json.loads(small.command("render", "stocks", "--json").stdout)
    small.run("stocks")

    sent = [(each["method"], each["path"], each["body"]) for each in small.one.requests(before)]
    assert document["object"] == "stocks"
    assert [(each["method"], each["path"], each["body"]) for each in document["requests"]] == [
        (method, path, json.loads(body)) for method, path, body in sorted(sent, key=lambda each: each[1])
    ]


def test_render_in_a_pipe_holds_the_very_bytes_of_the_bodies(small: Merchant) -> None:
    small.run("warehouses")
    before = len(small.one.requests())
    text = small.command("render", "stocks").stdout
    small.run("stocks")

    assert all(each["body"] in text.splitlines() for each in small.one.requests(before))


def test_render_is_limited_and_says_when_there_is_nothing(small: Merchant) -> None:
    one = json.loads(small.command("render", "warehouses", "--limit", "1", "--json").stdout)
    small.run("warehouses")
    nothing = small.command("render", "warehouses")
    empty = json.loads(small.command("render", "warehouses", "--json").stdout)

    assert len(one["requests"]) == 1
    assert (nothing.returncode, nothing.stdout) == (0, "nothing to send\n")
    assert empty == {"schema_version": 1, "object": "warehouses", "requests": []}


def test_no_secret_is_in_what_dry_commands_print(small: Merchant) -> None:
    texts = [
        small.command(*words).stdout
        for words in (("plan",), ("render", "clients"), ("why", "clients", "K-0007"), ("render", "clients", "--json"))
    ]

    assert all(texts)
    assert not [text for text in texts if "key-of-the-test" in text or "tenant-of-the-test" in text]


# --- why -----------------------------------------------------------------------------------------------------


def test_why_says_when_a_record_was_confirmed(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    finished = small.command("why", "stocks", "W1", "A-000007")
    document = small.document("why", "stocks", "W1", "A-000007")

    lines = dict(line.split("  ", 1) for line in finished.stdout.splitlines())
    assert finished.returncode == 0
    assert {name: value.strip() for name, value in lines.items() if name != "confirmed"} == {
        "record": "stocks W1 A-000007",
        "in the source": "yes",
        "state": "unchanged",
    }
    assert document["state"] == "unchanged"
    assert document["confirmed_at"][-6:] in ("+01:00", "+02:00")


def test_why_of_a_wrong_key_is_an_error_and_of_an_unknown_one_an_answer(small: Merchant) -> None:
    wrong, strange = small.command("why", "stocks", "W1"), small.document("why", "stocks", "W1", "NO-SUCH")

    assert wrong.returncode == 2
    assert "a key has 2 values (warehouse_id, sku)" in wrong.stderr
    assert (strange["state"], strange["in_source"], strange["change"]) == ("not_in_source", False, None)


def test_why_without_the_source_answers_from_the_ledger_and_exits_6(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.erp_file.rename(small.erp_file.with_suffix(".away"))
    small.erp_file.mkdir()
    finished = small.command("why", "stocks", "W1", "A-000007", "--json")

    assert finished.returncode == 6
    assert json.loads(finished.stdout)["state"] == "confirmed"
    assert finished.stderr.startswith("answered from the ledger alone: ")


# --- resend, adopt ---------------------------------------------------------------------------------------------


def test_resend_of_one_record_and_of_what_is_not_there(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    one, none = small.command("resend", "stocks", "W1", "A-000007"), small.command("resend", "stocks", "W1", "NO")
    planned = small.document("plan", "stocks")["objects"][0]

    assert one.returncode == 0
    assert one.stdout.splitlines() == [
        "1 record of stocks will be sent again by the next run",
        "  1 record as changed: what the target has is updated",
    ]
    assert none.returncode == 1
    assert (planned["changed"], planned["requests"]) == (1, 1)


def test_adopt_sends_nothing_and_leaves_nothing_to_send(small: Merchant) -> None:
    document = small.document("adopt", "stocks")
    planned = small.command("plan", "stocks", "--detailed-exitcode")

    assert (document["status"], document["objects"][0]["confirmed"]) == ("success", 30)
    assert planned.returncode == 0
    assert small.received() == []


def test_adopt_and_resend_exit_5_while_a_run_holds_the_object(small: Merchant) -> None:
    small.run("warehouses")
    with held(small, "warehouses"):
        codes = [small.command(name, "warehouses").returncode for name in ("adopt", "resend")]

    assert codes == [5, 5]


def test_adopt_exits_4_where_a_guard_holds_something_back(small: Merchant) -> None:
    small.run("warehouses", "stocks")
    small.erp("DELETE FROM stock")
    finished = small.command("adopt", "stocks")

    assert finished.returncode == 4
    assert "30 removals are withheld" in finished.stderr


# --- rejected --------------------------------------------------------------------------------------------------


def without_times(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in ("first_at", "last_at", "reason")}


def test_rejected_records_are_listed_shown_exported_and_tried_again(refused: Merchant) -> None:
    (listed,) = refused.document("rejected", "list")["rejected"]
    shown = refused.document("rejected", "show", "clients", "K-0007")
    exported = list(csv.DictReader(refused.command("rejected", "export").stdout.splitlines()))
    as_json = json.loads(refused.command("rejected", "export", "--format", "json").stdout)
    refused.one.faults.clear()
    retried = refused.document("rejected", "retry", "clients", "--all")
    refused.run("clients")

    assert without_times(listed) == {
        "object": "clients",
        "key": ["K-0007"],
        "stage": "target",
        "field": None,
        "status": 422,
        "attempts": 1,
    }
    assert {name: shown[name] for name in listed} == listed
    assert (exported[0]["key"], exported[0]["status"]) == ("K-0007", "422")
    assert as_json["rejected"] == [listed]
    assert retried == {"schema_version": 1, "object": "clients", "key": None, "retried": 1}
    assert refused.document("rejected", "list") == {"schema_version": 1, "rejected": []}


REFUSED_WORDS = {
    "neither key nor --all": (("retry", "clients"), 2),
    "both": (("retry", "clients", "K-0007", "--all"), 2),
    "not rejected": (("retry", "clients", "K-0002"), 1),
    "show of what is not rejected": (("show", "clients", "K-0002"), 1),
    "no such object": (("list", "client"), 2),
    "no such format": (("export", "--format", "xml"), 2),
    "one record": (("retry", "clients", "K-0007"), 0),
    "all of one object": (("list", "clients"), 0),
}


@pytest.mark.parametrize("case", REFUSED_WORDS)
def test_rejected_exits(refused: Merchant, case: str) -> None:
    words, code = REFUSED_WORDS[case]

    assert refused.command("rejected", *words).returncode == code


def test_an_exported_cell_is_no_formula(small: Merchant) -> None:
    small.erp("UPDATE stock SET sku = '=1+1', quantity = 'brak' WHERE sku = 'A-000007'")
    small.erp("UPDATE product SET sku = '=1+1' WHERE sku = 'A-000007'")
    small.erp("UPDATE stock SET warehouse_id = '=' WHERE sku = '=1+1' AND warehouse_id = 'W1'")
    small.run("stocks")
    rows = list(csv.DictReader(small.command("rejected", "export", "stocks").stdout.splitlines()))

    assert "'= =1+1" in [row["key"] for row in rows]


# --- unknown -----------------------------------------------------------------------------------------------------


@pytest.fixture
def unknown(small: Merchant) -> Merchant:
    """A merchant for which the create of K-0007 was lost, and so was its look-up; the one of a first load was not."""
    small.run("segments")
    small.erp("UPDATE customer SET send_to_one = 1 - send_to_one WHERE customer_id = 'K-0007'")
    small.run("clients")
    small.erp("UPDATE customer SET send_to_one = 1 - send_to_one WHERE customer_id = 'K-0007'")
    small.one.faults.put(Fault(action=Action(drop="after"), match=Match(method="POST", client="K-0007")))
    small.one.faults.put(Fault(action=Action(status=500), match=Match(method="GET")))
    small.run("clients")
    small.one.faults.clear()
    return small


def test_unknown_creates_are_listed_and_resolved(unknown: Merchant) -> None:
    (listed,) = unknown.document("unknown", "list")["unknown"]
    missing = unknown.command("unknown", "resolve", "clients", "K-0007", "--confirmed")
    resolved = unknown.document("unknown", "resolve", "clients", "K-0007", "--confirmed", "--save", "client_id=org:17")
    planned = unknown.document("plan", "clients")["objects"][0]
    left = unknown.document("unknown", "list")["unknown"]

    assert (listed["object"], listed["key"], listed["lookup"]) == ("clients", ["K-0007"], True)
    assert missing.returncode == 2
    assert "add --save client_id=VALUE" in missing.stderr
    assert resolved == {"schema_version": 1, "object": "clients", "key": ["K-0007"], "resolved": "confirmed"}
    assert (planned["added"], planned["changed"], planned["requests"]) == (0, 1, 1)
    assert left == []


def test_a_create_that_was_not_sent_is_added_again(unknown: Merchant) -> None:
    finished = unknown.command("unknown", "resolve", "clients", "K-0007", "--not-sent")
    planned = unknown.document("plan", "clients")["objects"][0]

    assert finished.returncode == 0
    assert finished.stdout == "clients K-0007: the next run sends it by creating it\n"
    assert (planned["added"], planned["unknown"]) == (1, 0)


UNKNOWN_WORDS = {
    "neither": (("clients", "K-0007"), 2),
    "both": (("clients", "K-0007", "--confirmed", "--not-sent"), 2),
    "save of what was not sent": (("clients", "K-0007", "--not-sent", "--save", "client_id=1"), 2),
    "no value": (("clients", "K-0007", "--confirmed", "--save", "client_id"), 2),
    "no JSON": (("clients", "K-0007", "--confirmed", "--save", "client_id:={"), 2),
    "another name": (("clients", "K-0007", "--confirmed", "--save", "client_id=1", "--save", "x=1"), 2),
    "not unknown": (("clients", "K-0002", "--not-sent"), 1),
    "JSON": (("clients", "K-0007", "--confirmed", "--save", "client_id:=17"), 0),
}


@pytest.mark.parametrize("case", UNKNOWN_WORDS)
def test_unknown_resolve_exits(unknown: Merchant, case: str) -> None:
    words, code = UNKNOWN_WORDS[case]
    finished = unknown.command("unknown", "resolve", *words)

    assert (finished.returncode, finished.stderr if code == 0 else "") == (code, "")


def test_lists_of_nothing_make_no_state(small: Merchant) -> None:
    lists = [small.document(*words) for words in (("rejected", "list"), ("unknown", "list"))]

    assert lists == [{"schema_version": 1, "rejected": []}, {"schema_version": 1, "unknown": []}]
    assert not small.state.exists()


# --- help --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MINE)
def test_every_command_has_a_help_with_three_examples(small: Merchant, name: str) -> None:
    finished = small.command(*name.split(), "--help")

    examples = finished.stdout.partition("Examples:\n")[2].splitlines()
    assert finished.returncode == 0, finished.stderr
    assert [line.startswith(f"    one-sync {name}") for line in examples if line.strip()] == [True] * 3
