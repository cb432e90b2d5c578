"""INI files: their form, what applies to whom, and what they may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import OptionError
from server.options.presets import PresetFile
from server.options.presets import config_paths
from server.options.presets import config_presets
from server.options.presets import load_presets
from server.options.presets import model_name
from server.options.presets import sections_of
from server.options.resolve import resolve

PRESETS = """
version = 1          ; kept for later

[*]
c = 8192             # a short flag
no-mmap = true

[custom]
model = /models/a b.gguf
LLAMA_ARG_CACHE_RAM = 0
ctx-size = 4096
load-on-startup = true
temp = 0.5
"""


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    path = tmp_path / "models.ini"
    path.write_text(PRESETS)
    return path


def loaded(path: Path, text: str, *, is_remote: bool = False) -> PresetFile:
    path.write_text(text)
    return load_presets(str(path), is_remote=is_remote)


def refusal_of(path: Path, text: str, *, is_remote: bool = False) -> str:
    with pytest.raises(OptionError) as refusal:
        loaded(path, text, is_remote=is_remote)
    return str(refusal.value)


# the form


def test_sections_hold_keys_and_texts_without_comments_and_blanks() -> None:
    text = "a = 1 ; one\r\n[ x y ]\r\n  b=two words  # why\n# nothing\n;[z]\nc.d-e_1 =\n"
    assert sections_of(text, "") == {
        "default": {"a": "1"},
        "x y": {"b": "two words", "c.d-e_1": ""},
    }


def test_of_two_equal_keys_the_last_counts_and_a_repeated_section_starts_anew() -> None:
    text = "[x]\na=1\na=2\n[y]\nb=1\n[x]\nc=3\n"
    assert sections_of(text, "") == {"default": {}, "x": {"c": "3"}, "y": {"b": "1"}}


@pytest.mark.parametrize("line", ["nonsense", "= 1", "[open", "1a = 2", "[a] b"])
def test_a_line_that_is_neither_is_named_by_its_number(line: str) -> None:
    with pytest.raises(OptionError, match=r"x\.ini: line 2: expected KEY = VALUE or"):
        sections_of(f"[a]\n{line}\n", "x.ini")


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("a/b", "a/b"),
        ("a/b:q8_0", "a/b:Q8_0"),
        ("a/b:model-Q4_K_M", "a/b:Q4_K_M"),
        ("*", "*"),
    ],
)
def test_quantizations_are_written_as_in_the_cache(section: str, name: str) -> None:
    assert model_name(section) == name


# presets


def test_a_preset_has_what_is_for_all_unless_it_says_otherwise(ini: Path) -> None:
    file = load_presets(str(ini))
    assert file.shared.items == {"n_ctx": "8192", "mmap": "off"}
    assert file.presets["custom"].items == {
        "n_ctx": "4096",
        "mmap": "off",
        "path": "/models/a b.gguf",
        "cache_ram_mib": "0",
        "load_on_startup": "true",
        "temperature": "0.5",
    }


def test_a_preset_tells_single_values(ini: Path) -> None:
    preset = load_presets(str(ini)).presets["custom"]
    assert preset.value("n_ctx") == 4096
    assert preset.value("load_on_startup") is True
    assert preset.value("stop_timeout_s") == 10


def test_a_wrong_value_is_named_with_its_section(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    preset = loaded(path, "[m]\nstop-timeout = soon\n").presets["m"]
    with pytest.raises(OptionError) as refusal:
        preset.value("stop_timeout_s")
    assert str(refusal.value) == (f"{path}: [m]: stop-timeout: expected an integer, got 'soon'")


def test_an_unknown_key_is_named_with_its_section(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    sentence = refusal_of(path, "[m]\nctx-sise = 1\n")
    assert sentence == f"{path}: [m]: ctx-sise: unknown key; did you mean ctx-size?"


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"no\.ini: can't read these options: No such file"):
        load_presets(str(tmp_path / "no.ini"))


def test_presets_from_elsewhere_may_choose_models_and_sampling_only(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    text = "[m]\nhf-repo = a/b\ntop-k = 5\nno-jinja = on\n"
    assert loaded(path, text, is_remote=True).presets["m"].items["top_k"] == "5"
    for key in ("model", "api-key-file", "tools", "chat-template-file", "path", "host"):
        sentence = refusal_of(path, f"[m]\n{key} = x\n", is_remote=True)
        assert sentence == f"{path}: [m]: {key}: not allowed in presets from elsewhere"


# configuration files


def test_the_users_file_wins_over_nothing_but_the_machines(tmp_path: Path) -> None:
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    (folder / "config.ini").write_text("c = 7\n[*]\nc = 5\nnp = 3\n[some-model]\nc = 9\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    own = [preset for preset in config_presets(environ) if str(tmp_path) in preset.where]
    settings = resolve((), {"LLAMA_ARG_N_PARALLEL": "4"}, files=own)
    assert (settings.context.n_ctx, settings.slots.n_parallel) == (7, 4)


def test_configuration_files_are_llama_servers() -> None:
    assert [str(path) for path in config_paths({"HOME": "/home/me"})] == [
        "/etc/llama.cpp/config.ini",
        "/home/me/.config/llama.cpp/config.ini",
    ]
    assert len(config_paths({})) == 1


def test_a_shared_file_may_have_options_of_other_programs(tmp_path: Path) -> None:
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    path = folder / "config.ini"
    path.write_text("reverse-prompt = x\ncolor = on\n")
    own = config_presets({"XDG_CONFIG_HOME": str(tmp_path)})[-1:]
    settings = resolve((), {}, files=own)
    assert settings.context.antiprompt == ("x",)
    assert settings.warnings == (f"{path}: color: no option has this key, it is left out",)


def test_a_wrong_value_of_a_configuration_file_names_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    path = folder / "config.ini"
    path.write_text("c = big\n")
    with pytest.raises(OptionError) as refusal:
        resolve((), {}, files=config_presets({"XDG_CONFIG_HOME": str(tmp_path)})[-1:])
    assert str(refusal.value) == f"{path}: --ctx-size: expected an integer, got 'big'"
