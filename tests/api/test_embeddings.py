"""`/v1/embeddings`, `/embeddings` and `/v1/rerank` over the real engine with a fake embedder."""

from __future__ import annotations

from base64 import b64decode

import numpy as np
import pytest
from flask.testing import FlaskClient

from server.api.vectors import normalized
from server.engine.modelinfo import Pooling
from tests.api.conftest import ServerMaker
from tests.fake_embedder import N_EMBD
from tests.fake_embedder import pooled
from tests.fakes import BOS
from tests.fakes import EOS

INFO: dict[str, object] = {
    "embeds": True,
    "can_generate": False,
    "pooling": Pooling.MEAN,
    "n_text_max": 32,
    "n_embd_out": N_EMBD,
}


@pytest.fixture
def client(serve: ServerMaker) -> FlaskClient:
    return serve(info=INFO, embedding="on").client


def unit(text: str) -> list[float]:
    vector = pooled([BOS, *text.encode()], 0, Pooling.MEAN)
    return (vector / np.linalg.norm(vector))[0].tolist()  # type: ignore[no-any-return]


def test_a_text_becomes_a_vector_of_length_one(client: FlaskClient) -> None:
    answer = client.post("/v1/embeddings", json={"input": "hi", "model": "m"}).json
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert (answer["model"], answer["object"]) == ("m", "list")
    (datum,) = answer["data"]
    assert (datum["index"], datum["object"]) == (0, "embedding")
    assert np.allclose(datum["embedding"], unit("hi"), atol=1e-6)


def test_several_inputs_of_all_forms_keep_their_order(client: FlaskClient) -> None:
    inputs = ["hi", [BOS, 104, 105], ["h", 105], {"prompt_string": "hi"}]
    parts = {"content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]}
    data = client.post("/v1/embeddings", json={"input": [*inputs, parts]}).json["data"]
    assert [datum["index"] for datum in data] == [0, 1, 2, 3, 4]
    for datum in data:
        assert np.allclose(datum["embedding"], unit("hi"), atol=1e-6)


def test_base64_holds_the_same_numbers(client: FlaskClient) -> None:
    body = {"input": "hi", "encoding_format": "base64"}
    (datum,) = client.post("/v1/embeddings", json=body).json["data"]
    assert datum["encoding_format"] == "base64"
    numbers = np.frombuffer(b64decode(datum["embedding"]), "<f4")
    assert np.allclose(numbers, unit("hi"), atol=1e-6)


@pytest.mark.parametrize("path", ["/embedding", "/embeddings"])
def test_the_native_form_is_an_array_with_rows(client: FlaskClient, path: str) -> None:
    answer = client.post(path, json={"content": ["hi", "a"], "embd_normalize": -1}).json
    assert [item["index"] for item in answer] == [0, 1]
    expected = pooled([BOS, *b"hi"], 0, Pooling.MEAN)
    assert np.allclose(answer[0]["embedding"], expected, rtol=1e-6)


def test_content_is_answered_in_the_native_form(client: FlaskClient) -> None:
    (item,) = client.post("/v1/embeddings", json={"content": "hi"}).json
    assert np.allclose(item["embedding"][0], unit("hi"), atol=1e-6)


def test_without_pooling_there_is_a_row_for_each_token(serve: ServerMaker) -> None:
    client = serve(info=INFO | {"pooling": Pooling.NONE}, embedding="on").client
    (item,) = client.post("/embeddings", json={"content": "hi"}).json
    assert np.allclose(item["embedding"], pooled([BOS, *b"hi"], 0, Pooling.NONE))
    refused = client.post("/v1/embeddings", json={"input": "hi"})
    assert refused.status_code == 400
    assert "Pooling type 'none' is not OAI compatible" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, '"input" or "content" must be provided'),
        ({"input": None}, '"input" or "content" must be provided'),
        ({"input": []}, '"input" must not be empty'),
        ({"input": 5}, "'input'"),
        ({"input": {"a": 1}}, "'input'"),
        ({"input": [[]]}, "Input content cannot be empty"),
        ({"input": "a", "encoding_format": "int8"}, "Can be either float or base64"),
        ({"input": "a", "dimensions": 3}, "dimensions"),
        ({"input": "a", "dimensions": 0}, "'dimensions'"),
        ({"input": "a", "embd_normalize": -2}, "'embd_normalize'"),
        ({"input": [999]}, "999"),
        ({"input": "x" * 40}, "input (41 tokens) is too large to process"),
    ],
)
def test_wrong_requests_are_400_and_say_why(
    client: FlaskClient, body: dict[str, object], said: str
) -> None:
    answer = client.post("/v1/embeddings", json=body)
    assert answer.status_code == 400
    assert said in answer.json["error"]["message"]


