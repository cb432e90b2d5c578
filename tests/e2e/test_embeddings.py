"""A real embedding model: its vectors are those that sentence-transformers publishes."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from openai import OpenAI

from bench.minilm import write_gguf
from tests.e2e import live
from tests.e2e.conftest import ONE_THREAD
from tests.e2e.live import LiveServer
from tests.sentence_encoder import SentenceEncoder

pytestmark = pytest.mark.model

SENTENCES = (
    "The cat sits on the mat.",
    "A man is playing a guitar on stage.",
    "How do I reset my password?",
    "Stock markets fell sharply on Monday.",
    "Water boils at 100 degrees Celsius at sea level.",
    "The quick brown fox jumps over the lazy dog!",
    "Café, naïve, Zürich and El Niño",
    "def add(a, b): return a + b",
    "E = mc^2, wrote Einstein in 1905.",
    "Antidisestablishmentarianism is a long word",
    "I can't believe it's not butter...",
    "Visit https://example.org/index.html?q=1 for more.",
    "PLEASE DO NOT SHOUT",
    "One two three four five six seven eight nine ten eleven twelve.",
    'She said: "Where are you going?"',
    "Tokyo is the capital of Japan; Paris is that of France.",
    "The patient was given 20 mg of the drug twice a day.",
    "tab\tand\nnewline and   spaces",
    "unbelievably hyperparameterized microservices",
    "Berlin 東京 Москва",
)


@pytest.fixture(scope="module")
def server(minilm_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("minilm")
    model = folder / "minilm.gguf"
    write_gguf(minilm_folder, model, matrices=np.float16)
    server = live.start(["-m", model, "--embeddings", *ONE_THREAD], folder / "log")
    yield server
    try:
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.fixture(scope="module")
def encoder(minilm_folder: Path) -> SentenceEncoder:
    return SentenceEncoder(minilm_folder)


@pytest.fixture
def client(server: LiveServer) -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def test_tokens_are_those_of_the_published_vocabulary(
    server: LiveServer, encoder: SentenceEncoder
) -> None:
    for sentence in SENTENCES:
        reply = server.post("/tokenize", {"content": sentence, "add_special": True})
        assert reply.json["tokens"] == encoder.tokenizer.encode(sentence), sentence


def test_vectors_are_the_published_ones(client: OpenAI, encoder: SentenceEncoder) -> None:
    data = client.embeddings.create(model="minilm", input=list(SENTENCES)).data
    for sentence, datum in zip(SENTENCES, data, strict=True):
        found = np.array(datum.embedding)
        assert abs(np.linalg.norm(found) - 1) < 1e-5
        assert float(found @ encoder(sentence)) >= 0.999, sentence


def test_floats_and_base64_are_the_same_numbers(client: OpenAI) -> None:
    floats = client.embeddings.create(model="m", input="Hello", encoding_format="float")
    packed = client.embeddings.create(model="m", input="Hello", encoding_format="base64")
    raw = packed.data[0].embedding
    assert isinstance(raw, str)
    numbers = np.frombuffer(b64decode(raw), "<f4")
    assert np.allclose(numbers, floats.data[0].embedding, atol=1e-6)


def test_a_text_has_the_same_vector_in_any_company(client: OpenAI) -> None:
    alone = client.embeddings.create(model="m", input=SENTENCES[0]).data[0].embedding
    among = client.embeddings.create(model="m", input=[*SENTENCES] * 3).data[0].embedding
    assert float(np.dot(alone, among)) > 0.99999
