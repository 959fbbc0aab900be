"""`one-sync snapshot` and `render --samples`, as a tester uses them: no database, no platform, no Python."""

from pathlib import Path
from typing import Any

import pytest

from world.shop import ITEMS, KEY, PASSWORD, Shop

NOWHERE = "http://127.0.0.1:9"
SAMPLES = """
samples:
  - name: a screw
    row: {id: I-1, name: Śruba 1, quantity: "1"}
  - name: a half
    change: changed
    row: {id: I-2, name: Śruba 2, quantity: "2.50"}
  - name: gone
    change: removed
    row: {id: I-3, name: Śruba 3, quantity: "3"}
  - name: without a name
    row: {id: I-4, name: null, quantity: "4"}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    found = Shop(tmp_path / "shop", NOWHERE)
    found.variables = {"ONE_API_KEY": KEY, "ERP_URL": f"sqlite:///erp.sqlite?password={PASSWORD}"}
    write_items(found)
    return found


def write_items(shop: Shop, **changes: str) -> None:
    items = ITEMS.format(schedule="0 */5 * * * *", query="SELECT id, name, quantity FROM item") + SAMPLES
    for old, new in changes.items():
        assert f"{old}:" in items
        items = items.replace(f"  {old}:", f"  {new}:")
    shop.write("items.yaml", items)


def test_a_tester_keeps_snapshots_with_one_command_and_sees_each_difference(shop: Shop) -> None:
    first, updated, equal = shop.run("snapshot"), shop.run("snapshot", "--update"), shop.run("snapshot")
    write_items(shop, quantity="amount")
    different = shop.run("snapshot", "items")
    kept = (shop.folder / "snapshots" / "items.json").read_text(encoding="utf-8")

    assert [each.returncode for each in (first, updated, equal, different)] == [1, 0, 0, 1]
    assert first.stdout.splitlines() == [
        "items: not in shop/snapshots/items.json yet",
        "1 snapshot: 1 differs; if that is meant: one-sync snapshot --update",
        "without samples: notes",
    ]
    assert updated.stdout.splitlines()[1] == "1 snapshot: 1 written, 0 as before"
    assert equal.stdout.splitlines()[0] == "1 snapshot: all equal"
    assert different.stdout.splitlines() == [
        "items: 4 fields of shop/snapshots/items.json differ",
        "  requests[0].body.items[0].amount: new: 1",
        "  requests[0].body.items[0].quantity: 1 -> gone",
        "  requests[0].body.items[1].amount: new: 2.5",
        "  requests[0].body.items[1].quantity: 2.5 -> gone",
        "1 snapshot: 1 differs; if that is meant: one-sync snapshot --update",
    ]
    assert '"quantity": 2.5\n' in kept
    assert '"gone": ["I-3"]\n' in kept
    assert not any((shop.folder / name).exists() for name in (".one-sync", "state"))


def test_the_answers_as_json(shop: Shop) -> None:
    path = str(shop.folder / "snapshots" / "items.json")
    written = shop.json("snapshot", "--update")
    write_items(shop, name="title")

    found = shop.json("snapshot", "items")

    assert [(each["object"], each["file"], each["equal"], each["updated"]) for each in written["objects"]] == [
        ("items", path, False, True)
    ]
    assert found["objects"][0]["equal"] is False
    assert found["objects"][0]["differences"][:2] == [
        {"path": "samples 'without a name'.refused.field", "old": '"name"', "new": '"title"'},
        {"path": "requests[0].body.items[0].title", "old": None, "new": '"Śruba 1"'},
    ]


def test_coverage_lists_what_no_sample_exercises_with_its_place(shop: Shop) -> None:
    whole = shop.run("snapshot", "--coverage", "items")
    everything = shop.json("snapshot", "--coverage")
    both = shop.run("snapshot", "--coverage", "--update")

    assert (whole.returncode, whole.stdout) == (0, "1 mapping checked: the samples exercise everything\n")
    assert everything["gaps"] == [
        {
            "object": "notes",
            "file": "shop/notes.yaml",
            "line": 1,
            "column": 1,
            "path": "object",
            "missing": "it has no samples: add `samples`",
        }
    ]
    assert shop.run("snapshot", "--coverage").returncode == 1
    assert (both.returncode, both.stdout) == (2, "")


def test_render_of_samples_needs_no_end_and_gives_the_requests_of_a_run_with_the_same_rows(shop: Shop) -> None:
    samples = shop.json("render", "items", "--samples")["requests"]
    text = shop.run("render", "items", "--samples", "--limit", "2").stdout

    rows = [("I-1", "Śruba 1", "1"), ("I-2", "Śruba 2", "2.50"), ("I-4", None, "4")]
    shop.sql("INSERT INTO item VALUES (?, ?, ?)", rows)
    shop.variables |= {"ONE_BASE_URL": NOWHERE}
    run = shop.json("render", "items")["requests"]

    def of(request: dict[str, Any]) -> Any:
        return {name: request[name] for name in ("method", "path", "query", "headers")} | {
            "items": request["body"]["items"]
        }

    assert [each["refused"] for each in samples if "refused" in each] == ["is null"]
    assert [of(each) for each in samples if "body" in each] == [of(each) for each in run]
    assert text.splitlines() == [
        "refused without a name: is null (name)",
        "",
        "# a screw, a half, gone",
        "POST /items",
        '{"items":[{"id":"I-1","name":"Śruba 1","quantity":1},{"id":"I-2","name":"Śruba 2","quantity":2.5}],'
        '"gone":["I-3"]}',
        "",
    ]


def test_a_secret_stands_in_no_snapshot_and_in_no_answer(shop: Shop) -> None:
    said = [
        shop.run("snapshot", "--update"),
        shop.run("render", "items", "--samples"),
        shop.run("snapshot", "--coverage"),
    ]
    kept = (shop.folder / "snapshots" / "items.json").read_text(encoding="utf-8")

    whole = kept + "".join(each.stdout + each.stderr for each in said)
    assert KEY not in whole
    assert PASSWORD not in whole
    assert "ApiAuth" not in whole
