"""The settings of what a server may have beside one model that makes text: fetching, media,
drafters, several models, a page; what it does under overload, and logs. As `settings`, which holds
them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Where a model is fetched from; all '' = it is a file here."""

    model_url: str
    docker_repo: str
    hf_repo: str
    hf_file: str
    hf_token: str = field(repr=False)
    offline: bool


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Models that see and hear. -1 tokens = from the model."""

    mmproj: str
    mmproj_url: str
    mmproj_auto: bool
    mmproj_offload: bool
    mmproj_device: str
    image_min_tokens: int
    image_max_tokens: int
    media_batch_tokens: int
    video_fps: float
    video_timestamp_interval_ms: int
    video_ffmpeg_dir: str
    media_path: str


@dataclass(frozen=True, slots=True)
class SpeculativeSettings:
    """What drafts tokens, and where a draft model runs. None = as the setting without draft_."""

    drafters: tuple[str, ...]
    draft_n_max: int
    draft_n_min: int
    draft_p_split: float
    draft_p_min: float
    synth_len: float
    """-1 = off."""
    synth_rates: tuple[float, ...]
    draft_model: str
    draft_hf_repo: str
    draft_n_gpu_layers: int
    """-1 = auto, -2 = all."""
    draft_devices: tuple[str, ...]
    draft_override_tensor: tuple[tuple[str, str], ...]
    draft_cpu_moe: bool
    draft_n_cpu_moe: int
    draft_backend_sampling: bool
    draft_n_threads: int | None
    draft_n_threads_batch: int | None
    draft_cpu_mask: tuple[int, ...]
    """The numbers of the CPUs; () = as --cpu-mask."""
    draft_cpu_strict: bool | None
    draft_prio: int | None
    draft_poll: int | None
    draft_cpu_mask_batch: tuple[int, ...]
    draft_cpu_strict_batch: bool | None
    draft_prio_batch: int | None
    draft_poll_batch: int | None
    draft_cache_type_k: str
    draft_cache_type_v: str
    ngram_mod_n_match: int
    ngram_mod_n_min: int
    ngram_mod_n_max: int
    ngram_simple_size_n: int
    ngram_simple_size_m: int
    ngram_simple_min_hits: int
    ngram_map_k_size_n: int
    ngram_map_k_size_m: int
    ngram_map_k_min_hits: int
    ngram_map_k4v_size_n: int
    ngram_map_k4v_size_m: int
    ngram_map_k4v_min_hits: int
    lookup_cache_static: str
    lookup_cache_dynamic: str


@dataclass(frozen=True, slots=True)
class ResponsesSettings:
    """What is kept of the answers of /v1/responses."""

    responses_store: str
    """'' = memory."""
    responses_store_mib: int
    responses_store_days: int


@dataclass(frozen=True, slots=True)
class OperationSettings:
    """What happens under overload, and when something breaks."""

    queue_max: int
    """-1 = no limit."""
    queue_timeout_s: int
    """0 = no limit."""
    predict_limit: int
    """0 = what a slot's context holds, -1 = no limit."""
    drain_timeout_s: int
    watchdog_s: int
    """0 = never."""
    quarantine: bool


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """A server that starts others, one for each model."""

    models_dir: str
    models_preset: str
    models_max: int
    models_autoload: bool


@dataclass(frozen=True, slots=True)
class UiSettings:
    """The page, and tools that run for it."""

    ui: bool
    static_path: str
    ui_config: str
    """The text of a JSON object; '' = none."""
    ui_mcp_proxy: bool
    tools: tuple[str, ...]
    tools_runtime: str
    mcp_servers_config: str
    mcp_servers_json: str

    @property
    def has_page(self) -> bool:
        """Whether there is a page at /."""
        return self.ui

    @property
    def has_own_page(self) -> bool:
        """Whether that page is the built-in one."""
        return self.ui and not self.static_path


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged, and how."""

    verbosity: int
    log_disable: bool
    log_file: str
    log_jsonl: bool
    log_colors: str
    log_prefix: bool
    log_timestamps: bool
    log_access: bool
    log_slow_ms: int
    """0 = nothing is slow."""
    otel: bool
    step_trace: str
    log_prompts_dir: str
