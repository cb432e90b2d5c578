"""What can be known to be wrong before a model is loaded: a chat template that is no template, a
JSON schema that can't be held to.

Joins the options and `server/chat`, which knows none. Answers to common_chat_verify_template in
llama.cpp `common/chat.cpp`.
"""

from __future__ import annotations

from server.chat.errors import ChatError
from server.chat.prompt import try_source
from server.errors import OptionError
from server.grammar import SchemaRefused
from server.grammar import json_rule
from server.options.settings import Settings

KEY = "chat_template"
FLAG = "--chat-template"
SCHEMA_KEY = "json_schema"
SCHEMA_FLAG = "--json-schema"


def check_settings(settings: Settings) -> None:
    """OptionError in one line, which names the option as it was written."""
    source = settings.chat.chat_template
    schema = settings.sampling.json_schema
    try:
        if schema is not None:
            json_rule(schema)
    except SchemaRefused as error:
        raise _refusal(settings, SCHEMA_KEY, SCHEMA_FLAG, error) from None
    if schema is not None and settings.sampling.grammar:
        raise OptionError(f"{SCHEMA_FLAG}: can't be used with --grammar; leave one of them out")
    try:
        if source:
            try_source(source)
    except ChatError as error:
        raise _refusal(settings, KEY, FLAG, error) from None


def _refusal(settings: Settings, key: str, flag: str, error: Exception) -> OptionError:
    given = settings.sources.get(key)
    text = " ".join(str(error).split())
    return OptionError(f"{given.name if given else flag}: {text}")
