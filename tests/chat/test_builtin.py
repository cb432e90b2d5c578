"""Templates known by name: what libllama makes of the same conversation under the same name."""

from __future__ import annotations

import ctypes

import pytest

from llama_ctypes.raw.types import llama_chat_message
from llama_ctypes.raw.vocab import llama_chat_apply_template
from llama_ctypes.raw.vocab import llama_chat_builtin_templates
from server.chat.builtin import BUILTIN
from server.chat.prompt import ChatRequest
from server.chat.prompt import render
from server.chat.template import ChatTemplate
from tests.chat.recorded import NOW

CONVERSATIONS = {
    "one": [("user", "Hi there ")],
    "system": [
        ("system", " Be brief. "),
        ("user", "Hi"),
        ("assistant", " Hello. "),
        ("user", "Bye"),
    ],
    "long": [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")],
}


def by_libllama(name: str, messages: list[tuple[str, str]], *, is_open: bool) -> str:
    array = (llama_chat_message * len(messages))()
    for place, (role, content) in zip(array, messages, strict=True):
        place.role, place.content = role.encode(), content.encode()
    buffer = ctypes.create_string_buffer(4096)
    n = llama_chat_apply_template(name.encode(), array, len(messages), is_open, buffer, 4096)
    assert 0 <= n <= 4096
    return buffer.raw[:n].decode()


@pytest.mark.model
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_a_name_gives_the_prompt_that_libllama_makes(
    name: str, conversation: str, is_open: bool
) -> None:
    told = CONVERSATIONS[conversation]
    messages = [{"role": role, "content": content} for role, content in told]
    template = ChatTemplate(BUILTIN[name])
    prompt = template.render({"messages": messages, "add_generation_prompt": is_open}, NOW)
    assert prompt == by_libllama(name, told, is_open=is_open)


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_every_template_takes_a_system_message(name: str) -> None:
    messages = [{"role": "system", "content": "S-1"}, {"role": "user", "content": "U-1"}]
    text = render(ChatTemplate(BUILTIN[name]), ChatRequest(messages, NOW)).text
    assert "U-1" in text


def test_every_name_of_libllama_is_built_in() -> None:
    names = (ctypes.c_char_p * 128)()
    n = llama_chat_builtin_templates(names, len(names))
    assert {name.decode() for name in names[:n] if name} == set(BUILTIN)
