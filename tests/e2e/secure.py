"""What clients know of a server behind HTTPS, keys and a prefix, and how they reach it."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import trustme

from tests.e2e.live import LiveServer

HOSTS = ("127.0.0.1", "127.0.0.2")
TIMEOUT_S = 20.0
KEY = {"Authorization": "Bearer first"}


@dataclass(slots=True)
class Secure:
    """The server, and what its clients know."""

    server: LiveServer
    port: int
    folder: Path

    @property
    def authority(self) -> str:
        """The file of the authority that clients trust."""
        return str(self.folder / "ca.pem")

    @property
    def keys(self) -> Path:
        """The file of the keys."""
        return self.folder / "keys"

    def url(self, path: str, host: str = HOSTS[0]) -> str:
        """The URL of a path below the prefix."""
        return f"https://{host}:{self.port}/llm{path}"

    def get(self, path: str, host: str = HOSTS[0], **headers: str) -> requests.Response:
        """GET by requests, which checks the certificate."""
        url = self.url(path, host)
        return requests.get(url, headers=headers, verify=self.authority, timeout=TIMEOUT_S)

    def post(self, path: str, body: Any, **kwargs: Any) -> requests.Response:
        """POST by requests, with a key."""
        settings = {"headers": KEY, "verify": self.authority, "timeout": TIMEOUT_S, **kwargs}
        return requests.post(self.url(path), json=body, **settings)

    def certify(self, authority: trustme.CA) -> None:
        """Write a certificate for the server, and its authority for the clients."""
        certificate = authority.issue_cert("localhost", *HOSTS)
        certificate.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        first, *others = certificate.cert_chain_pems
        first.write_to_path(str(self.folder / "cert.pem"))
        for other in others:
            other.write_to_path(str(self.folder / "cert.pem"), append=True)
        authority.cert_pem.write_to_path(self.authority)

    def serial(self) -> int:
        """The serial number of the certificate that the server shows now."""
        pem = ssl.get_server_certificate((HOSTS[0], self.port), timeout=TIMEOUT_S)
        path = self.folder / "shown.pem"
        path.write_text(pem)
        words = ["openssl", "x509", "-noout", "-serial", "-in", str(path)]
        shown = subprocess.run(words, capture_output=True, text=True, check=True)
        return int(shown.stdout.strip().removeprefix("serial="), 16)


def write_files(folder: Path) -> None:
    (folder / "keys").write_text("# who may ask\nfirst\nsecond\n")
    page = folder / "page"
    page.mkdir()
    (page / "index.html").write_text("<h1>mine</h1>")
    (page / "big.js").write_bytes(b"// long\n" * 100_000)


def is_ready(secure: Secure) -> bool:
    assert secure.server.process.poll() is None, secure.server.log
    try:
        return secure.get("/health").status_code == 200
    except requests.ConnectionError:
        return False
