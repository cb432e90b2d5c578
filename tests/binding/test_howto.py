"""The page docs/howto/binding.md, run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "binding.md"

TWO_THREADS, ONE_THREAD = "n_threads_batch = 2\n", "n_threads_batch = 1\n"
"""Two that wait for each other are slow where other programs want the CPUs too."""


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def generate(tmp_path: Path, model: Path) -> str:
    script = tmp_path / "generate.py"
    assert TWO_THREADS in examples()[0]
    script.write_text(examples()[0].replace(TWO_THREADS, ONE_THREAD))
    done = subprocess.run(
        [sys.executable, str(script), str(model), "Once upon a time"],
        capture_output=True,
        check=False,
        cwd=PAGE.parents[2],
        env={"PYTHONPATH": str(PAGE.parents[2]), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(errors="replace")


def test_generate_loop_has_at_most_25_lines() -> None:
    assert len(examples()[0].splitlines()) <= 25


def test_generate_loop_writes_64_tokens(tmp_path: Path, tiny_model_path: Path) -> None:
    text = generate(tmp_path, tiny_model_path)
    assert len(text) >= 64
    assert generate(tmp_path, tiny_model_path) == text


def test_generate_loop_tells_a_story(tmp_path: Path, stories_path: Path) -> None:
    assert " was " in generate(tmp_path, stories_path)


@pytest.mark.model
def test_generate_loop_runs_smollm2(tmp_path: Path, smollm2_path: Path) -> None:
    assert len(generate(tmp_path, smollm2_path).split()) > 20


def test_the_other_examples_run(
    tmp_path: Path, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llama_ctypes import Model

    (tmp_path / "model.gguf").symlink_to(tiny_model_path)
    monkeypatch.chdir(tmp_path)
    for example in examples()[1:]:
        exec(compile(example, str(PAGE), "exec"), {"Model": Model})
