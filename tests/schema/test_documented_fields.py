"""Every field that llama-server documents for `POST /completion` is a row of the request table."""

from __future__ import annotations

import re

import pytest

from server.schema.bodies import COMPLETION
from tests.chat.streams import templates_folder

DOCUMENTED = [
    *("cache_prompt", "dry_allowed_length", "dry_base", "dry_multiplier"),
    *("dry_penalty_last_n", "dry_sequence_breakers", "dynatemp_exponent", "dynatemp_range"),
    *("frequency_penalty", "grammar", "id_slot", "ignore_eos", "json_schema", "logit_bias"),
    *("lora", "min_keep", "min_p", "mirostat", "mirostat_eta", "mirostat_tau"),
    *("n_cache_reuse", "n_cmpl", "n_indent", "n_keep", "n_predict", "n_probs"),
    *("post_sampling_probs", "presence_penalty", "prompt", "repeat_last_n", "repeat_penalty"),
    *("response_fields", "return_progress", "return_tokens", "samplers", "seed"),
    *("sse_ping_interval", "stop", "stream", "t_max_predict_ms", "temperature"),
    *("timings_per_token", "top_k", "top_p", "typical_p", "xtc_probability", "xtc_threshold"),
]
"""From tools/server/README.md of the pinned source."""

SECTION = re.compile(r"^### POST `/completion`.*?^\*\*Response format", re.MULTILINE | re.DOTALL)


def test_the_request_table_has_every_documented_field() -> None:
    names = {name for row in COMPLETION.completion for name in (row.name, *row.aliases)}
    assert set(DOCUMENTED) - names == set()


@pytest.mark.upstream
def test_the_names_are_those_of_the_pinned_source() -> None:
    readme = templates_folder().parents[1] / "tools" / "server" / "README.md"
    section = SECTION.search(readme.read_text(encoding="utf-8"))
    assert section is not None
    assert sorted(set(re.findall(r"^`(\w+)`", section.group(), re.MULTILINE))) == DOCUMENTED
