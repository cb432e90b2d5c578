"""How each family of models writes: learnt from its template, amended where that says too little.

A family is recognised by texts that only its templates have. Any other template is learnt from
alone; where it shows no calls, they are to be written as most models know them.
"""

from __future__ import annotations

from dataclasses import replace

from server.chat.capabilities import TemplateCaps
from server.chat.formats import deepseek
from server.chat.formats import functionary
from server.chat.formats import gemma
from server.chat.formats import gpt_oss
from server.chat.formats import granite
from server.chat.formats import kimi
from server.chat.formats import lfm2
from server.chat.formats import minimax
from server.chat.formats import mistral
from server.chat.formats import muse
from server.chat.formats import reasoners
from server.chat.formats.family import Family
from server.chat.formats.format import Call
from server.chat.formats.format import Calls
from server.chat.formats.format import Format
from server.chat.formats.format import JsonKeys
from server.chat.formats.format import Slot
from server.chat.formats.learn import learn
from server.chat.formats.learn import turn_end
from server.chat.formats.probes import Probes
from server.chat.formats.probes import Render
from server.chat.reasoning import ReasoningTags

FAMILIES: tuple[Family, ...] = (
    gpt_oss.FAMILY,
    muse.FAMILY,
    functionary.FAMILY,
    kimi.K2,
    kimi.K3,
    lfm2.LFM2,
    lfm2.LFM2_5,
    minimax.M3,
    deepseek.V3_2,
    deepseek.V4,
    mistral.MINISTRAL3,
    gemma.GEMMA4,
    gemma.EARLY_GEMMA4,
    granite.FAMILY,
    *reasoners.FAMILIES,
)
"""The first that knows a template has it."""

GENERIC = Calls(
    Call(
        (
            '<tool_call>\n{"name": "',
            Slot.NAME,
            '", "arguments": ',
            Slot.ARGUMENTS,
            "}\n</tool_call>",
        ),
        keys=JsonKeys(),
        before="<tool_call>\n",
        after="\n</tool_call>",
    ),
    separator="\n",
)
"""Calls for models whose template shows none."""


def family_of(source: str) -> Family | None:
    """The family that a template belongs to, if it is one that is described."""
    return next((family for family in FAMILIES if family.knows(source)), None)


def format_of(source: str, caps: TemplateCaps, tags: ReasoningTags, render: Render) -> Format:
    """How the model of a template writes. render must not change between calls."""
    probes = Probes(render, caps.supports_object_arguments)
    found = learn(probes, tags)
    if family := family_of(source):
        found = family.amend(found, source)
    elif found.calls is None:
        return replace(found, calls=GENERIC, calls_when_forced_only=not caps.supports_tools)
    if found.calls is None or found.channels:
        return found
    return replace(found, calls=replace(found.calls, turn_end=turn_end(probes, found.calls)))
