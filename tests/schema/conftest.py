"""A parser with the defaults that the vectors were recorded with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from server.schema import CompletionParams
from server.schema import RequestDefaults
from server.schema import parse_completion
from tests.schema.vectors import RecordedTokenizer

Parse = Callable[[dict[str, Any]], CompletionParams]


@pytest.fixture(scope="session")
def tokenizer() -> RecordedTokenizer:
    return RecordedTokenizer()


@pytest.fixture(scope="session")
def parse(tokenizer: RecordedTokenizer) -> Parse:
    defaults = RequestDefaults(n_slots=2)
    return lambda body: parse_completion(body, defaults, tokenizer)
