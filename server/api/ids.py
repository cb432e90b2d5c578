"""Random names of what is made: completions, messages, calls, requests."""

from __future__ import annotations

import secrets
import string

LETTERS = string.digits + string.ascii_letters
LENGTH = 32


def new_id(prefix: str = "chatcmpl-", length: int = LENGTH) -> str:
    """An id, as the reference makes them. prefix: says what is named."""
    return prefix + "".join(secrets.choice(LETTERS) for _ in range(length))
