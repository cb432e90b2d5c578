"""Headers that let pages of other origins use the API.

Answers to the pre-routing handler of llama.cpp `tools/server/server-http.cpp`.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

LOCALHOST = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Cors:
    """The four settings of CORS."""

    origins: str
    methods: str
    headers: str
    has_credentials: bool

    def response_headers(self, origin: str) -> dict[str, str]:
        """For any answer to a request with this Origin header ('' = none)."""
        if self.origins == "*" and not self.has_credentials:
            return {"Access-Control-Allow-Origin": "*"}
        if self.origins not in ("*", "localhost"):
            return {"Access-Control-Allow-Origin": self.origins}
        # browsers refuse "*" with credentials, so the origin is said back
        if not origin or (self.origins == "localhost" and not is_localhost(origin)):
            return {}
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}

    def preflight_headers(self) -> dict[str, str]:
        """What an answer to OPTIONS has besides."""
        return {
            "Access-Control-Allow-Credentials": "true" if self.has_credentials else "false",
            "Access-Control-Allow-Methods": self.methods,
            "Access-Control-Allow-Headers": self.headers,
        }


def is_localhost(origin: str) -> bool:
    """Whether an Origin header names this machine, on any port."""
    try:
        # no origin has a user, but what browsers and urlsplit take for one differs
        return "@" not in origin and urlsplit(origin).hostname in LOCALHOST
    except ValueError:
        return False
