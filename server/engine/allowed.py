"""Which tokens may come next: a bit mask, and the two forms in which samplers want it.

Few tokens are best looked at alone; many are best marked in the whole vocabulary. It knows neither
grammars nor models.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

WORD_BITS = 32
FEW_WORDS = 64
"""A mask with bits in so many words at most is taken apart word by word."""

ALL = 0xFFFFFFFF

Bits = NDArray[np.uint32]


class Allowed:
    """One mask, (n_words,) uint32, whose bit t says whether token t may come.

    It looks at the mask that it is given and copies nothing: it is valid until the mask changes.
    """

    def __init__(self, bits: Bits, n_vocab: int) -> None:
        self._bits = bits
        self._n_vocab = n_vocab

    def __contains__(self, token: int) -> bool:
        if not 0 <= token < self._n_vocab:
            return False
        return bool(int(self._bits[token // WORD_BITS]) >> token % WORD_BITS & 1)

    @cached_property
    def ids(self) -> NDArray[np.intp]:
        """The tokens, ascending, (n,) intp."""
        words = self._bits.nonzero()[0]
        if len(words) > FEW_WORDS:
            return self.flags.nonzero()[0]
        bytes_of_words = self._bits[words].view(np.uint8)
        places = np.unpackbits(bytes_of_words, bitorder="little").nonzero()[0]
        ids = words[places // WORD_BITS] * WORD_BITS + places % WORD_BITS
        return ids[: np.searchsorted(ids, self._n_vocab)]

    @cached_property
    def flags(self) -> NDArray[np.bool_]:
        """For each token of the vocabulary whether it may come, (n_vocab,) bool."""
        bits = np.unpackbits(self._bits.view(np.uint8), count=self._n_vocab, bitorder="little")
        return bits.view(np.bool_)

    @cached_property
    def n(self) -> int:
        """How many there are."""
        words = self._bits.nonzero()[0]
        return len(self.ids) if len(words) <= FEW_WORDS else int(np.count_nonzero(self.flags))


class Barred:
    """Tokens that may not come, and through `rest` those that may."""

    def __init__(self, n_vocab: int) -> None:
        self._n_vocab = n_vocab
        self._bits = np.full(-(-n_vocab // WORD_BITS), ALL, np.uint32)

    def add(self, tokens: Iterable[int]) -> None:
        """Some more."""
        for token in tokens:
            self._bits[token // WORD_BITS] &= np.uint32(ALL ^ 1 << token % WORD_BITS)

    @property
    def rest(self) -> Allowed:
        """All others; valid until the next `add`."""
        return Allowed(self._bits, self._n_vocab)
