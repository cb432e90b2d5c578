"""How weights come into memory where the options leave it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from server import limits
from server.engine.llama import weights
from server.engine.llama.config import RunnerConfig
from server.engine.llama.runner import LlamaRunner
from server.models import gguf_file
from tests.engine.llama.conftest import Load

MADVISE, NEVER = "always [madvise] never", "always madvise [never]"


def mode(asked: str, *, has_room: bool = True) -> str:
    """What libllama is told."""
    return weights.load_mode(RunnerConfig("model.gguf", load_mode=asked, has_room=has_room))


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which Linux says who gets huge pages."""
    path = tmp_path / "enabled"
    path.write_text(MADVISE)
    monkeypatch.setattr(weights, "HUGE_PAGES", path)
    return path


def test_the_cpu_reads_weights_into_huge_pages(linux: Path) -> None:
    assert mode("auto") == "none"
    linux.write_text(NEVER)
    assert mode("auto") == "auto"
    linux.unlink()
    assert mode("auto") == "auto"


def test_without_room_for_two_the_file_is_mapped(linux: Path) -> None:
    assert linux.exists()
    assert mode("auto", has_room=False) == "auto"


@pytest.mark.parametrize("asked", ["none", "mmap", "mlock", "mmap+mlock", "dio"])
def test_what_is_asked_for_is_done(asked: str, linux: Path) -> None:
    assert linux.exists()
    assert mode(asked) == asked


def test_all_parts_of_a_model_count(tmp_path: Path) -> None:
    parts = [tmp_path / f"m-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
    for i, part in enumerate(parts):
        part.write_bytes(bytes(10 + i))
    assert gguf_file.n_bytes(str(parts[0])) == 33
    assert gguf_file.n_bytes(str(tmp_path / "m-00001-of-00004.gguf")) is None


def test_room_is_twice_what_a_model_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000000 kB\nMemAvailable: 204800 kB\n")
    monkeypatch.setattr(limits, "MEMINFO", meminfo)
    monkeypatch.setattr(limits, "CGROUP", tmp_path)
    assert limits.has_room_twice(100 << 20)
    assert not limits.has_room_twice(102 << 20)
    assert not limits.has_room_twice(None)
    (tmp_path / "memory.max").write_text(str(150 << 20))
    (tmp_path / "memory.current").write_text("0")
    assert not limits.has_room_twice(100 << 20)


def test_a_model_that_was_read_says_the_same(load: Load) -> None:
    said = []
    for wanted in ("mmap", "none"):
        runner: LlamaRunner = load("-lm", wanted)
        runner.clear_batch()
        runner.add_row(5, 0, 0)
        runner.decode()
        said.append(runner._context.logits(0).tolist())
    assert said[0] == said[1]
