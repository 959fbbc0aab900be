"""What the documents, the schemas and the tree promise, so that none of them can grow untrue unseen."""

from __future__ import annotations

import ast
import inspect
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Set
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from statistics import quantiles
from types import ModuleType
from typing import Any

import pytest
import yaml

import reference
from engine import cli
from engine.mapping.load.project_folder import load
from engine.mapping.load.yaml_text import parse
from engine.state.journal import sqlite_file
from engine.state.layouts import layout_of
from engine.templates.offered import FILTERS
from engine.values import errors
from engine.values.errors import Exit, OneSyncError
from walkthrough import replayed
from world.shipped import shipped

CHECKOUT = Path(__file__).resolve().parents[1]
ENGINE = CHECKOUT / "engine"
MAPPINGS = CHECKOUT / "mappings"

TOP = {
    ".ci",
    ".editorconfig",
    ".github",
    ".gitignore",
    ".pre-commit-config.yaml",
    "README.md",
    "bin",
    "engine",
    "mappings",
    "pyproject.toml",
    "schemas",
    "snapshots",
    "tests",
}
VAGUE = {"base", "common", "handler", "handlers", "helpers", "manager", "misc", "util", "utils"}


def read(path: str | Path) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


def ignored() -> list[str]:
    """List what .gitignore names, without the slashes behind folders."""
    return [line.rstrip("/") for line in read(".gitignore").split() if not line.startswith("#")]


def files(folder: Path = CHECKOUT) -> Iterator[Path]:
    """Yield every file that belongs to the project, of the top level only what may lie there."""
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in ignored()) or (folder == CHECKOUT and path.name not in TOP):
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


MODULES = [path for path in files(ENGINE) if path.suffix == ".py"]
TEXTS = {str(path.relative_to(CHECKOUT)): path.read_text(encoding="utf-8") for path in files()}


# --- the tree --------------------------------------------------------------------------------------------------


def test_the_top_level_holds_what_a_newcomer_expects_and_nothing_else() -> None:
    found = {path.name for path in CHECKOUT.iterdir() if not any(fnmatch(path.name, each) for each in ignored())}

    assert found - {".git"} == TOP


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in TEXTS if Path(path).suffix == ".py" and Path(path).stem in VAGUE] == []


def test_every_module_says_in_a_sentence_what_it_is() -> None:
    docstrings = {path: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in MODULES}

    assert [
        str(path) for path, text in docstrings.items() if not re.match(r"[A-Za-z`].*[.:]$", text.split("\n")[0])
    ] == []


JOURNAL = "objects|marks|receipts|claims|bindings|progress|rejections|runs|requests|pauses|fires"


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        (r"\s*(insert into|update|delete from|drop table|alter table changes rename to) ledger\b", "state/ledger.py"),
        (rf"\s*(select|insert|update|delete)\b.*\b(into|from|join|update) ({JOURNAL})\b", "state/journal/"),
        (rf"\s*update ({JOURNAL}) set\b", "state/journal/"),
    ],
    ids=["writes the ledger", "speaks to the journal", "changes the journal"],
)
def test_one_place_holds_the_sql_that(statement: str, where: str) -> None:
    holders = {
        str(path.relative_to(ENGINE))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        if isinstance(node.value, str)
        if re.match(statement, node.value, re.DOTALL)
    }

    assert holders
    assert {path for path in holders if not path.startswith(where)} == set()


