"""Runs nginx and HAProxy with the files of `deploy/`, whose ports alone are replaced."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.files import DEPLOY
from tests.deploy.files import program
from tests.e2e.live import STOP_TIMEOUT_S
from tests.e2e.processes import free_port
from tests.e2e.processes import wait_until
from tests.e2e.wire import request

WRITTEN_PORTS = (8080, 8081)
"""Where the servers are in the files of `deploy/`."""

NGINX_MAIN = """
pid nginx.pid;
error_log stderr warn;
daemon off;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include llamactl.conf;
}}
"""


def _with_ports(text: str, listening: tuple[str, str], servers: Sequence[int]) -> str:
    assert listening[0] in text
    text = text.replace(*listening)
    for written, port in zip(WRITTEN_PORTS, servers, strict=True):
        assert f"127.0.0.1:{written}" in text
        text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{port}")
    return text


def _nginx(folder: Path, port: int, servers: Sequence[int]) -> list[str]:
    text = (DEPLOY / "nginx" / "llamactl.conf").read_text()
    (folder / "llamactl.conf").write_text(
        _with_ports(text, ("listen 80;", f"listen 127.0.0.1:{port};"), servers)
    )
    user = "user root;" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(NGINX_MAIN.format(user=user))
    return [program("nginx", "nginx"), "-p", str(folder), "-c", str(main)]


def _haproxy(folder: Path, port: int, servers: Sequence[int]) -> list[str]:
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    config = folder / "haproxy.cfg"
    config.write_text(_with_ports(text, ("bind :80\n", f"bind 127.0.0.1:{port}\n"), servers))
    return [program("haproxy", "haproxy"), "-db", "-f", str(config)]


COMMANDS = {"nginx": _nginx, "haproxy": _haproxy}


def _answers(url: str) -> bool:
    try:
        return request(url, "/metrics").status == 403
    except OSError:
        return False


@contextmanager
def proxy(name: str, folder: Path, servers: Sequence[int]) -> Iterator[str]:
    """A running proxy before servers on two ports of this machine; gives its URL."""
    port = free_port()
    command = COMMANDS[name](folder, port, servers)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(f"{name} answers", lambda: process.poll() is not None or _answers(url))
        assert process.poll() is None, (folder / "log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)
