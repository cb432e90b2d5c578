"""What the C headers of llama.cpp declare, read with a few regular expressions.

Enough of C for these headers, whose style is regular; test_layout.py has the compiler judge.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

API = r"\b(?:LLAMA|MTMD|GGML|GGML_BACKEND)_API\b"
FUNCTION = re.compile(API + r"([^;(]*?)\b(\w+)\s*\(([^;]*)\)\s*;")
ENUM = re.compile(r"\benum\s+(\w+)\s*\{(.*?)\}", re.DOTALL)
STRUCT = re.compile(r"\bstruct\s+(\w+)\s*\{")
FIELD = re.compile(r"\w+")
CALLBACK = re.compile(r"\btypedef\b[^;{]*?\(\s*\*\s*(\w+)\s*\)\s*\(")
MACRO = re.compile(r"^#\s*define\s+(\w+)[ \t]+(-?[0-9A-Z]\w*)\s*$", re.MULTILINE)
DIRECTIVE = re.compile(r"^#(?:\\\n|.)*$", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def source_tree() -> Path | None:
    """The llama.cpp tree that the libraries are built from, or None."""
    script = ROOT / "build_native.sh"
    if script.exists():
        command = [str(script), "--print", "source"]
        printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        path = Path(printed.strip() or ".")
        if (path / "include/llama.h").exists():
            return path
    path = Path(os.environ.get("LLAMA_CPP_DIR") or ".")
    return path if (path / "include/llama.h").exists() else None


@dataclass(frozen=True, slots=True)
class Header:
    """The C side of one header, without what is deprecated.

    `functions` maps a name to its prototype, `enums` and `structs` to their values and fields;
    `macros` are those that stand for a number.
    """

    functions: dict[str, str]
    enums: dict[str, list[str]]
    structs: dict[str, list[str]]
    callbacks: set[str]
    macros: set[str]

    @classmethod
    def parse(cls, text: str) -> Header:
        """Read the text of a header."""
        text = _without_cplusplus(COMMENT.sub(" ", text))
        macros = {match[1] for match in MACRO.finditer(text) if not match[1].endswith("_API")}
        text = _without_deprecated(DIRECTIVE.sub("", text))
        return cls(
            functions={match[2]: match[0] for match in FUNCTION.finditer(text)},
            enums={match[1]: _names(match[2]) for match in ENUM.finditer(text)},
            structs={match[1]: _fields(text[match.end() :]) for match in STRUCT.finditer(text)},
            callbacks=set(CALLBACK.findall(text)),
            macros=macros,
        )


def _names(body: str) -> list[str]:
    return [entry.split("=")[0].strip() for entry in body.split(",") if entry.strip()]


def _fields(text: str) -> list[str]:
    """The fields of the struct whose body `text` starts with, those of inner unions among them."""
    body = text[: _closing("{" + text, "{}") - 2]
    declarations = re.sub(r"\b(?:union|struct)\s*\{|\}", ";", body).split(";")
    return [FIELD.findall(each)[-1] for each in map(_declarator, declarations) if each]


def _declarator(declaration: str) -> str:
    """What names the field: `*name` of a function pointer, or all before an array's bounds."""
    pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
    return pointer[1] if pointer else declaration.split("[")[0].strip()


def _without_cplusplus(text: str) -> str:
    """Drop what only C++ sees; keep every other conditional branch."""
    kept = []
    skipping = [False]
    for line in text.splitlines():
        directive = line.replace(" ", "")
        if directive.startswith("#if"):
            skipping.append(skipping[-1] or directive.startswith("#ifdef__cplusplus"))
        elif directive.startswith("#endif"):
            skipping.pop()
        elif directive.startswith("#else"):
            skipping[-1] = skipping[-2]
        elif not skipping[-1]:
            kept.append(line)
    return "\n".join(kept)


def _without_deprecated(text: str) -> str:
    """Drop `DEPRECATED(...)` up to the parenthesis that closes it."""
    parts = re.split(r"\b(?:GGML_)?DEPRECATED\b", text)
    return parts[0] + "".join(part[_closing(part) :] for part in parts[1:])


def _closing(text: str, pair: str = "()") -> int:
    """The offset behind the parenthesis that closes the first one."""
    depth = 0
    for i, character in enumerate(text):
        depth += {pair[0]: 1, pair[1]: -1}.get(character, 0)
        if character == pair[1] and depth == 0:
            return i + 1
    return len(text)
