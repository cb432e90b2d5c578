"""How many connections there may be, and what is said where the system allows fewer."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from server.errors import ListenError
from server.limits import MIN_CONNECTIONS
from server.limits import OWN_FILES
from server.limits import judge

BACKLOG = 4096


def test_enough_of_everything_is_not_spoken_of() -> None:
    capacity = judge(MIN_CONNECTIONS, 20_000, BACKLOG, BACKLOG, 8192)
    assert (capacity.n_connections, capacity.warnings) == (MIN_CONNECTIONS, ())


def test_what_the_system_does_not_tell_is_not_spoken_of() -> None:
    assert judge(MIN_CONNECTIONS, 20_000, BACKLOG, None, None).warnings == ()


@pytest.mark.parametrize(
    ("limits", "remedy"),
    [
        ((1024, BACKLOG, 8192), "raise the limit (ulimit -n, LimitNOFILE= of systemd)"),
        ((20_000, 128, 8192), "raise net.core.somaxconn (sysctl)"),
        ((20_000, BACKLOG, 256), "limit them with --queue-max"),
    ],
)
def test_each_shortage_is_one_line_with_its_remedy(
    limits: tuple[int, int, int], remedy: str
) -> None:
    n_files, somaxconn, free_mib = limits
    (line,) = judge(MIN_CONNECTIONS, n_files, BACKLOG, somaxconn, free_mib).warnings
    assert remedy in line


def test_connections_never_take_the_descriptors_of_the_server() -> None:
    assert judge(MIN_CONNECTIONS, 1024, BACKLOG, None, None).n_connections == 1024 - OWN_FILES


def test_room_for_hardly_any_connection_is_refused() -> None:
    with pytest.raises(ListenError, match="only 100 files may be open"):
        judge(MIN_CONNECTIONS, 100, BACKLOG, None, None)


RAISED = """
import resource
from server.limits import raise_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))
print(raise_file_limit(300), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_the_limit_of_open_files_is_raised_as_far_as_it_may() -> None:
    hard = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 600)
    done = subprocess.run(
        [sys.executable, "-c", RAISED.format(hard=hard)], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(hard), str(hard)]
