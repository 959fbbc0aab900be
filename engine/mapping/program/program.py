"""A mapping made ready to run: templates compiled, references resolved, fingerprints taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from engine.mapping.payloads.payload_schemas import PayloadSchemas, payload_folders
from engine.mapping.program.comparison import Comparison, RefJoin
from engine.mapping.program.compiled_feed import Feed, compile_feed
from engine.mapping.program.lines import Lines, compile_lines, compile_write
from engine.mapping.program.operation import CompiledOperation, compile_operation, let_updates_ask
from engine.mapping.program.private_files import PrivateFiles
from engine.mapping.program.record_files import FileSet, file_column
from engine.mapping.program.target import Sends, Writes
from engine.mapping.project_spec import Project
from engine.mapping.spec import Children, HttpSource, MappingSpec, SqlSource, Write
from engine.templates import Language
from engine.values import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """All that a run of one object needs to know, besides its ends and its state."""

    mapping: MappingSpec
    source: SqlSource | Feed  # a query has no templates
    target: Sends | Writes
    files: FileSet
    refs: tuple[RefJoin, ...] = ()
    referenced: bool  # other objects name it in `refs`
    objects: frozenset[str] = frozenset()  # of the project, this one among them
    fingerprint: str
    mapping_fingerprint: str

    @property
    def object(self) -> str:
        """Name of the object."""
        return self.mapping.object

    @property
    def children(self) -> Mapping[str, Children]:
        """The rows that belong to the object's records, by name."""
        return self.mapping.source.children

    @property
    def lines(self) -> Lines:
        """What makes lines of rows."""
        return self.target.lines

    @property
    def operations(self) -> tuple[CompiledOperation, ...]:
        """What makes requests of changes; none where they are written."""
        return self.target.operations

    @property
    def takes(self) -> dict[Change, int]:
        """Which operation takes which change."""
        return self.target.takes

    @property
    def all_operations(self) -> frozenset[int]:
        """Every operation's number."""
        return self.target.all_operations

    @property
    def keeps_documents(self) -> bool:
        """Tell whether a record that is refused is kept with its document, as nothing brings it again."""
        return self.mapping.source.keeps_documents

    @property
    def read_fingerprint(self) -> str:
        """Stand for all that decides what a whole read would send; a cursor is worth nothing when it has changed."""
        return _fingerprint([self.mapping_fingerprint, asdict(self.mapping.source)])

    @property
    def binds(self) -> bool:
        """Tell whether confirmed records of this object leave bindings."""
        return self.referenced or any(operation.spec.creates or _saves(operation) for operation in self.operations)

    @property
    def creates(self) -> bool:
        """Tell whether added records go by requests that may not be repeated."""
        operation = self.takes.get(Change.ADDED)
        return operation is not None and bool(self.operations) and self.operations[operation].spec.creates

    def comparison(
        self, columns: Sequence[str], *, due: Collection[int], full: bool, allowed: Mapping[Change, int]
    ) -> Comparison:
        """Say what the diff of a read with these columns has to know."""
        asked: frozenset[str] = frozenset().union(
            *(operation.names for operation in self.operations if not operation.spec.many)
        )
        hashes = {file_column(name) for name in self.files.names}
        groups = {index: op.spec.group_by for index, op in enumerate(self.operations) if op.spec.group_by}
        moving = {name for group in groups.values() for name in group} - set(self.mapping.source.key)
        named = tuple(name for name in columns if name in asked or "row" in asked or name in hashes | moving)
        used = {*self.lines.columns(columns), *named, *(name for group in groups.values() for name in group)}
        return Comparison(
            object=self.object,
            objects=self.objects,
            key=self.mapping.source.key,
            fingerprint=self.fingerprint,
            mapping_fingerprint=self.mapping_fingerprint,
            used=tuple(sorted(used)),
            named=named,
            named_refs=tuple(ref.name for ref in self.refs if ref.name in asked),
            refs=self.refs,
            operations=self.takes,
            due=frozenset(due),
            groups=groups,
            lookups=frozenset(i for i, op in enumerate(self.operations) if op.lookup and op.spec.creates),
            limits=self.mapping.limits,
            guards=self.mapping.guards,
            creates=self.creates,
            allowed=allowed,
            full=full,
        )

    def columns_rendered(self, columns: Sequence[str]) -> frozenset[str]:
        """Pick the columns of a query whose values are rendered, or ask for more: there it matters what they are."""
        cursor = self.mapping.source.cursor if isinstance(self.mapping.source, SqlSource) else None
        used = self.comparison(columns, due=(), full=True, allowed={}).used
        return frozenset(columns) & {*used, *([cursor.column] if cursor else [])}

    def needed_columns(self) -> frozenset[str]:
        """List the columns that the mapping names, as far as it can be told without the source."""
        mapping = self.mapping
        known = {*mapping.refs, "vars", "row", "line", "lines", "removed", "saved", "body", "status", "parent"}
        asked = frozenset().union(*(operation.names for operation in self.operations))
        grouped = {name for operation in self.operations for name in operation.spec.group_by}
        limited = {name for limit in mapping.limits for name in (*limit.per, *limit.distinct)}
        joined = {name for ref in self.refs for name in ref.columns}
        return frozenset(
            (self.lines.names | asked | self.files.used()) - known - self.children.keys()
            | grouped
            | limited
            | joined
            | set(mapping.source.key)
        )

    def needed_child_columns(self) -> dict[str, frozenset[str]]:
        """List the columns that the mapping names of each of its children."""
        return {
            name: names - {"vars", "parent", *self.mapping.refs}
            for name, names in self.lines.child_names.items()
            if name in self.children
        }