def test_functions_are_short() -> None:
    functions = (
        (str(path.relative_to(CHECKOUT)), each)
        for path in MODULES
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lines = {(path, each.name, each.lineno): (each.end_lineno or 0) - each.lineno + 1 for path, each in functions}
    tenths = quantiles(lines.values(), n=10, method="inclusive")

    assert {name: count for name, count in lines.items() if count > 60} == {}
    assert (tenths[4] <= 6, tenths[8] <= 18) == (True, True), f"median {tenths[4]}, nine in ten at most {tenths[8]}"


FORBIDDEN = {
    "a path of somebody's machine": r"(?<![\w.}])/(?:root|work|home/[a-z]+|Users/[A-Za-z]+)/",
    "the address of a package registry": r"(?:pypi\.org|pythonhosted\.org|registry\.npmjs|[a-z]+\.crates\.io)",
    "an index of packages": r"--(?:extra-)?index-url[ =]\S",
    "what looks like a key": r"(?i)\b[0-9a-f]{32}:[0-9a-f]{32}\b",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    own = str(Path(__file__).relative_to(CHECKOUT))
    found = {path: re.findall(FORBIDDEN[what], text) for path, text in TEXTS.items() if path != own}

    assert {path: hits for path, hits in found.items() if hits} == {}


# --- documents -------------------------------------------------------------------------------------------------


def commands() -> Iterator[str]:
    """Yield every command as --help lists it, those of a group with its name before them."""
    for name, command in cli.build().commands.items():
        inner = getattr(command, "commands", None)
        yield from (f"{name} {each}" for each in inner) if inner else [name]


def test_readme_names_every_command() -> None:
    code = " ".join(re.findall(r"(?s)```.*?```|`[^`]+`", read("README.md")))

    assert [command for command in commands() if not re.search(rf"(?<![\w-]){command}(?![\w-])", code)] == []


def test_every_option_that_the_documents_name_exists() -> None:
    known = {option for command in walk(cli.build()) for each in command.params for option in each.opts}
    known |= {"--help", "--write"}  # of every command; of tests/reference.py
    named = {word for path in ("README.md", "mappings/README.md") for word in re.findall(r"--[a-z][a-z-]+", read(path))}

    assert named - known == set()


def walk(command: Any) -> Iterator[Any]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from walk(inner)


def test_the_mapping_of_readme_is_a_mapping(tmp_path: Path) -> None:
    [block] = re.findall(r"(?s)```yaml\n(.*?)```", read("README.md"))
    (tmp_path / "project.yaml").write_text(read("mappings/project.yaml"), encoding="utf-8")
    (tmp_path / "stocks.yaml").write_text(inspect.cleandoc(block).replace("/.../", "/api/"), encoding="utf-8")

    loaded = load(tmp_path)

    assert list(loaded.mappings) == ["stocks"]


def test_readme_tells_the_exit_codes_of_the_error_tree() -> None:
    told = {int(code) for codes in re.findall(r"(?m)^\| ([0-9, ]+) \|", read("README.md")) for code in codes.split(",")}

    assert told == {*map(int, Exit), 130, 143}


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn = dict(re.findall(r"-- (\w+) +(\d)", errors.__doc__ or ""))
    tree = {each.__name__: str(int(each.exit)) for each in OneSyncError.__subclasses__()}

    assert drawn == tree


def test_the_paths_and_names_of_architecture_exist() -> None:
    text = read("engine/ARCHITECTURE.md")
    paths = {path for path in re.findall(r"`([\w./]+(?:\.py|\.sql|\.json|\.toml|/))`", text) if "<" not in path}
    names = set(re.findall(r"`((?:\w+\.)+\w+)`", text)) - paths - {"journal.sqlite", "project.yaml"}

    assert {path for path in paths if not any((root / path).exists() for root in (ENGINE, CHECKOUT))} == set()
    assert {name for name in names if not exists(name)} == set()
    assert len(text.splitlines()) <= 200


def test_the_links_and_paths_of_contributing_exist() -> None:
    links = set(re.findall(r"\]\(([^)\s]+)\)", read(".github/CONTRIBUTING.md")))
    paths = set(
        re.findall(r"`((?:engine|mappings|schemas|snapshots|tests|bin)/[\w./]*)`", read(".github/CONTRIBUTING.md"))
    )

    assert {link for link in links if not (CHECKOUT / ".github" / link).exists()} == set()
    assert len(paths) > 30
    assert {path for path in paths if not (CHECKOUT / path).exists()} == {"snapshots/OBJECT.json"}


def test_the_changelog_has_an_entry_for_the_version_of_the_program() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]

    assert re.search(rf"(?m)^(## \[{version}\]|It becomes {version})", read(".github/CHANGELOG.md"))


def test_before_a_commit_runs_what_bin_check_runs() -> None:
    parts = re.findall(r"(?m)^part (\w+)", read("bin/check"))
    [local] = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]

    assert [hook["entry"] for hook in local["hooks"]] == [f"bin/check {part}" for part in parts]


