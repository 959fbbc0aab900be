"""Where the files lie that are shipped with the program: schemas, mappings and the mappings' snapshots.

In a checkout they are folders of the top level; an installed program has them inside (hatch's part of pyproject.toml).
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from engine.values.errors import ConfigError

_ENGINE = Path(str(files("engine")))
_INSIDE = _ENGINE / "shipped"


def checkout() -> Path | None:
    """Give the checkout that the program runs in; None where it was installed."""
    return None if _INSIDE.is_dir() else _ENGINE.parent


def schemas() -> Path:
    """Give the folder of what YAML files may say; in its `payloads/`, what bodies of requests may."""
    return _folder("schemas")


def mappings() -> Path:
    """Give the project folder of the ONe platform's mappings."""
    return _folder("mappings")


def snapshots() -> Path:
    """Give the folder of the requests that the samples of those mappings make."""
    return _folder("snapshots")


def _folder(name: str) -> Path:
    return (checkout() or _INSIDE) / name


def is_inside(path: Path) -> bool:
    """Tell whether a path leads into the installed program, which keeps nothing that is written there."""
    return not checkout() and path.resolve().is_relative_to(_ENGINE.resolve())


def refuse_to_write(path: Path, what: str) -> None:
    """Raise ConfigError for a path inside the installed program."""
    if is_inside(path):
        remedy = f"copy {mappings()} to a folder of yours, then stand in it or name it with --project"
        raise ConfigError(f"{what} would lie in the installed program, at {path}: {remedy}", code="E_SHIPPED")
