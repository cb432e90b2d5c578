"""LoRA adapters."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest

from llama_ctypes.adapter import AdapterLora
from llama_ctypes.batch import Batch
from llama_ctypes.context import Context
from llama_ctypes.errors import AdapterError
from llama_ctypes.errors import InUse
from llama_ctypes.errors import UseAfterFree
from llama_ctypes.model import Model
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_lora


@pytest.fixture
def adapter(model: Model, tmp_path: Path) -> AdapterLora:
    return AdapterLora.load(model, build_tiny_lora(tmp_path / "lora.gguf", alora=(260, 261)))


def logits(context: Context) -> list[float]:
    context.memory.clear()
    batch = Batch(4)
    batch.extend([1, 260, 261], 0, 0, True)
    context.decode(batch)
    values: list[float] = context.logits(-1).tolist()
    return values


def test_adapter_changes_logits_by_its_scale(context: Context, adapter: AdapterLora) -> None:
    plain = logits(context)
    context.set_adapters([(adapter, 1.0)])
    full = logits(context)
    context.set_adapters([(adapter, 0.5)])
    half = logits(context)
    context.set_adapters([])
    assert len({tuple(each) for each in (plain, full, half)}) == 3
    assert logits(context) == plain


def test_adapter_in_use_cannot_be_freed(context: Context, adapter: AdapterLora) -> None:
    context.set_adapters([(adapter, 1.0)])
    with pytest.raises(InUse, match="1 context"):
        adapter.free()
    context.set_adapters([])
    adapter.free()


def test_model_cannot_be_freed_under_its_adapter(own_model: Model, tmp_path: Path) -> None:
    adapter = AdapterLora.load(own_model, build_tiny_lora(tmp_path / "lora.gguf"))
    with pytest.raises(InUse, match="1 adapter"):
        own_model.free()
    adapter.free()
    own_model.free()


def test_freed_adapter_raises(context: Context, adapter: AdapterLora) -> None:
    adapter.free()
    uses = (adapter.free, adapter.meta, adapter.invocation_tokens)
    for use in (*uses, lambda: context.set_adapters([(adapter, 1.0)])):
        with pytest.raises(UseAfterFree):
            use()


def test_adapter_of_another_model_is_refused(
    context: Context, own_model: Model, tmp_path: Path
) -> None:
    other = AdapterLora.load(own_model, build_tiny_lora(tmp_path / "lora.gguf"))
    with pytest.raises(AdapterError, match="another model"):
        context.set_adapters([(other, 1.0)])


def test_invocation_tokens_and_metadata(adapter: AdapterLora) -> None:
    assert adapter.invocation_tokens() == [260, 261]
    assert adapter.meta()["adapter.type"] == "lora"


def test_plain_adapter_has_no_invocation(model: Model, tmp_path: Path) -> None:
    with AdapterLora.load(model, build_tiny_lora(tmp_path / "lora.gguf")) as adapter:
        assert adapter.invocation_tokens() == []


def test_missing_adapter_is_named(model: Model) -> None:
    with pytest.raises(AdapterError, match=r"/no/such\.gguf: no such file"):
        AdapterLora.load(model, "/no/such.gguf")


def test_model_is_no_adapter(model: Model, tiny_model_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"is not a LoRA adapter: it is a GGUF (model|file)"):
        AdapterLora.load(model, tiny_model_path)


def test_truncated_adapter_is_called_truncated(model: Model, tmp_path: Path) -> None:
    whole = build_tiny_lora(tmp_path / "lora.gguf")
    (tmp_path / "cut.gguf").write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(AdapterError, match="is truncated"):
        AdapterLora.load(model, tmp_path / "cut.gguf")


def test_adapter_for_another_architecture_names_both(model: Model, tmp_path: Path) -> None:
    path = build_tiny_lora(tmp_path / "lora.gguf", TinySpec(arch="qwen2"))
    with pytest.raises(AdapterError, match="adapter for qwen2, and the model is llama"):
        AdapterLora.load(model, path)


def test_adapter_of_other_sizes_is_refused(model: Model, tmp_path: Path) -> None:
    path = build_tiny_lora(tmp_path / "lora.gguf", TinySpec(n_embd=32))
    with pytest.raises(AdapterError, match="incorrect shape"):
        AdapterLora.load(model, path)


def test_a_value_of_a_wrong_type_does_not_abort_the_process(model: Model, tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "lora.gguf", "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_uint32(gguf.Keys.Adapter.LORA_ALPHA, 16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(AdapterError, match="alpha is not a 32-bit float"):
        AdapterLora.load(model, tmp_path / "lora.gguf")
