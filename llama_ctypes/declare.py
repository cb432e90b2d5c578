"""Decorators that record C declarations written once, as annotated Python.

The annotations are those of ctype.py: mypy, ctypes and the C probe of abi.py read the same ones.
Nothing here opens a library (library.py does, and binds the functions) or knows llama.cpp (raw/).
"""

from __future__ import annotations

import ctypes
import keyword
import sys
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from enum import IntEnum
from enum import IntFlag
from functools import cached_property
from typing import Any
from typing import TypeVar
from typing import cast
from typing import get_type_hints
from typing import overload

from llama_ctypes.ctype import CType
from llama_ctypes.ctype import resolve

T = TypeVar("T")
E = TypeVar("E", bound=IntEnum | IntFlag)
S = TypeVar("S", bound=ctypes.Structure | ctypes.Union)
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Signature:
    """The types of a function or callback."""

    result: CType
    arguments: tuple[CType, ...]

    @classmethod
    def of(cls, function: Callable[..., Any], skip: int = 0) -> Signature:
        """Read the annotations of `function`, without its first `skip` parameters."""
        hints = get_type_hints(function, include_extras=True)
        result = resolve(hints.pop("return", None))
        code = function.__code__
        names = code.co_varnames[skip : code.co_argcount]
        return cls(result, tuple(resolve(hints[name]) for name in names))

    def prototype(self, declarator: str) -> str:
        """The C declaration of `declarator` with this signature, without a semicolon."""
        arguments = ", ".join(argument.spelling for argument in self.arguments) or "void"
        return f"{self.result.spelling} {declarator}({arguments})"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a declaration stands, so that the compiler can point at it."""

    path: str
    line: int


def _caller() -> Origin:
    frame = sys._getframe(2)
    return Origin(frame.f_code.co_filename, frame.f_lineno)


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a struct, by its C name (`async_` in Python is `async` in C)."""

    name: str
    type: CType


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct whose layout Python relies on."""

    type: type[ctypes.Structure]
    members: tuple[Member, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enum with all its values."""

    type: type[IntEnum]
    origin: Origin


@dataclass(frozen=True, slots=True)
class CallbackType:
    """A callback type. `named`: C has a typedef of that name."""

    name: str
    signature: Signature
    named: bool
    origin: Origin


class Function:
    """A declared C function: calls the library, which the first call loads.

    Loading replaces the name in its module by the ctypes function itself, so `vocab.llama_x(...)`
    through the module costs nothing extra; a name imported before that keeps working through here.
    """

    def __init__(
        self, declared: Callable[..., Any], *, releases_gil: bool, backend: str | None
    ) -> None:
        """`declared` has the signature; see `Declarations.c_function` for the rest."""
        self.__wrapped__ = declared
        self.__name__ = declared.__name__
        self.__qualname__ = declared.__qualname__
        self.__module__ = declared.__module__
        self.__doc__ = declared.__doc__
        self.releases_gil = releases_gil
        self.backend = backend
        self.pointer: Callable[..., Any] = self._load_then_call

    def __call__(self, *arguments: Any) -> Any:
        """Call the C function; arguments are positional, as in C."""
        return self.pointer(*arguments)

    def __repr__(self) -> str:
        """Its qualified name."""
        return f"<C function {self.__module__}.{self.__name__}>"

    @cached_property
    def signature(self) -> Signature:
        """The types, read on first use: only then all names of the module exist."""
        return Signature.of(self.__wrapped__)

    @property
    def origin(self) -> Origin:
        """Where it is declared."""
        code = self.__wrapped__.__code__
        return Origin(code.co_filename, code.co_firstlineno)

    def typed(self, pointer: Any) -> Any:
        """Give a ctypes function the types of this one, and return it."""
        pointer.argtypes = [argument.ctype for argument in self.signature.arguments]
        pointer.restype = self.signature.result.ctype
        pointer.__doc__ = self.__doc__
        pointer.__wrapped__ = self.__wrapped__
        return pointer

    def bind(self, pointer: Any) -> None:
        """Put the typed ctypes function in place of this object."""
        self.pointer = pointer
        module = sys.modules.get(self.__module__)
        if module is not None and getattr(module, self.__name__, None) is self:
            setattr(module, self.__name__, pointer)

    def _load_then_call(self, *arguments: Any) -> Any:
        # library.py imports this module
        from llama_ctypes import library

        opened = library.load()
        if self.pointer == self._load_then_call:  # not bound with the others
            opened.resolve(self)
        return self.pointer(*arguments)


