"""Options with which a model in single precision computes in it throughout.

Batches of other shapes, and other processors, add in another order. In single precision that moves
logits by some 2e-7 of their range, which changes no greedy token of a random model; rounded to half
precision, as keys and values are by default, by a thousand times as much.
"""

from __future__ import annotations

EXACT_CACHE = ("-ctk", "f32", "-ctv", "f32")
EXACT = ("-fa", "off", *EXACT_CACHE)
