"""Places in a prompt's text -> how many of its tokens lie before them.

Pieces are laid side by side with the text, because vocabs add spaces and control tokens of their
own, and some change the text; what can't be followed is left out. It knows no chat.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.engine.modelinfo import Tokenizer
from server.engine.task import Tokens


def token_places(
    prompt: Tokens, text: str, places: Sequence[int], tokenizer: Tokenizer
) -> tuple[int, ...]:
    """For each place in characters, ascending, the leading tokens that end at or before it."""
    data, wanted = text.encode(), _byte_places(text, places)
    found: list[int] = []
    at = 0
    for i, token in enumerate(prompt.tolist()):
        end = _end_of(tokenizer.piece(token), data, at)
        if end is None and i:
            return tuple(found)
        while len(found) < len(wanted) and wanted[len(found)] < (at if end is None else end):
            found.append(i)
        if len(found) == len(wanted):
            break
        at = at if end is None else end  # the first one may be a BOS that is not in the text
    return tuple(found)


def _end_of(piece: bytes, data: bytes, at: int) -> int | None:
    """Where a token ends whose text begins at a place; None if it is another text."""
    if data.startswith(piece, at):
        return at + len(piece)
    # a space that the vocab puts before words
    if piece[:1] == b" " and data.startswith(piece[1:], at):
        return at + len(piece) - 1
    return None


def _byte_places(text: str, places: Sequence[int]) -> list[int]:
    found, last = [0], 0
    for place in places:
        found.append(found[-1] + len(text[last:place].encode()))
        last = place
    return found[1:]
