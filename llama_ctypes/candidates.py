"""Candidates of one sampling step: a numpy table that C sees as llama_token_data_array.

Samplers may shrink it, sort it and even point it at memory of their own, so results are read
through the C struct. Knows no sampler and no context.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from llama_ctypes.buffers import Floats
from llama_ctypes.errors import SamplerError
from llama_ctypes.raw.types import llama_token_data
from llama_ctypes.raw.types import llama_token_data_array

TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class TokenDataArray:
    """Room for `capacity` candidates, allocated once and filled for every step."""

    def __init__(self, capacity: int) -> None:
        """Allocate; `capacity` is usually the size of the vocabulary."""
        if capacity < 1:
            raise SamplerError("there must be room for at least one candidate")
        self.table: npt.NDArray[Any] = np.zeros(capacity, dtype=TOKEN_DATA)
        self._ids = np.arange(capacity, dtype=np.int32)
        self._data = self.table.ctypes.data_as(ctypes.POINTER(llama_token_data))
        self.c = llama_token_data_array(data=self._data, size=0, selected=-1, sorted=False)

    def fill_from(self, logits: Floats) -> None:
        """Take (n,) logits of tokens 0 to n - 1; forgets what was selected."""
        n = len(logits)
        self._check_room(n)
        self.table["id"][:n] = self._ids[:n]
        self.table["logit"][:n] = logits
        self._reset(n)

    def fill(self, ids: npt.ArrayLike, logits: npt.ArrayLike) -> None:
        """Take some tokens with their logits; forgets what was selected."""
        tokens = np.asarray(ids, dtype=np.int32)
        self._check_room(len(tokens))
        self.table["id"][: len(tokens)] = tokens
        self.table["logit"][: len(tokens)] = logits
        self._reset(len(tokens))

    @property
    def n(self) -> int:
        """How many candidates are left."""
        return self.c.size

    @property
    def sorted(self) -> bool:
        """Whether they are in descending order of logit."""
        return self.c.sorted

    @property
    def selected(self) -> int:
        """Index of the selected candidate, -1 when no sampler has selected."""
        return self.c.selected

    @property
    def token(self) -> int:
        """The selected token. SamplerError when no sampler has selected."""
        return self.c.data[self._selected()].id

    @property
    def probability(self) -> float:
        """The selected token's probability, as far as samplers have computed it."""
        return self.c.data[self._selected()].p

    @property
    def logit(self) -> float:
        """The selected token's logit."""
        return self.c.data[self._selected()].logit

    def view(self) -> npt.NDArray[Any]:
        """The candidates left, as a structured array (id, logit, p); valid until the next apply."""
        pointer: Any = self.c.data
        address = ctypes.addressof(pointer.contents)
        if address == self.table.ctypes.data:
            return self.table[: self.n]
        memory: Any = (ctypes.c_char * (self.n * TOKEN_DATA.itemsize)).from_address(address)
        view: npt.NDArray[Any] = np.frombuffer(memory, dtype=TOKEN_DATA)
        return view

    def _selected(self) -> int:
        i = self.c.selected
        if not 0 <= i < self.c.size:
            raise SamplerError("no sampler has selected a token; end the chain with dist or greedy")
        return i

    def _check_room(self, n: int) -> None:
        if not 0 < n <= len(self.table):
            raise SamplerError(
                f"{n} candidates do not fit: there is room for 1 to {len(self.table)}"
            )

    def _reset(self, n: int) -> None:
        self.table["p"][:n] = 0.0
        self.c.data = self._data
        self.c.size = n
        self.c.selected = -1
        self.c.sorted = False
