"""Options reach libllama: in the structs that are passed, and in what libllama says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llama_ctypes.raw.enums import llama_flash_attn_type
from llama_ctypes.raw.enums import llama_lazy_mode
from llama_ctypes.raw.enums import llama_load_mode
from llama_ctypes.raw.enums import llama_rope_scaling_type
from llama_ctypes.raw.enums import llama_split_mode
from llama_ctypes.raw.ggml import ggml_type
from server.engine.errors import LoadFailed
from server.engine.llama import params
from server.engine.llama.runner import LlamaRunner
from tests.engine.llama.conftest import Load
from tests.engine.llama.conftest import config_of
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_model

MODEL_PARAMS = [
    ("-ngl 7", "n_gpu_layers", 7),
    ("-ngl auto", "n_gpu_layers", -1),
    ("-ngl all", "n_gpu_layers", -2),
    ("-sm none", "split_mode", llama_split_mode.LLAMA_SPLIT_MODE_NONE),
    ("-sm row", "split_mode", llama_split_mode.LLAMA_SPLIT_MODE_ROW),
    ("-mg 1", "main_gpu", 1),
    ("--no-host", "no_host", True),
    ("--no-repack", "use_extra_bufts", False),
    ("--check-tensors", "check_tensors", True),
    ("--no-mmap", "load_mode", llama_load_mode.LLAMA_LOAD_MODE_NONE),
    ("--mlock", "load_mode", llama_load_mode.LLAMA_LOAD_MODE_MMAP_MLOCK),
    ("--no-mmap --mlock", "load_mode", llama_load_mode.LLAMA_LOAD_MODE_MLOCK),
    ("-lm dio", "load_mode", llama_load_mode.LLAMA_LOAD_MODE_DIRECT_IO),
    ("-lzm on", "lazy_mode", llama_lazy_mode.LLAMA_LAZY_MODE_ON),
    ("-lzm off", "lazy_mode", llama_lazy_mode.LLAMA_LAZY_MODE_OFF),
]

CONTEXT_PARAMS = [
    ("-fa on", "flash_attn_type", llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED),
    ("-fa off", "flash_attn_type", llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED),
    ("-ctk q8_0", "type_k", ggml_type.GGML_TYPE_Q8_0),
    ("-ctv iq4_nl", "type_v", ggml_type.GGML_TYPE_IQ4_NL),
    ("-nkvo", "offload_kqv", False),
    ("--no-op-offload", "op_offload", False),
    ("--swa-full", "swa_full", True),
    ("--perf", "no_perf", False),
    ("-b 64", "n_batch", 64),
    ("-ub 32", "n_ubatch", 32),
    ("-t 3", "n_threads", 3),
    ("-t 3", "n_threads_batch", 3),
    ("-tb 2", "n_threads_batch", 2),
    ("--rope-scaling yarn", "rope_scaling_type", llama_rope_scaling_type(2)),
    ("--rope-scaling none", "rope_scaling_type", llama_rope_scaling_type(0)),
    ("--rope-scale 4", "rope_freq_scale", 0.25),
    ("--rope-freq-scale 0.5", "rope_freq_scale", 0.5),
    ("--rope-freq-base 5000", "rope_freq_base", 5000.0),
    ("--yarn-orig-ctx 128", "yarn_orig_ctx", 128),
    ("--yarn-ext-factor 0.5", "yarn_ext_factor", 0.5),
    ("--yarn-attn-factor 2", "yarn_attn_factor", 2.0),
    ("--yarn-beta-slow 3", "yarn_beta_slow", 3.0),
    ("--yarn-beta-fast 16", "yarn_beta_fast", 16.0),
]


@pytest.mark.parametrize(("words", "name", "value"), MODEL_PARAMS)
def test_option_is_in_the_model_params(words: str, name: str, value: object) -> None:
    assert getattr(params.model_params(config_of(*words.split())), name) == value


@pytest.mark.parametrize(("words", "name", "value"), CONTEXT_PARAMS)
def test_option_is_in_the_context_params(words: str, name: str, value: object) -> None:
    made = params.context_params(config_of(*words.split()), 4096, can_cut=True)
    assert getattr(made, name) == value


def test_positions_are_the_models_unless_told() -> None:
    made = params.context_params(config_of(), 4096, can_cut=True)
    assert made.rope_scaling_type == llama_rope_scaling_type.LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED
    assert (made.rope_freq_base, made.rope_freq_scale, made.yarn_orig_ctx) == (0, 0, 0)
    assert made.yarn_ext_factor == made.yarn_attn_factor == -1
    assert made.yarn_beta_fast == made.yarn_beta_slow == -1


def test_libllama_computes_with_the_rope_that_was_asked_for(load: Load, told: list[str]) -> None:
    load("--rope-freq-base", "5000", "--rope-scale", "2")
    assert any(line.endswith("freq_base             = 5000.0") for line in told)
    assert any(line.endswith("freq_scale            = 0.5") for line in told)


def logits_after(runner: LlamaRunner) -> np.ndarray:  # type: ignore[type-arg]
    """Those of the last of 100 tokens."""
    runner.clear_batch()
    row = runner.add_chunk(np.arange(260, 360, dtype=np.int32), 0, 0, wants_logits=True)
    runner.decode()
    return runner._context.logits(row).copy()


YARN = ("--rope-scaling", "yarn", "--rope-scale", "8")


@pytest.mark.parametrize(
    ("ext_factor", "words"),
    [("0.5", "--yarn-orig-ctx 16"), ("0.5", "--yarn-beta-fast 1"), ("0", "--yarn-attn-factor 3")],
)
def test_yarn_options_change_what_is_computed(load: Load, ext_factor: str, words: str) -> None:
    common = (*YARN, "--yarn-ext-factor", ext_factor)
    plain, changed = load(*common), load(*common, *words.split())
    assert not np.allclose(logits_after(plain), logits_after(changed))


def test_kv_cache_has_the_types_that_were_asked_for(tmp_path: Path, load: Load) -> None:
    model = build_tiny_model(tmp_path / "wide.gguf", TinySpec(n_embd=128))
    plain, small = load(path=model), load("-ctk", "q8_0", "-ctv", "q4_0", path=model)
    whole, packed = logits_after(plain), logits_after(small)
    assert not np.array_equal(whole, packed)
    assert np.corrcoef(whole, packed)[0, 1] > 0.99


def test_kv_type_that_does_not_fit_the_model_is_one_sentence(load: Load) -> None:
    with pytest.raises(LoadFailed, match="K cache type q8_0 with block size 32 does not divide"):
        load("-ctk", "q8_0")


def test_metadata_is_replaced(load: Load) -> None:
    runner = load("--override-kv", "llama.context_length=int:128,llama.rope.freq_base=float:5000.5")
    assert runner.info.n_ctx_train == 128


def test_every_type_of_metadata_reaches_libllama(load: Load, told: list[str]) -> None:
    load("--override-kv", "general.name=str:other,tokenizer.ggml.add_bos_token=bool:false")
    load("--override-kv", "llama.attention.layer_norm_rms_epsilon=float:0.001")
    lines = [line for line in told if "metadata override" in line]
    assert any("(  str) 'general.name'" in line for line in lines)
    assert any("( bool) 'tokenizer.ggml.add_bos_token'" in line for line in lines)
    assert any("(float) 'llama.attention.layer_norm_rms_epsilon'" in line for line in lines)


def test_replaced_bool_changes_how_text_is_read(load: Load) -> None:
    assert load().tokenizer.add_bos
    assert not load("--override-kv", "tokenizer.ggml.add_bos_token=bool:false").tokenizer.add_bos


def test_timings_of_libllama_are_logged_at_the_end_where_asked(load: Load, told: list[str]) -> None:
    load("--perf").close()
    assert any("prompt eval time" in line for line in told)


def test_no_timings_of_libllama_unless_asked(load: Load, told: list[str]) -> None:
    load().close()
    assert not any("prompt eval time" in line for line in told)


def test_slot_holds_no_more_than_its_limit(load: Load) -> None:
    runner = load("-c", "512", "-np", "2", "--kv-unified", "--kv-unified-per-slot", "100")
    assert (runner.info.n_ctx, runner.info.n_ctx_slot) == (512, 100)


def test_context_is_as_large_as_the_limits_of_its_slots(tiny_model_path: Path) -> None:
    words = ("-np", "3", "--kv-unified", "--kv-unified-per-slot", "100")
    assert config_of(*words, path=str(tiny_model_path)).n_ctx == 300


def test_whole_context_that_was_asked_for_stays_whole(tiny_model_path: Path) -> None:
    words = ("-np", "3", "-c", "0", "--kv-unified", "--kv-unified-per-slot", "100")
    assert config_of(*words, path=str(tiny_model_path)).n_ctx == 0
