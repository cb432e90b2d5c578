"""What can be known to be wrong before a model is loaded: a chat template that is no template, a
JSON schema that can't be held to.

Joins the options and `server/chat`, which knows none. Answers to common_chat_verify_template in
llama.cpp `common/chat.cpp`.
"""

from __future__ import annotations

from server.errors import OptionError
from server.options.settings import Settings

KEY = "chat_template"
FLAG = "--chat-template"
SCHEMA_KEY = "json_schema"
SCHEMA_FLAG = "--json-schema"


def check_settings(settings: Settings) -> None:
    """OptionError in one line, which names the option as it was written."""
    if settings.sampling.json_schema is not None:
        _check_schema(settings)
    if settings.chat.chat_template:
        _check_template(settings)


# Imported late: a server begins to load its model sooner without what checks these.


def _check_schema(settings: Settings) -> None:
    from server.grammar import SchemaRefused
    from server.grammar import json_rule

    try:
        json_rule(settings.sampling.json_schema)
    except SchemaRefused as error:
        raise _refusal(settings, SCHEMA_KEY, SCHEMA_FLAG, error) from None
    if settings.sampling.grammar:
        raise OptionError(f"{SCHEMA_FLAG}: can't be used with --grammar; leave one of them out")


def _check_template(settings: Settings) -> None:
    from server.chat.errors import ChatError
    from server.chat.prompt import try_source

    try:
        try_source(settings.chat.chat_template)
    except ChatError as error:
        raise _refusal(settings, KEY, FLAG, error) from None


def _refusal(settings: Settings, key: str, flag: str, error: Exception) -> OptionError:
    given = settings.sources.get(key)
    text = " ".join(str(error).split())
    return OptionError(f"{given.name if given else flag}: {text}")
