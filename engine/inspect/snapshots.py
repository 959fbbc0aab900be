"""Snapshots: one readable JSON file an object, one field a line, and what differs between two of them, by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from engine.inspect.samples.render_samples import rendering
from engine.mapping import MappingSpec
from engine.mapping.load import Loaded
from engine.mapping.program import Program, compile_mapping
from engine.values import json_text, shipped

WIDTH = 110  # characters of a line within which a list of plain values stays on it


class Difference(NamedTuple):
    """One field that differs; values as JSON text, None where the field is not there."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One object's snapshot, as it is kept and as the samples render now."""

    object: str
    path: Path
    old: str | None  # None: there is no such file
    new: str | None  # None: there is no such object, or it has no samples

    @property
    def is_equal(self) -> bool:
        """Tell whether the file is what the samples render, byte for byte."""
        return self.old == self.new

    def differences(self) -> list[Difference]:
        """List the fields that differ; none where only order or layout does."""
        return list(_differences(_named(_read(self.old)), _named(_read(self.new)), ""))

    def update(self) -> None:
        """Make the file what the samples render. Raises ConfigError where it belongs to an installed program."""
        shipped.refuse_to_write(self.path, "this snapshot")
        if self.new is None:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self.new.encode())


def folder_of(project: Path) -> Path:
    """Give the folder of a project's snapshots: beside its project.yaml; those of the shipped mappings are shipped."""
    return shipped.snapshots() if project.resolve() == shipped.mappings().resolve() else project / "snapshots"


def compare(loaded: Loaded, folder: Path, names: Sequence[str] = ()) -> list[Compared]:
    """Compare the samples of objects with their snapshots; without names of all, and what no object has any more.

    Drafts take part. Raises ConfigError for an unknown name.
    """
    mappings = loaded.select(names or list(loaded.mappings), drafts=True)
    found = [_compared(folder, each.object, snapshot_text(loaded, each)) for each in mappings]
    stale = [] if names else sorted({path.stem for path in folder.glob("*.json")} - loaded.mappings.keys())
    return [*(each for each in found if each.old or each.new), *(_compared(folder, name, None) for name in stale)]


def _compared(folder: Path, name: str, new: str | None) -> Compared:
    path = folder / f"{name}.json"
    old = path.read_bytes().decode("utf-8", "replace") if path.exists() else None
    return Compared(object=name, path=path, old=old, new=new)


def snapshot_text(loaded: Loaded, mapping: MappingSpec) -> str | None:
    """Render a mapping's samples as the text of its snapshot; None if it has no samples."""
    return as_text(document_of(loaded, mapping)) if mapping.samples else None


def document_of(loaded: Loaded, mapping: MappingSpec) -> Mapping[str, Any]:
    """Render a mapping's samples as the document of its snapshot."""
    return rendering(sampled_program(loaded, mapping)).document


def sampled_program(loaded: Loaded, mapping: MappingSpec) -> Program:
    """Compile a mapping for its samples; where the project has a files_root, samples lie below one that need not be."""
    folder = Path(loaded.project.file).parent / "files" if loaded.project.files_root else None
    return compile_mapping(mapping, loaded.project, loaded.mappings, files_root=folder)


# --- the file ------------------------------------------------------------------------------------------------


def as_text(document: Any) -> str:
    """Write a document as JSON, one field a line: keys in their order, decimals exact, the same bytes each time."""
    return "".join(_lines(document, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    deeper = f"{indent}  "
    if isinstance(value, Mapping) and value:
        entries = [(f"{_scalar(name)}: ", each) for name, each in value.items()]
        opening, closing = "{", "}"
    elif isinstance(value, list | tuple) and value and not _is_short(value, indent):
        entries = [("", each) for each in value]
        opening, closing = "[", "]"
    else:
        yield _scalar(value) if not isinstance(value, list | tuple) else f"[{', '.join(map(_scalar, value))}]"
        return
    yield opening
    for index, (name, each) in enumerate(entries):
        yield f"{',' if index else ''}\n{deeper}{name}"
        yield from _lines(each, deeper)
    yield f"\n{indent}{closing}"


def _is_short(values: Sequence[Any], indent: str) -> bool:
    if any(isinstance(each, Mapping | list | tuple) and each for each in values):
        return False
    return len(indent) + sum(len(_scalar(each)) + 2 for each in values) <= WIDTH


def _scalar(value: Any) -> str:
    return json_text.encode(value).decode()


# --- what differs --------------------------------------------------------------------------------------------


def _read(text: str | None) -> Any:
    try:
        return {} if text is None else json_text.decode(text)
    except ValueError:
        return {"file": "is no JSON"}


def _named(document: Any) -> Any:
    """Let samples be found by their names, so that a new one in the middle is one difference."""
    samples = document.get("samples") if isinstance(document, Mapping) else None
    if not isinstance(samples, list) or not all(isinstance(each, Mapping) and "name" in each for each in samples):
        return document
    return {**document, "samples": {each["name"]: {k: v for k, v in each.items() if k != "name"} for each in samples}}


def _differences(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in [*new, *(each for each in old if each not in new)]:
            inner = f"{path} {name!r}" if path == "samples" else f"{path}{'.' if path else ''}{name}"
            yield from _entry(old, new, name, inner)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = dict(enumerate(old))
            yield from _entry(before, dict(enumerate(new)), index, f"{path}{json_text.path_text((index,))}")
    elif not _equal(old, new):
        yield Difference(path, _scalar(old), _scalar(new))


def _entry(old: Mapping[Any, Any], new: Mapping[Any, Any], key: Any, path: str) -> Iterator[Difference]:
    if key in old and key in new:
        yield from _differences(old[key], new[key], path)
    else:
        yield Difference(path, _scalar(old[key]) if key in old else None, _scalar(new[key]) if key in new else None)


def _equal(old: Any, new: Any) -> bool:
    """Compare as JSON does: true is not 1, and 1.50 is another text than 1.5."""
    return _scalar(old) == _scalar(new)
