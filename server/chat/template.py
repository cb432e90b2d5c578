"""A model's own chat template: Jinja in a sandbox, with what templates expect to find there.

The text of a template comes from a model file, so it is not trusted: jinja2's immutable sandbox
keeps it from attributes, from writing and from huge ranges. Answers to llama.cpp `common/jinja` and
to common_chat_template_direct_apply in `common/chat.cpp`. It knows no request and no model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from typing import NoReturn

import jinja2
from jinja2.ext import Extension
from jinja2.ext import loopcontrols
from jinja2.nodes import CallBlock
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from server.chat.capabilities import TemplateCaps
from server.chat.capabilities import probe
from server.chat.errors import TemplateError

CHATML = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)
"""The format for models that bring no template."""


class _Generation(Extension):
    """`{% generation %}...{% endgeneration %}` marks the assistant's text for training: no effect."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> Node:
        """Keep the body as it is."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    def _same(self, caller: Any) -> str:
        return str(caller())


def _raise(message: str) -> NoReturn:
    raise TemplateError(str(message))


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # jinja2's own filter escapes HTML characters, which a prompt must not have
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.filters["fromjson"] = json.loads
    environment.globals["raise_exception"] = _raise
    return environment


class ChatTemplate:
    """One compiled template. Any thread; rendering keeps no state."""

    def __init__(self, source: str, *, bos_token: str = "", eos_token: str = "") -> None:
        """Compile. TemplateError names the line of a syntax error."""
        self.source = source
        self.bos_token = bos_token
        self.eos_token = eos_token
        try:
            self._template = _environment().from_string(source)
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(f"chat template, line {error.lineno}: {error.message}") from error

    def render(self, variables: Mapping[str, Any], now: datetime) -> str:
        """The text for these variables. TemplateError: what the template says, or where it broke."""
        try:
            return self._template.render(
                {
                    "bos_token": self.bos_token,
                    "eos_token": self.eos_token,
                    "strftime_now": now.strftime,
                    "datetime": now.strftime("%b %d %Y"),
                    "date_string": now.strftime("%d %b %Y"),
                }
                | dict(variables)
            )
        except TemplateError:
            raise
        except (jinja2.TemplateError, TypeError, ValueError, KeyError, ArithmeticError) as error:
            raise TemplateError(f"the chat template can't render these messages: {error}") from error
        except RecursionError:
            raise TemplateError("the chat template recurses too deeply") from None

    @cached_property
    def caps(self) -> TemplateCaps:
        """What the template makes use of, found by trying."""
        return probe(self.render)
