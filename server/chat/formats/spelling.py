"""The text of one call -> how calls are spelled: its fixed texts, and what stands between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from server.chat.formats.format import Call
from server.chat.formats.format import JsonArguments
from server.chat.formats.format import JsonKeys
from server.chat.formats.format import Piece
from server.chat.formats.format import Slot
from server.chat.formats.format import TaggedArguments
from server.chat.formats.probes import KEYS
from server.chat.formats.probes import NAMES
from server.chat.formats.probes import TYPED_VALUES
from server.chat.formats.probes import VALUES
from server.chat.formats.probes import Probes
from server.chat.formats.texts import common_start
from server.chat.formats.texts import shared_end
from server.chat.formats.texts import shared_start

ID_MARK = "\ue000"
"""Stands for a call's id."""
Span = tuple[int, int]

_DECODER = json.JSONDecoder()


def json_spans(text: str, n_calls: int) -> list[Span] | None:
    """Where the objects of calls stand, if calls are JSON objects as a whole."""
    spans, at = [], 0
    for name in NAMES[:n_calls]:
        place = text.find(name, at)
        for start, end, value in _objects(text, at, place):
            if name in json.dumps(value):
                spans.append((start, end))
                at = end
                break
        else:
            return None
    return spans


def text_spans(text: str, n_calls: int) -> list[Span] | None:
    """Where calls stand, each from its name to the end of its arguments."""
    spans = []
    for i, name in enumerate(NAMES[:n_calls]):
        start = text.find(name)
        last = text.find(VALUES[2 * i + 1], start)
        if start < 0 or last < 0:
            return None
        end = last + len(VALUES[0])
        for _, stop, value in _objects(text, start, last):
            if KEYS[0] in value:
                end = stop
                break
        spans.append((start, end))
    return spans


def _objects(text: str, start: int, stop: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The JSON objects that begin between two places, the outer ones first."""
    at = text.find("{", start, stop)
    while at >= 0:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except ValueError:
            pass
        else:
            yield at, end, value
        at = text.find("{", at + 1, stop)


def json_call(text: str) -> Call | None:
    """The spelling of a call that is this object."""
    value: dict[str, Any] = json.loads(text)
    if NAMES[0] in value:
        return _named_by_key(text)
    parent, fields = "", value
    for key, item in value.items():
        if isinstance(item, dict) and NAMES[0] in item.values():
            parent, fields = key, item
    name = next((key for key, item in fields.items() if item == NAMES[0]), "")
    arguments = next((key for key, item in fields.items() if KEYS[0] in json.dumps(item)), "")
    ids = [key for key, item in value.items() if item == ID_MARK]
    ids += [key for key, item in value.items() if "id" in key and isinstance(item, (str, int))]
    if not name or not arguments:
        return None
    slots = {Slot.NAME: (name, False), Slot.ARGUMENTS: (arguments, True)}
    if ids:
        slots[Slot.ID] = (ids[0], False)
    keys = JsonKeys(name, arguments, ids[0] if ids else "", parent)
    return Call(_pieces(text, slots), keys=keys)


def _named_by_key(text: str) -> Call:
    start = text.index(NAMES[0])
    end = start + len(NAMES[0])
    object_start = text.index("{", end)
    _, object_end = _DECODER.raw_decode(text, object_start)
    pieces: tuple[Piece, ...] = (text[:start], Slot.NAME, text[end:object_start], Slot.ARGUMENTS)
    return Call((*pieces, text[object_end:]), keys=JsonKeys(name="", arguments=""))


def _pieces(text: str, slots: Mapping[Slot, tuple[str, bool]]) -> tuple[Piece, ...]:
    """A text in which the values of some keys are slots; a value's quotes stay, or don't."""
    spans = []
    for slot, (key, is_whole) in slots.items():
        start = text.index(":", text.index(json.dumps(key))) + 1
        start += len(text[start:]) - len(text[start:].lstrip())
        _, end = _DECODER.raw_decode(text, start)
        inset = 0 if is_whole or text[start] != '"' else 1
        spans.append((start + inset, end - inset, slot))
    pieces: list[Piece] = []
    at = 0
    for start, end, slot in sorted(spans, key=lambda span: span[0]):
        pieces += [text[at:start], slot]
        at = end
    return (*pieces, text[at:])


def text_call(probes: Probes, first: str, texts: Sequence[str], last: str) -> Call | None:
    """The spelling of a call that is no JSON object. texts: from names to arguments' ends."""
    rest = texts[0].removeprefix(NAMES[0])
    for start, end, value in _objects(rest, 0, len(rest)):
        if KEYS[0] in value:
            middle = _numbered(rest[:start], texts[-1].removeprefix(NAMES[1]))
            pieces = (first, Slot.NAME, *middle, Slot.ARGUMENTS, rest[end:] + last)
            return Call(_with_ids(pieces), JsonArguments())
    return _tagged_call(probes, first, rest, last)


def _numbered(middle: str, other: str) -> tuple[Piece, ...]:
    """A fixed text, in which digits that differ from call to call are a number."""
    n = len(common_start(middle, other))
    if n < len(middle) and middle[n].isdigit() and other[n].isdigit():
        return (middle[:n], Slot.NUMBER, middle[n + 1 :])
    return (middle,)


def _tagged_call(probes: Probes, first: str, rest: str, last: str) -> Call | None:
    places = [rest.find(word) for word in (KEYS[0], VALUES[0], KEYS[1], VALUES[1])]
    if places != sorted(places) or places[0] < 0:
        return None
    lead = rest[: places[0]]
    middle = rest[places[0] + len(KEYS[0]) : places[1]]
    between = rest[places[1] + len(VALUES[0]) : places[2]]
    trail = rest[places[3] + len(VALUES[1]) :] + last
    start = shared_end(first + NAMES[0] + lead, between).lstrip()
    end = shared_start(between, trail)
    if not start.strip() or not end.strip():
        return None
    lead = lead[: len(lead) - len(start)]
    form = TaggedArguments(start, _middles(probes, middle), end)
    return Call(_with_ids((first, Slot.NAME, lead, Slot.ARGUMENTS, trail[len(end) :])), form)


def _middles(probes: Probes, middle: str) -> Mapping[str, str]:
    """What stands between a name and a value, by the value's type if that matters."""
    found = {"string": middle}
    for kind, value in TYPED_VALUES.items():
        text = probes.with_value(value).rpartition(KEYS[0])[2]
        shown = [text.find(form) for form in (json.dumps(value), str(value))]
        places = [place for place in shown if place >= 0]
        if places:
            found[kind] = text[: min(places)]
    return found if len(set(found.values())) > 1 else {"": middle}


def _with_ids(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Pieces with the marks of ids made slots; empty texts are left out."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Slot):
            found.append(piece)
            continue
        for i, text in enumerate(piece.split(ID_MARK)):
            found += [Slot.ID] * (i > 0) + [text] * bool(text)
    return tuple(found)


def within(call: Call, before: str, after: str) -> Call:
    """A JSON call with what stands around it."""
    pieces = list(call.pieces)
    for i, text in ((0, before + str(pieces[0])), (-1, str(pieces[-1]) + after)):
        pieces[i] = text
    return Call(tuple(pieces), keys=call.keys, before=before, after=after)
