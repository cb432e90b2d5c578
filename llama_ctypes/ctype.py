"""The C types, as annotations that mypy reads as int or float and ctypes as its own types.

`Int32` is `Annotated[int, CType(c_int32, "int32_t")]`; `Ptr[T]` and `ConstPtr[T]` are pointers,
NULL among them; `EnumOf[E]` a C enum's values; `CStr` a string that C only reads. Knows no struct
and no function of llama.cpp: declare.py records those, raw/ lists them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from enum import IntFlag
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any
from typing import ClassVar
from typing import Protocol
from typing import TypeAlias
from typing import TypeVar

T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=IntEnum | IntFlag)


@dataclass(frozen=True, slots=True)
class CType:
    """One C type: `ctype` for ctypes (None is void), `spelling` for the compiler."""

    ctype: Any
    spelling: str


VOID = CType(None, "void")

Bool = Annotated[bool, CType(ctypes.c_bool, "bool")]
Int = Annotated[int, CType(ctypes.c_int, "int")]
Int8 = Annotated[int, CType(ctypes.c_int8, "int8_t")]
Int16 = Annotated[int, CType(ctypes.c_int16, "int16_t")]
Int32 = Annotated[int, CType(ctypes.c_int32, "int32_t")]
Int64 = Annotated[int, CType(ctypes.c_int64, "int64_t")]
UInt8 = Annotated[int, CType(ctypes.c_uint8, "uint8_t")]
UInt16 = Annotated[int, CType(ctypes.c_uint16, "uint16_t")]
UInt32 = Annotated[int, CType(ctypes.c_uint32, "uint32_t")]
UInt64 = Annotated[int, CType(ctypes.c_uint64, "uint64_t")]
Size = Annotated[int, CType(ctypes.c_size_t, "size_t")]
Float = Annotated[float, CType(ctypes.c_float, "float")]
Double = Annotated[float, CType(ctypes.c_double, "double")]
Char = Annotated[bytes, CType(ctypes.c_char, "char")]
CStr = Annotated[bytes | None, CType(ctypes.c_char_p, "const char *")]
VoidPtr = Annotated[int | None, CType(ctypes.c_void_p, "void *")]
ConstVoidPtr = Annotated[int | None, CType(ctypes.c_void_p, "const void *")]

# Plain memory as an argument: an address, bytes (read only), or any ctypes array or pointer.
Memory = int | bytes | ctypes.Array[Any] | None
OutBytes = Annotated[Memory, CType(ctypes.c_void_p, "uint8_t *")]
InBytes = Annotated[Memory, CType(ctypes.c_void_p, "const uint8_t *")]
InUChars = Annotated[Memory, CType(ctypes.c_void_p, "const unsigned char *")]

# A macro of the header: `LLAMA_TOKEN_NULL: Constant = -1`. abi.py finds them by this annotation.
Constant = int

NULL: Any = None


class Opaque(ctypes.Structure):
    """Base of structs that only C looks into; each subclass has a pointer type of its own.

    `c_spelling`: how C names it, if not `struct` and the class's name.
    """

    c_spelling: ClassVar[str | None] = None


if TYPE_CHECKING:

    class Ptr(Protocol[T_co]):
        """`T *`: a ctypes pointer or array of T, what `ref()` makes, or NULL."""

        def __getitem__(self, index: int, /) -> T_co:
            """The element at `index`; nobody checks the bounds of a pointer."""

        def __setitem__(self, index: int, value: Any, /) -> None:
            """Write the element at `index`."""

    class ConstPtr(Protocol[T_co]):
        """`const T *`: as Ptr, but what it points to is not written."""

        def __getitem__(self, index: int, /) -> T_co:
            """The element at `index`; nobody checks the bounds of a pointer."""

    EnumOf: TypeAlias = E | int

    class Callback:
        """A C function pointer type. Keep the instance alive for as long as C may call it."""

        def __init__(self, function: Callable[..., Any] | None = None, /) -> None:
            """`function` is called on the thread C calls from; without it: NULL."""
else:

    class Ptr:
        """`T *`: a ctypes pointer or array of T, what `ref()` makes, or NULL."""

        def __class_getitem__(cls, target: Any) -> Any:
            """The annotation for a pointer to `target`."""
            pointee = resolve(target)
            return Annotated[Any, CType(ctypes.POINTER(pointee.ctype), f"{pointee.spelling} *")]

    class ConstPtr:
        """`const T *`: as Ptr, what it points to is not written."""

        def __class_getitem__(cls, target: Any) -> Any:
            """The annotation for a pointer to constant `target`."""
            pointee = resolve(target)
            constant = (
                f"{pointee.spelling} const"
                if pointee.spelling.endswith("*")
                else f"const {pointee.spelling}"
            )
            return Annotated[Any, CType(ctypes.POINTER(pointee.ctype), f"{constant} *")]

    class EnumOf:
        """`enum E`: C hands out plain ints; Python may pass the enum's members or ints."""

        def __class_getitem__(cls, enum: type[IntEnum | IntFlag]) -> Any:
            """The annotation for values of `enum`."""
            return Annotated[int, CType(ctypes.c_int, f"enum {enum.__name__}")]

    class Callback:
        """A C function pointer type. Keep the instance alive for as long as C may call it."""


def ref(value: Any) -> Any:
    """`&value` as an argument; the pointer must not outlive the call."""
    return ctypes.byref(value)


def resolve(annotation: Any) -> CType:
    """The C type behind an evaluated annotation. TypeError when it has none."""
    if annotation is None or annotation is type(None):
        return VOID
    for item in getattr(annotation, "__metadata__", ()):
        if isinstance(item, CType):
            return item
    if isinstance(annotation, type):
        spelling = getattr(annotation, "c_spelling", None)
        if spelling is not None:
            return CType(annotation, spelling)
        if issubclass(annotation, ctypes.Structure | ctypes.Union):
            return CType(annotation, f"struct {annotation.__name__}")
    raise TypeError(f"{annotation!r} does not say which C type it is")
