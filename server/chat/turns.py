"""Where the messages of a rendered conversation stand in its text.

For models whose memory can't be cut: a later conversation that begins alike goes on from the place
where it parts from this one. Many templates mark their turns by control tokens, but not the end of
a system prompt that tools follow, and some write headers in plain text. So the contents of the
messages are looked for in the text, whatever the template; it is not rendered again.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.chat.message import Message
from server.chat.message import content_text

SYSTEM_ROLES = ("system", "developer")


def turn_places(text: str, messages: Sequence[Message]) -> tuple[int, ...]:
    """Places in the text, ascending: the end of the system prompt, and where turns have begun.

    A turn has begun where its header ends, and with the first one the description of tools. A
    content that may stand in more than one place (`a` is in every header) has none.
    """
    contents = [content_text(message, "\n").strip() for message in messages]
    places: list[int] = []
    for i, (message, place) in enumerate(zip(messages, _places(text, contents), strict=True)):
        if place is not None:
            is_system = i == 0 and message["role"] in SYSTEM_ROLES
            places.append(place + len(contents[i]) if is_system else place)
    return tuple(places)


def _places(text: str, contents: Sequence[str]) -> list[int | None]:
    """Where each content begins; None where looking from both ends finds two places, or none."""
    first: list[int] = []
    start = 0
    for content in contents:
        place = text.find(content, start) if content else -1
        first.append(place)
        start = max(start, place + len(content)) if place >= 0 else start
    found: list[int | None] = []
    end = len(text)
    for content, place in zip(reversed(contents), reversed(first), strict=True):
        last = text.rfind(content, 0, end) if content else -1
        found.append(place if place >= 0 and place == last else None)
        end = last if last >= 0 else end
    return found[::-1]
