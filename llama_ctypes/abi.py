"""The declarations as a C probe, which the compiler judges against the real headers.

`--emit` prints the probe, `--check --source DIR` compiles it, `--stamp --commit X --lib DIR` notes
in DIR/ABI what the libraries there were checked for; library.py reads that back. Needs no shared
library, and no package but the standard library.
"""

from __future__ import annotations

import argparse
import hashlib
import keyword
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from ctypes import c_int
from ctypes import sizeof
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from llama_ctypes import raw
from llama_ctypes.declare import DECLARATIONS
from llama_ctypes.declare import CallbackType
from llama_ctypes.declare import Declarations
from llama_ctypes.declare import Enumeration
from llama_ctypes.declare import Function
from llama_ctypes.declare import Origin
from llama_ctypes.declare import Struct

HEADERS = ("llama.h", "ggml-rpc.h", "mtmd.h", "mtmd-helper.h")
INCLUDE_DIRECTORIES = ("include", "ggml/include", "tools/mtmd")
STAMP_NAME = "ABI"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a build checked: the llama.cpp commit, and the hash of the probe that compiled."""

    commit: str
    probe: str


@dataclass(frozen=True, slots=True)
class Check:
    """Some lines of C that compile if one declaration is right."""

    name: str
    origin: Origin
    lines: tuple[str, ...]


def emit(checks: Iterator[Check] | None = None, *, locations: bool = True) -> str:
    """The probe, by default for all declarations. `locations`: errors name the Python line too."""
    lines = [f'#include "{header}"' for header in HEADERS]
    for check in checks if checks is not None else all_checks():
        location = f'#line {check.origin.line} "{_shown(check.origin.path)}"'
        for line in check.lines:
            lines += [location, line] if locations else [line]
    return "\n".join(lines) + "\n"


def all_checks(
    declarations: Declarations = DECLARATIONS, constants: ModuleType = raw
) -> Iterator[Check]:
    """Every declaration and every Constant of the modules of `constants`."""
    yield from constant_checks(constants)
    for enum in declarations.enums.values():
        yield from enum_checks(enum)
    for struct in declarations.structs.values():
        yield from struct_checks(struct)
    for callback in declarations.callbacks.values():
        if callback.named:
            yield callback_check(callback)
    for function in declarations.functions.values():
        yield function_check(function)


def constant_checks(package: ModuleType) -> Iterator[Check]:
    """One check for each name that a module of the package annotates as Constant."""
    modules = [item for item in vars(package).values() if isinstance(item, ModuleType)]
    for module in modules:
        for name, annotation in vars(module).get("__annotations__", {}).items():
            if annotation == "Constant":
                origin = Origin(getattr(module, "__file__", None) or module.__name__, 1)
                yield Check(name, origin, (_equal(f"({name})", getattr(module, name), name),))


def enum_checks(enum: Enumeration) -> Iterator[Check]:
    """One check for the size, one for each value."""
    tag = enum.type.__name__
    yield Check(tag, enum.origin, (_equal(f"sizeof(enum {tag})", sizeof(c_int), f"{tag}: size"),))
    for name, value in enum.type.__members__.items():
        yield Check(f"{tag}.{name}", enum.origin, (_equal(name, value, name),))


def struct_checks(struct: Struct) -> Iterator[Check]:
    """One check for the size, one for each field: offset, size and type."""
    name = struct.type.__name__
    tag = f"struct {name}"
    yield Check(
        name, struct.origin, (_equal(f"sizeof({tag})", sizeof(struct.type), f"{name}: size"),)
    )
    for member in struct.members:
        path = f"{name}.{member.name}"
        attribute = member.name + "_" * keyword.iskeyword(member.name)
        layout = getattr(struct.type, attribute)
        field = f"(({tag} *)0)->{member.name}"
        yield Check(
            path,
            struct.origin,
            (
                _equal(f"offsetof({tag}, {member.name})", layout.offset, f"{path}: offset"),
                _equal(f"sizeof({field})", layout.size, f"{path}: size"),
                _same_type(f"__typeof__({field})", member.type.spelling, f"{path}: type"),
            ),
        )


def callback_check(callback: CallbackType) -> Check:
    """The typedef is the pointer type that its Python class makes."""
    line = _same_type(callback.name, callback.signature.prototype("(*)"), callback.name)
    return Check(callback.name, callback.origin, (line,))


def function_check(function: Function) -> Check:
    """The header has the function, and declaring it once more does not conflict with that."""
    name = function.__name__
    known = f'_Static_assert(sizeof(&{name}) > 0, "{name}");'
    return Check(name, function.origin, (known, f"{function.signature.prototype(name)};"))


def _equal(expression: str, value: int, message: str) -> str:
    return f'_Static_assert({expression} == {int(value)}LL, "{message}");'


def _same_type(left: str, right: str, message: str) -> str:
    return f'_Static_assert(__builtin_types_compatible_p({left}, {right}), "{message}");'


def _shown(path: str) -> str:
    """A path that says which file without saying whose machine."""
    package = Path(__file__).parent
    try:
        return f"{package.name}/{Path(path).relative_to(package).as_posix()}"
    except ValueError:
        return Path(path).name


def probe_hash() -> str:
    """Names the ABI that the declarations describe: comments and line numbers do not count."""
    return hashlib.sha256(emit(locations=False).encode()).hexdigest()


def read_stamp(directory: Path) -> Stamp | None:
    """The stamp of the libraries in `directory`, or None if there is none to read."""
    try:
        text = (directory / STAMP_NAME).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    match text.split():
        case ["commit", commit, "probe", probe]:
            return Stamp(commit, probe)
    return None


def write_stamp(directory: Path, commit: str) -> None:
    """Note that the libraries in `directory` are from `commit` and passed the present probe."""
    text = f"commit {commit}\nprobe {probe_hash()}\n"
    (directory / STAMP_NAME).write_text(text, encoding="ascii")


def compile_probe(probe: str, source: Path) -> subprocess.CompletedProcess[str]:
    """Let $CC (or cc) judge a probe against the headers of the llama.cpp tree at `source`."""
    includes = [f"-I{source / directory}" for directory in INCLUDE_DIRECTORIES]
    compiler = shlex.split(os.environ.get("CC") or "cc")
    command = [*compiler, "-std=c11", "-fsyntax-only", *includes, "-x", "c", "-"]
    return subprocess.run(command, input=probe, text=True, capture_output=True, check=False)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m llama_ctypes.abi", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--emit", action="store_true", help="print the probe")
    action.add_argument("--check", action="store_true", help="compile the probe")
    action.add_argument("--stamp", action="store_true", help="write the stamp of checked libraries")
    parser.add_argument("--source", type=Path, help="--check: a llama.cpp tree")
    parser.add_argument("--commit", help="--stamp: the llama.cpp commit of the libraries")
    parser.add_argument("--lib", type=Path, help="--stamp: the directory of the libraries")
    options = parser.parse_args(arguments)
    if options.emit:
        sys.stdout.write(emit())
        return 0
    if options.check:
        if options.source is None:
            parser.error("--check needs --source DIR, a llama.cpp tree")
        result = compile_probe(emit(), options.source)
        sys.stderr.write(result.stderr)
        return result.returncode
    if options.commit is None or options.lib is None:
        parser.error("--stamp needs --commit X and --lib DIR")
    write_stamp(options.lib, options.commit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
