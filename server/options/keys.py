"""The API keys that are accepted now: those of the options, and what their files hold.

The files are read each time, so that keys can be changed while the server runs.
"""

from __future__ import annotations

from server.errors import OptionError
from server.options.parsers import key_file
from server.options.settings import HttpSettings
from server.values import BadValue

FLAG = "--api-key-file"


def read_keys(http: HttpSettings) -> tuple[str, ...]:
    """All keys; () = none are needed. OptionError if a file can't be read or has no key."""
    keys = http.api_keys
    for path in http.api_key_files:
        try:
            keys += key_file(path)
        except BadValue as error:
            raise OptionError(f"{FLAG}: {error}") from None
    return keys
