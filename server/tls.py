"""HTTPS: the certificate and its key, checked at the start and read again when they change.

It knows files, not connections. Answers to SSLServer in llama.cpp's
`tools/server/server-http.cpp`, but for that one file without the other is refused.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn

from server.errors import OptionError
from server.options.settings import HttpSettings


def server_context(http: HttpSettings) -> ssl.SSLContext | None:
    """What connections are wrapped with; None = plain HTTP. OptionError in one line."""
    if not http.uses_tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, http)
    return context


def reload(context: ssl.SSLContext, http: HttpSettings) -> None:
    """Read the files again into a context in use: new connections get them.

    OptionError, and then it keeps what it had.
    """
    # a context that fails to load may be left with a certificate and another one's key
    server_context(http)
    _load(context, http)


def _load(context: ssl.SSLContext, http: HttpSettings) -> None:
    for flag, path, other in (
        ("--ssl-key-file", http.ssl_key_file, "--ssl-cert-file"),
        ("--ssl-cert-file", http.ssl_cert_file, "--ssl-key-file"),
    ):
        if not path:
            raise OptionError(f"{other}: needs {flag} too")
        try:
            with Path(path).open("rb"):
                pass
        except OSError as error:
            raise OptionError(f"{flag}: can't read {path}: {error.strerror}") from None
    try:
        context.load_cert_chain(http.ssl_cert_file, http.ssl_key_file, password=_no_passphrase)
    except (ssl.SSLError, ValueError) as error:
        raise OptionError(f"--ssl-cert-file: {_reason(error)}") from None


def _no_passphrase() -> NoReturn:
    # OpenSSL would ask on the terminal
    raise ValueError("the key of --ssl-key-file has a passphrase; store it without one")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return "the certificate does not belong to the key of --ssl-key-file"
    if isinstance(error, ssl.SSLError):
        return "certificate and key must be files in PEM form"
    return str(error)
