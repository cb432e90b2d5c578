"""Code of templates that counts what it does: steps, texts joined, values compared.

jinja2 itself lets an environment see some operators only. What the code calls is the `Allowance`
of a rendering, which its context has (`environment.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

from jinja2.compiler import CodeGenerator
from jinja2.compiler import Frame
from jinja2.compiler import operators
from jinja2.nodes import Compare
from jinja2.nodes import Concat
from jinja2.nodes import Const
from jinja2.nodes import Dict
from jinja2.nodes import Expr
from jinja2.nodes import Getitem
from jinja2.nodes import Node
from jinja2.nodes import Slice


class CountingGenerator(CodeGenerator):
    """Code that ticks, and that lets the context join texts."""

    def write_commons(self) -> None:
        """What each function of the code begins with."""
        super().write_commons()
        self.writeline("concat = context.allowance.joined")
        self.writeline("tick = context.allowance.tick")
        self.writeline("weigh = context.allowance.weigh")

    def blockvisit(self, nodes: Iterable[Node], frame: Frame) -> None:
        """Some statements: one step."""
        self.writeline("tick()")
        super().blockvisit(nodes, frame)

    def visit_Compare(self, node: Compare, frame: Frame) -> None:
        """`a == b < c`, `a in b`."""
        self.write("(")
        self._weighed(node.expr, frame)
        for operand in node.ops:
            self.write(f" {operators[operand.op]} ")
            self._weighed(operand.expr, frame)
        self.write(")")

    def visit_Dict(self, node: Dict, frame: Frame) -> None:
        """`{a: b}`."""
        self.write("{")
        for item in node.items:
            self._weighed(item.key, frame)
            self.write(": ")
            self.visit(item.value, frame)
            self.write(", ")
        self.write("}")

    def visit_Getitem(self, node: Getitem, frame: Frame) -> None:
        """`a[b]`, `a[1:]`."""
        if isinstance(node.arg, Slice):
            self.write("context.allowance.charge(")
            super().visit_Getitem(node, frame)
            self.write(")")
        else:
            super().visit_Getitem(node, frame)

    def visit_Concat(self, node: Concat, frame: Frame) -> None:
        """`a ~ b ~ c`."""
        self.write("context.join_text((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def _weighed(self, node: Expr, frame: Frame) -> None:
        """A value that is compared or hashed."""
        if isinstance(node, Const):
            self.visit(node, frame)
            return
        self.write("weigh(")
        self.visit(node, frame)
        self.write(")")
