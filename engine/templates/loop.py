"""The loop over rows: a parsed spec as a generator that gives one value a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from jinja2 import nodes

from engine.templates.faults import RenderFault, TemplateFault, TemplateFaults, UnknownName, reason_of
from engine.templates.parse import Parsed
from engine.templates.scope import ROOT_ROW


class Loop:
    """A spec compiled to a generator over row tuples."""

    def __init__(self, parsed: Parsed, columns: Sequence[str] = ()) -> None:
        """Compile.

        Raises:
            TemplateFaults: Python refuses the code, which is nested too deeply.
        """
        uses_row = bool(columns) and ("row" in parsed.names or parsed.is_parent)
        targets = [_target(index, name, parsed.names, aside=uses_row) for index, name in enumerate(columns)]
        body = [*parsed.blocks, nodes.Output([parsed.expression], lineno=1)]
        if uses_row:
            pairs = [nodes.Pair(nodes.Const(n), nodes.Name(t, "load")) for n, t in zip(columns, targets, strict=True)]
            row = nodes.Assign(nodes.Name(ROOT_ROW, "store"), nodes.Dict(pairs, lineno=1), lineno=1)
            alias = nodes.Assign(nodes.Name("row", "store"), nodes.Name(ROOT_ROW, "load"), lineno=1)
            body = [row, alias, *body]
        target = nodes.Tuple([nodes.Name(name, "store") for name in targets], "store")
        loop = nodes.For(target, nodes.Name("_rows", "load"), body, [], None, False, lineno=1)
        tree = nodes.Template([loop], lineno=1)
        tree.set_environment(parsed.environment)
        try:
            self._template = parsed.environment.from_string(tree)
        except (SyntaxError, RecursionError, MemoryError) as error:  # Python's parser has a stack of its own
            raise TemplateFaults([TemplateFault(path=(), message=f"is nested too deeply: {error}")]) from error
        self._code = self._template.root_render_func.__code__
        self._parsed = parsed

    def run(self, rows: Iterable[Sequence[Any]], shared: Mapping[str, Any]) -> Iterator[Any]:
        """Give each row's value; a fault ends the iterator, and a new one over the same rows goes on behind it.

        Without columns `shared` is the row that elements have as `parent`.
        """
        context = {name: shared[name] for name in self._parsed.names if name in shared}
        begun = self._parsed.environment.effort.begun(rows)
        return self._template.root_render_func(
            self._template.new_context({**context, "_rows": begun, ROOT_ROW: shared})
        )

    def fault(self, error: BaseException, known: Iterable[str]) -> RenderFault:
        """Name the leaf whose line raised the error, or raise it again if no leaf did (the rows themselves)."""
        trace = error.__traceback__
        while trace and trace.tb_frame.f_code is not self._code:
            trace = trace.tb_next
        number = self._template.get_corresponding_lineno(trace.tb_lineno) - 2 if trace else -1
        if trace is None or number < 0:
            raise error
        leaf = self._parsed.leaves[number]
        rows = [frozenset(known), *(frozenset(map(str, _local(trace.tb_frame, f"_row_{each}"))) for each in leaf.lists)]
        path = leaf.at(len(_local(trace.tb_frame, f"_list_{each}")) for each in leaf.lists)
        return RenderFault(path, leaf.text[:200], self._reason(error, rows))

    def _reason(self, error: BaseException, rows: Sequence[frozenset[str]]) -> str:
        """Say why an evaluation failed; `rows` are the names of the row and of the elements inside of it."""
        *around, own = rows
        if isinstance(error, UnknownName):
            for level, names in enumerate(reversed(around), 1):
                if error.name in names:
                    return f"{error} in this element; write {'parent.' * level}{error.name}"
        return reason_of(error, own | self._parsed.outside if around else own)


def _local(frame: FrameType, name: str) -> Any:
    """Give a variable of generated code, where names have the depth of their loop before them."""
    return next(value for local, value in frame.f_locals.items() if re.fullmatch(rf"l_\d+_{name}", local))


def _target(index: int, name: str, used: frozenset[str], *, aside: bool) -> str:
    if name in used:
        return name
    return f"_column_{index}" if aside else "_"
