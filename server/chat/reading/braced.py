"""Arguments in braces, `{city:<|"|>Paris<|"|>,days:[1,2]}`: bare names, strings in own quotes."""

from __future__ import annotations

from server.chat.reading.reader import Markers
from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait
from server.chat.reading.values import OPENS
from server.chat.reading.values import Emit
from server.chat.reading.values import is_begun_name
from server.chat.reading.values import quoted
from server.chat.reading.values import string_value
from server.chat.reading.values import word_as_json

KEY_ENDS = Markers([":", "}"])
WORD_ENDS = Markers([",", "}", "]"])


def braced_arguments(reader: Reader, quote: str, emit: Emit, spare: Emit) -> Wait[bool]:
    """An object, from its brace on, at any depth. spare: takes what is no argument."""
    if not (yield from reader.next_letter()):
        return False
    reader.at += 1
    closers = ["}"]
    expects_key, comma = True, ""
    while closers:
        letter = yield from reader.first_letter()
        if not letter:
            return False
        yield from reader.skip_space()
        if letter in ",}" and closers[-1] == "}" and not expects_key:
            # how templates write what Python calls None
            emit("null")
            expects_key, comma = True, ","
        if letter in "}]":
            reader.at += 1
            emit(closers.pop())
            expects_key, comma = closers[-1:] == ["}"], ","
        elif letter == ",":
            reader.at += 1
        elif expects_key:
            key: list[str] = []
            found = yield from reader.until(KEY_ENDS, key.append)
            name = "".join(key).replace(quote, "")
            if found != ":":
                reader.at -= len(found)
                if found or not is_begun_name(name):
                    spare(name)
                continue
            emit(f"{comma}{quoted(name.strip())}:")
            expects_key, comma = False, ""
        else:
            emit(comma)
            if letter in OPENS:
                reader.at += 1
                emit(letter)
                closers.append("}" if letter == "{" else "]")
                expects_key, comma = letter == "{", ""
                continue
            if not (yield from _scalar(reader, quote, emit)):
                return False
            expects_key, comma = closers[-1] == "}", ","
    return True


def _scalar(reader: Reader, quote: str, emit: Emit) -> Wait[bool]:
    if (yield from reader.accept_end(quote)):
        return (yield from string_value(reader, Markers([quote]), emit))
    word: list[str] = []
    found = yield from reader.until(WORD_ENDS, word.append)
    reader.at -= len(found)
    emit(word_as_json("".join(word).strip()))
    return bool(found)
