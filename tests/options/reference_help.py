"""What llama-server's --help says of its options: read from its text, and kept as JSON rows.

`python -m tests.options.reference_help PATH/llama-server` writes the rows anew. Kept are flags,
whether there is a value, variable and default; not the sentences.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path

ROWS = Path(__file__).with_name("reference_help.json")

TEXT_COLUMN = 40
"""Where the explanations begin in its --help."""

_HEADING = re.compile(r"----- (.*) -----")
_FLAG = re.compile(r"(-[^\s,]+)(,?)\s*")
_VARIABLE = re.compile(r"\(env: (\w+)\)")
_DEFAULT = re.compile(r"\bdefault: ['\"]?([^\s'\",()]+)['\"]?[,)]")
"""A default of one word; others are sentences."""


@dataclass(frozen=True, slots=True)
class HelpRow:
    """One option as --help shows it."""

    flags: tuple[str, ...]
    """With the negated ones."""
    has_value: bool
    env: str
    default: str
    """As the help says it; '' where it says none in one word."""
    section: str


def stored() -> tuple[HelpRow, ...]:
    """The rows as they were written."""
    rows = json.loads(ROWS.read_text(encoding="utf-8"))
    return tuple(HelpRow(**row | {"flags": tuple(row["flags"])}) for row in rows)


def rows_of(help_text: str) -> Iterator[HelpRow]:
    """The rows of a --help text."""
    section, head, texts = "", "", []
    for line in [*help_text.splitlines(), "----- end -----"]:
        heading = _HEADING.fullmatch(line)
        begins = line.startswith("-")
        if begins and head:
            yield _row(head, " ".join(texts), section)
            head, texts = "", []
        if heading:
            section = heading[1]
        elif begins:
            head, text = _halves(line)
            texts = [text]
        elif line.strip():
            texts.append(line.strip())


def _halves(line: str) -> tuple[str, str]:
    """The head of a line and the explanation beside it."""
    if line[TEXT_COLUMN - 1 : TEXT_COLUMN] == " ":
        return line[:TEXT_COLUMN].rstrip(), line[TEXT_COLUMN:].strip()
    return line.rstrip(), ""


def _row(head: str, text: str, section: str) -> HelpRow:
    flags = []
    rest = head
    while match := _FLAG.match(rest):
        flags.append(match[1])
        rest = rest[match.end() :]
        if not match[2]:
            break
    env = _VARIABLE.search(text)
    default = _DEFAULT.search(text)
    return HelpRow(
        flags=tuple(flags),
        has_value=bool(rest),
        env=env[1] if env else "",
        default=default[1] if default else "",
        section=section,
    )


def main() -> None:
    """Write the rows."""
    run = subprocess.run([sys.argv[1], "--help"], capture_output=True, text=True, check=True)
    rows = [json.dumps(asdict(row)) for row in rows_of(run.stdout)]
    ROWS.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
