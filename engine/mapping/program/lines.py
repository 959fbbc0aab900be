"""Renders lines: what a changed record shall be at the target, as JSON, or why it cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from engine.mapping.payloads.payload_schemas import PayloadSchemas
from engine.mapping.spec import Absent, MappingSpec, TableWrite, Write
from engine.templates import NULLS, Fields, Language, RenderFault, Value, compile_fields
from engine.values import DOCUMENT, Refusal, Stage, by_table, canonical, json_text, preview


class Lines(Protocol):
    """Makes the lines of an object, whichever way it goes."""

    @property
    def names(self) -> frozenset[str]:
        """All names of a row that the templates use."""

    @property
    def child_names(self) -> Mapping[str, frozenset[str]]:
        """All names that the templates use of a row's children, by child."""

    def columns(self, read: Sequence[str]) -> tuple[str, ...]:
        """List the columns of a read that take part, in the order of the read."""

    def render(self, rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> Iterator[bytes | Refusal]:
        """Give one line or refusal a row, in order; `columns` name the row's values, references last."""

    def shown(self, line: str | bytes) -> Any:
        """Decode a line as people know it: by its fields, or by tables and columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLines:
    """Lines of an outbound object: `fields` over columns and references."""

    fields: Fields
    refs: tuple[str, ...]
    shared: Mapping[str, Any]

    @property
    def names(self) -> frozenset[str]:
        """All names that `fields` use, also as `row.name`."""
        return self.fields.names | self.fields.row_names

    @property
    def child_names(self) -> Mapping[str, frozenset[str]]:
        """All names that `fields` use of children."""
        return self.fields.children

    def columns(self, read: Sequence[str]) -> tuple[str, ...]:
        """List the columns that the templates use; all of them where a template uses `row` as a whole."""
        if self.fields.whole_row:
            return tuple(read)
        return tuple(name for name in read if name in self.names)

    def render(self, rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> Iterator[bytes | Refusal]:
        """Render a batch in one loop over its rows."""
        if not self.refs:
            return self.fields.render(rows, columns, self.shared)
        plain = len(columns) - len(self.refs)
        filled = ((*row[:plain], *(NULLS if ref is None else ref for ref in row[plain:])) for row in rows)
        return self.fields.render(filled, columns, self.shared)

    def shown(self, line: str | bytes) -> Any:
        """Decode a line."""
        return json_text.decode(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLines:
    """Lines that must be valid by a schema of `schemas/payloads/`."""

    lines: FieldLines
    schemas: PayloadSchemas
    schema: str

    @property
    def names(self) -> frozenset[str]:
        """All names that are used."""
        return self.lines.names

    @property
    def child_names(self) -> Mapping[str, frozenset[str]]:
        """All names that are used of children."""
        return self.lines.child_names

    def columns(self, read: Sequence[str]) -> tuple[str, ...]:
        """List the columns that take part."""
        return self.lines.columns(read)

    def render(self, rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> Iterator[bytes | Refusal]:
        """Render a batch, and refuse what is not as documented; the fault's path is the field's, as both nest alike."""
        for line in self.lines.render(rows, columns):
            if isinstance(line, Refusal) or self.schemas.is_valid(self.schema, json_text.decode(line)):
                yield line
                continue
            path, message = next(self.schemas.faults(self.schema, json_text.decode(line)))
            reason = f"{message} (schemas/payloads/{self.schema}.schema.json)"
            yield Refusal(stage=Stage.SCHEMA, reason=reason, field=path or None)

    def shown(self, line: str | bytes) -> Any:
        """Decode a line."""
        return self.lines.shown(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """One compiled table of a write."""

    table: str
    key: Value
    fields: Value
    each: str | None
    absent: Absent
    single: bool  # its key tells no elements apart: what `each` names is an object, or is not there
    parent_key: tuple[str, ...]  # the key columns that are the same for all rows of a record
    delete_orphans: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One compiled statement of a write."""

    index: int
    params: Value
    each: str | None
    absent: Absent


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLines:
    """Lines of an inbound object: the rows and statements that a document becomes."""

    rows: tuple[_Rows, ...]
    calls: tuple[_Call, ...]
    shared: Mapping[str, Any]

    names: ClassVar[frozenset[str]] = frozenset()  # a document has the names that it has
    child_names: ClassVar[Mapping[str, frozenset[str]]] = {}

    def columns(self, read: Sequence[str]) -> tuple[str, ...]:
        """List the document alone: it holds the key as well."""
        return tuple(name for name in read if name == DOCUMENT)

    def render(self, rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> Iterator[bytes | Refusal]:
        """Render documents one by one."""
        place = list(columns).index(DOCUMENT)
        for row in rows:
            yield self.line(json_text.decode(row[place]))

    def line(self, document: Mapping[str, Any]) -> bytes | Refusal:
        """Render one document: a JSON list of tables with their rows, and of statement calls."""
        try:
            tables = [self._table(each, document) for each in self.rows]
            calls = [call for each in self.calls for call in self._calls(each, document)]
            return json_text.encode([*tables, *calls])
        except RenderFault as fault:
            field = json_text.path_text(fault.path)
            return Refusal(stage=Stage.RENDER, reason=fault.reason, field=field, expression=fault.expression)
        except ValueError as error:
            return Refusal(stage=Stage.RENDER, reason=str(error))

    def shown(self, line: str | bytes) -> Any:
        """Decode a line, and name what it writes by table and column."""
        return by_table(json_text.decode(line))

    def _table(self, table: _Rows, document: Mapping[str, Any]) -> dict[str, Any]:
        rows = [
            {"key": table.key.render(context), "fields": table.fields.render(context)}
            for context in self._contexts(table, document, single=table.single)
        ]
        _check_keys(table.table, [row["key"] for row in rows])
        scope = {}
        if table.parent_key:
            whole = table.key.render({**self.shared, "parent": document})
            scope = {name: whole[name] for name in table.parent_key}
        return {"table": table.table, "rows": rows, "scope": scope, "delete_orphans": table.delete_orphans}

    def _calls(self, call: _Call, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        contexts = self._contexts(call, document)
        return [{"statement": call.index, "params": call.params.render(context)} for context in contexts]

    def _contexts(
        self, part: _Rows | _Call, document: Mapping[str, Any], *, single: bool = False
    ) -> Iterator[dict[str, Any]]:
        each = part.each
        if each is None:
            yield {**self.shared, **document}
            return
        elements = _at(document, each)
        if elements is None and (single or part.absent == "none"):
            return
        if elements is None:
            raise ValueError(
                f"`{each}` is no list in this document: it is null or not there, which is not the same as none;"
                " correct `$each`, or write `$absent: none` beside it if that is how the source says none"
            )
        if single and isinstance(elements, Mapping):
            elements = [elements]
        if not isinstance(elements, list):
            raise ValueError(f"`{each}` is no list in this document but {preview(elements)}")
        for element in elements:
            own = element if isinstance(element, Mapping) else {"item": element}
            yield {**self.shared, **own, "parent": document}


def _check_keys(table: str, keys: Sequence[Mapping[str, Any]]) -> None:
    """Refuse rows that their table could not tell apart: one would take the place of the other, unnoticed."""
    seen = set()
    for key in keys:
        if nulls := [name for name, value in key.items() if value is None]:
            raise ValueError(f"a row of {table} has no value for `{nulls[0]}`, which is part of its key")
        text = tuple(map(canonical, key.values()))
        if text in seen:
            shown = ", ".join(f"{name} {value}" for name, value in zip(key, text, strict=True))
            reason = f"two rows of {table} have the same key ({shown}), so one would overwrite the other"
            raise ValueError(f"{reason}; add a column to `key` that tells them apart")
        seen.add(text)


def _at(document: Mapping[str, Any], path: str) -> Any:
    """Walk a path such as `price.additionalCosts`; what is missing on the way is null."""
    found: Any = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def compile_lines(mapping: MappingSpec, language: Language, schemas: PayloadSchemas) -> Lines:
    """Compile what `fields` make of rows. Raises TemplateFaults, which `validate` has found before."""
    fields = compile_fields(
        mapping.fields,
        on_null=mapping.on_null,
        timezone=language.timezone,
        maps=language.maps,
        outside=tuple(mapping.refs),
    )
    lines = FieldLines(fields=fields, refs=tuple(mapping.refs), shared=language.names)
    if mapping.payload_schema is None:
        return lines
    return CheckedLines(lines=lines, schemas=schemas, schema=mapping.payload_schema)


def compile_write(write: Write, language: Language) -> WriteLines:
    """Compile the tables and statements of an inbound object."""
    return WriteLines(
        rows=tuple(_compile_table(table, language) for table in write.tables),
        calls=tuple(
            _Call(index=index, params=language.lenient(dict(each.params)), each=each.each, absent=each.absent)
            for index, each in enumerate(write.statements)
        ),
        shared=language.names,
    )


def _compile_table(table: TableWrite, language: Language) -> _Rows:
    fixed = tuple(name for name, spec in table.key.items() if language.lenient(spec).names <= {"parent"})
    return _Rows(
        table=table.table,
        key=language.lenient(dict(table.key)),
        fields=language.lenient(dict(table.fields)),
        each=table.each,
        absent=table.absent,
        single=table.each is not None and len(fixed) == len(table.key),
        parent_key=fixed if table.orphans == "delete" else (),
        delete_orphans=table.orphans == "delete",
    )
