"""Values that a model writes, as JSON text: taken as they are, or made into it, bit by bit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from server.chat.reading.reader import SPACE
from server.chat.reading.reader import Markers
from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait

Emit = Callable[[str], None]

OPENS, CLOSES = frozenset("{["), frozenset("}]")
AFTER_OUTER, AFTER_INNER = frozenset(",)"), frozenset(",:]})")
"""What may come after a string that is an argument, and one that is within an argument."""
_STRUCTURE = re.compile(r'["{}\[\]]')
_IN_STRING = re.compile(r'["\\]')
_SCALAR_END = re.compile(r"[,}\]\s]")
_WORD = re.compile(r"[^\s,:{}\[\]()'\"]+")
_NAME_BEGUN = re.compile(r"\s*[\w.$-]*\s*\Z")
_PLAIN = re.compile(r"[^\\'\"\x00-\x1f]+")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")
_WORDS = {"True": "true", "False": "false", "None": "null", "true": "true", "false": "false"}
_WORDS["null"] = "null"
_ESCAPES = frozenset('"\\/bfnrtu')


def quoted(text: str) -> str:
    """A text as a JSON string."""
    return json.dumps(text, ensure_ascii=False)


def escaped(text: str) -> str:
    """A text as the inside of a JSON string."""
    return quoted(text)[1:-1]


def word_as_json(word: str) -> str:
    """A bare word as JSON: a number, a literal of Python or JSON, else a string."""
    if _NUMBER.match(word):
        return word
    return _WORDS.get(word) or quoted(word)


def is_begun_name(text: str) -> bool:
    """Whether a text that breaks off may be the beginning of an argument's name."""
    return _NAME_BEGUN.match(text) is not None


def text_as_json(text: str, types: frozenset[str] | None) -> str:
    """What stands for a value, whole, as JSON of one of the types (None: any); else a string."""
    word = text.strip()
    word = _WORDS.get(word, word)
    try:
        value = json.loads(word, parse_constant=_refused)
    except (ValueError, RecursionError):
        return quoted(text)
    return word if types is None or _type_of(value) & types else quoted(text)


def _refused(word: str) -> None:
    """NaN and the like are no JSON. ValueError."""
    raise ValueError(word)


def _type_of(value: object) -> frozenset[str]:
    match value:
        case None:
            return frozenset({"null"})
        case bool():
            return frozenset({"boolean"})
        case int():
            return frozenset({"integer", "number"})
        case float():
            return frozenset({"number", "integer"} if value.is_integer() else {"number"})
        case str():
            return frozenset({"string"})
        case list():
            return frozenset({"array"})
    return frozenset({"object"})


def json_value(reader: Reader, emit: Emit, depth: int = 0) -> Wait[bool]:
    """Take a JSON value as it is written. False if the text ends within it.

    depth: how many brackets it is within already.
    """
    letter = yield from reader.next_letter()
    if not depth and letter not in OPENS and letter != '"':
        return (yield from _scalar(reader, emit))
    in_string = False
    while True:
        at, depth, in_string = _scan(reader, depth, in_string)
        if at > reader.at:
            emit(reader.text[reader.at : at])
            reader.at = at
        if depth <= 0 and not in_string:
            return True
        if not (yield from reader.wait()):
            return False


def _scan(reader: Reader, depth: int, in_string: bool) -> tuple[int, int, bool]:
    """How far a value goes, and how deep the text is in it there."""
    at = reader.at
    while found := (_IN_STRING if in_string else _STRUCTURE).search(reader.text, at):
        letter, at = found[0], found.end()
        if letter == "\\":
            if at == len(reader.text) and not reader.is_closed:
                return at - 1, depth, in_string
            at += 1
            continue
        if letter == '"':
            in_string = not in_string
        else:
            depth += 1 if letter in OPENS else -1
        if depth <= 0 and not in_string:
            return at, depth, in_string
    return len(reader.text), depth, in_string


