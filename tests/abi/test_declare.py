"""What the decorators make of annotated Python."""

from __future__ import annotations

import ctypes
from ctypes import Structure
from ctypes import Union
from enum import IntEnum
from typing import Any

import pytest

from llama_ctypes import ctype
from llama_ctypes.ctype import Bool
from llama_ctypes.ctype import Callback
from llama_ctypes.ctype import Char
from llama_ctypes.ctype import ConstPtr
from llama_ctypes.ctype import CStr
from llama_ctypes.ctype import EnumOf
from llama_ctypes.ctype import Float
from llama_ctypes.ctype import Int32
from llama_ctypes.ctype import Int64
from llama_ctypes.ctype import Opaque
from llama_ctypes.ctype import Ptr
from llama_ctypes.ctype import UInt8
from llama_ctypes.ctype import VoidPtr
from llama_ctypes.ctype import resolve
from llama_ctypes.declare import Declarations
from llama_ctypes.declare import c_union


class engine(Opaque):
    pass


class wheel(Opaque):
    pass


class FILE(Opaque):
    c_spelling = "FILE"


class colour(IntEnum):
    RED = 0


@pytest.mark.parametrize(
    ("annotation", "spelling"),
    [
        (None, "void"),
        (Int32, "int32_t"),
        (CStr, "const char *"),
        (VoidPtr, "void *"),
        (EnumOf[colour], "enum colour"),  # type: ignore[misc]
        (engine, "struct engine"),
        (Ptr[engine], "struct engine *"),
        (ConstPtr[engine], "const struct engine *"),
        (Ptr[Ptr[engine]], "struct engine * *"),
        (ConstPtr[ConstPtr[engine]], "const struct engine * const *"),
        (Ptr[CStr], "const char * *"),
        (Ptr[Char], "char *"),
        (Ptr[FILE], "FILE *"),
    ],
)
def test_an_annotation_is_spelled_as_in_c(annotation: Any, spelling: str) -> None:
    assert resolve(annotation).spelling == spelling


@pytest.mark.parametrize("annotation", [int, bytes, "int32_t", object()])
def test_an_annotation_without_a_c_type_is_refused(annotation: Any) -> None:
    with pytest.raises(TypeError, match="does not say which C type"):
        resolve(annotation)


def test_a_struct_is_laid_out_as_c_lays_it_out() -> None:
    registry = Declarations()

    @registry.c_struct
    class row(Structure):
        flag: UInt8
        value: Int64
        next: Ptr[row]

    assert [(name, getattr(row, name).offset) for name in ("flag", "value", "next")] == [
        ("flag", 0),
        ("value", 8),
        ("next", 16),
    ]


def test_a_field_named_like_a_keyword_has_its_c_name() -> None:
    registry = Declarations()

    @registry.c_struct
    class caps(Structure):
        async_: Bool
        events_: Bool

    assert [member.name for member in registry.structs["caps"].members] == ["async", "events_"]


def test_fields_of_an_anonymous_union_count_as_those_of_the_struct() -> None:
    registry = Declarations()

    @c_union
    class number(Union):
        whole: Int32
        real: Float

    globals()["number"] = number

    @registry.c_struct
    class tagged(Structure):
        _anonymous_ = ("value",)
        tag: Int32
        value: number

    assert [member.name for member in registry.structs["tagged"].members] == [
        "tag",
        "whole",
        "real",
    ]


def test_a_callback_calls_python_with_c_values() -> None:
    registry = Declarations()

    @registry.c_callback
    class on_progress(Callback):
        def __call__(self, progress: Float, user_data: VoidPtr) -> Bool:
            raise NotImplementedError

    seen: list[tuple[float, int | None]] = []

    def hear(progress: float, data: int | None) -> bool:
        seen.append((progress, data))
        return True

    assert on_progress(hear)(0.5, 7) is True
    assert seen == [(0.5, 7)]


def test_two_callback_types_with_one_signature_are_not_mixed_up() -> None:
    registry = Declarations()

    @registry.c_callback
    class one(Callback):
        def __call__(self, data: VoidPtr) -> None: ...

    @registry.c_callback
    class other(Callback):
        def __call__(self, data: VoidPtr) -> None: ...

    with pytest.raises(TypeError):
        one.from_param(other(lambda data: None))  # type: ignore[attr-defined]


def test_a_callback_without_a_typedef_is_spelled_out() -> None:
    registry = Declarations()

    @registry.c_callback(named=False)
    class on_done(Callback):
        def __call__(self, it: ConstPtr[engine], n: Int32) -> None: ...

    assert resolve(on_done).spelling == "void (*)(const struct engine *, int32_t)"


def test_a_callback_called_without_a_function_is_null() -> None:
    registry = Declarations()

    @registry.c_callback
    class on_done(Callback):
        def __call__(self, data: VoidPtr) -> None: ...

    assert not on_done()


def test_pointers_to_different_structs_are_not_mixed_up() -> None:
    pointer = resolve(Ptr[engine]).ctype()
    resolve(ConstPtr[engine]).ctype.from_param(pointer)
    with pytest.raises(TypeError):
        resolve(Ptr[wheel]).ctype.from_param(pointer)


def test_a_function_has_a_c_prototype() -> None:
    registry = Declarations()

    @registry.c_function
    def spin(it: Ptr[engine], speed: Float, names: Ptr[CStr]) -> EnumOf[colour]:
        raise NotImplementedError

    assert registry.functions["spin"].signature.prototype("spin") == (
        "enum colour spin(struct engine *, float, const char * *)"
    )


def test_a_function_without_parameters_takes_void() -> None:
    registry = Declarations()

    @registry.c_function
    def stop() -> None: ...

    assert registry.functions["stop"].signature.prototype("stop") == "void stop(void)"


def test_a_function_keeps_its_name_and_documentation() -> None:
    registry = Declarations()

    @registry.c_function(releases_gil=True)
    def spin(it: Ptr[engine]) -> None:
        """Spin."""

    function = registry.functions["spin"]
    assert (function.__name__, function.__doc__, function.releases_gil) == ("spin", "Spin.", True)


def test_a_bound_function_calls_c_through_its_declaration() -> None:
    registry = Declarations()

    @registry.c_function
    def strtol(text: CStr, end: VoidPtr, base: ctype.Int) -> Int64:
        raise NotImplementedError

    function = registry.functions["strtol"]
    function.bind(function.typed(ctypes.CDLL(None)["strtol"]))
    assert strtol(b"ff", None, 16) == 255


def test_binding_replaces_the_name_in_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Declarations()

    @registry.c_function
    def toupper(character: ctype.Int) -> ctype.Int:
        raise NotImplementedError

    monkeypatch.setitem(globals(), "toupper", toupper)
    function = registry.functions["toupper"]
    pointer = ctypes.CDLL(None)["toupper"]
    function.bind(function.typed(pointer))
    assert globals()["toupper"] is pointer
