"""Options that are accepted by the table but whose feature isn't there yet.

Giving one is an error at start, so that nothing is ignored in silence. A feature that lands takes
its line out of here; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class NotYet:
    """What is missing, and the values that change nothing and are therefore accepted."""

    feature: str
    harmless: tuple[object, ...] = ()


_EMBEDDINGS = NotYet("embeddings and reranking")
_LORA = NotYet("LoRA adapters")
_CONTROL = NotYet("control vectors")
_FIT = NotYet("fitting a model into device memory", (False,))
_CHECKPOINTS = NotYet("context checkpoints", (0,))
_HTTPS = NotYet("HTTPS", ("",))
_REASONING = NotYet("reasoning in answers")
_PLACEMENT = NotYet("placing single tensors", (0, False))
_DEVICES = NotYet("choosing among devices")
_THREADS = NotYet("placing and ranking threads")
_POSITIONS = NotYet("RoPE and YaRN other than the model's")

PENDING: Mapping[str, NotYet] = MappingProxyType(
    {
        "lora": _LORA,
        "lora_init_without_apply": _LORA,
        "control_vectors": _CONTROL,
        "control_vector_layers": _CONTROL,
        "override_kv": NotYet("replacing metadata"),
        "lazy_mode": NotYet("reading tensors on demand", ("off",)),
        "numa": NotYet("NUMA placement"),
        "cpu_mask": _THREADS,
        "cpu_strict": _THREADS,
        "prio": _THREADS,
        "cpu_mask_batch": _THREADS,
        "cpu_strict_batch": _THREADS,
        "prio_batch": _THREADS,
        "poll_batch": _THREADS,
        "devices": _DEVICES,
        "split_mode": _DEVICES,
        "tensor_split": _DEVICES,
        "main_gpu": _DEVICES,
        "no_host": _DEVICES,
        "cpu_moe": _PLACEMENT,
        "n_cpu_moe": _PLACEMENT,
        "n_cpu_ffn": _PLACEMENT,
        "override_tensor": _PLACEMENT,
        "fit": _FIT,
        "fit_target_mib": _FIT,
        "fit_ctx": _FIT,
        "rope_scaling": _POSITIONS,
        "rope_scale": _POSITIONS,
        "rope_freq_base": _POSITIONS,
        "rope_freq_scale": _POSITIONS,
        "yarn_orig_ctx": _POSITIONS,
        "yarn_ext_factor": _POSITIONS,
        "yarn_attn_factor": _POSITIONS,
        "yarn_beta_slow": _POSITIONS,
        "yarn_beta_fast": _POSITIONS,
        "perf": NotYet("libllama's own timings"),
        "spm_infill": NotYet("infill"),
        "cont_batching": NotYet("answering one request at a time"),
        "kv_unified_per_slot": NotYet("a limit of tokens for each slot"),
        "n_ctx_checkpoints": _CHECKPOINTS,
        "checkpoint_min_step": _CHECKPOINTS,
        "slot_save_path": NotYet("saving slots"),
        "sleep_idle_s": NotYet("sleeping when idle"),
        "json_schema": NotYet("JSON schemas"),
        "skip_chat_parsing": NotYet("reading reasoning and tool calls out of answers", (True,)),
        "backend_sampling": NotYet("sampling on the device"),
        "embedding": _EMBEDDINGS,
        "pooling": _EMBEDDINGS,
        "embd_normalize": _EMBEDDINGS,
        "reasoning_format": _REASONING,
        "reasoning_budget": _REASONING,
        "reasoning_budget_message": _REASONING,
        "ssl_key_file": _HTTPS,
        "ssl_cert_file": _HTTPS,
        "endpoint_props": NotYet("POST /props", (False,)),
        "endpoint_metrics": NotYet("GET /metrics", (False,)),
    }
)
