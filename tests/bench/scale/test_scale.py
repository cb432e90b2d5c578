"""Curves over one size of the load, beside libllama's own rate."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.errors import ScenarioFailed
from bench.errors import UsageError
from bench.models import RANDOM
from bench.models import random_model
from bench.report import read
from bench.scale.cli import main
from bench.scale.curves import CURVES
from bench.scale.curves import Curve
from bench.scale.curves import find
from bench.scale.limit import Asked
from bench.scale.limit import ask
from bench.scale.limit import ask_llama_bench
from bench.scale.limit import measure
from bench.scenarios.connections import Connections
from bench.scenarios.steady import Steady
from tests.tiny_models import build_tiny_model


@pytest.mark.model
def test_a_curve_holds_both_rates_and_their_ratio(tmp_path: Path) -> None:
    model = build_tiny_model(tmp_path / "tiny.gguf")
    plot, options = tmp_path / "plot.svg", "-fa off"
    words = [
        "slots",
        "--model",
        str(model),
        "--at",
        "1,2",
        "-n",
        "1",
        "-t",
        "1",
        "--plot",
        str(plot),
    ]
    result = CliRunner().invoke(
        main, [*words, "--options", options, "--results", str(tmp_path), "--save", "kept"]
    )
    assert result.exit_code == 0, result.output
    assert "ours / libllama" in result.stdout
    report = read((tmp_path / "kept.json").read_bytes().splitlines())
    assert report.scenarios() == ["steady streams=1", "steady streams=2"]
    for title in report.scenarios():
        for server in report.servers:
            (turn,) = report.turns_of(title, server.name)
            assert turn.values["steady_tok_s"] > 0, turn
            assert turn.values["step_ms"] > 0
    assert "steady" in plot.read_text()


@pytest.mark.model
def test_libllama_decodes_rows_of_its_own(tmp_path: Path) -> None:
    model = build_tiny_model(tmp_path / "tiny.gguf")
    limit = measure(Asked(str(model), 3, 20, 512, 1, n_steps=2))
    assert limit.step_s > 0 and limit.prompt_s > 0
    assert limit.tokens_per_s(3) == pytest.approx(3 / limit.step_s)


def test_a_limit_that_cannot_be_taken_says_why() -> None:
    with pytest.raises(ScenarioFailed, match=r"cannot be taken: .*/no/model\.gguf"):
        ask(Asked("/no/model.gguf", 1, 1, 64, 1))


@pytest.mark.model
def test_a_random_model_knows_as_many_tokens_as_its_name_says(tmp_path: Path) -> None:
    from llama_ctypes import Model

    path = random_model(1000, tmp_path)
    written_ns = path.stat().st_mtime_ns
    assert random_model(1000, tmp_path).stat().st_mtime_ns == written_ns
    with Model.load(path) as model:
        vocab = model.vocab
        assert vocab.n_tokens == 1000
        text = "a river, two stones \u00e9"
        tokens = vocab.tokenize(text, add_special=False, parse_special=False)
        pieces = [vocab.token_to_piece(token, special=False) for token in tokens]
        assert b"".join(pieces).decode().strip() == text


def test_llama_bench_is_asked_for_its_rate(tmp_path: Path) -> None:
    said = tmp_path / "words"
    tool = tmp_path / "llama-bench"
    tool.write_text(f'#!/bin/sh\necho "$@" > {said}\necho \'[{{"avg_ts": 250.0}}]\'\n')
    tool.chmod(0o755)
    limit = ask_llama_bench(tool, Asked("a.gguf", 1, 20, 512, 3, n_steps=7))
    assert limit.step_s == 0.004
    assert said.read_text() == "-m a.gguf -t 3 -p 0 -n 7 -d 20 -r 1 -o json\n"


@pytest.mark.parametrize("script", ["exit 1", "echo no json", "echo []", None])
def test_llama_bench_without_a_figure_says_so(tmp_path: Path, script: str | None) -> None:
    tool = tmp_path / "llama-bench"
    if script:
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
    with pytest.raises(ScenarioFailed, match="llama-bench gives no figure"):
        ask_llama_bench(tool, Asked("a.gguf", 1, 20, 512, 3))


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_every_curve_has_a_load_for_each_value(curve: Curve) -> None:
    stages = find(curve.name).stages()
    loads = [load for stage in stages for load in stage.loads]
    assert len({load.title for load in loads}) == len(loads) >= 4


def test_sizes_are_the_scenarios_own() -> None:
    (stage,) = find("connections").stages(values=[3])
    assert stage.loads[0].scenario == Connections(streams=3, tokens=8)
    assert stage.loads[0].swept == "streams=3"


def test_a_curve_of_models_starts_a_server_for_each() -> None:
    stages = find("vocabulary").stages(values=[512, 1024])
    assert [stage.model for stage in stages] == [f"{RANDOM}-512", f"{RANDOM}-1024"]
    assert all(isinstance(load.scenario, Steady) for stage in stages for load in stage.loads)
    with pytest.raises(UsageError, match="vocabulary measures models of its own"):
        find("vocabulary").stages("smollm2")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nope"], "nope: there is no such curve; there are slots, context"),
        (["slots", "--at", "1,x"], "--at 1,x: expected whole numbers"),
        (["slots", "--at", "0"], "--at 0: expected positive numbers"),
        (["slots", "--model", "/no.gguf"], "--model /no.gguf: no such file"),
        (["slots", "--model", "random-3"], "at least 312 tokens are needed"),
    ],
)
def test_wrong_command_line_is_one_line(words: list[str], complaint: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert len(result.stderr.splitlines()) == 1
