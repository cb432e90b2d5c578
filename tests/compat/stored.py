"""The vectors on disk: one JSON file a group, one case a line, so that changes can be read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "vectors"

Json = Any


def load(name: str) -> Json:
    """All of a file."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def load_cases(name: str) -> dict[str, Json]:
    """The vectors of a file by the name of their case."""
    return {vector["name"]: vector for vector in load(name)}


def save(name: str, vectors: Iterable[Json]) -> None:
    """Write a file of vectors."""
    lines = ",\n".join(json.dumps(vector, ensure_ascii=True) for vector in vectors)
    (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
