"""Sampling settings: each must yield the reference's text from the reference's seed.

Bodies of `/completion`; seed and length are put in by the recorder, whose vectors keep both.
"""

from __future__ import annotations

from typing import Any

from tests.compat.divergence import Setting

PROMPT = "Once upon a time there was a"
LONG_PROMPT = " ".join(
    f"{name} went to the {place} and said: I am {name}."
    for name, place in (("Tom", "park"), ("Lily", "sea"), ("Ben", "shop"), ("Sue", "hill"))
)
BASE: dict[str, Any] = {"prompt": PROMPT, "cache_prompt": False}


def setting(name: str, **fields: Any) -> Setting:
    """A setting."""
    return Setting(name, {**BASE, **fields})


SETTINGS = (
    setting("greedy", temperature=0),
    setting("greedy-long-prompt", temperature=0, prompt=LONG_PROMPT),
    setting("greedy-repeat-penalty", temperature=0, repeat_penalty=1.3, repeat_last_n=64),
    setting("greedy-top-k-1", top_k=1),
    setting("defaults"),
    setting("hot", temperature=1.5),
    setting("cool", temperature=0.4),
    setting("dynatemp", temperature=0.7, dynatemp_range=0.5, dynatemp_exponent=1.3),
    setting("top-k", top_k=5),
    setting("top-p", top_k=0, top_p=0.5),
    setting("min-p", min_p=0.3),
    setting("typical-p", typical_p=0.4),
    setting("top-n-sigma", top_n_sigma=1.0),
    setting("xtc", xtc_probability=0.7, xtc_threshold=0.05),
    setting(
        "dry", prompt=LONG_PROMPT, dry_multiplier=1.2, dry_allowed_length=4, dry_penalty_last_n=64
    ),
    setting(
        "dry-breakers", dry_multiplier=2.0, dry_sequence_breakers=["a", "."], prompt=LONG_PROMPT
    ),
    setting("repeat-penalty", repeat_penalty=1.5, repeat_last_n=32),
    setting("presence-penalty", presence_penalty=1.0),
    setting("frequency-penalty", frequency_penalty=1.0, prompt=LONG_PROMPT),
    setting("mirostat-1", mirostat=1),
    setting("mirostat-2", mirostat=2, mirostat_tau=3.0, mirostat_eta=0.2),
    setting("adaptive-p", samplers=["top_k", "adaptive_p"], adaptive_target=0.3),
    setting(
        "adaptive-p-slow", samplers=["min_p", "adaptive_p"], adaptive_target=0.6, adaptive_decay=0.5
    ),
    setting("logit-bias", logit_bias=[[300, 5.0], ["a", -3]]),
    setting("logit-bias-ban", logit_bias=[[13, False], ["the", False], [" and", False]]),
    setting("ignore-eos", ignore_eos=True, temperature=2.0),
    setting("min-keep", min_keep=3, top_p=0.1),
    setting("samplers-order", samplers=["temperature", "top_p"], temperature=1.4, top_p=0.8),
    setting("samplers-letters", samplers="kt", top_k=12, temperature=1.2),
    setting("samplers-none", samplers=[]),
    setting("infill-sampler", samplers=["top_k", "infill", "temperature"]),
    setting("grammar", grammar='root ::= [a-z ]+ "."'),
    setting("grammar-greedy", temperature=0, grammar='root ::= "[" [0-9]+ ("," [0-9]+)* "]"'),
    setting("stop-strings", stop=["and", "was "]),
    setting("utf8-prompt", prompt="Grüße an die 世界 🎉", temperature=1.1),
    setting("short-prompt", prompt="A", temperature=1.1),
    setting("token-prompt", prompt=[1, 300, 301, 302], temperature=1.1),
    setting(
        "everything",
        temperature=1.3,
        top_k=30,
        top_p=0.9,
        min_p=0.02,
        typical_p=0.95,
        repeat_penalty=1.1,
        presence_penalty=0.2,
        frequency_penalty=0.2,
        dry_multiplier=0.5,
        xtc_probability=0.2,
        top_n_sigma=2.5,
        dynatemp_range=0.3,
    ),
)
