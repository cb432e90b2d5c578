"""`llamactl doctor` on this machine: its lines, its exit code, and what it foretells of memory."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Starter
from tests.e2e.processes import descendants

pytestmark = pytest.mark.model

LEAST, MOST = 0.6, 1.03
"""What a server takes of what was foretold (docs/howto/doctor.md)."""

DEMO = ("--demo", "-c", "8192", "-np", "2", "--cache-ram", "0")


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server", "doctor", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def resident_bytes(pid: int) -> int:
    """Of a server's processes together; pages that they share count once.

    Files count wholly, though other servers of the same model may share them.
    """
    rollups = [rollup(each) for each in (pid, *descendants(pid))]
    files = max(sizes["Rss"] - sizes["Anonymous"] for sizes in rollups)
    return files + sum(sizes["Pss_Anon"] for sizes in rollups)


def rollup(pid: int) -> dict[str, int]:
    """The bytes of /proc/PID/smaps_rollup by their names."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(n) << 10 for name, n in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="not Linux")
def test_a_server_takes_the_memory_that_was_foretold(start: Starter, smollm2_path: Path) -> None:
    assert smollm2_path.is_file()
    done = doctor("--json", *DEMO, "--port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    memory: dict[str, Any] = json.loads(done.stdout)["memory"]
    (part,) = memory["parts"]
    sizes = (part[f"{name}_bytes"] for name in ("weights", "context", "compute"))
    foretold = sum(sizes) + memory["server_bytes"]

    server = start(*DEMO)
    server.post("/completion", {"prompt": "one two three " * 200, "n_predict": 1})
    taken = resident_bytes(server.process.pid)
    assert LEAST <= taken / foretold <= MOST, (taken >> 20, foretold >> 20)


def test_what_would_end_the_start_is_a_problem_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "cut.gguf").write_bytes(b"GGUF")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        cut = str(tmp_path / "cut.gguf")
        done = doctor("-m", cut, "--port", port, "--log-file", "/no/such/directory/log")
    problems = [
        line.split(maxsplit=2)[1:] for line in done.stdout.splitlines() if "problem" in line
    ]
    assert done.returncode == 1
    assert [name for name, _ in problems] == ["model", "address", "disk"]
    texts = [text for _, text in problems]
    assert "the file is cut short" in texts[0]
    assert texts[1].endswith("is in use by another program; choose another port, or stop it")
    assert texts[2].endswith("there is no directory /no/such/directory; make it")


def test_missing_libraries_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_CPP_LIB", str(tmp_path))
    done = doctor("--port", "0")
    assert done.returncode == 1
    assert f"there is no libllama in {tmp_path}; run ./build_native.sh" in done.stdout
    assert done.stderr == ""


def test_a_wrong_option_is_one_line() -> None:
    done = doctor("--portt", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "llamactl: --portt: unknown option; did you mean --port?\n"
