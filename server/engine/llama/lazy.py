"""A GBNF grammar that begins in the middle of what was generated.

libllama's own lazy grammar throws where the text at its trigger doesn't fit, through C, which ends
the process. So a plain one is made here, and given token by token what it allows.
"""

from __future__ import annotations

from itertools import count

from llama_ctypes import samplers
from llama_ctypes.errors import GrammarError
from llama_ctypes.errors import LlamaError
from llama_ctypes.sampler import Sampler
from llama_ctypes.vocab import Vocab
from server.engine.triggers import Beginning


def begun(waiting: Sampler, vocab: Vocab, text: str, beginning: Beginning) -> Sampler | None:
    """The grammar after its beginning; None where it does not allow that.

    waiting: one that nothing was given yet, which stays as it is. text: what it was made of.
    """
    try:
        if beginning.before:
            prefix = beginning.before.decode()
            grammar = samplers.grammar(vocab, *_after(prefix, text))
        else:
            grammar = waiting.clone()
    except (UnicodeDecodeError, LlamaError):
        return None
    try:
        for token in beginning.tokens:
            grammar.accept(token)
    except GrammarError:
        grammar.close()
        return None
    return grammar


def _after(prefix: str, text: str) -> tuple[str, str]:
    """A grammar whose texts are those of another with a prefix, and the name of its root."""
    name = next(name for name in map("after-{}".format, count()) if name not in text)
    literal = "".join(f"\\U{ord(character):08X}" for character in prefix)
    return f'{text}\n{name} ::= "{literal}" root\n', name
