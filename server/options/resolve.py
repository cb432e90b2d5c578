"""Arguments, environment, presets and a configuration file -> Settings.

There is one way from text to value: every source delivers (row, text), in the order file,
environment, preset, command line, and the last one wins (or adds, for rows that add up). Nothing
here reads the environment or files by itself. Answers to llama.cpp common/arg.cpp
`common_params_parse_ex` and common/preset.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from dataclasses import fields
from types import MappingProxyType
from typing import Any
from typing import TypeVar

from server.errors import OptionError
from server.options.argv import Argument
from server.options.argv import split_argv
from server.options.feature_settings import HubSettings
from server.options.feature_settings import LogSettings
from server.options.feature_settings import MediaSettings
from server.options.feature_settings import OperationSettings
from server.options.feature_settings import ResponsesSettings
from server.options.feature_settings import RouterSettings
from server.options.feature_settings import SpeculativeSettings
from server.options.feature_settings import UiSettings
from server.options.option import Form
from server.options.option import Option
from server.options.option import Tag
from server.options.pending import PENDING
from server.options.pending import refusal
from server.options.presets import Preset
from server.options.registry import BY_ENV
from server.options.registry import BY_FLAG
from server.options.registry import BY_KEY
from server.options.registry import BY_PRESET_KEY
from server.options.registry import OPTIONS
from server.options.registry import Spelling
from server.options.registry import hint
from server.options.settings import ChatSettings
from server.options.settings import ContextSettings
from server.options.settings import DeviceSettings
from server.options.settings import EmbeddingSettings
from server.options.settings import HttpSettings
from server.options.settings import ModelSettings
from server.options.settings import SamplingSettings
from server.options.settings import Settings
from server.options.settings import SlotSettings
from server.options.source import Origin
from server.options.source import Source
from server.options.vertex import PORT as VERTEX_PORT
from server.options.vertex import Vertex
from server.options.vertex import vertex_from
from server.values import BadValue
from server.values import flag
from server.values import unescape

T = TypeVar("T")

ENV_PREFIX = "LLAMA_ARG_"
ESCAPED_KEYS = ("dry_sequence_breakers", "antiprompt")


@dataclass(frozen=True, slots=True)
class Given:
    """One option as one source gives it."""

    option: Option
    source: Source


@dataclass(slots=True)
class Resolution:
    """The state of a resolution: what has been given so far."""

    values: dict[str, Any] = field(
        default_factory=lambda: {row.key: row.default for row in OPTIONS if row.has_setting}
    )
    sources: dict[str, Source] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def take(self, row: Option, source: Source) -> None:
        """Let a row's text count, over or beside what was given before."""
        if Tag.REMOVED in row.tags:
            raise OptionError(f"{_where(row, source)}: was removed; {row.message}")
        if Tag.DEPRECATED in row.tags:
            self.warnings.append(f"{_where(row, source)}: is deprecated; {row.message}")
        elif row.expands:
            is_on = _parsed(row, source, flag)
            for key, text in row.expands if is_on else row.expands_off:
                self.take(BY_KEY[key], Source(source.origin, source.name, text))
        elif not row.tags & {Tag.ACTION, Tag.PRESET_ONLY}:
            self._set(row, source)

    def _set(self, row: Option, source: Source) -> None:
        value = _parsed(row, source, row.parse)
        key = row.target
        if row.merge is not None and key in self.sources:
            value = row.merge(self.values[key], value)
        self.values[key] = value
        self.sources[key] = source


def resolve(
    argv: Sequence[Argument],
    environ: Mapping[str, str],
    preset: Mapping[str, str] | None = None,
    files: Sequence[Preset] = (),
) -> Settings:
    """The settings that these sources come to.

    preset maps INI keys (a flag without its dashes, or a variable's name) to text; files are
    configuration files, the weakest first. OptionError names the source and the option that is
    wrong.
    """
    resolution = Resolution()
    for given in (
        *_from_files(files, resolution.warnings),
        *_from_keys(preset or {}),
        *_from_environ(environ, resolution.warnings),
        *_from_argv(argv, environ, resolution.warnings),
    ):
        resolution.take(given.option, given.source)
    vertex = vertex_from(environ)
    if vertex is not None:
        _listen_for(vertex, resolution)
    _finish(resolution)
    _refuse_pending(resolution)
    return _settings(resolution, vertex)


