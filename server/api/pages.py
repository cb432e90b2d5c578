"""What is at `/`: the built-in page (`webui`), or the files of `--path`: a page of one's own.

Files are served where no route answers. Names that begin with a dot are not there. `/sw.js` takes
back the service worker that llama-server's own page leaves in browsers: it would go on showing
that page at this address.
Answers to the mount point of llama.cpp `tools/server/server-http.cpp`.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from flask import Response
from flask import redirect
from flask import send_from_directory
from werkzeug.exceptions import NotFound as NoFile
from werkzeug.security import safe_join

from server.api.errors import NotFound
from server.api.service import Service
from server.api.webui import add_webui

INDEX = "index.html"
WORKER = "sw.js"
WELL_KNOWN = ".well-known"

_FAREWELL = """\
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(leave()));

async function leave() {
  await registration.unregister();
  await Promise.all((await caches.keys()).map((name) => caches.delete(name)));
  for (const page of await clients.matchAll({ type: "window" })) page.navigate(page.url);
}
"""


def add_pages(app: Flask, service: Service) -> None:
    """Have an application serve the files, if it is to."""
    ui, prefix = service.settings.ui, service.settings.http.api_prefix
    folder = ui.static_path if ui.has_page else ""
    if ui.has_own_page:
        add_webui(app, prefix)

    def page(name: str = "") -> Response:
        if folder:
            try:
                return _file(Path(folder).resolve(), name)
            except NoFile:
                pass
        if name == WORKER:
            return Response(
                _FAREWELL, content_type="text/javascript", headers={"Cache-Control": "no-cache"}
            )
        raise NotFound("File Not Found")

    rules = ("/", "/<path:name>") if folder else ()
    for rule in rules or (f"/{WORKER}",):
        app.add_url_rule(
            prefix + rule,
            endpoint=f"page{rule}",
            view_func=page,
            defaults=None if rules else {"name": WORKER},
            methods=["GET"],
            provide_automatic_options=False,
        )


def _file(folder: Path, name: str) -> Response:
    """NoFile where there is none, or none that may be read."""
    if any(part.startswith(".") and part != WELL_KNOWN for part in name.split("/")):
        raise NoFile
    path = safe_join(str(folder), name)
    if path is not None and name and not name.endswith("/") and Path(path).is_dir():
        # relative, so that no name can lead elsewhere
        return redirect(f"./{name.rpartition('/')[2]}/", 301)  # type: ignore[return-value]
    wanted = f"{name}{INDEX}" if name.endswith("/") or not name else name
    response = send_from_directory(folder, wanted)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
