"""A LoRA adapter for any model: random, small, and only there to be switched on and off."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

RANK = 4
SCALE = 0.01
PLACE = "blk.0.attn_q.weight"


def write_adapter(model: Path, target: Path) -> None:
    """Write one that fits the model."""
    reader = gguf.GGUFReader(model)
    n_in, n_out = next(tensor.shape for tensor in reader.tensors if tensor.name == PLACE)
    architecture = reader.fields["general.architecture"].contents()
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(target, str(architecture))
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 8.0)
    for part, shape in (("lora_a", (RANK, int(n_in))), ("lora_b", (int(n_out), RANK))):
        values = rng.standard_normal(shape).astype(np.float32) * SCALE
        writer.add_tensor(f"{PLACE}.{part}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
