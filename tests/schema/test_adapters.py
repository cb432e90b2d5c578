"""Which adapters a request computes with, and from which token of its prompt on."""

from __future__ import annotations

import numpy as np
import pytest

from server.engine.modelinfo import AdapterInfo
from server.engine.task import Adapters
from server.engine.task import Tokens
from server.schema import SchemaError
from server.schema import choose_adapters
from server.schema import parse_server_scales
from server.schema.adapters import last_place

KNOWN = (
    AdapterInfo("plain.gguf", 1.0),
    AdapterInfo("activated.gguf", 1.0, invocation=(7, 8)),
    AdapterInfo("other.gguf", 1.0, invocation=(9,)),
)
OFF = (0.0, 0.0, 0.0)


def tokens(*ids: int) -> Tokens:
    return np.array(ids, np.int32)


PROMPT = tokens(1, 2, 3, 7, 8, 4)


def test_a_request_that_says_nothing_gets_the_servers_scales() -> None:
    assert choose_adapters((), (0.5, 0.0, 0.0), KNOWN, PROMPT) == (((0, 0.5),), 0)


def test_a_request_that_names_one_gets_no_other() -> None:
    assert choose_adapters(((0, 0.25),), (1.0, 1.0, 1.0), KNOWN, PROMPT) == (((0, 0.25),), 0)


def test_a_scale_of_zero_is_no_adapter() -> None:
    assert choose_adapters(((0, 0.0),), (1.0, 1.0, 1.0), KNOWN, PROMPT) == ((), 0)


def test_a_negative_scale_acts() -> None:
    assert choose_adapters(((0, -1.0),), OFF, KNOWN, PROMPT) == (((0, -1.0),), 0)


@pytest.mark.parametrize(
    ("prompt", "chosen", "n_bare"),
    [
        (tokens(1, 2, 3, 7, 8, 4), ((1, 1.0),), 2),
        (tokens(7, 8, 4), ((1, 1.0),), 0),
        (tokens(1, 7, 8), ((1, 1.0),), 0),
        (tokens(1, 7, 8, 2, 2, 7, 8), ((1, 1.0),), 4),
        (tokens(1, 2, 7, 7, 8), ((1, 1.0),), 2),
        (tokens(1, 2, 7, 8, 8), ((1, 1.0),), 1),
        (tokens(1, 2, 3, 7), (), 0),
        (tokens(7), (), 0),
    ],
)
def test_an_activated_one_acts_from_the_last_invocation_on(
    prompt: Tokens, chosen: Adapters, n_bare: int
) -> None:
    assert choose_adapters(((1, 1.0),), OFF, KNOWN, prompt) == (chosen, n_bare)


def test_an_activated_one_beside_a_plain_one_acts_on_all() -> None:
    assert choose_adapters(((0, 1.0), (1, 1.0)), OFF, KNOWN, tokens(1, 2)) == (
        ((0, 1.0), (1, 1.0)),
        0,
    )


def test_two_activated_ones_are_refused() -> None:
    with pytest.raises(SchemaError, match="Cannot run multiple aLoRAs in a single request"):
        choose_adapters((), (0.0, 1.0, 1.0), KNOWN, PROMPT)


@pytest.mark.parametrize("adapter_id", [3, -1])
def test_an_adapter_that_there_is_not_is_refused(adapter_id: int) -> None:
    with pytest.raises(SchemaError, match=f"no adapter {adapter_id}: this server has 0 to 2"):
        choose_adapters(((adapter_id, 1.0),), OFF, KNOWN, PROMPT)


def test_a_server_without_adapters_says_so() -> None:
    with pytest.raises(SchemaError, match="was started without --lora"):
        choose_adapters(((0, 1.0),), (), (), PROMPT)


def test_new_scales_switch_off_what_they_leave_out() -> None:
    assert parse_server_scales([{"id": 2, "scale": 0.5}, {"id": 0}], KNOWN) == (0.0, 0.0, 0.5)
    assert parse_server_scales([], KNOWN) == OFF


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"id": 0, "scale": 1}, "Request body must be an array"),
        (None, "Request body must be an array"),
        ([5], "element 0 must be an object"),
        ([{"id": 0}, {"scale": 1}], "element 1"),
        ([{"id": "x", "scale": 1}], "element 0"),
        ([{"id": 0, "scale": "big"}], "element 0"),
        ([{"id": 3, "scale": 1}], "Request body: there is no adapter 3: this server has 0 to 2"),
    ],
)
def test_scales_that_make_no_sense_are_refused(body: object, reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        parse_server_scales(body, KNOWN)


def test_the_last_place_is_that_of_the_whole() -> None:
    assert last_place((1, 1, 2), tokens(1, 1, 1, 2, 1, 1)) == 1
    assert last_place((5,), tokens()) is None