@dataclass(slots=True)
class Declarations:
    """A registry and the decorators that fill it. The C headers' one is `DECLARATIONS`."""

    structs: dict[str, Struct] = field(default_factory=dict)
    enums: dict[str, Enumeration] = field(default_factory=dict)
    callbacks: dict[str, CallbackType] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)

    def c_enum(self, cls: type[E]) -> type[E]:
        """Record an enum whose name and members are those of C."""
        self.enums[cls.__name__] = Enumeration(cast("type[IntEnum]", cls), _caller())
        return cls

    def c_struct(self, cls: type[S]) -> type[S]:
        """Lay out a Structure from its annotations, and record it."""
        members = tuple(_members(cls))
        self.structs[cls.__name__] = Struct(cast("type[ctypes.Structure]", cls), members, _caller())
        return cls

    @overload
    def c_callback(self, cls: type[T], /) -> type[T]: ...
    @overload
    def c_callback(self, /, *, named: bool) -> Callable[[type[T]], type[T]]: ...
    def c_callback(self, cls: type[Any] | None = None, /, *, named: bool = True) -> Any:
        """Make a C function pointer type of a class whose `__call__` has the signature.

        `named=False`: the header spells the type in place (a field of a struct) and has no typedef.
        """
        if cls is None:
            return lambda declared: self._callback(declared, named, _caller())
        return self._callback(cls, named, _caller())

    def _callback(self, cls: type[Any], named: bool, origin: Origin) -> Any:
        signature = Signature.of(cls.__call__, skip=1)
        spelling = cls.__name__ if named else signature.prototype("(*)")
        base: Any = ctypes.CFUNCTYPE(
            signature.result.ctype, *[argument.ctype for argument in signature.arguments]
        )
        body = {
            "_flags_": base._flags_,
            "_restype_": base._restype_,
            "_argtypes_": base._argtypes_,
            "__module__": cls.__module__,
            "__doc__": cls.__doc__,
            "c_spelling": spelling,
        }
        self.callbacks[cls.__name__] = CallbackType(cls.__name__, signature, named, origin)
        return type(cls.__name__, (base,), body)

    @overload
    def c_function(self, declared: F, /) -> F: ...
    @overload
    def c_function(
        self, /, *, releases_gil: bool = ..., backend: str | None = ...
    ) -> Callable[[F], F]: ...
    def c_function(
        self,
        declared: Callable[..., Any] | None = None,
        /,
        *,
        releases_gil: bool = False,
        backend: str | None = None,
    ) -> Any:
        """Record a C function by a Python one with its name, signature and docstring.

        `releases_gil`: for calls that compute, wait or read files. Short calls keep the GIL, as
        winning it back from a busy thread costs more than they do. `backend`: part of that ggml
        backend, which a build may lack or load as a plug-in: looked up when first called.
        """
        if declared is None:
            return lambda function: self._function(function, releases_gil, backend)
        return self._function(declared, releases_gil, backend)

    def _function(
        self, declared: Callable[..., Any], releases_gil: bool, backend: str | None
    ) -> Function:
        function = Function(declared, releases_gil=releases_gil, backend=backend)
        self.functions[function.__name__] = function
        return function


def c_union(cls: type[S]) -> type[S]:
    """Lay out an anonymous union; its fields count as those of the struct around it."""
    tuple(_members(cls))
    return cls


def _members(cls: type[Any]) -> Iterator[Member]:
    """Set `_fields_` from the annotations, and yield the members as C sees them."""
    hints = get_type_hints(cls, localns={cls.__name__: cls}, include_extras=True)
    types = {name: resolve(hints[name]) for name in cls.__annotations__}
    cls._fields_ = [(name, kind.ctype) for name, kind in types.items()]
    for name, kind in types.items():
        if name in getattr(cls, "_anonymous_", ()):
            inner = get_type_hints(kind.ctype, include_extras=True)
            yield from (Member(each, resolve(inner[each])) for each in kind.ctype.__annotations__)
        else:
            yield Member(name[:-1] if keyword.iskeyword(name[:-1]) else name, kind)


DECLARATIONS = Declarations()
c_enum = DECLARATIONS.c_enum
c_struct = DECLARATIONS.c_struct
c_callback = DECLARATIONS.c_callback
c_function = DECLARATIONS.c_function
