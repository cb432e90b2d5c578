"""Text to value: what is accepted, and the sentence when it isn't."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies

from server import values
from server.options import parsers
from server.values import BadValue

ACCEPTED: list[tuple[Callable[[str], object], str, object]] = [
    (values.integer, "-1", -1),
    (values.integer, "+5", 5),
    (values.number, "1e-3", 0.001),
    (values.flag, "enabled", True),
    (values.flag, "0", False),
    (values.on_off_auto, "-1", "auto"),
    (values.on_off_auto, "true", "on"),
    (values.seed, "-1", 0xFFFFFFFF),
    (values.seed, "42", 42),
    (values.temperature, "-3", 0.0),
    (values.comma_list, 'a,"b, c","d ""e"""', ("a", "b, c", 'd "e"')),
    (values.comma_list, "a,,b", ("a", "b")),
    (values.comma_list, 'it"s', ('it"s',)),
    (values.stripped_list, " a , b ", ("a", "b")),
    (values.name_set, "b, a,b", ("a", "b")),
    (values.numbers, "3,1/2", (3.0, 1.0, 2.0)),
    (values.sampler_names, "Top-K;nucleus;temp", ("top_k", "top_p", "temperature")),
    (values.sampler_letters, "kt", ("top_k", "temperature")),
    (values.logit_bias, "15043-1.5", ((15043, -1.5),)),
    (values.json_object, '{"a": [1]}', {"a": [1]}),
    (parsers.gpu_layers, "all", -2),
    (parsers.gpu_layers, "auto", -1),
    (parsers.gpu_layers, "99", 99),
    (parsers.cpu_mask, "0x5", (0, 2)),
    (parsers.cpu_range, "2-4", (2, 3, 4)),
    (parsers.cpu_range, "510-", (510, 511)),
    (parsers.metadata_overrides, "a=int:3,b=bool:true", (("a", 3), ("b", True))),
    (parsers.metadata_overrides, "c=str:x=y,d=float:1", (("c", "x=y"), ("d", 1.0))),
    (parsers.tensor_overrides, "blk.*=CPU", (("blk.*", "CPU"),)),
    (parsers.scaled_files, "a:b.gguf:0.5", (("a:b.gguf", 0.5),)),
    (parsers.layer_range, "3 7", (3, 7)),
    (parsers.hosts, "::1, /run/a.sock", ("::1", "/run/a.sock")),
    (parsers.api_prefix, "/llm/", "/llm"),
    (parsers.dry_breaker, "none", ()),
]

REFUSED: list[tuple[Callable[[str], object], str, str]] = [
    (values.integer, "big", "expected an integer, got 'big'"),
    (values.integer, "1_000", "expected an integer, got '1_000'"),
    (values.integer, "3000000000", "expected an integer of 32 bits, got '3000000000'"),
    (values.number, "nan", "expected a number, got 'nan'"),
    (values.number, "inf", "expected a number, got 'inf'"),
    (values.flag, "yes", "expected on or off, got 'yes'"),
    (values.seed, "-2", "expected a seed from -1 to 4294967295, got '-2'"),
    (values.integer_in(0), "-1", "expected an integer of at least 0, got '-1'"),
    (values.integer_in(0, 3), "4", "expected an integer from 0 to 3, got '4'"),
    (values.number_in(0, 1), "1.5", "expected a number from 0 to 1, got '1.5'"),
    (values.positive_number, "0", "expected a number greater than 0, got '0'"),
    (values.one_of("a", "b"), "c", "expected one of a, b, got 'c'"),
    (values.logit_bias, "hello", "expected TOKEN_ID+BIAS or TOKEN_ID-BIAS, got 'hello'"),
    (values.json_object, "[1]", "expected a JSON object, got '[1]'"),
    (parsers.port, "65536", "expected a port from 0 to 65535, got '65536'"),
    (parsers.slots, "0", "expected a count of slots (1 to 256), or -1 for auto, got '0'"),
    (parsers.slots, "257", "expected a count of slots (1 to 256), or -1 for auto, got '257'"),
    (parsers.hosts, " ,", "expected at least one address, got ' ,'"),
    (parsers.api_prefix, "x", "expected a prefix that begins with a slash, got 'x'"),
    (parsers.cpu_mask, "xyz", "expected a hexadecimal mask, got 'xyz'"),
    (parsers.cpu_range, "1-512", "expected CPU numbers below 512, got '1-512'"),
    (parsers.metadata_overrides, "a=int:x", "expected an integer after int:, got 'a=int:x'"),
    (parsers.directory, "/no/such", "expected a directory that exists, got '/no/such'"),
]


@pytest.mark.parametrize(("parse", "text", "value"), ACCEPTED)
def test_accepted_text_becomes_a_value(
    parse: Callable[[str], object], text: str, value: object
) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text", "sentence"), REFUSED)
def test_refused_text_says_what_was_expected(
    parse: Callable[[str], object], text: str, sentence: str
) -> None:
    with pytest.raises(BadValue) as refusal:
        parse(text)
    assert str(refusal.value) == sentence


def test_an_unknown_sampler_names_all_samplers() -> None:
    with pytest.raises(BadValue, match=r"dry \(d\).*adaptive_p \(a\), got 'topq'"):
        values.sampler_names("top_k;topq")


def test_all_threads_stand_for_zero() -> None:
    assert parsers.threads("0") == parsers.threads("-1") >= 1


def test_a_key_file_has_a_key_on_each_line_that_is_no_comment(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# team\none\n\ntwo\n")
    assert parsers.key_file(str(path)) == ("one", "two")


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"No such file or directory\), got '.*missing'"):
        parsers.existing_text_file(str(tmp_path / "missing"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadValue, match="a readable text file"):
        parsers.existing_text_file(str(path))


@pytest.mark.parametrize(
    ("text", "value"),
    [(r"\n", "\n"), (r"\x41", "A"), (r"\\n", r"\n"), (r"\q", r"\q"), (r"a\"b", 'a"b')],
)
def test_escapes_are_replaced(text: str, value: str) -> None:
    assert values.unescape(text) == value


@given(strategies.lists(strategies.text(min_size=1)))
def test_a_comma_list_survives_quoting(names: list[str]) -> None:
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    assert values.comma_list(quoted) == tuple(names)


@given(strategies.text())
def test_a_number_is_finite_or_refused(text: str) -> None:
    try:
        assert math.isfinite(values.number(text))
    except BadValue as refusal:
        assert repr(text) in str(refusal)
