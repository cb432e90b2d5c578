# mypy: disable-error-code="empty-body"
"""llama.h: samplers and chains of them.

A sampler added to a chain belongs to the chain. Applying one after a decode reads the logits, so
llama_synchronize() first (see context.py).
"""

from __future__ import annotations

from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import Size
from llama_ctypes.ctype import UInt32
from llama_ctypes.declare import c_function
from llama_ctypes.raw.params import llama_sampler_chain_params
from llama_ctypes.raw.sampler_i import llama_sampler
from llama_ctypes.raw.sampler_i import llama_sampler_context_t
from llama_ctypes.raw.sampler_i import llama_sampler_i
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_logit_bias
from llama_ctypes.raw.types import llama_seq_id
from llama_ctypes.raw.types import llama_token
from llama_ctypes.raw.types import llama_token_data_array
from llama_ctypes.raw.types import llama_vocab


@c_function
def llama_set_sampler(
    ctx: Ptr[llama_context], seq_id: llama_seq_id, smpl: Ptr[llama_sampler]
) -> Bool:
    """Let a chain sample on the device for one sequence."""


@c_function
def llama_sampler_init(
    iface: Ptr[llama_sampler_i], ctx: llama_sampler_context_t
) -> Ptr[llama_sampler]:
    """A sampler of the caller's, by its functions, which must outlive it."""


@c_function
def llama_sampler_name(smpl: ConstPtr[llama_sampler]) -> CStr:
    """Name of the sampler."""


@c_function
def llama_sampler_accept(smpl: Ptr[llama_sampler], token: llama_token) -> None:
    """Tell the sampler which token was chosen."""


@c_function
def llama_sampler_apply(smpl: Ptr[llama_sampler], cur_p: Ptr[llama_token_data_array]) -> None:
    """Change the candidates, perhaps select one."""


@c_function
def llama_sampler_reset(smpl: Ptr[llama_sampler]) -> None:
    """Forget what was accepted."""


@c_function
def llama_sampler_clone(smpl: ConstPtr[llama_sampler]) -> Ptr[llama_sampler]:
    """A copy with its state, freed on its own."""


@c_function
def llama_sampler_copy(src: ConstPtr[llama_sampler], dst: Ptr[llama_sampler]) -> None:
    """Copy the state of `src` into `dst`, a sampler of the same kind and settings."""


@c_function
def llama_sampler_free(smpl: Ptr[llama_sampler]) -> None:
    """Free a sampler that is in no chain, or a chain with all in it."""


@c_function
def llama_sampler_chain_init(params: llama_sampler_chain_params) -> Ptr[llama_sampler]:
    """An empty chain."""


@c_function
def llama_sampler_chain_add(chain: Ptr[llama_sampler], smpl: Ptr[llama_sampler]) -> None:
    """Append a sampler, which the chain owns from then on."""


@c_function
def llama_sampler_chain_get(chain: Ptr[llama_sampler], i: Int32) -> Ptr[llama_sampler]:
    """Sampler `i` of the chain, the chain itself for -1, or NULL."""


@c_function
def llama_sampler_chain_n(chain: ConstPtr[llama_sampler]) -> Int32:
    """Samplers of the chain."""


@c_function
def llama_sampler_chain_remove(chain: Ptr[llama_sampler], i: Int32) -> Ptr[llama_sampler]:
    """Take sampler `i` out; it belongs to the caller again."""


@c_function
def llama_sampler_init_greedy() -> Ptr[llama_sampler]:
    """Select the most likely candidate."""


@c_function
def llama_sampler_init_dist(seed: UInt32) -> Ptr[llama_sampler]:
    """Select by probability; LLAMA_DEFAULT_SEED: a random seed."""


@c_function
def llama_sampler_init_top_k(k: Int32) -> Ptr[llama_sampler]:
    """Keep the k most likely; k <= 0 keeps all."""


@c_function
def llama_sampler_init_top_p(p: Float, min_keep: Size) -> Ptr[llama_sampler]:
    """Keep the most likely that together have probability p."""


