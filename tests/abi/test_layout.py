"""Every declaration, judged by the C compiler against the headers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence
from ctypes import Structure
from enum import IntEnum
from pathlib import Path
from types import ModuleType

import pytest

from llama_ctypes import abi
from llama_ctypes.abi import Check
from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import Double
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import UInt32
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.declare import Declarations
from llama_ctypes.declare import Origin
from llama_ctypes.raw.enums import llama_pooling_type
from llama_ctypes.raw.types import llama_context
from llama_ctypes.raw.types import llama_model
from llama_ctypes.raw.types import llama_vocab
from tests.abi.headers import ROOT

CHECKS = tuple(abi.all_checks())


def complaints(checks: Sequence[Check], source: Path) -> dict[int, list[str]]:
    """What the compiler says against each check, by its index; -1 is what fits none."""
    lines = [f'#include "{header}"' for header in abi.HEADERS]
    for number, check in enumerate(checks, start=1):
        # one #line for each line of C: all errors of a check carry its number
        lines += [part for line in check.lines for part in (f'#line {number} "probe.c"', line)]
    result = abi.compile_probe("\n".join([*lines, ""]), source)
    found = defaultdict(list)
    for number, message in re.findall(r"^probe\.c:(\d+):.*error: (.*)$", result.stderr, re.M):
        found[int(number) - 1].append(message)
    if result.returncode and not found:
        found[-1].append(result.stderr)
    return found


@pytest.fixture(scope="session")
def all_complaints(source: Path, compiler: None) -> dict[int, list[str]]:
    return complaints(CHECKS, source)


@pytest.mark.parametrize("index", range(len(CHECKS)), ids=[check.name for check in CHECKS])
def test_a_declaration_is_that_of_the_header(
    index: int, all_complaints: dict[int, list[str]]
) -> None:
    assert not all_complaints.get(index)


def test_the_whole_probe_compiles(source: Path, compiler: None) -> None:
    result = abi.compile_probe(abi.emit(), source)
    assert (result.returncode, result.stderr) == (0, "")


def wrong(checks: Iterable[Check], source: Path) -> list[str]:
    """The names that the compiler refuses."""
    listed = tuple(checks)
    return [listed[index].name for index in sorted(complaints(listed, source))]


def test_a_field_at_a_wrong_offset_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_struct
    class llama_logit_bias(Structure):
        bias: Float
        token: Int32

    refused = wrong(abi.struct_checks(registry.structs["llama_logit_bias"]), source)
    assert refused == ["llama_logit_bias.bias", "llama_logit_bias.token"]


def test_a_missing_field_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_struct
    class llama_token_data(Structure):
        id: Int32
        logit: Float

    assert wrong(abi.struct_checks(registry.structs["llama_token_data"]), source) == [
        "llama_token_data"
    ]


def test_a_field_of_another_type_and_the_same_size_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_struct
    class llama_token_data(Structure):
        id: Int32
        logit: UInt32
        p: Float

    assert wrong(abi.struct_checks(registry.structs["llama_token_data"]), source) == [
        "llama_token_data.logit"
    ]


def test_a_wrong_enum_value_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_enum
    class llama_split_mode(IntEnum):
        LLAMA_SPLIT_MODE_NONE = 0
        LLAMA_SPLIT_MODE_LAYER = 2

    assert wrong(abi.enum_checks(registry.enums["llama_split_mode"]), source) == [
        "llama_split_mode.LLAMA_SPLIT_MODE_LAYER"
    ]


def test_a_wrong_constant_is_refused(source: Path, compiler: None) -> None:
    package = ModuleType("package")
    module = ModuleType("module")
    module.__dict__.update(LLAMA_TOKEN_NULL=0, __annotations__={"LLAMA_TOKEN_NULL": "Constant"})
    package.__dict__["module"] = module
    assert wrong(abi.constant_checks(package), source) == ["LLAMA_TOKEN_NULL"]


def test_a_wrong_return_type_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_function
    def llama_vocab_n_tokens(vocab: ConstPtr[llama_vocab]) -> UInt32:
        raise NotImplementedError

    checks = [abi.function_check(registry.functions["llama_vocab_n_tokens"])]
    assert wrong(checks, source) == ["llama_vocab_n_tokens"]


def test_a_handle_of_another_struct_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_function
    def llama_free(ctx: Ptr[llama_model]) -> None:
        raise NotImplementedError

    assert wrong([abi.function_check(registry.functions["llama_free"])], source) == ["llama_free"]


def test_a_dropped_const_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_function
    def llama_n_ctx(ctx: Ptr[llama_context]) -> UInt32:
        raise NotImplementedError

    assert wrong([abi.function_check(registry.functions["llama_n_ctx"])], source) == ["llama_n_ctx"]


def test_another_enum_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_function
    def llama_load_mode_name(load_mode: EnumOf[llama_pooling_type]) -> CStr:
        raise NotImplementedError

    checks = [abi.function_check(registry.functions["llama_load_mode_name"])]
    assert wrong(checks, source) == ["llama_load_mode_name"]


def test_a_function_that_no_header_has_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_function
    def llama_imagined(ctx: Ptr[llama_context]) -> None:
        raise NotImplementedError

    checks = [abi.function_check(registry.functions["llama_imagined"])]
    assert wrong(checks, source) == ["llama_imagined"]


def test_a_callback_with_another_signature_is_refused(source: Path, compiler: None) -> None:
    registry = Declarations()

    @registry.c_callback
    class llama_progress_callback(Callback):
        def __call__(self, progress: Double, user_data: VoidPtr) -> Bool:
            raise NotImplementedError

    checks = [abi.callback_check(registry.callbacks["llama_progress_callback"])]
    assert wrong(checks, source) == ["llama_progress_callback"]


def test_an_error_names_the_line_of_the_declaration_and_that_of_the_header(
    source: Path, compiler: None
) -> None:
    registry = Declarations()

    @registry.c_function
    def llama_n_ctx(ctx: Ptr[llama_context]) -> UInt32:
        raise NotImplementedError

    probe = abi.emit(iter([abi.function_check(registry.functions["llama_n_ctx"])]))
    complaint = abi.compile_probe(probe, source).stderr
    line = registry.functions["llama_n_ctx"].origin.line
    assert f"test_layout.py:{line}:" in complaint
    assert re.search(r"include/llama\.h:\d+:", complaint)


def test_the_probe_needs_no_third_party_package() -> None:
    command = [sys.executable, "-S", "-m", "llama_ctypes.abi", "--emit"]
    emitted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert emitted.stdout == abi.emit()


def test_the_stamp_ignores_where_a_declaration_stands() -> None:
    check = next(abi.all_checks())
    moved = Check(check.name, Origin(check.origin.path, 999), check.lines)
    here, there = (abi.emit(iter([each]), locations=False) for each in (check, moved))
    assert here == there


def test_a_stamp_is_read_back(tmp_path: Path) -> None:
    abi.main(["--stamp", "--commit", "0c1e57098", "--lib", str(tmp_path)])
    assert abi.read_stamp(tmp_path) == abi.Stamp("0c1e57098", abi.probe_hash())


@pytest.mark.parametrize("text", ["", "commit x", "probe x commit y", "commit 1 probe 2 3"])
def test_a_stamp_that_is_none_is_not_read(tmp_path: Path, text: str) -> None:
    (tmp_path / abi.STAMP_NAME).write_text(text)
    assert abi.read_stamp(tmp_path) is None


def test_the_check_command_says_what_is_wrong_by_its_exit_status(
    source: Path, compiler: None
) -> None:
    assert abi.main(["--check", "--source", str(source)]) == 0
    assert abi.main(["--check", "--source", str(source / "no-such-directory")]) != 0
