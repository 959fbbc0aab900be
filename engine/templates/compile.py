"""Compiled specs: `Fields` for the lines of a mapping, `Value` for everything else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from engine.templates.faults import DATA_FAULTS, RenderFault
from engine.templates.jinja import Environment
from engine.templates.loop import Loop
from engine.templates.nulls import OnNull
from engine.templates.parse import Parsed, parse
from engine.values import Refusal, Stage, json_text

# The `maps` of project.yaml; None: not known here, so that every name will do, and every look-up is refused.
Maps: TypeAlias = Mapping[str, Mapping[str, Any]] | None


class Fields:
    """Compiled `fields`: one line of JSON a row."""

    def __init__(self, parsed: Parsed) -> None:
        self.names = parsed.names - {"row"} | parsed.parent_names  # columns, children, refs, vars
        self.row_names = parsed.row_names  # names reached as row["odd name"]
        self.whole_row = parsed.whole_row  # `row` is used otherwise too, or `parent` in elements
        self.children = parsed.children  # child: the columns that its elements use
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
            return json_text.encode(line)
        except json_text.NotJson as fault:
            leaves = [leaf for leaf in self._parsed.leaves if leaf.holds(fault.path)]
            text = leaves[-1].text[:200] if leaves else ""
            return _refusal(RenderFault(fault.path, text, fault.reason))


def _refusal(fault: RenderFault) -> Refusal:
    field_path = json_text.path_text(fault.path) or None
    return Refusal(stage=Stage.RENDER, reason=fault.reason, field=field_path, expression=fault.expression or None)


def compile_fields(
    spec: Mapping[str, Any],
    *,
    on_null: OnNull,
    timezone: dt.tzinfo,
    maps: Maps = None,
    outside: Collection[str] = (),
) -> Fields:
    """Compile a mapping's `fields`; `outside` are names that elements of `$each` see besides `vars`: the refs.

    Raises:
        TemplateFaults: every fault of the spec.
    """
    return Fields(parse(spec, Environment(timezone, lenient=False, maps=maps), on_null, outside))


class Value:
    """Any compiled spec: a request's path, query and body, a look-up, the fields of a table."""

    def __init__(self, parsed: Parsed) -> None:
        whole = {"row"} if parsed.whole_row else set()
        self.names = parsed.names | parsed.parent_names | whole
        self.bare = parsed.names - parsed.inner_names - parsed.parent_names  # only as the whole of a `{{ name }}`
        self.children = parsed.children  # list: the columns that its elements use
        self._loop = Loop(parsed)

    def render(self, context: Mapping[str, Any]) -> Any:
        """Give the value; elements of `$each` have the context as `parent`.

        Raises:
            RenderFault: the first template that could not be evaluated.
        """
        try:
            return next(self._loop.run([()], context))
        except DATA_FAULTS as error:
            raise self._loop.fault(error, context) from error


def compile_value(
    spec: Any,
    *,
    timezone: dt.tzinfo,
    lenient: bool = False,
    on_null: OnNull = "send",
    maps: Maps = None,
    outside: Collection[str] = (),
) -> Value:
    """Compile any spec; `outside` are names that elements of `$each` see besides `vars`.

    `lenient` makes null of unknown names and attributes, also of those of null (ledger.md 9).

    Raises:
        TemplateFaults: every fault of the spec.
    """
    return Value(parse(spec, Environment(timezone, lenient=lenient, maps=maps), on_null, outside))
