"""What a request asks for, in native types, and what it gets where it asks for nothing.

Both are frozen, so they may cross threads. This module knows no wire format: the rows of the
request table (`rows_*.py`) fill these in. Answers to llama.cpp `tools/server/server-task.h`
task_params.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

from server.engine.task import SamplingParams
from server.engine.task import Trigger


@dataclass(frozen=True, slots=True)
class RequestDefaults:
    """The server's settings that a request may override. Made once, when the server starts."""

    sampling: SamplingParams = field(default_factory=SamplingParams)
    n_predict: int = -1
    n_keep: int = 0
    cache_prompt: bool = True
    n_cache_reuse: int = 0
    stop: tuple[str, ...] = ()
    sse_ping_interval: int = 30
    """Seconds; -1 = no pings."""
    n_slots: int = 1
    """The most completions that one prompt may ask for."""
    reasoning_format: str = "deepseek"
    speculative_types: str = "none"
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class CompletionParams:
    """One request, parsed. Field names are the request's own unless said otherwise."""

    sampling: SamplingParams = field(default_factory=SamplingParams)
    stream: bool = False
    include_usage: bool = False
    """`stream_options.include_usage`."""
    cache_prompt: bool = True
    cache_salt: str = ""
    return_tokens: bool = False
    return_progress: bool = False
    timings_per_token: bool = False
    verbose: bool = False
    sse_ping_interval: int = 30
    n_predict: int = -1
    n_indent: int = 0
    n_keep: int = 0
    n_discard: int = 0
    n_cmpl: int = 1
    n_cache_reuse: int = 0
    t_max_predict_ms: int = -1
    id_slot: int = -1
    priority: int = 0
    stop: tuple[str, ...] = ()
    response_fields: tuple[str, ...] = ()
    lora: tuple[tuple[int, float], ...] = ()
    """(adapter, scale) pairs."""
    preserved_tokens: tuple[int, ...] = ()
    """Ids, ascending."""
    grammar_lazy: bool = False
    grammar_triggers: tuple[Trigger, ...] = ()
    chat_format: str = "Content-only"
    reasoning_format: str = "none"
    reasoning_in_content: bool = False
    generation_prompt: str = ""
    parse_tool_calls: bool = False
    is_continuation: bool = False
    echo: bool = False
    reasoning_budget_tokens: int = -1
    speculative_types: str = "none"

    @property
    def post_sampling_probs(self) -> bool:
        """Whether probabilities are those after the sampler chain."""
        return self.sampling.post_sampling_probs
