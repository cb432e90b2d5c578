"""What can be wrong with a conversation or a template; the messages are for the client."""

from __future__ import annotations

from server.errors import ServerError


class ChatError(ServerError):
    """The root of what this room raises."""


class MessagesError(ChatError):
    """The messages of a request are not well formed."""


class ToolsError(ChatError):
    """The tools of a request are not well formed, or one is to be called that there isn't."""


class TemplateError(ChatError):
    """A template can't be compiled, or it refuses a conversation."""


class Unbounded(TemplateError):
    """A template takes more time, text or memory than a conversation can need."""
