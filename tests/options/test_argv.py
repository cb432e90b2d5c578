"""How a command line is split."""

from __future__ import annotations

import pytest

from server.errors import OptionError
from server.options.argv import Argument
from server.options.argv import split_argv


def test_a_value_may_begin_with_a_dash() -> None:
    assert split_argv(["-c", "-1"]) == (Argument("-c", "-1"),)


def test_a_value_may_follow_an_equals_sign() -> None:
    assert split_argv(["--port=9000"]) == (Argument("--port", "9000"),)


def test_underscores_in_long_flags_are_dashes() -> None:
    assert split_argv(["--n_gpu_layers", "5"]) == (Argument("--n-gpu-layers", "5"),)


def test_underscores_in_values_stay() -> None:
    assert split_argv(["--alias=my_model"]) == (Argument("--alias", "my_model"),)


def test_switches_take_no_value() -> None:
    assert split_argv(["--no-mmap", "-nocb"]) == (Argument("--no-mmap"), Argument("-nocb"))


def test_two_values_become_one_text() -> None:
    words = ["--control-vector-layer-range", "3", "7"]
    assert split_argv(words) == (Argument("--control-vector-layer-range", "3 7"),)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--portt", "1"], "--portt: unknown option; did you mean --port?"),
        (["--qqq"], "--qqq: unknown option; llamactl serve --help shows what there is"),
        (["m.gguf"], "'m.gguf': not an option; did you mean --model m.gguf?"),
        (["--mlock=1"], "--mlock: takes no value, got '1'"),
        (["--port"], "--port: expected a value, PORT: port to listen on; 0 = any free one"),
    ],
)
def test_a_wrong_word_is_named(words: list[str], sentence: str) -> None:
    with pytest.raises(OptionError) as refusal:
        split_argv(words)
    assert str(refusal.value) == sentence
