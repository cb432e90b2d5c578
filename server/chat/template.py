"""A model's own chat template, compiled once and rendered many times.

It knows no request and no model: what a template sees is handed in as variables, the clock too.
Answers to common_chat_template and common_chat_template_direct_apply in llama.cpp
`common/chat.cpp`; the dialect is in `environment.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any

import jinja2

from server.chat.capabilities import TemplateCaps
from server.chat.capabilities import probe
from server.chat.environment import ChatEnvironment
from server.chat.environment import Refused
from server.chat.environment import clock
from server.chat.errors import TemplateError
from server.chat.errors import Unbounded
from server.chat.formats import family_of
from server.chat.formats import format_of
from server.chat.formats.format import Format
from server.chat.limits import Allowance
from server.chat.limits import Exceeded
from server.chat.limits import no_pause
from server.chat.reasoning import NOW
from server.chat.reasoning import ReasoningTags
from server.chat.reasoning import find_tags

CHATML = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)
"""The format for models that bring no template."""

THINK = ReasoningTags("<think>", "</think>")
"""Some templates name these tags and yet show no reasoning of past messages."""


MAX_SOURCE = 1 << 17
"""Characters: eight times the longest that is known. Compiling takes time in proportion."""


class ChatTemplate:
    """One compiled template. Any thread; rendering keeps no state.

    add_bos, add_eos: whether the tokenizer adds these tokens by itself, in which case they are cut
    from the ends of the text, lest they be there twice.
    """

    def __init__(
        self,
        source: str,
        *,
        bos_token: str = "",
        eos_token: str = "",
        add_bos: bool = False,
        add_eos: bool = False,
        pause: Callable[[], None] = no_pause,
    ) -> None:
        """Compile. TemplateError names the line of a syntax error."""
        self.source = source
        self.family = family_of(source)
        self._pause = pause
        self._environment = ChatEnvironment()
        self.bos_token = bos_token
        self.eos_token = eos_token
        self._cut_bos = bos_token if add_bos else ""
        self._cut_eos = eos_token if add_eos else ""
        if "{" not in source:
            raise TemplateError(
                f"chat template: {source[:40]!r} is no Jinja template; give --chat-template the "
                "text of one or a name that is built in, such as chatml, or use "
                "--chat-template-file"
            )
        if len(source) > MAX_SOURCE:
            raise TemplateError(
                f"chat template: it has {len(source)} characters; at most {MAX_SOURCE} are compiled"
            )
        try:
            self._template = self._environment.from_string(self._patched())
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"chat template, line {error.lineno}: {error.message}") from error
        except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
            raise TemplateError(f"chat template: it can't be compiled: {error}") from error

    def _patched(self) -> str:
        source = self.source
        for refusal, replacement in self.family.patches if self.family else ():
            source = source.replace(refusal, replacement)
        return source

    def render(self, variables: Mapping[str, Any], now: datetime) -> str:
        """The text for these variables. TemplateError: what the template says, or where it broke.

        variables are copied, so that a template can't change them.
        """
        return self._render(variables, now, Allowance(self._pause))

    def _render(self, variables: Mapping[str, Any], now: datetime, allowance: Allowance) -> str:
        tokens = {"bos_token": self.bos_token, "eos_token": self.eos_token}
        try:
            everything = tokens | clock(now) | _copied(dict(variables))
            text = self._environment.run(self._template, everything, allowance)
        except Exceeded as error:
            raise Unbounded(f"the chat template is refused{_line(error)}: {error}") from error
        except Refused as error:
            raise TemplateError(
                f"the chat template refuses these messages{_line(error)}: {error}"
            ) from error
        # Whatever goes wrong in a template's own code is the template's fault.
        except Exception as error:
            raise TemplateError(
                f"the chat template can't render these messages{_line(error)}: "
                f"{error or type(error).__name__}"
            ) from error
        return text.removeprefix(self._cut_bos).removesuffix(self._cut_eos)

    @cached_property
    def caps(self) -> TemplateCaps:
        """What the template makes use of, found by trying. TemplateError if it never ends."""
        try:
            return probe(self.source, Allowance(self._pause))
        except Exceeded as error:
            raise Unbounded(f"the chat template is refused{_line(error)}: {error}") from error

    @cached_property
    def reasoning_tags(self) -> ReasoningTags:
        """What the template puts around the assistant's reasoning, found by trying."""
        allowance = Allowance(self._pause)

        def render(variables: Mapping[str, Any], now: datetime) -> str:
            return self._render(variables, now, allowance)

        found = find_tags(render, self.caps.supports_tool_calls)
        if not found.start and THINK.start in self.source and THINK.end in self.source:
            return THINK
        return found

    @cached_property
    def format(self) -> Format:
        """How the model writes its turns. TemplateError if the template never ends."""
        allowance = Allowance(self._pause)

        def render(messages: Sequence[Mapping[str, Any]]) -> str:
            variables = {"messages": messages, "enable_thinking": True}
            try:
                return self._render(variables, NOW, allowance)
            except Unbounded:
                raise
            except TemplateError:
                return ""

        return format_of(self.source, self.caps, self.reasoning_tags, render)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(item) for item in value]
    return value


def _line(error: BaseException) -> str:
    """The line of the template where it happened, ' (line 3)', or '' if it is not known."""
    trace: TracebackType | None = error.__traceback__
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""
