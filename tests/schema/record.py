"""Asks a running llama-server the recorded questions again: python -m tests.schema.record URL."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from typing import Any

from tests.schema.vectors import FOLDER
from tests.schema.vectors import load


def ask(url: str, body: object = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def failure(status: int, answer: Any) -> dict[str, Any]:
    error = answer["error"]
    return {"status": status, "type": error["type"], "message": error["message"]}


def completion(url: str, body: Any, base: Any) -> dict[str, Any]:
    status, answer = ask(f"{url}/completion", body)
    if status != 200:
        return {"body": body, **failure(status, answer)}
    return {"body": body, "differs": differences(answer["generation_settings"], base)}


def chat(url: str, body: Any, base: Any) -> dict[str, Any]:
    status, answer = ask(f"{url}/v1/chat/completions", body)
    if status != 200:
        return {"body": body, **failure(status, answer)}
    return {"body": body, "differs": differences(answer["__verbose"]["generation_settings"], base)}


def prompt(url: str, value: Any) -> dict[str, Any]:
    status, answer = ask(f"{url}/completion", {"prompt": value, "n_predict": 1})
    if status != 200:
        return {"prompt": value, **failure(status, answer)}
    answers = answer if isinstance(answer, list) else [answer]
    return {"prompt": value, "n": [one["tokens_evaluated"] for one in answers]}


def differences(settings: Any, base: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if base[name] != value}


def tokens(url: str, text: str, add_special: bool, parse_special: bool) -> list[Any]:
    body = {"content": text, "add_special": add_special, "parse_special": parse_special}
    return [text, add_special, parse_special, ask(f"{url}/tokenize", body)[1]["tokens"]]


def write(name: str, vectors: list[Any]) -> None:
    lines = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
    (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def main(url: str) -> None:
    base = ask(f"{url}/completion", {"prompt": "a", "n_predict": 1})[1]["generation_settings"]
    only = ask(f"{url}/props")[1]["default_generation_settings"]["params"]
    text = json.dumps({"full": base, "only_metrics": only}, indent=1)
    (FOLDER / "settings.json").write_text(text + "\n", encoding="utf-8")
    for name in ("accepted", "refused"):
        write(name, [completion(url, vector["body"], base) for vector in load(name)])
    write("chat", [chat(url, vector["body"], base) for vector in load("chat")])
    write("prompts", [prompt(url, vector["prompt"]) for vector in load("prompts")])
    write("tokenizer", [tokens(url, *vector[:3]) for vector in load("tokenizer")])


if __name__ == "__main__":
    main(sys.argv[1])
