"""Whether llguidance can follow an expression, without a vocabulary."""

from __future__ import annotations

import re

PLACE = re.compile(r"^(?:at \d+\(\d+\): )?(?:failed to compile JSON schema: )?")


def failure(rule: str) -> str:
    """Why llguidance can't follow a grammar of one expression; "" if it can."""
    from llguidance import LLMatcher
    from llguidance import LLParserLimits

    limits = LLParserLimits(verbose_errors=False)
    message = LLMatcher.validate_grammar(f"start: {rule}", None, limits=limits)
    if not message or message.startswith("WARNING"):
        return ""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return PLACE.sub("", lines[0])[:300] if lines else "can't be followed"
