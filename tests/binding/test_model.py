"""Loading, facts and metadata of models."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

import gguf
import pytest

from llama_ctypes.context import Context
from llama_ctypes.errors import ContextError
from llama_ctypes.errors import InUse
from llama_ctypes.errors import LoadCancelled
from llama_ctypes.errors import ModelLoadError
from llama_ctypes.errors import UseAfterFree
from llama_ctypes.model import Model
from tests.binding.conftest import make_context
from tests.tiny_models import CHATML
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_model


def test_facts_are_those_of_the_file(model: Model) -> None:
    spec = TinySpec()
    assert (model.n_layer, model.n_embd) == (spec.n_layer, spec.n_embd)
    assert (model.n_head, model.n_head_kv) == (spec.n_head, spec.n_head_kv)
    assert model.n_ctx_train == spec.n_ctx
    assert model.n_embd_inp == model.n_embd_out == spec.n_embd
    assert model.n_swa == 0
    assert 4 * model.n_params == model.size_bytes


def test_a_llama_decodes_and_does_nothing_else(model: Model) -> None:
    assert model.has_decoder
    assert not (model.has_encoder or model.is_recurrent or model.is_hybrid or model.is_diffusion)
    assert model.decoder_start_token is None


def test_description_and_file_type_name(model: Model) -> None:
    assert model.desc == "llama ?B all F32"
    assert model.ftype_name == "all F32"


def test_metadata_is_text_by_key(model: Model) -> None:
    meta = model.meta()
    assert meta["general.architecture"] == "llama"
    assert meta["llama.block_count"] == "2"
    assert meta["tokenizer.chat_template"] == CHATML  # longer than the first buffer


def test_metadata_value_by_key_or_none(model: Model) -> None:
    assert model.meta_value("general.name") == "tiny"
    assert model.meta_value("no.such.key") is None


def test_default_chat_template(model: Model) -> None:
    assert model.chat_template() == CHATML


def test_named_chat_template(tmp_path: Path) -> None:
    spec = TinySpec(chat_template="plain", named_templates=(("tool_use", "with tools"),))
    with Model.load(build_tiny_model(tmp_path / "named.gguf", spec)) as model:
        assert model.chat_template("tool_use") == "with tools"
        assert model.chat_template() == "plain"


def test_model_without_chat_template_has_none(tmp_path: Path) -> None:
    with Model.load(build_tiny_model(tmp_path / "bare.gguf")) as model:
        assert model.chat_template() is None


def test_progress_rises_to_one(tiny_model_path: Path) -> None:
    heard: list[float] = []

    def hear(value: float) -> bool:
        heard.append(value)
        return True

    Model.load(tiny_model_path, on_progress=hear).close()
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_progress_false_cancels(tiny_model_path: Path) -> None:
    with pytest.raises(LoadCancelled, match=r"tiny\.gguf was cancelled"):
        Model.load(tiny_model_path, on_progress=lambda value: value < 0.5)


def test_exception_in_progress_comes_out_of_load(tiny_model_path: Path) -> None:
    def interrupt(value: float) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Model.load(tiny_model_path, on_progress=interrupt)


def test_parameters_can_be_used_twice(tiny_model_path: Path) -> None:
    params = Model.default_params()
    params.vocab_only = True
    Model.load(tiny_model_path, params, lambda value: True).close()
    with Model.load(tiny_model_path, params) as model:
        assert model.vocab.n_tokens > 256


def test_missing_file_is_named() -> None:
    with pytest.raises(ModelLoadError, match=r"^/no/such\.gguf: no such file$"):
        Model.load("/no/such.gguf")


def test_directory_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="is a directory"):
        Model.load(tmp_path)


def test_empty_file_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "empty.gguf"
    path.touch()
    with pytest.raises(ModelLoadError, match="is empty"):
        Model.load(path)


def test_other_file_is_no_gguf(tmp_path: Path) -> None:
    path = tmp_path / "readme.md"
    path.write_text("# not a model")
    with pytest.raises(ModelLoadError, match="not a GGUF file"):
        Model.load(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file_says_so(tmp_path: Path) -> None:
    path = build_tiny_model(tmp_path / "locked.gguf")
    path.chmod(0)
    with pytest.raises(ModelLoadError, match="cannot be read: Permission denied"):
        Model.load(path)


@pytest.mark.parametrize("n_bytes", [3, 10, 100, 5000, 300_000, -1])
def test_truncated_file_is_called_truncated(
    tiny_model_path: Path, tmp_path: Path, n_bytes: int
) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny_model_path.read_bytes()[:n_bytes])
    with pytest.raises(ModelLoadError, match="is truncated") as caught:
        Model.load(path)
    assert "\n" not in str(caught.value)


def test_libllama_refusal_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "odd.gguf"
    writer = gguf.GGUFWriter(path, "nonesuch")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelLoadError, match="loaded: unknown model architecture: 'nonesuch'"):
        Model.load(path)


def test_freeing_twice_raises(own_model: Model) -> None:
    own_model.free()
    with pytest.raises(UseAfterFree):
        own_model.free()


def test_use_after_free_raises(own_model: Model) -> None:
    own_model.free()
    for use in (own_model.meta, own_model.chat_template, lambda: own_model.n_ctx_train):
        with pytest.raises(UseAfterFree):
            use()
    with pytest.raises(UseAfterFree):
        Context(own_model)


def test_model_cannot_be_freed_under_its_context(own_model: Model) -> None:
    with make_context(own_model), pytest.raises(InUse, match="1 context"):
        own_model.free()
    own_model.free()


def test_dropped_model_is_freed_at_once_though_its_vocab_was_used(tiny_model_path: Path) -> None:
    model = Model.load(tiny_model_path)
    model.vocab.pieces(True)
    alive = weakref.ref(model)
    del model
    assert alive() is None


def test_vocabulary_alone_can_be_loaded_but_not_run(tiny_model_path: Path) -> None:
    params = Model.default_params()
    params.vocab_only = True
    with Model.load(tiny_model_path, params) as model:
        assert model.vocab.tokenize("a", False, False)
        assert (model.n_layer, model.n_head) == (0, 0)
        with pytest.raises(ContextError, match="vocab_only"):
            Context(model)


def test_model_saved_to_a_file_loads_again(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "saved.gguf")
    with Model.load(tmp_path / "saved.gguf") as again:
        assert again.n_params == model.n_params


@pytest.mark.model
def test_smollm2_facts(smollm2_path: Path) -> None:
    with Model.load(smollm2_path) as model:
        assert model.vocab.n_tokens == 49152
        assert model.n_ctx_train == 8192
        assert "<|im_start|>" in (model.chat_template() or "")
