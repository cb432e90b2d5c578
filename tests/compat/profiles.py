"""The servers of this folder: the model, the options and the questions of each.

Both servers are started with the same options, apart from what only one of them knows. Two models
exist wherever the tests run: a random one that the tests write, and SmolLM2 from its package.
One thread, and a KV cache in single precision for the models in single precision, keep texts equal
from machine to machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tests.compat.cases import adapters
from tests.compat.cases import keys
from tests.compat.cases import lazy
from tests.compat.cases import messages
from tests.compat.cases import native
from tests.compat.cases import openai
from tests.compat.cases import refused
from tests.compat.cases import responses
from tests.compat.cases import routes
from tests.compat.cases import slots
from tests.compat.cases import streams
from tests.compat.cases import switches
from tests.compat.cases import vectors
from tests.compat.cases import vocabulary
from tests.compat.divergence import Tolerance
from tests.compat.exchange import Case
from tests.e2e import models
from tests.single_precision import EXACT_CACHE
from tests.tiny_bert import build_tiny_bert
from tests.tiny_models import ARCHITECTURES
from tests.tiny_models import CHATML
from tests.tiny_models import TinySpec
from tests.tiny_models import build_tiny_lora
from tests.tiny_models import build_tiny_model
from tests.tiny_models import tiny_vocab

TINY = TinySpec(chat_template=CHATML)
FILLS_GAPS = TinySpec(
    control_tokens=(
        *("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>"),
        *("<|repo_name|>", "<|file_sep|>"),
    ),
    name="tiny-fim",
)
ONE_THREAD = ("-t", "1", "-tb", "1", "-ngl", "0")
TEXTS = ("-np", "1", *ONE_THREAD)
ADAPTERS = (
    "--lora-scaled",
    "{folder}/zero.gguf:0.5,{folder}/one.gguf:0,{folder}/activated.gguf:0",
)
SWITCHES = ("--metrics", "--props", "--no-slots")
UNCACHED = ("--no-cache-prompt",)
"""Counts of tokens do not tell what was asked before."""

SLOT_FILES = ("--slot-save-path", "{folder}")


@dataclass(frozen=True, slots=True)
class ShapeProfile:
    """A server whose answers are compared as JSON."""

    name: str
    model: str
    options: tuple[str, ...]
    """{folder} stands for a folder with the files of `build_adapters`."""

    groups: tuple[tuple[str, tuple[Case, ...]], ...]

    def options_in(self, folder: Path) -> tuple[str, ...]:
        """The options, once what they name is there."""
        if any("{folder}" in option for option in self.options):
            build_adapters(folder)
        return tuple(option.format(folder=folder) for option in self.options)

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases of all groups, in the order of asking."""
        return tuple(case for _, group in self.groups for case in group)


