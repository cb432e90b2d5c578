"""Alternation, agreement and failures, on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bench.agreement import Sample
from bench.agreement import compare
from bench.agreement import cosine
from bench.errors import ServersDiffer
from bench.facts import facts
from bench.facts import model_id
from bench.report import Turn
from bench.rounds import Listener
from bench.rounds import Plan
from bench.rounds import measure
from bench.rounds import turn_order
from bench.scenario import Load
from bench.scenario import Scenario
from bench.scenarios import sweep
from bench.scenarios.disconnect import Disconnect
from bench.scenarios.embeddings import Embeddings
from bench.scenarios.parallel import Parallel
from bench.scenarios.rerank import Rerank
from bench.scenarios.single import Single
from bench.scenarios.start import Start
from bench.servers import Target
from tests.bench.conftest import figures
from tests.bench.scripted import Scripted
from tests.bench.scripted import events
from tests.bench.scripted import scores
from tests.bench.scripted import vectors

TINY = Single(words=2, tokens=4, warm_tokens=1)
TEXT = {"choices": [{"delta": {"content": "a"}}]}


def measured(
    targets: Sequence[Target],
    *scenarios: Scenario,
    rounds: int = 1,
    may_differ: bool = False,
    limit_s: float = 60.0,
) -> list[Turn]:
    """All turns; what was begun is what was done."""
    loads = tuple(map(Load, scenarios))
    plan = Plan(loads, rounds, settle_s=0.0, may_differ=may_differ, limit_s=limit_s)
    turns: list[Turn] = []
    asyncio.run(measure(targets, plan, Listener(lambda *begun: None, turns.append)))
    return turns


def test_every_second_round_is_backwards() -> None:
    assert [turn_order("AB", i) for i in range(4)] == [[*"AB"], [*"BA"], [*"AB"], [*"BA"]]


@pytest.mark.model
def test_two_servers_alternate(server: Target) -> None:
    a, b = Target("a", server.url), Target("b", server.url)
    turns = measured([a, b], TINY, Parallel(2, 2, 2), rounds=2)
    assert [(turn.scenario, turn.server, turn.round) for turn in turns] == [
        (scenario, name, round_index)
        for scenario in ("single", "parallel")
        for name, round_index in (("a", 0), ("b", 0), ("b", 1), ("a", 1))
    ]


@pytest.mark.model
def test_a_server_started_here_reports_its_costs(server: Target) -> None:
    (turn,) = measured([server], TINY)
    assert set(turn.values) == figures(TINY) | {"cpu_s_per_1000", "peak_rss_mib"}
    assert turn.values["peak_rss_mib"] > 10
    assert turn.sizes == "words=2 tokens=4 warm_tokens=1"


@pytest.mark.model
def test_a_server_started_elsewhere_reports_none(server: Target) -> None:
    (turn,) = measured([Target("b", server.url)], TINY)
    assert set(turn.values) == figures(TINY)


@pytest.mark.model
def test_servers_with_different_text_are_not_compared(
    server: Target, different_server: Target
) -> None:
    with pytest.raises(ServersDiffer, match="different text at temperature 0"):
        measured([server, different_server], TINY)


@pytest.mark.model
def test_servers_with_different_text_are_compared_when_asked(
    server: Target, different_server: Target
) -> None:
    turns = measured([server, different_server], TINY, may_differ=True)
    assert [turn.failure for turn in turns] == ["", ""]


@pytest.mark.model
def test_a_failure_ends_its_scenario_and_no_other(server: Target, scripted: Scripted) -> None:
    targets = [server, Target("scripted", scripted.url)]
    turns = measured(targets, Embeddings(texts=2), TINY, rounds=2, may_differ=True)
    assert [(turn.scenario, turn.server, bool(turn.failure)) for turn in turns] == [
        ("embeddings", "ours", True),
        ("single", "ours", False),
        ("single", "scripted", True),
    ]


def test_what_a_server_cannot_do_is_no_disagreement(scripted: Scripted) -> None:
    targets = [Target("a", scripted.url), Target("b", scripted.url)]
    turns = measured(targets, TINY)
    assert [turn.server for turn in turns] == ["a", "b"]
    assert all("answered 404" in turn.failure for turn in turns)


def test_vectors_are_compared_before_embeddings(scripted: Scripted) -> None:
    answers = iter([vectors([1.0, 0.0], [1.0, 0.0]), vectors([1.0, 0.0], [0.0, 1.0])])
    scripted.answers["/v1/embeddings"] = lambda _: next(answers)
    targets = [Target("a", scripted.url), Target("b", scripted.url)]
    with pytest.raises(ServersDiffer, match=r"cosine 0\.0000"):
        measured(targets, Embeddings(texts=2))


def test_an_answer_that_lacks_a_field_is_a_failure(scripted: Scripted) -> None:
    scripted.answers["/v1/embeddings"] = {"vectors": []}
    (turn,) = measured([Target("a", scripted.url)], Embeddings(texts=2))
    assert turn.failure == "an answer of the server lacks 'data'"


@pytest.mark.model
def test_a_turn_that_takes_too_long_is_a_failure(server: Target) -> None:
    (turn,) = measured([server], Parallel(1, 2, 8000), limit_s=0.05)
    assert turn.failure == "not done after 0.05 s (--limit)"
    (after,) = measured([server], Disconnect(streams=1, drop_after=1))
    assert after.failure == ""


@pytest.mark.model
def test_a_server_describes_itself(server: Target) -> None:
    said = asyncio.run(facts(server))
    assert (said.name, said.model) == ("ours", "tiny.gguf")
    assert said.build
    assert said.command.startswith("llamactl serve -m tiny.gguf")


def test_a_server_without_props_is_described_by_its_address(scripted: Scripted) -> None:
    said = asyncio.run(facts(Target("x", scripted.url)))
    assert (said.url, said.model, said.build) == (scripted.url, "", "")


def test_a_server_without_props_names_its_model_in_a_list(scripted: Scripted) -> None:
    scripted.answers["/v1/models"] = {"data": [{"id": "hub/a"}, {"id": "hub/b"}]}
    assert asyncio.run(facts(Target("x", scripted.url))).model == "a"
    assert asyncio.run(model_id(Target("x", scripted.url))) == "hub/a"


@pytest.mark.parametrize("said", [[], {"data": []}, "x"])
def test_a_server_with_another_list_needs_no_name(scripted: Scripted, said: object) -> None:
    scripted.answers["/v1/models"] = said
    assert asyncio.run(model_id(Target("x", scripted.url))) == ""


def test_strict_servers_get_openais_fields_and_a_model(scripted: Scripted) -> None:
    target = Target("x", scripted.url, model_id="gpt")
    plan = Plan((Load(TINY),), 1, settle_s=0.0, is_strict=True)
    scripted.answers["/v1/chat/completions"] = events(TEXT, TEXT, "[DONE]")
    asyncio.run(measure([target], plan, Listener(lambda *_: None, lambda _: None)))
    bodies = [body for _, body in scripted.asked]
    assert all(body["model"] == "gpt" and "ignore_eos" not in body for body in bodies)
    assert len(bodies) == 2


def test_a_server_that_runs_is_not_started_again() -> None:
    (turn,) = measured([Target("x", "http://127.0.0.1:9")], Start())
    assert "only servers that are started here" in turn.failure


def test_scores_are_compared_before_ranking(scripted: Scripted) -> None:
    answers = iter([scores(0.5, 0.25), scores(0.5, 0.2)])
    scripted.answers["/v1/rerank"] = lambda _: next(answers)
    targets = [Target("a", scripted.url), Target("b", scripted.url)]
    with pytest.raises(ServersDiffer, match=r"different scores for one document: 0\.2500 and"):
        measured(targets, Rerank(documents=2, requests=1))


def test_a_swept_load_is_told_apart(scripted: Scripted) -> None:
    scripted.answers["/v1/chat/completions"] = events(TEXT, TEXT, "[DONE]")
    loads = tuple(sweep([TINY], ["single.words=2,3"]))
    turns: list[Turn] = []
    plan = Plan(loads, 1, settle_s=0.0)
    target = Target("x", scripted.url)
    asyncio.run(measure([target], plan, Listener(lambda *_: None, turns.append)))
    assert [turn.title for turn in turns] == ["single words=2", "single words=3"]
    assert [turn.sizes.split()[0] for turn in turns] == ["words=2", "words=3"]


def test_equal_samples_agree() -> None:
    compare(Sample(texts=("a",)), Sample(texts=("a",)))
    compare(Sample(vectors=((1.0, 2.0),)), Sample(vectors=((2.0, 4.0),)))


def test_vectors_of_other_length_differ() -> None:
    with pytest.raises(ServersDiffer, match="cosine nan"):
        compare(Sample(vectors=((1.0, 2.0),)), Sample(vectors=((1.0, 2.0, 3.0),)))


def test_cosine_ignores_length() -> None:
    assert cosine([1.0, 1.0], [3.0, 3.0]) == pytest.approx(1.0)
