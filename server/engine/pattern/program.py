"""Nodes -> instructions for a machine that follows all ways through an expression at once.

After Ken Thompson and Rob Pike ("Regular Expression Matching: the Virtual Machine Approach").
"""

from __future__ import annotations

from dataclasses import dataclass

from server.engine.pattern.errors import PatternRefused
from server.engine.pattern.nodes import Chars
from server.engine.pattern.nodes import Choice
from server.engine.pattern.nodes import Group
from server.engine.pattern.nodes import Node
from server.engine.pattern.nodes import Place
from server.engine.pattern.nodes import Repeat
from server.engine.pattern.nodes import Sequence
from server.engine.pattern.reader import read

MAX_INSTRUCTIONS = 500
"""What a character may cost, at most: each of them once."""


@dataclass(slots=True)
class Split:
    """Goes on at both places, the first of which counts more."""

    first: int
    second: int


@dataclass(slots=True)
class Jump:
    """Goes on somewhere else."""

    to: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Remembers where it is: where group i begins (2 i) or ends (2 i + 1)."""

    slot: int


@dataclass(frozen=True, slots=True)
class Match:
    """The end."""


Instruction = Chars | Place | Split | Jump | Mark | Match


@dataclass(frozen=True, slots=True)
class Program:
    """Instructions, of which the first comes first. The last two marks are those of the whole."""

    instructions: tuple[Instruction, ...]
    n_groups: int

    @property
    def n_marks(self) -> int:
        """How many places are remembered."""
        return 2 * self.n_groups + 1


def compiled(pattern: str) -> Program:
    """The program of an expression. PatternRefused."""
    node, n_groups = read(pattern)
    writer = Writer()
    writer.add(Mark(2 * n_groups))
    writer.write(node)
    writer.add(Match())
    return Program(tuple(writer.instructions), n_groups)


class Writer:
    """Writes one program."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []

    def add(self, instruction: Instruction) -> None:
        """One more. PatternRefused where there are too many."""
        if len(self.instructions) >= MAX_INSTRUCTIONS:
            raise PatternRefused(f"it takes more than {MAX_INSTRUCTIONS} steps for a character")
        self.instructions.append(instruction)

    def write(self, node: Node) -> None:
        """What matches a node."""
        match node:
            case Sequence(items):
                for item in items:
                    self.write(item)
            case Choice(branches):
                self._choose(branches)
            case Repeat():
                self._repeat(node)
            case Group(item, index):
                self.add(Mark(2 * index))
                self.write(item)
                self.add(Mark(2 * index + 1))
            case _:
                self.add(node)

    def _choose(self, branches: tuple[Node, ...]) -> None:
        leaving = []
        for branch in branches[:-1]:
            split = Split(len(self.instructions) + 1, 0)
            self.add(split)
            self.write(branch)
            leaving.append(Jump(0))
            self.add(leaving[-1])
            split.second = len(self.instructions)
        self.write(branches[-1])
        for jump in leaving:
            jump.to = len(self.instructions)

    def _repeat(self, node: Repeat) -> None:
        for _ in range(node.least):
            if not self._wrote(node.item):
                return
        if node.most is None:
            start = len(self.instructions)
            split = self._maybe(node)
            self.add(Jump(start))
            self._leave([split], node)
            return
        splits = []
        for _ in range(node.most - node.least):
            before = len(self.instructions)
            splits.append(self._maybe(node))
            if len(self.instructions) == before + 1:
                break
        self._leave(splits, node)

    def _wrote(self, item: Node) -> bool:
        before = len(self.instructions)
        self.write(item)
        return len(self.instructions) > before

    def _maybe(self, node: Repeat) -> Split:
        """The item once more, or not."""
        split = Split(0, 0)
        self.add(split)
        begin = len(self.instructions)
        self.write(node.item)
        split.first = split.second = begin
        return split

    def _leave(self, splits: list[Split], node: Repeat) -> None:
        """Let the ways past the item lead here."""
        for split in splits:
            if node.is_lazy:
                split.first = len(self.instructions)
            else:
                split.second = len(self.instructions)
