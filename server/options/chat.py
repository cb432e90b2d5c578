"""Options of chat: templates, and how reasoning is asked for and shown."""

from __future__ import annotations

from server.options.option import Option
from server.options.option import Section
from server.options.option import Tag
from server.options.option import update
from server.options.parsers import existing_text_file
from server.values import flag
from server.values import integer_in
from server.values import json_object
from server.values import on_off_auto
from server.values import one_of
from server.values import text

REASONING_FORMATS = ("none", "auto", "deepseek", "deepseek-legacy")

CHAT = Section("chat", "Chat", (
    Option("jinja", ("--jinja",), flag, True, negated=("--no-jinja",), env="LLAMA_ARG_JINJA",
           tags=frozenset({Tag.REMOTE_PRESET}), help="render chats with a Jinja template"),
    Option("chat_template", ("--chat-template",), text, "", "TEMPLATE",
           env="LLAMA_ARG_CHAT_TEMPLATE", shown_default="from the model",
           help="the Jinja template of chats, or the name of one that is built in"),
    Option("chat_template_file", ("--chat-template-file",), existing_text_file, "", "FILE",
           env="LLAMA_ARG_CHAT_TEMPLATE_FILE", fills="chat_template",
           shown_default="from the model", help="a file with the Jinja template of chats"),
    Option("chat_template_kwargs", ("--chat-template-kwargs",), json_object, None, "JSON",
           env="LLAMA_ARG_CHAT_TEMPLATE_KWARGS", merge=update,
           tags=frozenset({Tag.REMOTE_PRESET}),
           help='variables for the template, such as {"key": "value"}'),
    Option("skip_chat_parsing", ("--skip-chat-parsing",), flag, False,
           negated=("--no-skip-chat-parsing",), env="LLAMA_ARG_SKIP_CHAT_PARSING",
           help="give the model's text as content, reasoning and tool calls included"),
    Option("prefill_assistant", ("--prefill-assistant",), flag, True,
           negated=("--no-prefill-assistant",), env="LLAMA_ARG_PREFILL_ASSISTANT",
           help="continue the last message if it is the assistant's"),
    Option("reasoning_format", ("--reasoning-format",), one_of(*REASONING_FORMATS), "deepseek",
           "FORMAT", env="LLAMA_ARG_THINK",
           help="where thoughts go: none leaves them in the content, deepseek and auto move them "
                "to reasoning_content, deepseek-legacy does both"),
    Option("reasoning", ("-rea", "--reasoning"), on_off_auto, "auto", "on|off|auto",
           env="LLAMA_ARG_REASONING", help="let the model reason; auto = as the template does"),
    Option("reasoning_effort", ("--reasoning-effort",), text, "default", "LEVEL",
           env="LLAMA_ARG_REASONING_EFFORT",
           help="effort named to the template, such as minimal, low, medium, high, xhigh or max; "
                "default = the template's own"),
    Option("reasoning_budget", ("--reasoning-budget",), integer_in(-1), -1, "N",
           env="LLAMA_ARG_THINK_BUDGET",
           help="the most tokens of reasoning; -1 = no limit, 0 = none"),
    Option("reasoning_budget_message", ("--reasoning-budget-message",), text, "", "TEXT",
           env="LLAMA_ARG_THINK_BUDGET_MESSAGE",
           help="text put before the end of reasoning when the budget is used up"),
    Option("reasoning_preserve", ("--reasoning-preserve",), flag, True,
           negated=("--no-reasoning-preserve",), env="LLAMA_ARG_REASONING_PRESERVE",
           help="show the template the reasoning of all past messages, not of the last only"),
    Option("keep_billing_header", ("--keep-billing-header",), flag, False,
           env="LLAMA_ARG_KEEP_BILLING_HEADER", tags=frozenset({Tag.OURS}),
           help="leave the value that Claude Code puts before its system prompt as it is, although "
                "it differs from request to request, so that no cached prefix fits"),
))  # fmt: skip
