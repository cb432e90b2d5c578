"""`/metrics`: llama-server's names, and an answer at once."""

from __future__ import annotations

import threading
import time

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from server.engine.modelinfo import AdapterInfo
from tests.api.conftest import ServerMaker
from tests.fakes import next_letter

WAIT_S = 5.0

THEIRS = {
    "llamacpp:prompt_tokens_total",
    "llamacpp:prompt_tokens_cached_total",
    "llamacpp:prompt_seconds_total",
    "llamacpp:tokens_predicted_total",
    "llamacpp:tokens_predicted_seconds_total",
    "llamacpp:n_decode_total",
    "llamacpp:n_tokens_max",
    "llamacpp:spec_decode_num_draft_tokens_total",
    "llamacpp:spec_decode_num_accepted_tokens_total",
    "llamacpp:spec_decode_num_drafts_total",
    "llamacpp:prompt_tokens_seconds",
    "llamacpp:predicted_tokens_seconds",
    "llamacpp:requests_processing",
    "llamacpp:requests_deferred",
    "llamacpp:n_busy_slots_per_decode",
}


@pytest.fixture
def client(serve: ServerMaker) -> FlaskClient:
    return serve(metrics="on").client


def samples(client: FlaskClient) -> dict[str, float]:
    """name or name{labels} -> value."""
    text = client.get("/metrics").get_data(as_text=True)
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_must_be_asked_for(serve: ServerMaker) -> None:
    reply = serve().client.get("/metrics")
    assert reply.status_code == 501
    assert reply.json["error"] == {
        "code": 501,
        "message": "This server does not support metrics endpoint. Start it with `--metrics`",
        "type": "not_supported_error",
    }


def test_metrics_are_prometheus_text(client: FlaskClient) -> None:
    reply = client.get("/metrics")
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4"
    assert int(reply.headers["Process-Start-Time-Unix"]) > 1_700_000_000


def test_metrics_have_the_names_of_llama_server(client: FlaskClient) -> None:
    assert {name for name in samples(client) if name.startswith("llamacpp:")} == THEIRS


def test_metrics_count_what_was_done(client: FlaskClient) -> None:
    client.post("/completion", json={"prompt": "hello", "n_predict": 4})
    client.post("/completion", json={"prompt": "hello", "n_predict": 4})
    found = samples(client)
    assert found["llamacpp:prompt_tokens_total"] == 7
    assert found["llamacpp:prompt_tokens_cached_total"] == 5
    assert found["llamacpp:tokens_predicted_total"] == 8
    assert found["llamacpp:n_decode_total"] == 8
    assert found["llamacpp:n_tokens_max"] == 9
    assert found["llamacpp:n_busy_slots_per_decode"] == 1
    assert found["llamactl_requests_total{limit}"] == 2
    assert found["llamactl_kv_cells_used"] > 0


def test_metrics_have_distributions_of_times(client: FlaskClient) -> None:
    client.post("/completion", json={"prompt": "hello", "n_predict": 4})
    found = samples(client)
    for name in ("queue", "time_to_first_token", "request"):
        assert found[f"llamactl_{name}_seconds_count"] == 1, name
        assert found[f"llamactl_{name}_seconds_bucket{{+Inf}}"] == 1, name
    assert found["llamactl_inter_token_seconds_count"] == 3
    assert found["llamactl_inter_token_seconds_sum"] > 0


def test_rates_are_those_since_the_last_look(client: FlaskClient) -> None:
    client.post("/completion", json={"prompt": "hello", "n_predict": 4})
    assert samples(client)["llamacpp:predicted_tokens_seconds"] > 0
    assert samples(client)["llamacpp:predicted_tokens_seconds"] == 0


def test_metrics_show_the_process(client: FlaskClient) -> None:
    assert samples(client)["process_resident_memory_bytes"] > 0


def test_state_is_told_at_once_while_a_step_goes_on(serve: ServerMaker) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def rule(tokens: list[int]) -> int:
        entered.set()
        assert go_on.wait(WAIT_S)
        return next_letter(tokens)

    server = serve(rule, metrics="on")
    body = {"prompt": "hello", "n_predict": 2}
    other = server.app.test_client()
    request = threading.Thread(target=lambda: other.post("/completion", json=body))
    request.start()
    try:
        assert entered.wait(WAIT_S)
        assert server.client.get("/health").json == {"status": "ok"}
        slots = server.client.get("/slots").json
        assert [slot["is_processing"] for slot in slots].count(True) == 1
        assert samples(server.client)["llamacpp:requests_processing"] == 1
    finally:
        go_on.set()
        request.join(WAIT_S)


def test_gateways_find_what_they_choose_a_server_by(client: FlaskClient) -> None:
    client.post("/completion", json={"prompt": "abc", "n_predict": 3})
    shown = samples(client)
    assert shown["vllm:num_requests_running"] == shown["llamacpp:requests_processing"]
    assert shown["vllm:num_requests_waiting"] == 0
    usage = shown["llamactl_kv_cells_used"] / shown["llamactl_kv_cells"]
    assert shown["vllm:kv_cache_usage_perc"] == pytest.approx(usage)
    assert usage > 0


def test_gateways_find_the_cache_and_the_adapters_in_labels(serve: ServerMaker) -> None:
    adapters = (AdapterInfo("/models/poet.gguf", 1.0), AdapterInfo("coder.gguf", 0.0))
    shown = samples(serve(info={"adapters": adapters}, metrics="on").client)
    blocks = int(shown["llamactl_kv_cells"]) // 16
    # the values of block_size and num_gpu_blocks; of max_lora, running and waiting adapters
    assert shown[f"vllm:cache_config_info{{16}}{{{blocks}}}"] == 1
    listed_at = shown["vllm:lora_requests_info{2}{poet,coder}{}"]
    assert listed_at == pytest.approx(time.time(), abs=60)


def test_without_adapters_no_list_of_them_is_shown(serve: ServerMaker) -> None:
    shown = samples(serve(info={"adapters": ()}, metrics="on").client)
    assert not any(name.startswith("vllm:lora_requests_info") for name in shown)
