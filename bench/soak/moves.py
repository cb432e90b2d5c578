"""What a client does next: every route in some form, and what no client should send.

Chosen at random from a seed. It knows bodies and no connections.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from bench.words import WORDS
from bench.words import words

Json = Any

MALFORMED_SHARE = 0.05
N_SYSTEMS = 6
N_FILES = 4
N_CONVERSATIONS = 5
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "n": {"type": "integer"}},
    "required": ["name", "n"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {"name": "look_up", "description": "Looks up.", "parameters": SCHEMA},
}


@dataclass(frozen=True, slots=True)
class Move:
    """One request. body: bytes go as they are, None = there is none, everything else is JSON."""

    method: str
    path: str
    body: Json = None
    headers: dict[str, str] = field(default_factory=dict)
    is_malformed: bool = False
    """Whether it must be refused."""
    raw: bytes = b""
    """In place of all the others: the bytes of the whole request."""

    @property
    def route(self) -> str:
        """What it is counted under."""
        return "malformed" if self.is_malformed else f"{self.method} {self.path.partition('?')[0]}"


class Moves:
    """A client's moves, from its own seed."""

    def __init__(self, seed: int, n_slots: int, n_adapters: int) -> None:
        self._random = random.Random(seed)
        self._n_slots = n_slots
        self._n_adapters = n_adapters
        self.response_id = ""
        """The last response that was kept."""
        self._kinds: list[tuple[int, Callable[[], Move]]] = [
            (14, self._chat),
            (4, self._chat_with_tools),
            (4, self._chat_with_schema),
            (10, self._completion),
            (5, self._openai_completion),
            (3, self._grammar),
            (2, self._infill),
            (6, self._response),
            (3, self._kept_response),
            (6, self._message),
            (6, self._embeddings),
            (3, self._stream_of_conversation),
            (4, self._slot_action),
            (3, self._adapters),
            (5, self._text),
            (6, self._look),
        ]
        self._weights = [weight for weight, _ in self._kinds]

    def next(self) -> Move:
        """The next one."""
        if self._random.random() < MALFORMED_SHARE:
            return self._malformed()
        ((_, make),) = self._random.choices(self._kinds, self._weights)
        return make()

    # parts

    def _words(self, n_min: int, n_max: int) -> str:
        return " ".join(self._random.choices(WORDS, k=self._random.randint(n_min, n_max)))

    def _text_of(self) -> str:
        return self._words(200, 600) if self._random.random() < 0.1 else self._words(1, 40)

    def _n(self) -> int:
        return self._random.choice((1, 4, 16, 48))

    def _is(self, share: float = 0.5) -> bool:
        return self._random.random() < share

    def _messages(self) -> list[Json]:
        number = self._random.randrange(N_SYSTEMS)
        system = words(60, number)
        messages = [{"role": "system", "content": system}] if self._is(0.7) else []
        for _ in range(self._random.randrange(3)):
            messages.append({"role": "user", "content": self._words(1, 20)})
            messages.append({"role": "assistant", "content": self._words(1, 20)})
        return [*messages, {"role": "user", "content": self._text_of()}]

    # requests that generate

    def _chat(self) -> Move:
        body = {"messages": self._messages(), "max_tokens": self._n(), "stream": self._is(0.7)}
        if self._is(0.2):
            body |= {"logprobs": True, "top_logprobs": 3}
        if self._is(0.1):
            body |= {"n": 2}
        if self._is(0.1) and self._n_adapters:
            body |= {"lora": [{"id": 0, "scale": self._random.choice((0.0, 0.5, 1.0))}]}
        return Move("POST", "/v1/chat/completions", body)

    def _chat_with_tools(self) -> Move:
        choice = self._random.choice(("auto", "required", "none"))
        body = {"messages": self._messages(), "tools": [TOOL], "tool_choice": choice}
        return Move("POST", "/v1/chat/completions", body | {"max_tokens": 48, "stream": self._is()})

    def _chat_with_schema(self) -> Move:
        form = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
        body = {"messages": self._messages(), "response_format": form, "max_tokens": 48}
        return Move("POST", "/v1/chat/completions", body | {"stream": self._is()})

    def _completion(self) -> Move:
        body: Json = {"prompt": self._text_of(), "n_predict": self._n(), "stream": self._is(0.7)}
        if self._is(0.2):
            body |= {"id_slot": self._random.randrange(self._n_slots)}
        if self._is(0.2):
            body |= {"cache_salt": self._words(1, 1)}
        if self._is(0.2):
            body |= {"n_probs": 3, "post_sampling_probs": self._is()}
        if self._is(0.1):
            body |= {"prompt": [self._words(1, 9), self._words(1, 9)]}
        if self._is(0.1):
            body |= {"cache_prompt": False}
        return Move("POST", "/completion", body)

    def _openai_completion(self) -> Move:
        body = {
            "prompt": self._text_of(),
            "max_tokens": self._n(),
            "stream": self._is(),
            "stop": "e",
        }
        return Move("POST", "/v1/completions", body)

    def _grammar(self) -> Move:
        body = {"prompt": self._words(1, 9), "n_predict": 16, "stream": self._is()}
        return Move("POST", "/completion", body | {"grammar": 'root ::= ("yes" | "no") " "?'})

    def _infill(self) -> Move:
        body = {"input_prefix": self._words(1, 9), "input_suffix": self._words(1, 9)}
        return Move("POST", "/infill", body | {"n_predict": 4})

    def _message(self) -> Move:
        messages = [m for m in self._messages() if m["role"] != "system"]
        if self._is(0.2):
            return Move("POST", "/v1/messages/count_tokens", {"model": "x", "messages": messages})
        body = {"model": "x", "messages": messages, "max_tokens": self._n(), "stream": self._is()}
        return Move("POST", "/v1/messages", body)

    def _response(self) -> Move:
        body: Json = {"input": self._text_of(), "max_output_tokens": self._n()}
        if self.response_id and self._is(0.3):
            body |= {"previous_response_id": self.response_id}
        if self._is(0.2):
            body |= {"background": True}
        return Move("POST", "/v1/responses", body | {"stream": self._is(), "store": self._is(0.8)})

    def _kept_response(self) -> Move:
        path = f"/v1/responses/{self.response_id or 'resp_none'}"
        method, tail = self._random.choice(
            (("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", ""))
        )
        return Move(method, path + tail)

    def _stream_of_conversation(self) -> Move:
        name = f"c{self._random.randrange(N_CONVERSATIONS)}"
        match self._random.randrange(4):
            case 0:
                return Move("GET", f"/v1/stream?conv_id={name}")
            case 1:
                return Move("DELETE", f"/v1/stream?conv_id={name}")
            case 2:
                return Move("POST", "/v1/streams/lookup", {"conversation_ids": [name]})
        body = {"messages": self._messages(), "max_tokens": self._n(), "stream": True}
        return Move("POST", "/v1/chat/completions", body, {"X-Conversation-Id": name})

    # the others

    def _embeddings(self) -> Move:
        texts = [self._words(1, 60) for _ in range(self._random.randint(1, 8))]
        return Move("POST", "/v1/embeddings", {"input": texts})

    def _slot_action(self) -> Move:
        path = f"/slots/{self._random.randrange(self._n_slots)}"
        action = self._random.choice(("save", "restore", "erase"))
        filename = f"file{self._random.randrange(N_FILES)}"
        return Move("POST", f"{path}?action={action}", {"filename": filename})

    def _adapters(self) -> Move:
        if not self._n_adapters or self._is(0.3):
            return Move("GET", "/lora-adapters")
        scale = self._random.choice((0.0, 0.5, 1.0))
        return Move("POST", "/lora-adapters", [{"id": 0, "scale": scale}])

    def _text(self) -> Move:
        text = self._text_of()
        return self._random.choice(
            (
                Move("POST", "/tokenize", {"content": text, "with_pieces": True}),
                Move("POST", "/detokenize", {"tokens": [5, 6, 7]}),
                Move("POST", "/apply-template", {"messages": self._messages()}),
                Move("POST", "/v1/chat/completions/input_tokens", {"messages": self._messages()}),
                Move("POST", "/v1/responses/input_tokens", {"input": text}),
            )
        )

    def _look(self) -> Move:
        paths = ("/props", "/slots", "/metrics", "/v1/models", "/openapi.json", "/docs", "/")
        return Move("GET", self._random.choice(paths))

    def _malformed(self) -> Move:
        chat, text = "/v1/chat/completions", json.dumps({"messages": self._messages()})
        bodies: tuple[Json, ...] = (
            text[: len(text) // 2].encode(),
            b"\xff\xfe\x00",
            b"[" * 4000,
            {"messages": "no list"},
            {"messages": [{"role": "nobody", "content": 5}]},
            {"messages": self._messages(), "temperature": "hot"},
            {"messages": self._messages(), "response_format": {"type": "no_such_type"}},
            {"messages": [5]},
        )
        heads = (
            b"POST /completion HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
            b"POST /completion HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        )
        if self._is(0.3):
            return Move("POST", "/", raw=self._random.choice(heads), is_malformed=True)
        if self._is(0.2):
            return Move("POST", "/no/such/route", {}, is_malformed=True)
        return Move("POST", chat, self._random.choice(bodies), is_malformed=True)
