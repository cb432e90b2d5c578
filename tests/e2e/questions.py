"""A question whose greedy answer is the same on a busy server and on an idle one.

Where a prefix came from and where its cells lie moves SmolLM2's logits by up to 0.3
(docs/howto/caching.md). In most free answers two tokens are nearer than that somewhere, so that a
text asked for twice may part there.
"""

from __future__ import annotations

SURE = "Repeat this three times: Shakespeare wrote Romeo and Juliet."
"""Each token of the answer is ahead of every other by 1.3 at least; then it ends by itself."""
SURE_ANSWER = "Shakespeare wrote Romeo and Juliet."
