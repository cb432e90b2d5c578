"""Ownership: one Python object owns one C pointer and frees it exactly once.

A child (a context) keeps its parents (the model) alive, and a parent refuses to be freed under a
live child. After free or consumption the pointer is dead: using it raises instead of crashing.
Knows no C function; each owner says in `_dispose` how its pointer is freed.
"""

from __future__ import annotations

import ctypes
import sys
from collections import Counter
from types import TracebackType
from typing import Any
from typing import Generic
from typing import TypeVar

from llama_ctypes.ctype import Ptr
from llama_ctypes.errors import InUse
from llama_ctypes.errors import UseAfterFree

P = TypeVar("P", bound=ctypes.Structure)
H = TypeVar("H", bound="Handle[Any]")


class Handle(Generic[P]):
    """Owner of one pointer. Not thread-safe: free an object on the thread that uses it.

    `with` and `close()` free it; forgetting both is fine too, garbage collection frees it then. At
    interpreter exit nothing is freed: the process ends, and native threads may still be computing.
    """

    noun = "object"

    def __init__(self, pointer: Ptr[P], *parents: Handle[Any]) -> None:
        """Take over `pointer`; `parents` must outlive it."""
        self._pointer: Ptr[P] | None = pointer
        self._parents: list[Handle[Any]] = []
        self._children: dict[int, str] = {}
        self._abandoned = False
        for parent in parents:
            self._add_parent(parent)

    @property
    def ptr(self) -> Ptr[P]:
        """The live pointer. UseAfterFree when it is no longer ours."""
        pointer = self._pointer
        if pointer is None:
            raise UseAfterFree(f"the {self.noun} is already freed; make a new one")
        return pointer

    @property
    def closed(self) -> bool:
        """Whether the pointer has been freed or taken over."""
        return self._pointer is None

    def close(self) -> None:
        """Free the pointer; does nothing when that has happened. InUse while children live."""
        if self._pointer is not None:
            self.free()

    def free(self) -> None:
        """Free the pointer. UseAfterFree the second time; InUse while children live."""
        pointer = self.ptr
        if self._children:
            users = ", ".join(f"{n} {noun}" for noun, n in Counter(self._children.values()).items())
            raise InUse(f"the {self.noun} is still used by {users}; close that first")
        self._release(pointer)

    def _dispose(self, pointer: Ptr[P]) -> None:
        """Give `pointer` back to C."""
        raise NotImplementedError

    def _consume(self) -> Ptr[P]:
        """Hand the pointer to C code that frees it itself; this object is dead afterwards."""
        pointer = self.ptr
        self._pointer = None
        self._leave_parents()
        return pointer

    def _release(self, pointer: Ptr[P]) -> None:
        self._pointer = None
        self._dispose(pointer)
        self._leave_parents()

    def _add_parent(self, parent: Handle[Any]) -> None:
        """From now on `parent` must outlive this object."""
        if all(each is not parent for each in self._parents):
            self._parents.append(parent)
            parent._children[id(self)] = self.noun

    def _leave_parent(self, parent: Handle[Any]) -> None:
        self._parents = [each for each in self._parents if each is not parent]
        parent._children.pop(id(self), None)
        # Garbage collection may finalise the parents in a cycle before their children.
        if parent._abandoned and not parent._children and parent._pointer is not None:
            parent._release(parent._pointer)

    def _leave_parents(self) -> None:
        for parent in self._parents:
            self._leave_parent(parent)

    def __enter__(self: H) -> H:
        """For `with`: the object itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Free it at the end of a `with` block."""
        self.close()

    def __del__(self) -> None:
        """Free what was forgotten."""
        # __init__ may have failed; at exit the modules that _dispose needs may be gone.
        pointer = getattr(self, "_pointer", None)
        if pointer is None or sys is None or sys.is_finalizing():
            return
        if self._children:
            self._abandoned = True
        else:
            self._release(pointer)

    def __repr__(self) -> str:
        """Class, noun, state."""
        return f"<{type(self).__name__} {'freed' if self.closed else 'live'}>"
