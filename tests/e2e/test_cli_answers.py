"""The commands that answer: their documents, their text in a pipe and on a terminal, their errors, and no secrets."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.cli.command_table import COMMANDS
from world.commands import finish
from world.shop import KEY, PASSWORD, Shop
from world.wire import Reply, Seen, Wire

ESCAPE = "\x1b"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Wire() as wire:
        found = Shop(tmp_path / "shop", wire.url)
        found.items(3)
        yield found


# --- validate -----------------------------------------------------------------------------------------


def test_a_sound_project_is_valid_without_its_variables_and_says_which_are_missing(shop: Shop) -> None:
    finished = shop.run("validate", ERP_URL=None)

    assert finished.returncode == 0
    assert finished.stdout.splitlines() == [
        "shop/project.yaml:4:20: warning: the variable ERP_URL is not set: export it, or write ERP_URL=... to "
        f"{shop.folder}/.env (E_MISSING_VARIABLE)",
        "2 mappings checked: no problems",
    ]
    assert shop.run("validate", "--live", ERP_URL=None).returncode == 2


def test_every_problem_is_a_line_with_its_place_and_named_objects_hear_only_of_theirs(shop: Shop) -> None:
    shop.write_items(schedule="hourly")
    shop.write("notes.yaml", (shop.folder / "notes.yaml").read_text().replace("| path }}", "| pth }}"))

    everything, one, other = shop.run("validate"), shop.run("validate", "items"), shop.run("validate", "nothing")

    lines = everything.stdout.splitlines()
    assert everything.returncode == one.returncode == other.returncode == 2
    assert [re.match(r"shop/(items|notes)\.yaml:\d+:\d+: ", line) is not None for line in lines] == [True, True, False]
    assert lines[-1] == "2 problems"
    assert one.stdout.splitlines() == [lines[0], "1 problem"]
    assert other.stdout == everything.stdout


def test_problems_as_json(shop: Shop) -> None:
    shop.write("notes.yaml", (shop.folder / "notes.yaml").read_text().replace("fields:", "feilds:"))

    document = shop.json("validate")

    (problem, *_) = document.pop("problems")
    assert document == {"schema_version": 1, "valid": False, "objects": 0, "warnings": [], "unavailable": []}
    assert problem.keys() == {"file", "line", "column", "code", "message"}
    assert (problem["file"], problem["line"], problem["column"]) == ("shop/notes.yaml", 7, 1)


def test_a_column_that_the_source_has_not_is_found_live(shop: Shop) -> None:
    shop.write_items(query="SELECT id, name FROM item")
    shop.write("notes.yaml", (shop.folder / "notes.yaml").read_text().replace("FROM note", "FROM nowhere"))

    offline, live = shop.run("validate"), shop.run("validate", "--live")

    assert (offline.returncode, live.returncode) == (0, 2)
    assert live.stdout.splitlines()[0] == (
        "shop/items.yaml:10:3: the source has no column `quantity`; known here: id, name (E_UNKNOWN_COLUMN)"
    )
    assert "shop/notes.yaml:5:3: " in live.stdout.splitlines()[1]
    assert not shop.state.exists()


def test_a_sound_project_is_valid_live(shop: Shop) -> None:
    finished = shop.run("validate", "--live")

    assert (finished.returncode, finished.stdout) == (0, "2 mappings checked with both ends: no problems\n")


@pytest.mark.parametrize("words", [("validate",), ("run", "--once"), ("status",), ("schedule",)])
def test_a_folder_without_a_project_is_named(shop: Shop, words: tuple[str, ...]) -> None:
    finished = shop.run("--project", "/nowhere", *words)

    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr == (
        "error: the project folder /nowhere does not exist: name another with --project DIR (E_NO_PROJECT)\n"
    )


# --- schedule ---------------------------------------------------------------------------------------------


def test_the_fires_of_a_period_across_the_change_of_clocks(shop: Shop) -> None:
    shop.write_items(schedule="0 0 1,3 * * *")
    notes = (shop.folder / "notes.yaml").read_text()
    shop.write("notes.yaml", notes.replace("{after: items}", '"0 30 2 * * *"'))

    document = shop.json("schedule", "--from", "2026-03-29T00:00", "--hours", "6")

    items = {"object": "items", "on": ["added", "changed", "removed"]}
    notes_fire = {"object": "notes", "on": ["added", "changed"]}
    assert document == {
        "schema_version": 1,
        "fires": [
            {"at": "2026-03-29T01:00:00+01:00", **items},
            {"at": "2026-03-29T03:00:00+02:00", **items},
            {"at": "2026-03-29T03:00:00+02:00", **notes_fire},
        ],
    }


def test_a_time_with_its_own_zone_begins_at_that_instant(shop: Shop) -> None:
    shop.write_items(schedule="0 0 12 * * *")

    lines = shop.run("schedule", "--from", "2026-07-01T09:59:59Z", "--hours", "0.5").stdout.splitlines()

    assert [" ".join(line.split()) for line in lines] == [
        "at object on",
        "2026-07-01 12:00:00+02:00 items added changed removed",
        "2026-07-01 12:00:00+02:00 notes added changed",
    ]


@pytest.mark.parametrize("words", [("--from", "soon"), ("--hours", "-1"), ("--hours", "1e12")])
def test_a_period_that_makes_no_sense_is_wrong_usage(shop: Shop, words: tuple[str, ...]) -> None:
    finished = shop.run("schedule", *words)

    assert (finished.returncode, finished.stdout) == (2, "")


# --- status and history --------------------------------------------------------------------------------------


def test_before_the_first_run_there_is_a_status_and_nothing_is_written(shop: Shop) -> None:
    shop.write_items(schedule="0 0 0 1 1 *")

    document = shop.json("status")

    entry: dict[str, Any] = {
        "title": None,
        "direction": "outbound",
        "draft": False,
        "running": None,
        "last_run": None,
        "oldest_unconfirmed_at": None,
        "rejected": 0,
        "waiting": 0,
        "unknown": 0,
        "target_changed": None,
        "paused": None,
    }
    for each in document["objects"]:
        assert re.fullmatch(r"\d{4}-01-01T00:00:00\+01:00", each.pop("next_fire"))
    assert document == {
        "schema_version": 1,
        "objects": [{**entry, "object": "items"}, {**entry, "object": "notes"}],
        "connections": [
            {"connection": "erp", "paused": None, "failing": None},
            {"connection": "one", "paused": None, "failing": None},
        ],
        "scheduler": None,
    }
    assert shop.run("runs").stdout.split()[:3] == ["at", "object", "status"]
    assert not shop.state.exists()


def test_a_title_stands_beside_the_name(shop: Shop) -> None:
    bare = shop.run("status").stdout.splitlines()[0].split()
    shop.write("items.yaml", f"{(shop.folder / 'items.yaml').read_text()}\ntitle: Stock levels\n")

    for command in ("status", "plan"):
        lines = shop.run(command).stdout.splitlines()
        assert (lines[0].split()[:2], lines[1].split()[:3]) == (["object", "title"], ["items", "Stock", "levels"])
        titles = {each["object"]: each["title"] for each in shop.json(command)["objects"]}
        assert titles == {"items": "Stock levels", "notes": None}
    assert bare[:2] == ["object", "direction"]


def test_a_tag_picks_objects_beside_those_that_are_named(shop: Shop) -> None:
    for name, tags in (("items", "[goods, nightly]"), ("notes", "[texts]")):
        shop.write(f"{name}.yaml", f"{(shop.folder / f'{name}.yaml').read_text()}\ntags: {tags}\n")

    def objects(*words: str) -> list[str]:
        document = shop.json(*words)
        return [each["object"] for each in document["objects" if "objects" in document else "fires"]]

    for command in (("plan",), ("status",), ("run", "--once")):
        assert objects(*command, "--tag", "goods") == ["items"]
        assert objects(*command, "--tag", "nightly", "--tag", "texts") == ["items", "notes"]
    assert objects("run", "--once", "notes", "--tag", "goods") == ["items", "notes"]
    assert set(objects("schedule", "--hours", "1", "--tag", "texts")) == {"notes"}
    unknown = shop.run("run", "--once", "items", "--tag", "good")
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "error: unknown tag `good`; known tags: goods, nightly, texts (E_UNKNOWN_TAG)\n",
    )
    assert shop.run("run", "--tag", "goods").returncode == 2
    assert shop.run("run", "--once", "items", "--tag", "texts", "--allow-removed", "1").returncode == 2


def test_status_tells_what_is_open_and_since_when(shop: Shop) -> None:
    shop.sql("UPDATE item SET name = NULL WHERE id = 'I-2'")
    run_id = shop.json("run", "--once", "items")["run_id"]
    shop.run("run", "--once", "items")

    items = shop.json("status")["objects"][0]
    history = shop.json("runs", "items")["runs"]

    assert items["rejected"] == 1
    assert items["oldest_unconfirmed_at"] == history[1]["started_at"]
    assert items["last_run"] == history[0]
    assert (history[1]["run_id"], history[1]["status"], history[1]["confirmed"]) == (run_id, "partial", 2)
    assert history[0].keys() >= {"run_id", "object", "started_at", "ended_at", "status", "duration_seconds", "error"}


def test_the_history_of_requests(shop: Shop) -> None:
    run_id = shop.json("run", "--once")["run_id"]

    (request,) = shop.json("requests", "items", "--limit", "5")["requests"]

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0[12]:00", request.pop("at"))
    assert 0 <= request.pop("duration_seconds") < 5
    assert request == {
        "run_id": run_id,
        "object": "items",
        "method": "POST",
        "target": "/items",
        "lines": 3,
        "status": 200,
        "outcome": "confirmed",
        "reason": None,
    }


def test_connections_says_of_each_how_it_answers(shop: Shop) -> None:
    document = shop.json("connections")

    for each in document["connections"]:
        assert 0 <= each.pop("duration_seconds") < 5
        assert each.pop("answer").startswith(("sqlite 3.", "status 200 for GET /"))
    assert document == {
        "schema_version": 1,
        "connections": [
            {"connection": "erp", "type": "sql", "ok": True, "pause_lifted": False},
            {"connection": "one", "type": "http", "ok": True, "pause_lifted": False},
        ],
    }


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (404, 0, "status 404 for GET /"),
        (401, 6, "connection one refuses the credentials (status 401 for GET /): correct them"),
        (503, 6, "connection one cannot be used now: status 503 for GET /"),
        (302, 6, "connection one leads elsewhere (status 302 for GET /): correct its base_url"),
    ],
)
def test_an_end_is_there_whatever_it_answers_unless_it_refuses_us(
    tmp_path: Path, status: int, code: int, said: str
) -> None:
    with Wire(then=Reply(status=status)) as wire:
        finished = Shop(tmp_path / "shop", wire.url).run("connections", "--json")

    assert finished.returncode == code
    assert json.loads(finished.stdout)["connections"][1]["answer"] == said


# --- pipes and terminals ---------------------------------------------------------------------------------------

ANSWERS = (
    ("validate",),
    ("run", "--once"),
    ("status",),
    ("runs",),
    ("requests",),
    ("schedule", "--hours", "1"),
    ("connections",),
)


def test_in_a_pipe_there_is_no_escape_and_no_folded_line(shop: Shop) -> None:
    shop.sql("INSERT INTO note VALUES (?, 'long')", [("N" * 200,)])
    shop.write_items(query="SELECT * FROM nowhere")  # a failure with a long reason

    finished = [shop.run(*words, TERM="xterm-256color", FORCE_COLOR="1", COLUMNS="40") for words in ANSWERS]

    for each in finished:
        assert ESCAPE not in each.stdout + each.stderr
    table = finished[1].stdout.splitlines()
    assert [line.split()[:2] for line in table] == [["object", "status"], ["items", "failed"], ["notes", "success"]]
    assert f"/notes/{'N' * 200}" in finished[4].stdout


@pytest.mark.parametrize("no_color", [None, "1"])
def test_on_a_terminal_there_is_a_table_and_no_escape_where_colours_are_refused(
    shop: Shop, no_color: str | None
) -> None:
    text = on_terminal(shop, "runs", NO_COLOR=no_color, TERM="xterm-256color", COLUMNS="160")

    assert "─" in text
    assert (ESCAPE in text) is (no_color is None)


def on_terminal(shop: Shop, *words: str, **variables: str | None) -> str:
    """Run a command whose stdout is a terminal and give what it shows."""
    ours, theirs = pty.openpty()
    process = shop.start(*words, stdout=theirs, **variables)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # so ends a terminal
    os.close(ours)
    assert process.wait(30) == 0
    return shown.decode()


def test_a_reader_that_goes_away_is_no_fault_to_show(shop: Shop) -> None:
    shop.write_items(schedule="* * * * * *")
    with closing(os.fdopen(os.dup(0))):
        process = shop.start("schedule", "--hours", "24")
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, _, err = finish(process)

    assert err == ""


# --- secrets ---------------------------------------------------------------------------------------------------


def betray(seen: Seen) -> Reply:
    """Refuse everything, and repeat the key in the answer."""
    said = f'{{"message":"{seen.header("ApiAuth")} is not allowed"}}'.encode()
    return Reply(status=422 if seen.method in ("POST", "PUT") else 401, body=said)


def test_no_secret_is_in_any_output_also_when_everything_fails(tmp_path: Path) -> None:
    with Wire(betray) as wire:
        shop = Shop(tmp_path / "shop", wire.url)
        shop.items(2)
        shop.sql("INSERT INTO note VALUES ('N-1', 'first')")
        good = [("run", "--once"), ("-v", "run", "--once", "--json"), ("connections",), ("validate", "--live")]
        good += [("status", "--json"), ("runs", "--json"), ("requests", "--json"), ("rejected", "list", "--json")]
        outputs = [shop.run(*words) for words in good]
        bad_url = f"postgresql://user:{PASSWORD}@127.0.0.1:1/nowhere?password={PASSWORD}"
        for words in (("-v", "run", "--once"), ("-v", "connections"), ("validate", "--live"), ("plan",)):
            outputs.append(shop.run(*words, ERP_URL=bad_url))
        outputs.append(shop.run("-v", "connections", ONE_API_KEY=f"{KEY}\nX: 1"))
        outputs.append(shop.run("-v", "run", "--once", ERP_URL=f"nosuch+driver://u:{PASSWORD}@h/d"))

    text = "".join(each.stdout + each.stderr for each in outputs)
    assert text.count("***") > 3
    assert KEY not in text
    assert PASSWORD not in text


# --- errors and help ---------------------------------------------------------------------------------------------


def test_a_state_folder_that_cannot_be_used_is_one_sentence(shop: Shop) -> None:
    shop.state.mkdir()
    (shop.state / "journal.sqlite").mkdir()

    plain, verbose = shop.run("status"), shop.run("-v", "status")

    assert plain.returncode == verbose.returncode == 1
    assert len(plain.stderr.splitlines()) == 1
    assert plain.stderr.startswith("error: ")
    assert verbose.stderr == plain.stderr  # the operator's to mend: a traceback would not help


def help_of(*words: str) -> str:
    found = subprocess.run(
        [sys.executable, "-m", "engine.cli", *words, "--help"], capture_output=True, text=True, check=True, timeout=30
    )
    assert found.stderr == ""
    return found.stdout


def test_the_list_of_commands_is_whole_and_in_order_of_use() -> None:
    listed = re.findall(r"^  ([a-z]+)  +[A-Z].*\.$", help_of(), re.MULTILINE)

    assert listed == list(COMMANDS)


@pytest.mark.parametrize(
    "command", [*COMMANDS, "rejected list", "rejected retry", "rejected drop", "unknown list", "unknown resolve"]
)
def test_every_help_ends_with_three_examples_of_that_command(command: str) -> None:
    text = help_of(*command.split())

    examples = text.rstrip().split("Examples:\n")[1].splitlines()
    assert len(examples) == 3
    assert all(re.fullmatch(rf" +one-sync (--project \S+ |-v )?{command}( .+)?", line) for line in examples)
    assert max(map(len, text.splitlines())) <= 100
    assert "Traceback" not in text


def test_help_imports_nothing_heavy() -> None:
    found = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "engine.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    imported = set(re.findall(r"\|\s+(\w+)", found.stderr))
    assert imported & {"duckdb", "pyarrow", "sqlalchemy", "httpx", "jinja2", "rich", "structlog", "uvicorn"} == set()


def completed(shop: Shop, shell: str, line: str) -> set[str]:
    """Give what a shell offers behind a line: its first word on each line, without quotes."""
    words = f"one-sync --project {shop.folder} {line}"
    asked = shop.run(
        _ONE_SYNC_COMPLETE=f"complete_{shell}",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
        _TYPER_COMPLETE_ARGS=words,
        _TYPER_COMPLETE_FISH_ACTION="get-args",
    )
    assert (asked.returncode, asked.stderr) == (0, "")
    offered = asked.stdout.removeprefix("_arguments '*: :((").removesuffix("))'\n")
    return {re.split(r'[":\t]', each.strip('"'))[0] for each in offered.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_options_and_objects(shop: Shop, shell: str) -> None:
    assert completed(shop, shell, "re") == {"render", "requests", "rejected", "resend"}
    assert completed(shop, shell, "run --on") == {"--once"}
    assert completed(shop, shell, "why i") == completed(shop, shell, "rejected retry i") == {"items"}
    assert completed(shop, shell, "run --once items n") == {"notes"}
    assert "one-sync" in shop.run(_ONE_SYNC_COMPLETE=f"source_{shell}").stdout


def test_version_is_the_package_s() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "engine.cli", "--version"], capture_output=True, text=True, check=True, timeout=30
    )

    assert re.fullmatch(r"one-sync \d+\.\d+\.\d+\n", found.stdout)


def test_a_sandbox_says_where_it_is_and_ends_well(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", "http://127.0.0.1:1")
    process = shop.start("sandbox", "--port", "0")
    assert process.stdout is not None
    address = process.stdout.readline().strip().removeprefix("ONE_BASE_URL=")
    answered = shop.run("connections", "--json", ONE_BASE_URL=address)
    process.terminate()
    exit_code, _, err = finish(process)

    assert json.loads(answered.stdout)["connections"][1]["ok"]
    assert (exit_code, err) == (0, "")