@c_function
def llama_sampler_init_min_p(p: Float, min_keep: Size) -> Ptr[llama_sampler]:
    """Keep those of at least p times the best probability."""


@c_function
def llama_sampler_init_typical(p: Float, min_keep: Size) -> Ptr[llama_sampler]:
    """Keep the locally typical."""


@c_function
def llama_sampler_init_temp(t: Float) -> Ptr[llama_sampler]:
    """Divide the logits by t; t <= 0 keeps only the best."""


@c_function
def llama_sampler_init_temp_ext(t: Float, delta: Float, exponent: Float) -> Ptr[llama_sampler]:
    """Temperature within t +- delta, by entropy."""


@c_function
def llama_sampler_init_xtc(p: Float, t: Float, min_keep: Size, seed: UInt32) -> Ptr[llama_sampler]:
    """With chance p, drop all but the last of those above t."""


@c_function
def llama_sampler_init_top_n_sigma(n: Float) -> Ptr[llama_sampler]:
    """Keep logits within n standard deviations of the best."""


@c_function
def llama_sampler_init_mirostat(
    n_vocab: Int32, seed: UInt32, tau: Float, eta: Float, m: Int32
) -> Ptr[llama_sampler]:
    """Mirostat 1: steer surprise to tau."""


@c_function
def llama_sampler_init_mirostat_v2(seed: UInt32, tau: Float, eta: Float) -> Ptr[llama_sampler]:
    """Mirostat 2: steer surprise to tau."""


@c_function(releases_gil=True)
def llama_sampler_init_grammar(
    vocab: ConstPtr[llama_vocab], grammar_str: CStr, grammar_root: CStr
) -> Ptr[llama_sampler]:
    """Keep what a GBNF grammar allows; NULL if it does not parse."""


@c_function(releases_gil=True)
def llama_sampler_init_grammar_lazy_patterns(
    vocab: ConstPtr[llama_vocab],
    grammar_str: CStr,
    grammar_root: CStr,
    trigger_patterns: Ptr[CStr],
    num_trigger_patterns: Size,
    trigger_tokens: ConstPtr[llama_token],
    num_trigger_tokens: Size,
) -> Ptr[llama_sampler]:
    """As llama_sampler_init_grammar(), from the first match of a pattern or trigger token on."""


@c_function
def llama_sampler_init_penalties(
    n_vocab: Int32,
    penalty_last_n: Int32,
    penalty_repeat: Float,
    penalty_freq: Float,
    penalty_present: Float,
) -> Ptr[llama_sampler]:
    """Penalise tokens of the last penalty_last_n."""


@c_function(releases_gil=True)
def llama_sampler_init_dry(
    vocab: ConstPtr[llama_vocab],
    dry_multiplier: Float,
    dry_base: Float,
    dry_allowed_length: Int32,
    dry_penalty_last_n: Int32,
    seq_breakers: Ptr[CStr],
    num_breakers: Size,
) -> Ptr[llama_sampler]:
    """Penalise tokens that would prolong a repetition."""


@c_function
def llama_sampler_init_adaptive_p(target: Float, decay: Float, seed: UInt32) -> Ptr[llama_sampler]:
    """Select near a target probability, adapting to what was selected; last in a chain."""


@c_function
def llama_sampler_init_logit_bias(
    n_vocab: Int32, n_logit_bias: Int32, logit_bias: ConstPtr[llama_logit_bias]
) -> Ptr[llama_sampler]:
    """Add a bias to some logits."""


@c_function
def llama_sampler_init_infill(vocab: ConstPtr[llama_vocab]) -> Ptr[llama_sampler]:
    """Prefer to end when filling in the middle; after top-k and top-p."""


@c_function
def llama_sampler_get_seed(smpl: ConstPtr[llama_sampler]) -> UInt32:
    """The seed in use, LLAMA_DEFAULT_SEED if there is none."""


@c_function
def llama_sampler_sample(
    smpl: Ptr[llama_sampler], ctx: Ptr[llama_context], idx: Int32
) -> llama_token:
    """Sample from output `idx`, accept the token, and return it."""
