"""Every reference to a document leads to one, and to a section that it has; every code has its row."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import cli
from engine.connections.http.backoff import LONGEST_PROBE_MINUTES
from engine.connections.http.decide import SHOWN
from engine.connections.settings import Breaker, Retry
from engine.delivery.deliver import MAX_BAD_GROUPS
from engine.delivery.note_events import MARK_LINES
from engine.delivery.split import FIRST_REQUESTS, MAX_SPLITS, SPREAD
from engine.delivery.targets import RECORDS_A_PART
from engine.mapping.spec import Guards, Lookup
from engine.values.errors import Exit
from test_promises import CHECKOUT, CODES, TEXTS, commands

DOCUMENTS = {path: text for path, text in TEXTS.items() if path.endswith(".md")}
SECTION = r"C?\d+(?:\.\d+)*\b"  # the number of a heading, or of a row of a table
SECTIONS = rf"{SECTION}(?:(?:, | and | to ){SECTION})*"
REFERENCE = re.compile(rf"(?<![\w/.-])(?P<name>(?:[\w.-]+/)*[\w-]+\.md)\b(?: (?P<sections>{SECTIONS}))?")


def references(path: str, text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the documents that a file of the tree names, each with the numbers of sections behind it."""
    for found in REFERENCE.finditer(text):
        yield found["name"], re.findall(SECTION, found["sections"] or "")


def found_by(name: str, path: str) -> str | None:
    """Find a document by how a file names it: from its folder, from the checkout, or by a name that only it has."""
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    namesakes = [each for each in DOCUMENTS if posixpath.basename(each) == name]
    known = [beside, name, *(namesakes if len(namesakes) == 1 else [])]
    return next((each for each in known if each in DOCUMENTS), None)


def sections_of(text: str) -> set[str]:
    return {*re.findall(r"(?m)^#+ (\d+(?:\.\d+)*)\.? ", text), *re.findall(r"(?m)^\| (C\d+) \|", text)}


def lost(path: str, text: str) -> Iterator[str]:
    """Name the references of a file that lead nowhere."""
    for name, sections in references(path, text):
        document = found_by(name, path)
        if document is None:
            yield name
        else:
            yield from (f"{name} {each}" for each in sections if each not in sections_of(DOCUMENTS[document]))


def anchors_of(text: str) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.*)", text)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_every_reference_to_a_document_leads_to_one_and_to_a_section_that_it_has() -> None:
    own = str(Path(__file__).relative_to(CHECKOUT))
    found = {path: list(lost(path, text)) for path, text in TEXTS.items() if path != own}

    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("as told (ledger.md 1 and 3).", [("ledger.md", ["1", "3"])]),
        ("one-api.md 2.15 to 2.17", [("one-api.md", ["2.15", "2.17"])]),
        ("# assumed: one-api.md 2.6, C8 (the id)", [("one-api.md", ["2.6", "C8"])]),
        ("one-api.md 1, paging 3", [("one-api.md", ["1"])]),
        ("(ledger.md 2, 3, 6)", [("ledger.md", ["2", "3", "6"])]),
        ("[a](../connections/http/answers.md#the-table)", [("../connections/http/answers.md", [])]),
        ("mappings/README.md adds 1 in ten minutes", [("mappings/README.md", [])]),
    ],
)
def test_a_reference_is_read_with_its_sections(text: str, said: list[tuple[str, list[str]]]) -> None:
    assert list(references("engine/x.py", text)) == said


def test_a_reference_that_leads_nowhere_is_found() -> None:
    assert list(lost("engine/x.py", "nowhere.md 1, ledger.md 99, README.md, other/ledger.md")) == [
        "nowhere.md",
        "ledger.md 99",
        "other/ledger.md",
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_links_of_a_document_lead_somewhere(document: str) -> None:
    missing = []
    for link in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[document]):
        path, _, anchor = link.partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(document), path)) if path else document
        known = target in TEXTS or any(each.startswith(f"{target}/") for each in TEXTS)
        if not re.match(r"https?:", link) and not (
            known and (not anchor or anchor in anchors_of(DOCUMENTS.get(target, "")))
        ):
            missing.append(link)

    assert missing == []


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path.startswith("engine/")])
def test_the_files_that_a_page_names_exist(document: str) -> None:
    roots = (CHECKOUT, CHECKOUT / "engine", (CHECKOUT / document).parent)
    named = re.findall(r"`([\w./]+/[\w./]*\.(?:py|sql|json|toml|yaml))`", DOCUMENTS[document])

    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


# --- codes, exit codes, JSON -------------------------------------------------------------------------------------


def test_every_code_has_a_row_with_meaning_and_remedy_and_every_row_a_code() -> None:
    rows = re.findall(r"(?m)^\| (E_\w+) \| (?:\d \| )?(.+) \| (.+) \|$", TEXTS["engine/values/ERRORS.md"])
    of_setup = {
        code for path, text in TEXTS.items() if path.startswith("bin/") for code in re.findall(r"\bE_[A-Z_]+", text)
    }

    assert {code for code, _, _ in rows} == CODES | of_setup


def test_the_page_of_the_commands_tells_the_exit_codes_that_there_are() -> None:
    told = re.findall(r"(?m)^\| ([0-9, ]+) \|", TEXTS["engine/cli/README.md"])

    assert {int(code) for codes in told for code in codes.split(",")} == {*map(int, Exit), 130, 143}


def test_the_page_of_the_commands_tells_every_command_that_prints_json() -> None:
    table = TEXTS["engine/cli/README.md"].partition("## JSON")[2]
    told = {name for cell in re.findall(r"(?m)^\| (`.+?) \|", table) for name in re.findall(r"`([a-z ]+)", cell)}
    printing = {name for name in commands() if "--json" in options_of(name)}

    assert printing - {name.strip() for name in told} == set()


def options_of(name: str) -> set[str]:
    command = cli.build()
    for word in name.split():
        command = command.commands[word]
    return {option for each in command.params for option in each.opts}


# --- numbers -----------------------------------------------------------------------------------------------------

WORDS = {3: "three", 7: "seven", 8: "eight"}
LOOK_UP = {each.name: each.default for each in dataclasses.fields(Lookup)}
LEDGER = [
    f"up to {MARK_LINES:,} lines ahead",
    f"`settle_seconds` (default {LOOK_UP['settle_seconds']:g})",
    f"When {WORDS[FIRST_REQUESTS]} requests of a chunk",
    f"at least {WORDS[SPREAD]} lines are left",
    f"{WORDS[MAX_BAD_GROUPS].capitalize()} such groups in a row",
    f"At most {MAX_SPLITS:,} splits a run",
    f"(default {Guards().max_removed.percent:g} %)",
    f"`guards.min_rows` (default {Guards().min_rows})",
    f"up to {RECORDS_A_PART} records share a receipt",
]
ANSWERS = [
    f"the first {SHOWN} characters of the answer",
    f"attempts {Retry().attempts}, first_delay_seconds {Retry().first_delay_seconds:g},"
    f" max_delay_seconds {Retry().max_delay_seconds:g}",
    f"`max_wait_seconds` ({Retry().max_wait_seconds:g})",
    f"up to {LONGEST_PROBE_MINUTES} minutes",
    f"failures {Breaker().failures}, pause_seconds {Breaker().pause_seconds:g}",
]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        *(("engine/state/ledger.md", each) for each in LEDGER),
        *(("engine/connections/http/answers.md", each) for each in ANSWERS),
    ],
)
def test_a_number_on_a_page_is_that_of_the_program(page: str, said: str) -> None:
    assert said in " ".join(TEXTS[page].split())
