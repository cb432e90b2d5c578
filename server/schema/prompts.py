"""All the forms that a prompt may take on the wire -> token ids.

Forms: a text, an array of token ids, an array of ids and texts, an object with `prompt_string`,
or an array of these. Answers to llama.cpp `tools/server/server-common.cpp` tokenize_input_prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from server.engine.modelinfo import Tokenizer
from server.engine.task import Tokens
from server.schema.errors import SchemaError

FORMS = (
    '"prompt" elements must be a string, a list of tokens, a JSON object containing a prompt '
    "string, or a list of mixed strings & tokens."
)


def required_prompt(body: Mapping[str, object]) -> object:
    """The `prompt` of a native body. SchemaError if there is none."""
    if "prompt" not in body:
        raise SchemaError("prompt", '"prompt" is required')
    return body["prompt"]


def parse_prompts(
    prompt: object, tokenizer: Tokenizer, add_special: bool = True, parse_special: bool = True
) -> list[Tokens]:
    """One (n,) array per prompt; n is 0 for an empty array. SchemaError says which form is wrong.

    add_special: BOS in front of a prompt that begins with text.
    """
    if isinstance(prompt, (list, tuple)) and not any(_is_token(item) for item in prompt):
        if not prompt:
            raise SchemaError("prompt", '"prompt" must not be empty')
        return [_one(item, tokenizer, add_special, parse_special) for item in prompt]
    return [_one(prompt, tokenizer, add_special, parse_special)]


def _is_token(item: object) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)


def _one(prompt: object, tokenizer: Tokenizer, add_special: bool, parse_special: bool) -> Tokens:
    if isinstance(prompt, Mapping):
        if "prompt_string" not in prompt:
            raise SchemaError("prompt", FORMS)
        if "multimodal_data" in prompt:
            raise SchemaError(
                "prompt",
                "Multimodal data provided, but model does not support multimodal requests.",
            )
        prompt = prompt["prompt_string"]
        if not isinstance(prompt, (str, list, tuple)):
            raise SchemaError("prompt", '"prompt_string" must be a string')
    if isinstance(prompt, str):
        ids = tokenizer.tokenize(prompt, add_special=add_special, parse_special=parse_special)
        return np.array(ids, np.int32)
    if isinstance(prompt, (list, tuple)):
        return _array(prompt, tokenizer, add_special, parse_special)
    raise SchemaError("prompt", FORMS)


def _array(
    items: Sequence[object], tokenizer: Tokenizer, add_special: bool, parse_special: bool
) -> Tokens:
    """Ids and texts, joined. Only a text that comes first gets the special tokens."""
    ids: list[int] = []
    for i, item in enumerate(items):
        if isinstance(item, str):
            special = add_special and i == 0
            ids += tokenizer.tokenize(item, add_special=special, parse_special=parse_special)
        elif _is_token(item):
            ids.append(_checked(item, tokenizer.n_vocab))
        else:
            raise SchemaError("prompt", FORMS)
    return np.array(ids, np.int32)


def _checked(token: object, n_vocab: int) -> int:
    if isinstance(token, int) and 0 <= token < n_vocab:
        return token
    raise SchemaError(
        "prompt",
        f"Prompt contains invalid tokens: {token} is not in the range 0 to {n_vocab - 1}",
    )
