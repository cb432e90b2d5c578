"""--fit: make what was not set smaller until the model fits into memory.

First the context, where its size is the model's; then, if the model still does not fit into its
devices, the part of it that they hold: the experts of a mixture go to RAM before whole layers do.
Pure policy: what would be used is measured by a function that is handed in. Answers to
common_fit_params in llama.cpp `common/fit.cpp`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from llama_ctypes import log
from server.engine.llama.config import Fit
from server.engine.llama.config import RunnerConfig
from server.engine.llama.measure import Measured
from server.engine.llama.measure import measure
from server.engine.llama.params import CTX_PAD
from server.engine.llama.placement import offload_devices

MIB = 1 << 20
AUTO = -1

Measure = Callable[[RunnerConfig], Measured | None]


def fit_to_memory(config: RunnerConfig) -> RunnerConfig:
    """The config as it is to be loaded."""
    # without devices there is nothing to change but the size of the context
    has_devices = bool(config.placement.rpc_servers or offload_devices())
    return fitted(config, measure) if has_devices or config.n_ctx == 0 else config


def fitted(config: RunnerConfig, measure: Measure) -> RunnerConfig:
    """The config, unchanged where nothing is to be fitted or nothing can be measured."""
    if config.fit is None or config.placement.split_mode == "tensor":
        return config
    found = measure(config)
    if found is None:
        return config
    return _Fitter(config, config.fit, found, measure).run()


class _Fitter:
    """One run; `config` becomes what fits."""

    def __init__(self, config: RunnerConfig, fit: Fit, found: Measured, measure: Measure) -> None:
        self.config = config
        self._fit = fit
        self._found = found
        self._measure = measure
        self._n_streams = config.n_slots if config.splits_context else 1
        self._has_own_ctx = config.n_ctx > 0

    def run(self) -> RunnerConfig:
        """What fits, or comes as near to it as it can."""
        n_full = self._found.n_ctx_train * self._n_streams
        if not self._has_own_ctx and self._n_streams > 1:
            self._use(replace(self.config, n_ctx=n_full))
        if self._lacks(self._found) <= 0:
            return self.config
        if not self._has_own_ctx and not self._fit.keeps_ctx:
            self._shrink_context(n_full)
        if self._lacks(self._found) > 0 and self._found.devices and self._may_move_weights():
            self._move_weights()
        missing = self._lacks(self._found)
        if missing > 0:
            _say(f"the model takes {missing // MIB} MiB more than --fit-target leaves")
        return self.config

    # measure

    def _use(self, config: RunnerConfig) -> None:
        """Go on with this config."""
        self.config = config
        self._found = self._measure(config) or self._found

    def _lacks(self, found: Measured) -> int:
        """The bytes that the device with the least room lacks; 0 or less: all fits."""
        targets = self._fit.target_mib
        uses = found.devices or (found.host,)
        margins = targets * len(uses) if len(targets) == 1 else targets
        margins += (targets[-1],) * (len(uses) - len(margins))
        return max(
            use.used_bytes + margin * MIB - use.room_bytes
            for use, margin in zip(uses, margins, strict=False)
        )

    def _fits(self, config: RunnerConfig) -> bool:
        found = self._measure(config)
        return found is not None and self._lacks(found) <= 0

    # context

    def _shrink_context(self, n_full: int) -> None:
        step = CTX_PAD * self._n_streams
        n_least = self._fit.min_ctx * self._n_streams
        if n_least >= n_full:
            return
        sizes = range(-(-n_least // step), n_full // step)
        n_fitting = _most(sizes, lambda n: self._fits(replace(self.config, n_ctx=n * step)))
        n_ctx = n_least if n_fitting is None else n_fitting * step
        self._use(replace(self.config, n_ctx=n_ctx))
        _say(f"a context of {n_ctx} tokens instead of {n_full}")

    # weights

    def _may_move_weights(self) -> bool:
        placement = self.config.placement
        is_free = self.config.n_gpu_layers == AUTO and not placement.tensor_split
        return is_free and not placement.tensor_buffers and placement.split_mode != "row"

    def _move_weights(self) -> None:
        n_layer = self._found.n_layer
        if self._found.n_expert and self._move_experts(n_layer):
            return
        n = _most(range(n_layer + 1), lambda n: self._fits(replace(self.config, n_gpu_layers=n)))
        self._use(replace(self.config, n_gpu_layers=n or 0))
        _say(f"{n or 0} of {n_layer + 1} layers on the devices")

    def _move_experts(self, n_layer: int) -> bool:
        """Keep the experts of as few layers as will do in RAM; False: all of them won't do."""
        n_kept = _most(range(n_layer), lambda n: self._fits(self._without_experts(n_layer - n)))
        n_moved = n_layer - (n_kept or 0)
        self._use(self._without_experts(n_moved))
        _say(f"the experts of {n_moved} of {n_layer} layers stay in RAM")
        return n_kept is not None

    def _without_experts(self, n_layers: int) -> RunnerConfig:
        """The experts of the first n_layers in RAM."""
        buffers = self._fit.experts_in_ram(n_layers)
        placement = replace(self.config.placement, tensor_buffers=buffers)
        return replace(self.config, placement=placement)


def _most(candidates: range, fits: Callable[[int], bool]) -> int | None:
    """The last candidate that fits, where those before it do too; None if the first does not."""
    low, high = -1, len(candidates)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(candidates[middle]):
            low = middle
        else:
            high = middle
    return candidates[low] if low >= 0 else None


def _say(what: str) -> None:
    log.write(logging.WARNING, f"--fit: {what}")
