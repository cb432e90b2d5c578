"""The text of a custom tool's call, however it is written and cut."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from server.api.responses.custom import CustomInput

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


def read(pieces: list[str]) -> str:
    call = CustomInput()
    told = "".join([*(call.push(piece) for piece in pieces), call.finish()])
    assert told == call.text
    return told


@given(TEXTS, st.booleans(), st.sampled_from([(", ", ": "), (",", ":")]), st.data())
def test_any_text_comes_out_wherever_its_json_is_cut(
    text: str, is_ascii: bool, separators: tuple[str, str], data: st.DataObject
) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=is_ascii, separators=separators)
    assert read([*arguments]) == text
    i = data.draw(st.integers(0, len(arguments)))
    assert read([arguments[:i], arguments[i:]]) == text


def test_arguments_of_another_form_are_the_text() -> None:
    for arguments in ("{}", '{"other": "x"}', '{"input": 5}', "", "plain"):
        assert read([*arguments]) == arguments


def test_what_breaks_off_is_kept_as_far_as_it_came() -> None:
    assert read(['{"input": "half', " a te"]) == "half a te"
