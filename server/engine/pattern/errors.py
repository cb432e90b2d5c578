"""What is wrong with an expression."""

from __future__ import annotations


class PatternRefused(Exception):
    """An expression that is none, or that is too much; the message is for the client."""
