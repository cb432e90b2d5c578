"""Finds the shared libraries, loads them once, and binds every declared function.

It refuses libraries that the declarations were not checked for: by the stamp that build_native.sh
writes beside them, and by defaults that it knows. It calls no other function of theirs.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from llama_ctypes import abi
from llama_ctypes.declare import DECLARATIONS
from llama_ctypes.declare import Declarations
from llama_ctypes.declare import Function
from llama_ctypes.errors import LibraryError

DIRECTORY = Path(__file__).parent / "lib"
DIRECTORY_VARIABLE = "LLAMA_CPP_LIB"
SUFFIX = ".dylib" if sys.platform == "darwin" else ".so"
BUILD = "run ./build_native.sh"

# Fields over the whole length of the two structs that change most; values of the pinned llama.cpp.
KNOWN_DEFAULTS: dict[str, dict[str, object]] = {
    "llama_model_default_params": {"n_gpu_layers": -1, "split_mode": 1, "use_extra_bufts": True},
    "llama_context_default_params": {"n_batch": 2048, "flash_attn_type": -1, "offload_kqv": True},
}

_loaded: list[Library] = []


@dataclass(frozen=True, slots=True)
class Handle:
    """One loaded library, with and without giving up the GIL in calls."""

    path: Path
    keeping_gil: ctypes.PyDLL
    releasing_gil: ctypes.CDLL

    @classmethod
    def open(cls, path: Path) -> Handle:
        """Load the library at `path`. LibraryError if the linker refuses it."""
        try:
            releasing = ctypes.CDLL(str(path), mode=os.RTLD_NOW | os.RTLD_LOCAL)
        except OSError as error:
            raise LibraryError(f"{path} can't be loaded: {error}; {BUILD}") from error
        return cls(path, ctypes.PyDLL(str(path), handle=releasing._handle), releasing)

    def symbol(self, function: Function) -> Any:
        """A fresh ctypes function, or None if neither the library nor what it links has it."""
        library = self.releasing_gil if function.releases_gil else self.keeping_gil
        try:
            return library[function.__name__]
        except AttributeError:
            return None


@dataclass(slots=True)
class Library:
    """The loaded libraries."""

    directory: Path
    commit: str | None
    handles: list[Handle] = field(repr=False)

    def bind(self, declarations: Declarations) -> None:
        """Bind all functions, or none. LibraryError lists all that are missing."""
        found = [(each, self.symbol(each)) for each in declarations.functions.values()]
        missing = [each.__name__ for each, symbol in found if not symbol and not each.backend]
        if missing:
            raise LibraryError(
                f"the libraries in {self.directory} lack {', '.join(missing)}; {BUILD}"
            )
        self._check_defaults()
        for each, symbol in found:
            if symbol:
                each.bind(symbol)

    def resolve(self, function: Function) -> None:
        """Bind one function, if need be by asking the backend it belongs to."""
        symbol = self.symbol(function)
        if symbol is None and function.backend is not None:
            symbol = self.backend_symbol(function, function.backend)
        if symbol is None:
            remedy = f"{BUILD} -DGGML_{function.backend}=ON" if function.backend else BUILD
            raise LibraryError(
                f"{function.__name__} is not in the libraries in {self.directory}; {remedy}"
            )
        function.bind(symbol)

    def symbol(self, function: Function) -> Any:
        """The ctypes function, typed but not bound, or None."""
        found = (handle.symbol(function) for handle in self.handles)
        symbol = next((each for each in found if each is not None), None)
        return None if symbol is None else function.typed(symbol)

    def backend_symbol(self, function: Function, backend: str) -> Any:
        """The ctypes function that a registered backend gives out under that name, or None."""
        by_name = self.symbol(DECLARATIONS.functions["ggml_backend_reg_by_name"])
        get_address = self.symbol(DECLARATIONS.functions["ggml_backend_reg_get_proc_address"])
        registration = by_name(backend.encode())
        address = registration and get_address(registration, function.__name__.encode())
        if not address:
            return None
        make = ctypes.CFUNCTYPE if function.releases_gil else ctypes.PYFUNCTYPE
        return function.typed(make(None)(address))

    def switch(self, name: str) -> ctypes.c_int | None:
        """A global int of the libraries, or None if they have none of that name."""
        for handle in self.handles:
            try:
                return ctypes.c_int.in_dll(handle.releasing_gil, name)
            except ValueError:
                continue
        return None

    def _check_defaults(self) -> None:
        """A last guard against a layout that shifted: known defaults, read through the structs."""
        wrong = []
        for name, defaults in KNOWN_DEFAULTS.items():
            params = self.symbol(DECLARATIONS.functions[name])()
            wrong += [key for key, value in defaults.items() if getattr(params, key) != value]
        if wrong:
            raise LibraryError(
                f"libllama in {self.directory} has other defaults for {', '.join(wrong)}"
                f" than the declarations know; {BUILD}"
            )


def load(directory: Path | None = None, *, check_stamp: bool = True) -> Library:
    """Load the libraries, once a process; later calls return the same Library.

    `directory`: instead of $LLAMA_CPP_LIB or the package's own lib/. `check_stamp=False` accepts
    libraries that no build_native.sh has checked against the declarations: where a layout differs,
    calls corrupt memory.
    """
    if _loaded:
        if directory is not None and directory.resolve() != _loaded[0].directory.resolve():
            raise LibraryError(
                f"libllama is loaded from {_loaded[0].directory}: a process can't load another"
            )
        return _loaded[0]
    # two threads at once do the same work twice, which is harmless: the linker counts references
    directory = (directory or Path(os.environ.get(DIRECTORY_VARIABLE) or DIRECTORY)).absolute()
    library = _open(directory, _checked_commit(directory) if check_stamp else None)
    library.bind(DECLARATIONS)
    _loaded.append(library)
    return library


def loaded() -> Library | None:
    """The Library, if one is loaded."""
    return _loaded[0] if _loaded else None


def _checked_commit(directory: Path) -> str:
    """The llama.cpp commit of the stamp. LibraryError unless the stamp fits the declarations."""
    stamp = abi.read_stamp(directory)
    if stamp is None:
        if not _find(directory, "llama"):
            raise LibraryError(f"there is no libllama in {directory}; {BUILD}")
        raise LibraryError(f"{directory / abi.STAMP_NAME} is missing or unreadable; {BUILD}")
    if stamp.probe != abi.probe_hash():
        raise LibraryError(f"declarations changed since libllama was built; {BUILD}")
    return stamp.commit


def _open(directory: Path, commit: str | None) -> Library:
    base = _open_one(directory, "ggml-base")
    try:
        ggml = _open_one(directory, "ggml")
    except LibraryError:
        # its run path does not lead to the backends it links: once they are loaded it need not
        for path in sorted(directory.glob(f"libggml-*{SUFFIX}")):
            Handle.open(path)
        ggml = _open_one(directory, "ggml")
    llama = _open_one(directory, "llama")
    mtmd = _open_one(directory, "mtmd")
    return Library(directory, commit, [llama, mtmd, ggml, base, *_open_backends(directory)])


def _open_backends(directory: Path) -> list[Handle]:
    """Backends that functions are declared of: ggml need not link them (GGML_BACKEND_DL)."""
    names = {each.backend for each in DECLARATIONS.functions.values() if each.backend}
    paths = (_find(directory, f"ggml-{name.lower()}") for name in sorted(names))
    return [Handle.open(path) for path in paths if path is not None]


def _open_one(directory: Path, name: str) -> Handle:
    path = _find(directory, name)
    if path is None:
        raise LibraryError(f"there is no lib{name}{SUFFIX} in {directory}; {BUILD}")
    return Handle.open(path)


def _find(directory: Path, name: str) -> Path | None:
    plain = directory / f"lib{name}{SUFFIX}"
    if plain.exists():
        return plain
    pattern = f"lib{name}.*{SUFFIX}" if SUFFIX == ".dylib" else f"lib{name}{SUFFIX}.*"
    return min(directory.glob(pattern), default=None)
