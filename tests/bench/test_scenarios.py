"""The scenarios, at tiny sizes, on a real server; what none should do, on a scripted one."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.errors import ScenarioFailed
from bench.errors import UsageError
from bench.scenario import Answer
from bench.scenario import Scenario
from bench.scenarios import DEFAULT
from bench.scenarios import SCENARIOS
from bench.scenarios import find
from bench.scenarios import resize
from bench.scenarios import sweep
from bench.scenarios.chat import Chat
from bench.scenarios.connections import Connections
from bench.scenarios.disconnect import Disconnect
from bench.scenarios.distinct import Distinct
from bench.scenarios.embeddings import Embeddings
from bench.scenarios.json_schema import JsonSchema
from bench.scenarios.mixed import Mixed
from bench.scenarios.parallel import Parallel
from bench.scenarios.rerank import Rerank
from bench.scenarios.shared_prefix import SharedPrefix
from bench.scenarios.single import Single
from bench.scenarios.start import Start
from bench.scenarios.steady import Steady
from bench.scenarios.steady import steady_rate
from bench.scenarios.storm import Storm
from bench.scenarios.tools import Tools
from bench.servers import Target
from bench.servers import ours
from bench.servers import running
from bench.stream import Stream
from tests.bench.conftest import figures
from tests.bench.conftest import run
from tests.bench.scripted import Scripted
from tests.bench.scripted import events
from tests.bench.scripted import scores
from tests.bench.scripted import vectors
from tests.tiny_bert import build_tiny_bert

CHAT_PATH = "/v1/chat/completions"
SMALL_EMBEDDINGS = Embeddings(texts=4, words=2)
SMALL_RERANK = Rerank(documents=4, requests=2, words=2)
TINY: tuple[Scenario, ...] = (
    # with fewer tokens all may come in one read, which has no rate
    Single(words=3, tokens=512, warm_tokens=2),
    Parallel(streams=3, words=3, tokens=6),
    Steady(streams=2, words=2, tokens=256),
    SharedPrefix(requests=3, words=30, question_words=2, tokens=4),
    Distinct(requests=5, at_once=2, words=6, tokens=3),
    Chat(conversations=2, turns=2, words=4, tokens=4),
    Mixed(streams=2, words=3, tokens=24, long_words=20, pause_s=0.01),
    Disconnect(streams=5, words=3, tokens=2000, drop_after=2),
    Connections(streams=12, words=2, tokens=2, health_every_s=0.005),
    Storm(streams=2, words=2, tokens=24, clients=6, impatience_s=0.02),
    JsonSchema(requests=1, tokens=8),
    Tools(requests=2),
)


@pytest.mark.model
@pytest.mark.parametrize("scenario", TINY, ids=lambda scenario: scenario.name)
def test_scenario_gives_all_its_figures(scenario: Scenario, server: Target) -> None:
    outcome = run(scenario, server.url)
    assert set(outcome.values) == figures(scenario)
    assert all(value >= 0 for value in outcome.values.values()), outcome.values
    assert outcome.note == ""


@pytest.mark.model
def test_tools_are_called_by_a_real_server(server: Target) -> None:
    outcome = run(Tools(requests=3), server.url)
    assert outcome.values["no_call"] == 0
    assert outcome.values["req_s"] > 0


@pytest.mark.model
def test_texts_become_vectors_on_a_real_server(tmp_path: Path) -> None:
    path = build_tiny_bert(tmp_path / "bert.gguf")
    with running(ours(f"-m {path} --embeddings -t 1"), tmp_path / "log") as target:
        assert set(run(SMALL_EMBEDDINGS, target.url).values) == figures(SMALL_EMBEDDINGS)


@pytest.mark.model
def test_documents_are_ranked_by_a_real_server(tmp_path: Path) -> None:
    path = build_tiny_bert(tmp_path / "ranker.gguf", ranks=True)
    with running(ours(f"-m {path} --reranking -t 1"), tmp_path / "log") as target:
        assert set(run(SMALL_RERANK, target.url).values) == figures(SMALL_RERANK)


@pytest.mark.model
def test_a_server_is_started_once_more(server: Target) -> None:
    scenario = Start(words=2, idle_s=0.1)
    outcome = asyncio.run(scenario.start(server.launch, 1))
    assert set(outcome.values) == figures(scenario)
    assert 0 < outcome.values["ready_s"] < outcome.values["start_to_token_s"]
    assert 0 < outcome.values["idle_pss_mib"] <= outcome.values["idle_rss_mib"]


def test_a_server_without_slots_and_health_is_measured(scripted: Scripted) -> None:
    text = {"choices": [{"delta": {"content": "a"}}]}
    scripted.answers |= {CHAT_PATH: events(text, text, "[DONE]"), "/v1/models": {"data": []}}
    outcome = run(Disconnect(streams=2, drop_after=1), scripted.url)
    assert math.isnan(outcome.values["idle_after_ms"])
    assert outcome.values["next_ttft_ms"] > 0
    outcome = run(Connections(streams=2), scripted.url)
    assert outcome.values["health_p50_ms"] > 0


@pytest.mark.parametrize(
    "call",
    [
        None,
        {"name": "nope", "arguments": "{}"},
        {"name": "hotel", "arguments": "{"},
        {"name": "weather", "arguments": '{"city": "Lima"}'},
    ],
)
def test_answers_without_a_proper_call_are_counted(
    scripted: Scripted, call: dict[str, Any] | None
) -> None:
    message = {"content": "a", "tool_calls": [{"function": call}] if call else None}
    usage = {"completion_tokens": 3}
    scripted.answers[CHAT_PATH] = {"choices": [{"message": message}], "usage": usage}
    assert run(Tools(requests=2), scripted.url).values["no_call"] == 2


def test_too_few_scores_are_a_failure(scripted: Scripted) -> None:
    scripted.answers["/v1/rerank"] = scores(0.5)
    with pytest.raises(ScenarioFailed, match="1 scores came for 3 documents"):
        run(Rerank(documents=3), scripted.url)


@pytest.mark.model
def test_single_counts_the_tokens_that_it_asked_for(server: Target) -> None:
    outcome = run(Single(words=3, tokens=9, warm_tokens=1), server.url)
    assert outcome.n_tokens == 9
    assert len(outcome.gaps_ms) <= 8


@pytest.mark.model
def test_mixed_sends_long_prompts_beside_the_streams(server: Target) -> None:
    outcome = run(Mixed(streams=2, words=3, tokens=24, long_words=20, pause_s=0.01), server.url)
    assert outcome.values["n_long"] >= 1


def test_equal_seeds_ask_for_the_same(scripted: Scripted) -> None:
    scripted.answers[CHAT_PATH] = events(
        {"choices": [{"delta": {"content": "a"}}]},
        {"choices": [{"delta": {"content": "b"}}]},
        "[DONE]",
    )
    for seed in (1, 1, 2):
        run(Single(tokens=2), scripted.url, seed)
    first, again, other = (scripted.asked[i : i + 2] for i in (0, 2, 4))
    assert first == again != other


def test_distinct_prompts_begin_differently_in_all_rounds(scripted: Scripted) -> None:
    scripted.answers["/v1/completions"] = events({"choices": [{"text": "a"}]}, "[DONE]")
    for seed in (1, 2):
        run(Distinct(requests=4, words=2, tokens=1), scripted.url, seed)
    assert len({body["prompt"].split()[0] for _, body in scripted.asked}) == 8


def test_embeddings_counts_both_ways(scripted: Scripted) -> None:
    def embed(body: dict[str, Any]) -> dict[str, Any]:
        n = len(body["input"]) if isinstance(body["input"], list) else 1
        return vectors(*[[0.5, 0.5]] * n)

    scripted.answers["/v1/embeddings"] = embed
    scenario = Embeddings(texts=3, words=2)
    assert set(run(scenario, scripted.url).values) == figures(scenario)
    assert len(scripted.asked) == 1 + 3


def test_too_few_vectors_are_a_failure(scripted: Scripted) -> None:
    scripted.answers["/v1/embeddings"] = vectors([1.0])
    with pytest.raises(ScenarioFailed, match="1 vectors came for 3 texts"):
        run(Embeddings(texts=3), scripted.url)


def test_json_schema_counts_answers_that_are_no_json(scripted: Scripted) -> None:
    contents = iter(['{"a": 1}', '{"a": '])

    def complete(_: object) -> dict[str, Any]:
        return {
            "choices": [{"message": {"content": next(contents)}}],
            "usage": {"completion_tokens": 4},
        }

    scripted.answers[CHAT_PATH] = complete
    outcome = run(JsonSchema(requests=2), scripted.url)
    assert (outcome.values["invalid"], outcome.n_tokens) == (1, 8)


def test_slots_that_stay_busy_are_a_failure(scripted: Scripted) -> None:
    text = {"choices": [{"delta": {"content": "a"}}]}
    scripted.answers[CHAT_PATH] = events(text, text, "[DONE]")
    scripted.answers["/slots"] = [{"is_processing": False}, {"is_processing": True}]
    with pytest.raises(ScenarioFailed, match="slots are busy"):
        run(Disconnect(streams=2, drop_after=1, patience_s=0.05), scripted.url)


def test_connections_counts_streams_that_fail(scripted: Scripted) -> None:
    bodies = iter([events({"choices": [{"delta": {"content": "a"}}]}, "[DONE]"), b""])
    scripted.answers |= {"/health": {"status": "ok"}, CHAT_PATH: lambda _: next(bodies)}
    outcome = run(Connections(streams=2), scripted.url)
    assert (outcome.values["failed"], outcome.n_tokens) == (1, 1)
    assert "ended before the server had finished" in outcome.note


def test_connections_that_all_fail_are_a_failure(scripted: Scripted) -> None:
    scripted.answers |= {"/health": {"status": "ok"}}
    with pytest.raises(ScenarioFailed, match="answered 404"):
        run(Connections(streams=2), scripted.url)


def test_refusal_is_a_failure_with_the_servers_words(scripted: Scripted) -> None:
    with pytest.raises(ScenarioFailed, match=r"/v1/chat/completions: the server answered 404"):
        run(Single(), scripted.url)


def test_server_that_is_not_there_is_a_failure(scripted: Scripted) -> None:
    port = scripted.url.rpartition(":")[2]
    with pytest.raises(ScenarioFailed, match="/v1/chat/completions: "):
        run(Single(), f"http://127.0.0.2:{port}")  # it listens on 127.0.0.1 only


def test_names_are_unique_and_defaults_exist() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    assert set(DEFAULT) <= set(names)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_figures_are_unique_within_a_scenario(scenario: Scenario) -> None:
    assert len(figures(scenario)) == len(scenario.metrics)
    assert scenario.answer in Answer


def test_unknown_name_lists_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"--scenario nope: .*single, parallel"):
        find("nope")


def test_sizes_are_set_by_name() -> None:
    assert resize([Single(), Mixed()], ["mixed.pause_s=0.25", "single.tokens=7"]) == [
        replace(Single(), tokens=7),
        replace(Mixed(), pause_s=0.25),
    ]


def test_a_sweep_is_a_load_for_each_size() -> None:
    loads = sweep([Single(), Mixed()], ["single.tokens=7,8"])
    assert [load.title for load in loads] == ["single tokens=7", "single tokens=8", "mixed"]
    assert [load.scenario for load in loads[:2]] == [Single(tokens=7), Single(tokens=8)]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (["mixed.pause_s=1"], "--sweep mixed.pause_s=1: no scenario 'mixed' is to be run"),
        (["single.tokens=1,x"], "--sweep single.tokens=x: expected a number, got 'x'"),
        (["single.tokens=1", "single.words=1"], "single is swept over one size at a time"),
    ],
)
def test_sweep_that_cannot_be_says_why(settings: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        sweep([Single()], settings)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("parallel.streams=2", "no scenario 'parallel' is to be run"),
        ("single.streams=2", "single has words, tokens, warm_tokens"),
        ("single.tokens=many", "expected a number, got 'many'"),
        ("single.tokens=0", "expected a positive number"),
        ("single", "single has words"),
    ],
)
def test_size_that_cannot_be_set_says_why(setting: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        resize([Single()], [setting])


def stream(start_s: float, ttft_s: float | None, *gaps_s: float, n_tokens: int = 0) -> Stream:
    n_pieces = len(gaps_s) + 1
    return Stream("", ttft_s, gaps_s, 9.0, n_tokens or n_pieces, 1, None, True, start_s)


def test_steady_rate_is_that_of_the_time_in_which_all_run() -> None:
    # pieces at 1 2 3 4 5, and at 3.5 4.5: all run from 3.5 to 4.5
    long, short = stream(0, 1, 1, 1, 1, 1), stream(3, 0.5, 1.0)
    assert steady_rate([long, short]) == pytest.approx(2.0)


def test_steady_rate_counts_pieces_of_several_tokens() -> None:
    assert steady_rate([stream(0, 1, 1, 1, n_tokens=6)]) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "streams",
    [
        [stream(0, None)],
        [stream(0, 1)],
        [stream(0, 1, 1), stream(10, 1, 1)],  # one after the other
        [stream(0, 1, 0, 0)],  # all in one read
    ],
)
def test_steady_rate_of_streams_that_never_run_together_is_none(streams: list[Stream]) -> None:
    assert math.isnan(steady_rate(streams))
