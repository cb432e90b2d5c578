"""API keys: who may ask what.

Answers to middleware_validate_api_key of llama.cpp `tools/server/server-http.cpp`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from werkzeug.datastructures import Headers

BEARER = "Bearer "


class ApiKeys:
    """The keys that are accepted; none = everybody may ask everything."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests: tuple[bytes, ...] = ()
        self.replace(keys)

    def replace(self, keys: Iterable[str]) -> None:
        """From now on accept these keys and no others."""
        self._digests = tuple(_digest(key.encode("utf-8", "surrogateescape")) for key in keys)

    @property
    def is_needed(self) -> bool:
        """Whether a key is asked for at all."""
        return bool(self._digests)

    def accepts(self, headers: Headers) -> bool:
        """Whether a request with these headers may pass.

        Compares digests, against all keys, so that the time tells neither length nor position.
        """
        # WSGI hands over the bytes of headers as Latin-1
        given = _digest(_given_key(headers).encode("latin-1", "replace"))
        is_known = False
        for digest in self._digests:
            is_known |= hmac.compare_digest(digest, given)
        return is_known

    def owner(self, headers: Headers) -> str:
        """Whose request this is, of those that are accepted; without keys all are one's."""
        return (
            _digest(_given_key(headers).encode("latin-1", "replace")).hex()
            if self.is_needed
            else ""
        )


def _given_key(headers: Headers) -> str:
    return (headers.get("Authorization") or headers.get("X-Api-Key") or "").removeprefix(BEARER)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
