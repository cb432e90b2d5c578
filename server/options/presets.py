"""INI files: presets of models, and the configuration files that every start reads.

A section is a set of options for one model; [*] holds those of all, and what stands before the
first section belongs to [default]. Values stay text: `resolve` parses them. Nothing here knows
what a preset is for. Answers to llama.cpp common/preset.cpp and to
`common_params_apply_system_config` in common/arg.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from server.errors import OptionError
from server.options.registry import BY_KEY
from server.options.registry import BY_PRESET_KEY
from server.options.registry import Spelling
from server.options.registry import hint
from server.values import BadValue
from server.values import flag

DEFAULT = "default"
SHARED = "*"
VERSION_KEY = "version"
"""Reserved for a later form of these files; skipped."""

SYSTEM_FILE = Path("/etc/llama.cpp/config.ini")

_COMMENT = re.compile(r"\s*[;#].*")
_HEADER = re.compile(r"\[[ \t]*([^\]]+?)[ \t]*\]")
_ITEM = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*(.*)")
_QUANTIZATION = re.compile(r"[-.]([A-Za-z0-9_]+)$")

Sections = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Preset:
    """The options of one section. items: key of a row -> text, negated keys already inverted."""

    where: str
    """The file and section, for messages."""
    items: Mapping[str, str]
    unknown: tuple[str, ...] = ()
    """Keys that no option has; a shared file may have some of other programs."""

    def over(self, weaker: Preset) -> Preset:
        """This preset's options, and another's where it has none itself."""
        return Preset(self.where, {**weaker.items, **self.items}, weaker.unknown + self.unknown)

    def value(self, key: str) -> Any:
        """The value of one option, or its default. OptionError."""
        row = BY_KEY[key]
        if key not in self.items:
            return row.default
        try:
            return row.parse(self.items[key])
        except BadValue as error:
            raise OptionError(f"{self.where}: {row.preset_key}: {error}") from None


@dataclass(frozen=True, slots=True)
class PresetFile:
    """The presets of a file; each has the options of [*] already."""

    shared: Preset
    presets: Mapping[str, Preset] = field(default_factory=dict)


def load_presets(path: str, *, is_remote: bool = False) -> PresetFile:
    """The presets of a file. OptionError names file, section and key.

    is_remote: the file was fetched from elsewhere, so that it may set few options only.
    """
    sections = _read(Path(path))
    presets = {}
    for name, items in sections.items():
        preset = _preset(f"{path}: [{name}]", items)
        if preset.unknown:
            key = preset.unknown[0]
            raise OptionError(f"{preset.where}: {key}: unknown key; {hint(key, BY_PRESET_KEY)}")
        if is_remote:
            _refuse_what_is_not_for_strangers(preset)
        presets[model_name(name)] = preset
    shared = presets.pop(SHARED, Preset(path, {}))
    if DEFAULT in presets and not presets[DEFAULT].items:
        del presets[DEFAULT]
    return PresetFile(shared, {name: preset.over(shared) for name, preset in presets.items()})


def config_presets(environ: Mapping[str, str]) -> tuple[Preset, ...]:
    """What the configuration files say, the machine's before the user's. OptionError."""
    found = [path for path in config_paths(environ) if path.is_file()]
    return tuple(_config_preset(path) for path in found)


def config_paths(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where configuration files may be; they are llama-server's, shared with its programs."""
    home = environ.get("HOME", "")
    folder = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    own = (Path(folder) / "llama.cpp" / "config.ini",) if folder else ()
    return (SYSTEM_FILE, *own)


def _config_preset(path: Path) -> Preset:
    sections = _read(path)
    shared, default = (_preset(str(path), sections.get(name, {})) for name in (SHARED, DEFAULT))
    return default.over(shared)


# names and keys


def model_name(section: str) -> str:
    """A section's name with the quantization as the hub cache writes it: a:q8_0 is a:Q8_0."""
    repo, colon, tag = section.rpartition(":")
    if not colon:
        return section
    match = _QUANTIZATION.search(tag)
    return f"{repo}:{(match[1] if match else tag).upper()}"


def _preset(where: str, items: Mapping[str, str]) -> Preset:
    known: dict[str, str] = {}
    unknown = []
    for key, text in items.items():
        spelling = BY_PRESET_KEY.get(key)
        if spelling is not None:
            known[spelling.option.key] = _upright(where, key, spelling, text)
        elif key != VERSION_KEY:
            unknown.append(key)
    return Preset(where, known, tuple(unknown))


def _upright(where: str, key: str, spelling: Spelling, text: str) -> str:
    """The text for the option itself, where a negated key was given."""
    if spelling.is_positive:
        return text
    try:
        return "off" if flag(text) else "on"
    except BadValue as error:
        raise OptionError(f"{where}: {key}: {error}") from None


def _refuse_what_is_not_for_strangers(preset: Preset) -> None:
    for key in preset.items:
        if not BY_KEY[key].may_be_remote:
            name = BY_KEY[key].preset_key
            raise OptionError(f"{preset.where}: {name}: not allowed in presets from elsewhere")


# the form of the file


def _read(path: Path) -> Sections:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.reason
        raise OptionError(f"{path}: can't read these options: {reason}") from None
    return sections_of(text, str(path))


def sections_of(text: str, where: str) -> Sections:
    """The sections and their items, in order. A repeated section starts anew. OptionError."""
    sections: Sections = {DEFAULT: {}}
    name = DEFAULT
    for number, line in _lines(text):
        if header := _HEADER.fullmatch(line):
            name = header[1]
            sections[name] = {}
        elif item := _ITEM.fullmatch(line):
            sections[name][item[1]] = item[2]
        else:
            raise OptionError(f"{where}: line {number}: expected KEY = VALUE or [SECTION]")
    return sections


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, without comments, with their numbers."""
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        said = _COMMENT.sub("", line).strip(" \t")
        if said:
            yield number, said
