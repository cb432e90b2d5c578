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
_HOST_CACHE = NotYet("the prompt cache outside the context", (0, False))
_CHECKPOINTS = NotYet("context checkpoints", (0,))
_CORS = NotYet("configurable CORS")
_HTTPS = NotYet("HTTPS", ("",))
_REASONING = NotYet("reasoning in answers")
_PLACEMENT = NotYet("placing single tensors", (0, False))

PENDING: Mapping[str, NotYet] = MappingProxyType(
    {
        "lora": _LORA,
        "lora_init_without_apply": _LORA,
        "control_vectors": _CONTROL,
        "control_vector_layers": _CONTROL,
        "lazy_mode": NotYet("reading tensors on demand", ("off",)),
        "numa": NotYet("NUMA placement"),
        "cpu_moe": _PLACEMENT,
        "n_cpu_moe": _PLACEMENT,
        "n_cpu_ffn": _PLACEMENT,
        "override_tensor": _PLACEMENT,
        "fit": _FIT,
        "fit_target_mib": _FIT,
        "fit_ctx": _FIT,
        "context_shift": NotYet("context shift"),
        "spm_infill": NotYet("infill"),
        "kv_unified_per_slot": NotYet("a limit of tokens for each slot"),
        "n_cache_reuse": NotYet("reuse of shifted chunks"),
        "cache_ram_mib": _HOST_CACHE,
        "cache_idle_slots": _HOST_CACHE,
        "n_ctx_checkpoints": _CHECKPOINTS,
        "checkpoint_min_step": _CHECKPOINTS,
        "slot_save_path": NotYet("saving slots"),
        "sleep_idle_s": NotYet("sleeping when idle"),
        "backend_sampling": NotYet("sampling on the device"),
        "embedding": _EMBEDDINGS,
        "pooling": _EMBEDDINGS,
        "embd_normalize": _EMBEDDINGS,
        "reasoning_format": _REASONING,
        "reasoning_budget": _REASONING,
        "reasoning_budget_message": _REASONING,
        "ssl_key_file": _HTTPS,
        "ssl_cert_file": _HTTPS,
        "cors_origins": _CORS,
        "cors_methods": _CORS,
        "cors_headers": _CORS,
        "cors_credentials": _CORS,
        "endpoint_props": NotYet("POST /props", (False,)),
        "endpoint_metrics": NotYet("GET /metrics", (False,)),
    }
)
