"""The built-in page: the files of `static/`, under a policy that lets nothing else run.

The list of files is made once, when the application is: a name that is not on it is none. All of
them are served without a key and while the model loads; they hold no secret, and the page says
what is missing. What a browser keeps it asks about each time (ETag), so that a new version is
there at once. Files are read and packed (gzip) when they are first asked for, and again when they
have changed. Knows nothing of what the files do. Answers to the page that is compiled into
llama.cpp's `tools/server`.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from functools import lru_cache
from pathlib import Path

from flask import Flask
from flask import Response
from flask import request
from werkzeug.routing import BaseConverter
from werkzeug.routing import Map

INDEX = "index.html"
PACKAGE = Path(__file__).resolve().parents[1]
PLACES = (PACKAGE / "static", PACKAGE.parent / "static")
"""Where the files are: in a wheel, and in a checkout."""

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""What is served, and as what; a file with another suffix is not."""

NOT_SERVED = frozenset({"node_modules"})

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        # pictures and sounds that people attach
        "img-src 'self' data: blob:",
        "media-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # markup enters the page through the sanitiser, or not at all
        "require-trusted-types-for 'script'",
        "trusted-types dompurify llamactl-worker",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}
MAX_FILES_KEPT = 256


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds: as it is, packed if that is shorter, and a name for just this."""

    plain: bytes
    packed: bytes | None
    tag: str


@cache
def webui_files() -> Mapping[str, Path]:
    """The files of the page by their names below the mount point; `""` is the page itself."""
    folder = next((place for place in PLACES if (place / INDEX).is_file()), None)
    if folder is None:
        return {}
    files = {
        path.relative_to(folder).as_posix(): path
        for top in sorted(folder.iterdir())
        if top.name not in NOT_SERVED
        for path in (top, *sorted(top.rglob("*")))
        if path.suffix in TYPES
    }
    return {"": folder / INDEX, **files}


def webui_paths(prefix: str) -> frozenset[str]:
    """The paths of all files."""
    return frozenset(f"{prefix}/{name}" for name in webui_files())


def add_webui(app: Flask, prefix: str) -> None:
    """Have an application serve the page under a prefix."""
    app.url_map.converters["webui"] = _FileName
    for rule in (f"{prefix}/", f"{prefix}/<webui:name>") if webui_files() else ():
        app.add_url_rule(rule, "webui", _file, methods=["GET"], provide_automatic_options=False)


class _FileName(BaseConverter):
    """All files in one rule: a rule for each would make an application 0.1 s later."""

    part_isolating = False

    def __init__(self, map: Map) -> None:
        super().__init__(map)
        self.regex = "|".join(re.escape(name) for name in webui_files() if name)


def _file(name: str = "") -> Response:
    path = webui_files()[name]
    content = _content(path, path.stat().st_mtime_ns)
    if content.packed is not None and request.accept_encodings["gzip"] > 0:
        response = Response(content.packed, mimetype=TYPES[path.suffix])
        response.headers["Content-Encoding"] = "gzip"
        response.set_etag(f"{content.tag}-gzip")
    else:
        response = Response(content.plain, mimetype=TYPES[path.suffix])
        response.set_etag(content.tag)
    response.headers.update(HEADERS)
    response.make_conditional(request)
    return response


@lru_cache(maxsize=MAX_FILES_KEPT)
def _content(path: Path, changed_ns: int) -> Content:
    """Kept under the time of its last change."""
    plain = path.read_bytes()
    packed = gzip.compress(plain, mtime=0)
    tag = hashlib.sha256(plain).hexdigest()[:20]
    return Content(plain, packed if len(packed) < len(plain) else None, tag)
