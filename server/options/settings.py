"""What the options come to: one small dataclass for each section, and where each value came from.

The fields of a section's class are the keys of its rows, in any order (tests/options holds them
equal). Values that follow from several options are properties here, so that nobody works them out
twice. Nothing here knows text, flags or the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

from server.options.feature_settings import HubSettings
from server.options.feature_settings import LogSettings
from server.options.feature_settings import MediaSettings
from server.options.feature_settings import OperationSettings
from server.options.feature_settings import ResponsesSettings
from server.options.feature_settings import RouterSettings
from server.options.feature_settings import SpeculativeSettings
from server.options.feature_settings import UiSettings
from server.options.machine import physical_cores
from server.options.source import Source
from server.options.vertex import Vertex

EXPERTS = r"\.ffn_(up|down|gate|gate_up)_(ch|)exps"
"""Names of the weights of a mixture's experts (llama.cpp common/common.h)."""

DENSE = r"\.ffn_(up|down|gate)\."
"""Names of a dense model's feed-forward weights."""

AUTO_SLOTS = 4
"""Slots where their number is auto (llama.cpp tools/server/server.cpp)."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model is served and how its file is read."""

    path: str
    demo: bool
    alias: tuple[str, ...]
    tags: tuple[str, ...]
    load_mode: str
    mmap: bool | None
    mlock: bool
    lazy_mode: str
    check_tensors: bool
    override_kv: tuple[tuple[str, int | float | bool | str], ...]
    warmup: bool
    lora: tuple[tuple[str, float], ...]
    lora_init_without_apply: bool
    control_vectors: tuple[tuple[str, float], ...]
    control_vector_layers: tuple[int, int] | None

    @property
    def effective_lora(self) -> tuple[tuple[str, float], ...]:
        """Files and scales, which --lora-init-without-apply makes 0."""
        return tuple(
            (path, 0.0 if self.lora_init_without_apply else scale) for path, scale in self.lora
        )

    @property
    def effective_load_mode(self) -> str:
        """--load-mode, unless the older --mmap and --mlock say otherwise."""
        if self.mmap is None and not self.mlock:
            return self.load_mode
        if self.mmap is False:
            return "mlock" if self.mlock else "none"
        return "mmap+mlock" if self.mlock else "mmap"


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """Which processors compute and where weights lie. None = as the setting without _batch."""

    n_threads: int | None
    n_threads_batch: int | None
    cpu_mask: tuple[int, ...]
    """The numbers of the CPUs; () = any."""
    cpu_strict: bool
    prio: int
    poll: int
    cpu_mask_batch: tuple[int, ...]
    cpu_strict_batch: bool | None
    prio_batch: int | None
    poll_batch: int | None
    numa: str
    rpc_servers: tuple[str, ...]
    devices: tuple[str, ...]
    n_gpu_layers: int
    """-1 = auto, -2 = all."""
    split_mode: str
    tensor_split: tuple[float, ...]
    main_gpu: int
    kv_offload: bool
    op_offload: bool
    repack: bool
    no_host: bool
    override_tensor: tuple[tuple[str, str], ...]
    cpu_moe: bool
    n_cpu_moe: int
    n_cpu_ffn: int
    fit: bool
    fit_target_mib: tuple[int, ...]
    fit_ctx: int

    @property
    def generation_threads(self) -> int:
        """The threads of --threads, or one for each physical core."""
        return self.n_threads or physical_cores()

    @property
    def batch_threads(self) -> int:
        """The threads of --threads-batch, or those of generation."""
        return self.n_threads_batch or self.generation_threads

    @property
    def tensor_buffers(self) -> tuple[tuple[str, str], ...]:
        """(pattern, buffer type) pairs: those of --override-tensor, then what stays in RAM."""
        patterns = [EXPERTS] if self.cpu_moe else []
        patterns += [rf"blk\.{i}{EXPERTS}" for i in range(self.n_cpu_moe)]
        patterns += [rf"blk\.{i}{DENSE}" for i in range(self.n_cpu_ffn)]
        return (*self.override_tensor, *((pattern, "CPU") for pattern in patterns))


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """The context: sizes in tokens; '' and 0.0 of the RoPE and YaRN values = from the model."""

    n_ctx: int
    n_predict: int
    n_batch: int
    n_ubatch: int
    n_keep: int
    context_shift: bool
    flash_attn: str
    cache_type_k: str
    cache_type_v: str
    swa_full: bool
    rope_scaling: str
    rope_scale: float | None
    rope_freq_base: float
    rope_freq_scale: float
    yarn_orig_ctx: int
    yarn_ext_factor: float
    yarn_attn_factor: float
    yarn_beta_slow: float
    yarn_beta_fast: float
    antiprompt: tuple[str, ...]
    special: bool
    escape: bool
    spm_infill: bool
    perf: bool

    @property
    def effective_rope_freq_scale(self) -> float:
        """--rope-freq-scale, or one over --rope-scale; 0.0 = from the model."""
        return 1.0 / self.rope_scale if self.rope_scale is not None else self.rope_freq_scale