def settings_from(words: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """The settings of a command line as a list of words."""
    return resolve(split_argv(words), environ)


# sources


def _from_environ(environ: Mapping[str, str], warnings: list[str]) -> Iterator[Given]:
    for row in OPTIONS:
        if row.negated_env and row.negated_env in environ:
            yield Given(row, Source(Origin.ENV, row.negated_env, "off"))
        elif environ.get(row.env):
            yield Given(row, Source(Origin.ENV, row.env, environ[row.env]))
    warnings.extend(
        f"{name}: no option has this variable; {hint(name, BY_ENV)}"
        for name in sorted(environ)
        if name.startswith(ENV_PREFIX) and name not in BY_ENV
    )


def _from_files(files: Sequence[Preset], warnings: list[str]) -> Iterator[Given]:
    for preset in files:
        for key, text in preset.items.items():
            yield Given(BY_KEY[key], Source(Origin.FILE, preset.where, text))
        warnings.extend(
            f"{preset.where}: {key}: no option has this key, it is left out"
            for key in preset.unknown
        )


def _from_keys(items: Mapping[str, str]) -> Iterator[Given]:
    for key, text in items.items():
        spelling = BY_PRESET_KEY.get(key)
        if spelling is None:
            name = Origin.PRESET.value
            raise OptionError(f"{name}: {key}: unknown key; {hint(key, BY_PRESET_KEY)}")
        source = Source(Origin.PRESET, key, text)
        if not spelling.is_positive:
            is_on = _parsed(spelling.option, source, flag)
            source = Source(Origin.PRESET, key, "off" if is_on else "on")
        yield Given(spelling.option, source)


def _from_argv(
    argv: Sequence[Argument], environ: Mapping[str, str], warnings: list[str]
) -> Iterator[Given]:
    seen: set[str] = set()
    for argument in argv:
        spelling = BY_FLAG[argument.flag]
        row = spelling.option
        if row.merge is None:
            if row.key in seen:
                warnings.append(f"{row.flag}: given more than once; the last one counts")
            elif row.key not in seen and _env_name(row, environ):
                name = _env_name(row, environ)
                warnings.append(f"{name}: overridden by {argument.flag} on the command line")
        seen.add(row.key)
        yield Given(row, Source(Origin.ARGV, argument.flag, _argv_text(spelling, argument)))


def _argv_text(spelling: Spelling, argument: Argument) -> str:
    if spelling.option.form in (Form.BARE, Form.ON_OFF):
        return "on" if spelling.is_positive else "off"
    return argument.text


def _env_name(row: Option, environ: Mapping[str, str]) -> str:
    names = (row.negated_env, row.env)
    return next((name for name in names if name and environ.get(name)), "")


def _parsed(row: Option, source: Source, parse: Any) -> Any:
    try:
        return parse(source.text)
    except BadValue as error:
        raise OptionError(f"{_where(row, source)}: {error}") from None


def _where(row: Option, source: Source) -> str:
    return row.flag if source.origin is Origin.ARGV else f"{source.name}: {row.flag}"


# results


def _listen_for(vertex: Vertex, resolution: Resolution) -> None:
    """Vertex AI asks at a port of its own choice, whatever the options say."""
    given = resolution.sources.get("port")
    if given is not None and resolution.values["port"] != vertex.port:
        resolution.warnings.append(f"{given.name}: overridden by {VERTEX_PORT}={vertex.port}")
    resolution.values["port"] = vertex.port
    resolution.sources["port"] = Source(Origin.ENV, VERTEX_PORT, str(vertex.port))


def _finish(resolution: Resolution) -> None:
    if not resolution.values["escape"]:
        return
    for key in ESCAPED_KEYS:
        if key in resolution.sources:
            resolution.values[key] = tuple(unescape(text) for text in resolution.values[key])


def _refuse_pending(resolution: Resolution) -> None:
    for key, source in resolution.sources.items():
        not_yet = PENDING.get(key)
        if not_yet is None or not_yet.is_detail:
            continue
        if resolution.values[key] not in (BY_KEY[key].default, *not_yet.harmless):
            raise OptionError(refusal(source.name, not_yet))


def _settings(resolution: Resolution, vertex: Vertex | None) -> Settings:
    values = resolution.values
    return Settings(
        model=_section(ModelSettings, values),
        device=_section(DeviceSettings, values),
        context=_section(ContextSettings, values),
        slots=_section(SlotSettings, values),
        sampling=_section(SamplingSettings, values),
        chat=_section(ChatSettings, values),
        embedding=_section(EmbeddingSettings, values),
        http=_section(HttpSettings, values),
        operation=_section(OperationSettings, values),
        log=_section(LogSettings, values),
        hub=_section(HubSettings, values),
        media=_section(MediaSettings, values),
        speculative=_section(SpeculativeSettings, values),
        responses=_section(ResponsesSettings, values),
        router=_section(RouterSettings, values),
        ui=_section(UiSettings, values),
        sources=MappingProxyType(resolution.sources),
        vertex=vertex,
        warnings=tuple(resolution.warnings),
    )


def _section(cls: type[T], values: Mapping[str, Any]) -> T:
    return cls(**{item.name: values[item.name] for item in fields(cls)})  # type: ignore[arg-type]
