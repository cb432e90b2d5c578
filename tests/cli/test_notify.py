"""What systemd is told, and when."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.notify import Notifier
from server.notify import take_notifier


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """The lines of one message; [] where there is none."""
        with contextlib.suppress(BlockingIOError):
            return self._socket.recv(4096).decode().split("\n")
        return []

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    listener = Systemd(str(tmp_path / "notify"))
    yield listener
    listener.close()


def test_ready_is_told_once_the_model_is_there(systemd: Systemd) -> None:
    notifier = Notifier(systemd.address, None)
    notifier.tell(False)
    assert systemd.heard() == ["STATUS=loading the model"]
    notifier.tell(False)
    assert systemd.heard() == []
    notifier.tell(True)
    assert systemd.heard() == ["STATUS=serving", "READY=1"]


def test_a_replaced_worker_changes_the_status_only(systemd: Systemd) -> None:
    notifier = Notifier(systemd.address, None)
    said = []
    for is_ready in (True, False, True):
        notifier.tell(is_ready)
        said.append(systemd.heard())
    assert said[1:] == [["STATUS=loading the model"], ["STATUS=serving"]]


def test_signs_of_life_come_twice_in_a_period(systemd: Systemd) -> None:
    now = [100.0]
    environ = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "3000000"}
    assert take_notifier(environ)._interval_s == 1.5
    notifier = Notifier(systemd.address, 1.5, lambda: now[0])
    notifier.tell(True)
    assert "WATCHDOG=1" in systemd.heard()
    now[0] += 1.0
    notifier.tell(True)
    assert systemd.heard() == []
    now[0] += 1.0
    notifier.tell(True)
    assert systemd.heard() == ["WATCHDOG=1"]


def test_children_and_gunicorn_can_not_speak() -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
    take_notifier(environ)
    assert environ == {"HOME": "/"}


def test_the_watchdog_of_another_process_is_not_fed(systemd: Systemd) -> None:
    environ = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "10", "WATCHDOG_PID": "1"}
    take_notifier(environ).tell(True)
    assert "WATCHDOG=1" not in systemd.heard()


@pytest.mark.skipif(not Path("/proc").exists(), reason="Linux has abstract addresses, others not")
def test_an_abstract_address_is_one_too() -> None:
    listener = Systemd(f"@llamactl-test-{os.getpid()}")
    take_notifier({"NOTIFY_SOCKET": listener.address}).tell_stopping()
    assert listener.heard()[0] == "STOPPING=1"
    listener.close()


def test_nobody_who_listens_is_no_error(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "gone"), None).tell(True)
    take_notifier({}).tell(True)
