"""Network namespaces as machines: ggml RPC servers on two, and a server on a third that uses both.

Run it as root of a namespace, `unshare -Urn python -m tests.e2e.machines PROGRAM ARGS...`: it
starts PROGRAM, ggml's RPC server, on two machines, and `llamactl serve ARGS` on this one; then it
prints what the server answers to a chat's request from standard input.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e import live
from tests.e2e.processes import is_listening
from tests.e2e.processes import wait_until

PORT = 50052
WAIT_THEN_RUN = 'read go && exec "$@"'
"""The address to listen on is there only once this machine has told the other's pid to `ip`."""


def ip(*words: str, of: int | None = None) -> None:
    """The command `ip`; of: a process on the machine that it is for."""
    there = ["nsenter", "-t", str(of), "-n"] if of is not None else []
    subprocess.run([*there, "ip", *words], check=True)


@contextmanager
def rpc_machine(program: str, i: int) -> Iterator[str]:
    """A machine with an RPC server; its host:port."""
    ours, theirs = f"10.77.{i}.1/30", f"10.77.{i}.2"
    server = [program, "-H", theirs, "-p", str(PORT)]
    command = ["unshare", "-n", "sh", "-c", WAIT_THEN_RUN, "sh", *server]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        here = Path("/proc/self/ns/net").stat().st_ino
        there = Path(f"/proc/{process.pid}/ns/net")
        wait_until("there is another machine", lambda: there.stat().st_ino != here)
        ip(
            "link",
            "add",
            f"to{i}",
            "type",
            "veth",
            "peer",
            "name",
            "wire",
            "netns",
            str(process.pid),
        )
        ip("addr", "add", ours, "dev", f"to{i}")
        ip("link", "set", f"to{i}", "up")
        ip("addr", "add", f"{theirs}/30", "dev", "wire", of=process.pid)
        ip("link", "set", "wire", "up", of=process.pid)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
        wait_until("the RPC server listens", lambda: is_listening(theirs, PORT))
        yield f"{theirs}:{PORT}"
    finally:
        process.kill()
        process.wait()


def main(program: str, *args: str) -> None:
    """See the module."""
    ip("link", "set", "lo", "up")
    body = json.load(sys.stdin)
    with (
        rpc_machine(program, 0) as first,
        rpc_machine(program, 1) as second,
        tempfile.TemporaryDirectory() as folder,
    ):
        server = live.start([*args, "--rpc", f"{first},{second}"], Path(folder) / "log")
        try:
            print(json.dumps(server.post("/v1/chat/completions", body).json))
        finally:
            server.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
