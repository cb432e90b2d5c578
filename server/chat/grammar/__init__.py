"""What a model may write, as a grammar in llguidance's Lark dialect, spelled as its family spells.

The same `Format` is read by the parser, so that what a grammar lets a model write is understood.
Thinking stays free; only its end is in the grammar. It knows no engine: `api/` makes a constraint
of what comes out. Answers to the grammars in llama.cpp `common/chat-auto-parser-generator.cpp`.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.chat.formats.format import Calls
from server.chat.formats.format import Channels
from server.chat.formats.format import Format
from server.chat.grammar.calls import Calling
from server.chat.grammar.calls import CallRules
from server.chat.grammar.calls import triggers_of
from server.chat.grammar.rules import SPACE
from server.chat.grammar.rules import Rules
from server.chat.grammar.rules import choice
from server.chat.grammar.rules import containing
from server.chat.grammar.rules import optional
from server.chat.grammar.rules import sequence
from server.chat.grammar.rules import until
from server.chat.tools import Tool
from server.grammar import quote


@dataclass(frozen=True, slots=True)
class OutputGrammar:
    """lark: matched from where the constraint begins; `after`, `triggers`: where that is."""

    lark: str
    after: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn that a grammar is for. opening: the end of the prompt, with which it begins."""

    format: Format
    opening: str
    may_think: bool = True


def forced_calls(turn: Turn, calling: Calling) -> OutputGrammar:
    """At least one call, and nothing but thoughts before it. SchemaRefused."""
    rules, fmt = Rules(), turn.format
    assert fmt.calls
    calls = CallRules(rules, fmt.calls, calling, fmt.noise)
    if fmt.channels:
        messages = _channel_calls(rules, turn, fmt.channels, calls, calling)
        return OutputGrammar(rules.text(sequence(_thought(rules, fmt.channels, turn), messages)))
    given = fmt.opening if fmt.opening and turn.opening.endswith(fmt.opening) else ""
    wrapper = fmt.content
    empty = optional(quote(wrapper.start + wrapper.end)) if wrapper and wrapper.end else ""
    before = "" if given else sequence(thoughts(rules, turn), empty)
    return OutputGrammar(rules.text(sequence(before, calls.section(given))))


def called_at_will(turn: Turn, calling: Calling) -> OutputGrammar | None:
    """Free text, but calls in it are well formed. None where nothing shows that one begins."""
    rules, fmt = Rules(), turn.format
    assert fmt.calls
    calls = CallRules(rules, fmt.calls, calling, fmt.noise)
    if fmt.channels:
        return _lazy_channels(rules, fmt.channels, calls, calling)
    if fmt.opening and turn.opening.endswith(fmt.opening) and fmt.content:
        free = sequence(quote(fmt.content.start.removeprefix(fmt.opening)), "/(?s:.*)/")
        return OutputGrammar(rules.text(choice([free, calls.section(fmt.opening)])))
    texts, starts = [], []
    for text, kind in triggers_of(fmt.calls):
        texts.append(text)
        starts.append(_lazy_start(calls, fmt.calls, text, kind))
    if not texts:
        return None
    is_thinking = thinks(turn) and fmt.reasoning and not fmt.reasoning.ends_at_call
    after = (fmt.reasoning.end.strip(),) if is_thinking and fmt.reasoning else ()
    return OutputGrammar(rules.text(choice(starts)), after, tuple(texts))


def _lazy_start(calls: CallRules, spelling: Calls, text: str, kind: str) -> str:
    """Calls from a trigger on."""
    if kind == "section":
        space = spelling.start[: len(spelling.start) - len(spelling.start.lstrip())]
        return calls.section(space)
    return calls.without_start() if kind == "call" else calls.from_other_start(text)


