"""What a model and its context are made from, in plain values.

The options room fills it (through `server/launch.py`); `params.py` turns it into native structs.
"""

from __future__ import annotations

from dataclasses import dataclass

Metadata = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Threads:
    """Where the threads of one kind of batch run, and how they wait."""

    cpus: tuple[int, ...] = ()
    """The CPUs that they may use; none = any."""
    is_strict: bool = False
    """Each thread stays on one CPU."""
    prio: int = 0
    """-1 low, 0 normal, 1 medium, 2 high, 3 realtime."""
    poll: int = 50
    """How long idle threads spin before they sleep, 0 to 100; without effect under OpenMP."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Which devices hold a model, and which part of it."""

    devices: tuple[str, ...] = ()
    """Names of ggml's devices; ("none",) = the CPU alone; () = the library's choice."""
    rpc_servers: tuple[str, ...] = ()
    """host:port of machines whose devices are used too."""
    waits_for_servers: bool = False
    """Whether loading waits for those that do not answer; else it fails."""
    split_mode: str = "layer"
    tensor_split: tuple[float, ...] = ()
    main_gpu: int = 0
    no_host: bool = False
    tensor_buffers: tuple[tuple[str, str], ...] = ()
    """(pattern of tensor names, buffer type) pairs; the first that matches counts."""


@dataclass(frozen=True, slots=True)
class Positions:
    """RoPE and YaRN; the defaults mean: as the model says."""

    rope_scaling: str = ""
    rope_freq_base: float = 0.0
    rope_freq_scale: float = 0.0
    yarn_orig_ctx: int = 0
    yarn_ext_factor: float = -1.0
    yarn_attn_factor: float = -1.0
    yarn_beta_fast: float = -1.0
    yarn_beta_slow: float = -1.0


@dataclass(frozen=True, slots=True)
class Fit:
    """How a model is made to fit into memory."""

    target_mib: tuple[int, ...] = (1024,)
    """What is left free of each device; one value counts for all."""
    min_ctx: int = 4096
    """The smallest context of a slot."""
    keeps_ctx: bool = False
    """Whether the whole context of the model was asked for."""
    experts: str = ""
    """Pattern of the names of experts' weights."""

    def experts_in_ram(self, n_layers: int) -> tuple[tuple[str, str], ...]:
        """What keeps the experts of the first layers in RAM."""
        return tuple((rf"blk\.{i}{self.experts}", "CPU") for i in range(n_layers))


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """Zero or None means: what the model or the library says. Sizes are in tokens."""

    path: str
    n_ctx: int = 0
    n_batch: int = 2048
    n_ubatch: int = 512
    n_slots: int = 4
    splits_context: bool = False
    """Each slot may hold n_ctx / n_slots tokens, instead of all of n_ctx."""
    kv_unified: bool = True
    """One buffer for all sequences, so that they can share; else a stream for each slot."""
    n_threads: int = -1
    n_threads_batch: int = -1
    threads: Threads = Threads()
    threads_batch: Threads = Threads()
    numa: str = ""
    """distribute, isolate or numactl."""
    placement: Placement = Placement()
    fit: Fit | None = None
    """None: nothing is made to fit."""
    n_gpu_layers: int = -1
    """-1: as many as fit (the library's choice), -2: all."""
    flash_attn: str = "auto"
    """on, off or auto."""
    cache_type_k: str = "f16"
    cache_type_v: str = "f16"
    load_mode: str = "mmap"
    """auto, none, mmap, mlock, mmap+mlock or dio."""
    has_room: bool = False
    """Whether RAM has room for the weights beside the file's pages that Linux keeps."""
    lazy_mode: str = "auto"
    """on, auto or off: whether rows of large tensors are read when they are needed."""
    check_tensors: bool = False
    lora: tuple[tuple[str, float], ...] = ()
    """LoRA adapters: files, and the scales that requests get which say nothing else."""
    control_vectors: tuple[tuple[str, float], ...] = ()
    """Files and scales."""
    control_vector_layers: tuple[int, int] = (0, 0)
    """The first and the last layer that they act on; not positive = the model's first or last."""
    metadata: tuple[tuple[str, Metadata], ...] = ()
    """Keys of the file whose values are replaced."""
    positions: Positions = Positions()
    embedding: bool = False
    """Whether texts can be embedded."""
    pooling: str = ""
    """none, mean, cls, last or rank."""
    exact_embeddings: bool = False
    """Whether they are ggml's to the last bit (llama_ctypes.runtime.fixed_point)."""
    ubatch_grows: bool = False
    """Whether n_ubatch may become as large as n_batch, so that a text to embed fits into it."""
    offload_kv: bool = True
    offload_ops: bool = True
    use_extra_buffers: bool = True
    swa_full: bool = False
    n_ctx_slot_max: int = 0
    """The most tokens that one slot may hold, whatever its share."""
    perf: bool = False
    """Whether libllama measures its own timings."""
    warmup: bool = True
    special: bool = False
    """Whether control tokens show in generated text."""
