"""What the house promises: rooms, the lists in their docstrings, doors between them, names that stand once."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
ENGINE = CHECKOUT / "engine"
FILES = sorted(ENGINE.rglob("*.py"))
PACKAGES = [path.parent for path in FILES if path.name == "__init__.py" and path.parent != ENGINE]
COMMANDS = "engine.cli.commands."  # its files bear the names of commands


def name_of(path: Path) -> str:
    """Give a file's name as a module; a package's is that of its folder."""
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def listed(package: Path) -> list[str]:
    """List what a package's docstring names, a line each: `file  what it is`, `folder/  what it is`."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    return re.findall(r"(?m)^ *([a-z]\w*/?) {2,}\S", text)


def inside(package: Path) -> set[str]:
    files = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    return files | {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}


def test_the_engine_itself_is_one_file() -> None:
    assert [path.name for path in ENGINE.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ENGINE)))
def test_a_room_says_what_is_in_it(package: Path) -> None:
    names = listed(package)

    assert set(names) == inside(package)
    assert len(names) == len(set(names))


def test_no_room_is_crowded() -> None:
    crowded = {str(package): len(list(package.glob("*.py"))) - 1 for package in PACKAGES}

    assert {package: count for package, count in crowded.items() if count > 20} == {}


def test_a_file_s_name_stands_for_one_thing() -> None:
    names = Counter(
        path.stem for path in FILES if path.name != "__init__.py" and not name_of(path).startswith(COMMANDS)
    )

    assert {name for name, count in names.items() if count > 1} == set()


def crossings() -> Iterator[tuple[str, str, str]]:
    """Yield every import that leads from one room into another: by whom, from where, of what."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("engine."):
                here, there = name_of(path), node.module or ""
                if room_of(here) != room_of(there):
                    yield from ((here, there, alias.name) for alias in node.names)


def exported(package: str) -> set[str]:
    """List what a door hands out."""
    tree = ast.parse((CHECKOUT / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def test_rooms_use_each_other_s_doors() -> None:
    packages = {name_of(path) for path in FILES if path.name == "__init__.py"}
    passing = {door: exported(door) for door in packages}
    past = {(here, there, name) for here, there, name in crossings() if name not in passing.get(there, set())}

    assert past == set()


def test_inside_a_room_a_file_is_never_taken_for_the_name_that_the_door_hands_out() -> None:
    modules = {name_of(path): path for path in FILES}
    mistaken = {
        (here, f"{node.module}.{alias.name}")
        for here, path in modules.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in modules and room_of(here) == room_of(node.module)
        for alias in node.names
        if f"{node.module}.{alias.name}" in modules and alias.name in handed(modules[node.module])
    }

    assert mistaken == set()


def files_behind(file: str) -> set[str]:
    """Gather the files that a file needs, itself among them; a name of a door needs the file that defines it alone."""
    modules = {name_of(path): path for path in FILES}
    waiting, found = [file], set[str]()
    while waiting:
        here = waiting.pop()
        if here in found:
            continue
        found.add(here)
        for node in ast.walk(ast.parse(modules[here].read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("engine."):
                waiting += [defining(modules, node.module or "", alias.name) for alias in node.names]
    return found


def defining(modules: Mapping[str, Path], module: str, name: str) -> str:
    """Find the file that a name of a module stands in."""
    if f"{module}.{name}" in modules and modules[f"{module}.{name}"].name != "__init__.py":
        inner = f"{module}.{name}"
        return handed(modules[module]).get(name, inner)
    return handed(modules[module]).get(name, module)


def handed(path: Path) -> dict[str, str]:
    """Map the names of a door to the files that they come from."""
    if path.name != "__init__.py":
        return {}
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {alias.name: node.module or "" for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_a_feed_is_read_by_http_and_json_alone() -> None:
    needless = ("engine.state.", "engine.delivery", "engine.difference", "engine.connections.sql")

    assert {name for name in files_behind("engine.source.feed") if name.startswith(needless)} == set()


def test_a_door_hands_out_only_what_somebody_takes() -> None:
    packages = {name_of(path) for path in FILES if path.name == "__init__.py"}
    taken = {(there, name) for _, there, name in crossings()}
    idle = {(door, name) for door in packages for name in exported(door) if (door, name) not in taken}

    assert idle == set()


def test_the_contract_of_the_rooms_fits_on_a_page() -> None:
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    [layers] = [each["layers"] for each in contracts["contracts"] if each["type"] == "layers"]
    rooms = set(re.findall(r"\w+", " ".join(layers))) - {"web"}

    assert len(layers) <= 12
    assert rooms == {package.name for package in PACKAGES if package.parent == ENGINE}
