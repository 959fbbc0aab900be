"""Files that belong to records: where they lie, what they hold, and whether they are still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.connections.files import open_plain
from engine.mapping.program.private_files import PrivateFiles
from engine.templates import RenderFault, Value
from engine.values import SourceError

PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """What a file was when it was read for its hash."""

    path: str
    size: int  # bytes
    modified_ns: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSet:
    """The files of a mapping: the template of each one's path, or of its bytes."""

    root: Path  # where relative paths start; a path outside it is refused
    private: PrivateFiles = field(default_factory=PrivateFiles)
    paths: Mapping[str, Value] = field(default_factory=dict)
    contents: Mapping[str, Value] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names."""
        return (*self.paths, *self.contents)

    def used(self) -> frozenset[str]:
        """All names that the templates use."""
        return frozenset().union(*(value.names for value in (*self.paths.values(), *self.contents.values())))


class FileFault(ValueError):
    """A record's file cannot be used; the text says why."""


def file_column(name: str) -> str:
    """Name the staged column that holds a file's hash."""
    return f"file:{name}"


def path_column(name: str) -> str:
    """Name the staged column that holds a file's path."""
    return f"path:{name}"


def locate(files: FileSet, name: str, context: Mapping[str, Any]) -> Path:
    """Render a file's path. Raises FileFault when it is null, or outside the root."""
    text = _rendered(files.paths[name], context)
    try:
        root = files.root.resolve()
        path = Path(root, str(text)).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a zero byte, too long a name
        raise FileFault(f"the path {str(text)[:200]!r} leads nowhere") from error
    if not path.is_relative_to(root):
        raise FileFault(f"the path {text} lies outside files_root")
    if files.private.hold(path, root):
        raise FileFault(f"the path {text} is no record's file, but the project's or the system's own")
    return path


def require_root(files: FileSet) -> None:
    """Raise SourceError where the folder of the files cannot be it, as every record would be refused for it."""
    if not files.paths:
        return
    root, why = files.root, None
    if not root.is_dir():
        why = "is no folder" if root.exists() else "is not there"
    elif root.resolve() == Path("/"):
        why = "is the whole machine"
    if why:
        remedy = "mount or create it, or name the folder of the documents in project.yaml; nothing was sent"
        raise SourceError(f"the files_root {root} {why}: {remedy}", code="E_FILES_ROOT")


def content(files: FileSet, name: str, context: Mapping[str, Any]) -> bytes:
    """Render a file's bytes. Raises FileFault when they are null or no bytes."""
    value = _rendered(files.contents[name], context)
    if not isinstance(value, bytes):
        raise FileFault(f"`$bytes` gives {type(value).__name__}, not bytes: name a binary column")
    return value


def look(path: Path, known: FileState | None) -> FileState:
    """Hash a file, unless its size and time of change are those that are known. Raises FileFault."""
    try:
        stat = path.stat()
        if known and (known.size, known.modified_ns) == (stat.st_size, stat.st_mtime_ns):
            return known
        digest = hashlib.sha256()
        for piece in pieces(path):
            digest.update(piece)
    except OSError as error:
        raise FileFault(f"the file {path} cannot be read: {error.strerror}") from error
    return FileState(path=str(path), size=stat.st_size, modified_ns=stat.st_mtime_ns, sha256=digest.hexdigest())


def pieces(path: Path) -> Iterator[bytes]:
    """Read a file piece by piece. Raises OSError."""
    with open_plain(path) as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _rendered(value: Value, context: Mapping[str, Any]) -> Any:
    try:
        rendered = value.render(context)
    except RenderFault as fault:
        raise FileFault(fault.reason) from fault
    if rendered is None or rendered == "":
        raise FileFault("there is no file: its path or content is null")
    return rendered