def answer(turn: Turn, expression: str, calling: Calling | None = None) -> OutputGrammar:
    """Content that an expression matches, after thoughts if there are any. calling: or calls."""
    rules, fmt = Rules(), turn.format
    if fmt.channels:
        header = fmt.before_content.removeprefix(fmt.channels.start)
        ways = [sequence(quote(header), expression)]
        if calling and fmt.calls:
            calls = CallRules(rules, fmt.calls, calling, fmt.noise)
            ways.append(_channel_calls(rules, turn, fmt.channels, calls, calling))
        return OutputGrammar(
            rules.text(sequence(_thought(rules, fmt.channels, turn), choice(ways)))
        )
    start = fmt.content.start if fmt.content else ""
    end = fmt.content.end if fmt.content else ""
    before, given = thoughts(rules, turn), ""
    if fmt.opening and turn.opening.endswith(fmt.opening):
        start, before, given = start.removeprefix(fmt.opening), "", fmt.opening
    ways = [sequence(quote(start) if start else "", expression, quote(end) if end else "")]
    if calling and fmt.calls:
        ways.append(CallRules(rules, fmt.calls, calling, fmt.noise).section(given))
    return OutputGrammar(rules.text(sequence(before, choice(ways))))


def thinks(turn: Turn) -> bool:
    """Whether the prompt ends within thoughts."""
    reasoning = turn.format.reasoning
    if reasoning is None or not reasoning.start.strip():
        return False
    _, found, after = turn.opening.rpartition(reasoning.start.strip())
    return bool(found) and reasoning.end.strip() not in after


def thoughts(rules: Rules, turn: Turn) -> str:
    """What may come before anything else: thoughts, if the prompt has not ended them, and space."""
    reasoning, space = turn.format.reasoning, optional(SPACE)
    if reasoning is None:
        return space
    start, end = reasoning.start.strip(), reasoning.end.strip()
    body = rules.lazy("thoughts", until(end) + _barred(turn.format))
    if thinks(turn):
        return sequence(body, space)
    if not start or start in turn.opening or end in turn.opening:
        return space
    may_begin = [sequence(quote(start), body)] if turn.may_think else []
    return sequence(space, optional(sequence(choice([*may_begin, quote(end)]), space)))


def _barred(fmt: Format) -> str:
    """What thoughts must not have in them because it would end them."""
    ends: list[str] = []
    if fmt.reasoning and fmt.reasoning.ends_at_call and fmt.calls:
        ends += [text for text, kind in triggers_of(fmt.calls) if kind != "other"]
    if fmt.reasoning and fmt.reasoning.ends_at_content and fmt.content:
        ends.append(fmt.content.start)
    return "".join(f" & ~{containing(text)}" for text in ends)


def _thought(rules: Rules, channels: Channels, turn: Turn) -> str:
    """A message of thoughts, and the beginning of the next message."""
    if not turn.may_think:
        return ""
    barred = "".join(f" & ~{containing(end)}" for end in channels.ends[1:])
    body = rules.lazy("thoughts", until(channels.ends[0]) + barred)
    header = quote(channels.written_reasoning + channels.middle)
    return optional(sequence(header, body, quote(channels.start)))


def _channel_calls(
    rules: Rules, turn: Turn, channels: Channels, calls: CallRules, calling: Calling
) -> str:
    """Messages that are calls."""
    messages = [
        _message(channels, calls, tool, written.format(name=tool.name))
        for tool in calling.tools
        for written in channels.written_calls
    ]
    several = one = rules.add("message", choice(messages))
    if calling.is_parallel and not calls.is_single:
        several = sequence(one, f"({sequence(quote(channels.ends[0] + channels.start), one)})*")
    return several


def _message(channels: Channels, calls: CallRules, tool: Tool, header: str) -> str:
    """A message that is a call."""
    return sequence(quote(header + channels.middle), calls.call(tool, start=calls.body_start))


def _lazy_channels(
    rules: Rules, channels: Channels, calls: CallRules, calling: Calling
) -> OutputGrammar:
    """Messages that name a function are calls of it."""
    starts, texts = [], []
    for tool in calling.tools:
        recipient = channels.recipient.format(name=tool.name)
        texts.append(recipient)
        for written in channels.written_calls:
            header = recipient + written.format(name=tool.name).partition(recipient)[2]
            starts.append(_message(channels, calls, tool, header))
    return OutputGrammar(rules.text(choice(starts)), triggers=tuple(texts))
