"""Small models of random weights with a vocabulary of any size: what a step costs beside the model.

A model of two layers computes in a fraction of a millisecond; what is left of a step is the
server's, and what grows with the vocabulary: the output layer and sampling. Every text tokenizes,
and text is letters, of which a piece comes at each token.
"""

from __future__ import annotations

from itertools import islice
from itertools import product
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

N_CTX, N_LAYER, N_EMBD, N_HEAD, N_FF = 131072, 2, 64, 4, 128
SEED = 1
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
N_FIRST = 3 + 256
"""<unk>, <s>, </s> and the bytes; what follows is text."""
LEAST = N_FIRST + 1 + 2 * len(LETTERS)
TEMPLATE = (
    "{% for message in messages %}{{ message.role + ': ' + message.content + '\n' }}{% endfor %}"
)
UNWANTED = -30.0  # logit of what is no text

Floats = npt.NDArray[np.float32]


def write_gguf(target: Path, n_vocab: int) -> None:
    """Write the model; at least LEAST tokens. Equal sizes give equal files."""
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_name(f"random weights, {n_vocab} tokens")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(N_CTX)
    writer.add_embedding_length(N_EMBD)
    writer.add_feed_forward_length(N_FF)
    writer.add_block_count(N_LAYER)
    writer.add_head_count(N_HEAD)
    writer.add_head_count_kv(N_HEAD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(N_EMBD // N_HEAD)
    _add_vocab(writer, n_vocab)
    for name, tensor in _tensors(n_vocab).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocab(writer: gguf.GGUFWriter, n_vocab: int) -> None:
    words = ["\u2581", *(f"\u2581{letter}" for letter in LETTERS), *LETTERS]
    lengths = range(2, 9)
    longer = ("".join(each) for n in lengths for each in product(LETTERS, repeat=n))
    words += islice(longer, n_vocab - LEAST)
    kinds = gguf.TokenType
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * 256]
    writer.add_vocab_size(n_vocab)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    # a longer piece is worse, so that a prompt has as many tokens with any vocabulary
    writer.add_token_scores([-float(i) for i in range(n_vocab)])
    writer.add_token_types([*types, *[kinds.NORMAL] * len(words)])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)


def _tensors(n_vocab: int) -> dict[str, Floats]:
    random = np.random.default_rng(SEED)

    def normal(*shape: int, scale: float = N_EMBD**-0.5) -> Floats:
        values: Floats = random.standard_normal(shape, np.float32) * np.float32(scale)
        return values

    ones = np.ones(N_EMBD, np.float32)
    tensors = {"output_norm.weight": ones}
    for i in range(N_LAYER):
        block = f"blk.{i}"
        tensors |= {f"{block}.attn_norm.weight": ones, f"{block}.ffn_norm.weight": ones}
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensors[f"{block}.{name}.weight"] = normal(N_EMBD, N_EMBD)
        tensors[f"{block}.ffn_gate.weight"] = normal(N_FF, N_EMBD)
        tensors[f"{block}.ffn_up.weight"] = normal(N_FF, N_EMBD)
        tensors[f"{block}.ffn_down.weight"] = normal(N_EMBD, N_FF)
    embedding, output = normal(n_vocab, N_EMBD, scale=1), normal(n_vocab, N_EMBD, scale=0.3)
    embedding[:, 0] = 4.0  # constant: the output's first column becomes a bias of each token
    output[:, 0] = 0.0
    output[:N_FIRST, 0] = UNWANTED / 3.6
    return {**tensors, "token_embd.weight": embedding, "output.weight": output}
