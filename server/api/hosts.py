"""Which names the server answers for: what a page whose name was made to point here can't fake.

A browser lets a page ask the host that it came from. Whoever owns that name can let it point to
this machine (DNS rebinding), and the page then reads what it likes; but its requests still say the
name in their Host header. An address as Host can't be rebound.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from werkzeug.sansio.utils import host_is_trusted

LOCALHOST = "localhost"


class Hosts:
    """The names of --allowed-hosts; none = all. One that begins with a dot is of all below it."""

    def __init__(self, names: Collection[str]) -> None:
        """names: in lower case, as IDNA writes them."""
        self._names = names

    def allows(self, host: str) -> bool:
        """Whether a Host header ('' = none, as on a UNIX socket) names this server."""
        if not self._names or not host:
            return True
        return _is_address(host) or host_is_trusted(_plain(host), [*self._names, LOCALHOST])


def _plain(host: str) -> str:
    """In lower case and without the dot that may end a name."""
    name, colon, port = host.lower().partition(":")
    return name.removesuffix(".") + colon + port


def _is_address(host: str) -> bool:
    try:
        ip_address(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
    return True