def test_continuous_integration_starts_the_oldest_python_and_the_script_of_every_ci() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    job = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]["test"]

    assert project["requires-python"] == f">={job['strategy']['matrix']['python'][0]}"
    assert job["steps"][-1] == {"run": "bash .ci/run"}


def test_the_tests_that_architecture_names_exist() -> None:
    named = set(re.findall(r"`(test_\w+)::(\w+)`", read("engine/ARCHITECTURE.md")))
    missing = {
        (file, name)
        for file, name in named
        if not any(
            re.search(rf"(?m)^(def )?{name}\b", path.read_text()) for path in (CHECKOUT / "tests").rglob(f"{file}.py")
        )
    }

    assert len(named) > 30
    assert missing == set()


def exists(name: str) -> bool:
    """Tell whether `module.Class.attribute` is there, in whichever room the module lies."""
    stem, *rest = name.split(".")
    return any(leads(import_module(module), rest) for module in modules_named(stem))


def modules_named(stem: str) -> Iterator[str]:
    for path in MODULES:
        parts = path.relative_to(CHECKOUT).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts[-1] == stem:
            yield ".".join(parts)


def leads(found: Any, attributes: list[str]) -> bool:
    for attribute in attributes:
        found = getattr(found, attribute, None)
    return found is not None and not isinstance(found, ModuleType)


# --- mappings/README.md ----------------------------------------------------------------------------------------


def test_the_tables_of_the_mappings_readme_are_those_of_schemas_and_filters() -> None:
    text = read("mappings/README.md")

    assert text == reference.written(text), "python tests/reference.py --write"


def test_the_commands_of_the_mappings_readme_answer_as_it_shows(tmp_path: Path) -> None:
    text = read("mappings/README.md")

    assert text == replayed(text, tmp_path), "python tests/reference.py --write"


def test_the_yaml_of_the_mappings_readme_is_yaml() -> None:
    blocks = re.findall(r"(?s)```yaml\n(.*?)```", read("mappings/README.md"))

    assert [problem for block in blocks for problem in parse(block.encode(), "README.md").problems] == []


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filter_is_told_with_input_and_output(name: str) -> None:
    assert reference.EXAMPLES[name]


# --- schemas ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mapping", "project"])
def test_every_key_of_a_schema_is_described_with_an_example(name: str) -> None:
    schema = json.loads(read(f"schemas/{name}.schema.json"))
    shown = {key.path.rpartition(".")[2]: key.description for _, keys in reference.keys(name) for key in keys}

    described = {key: text for key, text in shown.items() if re.fullmatch(r"(?s).+ Example: .+", text)}
    assert described == shown
    assert stated_keys(schema) == set(shown)


def stated_keys(node: Any) -> set[str]:
    """Gather the names of all keys that a schema states anywhere."""
    if isinstance(node, list):
        return set().union(*map(stated_keys, node))
    if not isinstance(node, Mapping):
        return set()
    own = {key for key, stated in node.get("properties", {}).items() if "const" not in stated}
    return own.union(*(stated_keys(each) for each in node.values()))


# --- codes, layouts, dependencies ------------------------------------------------------------------------------


def literals(node: ast.AST) -> set[str]:
    """Gather the codes that stand as texts anywhere in a piece of the program."""
    texts = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    return {text for text in texts if re.match(r"E_\S*$", text)}