SHAPES = (
    ShapeProfile(
        "plain",
        "tiny",
        ("-np", "2", "-c", "512", "--alias", "tiny,other", *ONE_THREAD, *EXACT_CACHE),
        (
            ("routes", routes.CASES),
            ("native", native.CASES),
            ("openai", openai.CASES),
            ("refused", refused.CASES),
            ("streams", streams.CASES),
        ),
    ),
    ShapeProfile(
        "dialects",
        "tiny",
        ("-np", "1", "-c", "512", "--alias", "tiny", *ONE_THREAD, *EXACT_CACHE, *UNCACHED),
        (("messages", messages.CASES), ("responses", responses.CASES)),
    ),
    ShapeProfile(
        "keys",
        "tiny",
        ("-np", "1", "-c", "512", "--alias", "tiny", "--api-key", "first,second", *ONE_THREAD),
        (("keys", keys.CASES),),
    ),
    ShapeProfile(
        "vocabulary",
        "smollm2",
        ("-np", "1", "-c", "512", "--alias", "smollm2", *ONE_THREAD),
        (("vocabulary", vocabulary.CASES), ("lazy", lazy.CASES)),
    ),
    ShapeProfile(
        "adapters",
        "tiny",
        ("-np", "1", "-c", "512", "--alias", "tiny", *ONE_THREAD, *EXACT_CACHE, *ADAPTERS),
        (("adapters", adapters.CASES),),
    ),
    ShapeProfile(
        "slots",
        "tiny",
        ("-np", "2", "-c", "512", "--alias", "tiny", *ONE_THREAD, *EXACT_CACHE, *SLOT_FILES),
        (("slots", slots.CASES),),
    ),
    ShapeProfile(
        "switches",
        "tiny",
        ("-np", "1", "-c", "512", "--alias", "tiny", *ONE_THREAD, *SWITCHES),
        (("switches", switches.SWITCHED),),
    ),
    ShapeProfile(
        "prefix",
        "tiny",
        ("-np", "1", "-c", "512", "--alias", "tiny", "--api-prefix", "/llm", *ONE_THREAD),
        (("prefix", switches.PREFIXED),),
    ),
    ShapeProfile(
        "embeddings",
        "tiny-bert",
        ("-np", "2", "--alias", "tiny", "--embeddings", *ONE_THREAD),
        (("embeddings", vectors.EMBEDDINGS),),
    ),
    ShapeProfile(
        "ranks",
        "tiny-ranker",
        ("-np", "2", "--alias", "tiny", "--reranking", *ONE_THREAD),
        (("ranks", vectors.RANKS),),
    ),
    ShapeProfile(
        "infill",
        "tiny-fim",
        ("-np", "1", "-c", "512", "--alias", "tiny", *ONE_THREAD, *EXACT_CACHE),
        (("infill", vectors.INFILLS),),
    ),
)


@dataclass(frozen=True, slots=True)
class TextProfile:
    """A server whose texts are compared."""

    name: str
    options: tuple[str, ...]
    n_predict: int
    min_equal: float
    """The least share of settings whose texts must be equal to the end."""

    tolerance: Tolerance
    max_objections: int = 0
    """How many texts may break the rule: rounding also moves what typical_p or xtc cut."""


EXACT = Tolerance(variation=0.005, margin=0.01)
QUANTIZED = Tolerance(variation=0.15, margin=0.6)
"""Between AVX-512 and AVX2, SmolLM2's logits were measured to differ by up to 0.28, which makes a
variation of up to 0.06: a model of few bits amplifies the rounding of its activations. Built for
plain SSE, which the recorder does not try, 42 % of the texts are equal to the end and 5 % diverge
against the rule; with a wrong seed only those of the greedy settings are equal, 13 %."""

TEXT_PROFILES = (
    TextProfile("tiny", ("-c", "512", *TEXTS, *EXACT_CACHE), 32, 0.9, EXACT),
    TextProfile("stories", ("-c", "2048", *TEXTS, *EXACT_CACHE), 32, 0.9, EXACT),
    TextProfile("smollm2", ("-c", "2048", *TEXTS), 12, 0.3, QUANTIZED, max_objections=4),
)


def model_path(name: str, folder: Path) -> Path | None:
    """The file of a model; the tiny one is written into `folder`. None where it is absent."""
    path = folder / f"{name}.gguf"
    match name:
        case "tiny":
            return build_tiny_model(path, TINY)
        case "tiny-fim":
            return build_tiny_model(path, FILLS_GAPS)
        case "tiny-bert" | "tiny-ranker":
            return build_tiny_bert(path, ranks=name == "tiny-ranker")
        case "stories":
            return models.stories()
    return models.smollm2()


def build_adapters(folder: Path) -> None:
    """Write the LoRA adapters for the tiny model; the last one is activated."""
    described = (("adapter.lora.task_name", "summing up"), ("adapter.lora.prompt_prefix", "Sum: "))
    build_tiny_lora(folder / "zero.gguf", TinySpec(metadata=described))
    build_tiny_lora(folder / "one.gguf", TinySpec(seed=77))
    build_tiny_lora(folder / "activated.gguf", TinySpec(seed=99), alora=adapters.INVOCATION)


def tiny_digest() -> str:
    """What the tiny model's weights and vocabulary are; vectors hold for no other."""
    vocab = tiny_vocab()
    digest = hashlib.sha256("\0".join(vocab.tokens).encode())
    for name, tensor in sorted(ARCHITECTURES[TINY.arch](TINY, vocab).items()):
        digest.update(name.encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()
