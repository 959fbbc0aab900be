"""The JSON documents that commands print hold what the page of the commands tells, and nothing else."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from engine.sandbox.injected_faults import Action, Fault, Match
from world.merchant import merchant

PAGE = (Path(__file__).parents[3] / "engine" / "cli" / "README.md").read_text(encoding="utf-8")
FREE = {"fields", "saved", "document", "query", "headers", "body", "file", "writes"}  # named by mappings and data
COMMANDS = (
    "validate",
    "connections",
    "plan",
    "render",
    "snapshot",
    "snapshot --coverage",
    "run --once",
    "adopt --same-target",
    "adopt",
    "schedule",
    "status",
    "runs",
    "requests",
    "why",
    "rejected list",
    "rejected show",
    "rejected retry",
    "unknown list",
    "unknown resolve",
    "resend",
)
WORDS = {  # what stands behind a command, where it needs more
    "plan": ("stocks",),
    "render": ("stocks", "--samples"),
    "snapshot": ("stocks",),
    "run --once": ("warehouses",),
    "adopt": ("warehouses", "--yes"),
    "adopt --same-target": ("--yes",),
    "schedule": ("--hours", "1"),
    "why": ("clients", "K-0007"),
    "rejected show": ("clients", "K-0008"),
    "rejected retry": ("clients", "K-0008"),
    "unknown resolve": ("clients", "K-0007", "--not-sent"),
    "resend": ("stocks", "--yes"),
}
OF_OTHERS = {"status": "runs", "rejected show": "rejected list"}  # documents that hold another one


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """Every command's document, of a merchant with a refused record, and a create of unknown outcome."""
    with (
        merchant(tmp_path_factory.mktemp("merchant"), products=10, customers=12) as it,
        pytest.MonkeyPatch.context() as m,
    ):
        for name, value in it.variables.items():
            m.setenv(name, value)
        it.run("warehouses", "stocks", "segments")
        it.erp("UPDATE customer SET send_to_one = 0 WHERE customer_id IN ('K-0007', 'K-0008')")
        it.run("clients")  # the first load asks for every record, and would wait for the look-ups that fail below
        it.erp("UPDATE customer SET send_to_one = 1 WHERE customer_id IN ('K-0007', 'K-0008')")
        it.one.faults.put(Fault(action=Action(refuse_client=("K-0008",))))
        it.one.faults.put(Fault(action=Action(drop="after"), match=Match(method="POST", client="K-0007")))
        it.one.faults.put(Fault(action=Action(status=500), match=Match(method="GET")))
        it.run("clients")
        it.one.faults.clear()
        it.erp("UPDATE stock SET quantity = quantity + 1 WHERE sku = 'A-000007'")
        yield {each: document_of(it.folder, *each.split(), *WORDS.get(each, ()), "--json") for each in COMMANDS}


def document_of(folder: Path, *words: str) -> Any:
    """Run a command in this process and give its document."""
    with redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit):
        cli.main(["--project", str(folder), *words])
    return json.loads(out.getvalue())


def told(command: str) -> set[str]:
    """Gather the names that the row of a command tells, and those of other rows that it speaks of."""
    [row] = [
        rest
        for cell, rest in re.findall(r"(?m)^\| (`[^|]+) \| (.+) \|$", PAGE.partition("## JSON")[2])
        if f"`{command.removesuffix(' --coverage')}`" in cell
    ]
    names = words_in(row)
    if "the counts" in row:
        names |= words_in(PAGE.partition("The counts are")[2].partition("For each object")[0])
    if command == "render":
        names |= words_in(PAGE.partition("A request of `render` is")[2].partition("## Counts")[0])
    return names.union(*(told(other) for row_of, other in OF_OTHERS.items() if row_of == command))


def words_in(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def keys_of(value: Any) -> set[str]:
    """Gather the keys of a document, down to what mappings and data name."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    if not isinstance(value, Mapping):
        return set()
    return set(value).union(*(keys_of(each) for name, each in value.items() if name not in FREE))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_document_holds_what_the_page_tells_and_no_more(command: str, printed: Mapping[str, Any]) -> None:
    keys = keys_of(printed[command]) - {"schema_version"}

    assert keys
    assert keys - told(command) == set()


def test_what_could_not_be_done_is_a_document_too(tmp_path: Path) -> None:
    document = document_of(tmp_path, "plan", "--json")

    assert keys_of(document) == {"schema_version", "error", "code", "message", "problems"}
