"""Certificates that can't be served are one line at the start."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from server.errors import OptionError
from server.options.resolve import resolve
from server.tls import server_context


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two certificates with their keys, one key with a passphrase, and a text."""
    root = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    for name in ("one", "two"):
        certificate = authority.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(str(root / f"{name}.key"))
        certificate.cert_chain_pems[0].write_to_path(str(root / f"{name}.pem"))
    words = ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", "one.key", "-out", "shut.key"]
    subprocess.run(words, cwd=root, check=True, capture_output=True)
    (root / "text").write_text("no certificate")
    return root


def context_of(key: object, certificate: object) -> ssl.SSLContext | None:
    http = resolve((), {}).http
    return server_context(
        replace(http, ssl_key_file=str(key or ""), ssl_cert_file=str(certificate or ""))
    )


def test_without_files_there_is_no_tls() -> None:
    assert context_of(None, None) is None


def test_a_key_and_its_certificate_make_a_context(folder: Path) -> None:
    context = context_of(folder / "one.key", folder / "one.pem")
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("key", "certificate", "sentence"),
    [
        ("one.key", None, "--ssl-key-file: needs --ssl-cert-file too"),
        (None, "one.pem", "--ssl-cert-file: needs --ssl-key-file too"),
        ("none", "one.pem", "--ssl-key-file: can't read {}/none: No such file or directory"),
        ("one.key", "none", "--ssl-cert-file: can't read {}/none: No such file or directory"),
        ("two.key", "one.pem", "--ssl-cert-file: the certificate does not belong to the key of "
                               "--ssl-key-file"),
        ("one.key", "text", "--ssl-cert-file: certificate and key must be files in PEM form"),
        ("text", "one.pem", "--ssl-cert-file: certificate and key must be files in PEM form"),
        ("shut.key", "one.pem", "--ssl-cert-file: the key of --ssl-key-file has a passphrase; "
                                "store it without one"),
    ],
)  # fmt: skip
def test_files_that_can_not_be_served_are_one_sentence(
    folder: Path, key: str | None, certificate: str | None, sentence: str
) -> None:
    with pytest.raises(OptionError) as refusal:
        context_of(key and folder / key, certificate and folder / certificate)
    assert str(refusal.value) == sentence.format(folder)