def nodes() -> Iterator[ast.AST]:
    """Yield every piece of the engine's program."""
    for path in MODULES:
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


CODES = {code for node in nodes() for code in literals(node)}


def test_every_code_is_spelled_as_codes_are() -> None:
    assert [code for code in CODES if not re.fullmatch(r"E_[A-Z]+(_[A-Z]+)*", code)] == []


def test_every_code_is_given_to_an_error_or_a_problem() -> None:
    given = {code for node in nodes() if isinstance(node, ast.Call | ast.Raise) for code in literals(node)}

    assert CODES - given == set()


def test_a_code_ends_a_command_with_one_exit_code_whoever_raises_it() -> None:
    makers: dict[str, set[str]] = {}
    for node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for code in {code for each in node.keywords if each.arg == "code" for code in literals(each.value)}:
                makers.setdefault(code, set()).add(node.func.id)

    assert {code for code, found in makers.items() if len(exits(found)) > 1} == set()


def exits(makers: Set[str]) -> set[int]:
    kinds = [getattr(errors, name) for name in makers if hasattr(errors, name)]
    return {int(kind.exit) for kind in kinds if inspect.isclass(kind) and issubclass(kind, OneSyncError)}


def test_the_layout_of_the_journal_is_that_of_its_file() -> None:
    first = read("engine/state/journal/journal.sql").splitlines()[0]

    assert re.findall(r"layout (\d+)", first) == [str(layout_of(sqlite_file.STEPS))]


UNBOUNDED = {"tzdata"}  # named after years; a newer one is always right


def test_every_dependency_has_a_range() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = [each for found in project["optional-dependencies"].values() for each in found]

    loose = [each for each in project["dependencies"] if not re.search(r">=\d.*,<\d", each)]
    assert {re.split(r"[\[>]", each)[0] for each in loose} == UNBOUNDED
    assert [each for each in extras if not re.match(r"types-|one-sync\[|.*>=\d", each)] == []


def test_every_dependency_has_its_reason_beside_it() -> None:
    project = re.split(r"(?m)^dependencies = ", read("pyproject.toml").split("[build-system]")[0])[1]
    lines = [line for line in project.splitlines() if re.search(r'"[a-z].*"', line) and "engine.cli:main" not in line]

    assert len(lines) > 30
    assert [line for line in lines if not re.search(r"[\]\",] +# \w", line)] == []


# --- the shipped mappings --------------------------------------------------------------------------------------

ASSUMED = {  # what one-api.md 5 calls partly or mostly unknown
    "client_blockades",
    "clients",
    "clients_inbound",
    "goods_issued_note_files",
    "goods_issued_notes",
    "invoice_files",
    "invoice_statuses",
    "invoices",
    "price_list_assignments",
    "price_lists",
    "segments",
    "stocks",
    "trade_credits",
    "warehouses",
}


def test_every_shipped_mapping_says_what_it_is_for() -> None:
    assert [name for name, each in shipped().mappings.items() if not each.description and not each.title] == []


def test_every_shipped_mapping_names_its_part_of_the_platform_and_the_schema_in_its_first_lines() -> None:
    begin = re.compile(
        r"# yaml-language-server: \$schema=\.\./schemas/mapping\.schema\.json\n# Platform: one-api\.md \d"
    )

    assert [name for name in shipped().mappings if not begin.match(read(f"mappings/{name}.yaml"))] == []


def test_what_is_assumed_of_the_platform_is_marked_where_it_is_assumed() -> None:
    texts = {name: read(f"mappings/{name}.yaml") for name in shipped().mappings}

    assert ASSUMED - texts.keys() == set()
    assert [name for name in ASSUMED if "# assumed: one-api.md " not in texts[name]] == []
    assert [name for name, text in texts.items() if re.search(r"# *assumed(?!: one-api\.md \d)", text)] == []
