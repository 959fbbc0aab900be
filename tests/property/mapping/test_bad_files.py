"""Files broken in every way that their schemas know: each is refused with its place, or it is good and its samples too.

CI tries the same few hundred mutants each time, `ONE_SYNC_EXAMPLES=100` some hundred times as many.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.inspect.coverage import gaps
from engine.inspect.snapshots import snapshot_text
from engine.mapping.load.project_folder import load
from engine.mapping.load.yaml_text import parse
from engine.values import shipped
from engine.values.errors import ConfigError, Problem
from mutants import Edit, edits, must_be_told, several, spans, used, written
from world.documents import PLAIN, REST, WIDER
from world.documents import written as write_files
from world.effort import examples

MAPPINGS = Path(__file__).parents[3] / "mappings"
SHIPPED = {path.stem: path.read_text(encoding="utf-8") for path in MAPPINGS.glob("*.yaml")}
FOLDERS = {"plain": PLAIN, "wider": WIDER, "rest": REST, "shipped": SHIPPED}
SCHEMAS = {
    name: json.loads((shipped.schemas() / f"{name}.schema.json").read_text(encoding="utf-8"))
    for name in ("mapping", "project")
}
LONGEST = 1_000  # characters of a message
PYTHON = re.compile(  # no word of it helps an integrator
    r"\b(NoneType|dict|tuple|jsonschema|Traceback|Undefined|ConversionSyntax|mappingproxy|NotImplemented|\w+Error)\b"
    r"|<class|object at 0x|Decimal\(|'(str|int|list|bool)'|object is not|has no attribute|positional argument"
    r"|expected token|not supported between"
)


def schema_of(stem: str) -> Any:
    return SCHEMAS["project" if stem == "project" else "mapping"]


def value_of(text: str) -> Any:
    return parse(text.encode(), "x.yaml").value


def loaded_with_samples(stem: str) -> Sequence[Problem]:
    """Load the current folder, and render and cover the samples of one object: what is wrong with the files."""
    try:
        loaded = load(Path())
    except ConfigError as error:
        return error.problems
    for name in loaded.mappings if stem == "project" else [stem]:
        mapping = loaded.mappings[name]
        shown = snapshot_text(loaded, mapping) or ""
        assert not PYTHON.search(shown), PYTHON.search(shown)
        gaps(loaded, mapping)
    return ()


def judge(stem: str, document: Any, chosen: Sequence[Edit]) -> None:
    """Apply edits to one file of the current folder, and check what is told of them."""
    told = [each for each in chosen if must_be_told(each, document, schema_of(stem))]
    for edit in chosen:
        document = edit.applied(document)
    text, lines = written(document)
    Path(f"{stem}.yaml").write_text(text, encoding="utf-8")

    problems = loaded_with_samples(stem)

    for problem in problems:
        assert problem.place is not None, problem
        assert problem.place.line >= 1, problem
        assert len(problem.message) <= LONGEST, problem
        assert problem.message.isprintable(), problem
        assert not PYTHON.search(problem.message), problem
    for edit in told:
        span = spans(lines, edit.told_at or ())
        here = [each for each in problems if each.place and each.place.file == f"{stem}.yaml"]
        here = [each for each in here if each.place and each.place.line in span]
        assert any(edit.word in each.message for each in here), (edit, span, list(map(str, problems)))


def beside(stem: str, files: Mapping[str, str]) -> Mapping[str, str]:
    """Choose the files that one of them needs: all for the project's, else those that it names."""
    for path in Path().glob("*.yaml"):
        path.unlink()
    if stem == "project" and files is not SHIPPED:
        return files
    chosen, new = {"project"}, {stem, "orders"} & files.keys()
    while new:
        chosen |= new
        new = {
            each for each in files for one in new if re.search(rf"(object|after|before): {each}\b", files[one])
        } - chosen
    return {each: files[each] for each in chosen}


def faults(name: str, count: int, *, together: int = 1) -> list[str]:
    """Try `count` mutants of the files of a folder; what was found, with the edits that show it."""
    files, rng = FOLDERS[name], random.Random(f"{name} {together}")
    found = []

    @cache
    def every(stem: str) -> list[Edit]:
        found = edits(value_of(files[stem]), schema_of(stem))
        if together > 1:  # faults of YAML itself end the reading
            return [each for each in found if each.told_at and each.kind != "raw"]
        return list(found)

    for _ in range(count):
        stem = rng.choice(sorted(files))
        write_files(beside(stem, files))
        chosen = several(rng.sample(every(stem), 4 * together), at_most=together)
        try:
            judge(stem, value_of(files[stem]), chosen)
        except Exception as error:  # every fault is wanted, whatever it is
            found.append(f"{stem} {chosen}: {type(error).__name__}: {error}")
    return found


@pytest.fixture(autouse=True)
def _inside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_good_files_use_every_key_of_their_schemas() -> None:
    files = [(stem, value_of(text)) for folder in FOLDERS.values() for stem, text in folder.items()]

    seen = {id(rule) for stem, value in files for _, rule in used(value, schema_of(stem))}

    assert [name for schema in SCHEMAS.values() for name, rule in _properties(schema) if id(rule) not in seen] == []


def _properties(schema: Any, path: str = "") -> Any:
    if isinstance(schema, dict):
        for name, inner in schema.items():
            if name == "if":
                continue  # a condition
            if name == "properties":
                yield from ((f"{path}.{key}", rule) for key, rule in inner.items())
            yield from _properties(inner, f"{path}.{name}")
    elif isinstance(schema, list):
        for inner in schema:
            yield from _properties(inner, path)


@pytest.mark.parametrize(("name", "few"), [("plain", 30), ("wider", 30), ("rest", 40), ("shipped", 6)])
def test_a_file_with_one_fault_is_refused_with_its_place_or_its_samples_can_be_shown(name: str, few: int) -> None:
    assert faults(name, examples(few)) == []


@pytest.mark.parametrize(("name", "few"), [("plain", 10), ("wider", 10), ("rest", 12)])
def test_of_several_faults_in_one_file_each_is_told_at_its_place(name: str, few: int) -> None:
    assert faults(name, examples(few), together=3) == []