@dataclass(frozen=True, slots=True)
class SlotSettings:
    """How many requests run together and what they keep of each other."""

    n_parallel: int
    cont_batching: bool
    kv_unified: bool | None
    kv_unified_per_slot: int
    cache_prompt: bool
    n_cache_reuse: int
    slot_prompt_similarity: float
    cache_ram_mib: int
    cache_idle_slots: bool
    n_ctx_checkpoints: int
    checkpoint_min_step: int
    slot_save_path: str
    sleep_idle_s: int
    max_step_ms: int

    @property
    def n_slots(self) -> int:
        """The number of slots, auto resolved."""
        return self.n_parallel if self.n_parallel > 0 else AUTO_SLOTS

    @property
    def is_context_divided(self) -> bool:
        """Whether each slot may hold only its equal part of the context."""
        return self.n_parallel > 0 and not self.kv_unified

    @property
    def has_split_streams(self) -> bool:
        """Whether --no-kv-unified asks for one KV stream for each slot, with nothing shared."""
        return self.n_parallel > 0 and self.kv_unified is False


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """What a request gets that doesn't say otherwise; the names are those of the request."""

    samplers: tuple[str, ...]
    seed: int
    ignore_eos: bool
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    top_n_sigma: float
    xtc_probability: float
    xtc_threshold: float
    typical_p: float
    repeat_last_n: int
    repeat_penalty: float
    presence_penalty: float
    frequency_penalty: float
    dry_multiplier: float
    dry_base: float
    dry_allowed_length: int
    dry_penalty_last_n: int
    dry_sequence_breakers: tuple[str, ...]
    adaptive_target: float
    adaptive_decay: float
    dynatemp_range: float
    dynatemp_exponent: float
    mirostat: int
    mirostat_eta: float
    mirostat_tau: float
    logit_bias: tuple[tuple[int, float], ...]
    grammar: str
    json_schema: object
    backend_sampling: bool


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """Templates, and how reasoning is asked for and shown."""

    jinja: bool
    chat_template: str
    chat_template_kwargs: Mapping[str, object] | None
    skip_chat_parsing: bool
    prefill_assistant: bool
    reasoning_format: str
    reasoning: str
    reasoning_effort: str
    reasoning_budget: int
    reasoning_budget_message: str
    reasoning_preserve: bool
    keep_billing_header: bool

    @property
    def template_kwargs(self) -> dict[str, object]:
        """The variables that every chat template gets unless a request says otherwise."""
        kwargs: dict[str, object] = {"preserve_reasoning": self.reasoning_preserve}
        kwargs |= self.chat_template_kwargs or {}
        if self.reasoning != "auto":
            kwargs["enable_thinking"] = self.reasoning == "on"
        if self.reasoning_effort != "default":
            kwargs["reasoning_effort"] = self.reasoning_effort
        return kwargs


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """Servers for embeddings and reranking."""

    embedding: bool
    pooling: str
    embd_normalize: int
    exact_embeddings: bool


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Addresses, keys, limits and which endpoints there are."""

    host: tuple[str, ...]
    port: int
    reuse_port: bool
    timeout_s: int
    threads_http: int
    api_keys: tuple[str, ...] = field(repr=False)
    """Those of --api-key; `read_keys` has those of files too."""
    api_key_files: tuple[str, ...]
    ssl_key_file: str
    ssl_cert_file: str
    api_prefix: str
    allowed_hosts: tuple[str, ...]
    cors_origins: str
    cors_methods: str
    cors_headers: str
    cors_credentials: bool
    sse_ping_interval_s: int
    endpoint_slots: bool
    endpoint_props: bool
    endpoint_metrics: bool
    max_body_mib: int

    @property
    def uses_tls(self) -> bool:
        """Whether connections are HTTPS."""
        return bool(self.ssl_key_file or self.ssl_cert_file)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that was set, and everything that was not, with its default."""

    model: ModelSettings
    device: DeviceSettings
    context: ContextSettings
    slots: SlotSettings
    sampling: SamplingSettings
    chat: ChatSettings
    embedding: EmbeddingSettings
    http: HttpSettings
    operation: OperationSettings
    log: LogSettings
    hub: HubSettings
    media: MediaSettings
    speculative: SpeculativeSettings
    responses: ResponsesSettings
    router: RouterSettings
    ui: UiSettings
    sources: Mapping[str, Source]
    """key -> where its value came from, the last one where several were added up; keys whose
    value is the default are missing."""
    vertex: Vertex | None = None
    """None = this is no container of Vertex AI."""
    warnings: tuple[str, ...] = ()
    """What the operator should read; the caller logs them once the log is set up."""

    def is_given(self, key: str) -> bool:
        """Whether anybody set this option."""
        return key in self.sources
