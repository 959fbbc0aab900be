"""Compiled specs: `Fields` for the lines of a mapping, `Value` for everything else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.jsontext import NotJson, encode, path_text
from engine.mapping import OnNull
from engine.records import Refusal, Stage
from engine.templates.faults import DATA_FAULTS, RenderFault
from engine.templates.language import environment
from engine.templates.loop import Loop
from engine.templates.parse import Parsed, parse


class Fields:
    """Compiled `fields`: one line of JSON a row."""

    def __init__(self, parsed: Parsed) -> None:
        self.names = parsed.names - {"row"}  # columns, refs, vars
        self.row_names = parsed.row_names  # names reached as row["odd name"]
        self.whole_row = parsed.whole_row  # `row` is used otherwise too
        self._parsed = parsed
        self._loops: dict[tuple[str, ...], Loop] = {}
        self._loop(tuple(sorted(self.names)))  # so that code which Python refuses is found at load

    def render(
        self, rows: Iterable[Sequence[Any]], columns: Sequence[str], shared: Mapping[str, Any]
    ) -> Iterator[bytes | Refusal]:
        """Give one result a row, in order: the line as JSON, or why the row has none.

        Lazy; `columns` name the values of each row and hide names in `shared`. Errors of `rows` pass through.
        """
        loop = self._loop(tuple(columns))
        remaining = iter(rows)
        while True:
            try:
                for line in loop.run(remaining, shared):
                    yield self._line(line)
                return
            except DATA_FAULTS as error:
                fault = loop.fault(error, [*columns, *shared])
                yield _refusal(fault)

    def _loop(self, columns: tuple[str, ...]) -> Loop:
        if columns not in self._loops:
            self._loops[columns] = Loop(self._parsed, columns)
        return self._loops[columns]

    def _line(self, line: Any) -> bytes | Refusal:
        try:
            return encode(line)
        except NotJson as fault:
            leaves = [leaf for leaf in self._parsed.leaves if leaf.path == fault.path[: len(leaf.path)]]
            text = leaves[0].text[:200] if leaves else ""
            return _refusal(RenderFault(fault.path, text, fault.reason))


def _refusal(fault: RenderFault) -> Refusal:
    field_path = path_text(fault.path) or None
    return Refusal(stage=Stage.RENDER, reason=fault.reason, field=field_path, expression=fault.expression or None)


def compile_fields(spec: Mapping[str, Any], *, on_null: OnNull, timezone: dt.tzinfo) -> Fields:
    """Compile a mapping's `fields`.

    Raises:
        TemplateFaults: every fault of the spec.
    """
    return Fields(parse(spec, environment(timezone, lenient=False), on_null))


class Value:
    """Any compiled spec: a request's path, query and body, a look-up, the fields of a table."""

    def __init__(self, parsed: Parsed) -> None:
        self.names = parsed.names
        self.bare = parsed.names - parsed.inner_names  # occur only as the whole of a `{{ name }}`
        self._loop = Loop(parsed)

    def render(self, context: Mapping[str, Any]) -> Any:
        """Give the value.

        Raises:
            RenderFault: the first template that could not be evaluated.
        """
        try:
            return next(self._loop.run([()], context))
        except DATA_FAULTS as error:
            raise self._loop.fault(error, context) from error


def compile_value(spec: Any, *, timezone: dt.tzinfo, lenient: bool = False, on_null: OnNull = "send") -> Value:
    """Compile any spec; `lenient` makes null of unknown names and attributes, also of those of null (ledger.md 9).

    Raises:
        TemplateFaults: every fault of the spec.
    """
    return Value(parse(spec, environment(timezone, lenient=lenient), on_null))