def _scalar(reader: Reader, emit: Emit) -> Wait[bool]:
    while True:
        found = _SCALAR_END.search(reader.text, reader.at)
        end = found.start() if found else len(reader.text)
        if end > reader.at:
            emit(reader.text[reader.at : end])
            reader.at = end
        if found:
            return True
        if not (yield from reader.wait()):
            return False


def literal_value(reader: Reader, emit: Emit) -> Wait[bool]:
    """Take a value in Python's or JSON's notation, as JSON. False if the text ends within it."""
    depth = 0
    while True:
        letter = yield from reader.next_letter()
        if not letter:
            return False
        if letter in "'\"":
            reader.at += 1
            followers = AFTER_INNER if depth else AFTER_OUTER
            if not (yield from _string(reader, letter, followers, emit)):
                return False
        elif letter in OPENS or letter in CLOSES:
            depth += 1 if letter in OPENS else -1
            if depth < 0:
                return True
            reader.at += 1
            emit(letter)
        elif depth == 0 and letter in ",)":
            return True
        elif (yield from _word(reader, letter, emit)):
            continue
        if depth == 0 and not letter.isspace():
            return True


def _word(reader: Reader, letter: str, emit: Emit) -> Wait[bool]:
    """A bare word or punctuation; whether it was white space."""
    if not _WORD.match(letter):
        reader.at += 1
        emit(letter)
        return letter.isspace()
    while True:
        found = _WORD.match(reader.text, reader.at)
        end = found.end() if found else reader.at
        if end < len(reader.text) or not (yield from reader.wait()):
            break
    if end > reader.at:
        emit(word_as_json(reader.text[reader.at : end]))
        reader.at = end
    return False


def _string(reader: Reader, quote: str, followers: frozenset[str], emit: Emit) -> Wait[bool]:
    """A string whose opening quote was taken. Quotes within it may not be escaped."""
    emit('"')
    while True:
        letter = yield from reader.next_letter()
        if not letter:
            return False
        if plain := _PLAIN.match(reader.text, reader.at):
            emit(plain[0])
            reader.at = plain.end()
        elif letter == quote and (yield from _is_followed(reader, followers)):
            reader.at += 1
            emit('"')
            return True
        elif letter == "\\":
            if not (yield from _escape(reader, emit)):
                return False
        else:
            reader.at += 1
            emit(escaped(letter))


def _is_followed(reader: Reader, followers: frozenset[str]) -> Wait[bool]:
    """Whether one of the letters comes after the next one, or nothing does."""
    while True:
        found = SPACE.match(reader.text, reader.at + 1)
        place = found.end() if found else len(reader.text)
        if place < len(reader.text):
            return reader.text[place] in followers
        if not (yield from reader.wait()):
            return True


def _escape(reader: Reader, emit: Emit) -> Wait[bool]:
    """A backslash and what it escapes; Python has more of these than JSON."""
    while len(reader.text) < reader.at + 2:
        if not (yield from reader.wait()):
            reader.at = len(reader.text)
            return False
    letter = reader.text[reader.at + 1]
    reader.at += 2
    if letter == "'":
        emit("'")
    elif letter == "x":
        emit("\\u00")
    else:
        emit("\\" + letter if letter in _ESCAPES else "\\\\" + escaped(letter))
    return True


def string_value(reader: Reader, ends: Markers, emit: Emit) -> Wait[bool]:
    """Take text up to one of the ends as a JSON string. False if the text breaks off."""
    emit('"')
    if not (yield from reader.until(ends, lambda text: emit(escaped(text)), n_dropped=1)):
        return False
    emit('"')
    return True


def ends_of(end: str) -> Markers:
    """How the end of a value may be written: without some of the space before it, too."""
    core = end.strip()
    lead = end[: len(end) - len(end.lstrip())]
    return Markers([lead[i:] + core for i in range(len(lead) + 1)])
