"""Arguments as a JSON object, or as in a call in Python.

Here and in the modules of other notations (tagged, braced, elements), arguments begin after the
object's `{` was emitted, and end with its `}` unless the text breaks off: then the result is False.
"""

from __future__ import annotations

import json

from server.chat.reading.reader import Markers
from server.chat.reading.reader import Reader
from server.chat.reading.reader import Wait
from server.chat.reading.values import Emit
from server.chat.reading.values import is_begun_name
from server.chat.reading.values import json_value
from server.chat.reading.values import literal_value
from server.chat.reading.values import quoted

NAME_ENDS = Markers(["=", ")"])


def json_arguments(reader: Reader, emit: Emit) -> Wait[bool]:
    """A JSON object as it is written, or one that is written within a JSON string."""
    letter = yield from reader.next_letter()
    if letter == "{":
        reader.at += 1
        return (yield from json_value(reader, emit, depth=1))
    value: list[str] = []
    if not (yield from json_value(reader, value.append)):
        return False
    text = "".join(value)
    emit("}" if text in ("null", "") else _inner(text))
    return True


def _inner(text: str) -> str:
    """A value that should have been an object, without its first brace."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value.strip().removeprefix("{") if isinstance(value, str) else text


def keyword_arguments(reader: Reader, close: str, emit: Emit, spare: Emit) -> Wait[bool]:
    """`a=1, b='x'`, up to the closing text, which isn't taken. spare: what is no argument."""
    comma = ""
    while True:
        yield from reader.skip_space()
        if (yield from reader.sees(close)):
            emit("}")
            return True
        name: list[str] = []
        found = yield from reader.until(NAME_ENDS, name.append)
        if found != "=":
            # no argument: whatever it is, the call ends before the parenthesis
            reader.at -= len(found)
            if found or not is_begun_name("".join(name)):
                spare("".join(name))
            emit("}" if found else "")
            return bool(found)
        emit(f"{comma}{quoted(''.join(name).strip())}:")
        comma = ","
        yield from reader.skip_space()
        if not (yield from literal_value(reader, emit)):
            return False
        yield from reader.accept(",")
