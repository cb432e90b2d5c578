"""A family's format, learnt by rendering its template with probes and comparing.

Every probe has words that stand nowhere else. What a template puts between them, and what two
renderings have in common around them, is how the family writes. Knows no family. Answers to
llama.cpp `common/chat-diff-analyzer.cpp`, by other means.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.chat.formats.format import Calls
from server.chat.formats.format import Format
from server.chat.formats.format import Reasoning
from server.chat.formats.format import Wrapper
from server.chat.formats.probes import IDS
from server.chat.formats.probes import NAMES
from server.chat.formats.probes import TEXT
from server.chat.formats.probes import VALUES
from server.chat.formats.probes import Probes
from server.chat.formats.spelling import ID_MARK
from server.chat.formats.spelling import Span
from server.chat.formats.spelling import json_call
from server.chat.formats.spelling import json_spans
from server.chat.formats.spelling import text_call
from server.chat.formats.spelling import text_spans
from server.chat.formats.spelling import within
from server.chat.formats.texts import TAG
from server.chat.formats.texts import shared_end
from server.chat.formats.texts import shared_start
from server.chat.reasoning import ReasoningTags


def learn(probes: Probes, tags: ReasoningTags) -> Format:
    """What the template shows of content and calls. tags: what it shows of thoughts."""
    turn, called = probes.turn(TEXT), probes.with_calls(1)
    if TEXT not in turn or NAMES[0] not in called:
        return Format(Reasoning(tags.start, tags.end) if tags.end else None)
    header = shared_start(turn, called)
    ending = turn.partition(TEXT)[2]
    two = probes.with_calls(2)
    n_calls = 2 if NAMES[1] in two else 1
    body = _body(two if n_calls == 2 else called, header, ending)
    thoughts = tags.start.strip(), tags.end.strip()
    if all(thoughts):
        body = body.removeprefix("".join(thoughts))
    wrapper = _wrapper(turn, header)
    return Format(
        reasoning=Reasoning(tags.start, tags.end) if tags.end else None,
        content=None if wrapper and wrapper.start in thoughts else wrapper,
        calls=_calls(probes, body, n_calls),
    )


def turn_end(probes: Probes, calls: Calls) -> str:
    """The tag after calls that ends their turn, where it isn't one that ends other turns."""
    called = probes.with_calls(1)
    rest = called[max(called.rfind(value) for value in VALUES[:2]) :]
    last = calls.call.pieces[-1]
    for closer in (last if isinstance(last, str) else "}", calls.end):
        rest = rest.partition(closer.strip())[2] if closer.strip() else rest
    tag = TAG.search(rest)
    return tag[0] if tag and tag[0] not in probes.turn(TEXT).partition(TEXT)[2] else ""


def _wrapper(turn: str, header: str) -> Wrapper | None:
    """What stands around content, and isn't there in a turn that has calls only."""
    start, _, after = turn[len(header) :].partition(TEXT)
    end = TAG.match(after.lstrip())
    if end is None or not TAG.fullmatch(start.strip()):
        return None
    return Wrapper(start.strip(), end[0])


def _body(turn: str, header: str, ending: str) -> str:
    """A turn's calls, without what begins and ends every turn; ids are marked."""
    body = turn[len(header) :]
    body = body[: len(body) - len(shared_end(ending, body))]
    stop = TAG.match(ending.strip())
    if stop:
        last = max(body.rfind(word) for word in (*VALUES, *IDS))
        place = body.find(stop[0], last)
        body = body if place < 0 else body[:place]
    for call_id in IDS:
        body = body.replace(call_id, ID_MARK)
    return body


def _calls(probes: Probes, body: str, n_calls: int) -> Calls | None:
    """How calls are written."""
    if spans := json_spans(body, n_calls):
        parts = _Parts.of(body, spans)
        call = json_call(parts.call)
        call = call and within(call, parts.first, parts.last)
    elif spans := text_spans(body, n_calls):
        parts = _Parts.of(body, spans)
        texts = [body[start:end] for start, end in spans]
        call = text_call(probes, parts.first, texts, parts.last)
    else:
        return None
    if call is None:
        return None
    return Calls(call, parts.start, parts.separator, parts.end, is_single=n_calls == 1)


@dataclass(frozen=True, slots=True)
class _Parts:
    """start (first call last) separator (first call last) end"""

    start: str
    first: str
    call: str
    last: str
    separator: str
    end: str

    @classmethod
    def of(cls, body: str, spans: list[Span]) -> _Parts:
        """Cut: what is around every call is its own, the rest is around them all."""
        first_start, first_end = spans[0]
        before, call = body[:first_start], body[first_start:first_end]
        after = body[spans[-1][1] :]
        if len(spans) == 1:
            return cls("", before.lstrip(), call, after.rstrip(), "", "")
        between = body[first_end : spans[1][0]]
        first, last = shared_end(before, between).lstrip(), shared_start(between, after).rstrip()
        if len(first) + len(last) > len(between):
            last = last[: len(between) - len(first)]
        start = before[: len(before) - len(first)]
        separator = between[len(last) : len(between) - len(first)]
        end = after[len(last) :]
        return cls(start.lstrip(), first, call, last, separator, _closing(start, end))


def _closing(start: str, end: str) -> str:
    """The end of all calls, with as many tags as there are at the beginning; the turn's go."""
    tags = list(TAG.finditer(end))
    n_tags = len(TAG.findall(start))
    return (end[: tags[n_tags].start()] if n_tags < len(tags) else end).rstrip()
