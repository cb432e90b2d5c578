"""API keys: who may ask what.

Answers to middleware_validate_api_key of llama.cpp `tools/server/server-http.cpp`; names, roles and
limits of keys are ours.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from werkzeug.datastructures import Headers

from server.api.meter import Meter
from server.options.keys import ApiKey
from server.options.keys import Role

BEARER = "Bearer "
ID_CHARS = 12
ANY_PRIORITY = -(2**31)


class Client:
    """Whose request it is: an API key with what it has used, or everybody where none is needed."""

    def __init__(self, entry: ApiKey, owner: str = "") -> None:
        self.owner = owner
        """Whose turn it is in the queue; never the key itself."""
        self.entry = entry
        self.meter = Meter(entry.requests_per_min, entry.tokens_per_min, entry.concurrent)

    def update(self, entry: ApiKey) -> None:
        """Other limits from now on; what was used stays used."""
        self.entry = entry
        self.owner = _owner(entry)
        self.meter.limit(entry.requests_per_min, entry.tokens_per_min, entry.concurrent)

    def may(self, role: Role) -> bool:
        """Whether routes of this role are open."""
        return self.entry.role in (Role.ADMIN, role)

    def may_use(self, names: Iterable[str]) -> bool:
        """Whether a model of these names may be asked."""
        return not self.entry.models or not set(self.entry.models).isdisjoint(names)


class ApiKeys:
    """The keys that are accepted; none = everybody may ask everything."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._clients: dict[bytes, Client] = {}
        self.everybody = Client(ApiKey("", priority=ANY_PRIORITY))
        self.replace(keys)

    def replace(self, keys: Iterable[ApiKey]) -> None:
        """From now on accept these keys and no others; a key that stays keeps what it used."""
        before, found = self._clients, {}
        for entry in keys:
            digest = _digest(entry.key.encode("utf-8", "surrogateescape"))
            client = before.get(digest) or Client(entry)
            client.update(entry)
            found[digest] = client
        self._clients = found

    @property
    def is_needed(self) -> bool:
        """Whether a key is asked for at all."""
        return bool(self._clients)

    def identify(self, headers: Headers) -> Client | None:
        """Whose key these headers hold; None = nobody's.

        Compares digests, against all keys, so that the time tells neither length nor position.
        """
        # WSGI hands over the bytes of headers as Latin-1
        given = _digest(_given_key(headers).encode("latin-1", "replace"))
        found = None
        for digest, client in self._clients.items():
            if hmac.compare_digest(digest, given):
                found = client
        return found

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


def _owner(entry: ApiKey) -> str:
    digest = _digest(entry.key.encode("utf-8", "surrogateescape"))
    return entry.name or digest.hex()[:ID_CHARS]
