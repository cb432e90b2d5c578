"""What the command `llamactl` runs: makes the process fit for a server, then the command line.

It is small because Python must read it before Ctrl-C can be quiet. It knows no option.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command line."""
    # until the server has a handler of its own; one that a shell set to ignore stays ignored
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    open_standard_streams()
    leave_removed_directory()

    from server.cli import main as command_line

    command_line(prog_name="llamactl")


def open_standard_streams() -> None:
    """Put /dev/null where a stream is closed: a socket of that number would get the log."""
    opened = os.open(os.devnull, os.O_RDWR)
    while opened <= 2:
        opened = os.dup(opened)
    os.close(opened)
    sys.stdin = sys.stdin or open(0, encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115


def leave_removed_directory() -> None:
    """Go to / from a directory that is gone, in which neither gunicorn nor a path works."""
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        os.chdir("/")


if __name__ == "__main__":
    main()
