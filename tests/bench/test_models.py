"""Models to measure with."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import ModelMissing
from bench.models import cache_directory
from bench.models import q4_0
from bench.models import resolve


@pytest.mark.model
def test_requantized_once(tiny_model_path: Path, tmp_path: Path) -> None:
    from llama_ctypes import Model

    target = q4_0(tiny_model_path, tmp_path / "cache")
    written_ns = target.stat().st_mtime_ns
    assert q4_0(tiny_model_path, tmp_path / "cache") == target
    assert target.stat().st_mtime_ns == written_ns
    with Model.load(target) as model:
        assert model.ftype_name == "Q4_0"


@pytest.mark.model
def test_broken_model_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "broken.gguf"
    source.write_bytes(b"GGUF")
    with pytest.raises(ModelMissing, match="the Q4_0 model cannot be made"):
        q4_0(source, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_path_is_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.touch()
    assert resolve(str(path)) == path


def test_unknown_model_names_those_that_there_are() -> None:
    with pytest.raises(ModelMissing, match=r"--model nope: no such file.*smollm2-q4_0"):
        resolve("nope")


def test_cache_is_outside_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLAMACTL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert cache_directory() == Path("/c/llamactl/bench")


def test_cache_is_where_the_build_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMACTL_CACHE", "/k")
    assert cache_directory() == Path("/k/bench")
