"""The demonstration, as someone sees it who has just cloned the checkout."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.demo.erp import PLANTED

CHECKOUT = Path(__file__).parents[2]
SHIPPED = {path.stem for path in (CHECKOUT / "mappings").glob("*.yaml")} - {"project"}
OF_ORDERS = {  # refused besides what is planted, once the clients of ONe have ordered
    ("order_statuses", ("OF/2/3/2031/02",), "render"),
    ("orders", ("OF/1/3/2031/99",), "target"),
}


def demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine.cli", "demo", "--folder", str(folder), *words]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, timeout=120, check=False)


class Shown(NamedTuple):
    """What two demonstrations in one folder said."""

    folder: Path
    read: subprocess.CompletedProcess[str]  # the first, for people
    document: Any  # the second, as JSON


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Run it twice, for people and for programs; the second one begins anew."""
    folder = tmp_path_factory.mktemp("clone") / "demo"
    read = demo(folder, "--products", "40", "--customers", "20")
    finished = demo(folder, "--products", "40", "--customers", "20", "--json")
    assert finished.returncode == 0, finished.stderr
    return Shown(folder, read, json.loads(finished.stdout))


def test_every_object_sends_in_the_first_pass_and_none_in_the_second(shown: Shown) -> None:
    first, second = shown.document["passes"]

    assert sorted(each["object"] for each in first["objects"]) == sorted(SHIPPED)  # each once, in both directions
    assert {"clients_inbound", "orders", "waybills"} < SHIPPED
    assert len(SHIPPED) > 20
    assert [each["object"] for each in first["objects"] if not each["confirmed"]] == []
    assert [each["object"] for each in second["objects"] if each["confirmed"] or each["requests"]] == []
    assert sum(each["unchanged"] for each in second["objects"]) > 100
    assert shown.document["not_as_planned"] == []


def test_what_is_refused_is_what_was_planted(shown: Shown) -> None:
    refused = {(each["object"], tuple(each["key"]), each["stage"]) for each in shown.document["rejected"]}

    assert refused == {(each.object, each.key, each.stage) for each in PLANTED} | OF_ORDERS


def test_its_project_can_be_asked_afterwards(shown: Shown) -> None:
    command = [sys.executable, "-m", "engine.cli", "--project", str(shown.folder), "rejected", "list", "--json"]

    listed = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)

    assert [each["key"] for each in listed["rejected"]] == [each["key"] for each in shown.document["rejected"]]


def test_people_read_of_both_passes_and_of_every_refused_record(shown: Shown) -> None:
    finished = shown.read

    assert finished.returncode == 0, finished.stdout
    assert "clients_inbound and orders come from ONe" in finished.stdout
    assert "nothing has changed, nothing is sent" in finished.stdout
    for key in [*(each.key for each in PLANTED), *(key for _, key, _ in OF_ORDERS)]:
        assert " ".join(key) in finished.stdout
    assert "not as planned" not in finished.stdout
    assert "--project demo status" in finished.stdout


def test_a_folder_that_it_did_not_make_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()

    finished = demo(tmp_path / "mine")

    assert (finished.returncode, finished.stdout) == (2, "")
    assert "was not made by a demonstration" in finished.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]
