"""From Jinja's nodes to Python: code whose values keep their type and whose errors can be traced to their template."""

# ruff: noqa: N802 - Jinja finds the methods of a code generator by the names of its nodes

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, operators


class Generator(CodeGenerator):
    """Writes code whose outputs keep their type, each leaf on a line of its own.

    What the code calls as `environment.name(...)` is in `language.Environment`.
    """

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:
        for child in node.nodes:
            self.start_write(frame, child)
            if frame.buffer is None:
                self.visit(child, frame)
            else:
                self._joined([child], frame)
            self.end_write(frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self._joined(node.nodes, frame)

    def _joined(self, parts: Iterable[nodes.Expr], frame: Frame) -> None:
        self.write("environment.joined((")
        for part in parts:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        self.write("{")
        for item in node.items:
            self.newline(item.value)
            self.visit(item.key, frame)
            self.write(": ")
            self.visit(item.value, frame)
            self.write(", ")
        self.write("}")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:
        self.write("[")
        for item in node.items:
            self.newline(item)
            self.visit(item, frame)
            self.write(", ")
        self.write("]")

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:
        exact = isinstance(node.value, float | Decimal)
        self.write(f"environment.decimal({str(node.value)!r})" if exact else repr(node.value))

    def visit_CondExpr(self, node: nodes.CondExpr, frame: Frame) -> None:
        self.write("(")
        self.visit(node.expr1, frame)
        self.write(" if ")
        self.visit(node.test, frame)
        self.write(" else ")
        self.visit(node.expr2 or nodes.Const(None), frame)
        self.write(")")

    def visit_Operand(self, node: nodes.Operand, frame: Frame) -> None:
        if isinstance(node.expr, nodes.Const):
            super().visit_Operand(node, frame)
            return
        self.write(f" {operators[node.op]} environment.compared(")
        self.visit(node.expr, frame)
        self.write(")")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        self.write("environment.getitem(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(node.arg, frame)
        self.write(")")

    def visit_Slice(self, node: nodes.Slice, frame: Frame) -> None:
        self.write("slice(")
        for part in (node.start, node.stop, node.step):
            self.visit(part or nodes.Const(None), frame)
            self.write(", ")
        self.write(")")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        method = node.node
        assert isinstance(method, nodes.Getattr)  # noqa: S101 - checks.py refuses all else
        self.write("environment.invoke(")
        self.visit(method.node, frame)
        self.write(f", {method.attr!r}")
        self.signature(node, frame)
        self.write(")")

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:
        if node.name == "default":
            self._softly(self.filters[node.name], node, frame)
        else:
            super().visit_Filter(node, frame)

    def visit_Test(self, node: nodes.Test, frame: Frame) -> None:
        if node.name in {"defined", "undefined"}:
            self._softly(self.tests[node.name], node, frame)
        else:
            super().visit_Test(node, frame)

    def _softly(self, function: str, node: nodes.Filter | nodes.Test, frame: Frame) -> None:
        """Call with null for what is unknown."""
        self.write(f"{function}(environment.softly(lambda: ")
        self.visit(node.node or nodes.Const(None), frame)
        self.write(")")
        self.signature(node, frame)
        self.write(")")
