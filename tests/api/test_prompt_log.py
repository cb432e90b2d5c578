"""`--log-prompts-dir`."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.api.prompt_log import PromptLog
from server.errors import OptionError
from tests.api.conftest import ServerMaker


def written(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.iterdir())


def test_every_prompt_is_a_file(serve: ServerMaker, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "prompts"
    client = serve(log_prompts_dir=str(folder)).client
    messages = [{"role": "user", "content": "hello"}]
    for path, body in (
        ("/completion", {"prompt": "one"}),
        ("/completion", {"prompt": "one"}),
        ("/v1/completions", {"prompt": [97, 98]}),
        ("/v1/chat/completions", {"messages": messages}),
    ):
        assert client.post(path, json=body | {"max_tokens": 1}).status_code == 200
    chat, tokens, *texts = sorted(written(folder), key=len, reverse=True)
    assert "hello" in chat
    assert tokens.split() == ["[", "97,", "98", "]"]
    assert texts == ["one", "one"]


def test_nobody_else_may_read_the_prompts(serve: ServerMaker, tmp_path: Path) -> None:
    serve(log_prompts_dir=str(tmp_path / "prompts"))
    assert (tmp_path / "prompts").stat().st_mode & 0o777 == 0o700


def test_without_the_option_nothing_is_written(tmp_path: Path) -> None:
    PromptLog("").write("secret")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_can_not_be_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match=r"--log-prompts-dir: can't make .*: Not a directory"):
        PromptLog(str(tmp_path / "file" / "prompts"))


def test_a_disk_that_is_gone_ends_no_request(serve: ServerMaker, tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    client = serve(log_prompts_dir=str(folder)).client
    folder.rmdir()
    reply = client.post("/completion", json={"prompt": "a", "n_predict": 1})
    assert reply.status_code == 200
