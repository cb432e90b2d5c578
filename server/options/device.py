"""Options that say which processors compute and where weights lie."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import concat
from server.options.parsers import GPU_LAYERS_AUTO
from server.options.parsers import cpu_mask
from server.options.parsers import cpu_range
from server.options.parsers import fit_targets
from server.options.parsers import gpu_layers
from server.options.parsers import tensor_overrides
from server.options.parsers import threads
from server.values import flag
from server.values import integer
from server.values import integer_in
from server.values import numbers
from server.values import one_of
from server.values import stripped_list

DEVICE = Section("device", "Processors and placement", (
    Option("n_threads", ("-t", "--threads"), threads, None, "N", env="LLAMA_ARG_THREADS",
           shown_default="one for each physical core",
           help="CPU threads while generating; 0 or less = all logical CPUs"),
    Option("n_threads_batch", ("-tb", "--threads-batch"), threads, None, "N",
           shown_default="as --threads",
           help="CPU threads while processing prompts"),
    Option("cpu_mask", ("-C", "--cpu-mask"), cpu_mask, (), "MASK", merge=concat,
           help="CPUs that the threads may use, as a hexadecimal mask"),
    Option("cpu_range", ("-Cr", "--cpu-range"), cpu_range, (), "LO-HI", fills="cpu_mask",
           merge=concat, help="CPUs that the threads may use, as a range; adds to --cpu-mask"),
    Option("cpu_strict", ("--cpu-strict",), flag, False, "0|1",
           help="pin each thread to one CPU"),
    Option("prio", ("--prio",), integer_in(-1, 3), 0, "N",
           help="priority of the threads: -1 low, 0 normal, 1 medium, 2 high, 3 realtime"),
    Option("poll", ("--poll",), integer_in(0, 100), 50, "0..100",
           help="how eagerly idle threads poll for work; 0 = they sleep"),
    Option("cpu_mask_batch", ("-Cb", "--cpu-mask-batch"), cpu_mask, (), "MASK", merge=concat,
           shown_default="as --cpu-mask", help="as --cpu-mask, while processing prompts"),
    Option("cpu_range_batch", ("-Crb", "--cpu-range-batch"), cpu_range, (), "LO-HI",
           fills="cpu_mask_batch", merge=concat,
           help="as --cpu-range, while processing prompts; adds to --cpu-mask-batch"),
    Option("cpu_strict_batch", ("--cpu-strict-batch",), flag, None, "0|1",
           shown_default="as --cpu-strict", help="as --cpu-strict, while processing prompts"),
    Option("prio_batch", ("--prio-batch",), integer_in(0, 3), None, "N",
           shown_default="as --prio", help="as --prio, while processing prompts"),
    Option("poll_batch", ("--poll-batch",), integer_in(0, 100), None, "0..100",
           shown_default="as --poll", help="as --poll, while processing prompts"),
    Option("numa", ("--numa",), one_of("distribute", "isolate", "numactl"), "", "TYPE",
           env="LLAMA_ARG_NUMA",
           help="placement on NUMA machines: distribute (over all nodes), isolate (on the node of "
                "the start) or numactl (as that tool says)"),
    Option("rpc_servers", ("--rpc",), stripped_list, (), "SERVERS", env="LLAMA_ARG_RPC",
           help="ggml RPC servers whose devices are used too, as host:port, comma-separated"),
    Option("devices", ("-dev", "--device"), stripped_list, (), "NAMES", env="LLAMA_ARG_DEVICE",
           help="devices to offload to, comma-separated; none = offload nothing"),
    Option("n_gpu_layers", ("-ngl", "--gpu-layers", "--n-gpu-layers"), gpu_layers,
           GPU_LAYERS_AUTO, "N", env="LLAMA_ARG_N_GPU_LAYERS", shown_default="auto",
           help="layers whose weights go to the GPU: a count, auto or all"),
    Option("split_mode", ("-sm", "--split-mode"), one_of("none", "layer", "row", "tensor"),
           "layer", "MODE", env="LLAMA_ARG_SPLIT_MODE",
           help="how several GPUs share a model: none (one GPU), layer (whole layers), row "
                "(weights by rows) or tensor (weights and KV, experimental)"),
    Option("tensor_split", ("-ts", "--tensor-split"), numbers, (), "N0,N1,...",
           env="LLAMA_ARG_TENSOR_SPLIT", help="the share of each GPU, as proportions such as 3,1"),
    Option("main_gpu", ("-mg", "--main-gpu"), integer, 0, "INDEX", env="LLAMA_ARG_MAIN_GPU",
           help="the GPU for the model (split mode none) or for small results (row)"),
    Option("kv_offload", ("-kvo", "--kv-offload"), flag, True,
           negated=("-nkvo", "--no-kv-offload"), env="LLAMA_ARG_KV_OFFLOAD",
           help="keep the KV cache on the GPU"),
    Option("op_offload", ("--op-offload",), flag, True, negated=("--no-op-offload",),
           help="let the GPU compute on weights that lie in RAM"),
    Option("repack", ("--repack",), flag, True, negated=("-nr", "--no-repack"),
           env="LLAMA_ARG_REPACK", help="lay weights out anew for the CPU's instructions"),
    Option("no_host", ("--no-host",), flag, False, env="LLAMA_ARG_NO_HOST",
           help="leave out the host buffer, so that other buffer types may be used"),
    Option("override_tensor", ("-ot", "--override-tensor"), tensor_overrides, (),
           "PATTERN=BUFFER,...", env="LLAMA_ARG_OVERRIDE_TENSOR", merge=concat,
           help="buffer types for the tensors whose names match"),
    Option("cpu_moe", ("-cmoe", "--cpu-moe"), flag, False, env="LLAMA_ARG_CPU_MOE",
           help="keep the weights of all experts in RAM"),
    Option("n_cpu_moe", ("-ncmoe", "--n-cpu-moe"), integer_in(0), 0, "N",
           env="LLAMA_ARG_N_CPU_MOE",
           help="keep the weights of the experts of the first N layers in RAM"),
    Option("n_cpu_ffn", ("-ncffn", "--n-cpu-ffn"), integer_in(0), 0, "N",
           env="LLAMA_ARG_N_CPU_FFN",
           help="keep the dense feed-forward weights of the first N layers in RAM"),
    Option("fit", ("-fit", "--fit"), flag, True, "on|off", env="LLAMA_ARG_FIT",
           help="shrink what was not set until the model fits into the memory of the devices"),
    Option("fit_target_mib", ("-fitt", "--fit-target"), fit_targets, (1024,), "MIB0,MIB1,...",
           env="LLAMA_ARG_FIT_TARGET", help="MiB that --fit leaves free on each device"),
    Option("fit_ctx", ("-fitc", "--fit-ctx"), integer_in(0), 4096, "N", env="LLAMA_ARG_FIT_CTX",
           help="the smallest context that --fit may choose"),
))  # fmt: skip
