"""Reads a project folder: files -> `Project` and `MappingSpec`s, or every problem of every file at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Any

from engine.mapping.checks.objects import order
from engine.mapping.checks.validate import position, validate
from engine.mapping.fires import check_cron
from engine.mapping.load.blocked import blocked_by, referenced_by
from engine.mapping.load.build import build_mapping, build_project
from engine.mapping.load.schema import check
from engine.mapping.load.yaml_text import MAX_BYTES, Document, parse
from engine.mapping.project_spec import Defaults, Project
from engine.mapping.spec import MappingSpec
from engine.templates import TemplateFaults, compile_value
from engine.values import ConfigError, Place, Problem, label, suggestion
from engine.values import Path as Path_

PROJECT = "project"
OF_TEMPLATES = frozenset({"fields", "files", "send", "write", "source"})  # keys whose texts are templates
SHOWN = (600, 300)  # characters of the beginning and the end of a message that is too long


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A project folder: its mappings without a fault, in dependency order, and what stands against the others."""

    project: Project
    mappings: Mapping[str, MappingSpec]
    blocked: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)  # objects that cannot be run
    problems: tuple[Problem, ...] = ()  # of all files
    referenced: frozenset[str] = frozenset()  # objects that any file names in `refs`, be it blocked
    drafts: frozenset[str] = frozenset()  # of those that are blocked

    @property
    def held_up(self) -> dict[str, tuple[Problem, ...]]:
        """The objects that would run if they had no faults, each with its problems."""
        return {name: problems for name, problems in self.blocked.items() if name not in self.drafts}

    def select(
        self, names: Sequence[str] = (), tags: Sequence[str] = (), *, drafts: bool = False
    ) -> tuple[MappingSpec, ...]:
        """Pick mappings by name and by tag, in dependency order; without either all that are no drafts.

        With `drafts`, a draft may be picked too (to validate or render it).

        Raises:
            ConfigError: a name or a tag is unknown, or a name is a draft's.
        """
        fit = [each for each in self.mappings.values() if drafts or not each.draft]
        problems = [problem for name in dict.fromkeys(names) for problem in self._unfit(name, drafts=drafts)]
        problems += _unknown_tags(fit, tags)
        if problems:
            raise ConfigError(code=problems[0].code, problems=problems)
        if not names and not tags:
            return tuple(each for each in fit if not each.draft)
        return tuple(each for each in fit if each.object in names or not set(tags).isdisjoint(each.tags))

    def require(self, names: Sequence[str] = ()) -> None:
        """Raise ConfigError where one of these objects is blocked; without names, where any is."""
        problems = [each for name in names for each in self.blocked.get(name, ())] if names else list(self.problems)
        if problems:
            raise _error(list(dict.fromkeys(problems)))

    def _unfit(self, name: str, *, drafts: bool) -> list[Problem]:
        if name in self.blocked:
            return list(self.blocked[name])
        mapping = self.mappings.get(name)
        if mapping is None:
            message = f"unknown object `{name}`{suggestion(name, [*self.mappings, *self.blocked])}"
            return [Problem(code="E_UNKNOWN_OBJECT", message=message)]
        if mapping.draft and not drafts:
            message = f"`{name}` is a draft and never runs: remove `status: draft` when it is ready"
            return [Problem(code="E_DRAFT", message=message, place=mapping.place("status"))]
        return []


def _unknown_tags(mappings: Sequence[MappingSpec], tags: Sequence[str]) -> list[Problem]:
    known = sorted({tag for each in mappings for tag in each.tags})
    listed = f"known tags: {', '.join(known)}" if known else "no object has any"
    return [
        Problem(code="E_UNKNOWN_TAG", message=f"unknown tag `{tag}`; {listed}")
        for tag in dict.fromkeys(tags)
        if tag not in known
    ]


def load(folder: Path) -> Loaded:
    """Read `project.yaml` and every other `*.yaml` of a folder; needs no variable and no end.

    Raises:
        ConfigError: with all problems of all files, sorted by place.
    """
    loaded = load_sound(folder)
    loaded.require()
    return loaded


def load_sound(folder: Path) -> Loaded:
    """Read a folder, and leave out the objects that faults block.

    Raises:
        ConfigError: with all problems of all files, where `project.yaml` has one, as all need it.
    """
    documents = {path: _document(path) for path in _paths(folder)}
    project_path = folder / f"{PROJECT}.yaml"
    project_document = documents.pop(project_path)
    project = None if project_document.problems else build_project(project_document)
    defaults = project.defaults if project else Defaults()
    sound = {path.stem: document for path, document in documents.items() if not document.problems}
    mappings = {stem: build_mapping(document, defaults) for stem, document in sound.items()}
    problems = [problem for document in (project_document, *documents.values()) for problem in document.problems]
    maps = project.maps if project else None
    problems += [problem for document in documents.values() for problem in _problems_of_parts(document, maps)]
    problems += _misnamed(folder)
    if project:
        problems += validate(project, mappings, unread=frozenset(path.stem for path in documents) - sound.keys())
    concern_all = any(each.place is None or Path(each.place.file).stem == PROJECT for each in problems)
    if project is None or concern_all:
        raise _error(problems)
    blocked = blocked_by(problems, {path.stem: each for path, each in documents.items()}, mappings)
    usable = {name: mapping for name, mapping in mappings.items() if name not in blocked}
    return Loaded(
        project=project,
        mappings={name: usable[name] for name in order(usable)},
        blocked=blocked,
        problems=tuple(problems),
        referenced=referenced_by(documents.values()),
        drafts=frozenset(path.stem for path, document in documents.items() if _is_draft(document)) & blocked.keys(),
    )