def test_the_length_that_the_vectors_have_may_be_asked_for(client: FlaskClient) -> None:
    body = {"input": "a", "dimensions": N_EMBD}
    assert client.post("/v1/embeddings", json=body).status_code == 200


def test_a_server_without_the_option_says_how_to_start_it(serve: ServerMaker) -> None:
    client = serve().client
    embeddings = client.post("/v1/embeddings", json={"input": "a"})
    ranks = client.post("/rerank", json={"query": "a", "documents": ["b"]})
    assert embeddings.status_code == ranks.status_code == 501
    assert "`--embeddings`" in embeddings.json["error"]["message"]
    assert "`--reranking`" in ranks.json["error"]["message"]


def test_an_encoder_says_that_it_can_not_generate(client: FlaskClient) -> None:
    assert client.post("/completion", json={"prompt": "a"}).status_code == 501


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        (-1, [3.0, -4.0]),
        (0, [24570.0, -32760.0]),
        (1, [3 / 7, -4 / 7]),
        (2, [0.6, -0.8]),
        (3, [3 / 91 ** (1 / 3), -4 / 91 ** (1 / 3)]),
    ],
)
def test_norms(norm: int, expected: list[float]) -> None:
    found = normalized(np.array([[3, -4], [0, 0]], np.float32), norm)
    assert np.allclose(found, [expected, [0, 0]], rtol=1e-6)


# ranks


@pytest.fixture
def ranker(serve: ServerMaker) -> FlaskClient:
    return serve(info=INFO | {"pooling": Pooling.RANK}, rerank="on").client


def score(query: str, document: str) -> float:
    tokens = [BOS, *query.encode(), *document.encode()]
    return float(pooled(tokens, 0, Pooling.RANK)[0, 0])


def test_documents_are_sorted_by_their_scores(ranker: FlaskClient) -> None:
    documents = ["a", "bb", "ccc"]
    answer = ranker.post("/v1/rerank", json={"query": "q", "documents": documents}).json
    results = answer["results"]
    scores = [result["relevance_score"] for result in results]
    assert scores == sorted(scores, reverse=True)
    assert {r["index"]: r["relevance_score"] for r in results} == {
        i: score("q", document) for i, document in enumerate(documents)
    }
    assert answer["usage"] == {"prompt_tokens": 3 + 4 + 5, "total_tokens": 3 + 4 + 5}


def test_the_form_of_tei_is_a_bare_array_with_texts_if_asked_for(ranker: FlaskClient) -> None:
    body = {"query": "q", "texts": ["a", "bb"], "return_text": True, "top_n": 1}
    (best,) = ranker.post("/rerank", json=body).json
    assert best["text"] == ["a", "bb"][best["index"]]
    assert best["score"] == max(score("q", "a"), score("q", "bb"))


def test_the_models_own_template_makes_the_prompt(serve: ServerMaker) -> None:
    info = INFO | {"pooling": Pooling.RANK, "rerank_template": "{query}|{document}"}
    client = serve(info=info, rerank="on").client
    body = {"query": "{document}", "documents": ["d"]}
    (result,) = client.post("/v1/rerank", json=body).json["results"]
    expected = pooled([*b"{document}|d"], 0, Pooling.RANK)
    assert result["relevance_score"] == float(expected[0, 0])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"documents": ["a"]}, '"query" must be provided'),
        ({"query": 1, "documents": ["a"]}, '"query" must be a string'),
        ({"query": "q"}, '"documents" must be a non-empty string array'),
        ({"query": "q", "documents": []}, '"documents" must be a non-empty string array'),
        ({"query": "q", "documents": ["a", 1]}, '"documents" must be a non-empty string array'),
        ({"query": "q", "documents": ["a"], "top_n": -1}, "'top_n'"),
        ({"query": "q", "documents": ["a" * 40]}, "too large to process"),
    ],
)
def test_wrong_rank_requests_are_400(
    ranker: FlaskClient, body: dict[str, object], said: str
) -> None:
    answer = ranker.post("/v1/rerank", json=body)
    assert answer.status_code == 400
    assert said in answer.json["error"]["message"]


def test_a_ranking_server_embeds_nothing(ranker: FlaskClient) -> None:
    assert ranker.post("/v1/embeddings", json={"input": "a"}).status_code == 501


def test_end_tokens_stand_where_the_model_wants_them(
    serve: ServerMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(info=INFO | {"pooling": Pooling.RANK}, rerank="on")
    monkeypatch.setattr(server.runner.tokenizer, "add_eos", True, raising=False)
    body = {"query": "q", "documents": ["d"]}
    (result,) = server.client.post("/v1/rerank", json=body).json["results"]
    expected = pooled([BOS, ord("q"), EOS, ord("d"), EOS], 0, Pooling.RANK)
    assert result["relevance_score"] == float(expected[0, 0])
