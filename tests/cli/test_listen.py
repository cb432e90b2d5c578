"""Sockets, and the sentences about addresses that can't be had."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.errors import ListenError
from server.listen import open_sockets
from server.listen import url_of
from server.options.resolve import resolve
from server.options.settings import HttpSettings


def http(*hosts: str, port: int = 0) -> HttpSettings:
    return replace(resolve((), {}).http, host=hosts or ("127.0.0.1",), port=port)


@contextlib.contextmanager
def opened(settings: HttpSettings) -> Iterator[list[socket.socket]]:
    sockets = open_sockets(settings)
    try:
        yield sockets
    finally:
        for each in sockets:
            each.close()


def refusal_of(settings: HttpSettings) -> str:
    with pytest.raises(ListenError) as refusal:
        open_sockets(settings)
    return str(refusal.value)


def test_a_socket_listens_on_the_address() -> None:
    with opened(http()) as (listener,):
        address = listener.getsockname()
        with socket.create_connection(address):
            assert address[0] == "127.0.0.1"


def test_a_host_name_prefers_ipv4() -> None:
    with opened(http("localhost")) as (listener,):
        assert listener.family is socket.AF_INET


def test_a_path_that_ends_in_sock_is_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with opened(http(str(path))):
        assert path.is_socket()


def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with opened(http(str(path))):
        pass
    with opened(http(str(path))) as (listener,):
        assert url_of(listener.getsockname()) == f"unix:{path}"


def test_a_unix_socket_in_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with opened(http(str(path))):
        assert "is in use by another program" in refusal_of(http(str(path)))


def test_a_file_is_not_replaced_by_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    path.write_text("mine")
    assert "exists and is not a socket" in refusal_of(http(str(path)))
    assert path.read_text() == "mine"


def test_a_port_in_use_is_refused() -> None:
    with opened(http()) as (listener,):
        port = listener.getsockname()[1]
        assert refusal_of(http(port=port)).startswith(f"--port: 127.0.0.1:{port} is in use")


def test_two_processes_may_share_a_port_if_both_want() -> None:
    with opened(replace(http(), reuse_port=True)) as (first,):
        port = first.getsockname()[1]
        with opened(replace(http(port=port), reuse_port=True)) as (second,):
            assert second.getsockname()[1] == port


def test_an_address_of_another_machine_is_refused() -> None:
    assert refusal_of(http("192.0.2.1")) == (
        "--host: this machine has no address 192.0.2.1; 0.0.0.0 stands for all it has"
    )


def test_a_name_without_an_address_is_refused() -> None:
    assert refusal_of(http("no.such.invalid")).startswith("--host: no address is known for")


def test_any_free_port_works_with_one_address_only() -> None:
    assert refusal_of(http("127.0.0.1", "127.0.0.2")).startswith("--port 0: works with one")


def test_nothing_stays_open_if_one_address_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    refusal_of(http(str(path), "192.0.2.1"))
    with opened(http(str(path))):
        assert path.is_socket()


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (("127.0.0.1", 8080), "http://127.0.0.1:8080"),
        (("::1", 8080, 0, 0), "http://[::1]:8080"),
        ("/run/a.sock", "unix:/run/a.sock"),
    ],
)
def test_an_address_has_a_url(address: object, url: str) -> None:
    assert url_of(address) == url
