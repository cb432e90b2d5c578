"""What can be known to be wrong before a model is loaded: a chat template that is no template.

Joins the options and `server/chat`, which knows none. Answers to common_chat_verify_template in
llama.cpp `common/chat.cpp`.
"""

from __future__ import annotations

from server.chat.errors import ChatError
from server.chat.prompt import try_source
from server.errors import OptionError
from server.options.settings import Settings

KEY = "chat_template"
FLAG = "--chat-template"


def check_settings(settings: Settings) -> None:
    """OptionError in one line, which names the option as it was written."""
    source = settings.chat.chat_template
    if not source:
        return
    try:
        try_source(source)
    except ChatError as error:
        given = settings.sources.get(KEY)
        name = given.name if given else FLAG
        text = " ".join(str(error).split())
        raise OptionError(f"{name}: {text}") from None
