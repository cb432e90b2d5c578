"""The root of every error that this package raises on purpose, and those of starting up.

An error's text is one line that names the option, file or field at fault and says what to do; the
command line prints it as it is. Errors that clients see live beside `server/api` and carry their
HTTP status themselves; this module knows neither HTTP nor the engine.
"""

from __future__ import annotations


class ServerError(Exception):
    """Root of the package's errors."""


class OptionError(ServerError):
    """An option, environment variable or preset key that can't be accepted as given."""


class ModelFileError(ServerError):
    """A model file that is missing, no GGUF, or cut short."""


class ListenError(ServerError):
    """An address that can't be listened on."""
