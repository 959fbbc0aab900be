"""A faulty file blocks its object and those that refer to it, and no other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine import cli
from engine.mapping.load import load_sound
from engine.values import ConfigError

PROJECT = """
timezone: Europe/Warsaw
connections:
  erp: {type: sql, url: "sqlite:///erp.sqlite"}
  one: {type: http, base_url: "http://127.0.0.1:9", retry: {attempts: 1}}
"""
GROUPS = """object: groups
source: {connection: erp, query: "SELECT id FROM item", key: [id]}
fields: {id: "{{ id }}"}
send:
  - {on: [added], request: {method: POST, path: /groups, body: "{{ line }}"}, save: {group: "{{ body.id }}"}}
"""
ITEMS = """object: items
source: {connection: erp, query: "SELECT id, id AS grp FROM item", key: [id]}
refs: {group: {object: groups, on: {id: grp}}}
fields: {id: "{{ id }}", group: "{{ group.group }}"}
send:
  - {on: [added], request: {method: PUT, path: "/items/{{ id | path }}", body: "{{ line }}"}}
"""
PLAIN = """object: plain
source: {connection: erp, query: "SELECT id FROM item", key: [id]}
fields: {id: "{{ id }}"}
send:
  - {on: [added], request: {method: PUT, path: "/plain/{{ id | path }}", body: "{{ line }}"}}
"""
FAULTS = {
    "no YAML": GROUPS.replace("fields: {", "fields: [{"),
    "an unknown key": GROUPS + "colour: red\n",
    "a template": GROUPS.replace('"{{ id }}"', '"{{ id | nubmer }}"'),
    "a draft's": GROUPS + "status: draft\ncolour: red\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("project", PROJECT), ("groups", GROUPS), ("items", ITEMS), ("plain", PLAIN)):
        (tmp_path / f"{name}.yaml").write_text(text)
    with closing(sqlite3.connect(tmp_path / "erp.sqlite")) as erp:
        erp.execute("CREATE TABLE item (id)")
    return tmp_path


def code(folder: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--project", str(folder), *words])
    return int(caught.value.code or 0)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_blocks_its_object_and_those_that_refer_to_it(folder: Path, fault: str) -> None:
    (folder / "groups.yaml").write_text(FAULTS[fault])

    loaded = load_sound(folder)

    assert (list(loaded.mappings), list(loaded.blocked)) == (["plain"], ["groups", "items"])
    assert "it refers to `groups`, which has faults" in loaded.blocked["items"][0].message


def test_other_objects_are_planned_and_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "groups.yaml").write_text(FAULTS["an unknown key"])

    codes = [code(folder, *words) for words in (["plan", "plain"], ["plan", "items"], ["plan"], ["run", "--once"])]
    said = capsys.readouterr()

    assert codes == [0, 2, 2, 2]
    assert "it refers to `groups`" in said.err
    assert "plain" in said.out
    assert "unknown key `colour`" in said.out + said.err
    assert code(folder, "run", "--once", "plain") == 0
    assert code(folder, "validate", "plain") == 0
    assert code(folder, "status") == 0
    assert "items does not run: " in capsys.readouterr().out
    assert code(folder, "validate") == 2
    assert code(folder, "snapshot") == 2


def test_what_a_blocked_object_refers_to_is_known(folder: Path) -> None:
    (folder / "items.yaml").write_text(ITEMS + "colour: red\n")

    loaded = load_sound(folder)

    assert (list(loaded.mappings), loaded.referenced) == (["groups", "plain"], {"groups"})


def test_a_fault_of_the_project_blocks_all(folder: Path) -> None:
    (folder / "project.yaml").write_text(PROJECT + "colour: red\n")

    with pytest.raises(ConfigError):
        load_sound(folder)
    assert code(folder, "plan", "plain") == 2


def test_a_draft_with_faults_holds_up_nobody(folder: Path) -> None:
    (folder / "items.yaml").write_text(ITEMS + "status: draft\ncolour: red\n")

    assert code(folder, "run", "--once") == 0
    assert code(folder, "plan") == 0
