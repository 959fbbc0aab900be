"""Files that are never a record's content: the state, the project's own files, and those that hold secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SYSTEM = frozenset({"/dev", "/proc", "/sys"})  # what lies there is no content, and may hold secrets
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  holds plain files
_OF_THE_PROJECT = frozenset({"schemas", "snapshots"})  # folders beside project.yaml
_IN_A_STATE = (".duckdb", ".sqlite")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateFiles:
    """Where the project keeps what is its own."""

    folder: Path | None = None  # of project.yaml
    state: Path | None = None
    named: tuple[Path, ...] = ()  # by `${file:}`, or as a database

    def hold(self, path: Path, root: Path) -> bool:
        """Tell whether a resolved path below `root` is none of its documents, also under another name (a hard link)."""
        if _is_system(path) or self._is_own(path) or self._is_state(path, root):
            return True
        try:
            status = path.stat()
        except OSError:
            return False  # it cannot be read either
        return status.st_nlink > 1 and any(_is_same(each, status) for each in self._files())

    def _is_own(self, path: Path) -> bool:
        folder = self.folder.resolve() if self.folder else None
        if path in (each.resolve() for each in self.named):
            return True
        if folder is None or not path.is_relative_to(folder):
            return False
        first, *deeper = path.relative_to(folder).parts or (".",)
        is_yaml = not deeper and path.suffix.lower() in {".yaml", ".yml"}
        return is_yaml or first.startswith(".") or first in _OF_THE_PROJECT

    def _is_state(self, path: Path, root: Path) -> bool:
        if self.state is None or not path.is_relative_to(state := self.state.resolve()):
            return False
        inside = root.is_relative_to(state) or (self.folder is not None and self.folder.resolve() == state)
        return not inside or any(suffix in path.name for suffix in _IN_A_STATE)

    def _files(self) -> Iterator[Path]:
        """Yield what hard links may lead to; few, as all lie in two folders."""
        yield from self.named
        for folder in filter(None, (self.folder, self.state)):
            if folder.is_dir():
                yield from (each for each in folder.iterdir() if folder == self.state or self._is_own(each.resolve()))


def _is_same(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), status)
    except OSError:
        return False


def _is_system(path: Path) -> bool:
    """Tell whether a path leads to devices or to what the kernel tells."""
    return not _SYSTEM.isdisjoint(map(str, path.parents)) and _SHARED_MEMORY not in path.parents
