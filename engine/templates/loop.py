"""The loop over rows: a parsed spec as a generator that gives one value a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import nodes

from engine.templates.faults import RenderFault, reason_of
from engine.templates.parse import Parsed


class Loop:
    """A spec compiled to a generator over row tuples."""

    def __init__(self, parsed: Parsed, columns: Sequence[str] = ()) -> None:
        uses_row = bool(columns) and (parsed.whole_row or bool(parsed.row_names))
        targets = [_target(index, name, parsed.names, aside=uses_row) for index, name in enumerate(columns)]
        body = [*parsed.blocks, nodes.Output([parsed.expression], lineno=1)]
        if uses_row:
            pairs = [nodes.Pair(nodes.Const(n), nodes.Name(t, "load")) for n, t in zip(columns, targets, strict=True)]
            body.insert(0, nodes.Assign(nodes.Name("row", "store"), nodes.Dict(pairs, lineno=1), lineno=1))
        target = nodes.Tuple([nodes.Name(name, "store") for name in targets], "store")
        loop = nodes.For(target, nodes.Name("_rows", "load"), body, [], None, False, lineno=1)
        tree = nodes.Template([loop], lineno=1)
        tree.set_environment(parsed.environment)
        self._template = parsed.environment.from_string(tree)
        self._code = self._template.root_render_func.__code__
        self._names = parsed.names
        self._leaves = parsed.leaves

    def run(self, rows: Iterable[Sequence[Any]], shared: Mapping[str, Any]) -> Iterator[Any]:
        """Give each row's value; a fault ends the iterator, and a new one over the same rows goes on behind it."""
        context = {name: shared[name] for name in self._names if name in shared}
        return self._template.root_render_func(self._template.new_context({**context, "_rows": rows}))

    def fault(self, error: BaseException, known: Iterable[str]) -> RenderFault:
        """Name the leaf whose line raised the error, or raise it again if no leaf did (the rows themselves)."""
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code is not self._code:
            trace = trace.tb_next
        number = self._template.get_corresponding_lineno(trace.tb_lineno) - 2 if trace else -1
        if number < 0:
            raise error
        leaf = self._leaves[number]
        return RenderFault(leaf.path, leaf.text[:200], reason_of(error, known))


def _target(index: int, name: str, used: frozenset[str], *, aside: bool) -> str:
    if name in used:
        return name
    return f"_column_{index}" if aside else "_"
