"""What is wrong with a schema or a regular expression; the messages are for the client."""

from __future__ import annotations

from server.errors import ServerError


class GrammarError(ServerError):
    """The root of what this room raises."""


class SchemaRefused(GrammarError):
    """A schema that is none, or that has something that can't be held to.

    pointer: a JSON pointer to the schema at fault ("" = the whole). keyword: the one in it that is
    at fault ("" = none in particular). message: why, and what to do.
    """

    def __init__(self, pointer: str, keyword: str, message: str) -> None:
        place = pointer or "/"
        named = f"{place}: '{keyword}'" if keyword else place
        super().__init__(f"JSON schema at {named}: {message}")
        self.pointer = pointer
        self.keyword = keyword
        self.message = message


class RegexRefused(GrammarError):
    """A regular expression that is none, or that has something that can't be held to."""
