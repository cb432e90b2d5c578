"""What the header tells before anything is loaded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.errors import ModelFileError
from server.models.gguf_file import HEADER_BYTES
from server.models.gguf_file import check_model_file
from server.models.gguf_file import read_header


def refusal_of(path: Path) -> str:
    with pytest.raises(ModelFileError) as refusal:
        check_model_file(str(path))
    return str(refusal.value)


@pytest.fixture
def damaged(tiny_model_path: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may spoil."""
    path = tmp_path / "damaged.gguf"
    path.write_bytes(tiny_model_path.read_bytes())
    return path


def test_a_whole_model_passes(tiny_model_path: Path) -> None:
    check_model_file(str(tiny_model_path))


def test_the_data_ends_where_the_file_does(tiny_model_path: Path) -> None:
    header = read_header(str(tiny_model_path))
    # the writer fills the last tensor up to the alignment
    assert 0 <= tiny_model_path.stat().st_size - header.data_end() < 32


def test_the_header_has_scalars_and_strings(tiny_model_path: Path) -> None:
    metadata = read_header(str(tiny_model_path)).metadata
    assert metadata["general.architecture"] == "llama"
    assert metadata["llama.context_length"] == 512
    assert "tokenizer.ggml.tokens" not in metadata


def test_a_missing_file_is_named_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "none.gguf"
    assert refusal_of(path) == f"{path}: can't read the model: No such file or directory"


def test_a_directory_is_no_model(tmp_path: Path) -> None:
    assert refusal_of(tmp_path) == f"{tmp_path}: can't read the model: Is a directory"


def test_a_pipe_is_refused_before_anybody_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "pipe.gguf"
    os.mkfifo(path)
    assert "not a regular file" in refusal_of(path)


@pytest.mark.parametrize("content", [b"", b"GG", b"# a text that is long enough for a header"])
def test_another_format_is_no_gguf(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    assert refusal_of(path) == f"{path}: this is not a GGUF file; give one with --model"


@pytest.mark.parametrize("size", [4, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 1, 3000])
def test_a_cut_header_is_told_from_its_size(damaged: Path, size: int) -> None:
    damaged.write_bytes(damaged.read_bytes()[:size])
    assert f"its header goes on after {size} bytes" in refusal_of(damaged)


def test_cut_tensors_are_told_from_the_size_of_the_file(damaged: Path) -> None:
    size = read_header(str(damaged)).data_end()
    damaged.write_bytes(damaged.read_bytes()[: size - 1])
    assert f"it has {size - 1} bytes and needs {size}; download or copy it" in refusal_of(damaged)


def test_another_version_is_refused(damaged: Path) -> None:
    damaged.write_bytes(b"GGUF\x09\0\0\0" + damaged.read_bytes()[8:])
    assert "GGUF version 9 is not supported" in refusal_of(damaged)


def test_an_unknown_metadata_type_means_damage(damaged: Path) -> None:
    data = damaged.read_bytes()
    key = b"general.architecture"
    after_key = data.index(key) + len(key)
    damaged.write_bytes(data[:after_key] + b"\x63\0\0\0" + data[after_key + 4 :])
    assert "there is no metadata type 99: the file is damaged" in refusal_of(damaged)


def test_every_part_of_a_split_model_is_looked_at(damaged: Path) -> None:
    first = damaged.rename(damaged.with_name("m-00001-of-00002.gguf"))
    second = first.with_name("m-00002-of-00002.gguf")
    assert refusal_of(first) == f"{second}: can't read the model: No such file or directory"


def test_a_later_part_of_a_split_model_points_to_the_first(damaged: Path) -> None:
    second = damaged.rename(damaged.with_name("m-00002-of-00002.gguf"))
    first = second.with_name("m-00001-of-00002.gguf")
    assert refusal_of(second) == f"{second}: this is a part of a model; give the first one, {first}"