def _saves(operation: CompiledOperation) -> bool:
    return bool(operation.spec.save) or any(request.save for request in operation.spec.requests)


def compile_mapping(
    mapping: MappingSpec,
    project: Project,
    mappings: Mapping[str, MappingSpec],
    *,
    files_root: Path | None = None,
    private: PrivateFiles | None = None,
    referenced: Collection[str] = (),
    blocked: Collection[str] = (),
) -> Program:
    """Compile one mapping; `mappings` are all of the project, for references, `referenced` names what else is needed.

    Raises TemplateFaults.
    """
    names: dict[str, Any] = {"vars": dict(project.vars)}
    language = Language(timezone=ZoneInfo(project.timezone), names=names, maps=project.maps)
    folder = Path(project.file).parent
    files = FileSet(
        root=files_root or folder,
        private=private or PrivateFiles(folder=folder),
        paths={name: language.strict(each.path) for name, each in mapping.files.items() if each.path},
        contents={name: language.strict(each.bytes) for name, each in mapping.files.items() if each.bytes},
    )
    source, write = mapping.source, mapping.write
    makes_lines: list[Any] = [mapping.fields, mapping.on_null, _plain(mapping.refs), _plain(mapping.files)]
    makes_lines += [names, project.maps, project.timezone]
    return Program(
        mapping=mapping,
        source=compile_feed(source, language) if isinstance(source, HttpSource) else source,
        target=_compile_send(mapping, language, files, folder) if write is None else _compile_write(write, language),
        files=files,
        refs=tuple(
            RefJoin(
                name=name,
                object=ref.object,
                columns=tuple(ref.on[key] for key in mappings[ref.object].source.key),
            )
            for name, ref in mapping.refs.items()
        ),
        referenced=mapping.object in referenced
        or any(ref.object == mapping.object for each in mappings.values() for ref in each.refs.values()),
        objects=frozenset({*mappings, *blocked}),
        fingerprint=_fingerprint(makes_lines),
        mapping_fingerprint=_fingerprint(
            [*makes_lines, _plain(dict(enumerate(mapping.send))), _plain({"write": write})]
        ),
    )


def _compile_send(mapping: MappingSpec, language: Language, files: FileSet, folder: Path) -> Sends:
    return Sends(
        lines=compile_lines(mapping, language, PayloadSchemas(payload_folders(folder))),
        operations=let_updates_ask(
            [
                compile_operation(each, language, files=files, refs=tuple(mapping.refs), key=mapping.source.key)
                for each in mapping.send
            ]
        ),
    )


def _compile_write(write: Write, language: Language) -> Writes:
    return Writes(
        spec=write,
        lines=compile_write(write, language),
        removed_lines=compile_write(write.removed, language) if write.removed else None,
    )


def _plain(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): asdict(value) if value is not None else None for key, value in values.items()}


def _fingerprint(value: Any) -> str:
    text = json.dumps(
        value, sort_keys=True, default=lambda each: sorted(each) if isinstance(each, frozenset) else str(each)
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]