def _is_draft(document: Document) -> bool:
    return isinstance(document.value, dict) and document.value.get("status") == "draft"


def _paths(folder: Path) -> list[Path]:
    if not (folder / f"{PROJECT}.yaml").is_file():
        lacks = "has no project.yaml" if folder.is_dir() else "does not exist"
        if (folder / f"{PROJECT}.yml").is_file():
            lacks += ", but a project.yml: rename it"
            raise ConfigError(f"the project folder {_typed(folder)} {lacks}", code="E_NO_PROJECT")
        raise ConfigError(
            f"the project folder {_typed(folder)} {lacks}: name another with --project DIR", code="E_NO_PROJECT"
        )
    return sorted(path for path in folder.glob("*.yaml") if not path.name.startswith("."))


def _misnamed(folder: Path) -> list[Problem]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".yml", ".yaml"))
    message = "only *.yaml is read: rename the file to {}.yaml, or remove it"
    return [
        Problem(code="E_FILE_NAME", message=message.format(path.stem), place=Place(file=_typed(path)))
        for path in paths
        if path.suffix != ".yaml" and not path.name.startswith(".")
    ]


def _typed(path: Path) -> str:
    """Write a path as a user would type it: relative where it is below the current directory."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)


def _document(path: Path) -> Document:
    """Read one file and check it alone: YAML, schema, name."""
    file = _typed(path)
    try:
        document = parse(_content(path), file)
    except OSError as error:
        message = f"cannot be read ({error.strerror}): correct it, or give it another name than *.yaml"
        problem = Problem(code="E_UNREADABLE", message=message, place=Place(file=file))
        return Document(value=None, places={}, problems=(problem,))
    if document.value is None:
        return document
    problems = [*document.problems, *check(document, PROJECT if path.stem == PROJECT else "mapping")]
    if path.stem != PROJECT:
        problems += _other_name(document, path)
    return replace(document, problems=tuple(problems))


def _content(path: Path) -> bytes:
    """Read a file as far as it may be long; what is no file (a pipe, a device) might never end."""
    if path.exists() and not path.is_file():
        raise OSError(0, "it is no file")
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _other_name(document: Document, path: Path) -> list[Problem]:
    name = document.value.get("object") if isinstance(document.value, dict) else None
    if not isinstance(name, str) or name == path.stem:
        return []
    message = f"`object` is `{name}`, but the file is {path.name}: make them the same"
    return [Problem(code="E_OBJECT_NAME", message=message, place=document.places[("object",)])]


def _problems_of_parts(document: Document, maps: Mapping[str, Mapping[str, Any]] | None) -> list[Problem]:
    """Check the templates and times of a file that has other faults, one by one: all is reported at once."""
    if not document.problems or not isinstance(document.value, dict):
        return []
    templates = {key: value for key, value in document.value.items() if key in OF_TEMPLATES}
    found = []
    for path, text in _texts((), templates):
        try:
            compile_value(text, timezone=UTC, maps=maps)
        except TemplateFaults as faults:
            messages = [f"{label(path)}: {each.message}" for each in faults.faults]
            found += [Problem(code="E_TEMPLATE", message=each, place=document.places[path]) for each in messages]
    for path, text in _times(document.value):
        if fault := check_cron(text):
            found.append(Problem(code="E_CRON", message=fault, place=document.places[path]))
    return found


def _times(value: Mapping[str, Any]) -> Iterator[tuple[Path_, str]]:
    """Yield the cron texts of a mapping that may be wrong in every other way."""
    entries = value.get("send")
    holders: list[tuple[Path_, Any]] = [((), value)]
    holders += [(("send", index), each) for index, each in enumerate(entries if isinstance(entries, list) else ())]
    for path, holder in holders:
        text = holder.get("schedule") if isinstance(holder, dict) else None
        if isinstance(text, str) and text not in ("once", "manual"):
            yield (*path, "schedule"), text


def _readable(message: str) -> str:
    """Show what cannot be seen as its escape, and of what is very long the beginning and the end."""
    seen = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in message)
    first, last = SHOWN
    return seen if len(seen) <= first + last else f"{seen[:first]} ... {seen[-last:]}"


def _texts(path: Path_, value: Any) -> Iterator[tuple[Path_, str]]:
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        yield path, value
    elif isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts((*path, key), part)


def _error(problems: Sequence[Problem]) -> ConfigError:
    readable = (replace(each, message=_readable(each.message)) for each in problems)
    ordered = sorted(readable, key=position)
    return ConfigError(code=ordered[0].code if len(ordered) == 1 else "E_CONFIG", problems=ordered)
