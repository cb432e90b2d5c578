"""Options that stand for a well-known model together with what suits it."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.values import flag

Pairs = tuple[tuple[str, str], ...]

_FIM: Pairs = (
    ("port", "8012"),
    ("n_ubatch", "1024"),
    ("n_batch", "1024"),
    ("n_cache_reuse", "256"),
)
_FIM_DRAFT: Pairs = (
    ("draft_hf_repo", "ggml-org/Qwen2.5-Coder-0.5B-Q8_0-GGUF"),
    ("draft_model", "qwen2.5-coder-0.5b-q8_0.gguf"),
)
_GPT_OSS: Pairs = (
    ("port", "8013"),
    ("n_ubatch", "2048"),
    ("n_batch", "32768"),
    ("n_parallel", "2"),
    ("n_ctx", "262144"),
    ("temperature", "1"),
    ("top_p", "1"),
    ("top_k", "0"),
    ("min_p", "0.01"),
    ("jinja", "on"),
)
_VISION: Pairs = (("port", "8014"), ("jinja", "on"))
_EMBEDDING_GEMMA: Pairs = (
    ("port", "8011"),
    ("n_ubatch", "2048"),
    ("n_batch", "2048"),
    ("n_parallel", "32"),
    ("n_ctx", "65536"),
    ("embedding", "on"),
)


def _repo(name: str, file: str = "") -> Pairs:
    pairs: Pairs = (("hf_repo", f"ggml-org/{name}"),)
    return (*pairs, ("hf_file", file)) if file else pairs


_QWEN_7B = _repo("Qwen2.5-Coder-7B-Q8_0-GGUF", "qwen2.5-coder-7b-q8_0.gguf")


def _bundle(name: str, expands: Pairs, what: str) -> Option:
    key = name.replace("-", "_").replace(".", "_")
    return Option(key, (f"--{name}",), flag, False, expands=expands, help=f"serve {what}")


BUNDLES = Section("bundles", "Well-known models, fetched from Hugging Face", (
    _bundle("embd-gemma-default",
            (*_repo("embeddinggemma-300M-qat-q4_0-GGUF", "embeddinggemma-300M-qat-Q4_0.gguf"),
             *_EMBEDDING_GEMMA),
            "EmbeddingGemma 300M for embeddings"),
    _bundle("fim-qwen-1.5b-default",
            (*_repo("Qwen2.5-Coder-1.5B-Q8_0-GGUF", "qwen2.5-coder-1.5b-q8_0.gguf"), *_FIM),
            "Qwen 2.5 Coder 1.5B for code completion"),
    _bundle("fim-qwen-3b-default",
            (*_repo("Qwen2.5-Coder-3B-Q8_0-GGUF", "qwen2.5-coder-3b-q8_0.gguf"), *_FIM),
            "Qwen 2.5 Coder 3B for code completion"),
    _bundle("fim-qwen-7b-default", (*_QWEN_7B, *_FIM), "Qwen 2.5 Coder 7B for code completion"),
    _bundle("fim-qwen-7b-spec", (*_QWEN_7B, *_FIM_DRAFT, *_FIM),
            "Qwen 2.5 Coder 7B for code completion, with its 0.5B model as drafter"),
    _bundle("fim-qwen-14b-spec",
            (*_repo("Qwen2.5-Coder-14B-Q8_0-GGUF", "qwen2.5-coder-14b-q8_0.gguf"),
             *_FIM_DRAFT, *_FIM),
            "Qwen 2.5 Coder 14B for code completion, with the 0.5B model as drafter"),
    _bundle("fim-qwen-30b-default",
            (*_repo("Qwen3-Coder-30B-A3B-Instruct-Q8_0-GGUF",
                    "qwen3-coder-30b-a3b-instruct-q8_0.gguf"), *_FIM),
            "Qwen 3 Coder 30B A3B Instruct for code completion"),
    _bundle("gpt-oss-20b-default",
            (*_repo("gpt-oss-20b-GGUF", "gpt-oss-20b-mxfp4.gguf"), *_GPT_OSS), "gpt-oss 20B"),
    _bundle("gpt-oss-120b-default", (*_repo("gpt-oss-120b-GGUF"), *_GPT_OSS), "gpt-oss 120B"),
    _bundle("vision-gemma-4b-default", (*_repo("gemma-3-4b-it-qat-GGUF"), *_VISION),
            "Gemma 3 4B, which sees images"),
    _bundle("vision-gemma-12b-default", (*_repo("gemma-3-12b-it-qat-GGUF"), *_VISION),
            "Gemma 3 12B, which sees images"),
))  # fmt: skip
