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
from tests.engine.llama.conftest import config_of

MADVISE, NEVER = "always [madvise] never", "always madvise [never]"


def mode(asked: str, *, has_room: bool = True, has_devices: bool = False) -> str:
    """What libllama is told."""
    config = RunnerConfig("model.gguf", load_mode=asked, has_room=has_room)
    return weights.load_mode(config, has_devices=has_devices)


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Linux says who gets huge pages."""
    (tmp_path / "enabled").write_text(MADVISE)
    (tmp_path / "hpage_pmd_size").write_text("2097152\n")
    monkeypatch.setattr(weights, "HUGE_PAGES", tmp_path)
    return tmp_path


def test_the_cpu_reads_weights_into_huge_pages(linux: Path) -> None:
    assert mode("auto") == "none"
    (linux / "enabled").write_text(NEVER)
    assert mode("auto") == "auto"
    (linux / "enabled").unlink()
    assert mode("auto") == "auto"


def test_pages_of_another_size_are_not_asked_for(linux: Path) -> None:
    (linux / "hpage_pmd_size").write_text("536870912\n")
    assert mode("auto") == "auto"


@pytest.mark.usefixtures("linux")
def test_the_file_is_mapped_for_devices_and_without_room() -> None:
    assert mode("auto", has_room=False) == "auto"
    assert mode("auto", has_devices=True) == "auto"


@pytest.mark.parametrize("asked", ["none", "mmap", "mlock", "mmap+mlock", "dio"])
@pytest.mark.usefixtures("linux")
def test_what_is_asked_for_is_done(asked: str) -> None:
    assert mode(asked) == asked


def test_all_parts_of_a_model_count(tmp_path: Path) -> None:
    parts = [tmp_path / f"m-0000{i}-of-00003.gguf" for i in (1, 2, 3)]
    for i, part in enumerate(parts):
        part.write_bytes(bytes(10 + i))
    assert gguf_file.n_bytes(str(parts[0])) == 33
    assert gguf_file.n_bytes(str(tmp_path / "m-00001-of-00004.gguf")) is None


def test_room_is_left_for_all_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000000 kB\nMemAvailable: 204800 kB\n")
    monkeypatch.setattr(limits, "MEMINFO", meminfo)
    monkeypatch.setattr(limits, "CGROUP", tmp_path)
    assert limits.has_room(100 << 20, 0)
    assert not limits.has_room(102 << 20, 0)
    assert not limits.has_room(100 << 20, 1)
    assert not limits.has_room(None, 0)
    (tmp_path / "memory.max").write_text(str(190 << 20))
    (tmp_path / "memory.current").write_text(str(100 << 20))
    (tmp_path / "memory.stat").write_text(f"anon 5\ninactive_file {90 << 20}\n")
    assert limits.has_room(90 << 20, 0)
    assert not limits.has_room(91 << 20, 0)


def test_prompts_that_are_kept_count(tiny_model_path: Path) -> None:
    free = limits.free_mib()
    assert free is not None
    assert config_of("-cram", "0", path=str(tiny_model_path)).has_room
    assert not config_of("-cram", str(free + 1000), path=str(tiny_model_path)).has_room


def test_a_model_that_was_read_says_the_same(load: Load) -> None:
    said = []
    for wanted in ("mmap", "none"):
        runner: LlamaRunner = load("-lm", wanted)
        runner.clear_batch()
        runner.add_row(5, 0, 0)
        runner.decode()
        said.append(runner._context.logits(0).tolist())
    assert said[0] == said[1]
