"""Prompts that mean nothing, tokenize like English, and are the same for everyone with one seed."""

from __future__ import annotations

import random

_WORDS = """
    river stone window garden summer winter letter paper bridge market village teacher doctor
    farmer sailor captain island forest valley mountain cloud thunder silver copper iron
    timber barrel basket candle mirror ladder hammer needle blanket pocket button butter sugar
    pepper honey apple cherry lemon onion carrot rabbit horse monkey tiger eagle spider turtle
    ocean harbor desert planet engine signal number record answer question moment reason
    method degree figure
"""
WORDS = tuple(_WORDS.split())


def words(n: int, *key: object) -> str:
    """`n` words; equal keys give equal words."""
    chosen = random.Random("/".join(map(str, key)))
    return " ".join(chosen.choice(WORDS) for _ in range(n))
